"""Measuring, hashing and language labels on one core, on real text of this machine.

    python benchmarks/bench_signals.py [--megabytes 20] [--check]

The rivals: the same signals in plain Python over the same definitions' easy part (white-space words), and py3langid's own
`classify` on the same prefixes. `--check` exits with 1 below the targets.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from py3langid.langid import MODEL_FILE, LanguageIdentifier

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine_text import cpu_seconds, machine_text, write_result
from columnar.hashing import content_hashes
from columnar.language import identify
from columnar.mixing import consistency, off_script
from columnar.scripts import script_counts
from columnar.signal_basic import STOP_WORDS
from columnar.signals import measure

RIVAL_BYTES = 2_000_000
MIN_MEGABYTES_A_SECOND = 60.0  # for `measure`, of the basic signals
MIN_ALL_MEGABYTES_A_SECOND = 45.0  # with the readings of words, lines and repetition of all groups
MIN_TIMES_PYTHON = 5.0
MIN_TIMES_LIBRARY = 2.0  # for `identify`


def measure_in_python(texts: list[str]) -> None:
    """What a filter in plain Python computes for Gopher quality and the code rules, at the least."""
    for text in texts:
        words, lines = text.split(), text.splitlines()
        sum(map(len, words))
        sum(any(map(str.isalpha, word)) for word in words)
        len({word.lower() for word in words} & set(STOP_WORDS))
        text.count("#") + text.count("...") + text.count("…")
        sum(line.lstrip().startswith(("-", "•")) for line in lines)
        sum(line.rstrip().endswith(("...", "…")) for line in lines)
        max(map(len, lines), default=0)
        sum(map(str.isalpha, text))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=20, help="text of each kind")
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    rows: list[dict[str, float | str]] = []
    failures = []
    for kind in ("code", "docs"):
        texts = machine_text(kind, arguments.megabytes * 1_000_000)
        few = machine_text(kind, RIVAL_BYTES)
        column = pa.array(texts, pa.large_string())

        def add(what: str, run: Callable[[], object], timed: list[str], repeats: int = 3, kind: str = kind) -> float:
            megabytes, seconds = sum(len(text.encode()) for text in timed) / 1e6, cpu_seconds(run, repeats)
            rate = {"megabytes_a_second": megabytes / seconds, "documents_a_second": len(timed) / seconds}
            rows.append({"text": kind, "what": what, "documents": len(timed), "megabytes": megabytes, **rate})
            return len(timed) / seconds if what.startswith(("identify", "py3langid")) else megabytes / seconds

        measured = add("measure, basic", lambda column=column: measure(column, ["basic"]), texts)
        everything = add("measure, all groups", lambda column=column: measure(column), texts)
        plain = add("measure in Python", lambda few=few: measure_in_python(few), few, 1)
        add("content_hashes", lambda column=column: content_hashes(column), texts)
        add("script_counts", lambda column=column: script_counts(column), texts)
        add("off_script, en", lambda column=column: off_script(column, "en"), texts)
        add("consistency, en", lambda few=few: [consistency(text, "en") for text in few], few)
        labelled = add("identify", lambda column=column: identify(column), texts)
        theirs = add("py3langid.classify", lambda few=few: [library.classify(t) for t in few], few, 1)
        print(
            f"{kind}: measure is {measured / plain:.1f} times plain Python, identify {labelled / theirs:.1f} times the library"
        )
        checks = (
            ("measure of basic signals, MB/s", measured, MIN_MEGABYTES_A_SECOND),
            ("measure of all groups, MB/s", everything, MIN_ALL_MEGABYTES_A_SECOND),
            ("measure beside plain Python", measured / plain, MIN_TIMES_PYTHON),
            ("identify beside the library", labelled / theirs, MIN_TIMES_LIBRARY),
        )
        failures += [f"{kind}: {what}: {got:.1f}, wanted {least}" for what, got, least in checks if got < least]
    print(f"\n{'text':6}{'what':20}{'documents':>10}{'MB':>8}{'MB/s':>9}{'documents/s':>13}")
    for r in rows:
        print(
            f"{r['text']:6}{r['what']:20}{r['documents']:>10,}{r['megabytes']:>8.1f}{r['megabytes_a_second']:>9.1f}"
            f"{r['documents_a_second']:>13,.0f}"
        )
    print(f"\nwritten: {write_result('signals', {'rows': rows}).name}")
    for failure in failures:
        print(f"below target: {failure}")
    return 1 if failures and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
