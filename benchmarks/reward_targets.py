"""What the verifiers are asked to do, and how their results are read: the first table of docs/verifiers.md."""

import math_targets
from targets import Result, Target

PASS_AT = (1, 10, 100)


def _codet_share(result: Result) -> float | None:
    part = result.get("codet")
    return 100 * part["same"] / part["samples"] if part else None


def _codet_distance(result: Result) -> float | None:
    part = result.get("codet")
    return max(abs(part[f"here_pass@{k}"] - part[f"plain_pass@{k}"]) for k in PASS_AT) if part else None


def _speed(key: str, result: Result) -> float | None:
    part = result.get("speed")
    return float(part[key]) if part else None


def _refused_solutions(result: Result) -> float | None:
    part = result.get("languages")
    return len(part["failures"]) if part else None


def _fooled(result: Result) -> float | None:
    part = result.get("exploits")
    return len(part["fooled"]) if part else None


TARGETS = (
    *math_targets.TARGETS,
    Target("CodeT's 8,200 programs: verdicts that are those of plain `python -I` runs", 100, "%", "code", _codet_share, digits=2),
    Target("their pass@1, @10, @100: farthest from those of plain runs", 0, "points", "code", _codet_distance, most=True, digits=2),
    Target(
        "distinct HumanEval programs with tests a second, isolated, 2 cores", 250, "", "code", lambda r: _speed("programs_a_second", r)
    ),
    Target(
        "times those of `python -I` with limits, a file and a `subprocess.run` each", 5, "x", "code", lambda r: _speed("usual_ratio", r), digits=1
    ),
    Target(
        "the same, beside the leanest runner of `python -I` that could be written", 5, "x", "code", lambda r: _speed("ratio", r), digits=1
    ),
    Target("solutions refused, all languages whose toolchain was there", 0, "", "code", _refused_solutions, most=True),
    Target("exploits that fooled a gold", 0, "", "code", _fooled, most=True),
    Target(
        "IFBench's strict verdicts that agree", 99, "%", "instructions", lambda r: 100 * float(r["agreement"]), digits=1
    ),
)  # fmt: skip
