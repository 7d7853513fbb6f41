"""What benchmarks are asked for, and what their results say: the rows of a table of numbers. Reads results; `main` runs what writes them."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
Result = dict[str, Any]
Results = Mapping[str, Result]


@dataclass(frozen=True)
class Target:
    """One number that is asked for.

    Attributes:
        what: what is measured.
        wanted: the bound.
        unit: written behind the number.
        script: name of the benchmark, and of its result.
        read: takes the number from the result; None where that was not measured.
        most: whether the bound is an upper one.
        digits: after the point.
    """

    what: str
    wanted: float
    unit: str
    script: str
    read: Callable[[Result], float | None]
    most: bool = False
    digits: int = 0

    def measured(self, results: Results) -> float | None:
        """Gives the number; None where nothing was measured yet."""
        return self.read(results[self.script]) if self.script in results else None

    def met(self, value: float) -> bool:
        """Tells whether a number keeps the bound."""
        return value <= self.wanted if self.most else value >= self.wanted


def load_results() -> dict[str, Result]:
    """Reads every result that is there."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}


def short(targets: Iterable[Target]) -> list[str]:
    """Names what falls short or is not measured."""
    results = load_results()
    values = [(target, target.measured(results)) for target in targets]
    return [target.what for target, value in values if value is None or not target.met(value)]


def table(targets: Sequence[Target]) -> list[str]:
    """Gives the table in Markdown, one row a target."""
    results = load_results()
    lines = ["| what | asked for | measured | at commit |", "| --- | ---: | ---: | --- |"]
    for target in targets:
        value = target.measured(results)
        sign = "at most" if target.most else "at least"
        shown = "not measured" if value is None else f"{value:,.{target.digits}f} {target.unit}".strip()
        if value is not None and not target.met(value):
            shown = f"**{shown}**"
        commit = results.get(target.script, {}).get("commit", "")
        wanted = f"{target.wanted:,g} {target.unit}".strip()
        lines.append(f"| {target.what} | {sign} {wanted} | {shown} | {commit} |")
    return [*lines, "", "Bold: short of what is asked for; the reasons stand below."]


def main(description: str, targets: Sequence[Target]) -> int:
    """The command of a table: runs the benchmarks behind it, each in a process of its own, and prints it.

    Args:
        description: the help text.
        targets: the rows.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys(target.script for target in targets))
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--table", action="store_true", help="run nothing: the table of the last results")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a number falls short or is missing")
    arguments = parser.parse_args()
    for name in [] if arguments.table else arguments.only:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, RESULTS.parent / f"bench_{name}.py"], check=True)
    print("\n".join(table(targets)))
    return int(arguments.check and bool(short(targets)))
