"""C4's line rules on one core, and how often they decide like datatrove and dolma, by reason.

    python benchmarks/bench_lines.py [--megabytes 4] [--check]

On documentation of this machine and on the whole text of the reference pages. `--check` exits with 1 below the targets: the speed of every
preset, 98 % of datatrove's decisions and 99.5 % of dolma's.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine_text import cpu_seconds, machine_text, write_result
from benchmarks.rivals import rival_python
from columnar.lines import LINE_EDITS, edit_lines
from curation.rules.tables import RULE_SETS, resolve_filter
from schemas.steps import FilterRecipe

MIN_MEGABYTES_A_SECOND = 200.0
MIN_AGREEMENT = {"c4_datatrove": 0.98, "c4_fineweb": 0.98, "c4_dolma": 0.995}
_RUNNER = Path(__file__).resolve().parent / "rivals" / "c4_runner.py"
#: Our reason -> theirs.
REASONS = {
    "lorem_ipsum": ("lorem_ipsum", "has_lorem_ipsum"),
    "curly_bracket": ("curly_bracket", "has_curly_brace"),
    "javascript": ("has_javascript",),
    "too_few_sentences": ("too_few_sentences",),
}


def page_texts() -> list[str]:
    """Gives the whole text, menus and all, of the reference pages; nothing if they are not there."""
    root = Path(os.environ.get("TAMIS_REFERENCE_DATA", "../shared/data"))
    pages = [gzip.decompress(path.read_bytes()) for path in sorted(root.glob("html_*/**/*.html.gz"))]
    return [extract_plain_text(page.decode("utf-8", "replace"), main_content=False) for page in pages]


def rival_c4(name: str, texts: list[str]) -> dict[str, Any]:
    """Runs a rival's C4 rules: `seconds` by preset, and by preset [kept, reasons joined by commas, rest] of each document."""
    ran = subprocess.run(
        [rival_python(name), _RUNNER, name], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(ran.stdout[ran.stdout.index('{"seconds"') :])
    return found


def ours(texts: list[str], preset: str) -> list[tuple[list[str], str, int]]:
    """Gives (failing reasons, edited text, lines kept) of every document."""
    edited, signals = edit_lines(pa.array(texts, pa.large_string()), preset)
    rules = resolve_filter(FilterRecipe.model_validate({"rules": preset}))
    rows = signals.to_pylist()
    return [
        ([rule.reason for rule in rules if rule.fails(row[rule.signal])], text, row[f"{preset}_lines_kept"])
        for row, text in zip(rows, edited.to_pylist(), strict=True)
    ]


def compare(mine: list[tuple[list[str], str, int]], theirs: list[list[Any]]) -> dict[str, Any]:
    """Gives shares of documents on which decision, first reason and text agree, and what disagrees by reason."""
    decided = reasons = texts = both = 0
    apart: Counter[str] = Counter()
    for (failed, text, lines), (kept, reason, rest) in zip(mine, theirs, strict=True):
        same = kept == (not failed)
        decided += same
        named = {their for our in failed for their in REASONS.get(our, ())}
        reasons += same and (kept or not reason or bool(named & set(reason.split(","))))
        if not same:
            apart[f"{reason or 'kept'} there, {', '.join(failed) or 'kept'} here"] += 1
        if kept and not failed:
            both += 1
            texts += (rest == lines) if isinstance(rest, int) else (rest == text)
    count = len(mine)
    return {
        "documents": count,
        "decision": decided / count,
        "reason": reasons / count,
        "text": texts / max(both, 1),
        "apart": apart,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=4, help="of documentation")
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    failures, rows = [], []
    for kind, texts in (("docs", machine_text("docs", arguments.megabytes * 1_000_000)), ("pages", page_texts())):
        if not texts:
            continue
        column, size = pa.array(texts, pa.large_string()), sum(len(text.encode()) for text in texts) / 1e6
        rivals: dict[str, Any] = {"seconds": {}}
        for name in ("datatrove", "dolma"):
            found = rival_c4(name, texts)
            rivals = {**rivals, **found, "seconds": {**rivals["seconds"], **found["seconds"]}}
        repeated = pa.concat_arrays([column] * max(1, round(8 / size)))
        for preset in LINE_EDITS:
            speed = size * (len(repeated) / len(texts)) / cpu_seconds(partial(edit_lines, repeated, preset), 4)
            row: dict[str, Any] = {"texts": kind, "preset": preset, "mb_per_s": round(speed, 1)}
            print(f"{kind:6}{preset:18}{speed:8.0f} MB/s", end="")
            if preset in rivals:
                rival_speed = size / rivals["seconds"][preset]
                found = compare(ours(texts, preset), rivals[preset])
                row |= {"rival_mb_per_s": round(rival_speed, 2), **found}
                print(f"  rival {rival_speed:6.2f}   decisions {found['decision']:.3%}, reasons {found['reason']:.3%}, texts {found['text']:.3%}",
                      dict(found["apart"]) or "", end="")  # fmt: skip
                if found["decision"] < MIN_AGREEMENT[preset]:
                    failures.append(f"{kind}: {preset} agrees on {found['decision']:.2%} of decisions")
            print()
            if speed < MIN_MEGABYTES_A_SECOND:
                failures.append(f"{kind}: {preset} edits {speed:.0f} MB/s")
            rows.append(row)
    print(write_result("lines", {"tables": sorted(RULE_SETS), "rows": rows}))
    for failure in failures:
        print("below target:", failure)
    return 1 if arguments.check and failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
