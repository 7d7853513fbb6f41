"""Labelled answers for the `math` verifier, from the reference data, and the groups of one prompt that they make. For `bench_math`."""

import ast
import gzip
import itertools
import json
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

_CASES: Final = Path(__file__).resolve().parents[1] / "tests" / "rewards" / "cases" / "math.json"
SYSTEMS: Final = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
MODELS: Final = (
    "Meta-Llama-3-8B-Instruct",
    "Meta-Llama-3.1-8B-Instruct",
    "Phi-3.5-mini-instruct",
    "claude-3-haiku-20240307",
    "gemma-2-2b-it",
)
PUBLISHED: Final = {"Meta-Llama-3.1-8B-Instruct": 22.2, "claude-3-haiku-20240307": 15.1, "gemma-2-2b-it": 4.3}
"""Accuracy on MATH-L5, percent, as ZeroEval publishes it."""

GOLD_FIELDS: Final = {
    "aime24": "answer", "amc23": "answer", "cmath": "answer", "gaokao2024_mix": "answer", "math500": "answer",
    "olympiadbench": "final_answer", "svamp": "Answer",
}  # fmt: skip


class Item(NamedTuple):
    """One completion with its gold.

    Attributes:
        group: its prompt, within its set.
        completion: what the model wrote.
        gold: the right answer, or several.
        right: the label; None where there is none for a single row.
    """

    group: str
    completion: str
    gold: Any
    right: bool | None


def rows(path: str) -> list[dict[str, Any]]:
    """Reads a file of the reference data: JSON lines, or one JSON list."""
    text = gzip.decompress((Path(os.environ["TAMIS_REFERENCE_DATA"]) / path).read_bytes()).decode()
    if path.endswith(".json.gz"):
        found: list[dict[str, Any]] = json.loads(text)
        return found
    return [json.loads(line) for line in text.splitlines()]


def gsm8k_solutions() -> Iterator[Item]:
    """The solutions of four systems that GSM8K was published with, and whether they are correct."""
    for row in rows("gsm8k/example_model_solutions.jsonl.gz"):
        gold = re.findall(r"^A: ?(.*)$", row["ground_truth"], re.MULTILINE)[-1]
        for system in SYSTEMS:
            yield Item(row["question"], row[system]["solution"], gold, row[system]["is_correct"])


def qwen_samples() -> Iterator[Item]:
    """Eight samples a problem of MATH, labelled by the Qwen team's grader. One label is wrong: 10{,}000 is 10000."""
    for row in rows("math_multisample_qwen/math_cot_100.jsonl.gz"):
        for completion, right in zip(row["code"], row["score"], strict=True):
            yield Item(row["question"], completion, row["gt"], right)


def zeroeval_math(model: str) -> Iterator[Item]:
    """Raw outputs on MATH-L5, asked for as JSON and often broken; no label a row, an accuracy a model (`PUBLISHED`)."""
    for row in rows(f"zeroeval_outputs/math-l5__{model}.json.gz"):
        yield Item(row["problem"], row["output"][0], row["answer"], None)


def zeroeval_gsm(model: str) -> Iterator[Item]:
    """Raw outputs on GSM8K. Labelled here where the `answer` field is there and holds one number alone: by its value."""
    for row in rows(f"zeroeval_outputs/gsm__{model}.json.gz"):
        output = row["output"][0]
        fields = re.findall(r'"answer"\s*:\s*"?\s*(-?\$?[\d,]+(?:\.\d+)?)\s*"?\s*\}', output)
        value = Fraction(re.sub(r"[$,]", "", fields[-1])) if len(fields) == 1 and re.search(r"\d", fields[0]) else None
        gold = row["answer"].lstrip("# ").replace(",", "")
        yield Item(row["question"], output, gold, None if value is None else value == Fraction(gold))


def game24() -> Iterator[Item]:
    """Expressions for the game of 24 with the gold 24. The label is the question of mathematics alone: is the expression worth 24?

    Python's own parser and fractions say so. The stored reward also asks that the four given numbers are used; whoever has it
    must be right here. No label has an answer that is no expression (`None`, a sentence), and one that says another number than
    its expression is worth (`6 * 4 = 20`).
    """
    for kind in ("cot", "standard"):
        for row in rows(f"tot_game24_gpt4_100samples/gpt-4_0.7_naive_{kind}_sample_100_start900_end1000.json.gz"):
            for completion, rewarded in zip(row["ys"], _rewards(row), strict=True):
                expression, _, stated = completion.rpartition("Answer:")[2].partition("=")
                value, said = _value(expression.strip()), _value(stated.strip()) if stated.strip() else Fraction(24)
                right = (
                    None
                    if "Answer:" not in completion
                    or value is None
                    or said is None
                    or (value == 24) != (said == 24 == value)
                    else value == 24
                )
                yield Item(f"{kind}-{row['idx']}", completion, "24", True if rewarded and said == 24 else right)


def _rewards(row: dict[str, Any]) -> list[bool]:
    return row["accs"] if "accs" in row else [info["r"] == 1 for info in row["infos"]]


def _value(expression: str) -> Fraction | None:
    def work(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int(value)):
                return Fraction(value)
            case ast.UnaryOp(ast.USub(), operand):
                return -work(operand)
            case ast.BinOp(left, ast.Add(), right):
                return work(left) + work(right)
            case ast.BinOp(left, ast.Sub(), right):
                return work(left) - work(right)
            case ast.BinOp(left, ast.Mult(), right):
                return work(left) * work(right)
            case ast.BinOp(left, ast.Div(), right):
                return work(left) / work(right)
        raise SyntaxError

    try:
        return work(ast.parse(expression.replace("×", "*").replace("÷", "/"), mode="eval").body)
    except (SyntaxError, ZeroDivisionError):
        return None


def known_cases() -> Iterator[Item]:
    """What other graders accept or reject wrongly: the pairs that are on record, and those of the project's own case table."""
    for case in json.loads(_CASES.read_text(encoding="utf-8")):
        if case["source"].startswith("known false"):
            yield Item(case["gold"], case["output"], case["gold"], case["expected"] == 1.0)


def golds() -> Iterator[Item]:
    """The gold of every problem, boxed, as its own completion."""
    for name, field in GOLD_FIELDS.items():
        for place, row in enumerate(rows(f"math/{name}_test.jsonl.gz")):
            gold = row[field]
            shown = gold[0] if isinstance(gold, list) else gold
            yield Item(f"{name}-{place}", f"\\boxed{{{shown}}}", gold, True)
    for place, row in enumerate(rows("math/minerva_math_test.jsonl.gz")):
        gold = boxed(row["solution"])
        yield Item(f"minerva-{place}", f"\\boxed{{{gold}}}", gold, True)


def boxed(text: str) -> str:
    """Gives what the last box of a text holds."""
    start = text.rindex("\\boxed{") + len("\\boxed{")
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    raise ValueError(text[-80:])


def groups_of_16(items: list[Item]) -> list[list[Item]]:
    """Groups of sixteen completions: of one prompt where the set has so many, else its completions several times over.

    Sampling again from the few that there are is what makes sixteen of eight (Qwen) or four (GSM8K): a completion stands in the
    group twice, or four times, each time with other white space at its end, so that no whole text is equal to another.
    """
    groups = []
    for _, its in itertools.groupby(items, key=lambda item: item.group):
        members = list(its)
        for start in range(0, len(members), 16):
            part = members[start : start + 16]
            copies = [one._replace(completion=one.completion + "\n" * turn) for turn in range(16) for one in part]
            groups.append(copies[:16])
    return groups
