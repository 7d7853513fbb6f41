"""The stages of span deduplication over the run's files: which passages repeat, where each stands first, and what is cut of a shard.

Touches the run's folders only. See `curation.dedup.spans` for the two rounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.spans import HashSet, SpanRule, count_anchors, find_spans
from curation.dedup.keys import Uint64s, pack, runs
from curation.dedup.shuffle import row_bytes
from curation.dedup.spans import (
    ANCHOR_SHUFFLE,
    ANCHORS,
    FIRST_SHUFFLE,
    FIRSTS,
    PLACES,
    REPEATS,
    first_spans,
    repeated_anchors,
    span_rule,
)
from curation.job.dedup_stages import DedupFiles
from curation.job.layout import SPAN_ANCHORS, SPAN_FIRSTS, SPAN_PLACES, SPAN_REPEATS, Layout
from curation.job.parts import LazyPart, read_shard_rows
from curation.job.removals import RemovingStep
from curation.job.survivors import Shuffled, Survivors
from curation.job.units import RunRanges
from schemas.failpoints import failpoint
from schemas.files import read_parquet, write_part
from schemas.steps import StepRecipe
from schemas.storage import Location

#: About how many bytes of text there are to an anchor, to guess how large the first shuffle will be.
_TEXT_BYTES_AN_ANCHOR = {"line": 60, "paragraph": 200, "sentence": 80, "ngram": 60}
#: Of a document's places in the order and in bytes, as one number.
_HALF = np.uint64(32)


@dataclass(frozen=True)
class SpanFiles:
    """What the stages of span deduplication need, and where they leave what.

    Args:
        files: of the run.
        step: the span_dedup step.
        before: the steps that remove whole documents, all of which come before.
        num_ranges: hash ranges of both shuffles.
    """

    files: DedupFiles
    step: StepRecipe
    before: tuple[RemovingStep, ...]
    num_ranges: int

    @property
    def layout(self) -> Layout:
        """The run."""
        return self.files.layout

    @property
    def rule(self) -> SpanRule:
        """The passages that are looked at."""
        if self.step.span_dedup is None:
            raise ValueError(f"step {self.step.title!r} is no span_dedup step")
        return span_rule(self.step.span_dedup)

    @property
    def min_copies(self) -> int:
        """In so many places a passage must stand to be cut."""
        return self.step.span_dedup.min_copies if self.step.span_dedup else 2

    @property
    def max_cut_share(self) -> float:
        """A document that loses a larger share of its characters goes."""
        return self.step.span_dedup.max_cut_share if self.step.span_dedup else 1.0

    def survivors(self) -> Survivors:
        """The documents that the step takes."""
        return Survivors(self.files, self.before, frozenset(self.step.sources))

    def part_of(self, folder: str, number: int) -> Location | None:
        """The part of a shard or range; None if it has no rows."""
        marker = self.layout.read_marker(folder, number)
        if marker is None:
            raise RuntimeError(f"{self.layout.stage(folder)}: number {number} is not done, but a later stage runs")
        part = marker["parts"]["rows"]
        return self.layout.stage(folder) / part["name"] if part else None

    def range_parts(self, folder: str) -> list[Location]:
        """The parts of all hash ranges."""
        found = (self.part_of(folder, number) for number in range(self.num_ranges))
        return [part for part in found if part is not None]


def anchor_bytes(text_bytes: int, unit: str) -> int:
    """Guesses the bytes of the first shuffle from those of the texts; the second's are known when it comes."""
    return text_bytes // _TEXT_BYTES_AN_ANCHOR[unit] * row_bytes(ANCHOR_SHUFFLE)


@dataclass
class AnchorTask:
    """Counts the anchors of a shard."""

    spans: SpanFiles

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes them, schema `ANCHORS`; gives the marker's body."""
        hashes, counts = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for some in self._survivors.texts(shard):
            found = count_anchors(some.texts, self.spans.rule)
            hashes.append(found[0])
            counts.append(found[1])
        distinct, place = np.unique(np.concatenate(hashes), return_inverse=True)
        total = np.bincount(place, np.concatenate(counts), distinct.size).astype(np.uint32)
        table = pa.Table.from_arrays([pa.array(distinct), pa.array(total)], schema=ANCHORS)
        return _write(self.spans.layout.stage(SPAN_ANCHORS), f"anchors-{shard:05d}", table)

    @cached_property
    def _survivors(self) -> Survivors:
        return self.spans.survivors()


