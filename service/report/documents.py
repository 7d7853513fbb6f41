"""Lengths and languages of documents before and after curation, from the columns of the kept and removed rows.

Reads numbers and labels of row groups spread evenly over the files, and text only where a length was not measured.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from service.report.facts import LanguageFact, LengthFact, Sampled
from service.report.parquet import Scan
from service.report.selected import log_bins

#: Documents whose lengths and languages are looked at; a larger corpus is sampled by row groups.
MAX_DOCUMENTS = 1_000_000
#: Bins of the length histogram a factor of ten.
LENGTH_BINS_PER_DECADE = 6
MAX_SOURCES = 8
MAX_LANGUAGES = 20
_COLUMNS = ("source", "language", "chars")


@dataclass
class _Seen:
    """Documents of one source: lengths in characters, before and after."""

    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class DocumentFacts:
    """What `document_facts` gives."""

    lengths: Sequence[LengthFact]
    languages: Sequence[LanguageFact]
    sampled: Sampled


def document_facts(kept: Sequence[Path], removed: Sequence[Path]) -> DocumentFacts:
    """Counts lengths by source and languages over the kept and removed documents.

    Args:
        kept: files of the documents contract.
        removed: files of the rejects contract.
    """
    scan = Scan([*kept, *removed], MAX_DOCUMENTS)
    stays = set(kept)
    by_source: dict[str, _Seen] = {}
    languages: dict[str, list[int]] = {}
    for path, batch in scan.batches(_COLUMNS, fill={"chars": "text"}):
        after = path in stays
        lengths = _lengths(batch)
        for source, length, count in _counted(batch.column("source"), lengths):
            seen = by_source.setdefault(source, _Seen())
            seen.before[length] += count
            if after:
                seen.after[length] += count
        if "language" in batch.schema.names:
            for value in pc.value_counts(batch.column("language").drop_null()).to_pylist():
                counts = languages.setdefault(value["values"], [0, 0])
                counts[0] += value["counts"]
                counts[1] += value["counts"] if after else 0
    return DocumentFacts(_length_facts(by_source), _language_facts(languages), scan.sampled)


def _lengths(batch: pa.RecordBatch) -> pa.Array:
    """Gives characters a document: as measured, or of the text where nothing was."""
    names = batch.schema.names
    if "text" not in names:
        return batch.column("chars")
    counted = pc.cast(pc.utf8_length(batch.column("text")), pa.int64())
    return pc.coalesce(batch.column("chars"), counted) if "chars" in names else counted


def _counted(sources: pa.Array, lengths: pa.Array) -> list[tuple[str, int, int]]:
    table = pa.table({"source": sources, "length": lengths})
    grouped = table.group_by(["source", "length"]).aggregate([([], "count_all")])
    return [(row["source"], row["length"], row["count_all"]) for row in grouped.to_pylist()]


def _length_facts(by_source: Mapping[str, _Seen]) -> list[LengthFact]:
    whole = _Seen()
    for seen in by_source.values():
        whole.before.update(seen.before)
        whole.after.update(seen.after)
    if not whole.before:
        return []
    edges, _ = log_bins(whole.before, LENGTH_BINS_PER_DECADE)
    ordered = sorted(by_source, key=lambda source: (-by_source[source].before.total(), source))
    shown = [("", whole)] if len(ordered) > 1 else []
    shown.extend((source, by_source[source]) for source in ordered[:MAX_SOURCES])
    return [
        LengthFact(
            source=source,
            edges=edges,
            before=_binned(seen.before, edges),
            after=_binned(seen.after, edges),
            median_before=_median(seen.before),
            median_after=_median(seen.after),
        )
        for source, seen in shown
    ]


def _binned(counted: Mapping[int, int], edges: Sequence[float]) -> list[int]:
    own_edges, counts = log_bins(counted, LENGTH_BINS_PER_DECADE)
    bins = [0] * (len(edges) - 1)
    if own_edges:
        start = min(range(len(edges)), key=lambda place: abs(edges[place] / own_edges[0] - 1))
        bins[start : start + len(counts)] = counts
    return bins


def _median(counted: Counter[int]) -> int:
    half, passed = counted.total() / 2, 0
    for length in sorted(counted):
        passed += counted[length]
        if passed >= half:
            return length
    return 0


def _language_facts(languages: Mapping[str, Sequence[int]]) -> list[LanguageFact]:
    ordered = sorted(languages, key=lambda name: (-languages[name][0], name))
    facts = [LanguageFact(name, languages[name][0], languages[name][1]) for name in ordered[:MAX_LANGUAGES]]
    others = ordered[MAX_LANGUAGES:]
    if others:
        sums = [sum(languages[name][place] for name in others) for place in (0, 1)]
        facts.append(LanguageFact(f"{len(others)} others", sums[0], sums[1]))
    return facts
