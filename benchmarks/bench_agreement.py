"""Agreement with datatrove and dolma, by rule set and reason, on the same real documents; and the speed of both sides in one run.

    python benchmarks/bench_agreement.py [--limit 0] [--check]

Needs the reference data (``TAMIS_REFERENCE_DATA``). The rivals run in environments of their own, which the first run makes. datatrove
stops at a document's first reason: ours is the first failing rule of the same table, which is in the same order. dolma only measures:
its attributes are judged by our table's thresholds. Writes ``results/agreement.json`` and the tables of docs/agreement.md; `--check`
exits with 1 below the targets.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
from agreement.documents import agreement_documents  # noqa: E402
from bench_lines import REASONS as C4_REASONS  # noqa: E402
from bench_lines import ours as edited_outcomes  # noqa: E402
from bench_lines import rival_c4  # noqa: E402
from machine_text import cpu_seconds, machine_text, write_result  # noqa: E402
from rivals import rival_python  # noqa: E402

from columnar.signals import measure  # noqa: E402
from curation.rules.tables import RULE_SETS  # noqa: E402

_DOCS = _ROOT / "docs" / "agreement.md"
_BEGIN, _END = "<!-- begin: bench_agreement.py -->", "<!-- end: bench_agreement.py -->"
MIN_DATATROVE, MIN_DOLMA = 0.98, 0.995
MIN_TIMES_DATATROVE = 250.0
MIN_MEGABYTES_A_SECOND = 60.0  # over a corpus, as a worker runs

_CORPUS_BYTES, _BATCH_BYTES = 300_000_000, 16_000_000  # of real text, at most; an element of a job

#: datatrove's names of reasons, in ours.
REASONS = {
    "gopher_short_doc": "too_few_words",
    "gopher_long_doc": "too_many_words",
    "gopher_below_avg_threshold": "words_too_short",
    "gopher_above_avg_threshold": "words_too_long",
    "gopher_too_many_hashes": "too_many_hashes",
    "gopher_too_many_ellipsis": "too_many_ellipses",
    "gopher_too_many_bullets": "too_many_bullet_lines",
    "gopher_too_many_end_ellipsis": "too_many_ellipsis_lines",
    "gopher_below_alpha_threshold": "too_few_alphabetic_words",
    "gopher_enough_stop_words": "too_few_stop_words",
    "dup_para_frac": "too_many_duplicate_paragraphs",
    "dup_para_char_frac": "too_many_chars_in_duplicate_paragraphs",
    "dup_line_frac": "too_many_duplicate_lines",
    "dup_line_char_frac": "too_many_chars_in_duplicate_lines",
    **{f"top_{n}_gram": f"top_{n}gram_too_common" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"too_many_duplicate_{n}grams" for n in range(5, 11)},
    "line_punct_ratio": "too_few_terminal_lines",
    "short_line_ratio": "too_many_short_lines",
    "char_dup_ratio": "too_many_chars_in_duplicate_lines",
    "list_ratio": "too_many_line_breaks",
}
#: Our signals of dolma's reading -> its attributes.
ATTRIBUTES = {
    "dolma_words": "word_count",
    "dolma_median_word_length": "median_word_length",
    "dolma_symbol_to_word_ratio": "symbol_to_word_ratio",
    "dolma_alpha_word_share": "fraction_of_words_with_alpha_character",
    "dolma_stop_words": "required_word_count",
    "dolma_bullet_line_share": "fraction_of_lines_starting_with_bullet_point",
    "dolma_ellipsis_line_share": "fraction_of_lines_ending_with_ellipsis",
    "dolma_duplicate_line_share": "fraction_of_duplicate_lines",
    "dolma_duplicate_line_char_share": "fraction_of_characters_in_duplicate_lines",
    **{f"dolma_top_{n}gram_char_share": f"fraction_of_characters_in_most_common_{n}grams" for n in (2, 3, 4)},
    **{f"dolma_duplicate_{n}gram_char_share": f"fraction_of_characters_in_duplicate_{n}grams" for n in range(5, 11)},
}


def run_rival(name: str, documents: Path, folder: Path) -> dict[str, Any]:
    out = folder / f"{name}.json"
    script = _ROOT / "benchmarks" / "agreement" / f"run_{name}.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([rival_python(name), script, documents, out], check=True, env=environment, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def first_reasons(rule_set: str, signals: dict[str, np.ndarray], num_rows: int) -> list[str]:
    """Gives each document's first failing rule, or an empty string."""
    reasons = [""] * num_rows
    for rule in reversed(RULE_SETS[rule_set].rules):
        values = signals.get(rule.signal)
        if values is not None:
            fails = values < rule.threshold if rule.operator == "<" else values > rule.threshold
            for row in np.flatnonzero(fails).tolist():
                reasons[row] = rule.reason
    return reasons