@dataclass
class ReadAnchors:
    """Gives the anchors of a shard to the first shuffle."""

    spans: SpanFiles

    def __call__(self, shard: int) -> tuple[Uint64s, pa.RecordBatch]:
        """Gives them ranged by hash; schema `ANCHOR_SHUFFLE`."""
        path = self.spans.part_of(SPAN_ANCHORS, shard)
        table = ANCHORS.empty_table() if path is None else read_parquet(path)
        columns = [table[name].combine_chunks() for name in ("hash", "count")]
        columns.append(pa.repeat(pa.scalar(shard, pa.uint32()), table.num_rows))
        return columns[0].to_numpy(), pa.RecordBatch.from_arrays(columns, schema=ANCHOR_SHUFFLE)


@dataclass
class RepeatTask:
    """Finds the repeated anchors of one hash range."""

    spans: SpanFiles

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes them, schema `REPEATS`; gives the marker's body."""
        repeats = repeated_anchors(batches, self.spans.min_copies)
        return _write(self.spans.layout.stage(SPAN_REPEATS), f"repeats-{number:05d}", pa.Table.from_batches([repeats]))


@dataclass
class PlaceTask:
    """Finds the spans of a shard that have a repeated anchor."""

    spans: SpanFiles

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes them, schema `PLACES`; gives the marker's body."""
        repeated = read_shard_rows(self._repeats, shard, REPEATS, ["hash"])["hash"].to_numpy()
        with LazyPart(self.spans.layout.stage(SPAN_PLACES), f"places-{shard:05d}", PLACES) as part:
            if repeated.size:
                anchors = HashSet(repeated)
                for some in self._survivors.texts(shard):
                    found = find_spans(some.texts, self.spans.rule, anchors)
                    columns = [some.rows[found.rows], found.starts, found.ends, found.hashes]
                    arrays = [pa.array(column).cast(kind) for column, kind in zip(columns, PLACES.types, strict=True)]
                    part.write(pa.RecordBatch.from_arrays(arrays, schema=PLACES))
        failpoint("curate.after_places")
        return {"parts": {"rows": part.part.to_json() if part.part else None}, "rows": part.rows}

    @cached_property
    def _survivors(self) -> Survivors:
        return self.spans.survivors()

    @cached_property
    def _repeats(self) -> list[Location]:
        return self.spans.range_parts(SPAN_REPEATS)


@dataclass
class ReadPlaces:
    """Gives the second shuffle, of each hash of a shard, the first place and how many there are."""

    spans: SpanFiles

    def __call__(self, shard: int) -> tuple[Uint64s, pa.RecordBatch]:
        """Gives them ranged by hash; schema `FIRST_SHUFFLE`."""
        path = self.spans.part_of(SPAN_PLACES, shard)
        if path is None:
            return np.empty(0, np.uint64), pa.RecordBatch.from_pylist([], schema=FIRST_SHUFFLE)
        table = read_parquet(path, ["row", "start", "hash"])
        rows, starts, hashes = (table[name].to_numpy() for name in ("row", "start", "hash"))
        keys = self._survivors.keys(shard)
        order = np.lexsort((keys.ranks()[rows] << _HALF | starts.astype(np.uint64), hashes))
        bounds = runs(hashes[order])
        first = order[bounds[:-1]]
        row = rows[first]
        place = np.full(first.size, shard, np.uint32)
        columns = [
            hashes[first],
            np.diff(bounds).astype(np.uint32),
            *(key[row] for key in keys),
            place,
            row,
            starts[first],
        ]
        batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=FIRST_SHUFFLE)
        return hashes[first], batch

    @cached_property
    def _survivors(self) -> Survivors:
        return self.spans.survivors()


@dataclass
class FirstTask:
    """Finds where each repeated span of one hash range stands first."""

    spans: SpanFiles

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes it, schema `FIRSTS`; gives the marker's body."""
        firsts = first_spans(batches, self.spans.min_copies)
        return _write(self.spans.layout.stage(SPAN_FIRSTS), f"firsts-{number:05d}", pa.Table.from_batches([firsts]))


