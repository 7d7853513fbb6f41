"""How the `instructions` verifier agrees with IFBench's strict verdicts, how fast it is, and what the worst text costs.

    python benchmarks/bench_instructions.py [--check]

Agreement is on IFBench's sample responses (`TAMIS_REFERENCE_DATA`), instruction by instruction; each difference is listed, and
docs/verifiers.md says why. Times are processor time of one thread. `--check` exits with 1 below the targets.
"""

import argparse
import gzip
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine_text import cpu_seconds, write_result
from rewards import get_verifier
from rewards.instructions.response import Response
from rewards.instructions.table import INSTRUCTION_IDS, read_gold
from rewards.instructions.verifier import MAX_CHARS

MIN_AGREEMENT = 0.99
MIN_RESPONSES_A_SECOND = 500.0
MAX_SECONDS_A_CHECK = 2.0
CASES = Path(__file__).resolve().parents[1] / "tests" / "rewards" / "cases" / "instructions.json"
PIECES = (
    "a", "a ", ".", ". ", "a.", "!?", "*", "* ", "[", "<<", "(", '"', "'", "1", "é ", "\n", "- a\n", "A. ", "<i>", ",", "{", '{"a":',
    "P.", "a-", "日", '"." ', "😀 ", "Section ", "e", "\\", "Question 1", "\t", "﷐",
)  # fmt: skip


def rows(name: str) -> list[dict[str, Any]]:
    path = Path(os.environ["TAMIS_REFERENCE_DATA"]) / "ifbench" / f"{name}.jsonl.gz"
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def paired() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each response with the row of its prompt. One prompt of the results holds a whole table; its instruction needs no arguments."""
    prompts = {row["prompt"].strip(): row for row in rows("IFBench_test")}
    return [
        (result, prompts.get(result["prompt"].strip(), {"key": "274, broken prompt", "kwargs": None, **result}))
        for result in rows("eval_results_strict")
    ]


def agreement() -> tuple[dict[str, Counter[str]], list[str]]:
    judged = get_verifier("instructions")
    table: dict[str, Counter[str]] = {}
    differences = []
    for result, row in paired():
        verdict = judged(result["response"], row)
        for ours, theirs in zip(verdict.detail["instructions"], result["follow_instruction_list"], strict=True):
            counts = table.setdefault(ours["id"], Counter())
            counts["instructions"] += 1
            counts["followed"] += ours["followed"]
            counts["agree"] += ours["followed"] == theirs
            if ours["followed"] != theirs:
                differences.append(
                    f"{row['key']} {ours['id']}: here {ours['followed']}, {ours.get('reason', 'followed')}"
                )
    return table, differences


def speed() -> dict[str, float]:
    pairs = paired()
    completions, golds = [result["response"] for result, _ in pairs], [row for _, row in pairs]
    seconds = {}
    for mode in ("strict", "loose"):
        judged = get_verifier("instructions", mode=mode)
        seconds[mode] = cpu_seconds(lambda judged=judged: judged.verify_batch(completions, golds))
    return {f"{mode}_responses_a_second": len(pairs) / value for mode, value in seconds.items()}


def worst() -> tuple[float, str]:
    """The slowest check on the longest texts that are judged, each of one piece again and again."""
    kwargs = {case["id"]: case["kwargs"] for case in json.loads(CASES.read_text(encoding="utf-8"))}
    asked = read_gold(
        {"instruction_id_list": list(INSTRUCTION_IDS), "kwargs": [kwargs[name] for name in INSTRUCTION_IDS]}
    )
    for instruction in asked:
        instruction.why_not(Response("The engine of languages loads once."))
    found = (0.0, "")
    for piece in PIECES:
        text = "x" + piece * ((MAX_CHARS - 1) // len(piece))
        for instruction in asked:
            seconds = cpu_seconds(lambda text=text, one=instruction: one.why_not(Response(text)), 1)
            found = max(found, (seconds, f"{instruction.id} on {piece!r}"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    table, differences = agreement()
    rates, (slowest, what) = speed(), worst()
    total = sum(table.values(), Counter())
    share = total["agree"] / total["instructions"]
    for name, counts in sorted(table.items()):
        print(f"{name:36}{counts['instructions']:>6}{counts['followed']:>6} followed{counts['agree']:>6} agree")
    print(f"{'all':36}{total['instructions']:>6}{total['followed']:>6} followed{total['agree']:>6} agree, {share:.4f}")
    for difference in differences:
        print(f"differs: {difference}")
    for name, rate in rates.items():
        print(f"{name:36}{rate:>8,.0f}")
    print(f"slowest check, {MAX_CHARS:,} characters: {slowest:.2f} s, {what}")
    result = {
        "agreement": share,
        "instructions": {name: dict(counts) for name, counts in sorted(table.items())},
        "differences": differences,
        **rates,
        "slowest_check_seconds": slowest,
        "slowest_check": what,
    }
    print(f"written: {write_result('instructions', result).name}")
    failures = []
    if share < MIN_AGREEMENT:
        failures.append(f"agreement {share:.4f}, wanted {MIN_AGREEMENT}")
    if rates["strict_responses_a_second"] < MIN_RESPONSES_A_SECOND:
        failures.append(f"{rates['strict_responses_a_second']:.0f} responses a second, wanted {MIN_RESPONSES_A_SECOND}")
    if slowest > MAX_SECONDS_A_CHECK:
        failures.append(f"a check takes {slowest:.1f} s, wanted at most {MAX_SECONDS_A_CHECK}")
    for failure in failures:
        print(f"below target: {failure}")
    return 1 if failures and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