def c4_rows(texts: list[str]) -> list[dict[str, Any]]:
    """Compares C4's tables. dolma names all that it finds: its first is the first of those in our table's order."""
    theirs_of = {**rival_c4("datatrove", texts), **rival_c4("dolma", texts)}
    rows = []
    for rule_set in ("c4_datatrove", "c4_fineweb", "c4_dolma"):
        order = [rule.reason for rule in RULE_SETS[rule_set].rules]
        theirs = []
        for kept, told, _ in theirs_of[rule_set]:
            known = [our for our in order if set(C4_REASONS.get(our, ())) & set(told.split(","))]
            theirs.append("" if kept else known[0] if known else told or "no_lines_left")
        rows += compare(
            rule_set, [failed[0] if failed else "" for failed, *_ in edited_outcomes(texts, rule_set)], theirs
        )
    return rows


def compare(rule_set: str, ours: list[str], theirs: list[str]) -> list[dict[str, Any]]:
    """Counts agreement by reason: how often each side gives it, and both for the same document."""
    empty = "empty"
    ours_of, theirs_of = Counter(ours), Counter(theirs)
    both = Counter(a for a, b in zip(ours, theirs, strict=True) if a == b)
    rejected = Counter(a or b for a, b in zip(ours, theirs, strict=True) if bool(a) != bool(b))
    same = sum(bool(a) == bool(b) for a, b in zip(ours, theirs, strict=True))
    rows = [
        {
            "rules": rule_set,
            "reason": "all decisions",
            "ours": len(ours) - ours_of[""],
            "theirs": len(ours) - theirs_of[""],
            "both": sum(bool(a and b) for a, b in zip(ours, theirs, strict=True)),
            "one_keeps": len(ours) - same,
            "agreement": same / len(ours),
        }
    ]
    known = [rule.reason for rule in RULE_SETS[rule_set].rules]
    for reason in [*known, *sorted(set(theirs_of) - set(known) - {""})]:
        if ours_of[reason] or theirs_of[reason] or reason != empty:
            differ = sum((a == reason) != (b == reason) for a, b in zip(ours, theirs, strict=True))
            rows.append(
                {
                    "rules": rule_set,
                    "reason": reason,
                    "ours": ours_of[reason],
                    "theirs": theirs_of[reason],
                    "both": both[reason],
                    "one_keeps": rejected[reason],
                    "agreement": 1 - differ / len(ours),
                }
            )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| rule set | first reason | ours | theirs | same document | kept by the other | agreement |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name = f"**{row['rules']}**" if row["reason"] == "all decisions" else ""
        lines.append(
            f"| {name} | {row['reason']} | {row['ours']:,} | {row['theirs']:,} | {row['both']:,} | {row['one_keeps']:,} |"
            f" {row['agreement']:.2%} |"
        )
    return "\n".join(lines)


def write_docs(text: str) -> None:
    page = _DOCS.read_text(encoding="utf-8")
    before, after = page.split(_BEGIN)[0], page.split(_END)[1]
    _DOCS.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