def build_repeats(pipeline: Any, spans: SpanFiles, wanted: range) -> None:
    """Wires the search of repeated anchors in some hash ranges into a pipeline."""
    shuffled = Shuffled(
        spans.files, SPAN_ANCHORS, AnchorTask(spans), ReadAnchors(spans), ANCHOR_SHUFFLE, spans.num_ranges
    )
    _ = shuffled.wire(pipeline, wanted) | "Repeats" >> RunRanges(spans.layout, SPAN_REPEATS, RepeatTask(spans))


def build_firsts(pipeline: Any, spans: SpanFiles, wanted: range) -> None:
    """Wires the search of first places in some hash ranges into a pipeline."""
    shuffled = Shuffled(spans.files, SPAN_PLACES, PlaceTask(spans), ReadPlaces(spans), FIRST_SHUFFLE, spans.num_ranges)
    _ = shuffled.wire(pipeline, wanted) | "Firsts" >> RunRanges(spans.layout, SPAN_FIRSTS, FirstTask(spans))


class Cuts(NamedTuple):
    """The passages that are cut of some documents, sorted by (row, start), and where each stood first.

    Attributes:
        rows: uint32[n], the document.
        starts: int64[n], bytes of its text.
        ends: int64[n], likewise.
        kept: uint64[n], packed pointer of the document that has the passage first; may be the document itself.
        kept_dump: uint32[n], rank of its dump.
        kept_hi: uint64[n], first half of its id.
        kept_lo: uint64[n], second half.
    """

    rows: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    kept: Uint64s
    kept_dump: npt.NDArray[np.uint32]
    kept_hi: Uint64s
    kept_lo: Uint64s

    def between(self, first: int, stop: int) -> "Cuts":
        """Gives those of rows `first` to `stop - 1`, counted from `first`."""
        begin, end = np.searchsorted(self.rows, [first, stop])
        some = self.slice(int(begin), int(end))
        return some._replace(rows=some.rows - np.uint32(first))

    def slice(self, begin: int, end: int) -> "Cuts":
        """Gives the cuts `begin` to `end - 1`."""
        arrays: Any = (column[begin:end] for column in self)
        return Cuts(*arrays)


@dataclass
class CutReader:
    """Reads what is cut of the documents of a shard, once all stages of span deduplication are done."""

    spans: SpanFiles

    def read(self, shard: int) -> Cuts:
        """Gives the cuts of one shard: every place of a span that stands often enough, but for the first of all."""
        path = self.spans.part_of(SPAN_PLACES, shard)
        places = PLACES.empty_table() if path is None else read_parquet(path)
        firsts = read_shard_rows(self._firsts, shard, FIRSTS)
        firsts = firsts.take(pa.array(np.argsort(firsts["hash"].to_numpy(), kind="stable")))
        known, hashes = firsts["hash"].to_numpy(), places["hash"].to_numpy()
        at = np.searchsorted(known, hashes)
        at[at == known.size] = 0
        found = np.flatnonzero(known[at] == hashes) if known.size else np.empty(0, np.int64)
        first = firsts.take(pa.array(at[found]))
        rows, starts = places["row"].to_numpy()[found], places["start"].to_numpy()[found]
        kept = pack(first["kept_shard"].to_numpy(), first["kept_row"].to_numpy())
        is_first = (kept == pack(np.full(rows.size, shard, np.uint32), rows)) & (
            first["kept_start"].to_numpy() == starts
        )
        columns: Any = (
            rows,
            starts.astype(np.int64),
            places["end"].to_numpy()[found].astype(np.int64),
            kept,
            *(first[f"kept_{name}"].to_numpy() for name in ("dump", "hi", "lo")),
        )
        return Cuts(*(column[~is_first] for column in columns))

    @cached_property
    def _firsts(self) -> list[Location]:
        return self.spans.range_parts(SPAN_FIRSTS)


def _write(folder: Location, stem: str, table: pa.Table) -> dict[str, Any]:
    part = write_part(folder, stem, table) if table.num_rows else None
    return {"parts": {"rows": part.to_json() if part else None}, "rows": table.num_rows}
