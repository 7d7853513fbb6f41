"""What decontamination found, by evaluation set, with examples. Reads evidence of evenly spread row groups, then the few texts shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from service.report.facts import BenchmarkFact, PassageFact, Sampled
from service.report.highlight import Span, excerpt
from service.report.parquet import Scan
from service.report.twins import Documents

#: Rows of evidence that are looked at; more are sampled by row groups.
MAX_EVIDENCE = 1_000_000
MAX_BENCHMARKS = 40
#: Passages that are shown of each set: of different items, the longest first.
MAX_EXAMPLES = 3
#: Characters of a text that are shown around a passage, about, and of a passage.
MAX_SHOWN = 500
_CONTEXT = 100
_COUNTED = ("benchmark", "id", "item", "words")
_SHOWN = (*_COUNTED, "start", "end", "text")


def benchmark_facts(files: Sequence[Path], documents: Documents) -> tuple[list[BenchmarkFact], Sampled]:
    """Gives each evaluation set that documents share passages with, those with the most documents first.

    Args:
        files: of the contamination contract.
        documents: where the texts are.
    """
    scan = Scan(files, MAX_EVIDENCE)
    counted, longest = [], []
    for _, batch in scan.batches(_SHOWN):
        frame = pl.DataFrame(pl.from_arrow(batch))
        counted.append(frame.select(_COUNTED))
        longest.append(_longest(frame))
    if not counted:
        return [], scan.sampled
    sums = pl.concat(counted).group_by("benchmark").agg(
        documents=pl.col("id").n_unique(), items=pl.col("item").n_unique(), passages=pl.len(), words=pl.col("words").max()
    )  # fmt: skip
    sums = sums.sort(["documents", "benchmark"], descending=[True, False]).head(MAX_BENCHMARKS)
    examples = _longest(pl.concat(longest)).rows_by_key("benchmark", named=True)
    texts = documents.fetch({row["id"] for rows in examples.values() for row in rows}, ("id", "text"))
    facts = [
        BenchmarkFact(**row, examples=[_passage(shown, texts) for shown in examples[row["benchmark"]]])
        for row in sums.to_dicts()
    ]
    return facts, scan.sampled


def _longest(frame: pl.DataFrame) -> pl.DataFrame:
    """Gives the longest passage of each of some items of every set."""
    ordered = frame.sort(["benchmark", "words", "item", "id", "start"], descending=[False, True, False, False, False])
    return ordered.unique(["benchmark", "item"], keep="first", maintain_order=True).group_by(
        "benchmark", maintain_order=True
    ).head(MAX_EXAMPLES)  # fmt: skip


def _passage(row: dict[str, Any], texts: dict[str, dict[str, Any]]) -> PassageFact:
    text, start, end = texts.get(row["id"], {}).get("text") or "", row["start"], row["end"]
    if text[start:end] != row["text"]:  # a later step has changed the text: the passage alone is shown
        text, start, end = row["text"], 0, len(row["text"])
    first, last = max(0, start - _CONTEXT), end + _CONTEXT
    shown = excerpt(text[first:last], [Span(start - first, end - first, "")], MAX_SHOWN)
    return PassageFact(row["item"], row["id"], row["words"], shown)
