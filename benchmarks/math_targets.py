"""What is asked of the `math` verifier, and the tables of its section in docs/verifiers.md. Reads results/math.json only."""

from collections.abc import Callable
from typing import Any

from targets import Result, Target, load_results


def _farthest(result: Result) -> float | None:
    rows = [row for row in result.get("accuracy", {}).values() if "published" in row]
    return max((abs(row["accuracy"] - row["published"]) for row in rows), default=None)


def _worse_sets(result: Result) -> float | None:
    """On how many sets Math-Verify is the more accurate one."""
    worse = 0
    for row in result.get("accuracy", {}).values():
        worse += row["wrong_beside"] > row["math_verify_wrong"]
        if "published" in row:
            worse += abs(row["accuracy"] - row["published"]) > abs(row["math_verify_accuracy"] - row["published"])
    return worse if "accuracy" in result else None


def _wrong(name: str) -> Callable[[Result], float | None]:
    return lambda result: result.get("accuracy", {}).get(name, {}).get("wrong")


def _times(kind: str) -> Callable[[Result], float | None]:
    return lambda result: min((row[kind]["times"] for row in result.get("speed", {}).values()), default=None)


def _over_budget(result: Result) -> float | None:
    if "bombs" not in result or "fuzz" not in result:
        return None
    slowest = max(result["bombs"]["answer"]["slowest_seconds"], result["bombs"]["gold"]["slowest_seconds"])
    return max(slowest, result["fuzz"]["slowest_seconds"]) - result["bombs"]["budget_seconds"]


def _misjudged(result: Result) -> float | None:
    if "bombs" not in result or "fuzz" not in result:
        return None
    return result["bombs"]["answer"]["wrong"] + result["bombs"]["gold"]["wrong"] + result["fuzz"]["errors"]


TARGETS = [
    Target("GSM8K solutions judged wrong, of 5,276", 0, "", "math", _wrong("GSM8K solutions"), most=True),
    Target("Qwen samples judged wrong, of 800 (one label is wrong)", 1, "", "math", _wrong("Qwen samples"), most=True),
    Target("MATH-L5: farthest from a published accuracy", 1.2, "points", "math", _farthest, most=True, digits=1),
    Target("known false accepts and rejects judged wrong", 0, "", "math", _wrong("known false accepts and rejects"), most=True),
    Target("golds that do not validate themselves, of 3,208", 0, "", "math", _wrong("golds"), most=True),
    Target("sets on which Math-Verify is more accurate", 0, "", "math", _worse_sets, most=True),
    Target("times Math-Verify's samples a second, groups of 16, warm: least of four sets", 20, "x", "math", _times("warm"), digits=1),
    Target("the same, cold", 20, "x", "math", _times("cold"), digits=1),
    Target("slowest bomb or hostile string, beyond its budget", 0.5, "s", "math", _over_budget, most=True, digits=1),
    Target("bombs not scored 0.0, and errors of ours", 0, "", "math", _misjudged, most=True),
    Target(
        "throughput that 1 % bombs cost the others", 10, "%", "math",
        lambda result: result.get("beside_bombs", {}).get("falls_percent"), most=True, digits=1,
    ),
]  # fmt: skip


def accuracy_table(result: Result) -> list[str]:
    """Gives every set beside Math-Verify, as Markdown."""
    lines = ["| set | items | ours | Math-Verify 0.9.0 |", "| --- | ---: | --- | --- |"]
    for name, row in result.get("accuracy", {}).items():
        if "published" in row:
            shown = (f"{row['accuracy']:.1f} %", f"{row['math_verify_accuracy']:.1f} %; published {row['published']} %")
        elif row["labelled"]:
            shown = (f"{row['wrong']:,} wrong of {row['labelled']:,}", _beside(row))
        else:
            continue
        lines.append(f"| {name} | {row['items']:,} | {shown[0]} | {shown[1]} |")
    return lines


def _beside(row: dict[str, Any]) -> str:
    whole = row["beside"] == row["labelled"]
    return f"{row['math_verify_wrong']:,} wrong of {row['beside']:,}" + (
        "" if whole else f" (ours {row['wrong_beside']:,})"
    )


def speed_table(result: Result) -> list[str]:
    """Gives samples a second in groups of sixteen, as Markdown."""
    lines = [
        "| groups of 16 | samples | warm: ours | Math-Verify | times | cold: ours | Math-Verify | times |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in result.get("speed", {}).items():
        cells = [f"{row[kind][who]:,.0f}" for kind in ("warm", "cold") for who in ("ours", "math_verify", "times")]
        lines.append(f"| {name} | {row['samples']:,} | {' | '.join(cells)} |")
    return [*lines, "", f"Samples a processor second, one thread. Measured at {result['commit']}."]


def load_math() -> Result:
    """Reads the result."""
    return load_results()["math"]
