"""Prompts for the demo: small problems of reasoning-gym with their gold, as few-shot conversations that show the answer's form.

Pure. The kinds and sizes are chosen so that a model of 135 M parameters solves some and
fails some; no problem is chosen by what a model makes of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.arrow import PROMPTS
from schemas.errors import UserError
from schemas.ids import canonical_json, digest, prompt_id
from workers.openai_api import THINK_CLOSE, THINK_OPEN, Sampling

SOURCE = "reasoning-gym"

#: How the demo samples these prompts: the thinking opened, one line an answer, as the examples show it.
DEMO_SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_tokens=48, stop=("\n",), prefill=THINK_OPEN)

_SYSTEM = "Think, then answer."

#: Problems drawn for each one that is wanted, before a kind counts as exhausted: small kinds repeat themselves.
_DRAWS_PER_PROBLEM = 40


@dataclass(frozen=True)
class _Kind:
    """One kind of problem: a reasoning-gym task, its size, and two worked examples (question, thinking, answer)."""

    task: str
    config: dict[str, Any]
    examples: tuple[tuple[str, str, str], ...]


_SUM = _Kind(
    "chain_sum",
    {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1},
    (("6 + 3 =", "6 + 3 is 9.", "9"), ("7 - 5 =", "7 - 5 is 2.", "2")),
)
# Without division: reasoning-gym gives some divisions by zero a number for gold.
_ARITHMETIC = _Kind(
    "basic_arithmetic",
    {
        "min_terms": 2,
        "max_terms": 2,
        "min_digits": 1,
        "max_digits": 1,
        "operators": ("+", "*"),
        "allow_parentheses": False,
        "allow_negation": False,
    },
    (("Calculate 8 * 3.", "8 * 3 is 24.", "24"), ("Calculate 4 + 5.", "4 + 5 is 9.", "9")),
)
_THREE_TERMS = _Kind(
    "basic_arithmetic",
    {**_ARITHMETIC.config, "min_terms": 3, "max_terms": 3, "operators": ("+", "-")},
    (
        ("Calculate 6 + 3 - 4.", "6 + 3 is 9. 9 - 4 is 5.", "5"),
        ("Calculate 2 + 7 + 8.", "2 + 7 is 9. 9 + 8 is 17.", "17"),
    ),
)
_PRODUCT = _Kind(
    "products",
    {"min_digits": 1, "max_digits": 1},
    (("Solve: 8 * 3.", "8 * 3 is 24.", "24"), ("Solve: 2 * 9.", "2 * 9 is 18.", "18")),
)
_DECIMALS = _Kind(
    "decimal_chain_sum",
    {**_SUM.config, "min_decimal_places": 1, "max_decimal_places": 1},
    (("6.5 + 3.1 =", "6.5 + 3.1 is 9.6.", "9.6"), ("7.4 - 5.2 =", "7.4 - 5.2 is 2.2.", "2.2")),
)

#: The order in which kinds take turns, so that the first few prompts are as varied as all.
_TURNS = (
    _ARITHMETIC,
    _PRODUCT,
    _SUM,
    _ARITHMETIC,
    _THREE_TERMS,
    _PRODUCT,
    _SUM,
    _ARITHMETIC,
    _PRODUCT,
    _DECIMALS,
)


def demo_prompts(count: int, seed: int = 0) -> pa.Table:
    """Makes `count` different prompts under the prompts contract; the same count and seed give the same table.

    A longer table begins with the shorter one's rows. Each prompt is a math task in English with a gold of the form
    ``{"answer": "7"}``; its domain is the reasoning-gym task.

    Raises:
        UserError: reasoning-gym is not installed, or holds fewer different problems of these small kinds.
    """
    problems = {id(kind): _problems(kind, seed, count) for kind in _TURNS}
    rows = []
    for number in range(count):
        kind = _TURNS[number % len(_TURNS)]
        problem = next(problems[id(kind)], None)
        if problem is None:
            raise UserError(f"there are only {number} different demo prompts for seed {seed}, not {count}")
        question, answer = problem
        messages, gold = _conversation(kind, question), {"answer": answer}
        rows.append(
            {
                "id": prompt_id(SOURCE, "math", messages, gold),
                "task": "math",
                "messages": canonical_json(messages),
                "gold": canonical_json(gold),
                "language": "en",
                "domain": kind.task,
                "source": SOURCE,
            }
        )
    return pa.Table.from_pylist(rows, schema=PROMPTS)


def _problems(kind: _Kind, seed: int, wanted: int) -> Iterator[tuple[str, str]]:
    """Draws different (question, answer) pairs of a kind, none of them among its examples."""
    try:
        import reasoning_gym  # noqa: PLC0415 - takes seconds, and only the demo needs it
    except ImportError:
        raise UserError("the demo's problems need reasoning-gym: pip install 'tamis[demo]'") from None
    # A seed of each kind's own: reasoning-gym draws the same digits for all kinds under one seed.
    own_seed = int(digest("demo", str(seed), kind.task, canonical_json(kind.config))[:7], 16)
    size = _DRAWS_PER_PROBLEM * max(1, wanted)
    dataset = reasoning_gym.create_dataset(kind.task, seed=own_seed, size=size, **kind.config)
    seen = {question for question, _, _ in kind.examples}
    for index in range(size):
        problem = dataset[index]
        question = problem["question"].strip()
        if question not in seen:
            seen.add(question)
            yield question, str(problem["answer"])


def _conversation(kind: _Kind, question: str) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": _SYSTEM}]
    for shown, thinking, answer in kind.examples:
        messages.append({"role": "user", "content": shown})
        worked = f"{THINK_OPEN}{thinking}{THINK_CLOSE} \\boxed{{{answer}}}"
        messages.append({"role": "assistant", "content": worked})
    return [*messages, {"role": "user", "content": question}]
