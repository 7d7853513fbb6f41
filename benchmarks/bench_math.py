"""How right, how fast and how hard to stop the `math` verifier is, beside Math-Verify 0.9.0 on the same items.

    python benchmarks/bench_math.py [--check] [--fuzz 20000] [--share 8]

Labelled sets and groups: `math_sets`. Seconds are processor seconds, for us those of the pool's processes too: cold from the start of a
process, imports included, warm for a second pass. A rival sees every `--share`-th group of the large sets, and so do we.
`--check` exits with 1 below a target.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402 - the project is imported from where it stands
import math_sets as sets
from machine_text import write_result
from math_bombs import BOMBS
from math_bombs import GOLDS as BOMBED
from math_runner import pool_seconds
from math_targets import TARGETS
from rivals import rival_python
from targets import short

from rewards import get_verifier
from rewards.fork_server import Limits
from rewards.math.latex import normalise
from rewards.math.reader import read
from rewards.math.tiers import ENGINE
from rewards.pool import ProcessPool
from tests.rewards.hostile_math import GOLDS, HOSTILE

HERE = Path(__file__).resolve().parent
RUNNERS = {"ours": HERE / "math_runner.py", "math_verify": HERE / "rivals" / "math_verify_runner.py"}
REPEATS = 16
ROUNDS = 5
WHOLE = "GSM8K solutions", "Qwen samples", "known false accepts and rejects"


def labelled() -> dict[str, list[sets.Item]]:
    """Every set by its name."""
    found = {
        "GSM8K solutions": list(sets.gsm8k_solutions()),
        "Qwen samples": list(sets.qwen_samples()),
        "game of 24": list(sets.game24()),
        "known false accepts and rejects": list(sets.known_cases()),
        "golds": list(sets.golds()),
    }
    for model in sets.MODELS:
        found[f"ZeroEval GSM8K, {model}"] = list(sets.zeroeval_gsm(model))
        found[f"ZeroEval MATH-L5, {model}"] = list(sets.zeroeval_math(model))
    return found


def run(who: str, groups: list[tuple[str, list[str]]], *flags: str) -> tuple[list[list[bool]], dict[str, float]]:
    """Judges groups in a fresh process of ours or of Math-Verify; gives the scores and the processor seconds."""
    python = rival_python(who) if who != "ours" else Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        given_to, scores = Path(folder) / "groups.json", Path(folder) / "scores.json"
        given_to.write_text(json.dumps(groups), encoding="utf-8")
        command = [str(python), str(RUNNERS[who]), str(given_to), str(scores), *flags]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(scores.read_text()), json.loads(done.stdout)


def one_gold(gold: Any) -> str:
    return str(gold[0]) if isinstance(gold, list) else str(gold)


def accuracy(share: int) -> dict[str, Any]:
    """Wrong verdicts on every labelled set, and accuracy where only that is published."""
    table = {}
    for name, items in labelled().items():
        some = items if name in WHOLE or "MATH-L5" in name else items[::share]
        ours = [
            v.score == 1.0
            for v in get_verifier("math").verify_batch([i.completion for i in items], [i.gold for i in items])
        ]
        theirs = [row[0] for row in run("math_verify", [(one_gold(item.gold), [item.completion]) for item in some])[0]]
        ours_too = ours if some is items else ours[::share]
        known = [place for place, item in enumerate(some) if item.right is not None]
        row: dict[str, Any] = {
            "items": len(items),
            "labelled": sum(item.right is not None for item in items),
            "wrong": sum(mine != item.right for mine, item in zip(ours, items, strict=True) if item.right is not None),
            "beside": len(known),
            "wrong_beside": sum(ours_too[place] != some[place].right for place in known),
            "math_verify_wrong": sum(theirs[place] != some[place].right for place in known),
        }
        published = sets.PUBLISHED.get(name.rpartition(", ")[2]) if "MATH-L5" in name else None
        if published is not None:
            row |= {
                "published": published,
                "accuracy": 100 * sum(ours) / len(ours),
                "math_verify_accuracy": 100 * sum(theirs) / len(theirs),
            }
        table[name] = row
        print(name, row, flush=True)
    return table


def speed(share: int) -> dict[str, Any]:
    """Samples a processor second in groups of sixteen."""
    everything = labelled()
    grouped = {
        "GSM8K solutions": everything["GSM8K solutions"],
        "Qwen samples": everything["Qwen samples"],
        **{
            f"ZeroEval {what}": sorted(
                (item for name, items in everything.items() if name.startswith(f"ZeroEval {what}") for item in items),
                key=lambda item: item.group,
            )
            for what in ("GSM8K", "MATH-L5")
        },
    }
    table = {}
    for name, items in grouped.items():
        groups = sets.groups_of_16(items)[:: 1 if name == "Qwen samples" else share]
        told = [(one_gold(group[0].gold), [item.completion for item in group]) for group in groups]
        row: dict[str, Any] = {"samples": sum(len(group) for group in groups)}
        row |= beside_each_other(told, row["samples"])
        table[name] = row
        print(name, row, flush=True)
    return table


def beside_each_other(groups: list[tuple[str, list[str]]], samples: int) -> dict[str, Any]:
    """Ours and Math-Verify in turn, `ROUNDS` times: the machine's pace changes within a minute, and both must meet the same one.

    A round's ratio is of two runs that follow each other; of the rounds the median counts.
    """
    rounds = [(run("ours", groups, "--twice")[1], run("math_verify", groups, "--twice")[1]) for _ in range(ROUNDS)]
    row = {}
    for kind in ("warm", "cold"):
        times = [theirs[kind] / ours[kind] for ours, theirs in rounds]
        row[kind] = {
            "ours": samples / statistics.median(ours[kind] for ours, _ in rounds),
            "math_verify": samples / statistics.median(theirs[kind] for _, theirs in rounds),
            "times": statistics.median(times),
            "least_times": min(times),
            "greatest_times": max(times),
        }
    return row


def bombs() -> dict[str, Any]:
    """Every bomb as an answer and as a gold: the most processor time of a call, its elapsed time, and what came out."""
    pool = ProcessPool(ENGINE, limits=Limits())
    judged = get_verifier("math", pool=pool)
    judged("\\boxed{\\frac{2}{\\sqrt{2}}}", "\\sqrt{2}")
    result: dict[str, Any] = {"bombs": len(BOMBS), "budget_seconds": judged.settings["cpu_seconds"]}
    for side in ("answer", "gold"):
        slowest, longest, statuses, wrong = 0.0, 0.0, {}, 0
        for bomb in BOMBS:
            for other in BOMBED:
                begun, used = time.monotonic(), time.process_time() + pool_seconds(pool)
                verdict = (
                    judged(f"\\boxed{{{bomb}}}", other) if side == "answer" else judged(f"\\boxed{{{other}}}", bomb)
                )
                longest = max(longest, time.monotonic() - begun)
                slowest = max(slowest, time.process_time() + pool_seconds(pool) - used)
                statuses[verdict.status] = statuses.get(verdict.status, 0) + 1
                wrong += verdict.status == "error" or (side == "answer" and verdict.score != 0.0)
        result[side] = {"slowest_seconds": slowest, "longest_elapsed": longest, "statuses": statuses, "wrong": wrong}
    pool.close()
    print("bombs", result, flush=True)
    return result


def beside_bombs() -> dict[str, Any]:
    """What sixteen bombs among 1,600 ordinary samples cost the others, in processor seconds of all processes."""
    everything = labelled()
    names = ["GSM8K solutions", "Qwen samples", "ZeroEval GSM8K, gemma-2-2b-it", "ZeroEval MATH-L5, gemma-2-2b-it"]
    ordinary = [item for name in names for item in everything[name][:400]]
    bombs = [
        sets.Item("", f"So it is \\boxed{{{bomb}}}.", ordinary[place * 50].gold, False)
        for place, bomb in enumerate(BOMBS)
    ]
    pool = ProcessPool(ENGINE, limits=Limits())
    judged = get_verifier("math", pool=pool)
    judged("\\boxed{\\frac{2}{\\sqrt{2}}}", "\\sqrt{2}")
    own: dict[bool, list[float]] = {False: [], True: []}
    in_pool = {False: 0.0, True: 0.0}
    for turn in range(REPEATS):
        # Without them before and after, so that a change of the machine's pace cancels out.
        for some in ([], bombs[turn % 2 :: 2], []):
            items = ordinary + some
            normalise.cache_clear()
            read.cache_clear()
            begun, pool_begun = time.process_time(), pool_seconds(pool)
            judged.verify_batch([item.completion for item in items], [item.gold for item in items])
            own[bool(some)].append(time.process_time() - begun)
            in_pool[bool(some)] += pool_seconds(pool) - pool_begun
    pool.close()
    # Seconds of other processes come in hundredths: only their sum over all turns says anything.
    without, with_bombs = (statistics.median(own[kind]) + in_pool[kind] / len(own[kind]) for kind in (False, True))
    row = {
        "samples": len(ordinary),
        "bombs": 16,
        "without": without,
        "with": with_bombs,
        "falls_percent": 100 * (1 - without / with_bombs),
    }
    print("beside bombs", row, flush=True)
    return row


def fuzz(count: int) -> dict[str, Any]:
    """Hostile strings as completions, bare and boxed."""
    judged = get_verifier("math")
    result: dict[str, Any] = {"strings": 0, "slowest_seconds": 0.0, "errors": 0, "unscored": 0}

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(HOSTILE, st.sampled_from(GOLDS))
    def throw(text: str, gold: str) -> None:
        for completion in (text, f"\\boxed{{{text}}}"):
            begun = time.monotonic()
            verdict = judged(completion, gold)
            result["slowest_seconds"] = max(result["slowest_seconds"], time.monotonic() - begun)
            result["errors"] += verdict.status == "error"
            result["unscored"] += verdict.score is None
        result["strings"] += 1

    throw()
    print("fuzzing", result, flush=True)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--fuzz", type=int, default=20_000)
    parser.add_argument("--share", type=int, default=8)
    parser.add_argument("--only", choices=["accuracy", "speed", "bombs", "beside_bombs", "fuzz"], action="append")
    arguments = parser.parse_args()
    path = HERE / "results" / "math.json"
    parts = {
        "accuracy": lambda: accuracy(arguments.share),
        "speed": lambda: speed(arguments.share),
        "bombs": bombs,
        "beside_bombs": beside_bombs,
        "fuzz": lambda: fuzz(arguments.fuzz),
    }
    known = json.loads(path.read_text(encoding="utf-8")) if arguments.only and path.exists() else {}
    result = {name: known[name] for name in parts if name in known}
    result |= {name: work() for name, work in parts.items() if name in (arguments.only or parts)}
    write_result("math", result)
    missed = short(TARGETS)
    for what in missed:
        print(f"short of its target: {what}")
    return int(arguments.check and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