def corpus_speed() -> tuple[float, float]:
    """Measures all source and documentation of this machine once, in batches: its megabytes, and megabytes a second of processor time.

    Most words of a corpus have been met before, but not all: so a job's worker runs, after its first batch.
    """
    texts = [text for kind in ("docs", "code") for text in machine_text(kind, _CORPUS_BYTES)]
    batches: list[list[str]] = [[]]
    size = total = 0
    for text in texts:
        if size > _BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(text)
        size += len(text.encode())
        total += len(text.encode())
    columns = [pa.array(batch, pa.large_string()) for batch in batches]
    seconds = sum(cpu_seconds(lambda column=column: measure(column), 1) for column in columns)
    return total / 1e6, total / 1e6 / seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=0, help="at most so many documents; 0 is all")
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    data = Path(os.environ.get("TAMIS_REFERENCE_DATA") or _ROOT.parent / "shared" / "data")
    samples = agreement_documents(data, arguments.limit)
    texts = [sample.text for sample in samples]
    with tempfile.TemporaryDirectory() as made:
        documents = Path(made) / "documents.jsonl"
        documents.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        datatrove = run_rival("datatrove", documents, Path(made))
        dolma = run_rival("dolma", documents, Path(made))
    column = pa.array(texts, pa.large_string())
    measure(pa.array(["compiled first"], pa.large_string()))
    first_seconds = cpu_seconds(lambda: measure(column), 1)  # of strings never met, as a job's first batch
    signals = {name: np.asarray(values) for name, values in measure(column).to_pydict().items()}
    rows = []
    for rule_set in ("gopher_quality_datatrove", "gopher_repetition_datatrove", "fineweb"):
        theirs = [REASONS.get(reason, reason) for reason in datatrove["decisions"][rule_set]]
        rows += compare(rule_set, first_reasons(rule_set, signals, len(texts)), theirs)
    attributes = {
        ours: np.array([row.get(theirs, 0.0) for row in dolma["attributes"]]) for ours, theirs in ATTRIBUTES.items()
    }
    for rule_set in ("gopher_quality_dolma", "gopher_repetition_dolma"):
        theirs = first_reasons(rule_set, attributes, len(texts))
        rows += compare(rule_set, first_reasons(rule_set, signals, len(texts)), theirs)
    rows += c4_rows(texts)
    equal = {
        name: float(np.mean(np.isclose(signals[name], values, 1e-9, 1e-12))) for name, values in attributes.items()
    }
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    strings_met = megabytes / cpu_seconds(lambda: measure(column), 3)
    corpus_megabytes, corpus = corpus_speed()
    speed = {
        "ours": megabytes / first_seconds,
        "ours_strings_met": strings_met,
        "ours_corpus": corpus,
        "corpus_megabytes": corpus_megabytes,
        "datatrove": megabytes / datatrove["seconds"],
        "dolma": megabytes / dolma["seconds"],
    }
    print(table(rows))
    print(
        "\ndolma's attributes equal to ours:",
        {name: f"{share:.2%}" for name, share in equal.items() if share < 1} or "all",
    )
    print(
        f"MB/s of one core, all groups: {speed['ours']:.1f} on these documents at first sight, {strings_met:.1f} once their words have been"
        f" met, {corpus:.1f} over a corpus of {corpus_megabytes:.0f} MB; datatrove {speed['datatrove']:.2f}, dolma {speed['dolma']:.2f}"
    )
    result = {"documents": len(texts), "megabytes": megabytes, "rows": rows, "dolma_equal": equal, "speed": speed}
    print(f"written: {write_result('agreement', result).name}")
    write_docs(
        f"{len(texts):,} documents, {megabytes:.1f} MB, from: "
        + ", ".join(f"{source} ({count})" for source, count in sorted(Counter(s.source for s in samples).items()))
        + f".\n\n{table(rows)}\n\nOn these documents, on one core: all signals of ours at once {speed['ours']:.0f} MB/s, {speed['ours_strings_met']:.0f} "
        f"once their words have been met, {corpus:.0f} over {corpus_megabytes:.0f} MB of source and documentation; datatrove's four "
        f"filters {speed['datatrove']:.2f} MB/s, {speed['ours'] / speed['datatrove']:.0f} times less; dolma's tagger {speed['dolma']:.2f} MB/s."
    )
    failures = [
        f"{row['rules']}: {row['agreement']:.2%}"
        for row in rows
        if row["reason"] == "all decisions"
        and row["agreement"] < (MIN_DOLMA if row["rules"].endswith("dolma") else MIN_DATATROVE)
    ]
    if speed["ours"] < MIN_TIMES_DATATROVE * speed["datatrove"]:
        failures.append(f"{speed['ours'] / speed['datatrove']:.0f} times datatrove, wanted {MIN_TIMES_DATATROVE:.0f}")
    if corpus < MIN_MEGABYTES_A_SECOND:
        failures.append(f"{corpus:.1f} MB/s over a corpus, wanted {MIN_MEGABYTES_A_SECOND:.0f}")
    for failure in failures:
        print(f"below target: {failure}")
    return 1 if failures and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
