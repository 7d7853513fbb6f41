"""Writes the tables of README.md and docs/ from benchmarks/results/*.json, so that no figure there was typed by hand.

    python benchmarks/write_tables.py [--check] [--demo demo-out/demo.json]

`--demo` first takes over what `make demo` measured. `--check` writes nothing and exits with 1 where a page differs.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import curation_targets
import language_targets
import math_targets
import reward_targets
import targets

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def demo_table(result: dict[str, Any]) -> list[str]:
    """What the demo came to."""
    lines = [
        f"`make demo` at {result['commit']}, {result['cores']} cores, {sum(result['seconds'].values()):.0f} s:",
        "",
    ]
    lines += ["| | |", "| --- | --- |"]
    for name, value in result["rows"]:
        shown = value.replace("\n", " ").replace("|", "\\|")
        lines.append(f"| {name.strip()} | {shown} |")
    return lines


def speed_table(minhash: dict[str, Any], signals: dict[str, Any], memory: dict[str, Any]) -> list[str]:
    """Throughput beside rivals, from one run each."""
    lines = [
        "| what, one core | text | MB/s | beside |",
        "| --- | --- | ---: | --- |",
    ]
    for result in (signals, minhash):
        ours = {(row["text"], row["what"]): row for row in result["rows"]}
        for (text, what), row in ours.items():
            if "ours_is_faster_by" in row or what.endswith("in Python") or what.startswith("py3langid"):
                continue
            rivals = [
                f"{rival['ours_is_faster_by']:.1f} x {rival['what']}"
                for rival in result["rows"]
                if rival["text"] == text and "ours_is_faster_by" in rival and what == "tamis signatures"
            ]
            lines.append(
                f"| {what.removeprefix('tamis ')} | {text} | {row['megabytes_a_second']:.0f} | {', '.join(rivals)} |"
            )
    whole = (
        f"The whole curation job took {memory['documents']:,} documents ({memory['text_bytes'] / 1e9:.2f} GB of text) in "
        f"{memory['seconds']:.0f} s, all processes together below {memory['peak_bytes'] / 1e9:.2f} GB "
        "(`python benchmarks/bench_curate_memory.py`)."
    )
    lines += [
        "",
        whole,
        "",
        f"Measured at {minhash['commit']}, {signals['commit']} and {memory['commit']}; `make bench` measures again.",
    ]
    return lines


def chain_table(result: dict[str, Any]) -> list[str]:
    """FineWeb's chain beside datatrove's."""
    return [
        "| | MB/s a core |",
        "| --- | ---: |",
        f"| our job, {result['workers']} workers, {result['bytes'] / 1e6:,.0f} MB, all of it | {result['mb_s_core']:.1f} |",
        f"| its measure stage alone | {result['measure_mb_s_core']:.1f} |",
        f"| datatrove's filters and signatures, without reading or writing | {result['datatrove_mb_s']:.2f} |",
        "",
        f"Measured at {result['commit']}.",
    ]


def steps_table(result: dict[str, Any]) -> list[str]:
    """Each step by itself, on documentation and on code."""
    speeds: dict[str, dict[str, float]] = {}
    for row in result["rows"]:
        speeds.setdefault(row["step"], {})[row["text"]] = row["mb_s"]
    return [
        "| step, one core | MB/s of documentation | MB/s of code |",
        "| --- | ---: | ---: |",
        *(
            f"| {step} | {' | '.join(f'{speed[kind]:.{int(speed[kind] < 10)}f}' for kind in ('docs', 'code'))} |"
            for step, speed in speeds.items()
        ),
        "",
        f"Measured at {result['commit']}.",
    ]


def extract_table(result: dict[str, Any]) -> list[str]:
    """Quality of extraction beside the libraries alone."""
    lines = [
        "| pages | engine | 4-grams: precision | recall | F1 | words: F1 | MB/s of HTML |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in result["rows"]:
        grams = row["grams"]
        lines.append(
            f"| {row['pages']}, {row['count']} | {row['engine']} | {grams['precision']:.3f} | {grams['recall']:.3f} | "
            f"{grams['f1']:.3f} | {row['words']['f1']:.3f} | {row['mb_s']:.0f} |"
        )
    return [*lines, "", f"Measured at {result['commit']}."]


def fill(text: str, name: str, lines: list[str]) -> str:
    """Puts lines between the markers of that name."""
    start, end = f"<!-- {name}: written by benchmarks/write_tables.py -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no place for {name}: {start}")
    return pattern.sub(lambda _: "\n".join([start, *lines, end]), text)


def load(name: str) -> dict[str, Any]:
    """Reads one result."""
    value: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return value


def main() -> int:
    """Writes or checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--demo", type=Path)
    arguments = parser.parse_args()
    if arguments.demo:
        shutil.copyfile(arguments.demo, RESULTS / "demo.json")
    differing = 0
    for page, tables in PAGES.items():
        path = ROOT / page
        before = after = path.read_text(encoding="utf-8")
        for name, make in tables.items():
            after = fill(after, name, make())
        if before != after:
            differing += 1
            print(f"{page}: {'differs from the results' if arguments.check else 'written'}")
            if not arguments.check:
                path.write_text(after, encoding="utf-8")
    return int(arguments.check and differing > 0)


#: Page -> place in it -> what makes its lines.
PAGES: dict[str, dict[str, Callable[[], list[str]]]] = {
    "README.md": {
        "demo table": lambda: demo_table(load("demo")),
        "speed table": lambda: speed_table(load("minhash"), load("signals"), load("curate_memory")),
    },
    "docs/performance.md": {
        "curation table": lambda: targets.table(curation_targets.TARGETS),
        "chain table": lambda: chain_table(load("chain")),
        "steps table": lambda: steps_table(load("steps")),
    },
    "docs/language.md": {
        "language table": lambda: language_targets.table(load("language")),
        "language pairs": lambda: language_targets.pair_table(load("language")),
        "hostile texts": lambda: language_targets.hostile_table(load("language")),
    },
    "docs/verifiers.md": {
        "rewards table": lambda: targets.table(reward_targets.TARGETS),
        "math accuracy": lambda: math_targets.accuracy_table(load("math")),
        "math speed": lambda: math_targets.speed_table(load("math")),
    },
    "docs/steps/extract.md": {"extraction table": lambda: extract_table(load("extract"))},
}


if __name__ == "__main__":
    sys.exit(main())
