"""The first deduplication stages over the run's files: fingerprints into shuffles, into exact removals and candidates' links.

The decisions themselves are pure and stand in `curation.dedup`; here is what they read and write. Touches the run's folders only.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.buckets import BUCKET_SHUFFLE, bucket_keys, bucket_links
from curation.dedup.exact import EXACT_SHUFFLE, REMOVALS, exact_removals
from curation.dedup.indexed import indexed_copies
from curation.dedup.keys import Uint32s, Uint64s, hash_range
from curation.dedup.shuffle import GroupByRange, KeyedBatch, cut
from curation.dedup.verify import ShingleFiles
from curation.job.layout import (
    BUCKETS,
    COMPONENTS,
    DECISION,
    EDGES,
    EXACT,
    MEASURE,
    SEMANTIC,
    SHINGLES,
    URL_EXACT,
    Layout,
)
from curation.job.measure import fingerprints_of
from curation.job.parts import read_shard_rows
from curation.job.signature_index import IndexReader
from curation.job.units import RunRanges, numbers
from schemas.failpoints import failpoint
from schemas.files import Part, open_parquet, write_part
from schemas.storage import Location


@dataclass(frozen=True)
class DedupFiles:
    """Finds what earlier stages wrote.

    Args:
        layout: the run.
        num_shards: input shards.
        num_ranges: hash ranges of the exact and bucket shuffles.
        exact: by what the exact_dedup steps go that have run, `text` or `url`, in their order.
        index: the signature index that the run is deduplicated against, if there is one.
    """

    layout: Layout
    num_shards: int
    num_ranges: int
    exact: tuple[str, ...] = ()
    index: IndexReader | None = None

    def measured(self, shard: int) -> dict[str, Any]:
        """The marker of a measured shard."""
        return self._marker(MEASURE, shard)

    def exact_removals(self) -> list[Location]:
        """The removals of all exact deduplication, parts by range."""
        return [path for key in self.exact for path in self.removals_by(key)]

    def removals_by(self, key: str) -> list[Location]:
        """The removals of exact deduplication by `text` or `url`, a part a range; none if there is no such step."""
        return self._parts(EXACT_FOLDERS[key], "removals") if key in self.exact else []

    def links(self) -> list[Location]:
        """The candidates' links, a part a range."""
        return self._parts(BUCKETS, "links")

    def members(self) -> list[Location]:
        """The candidates, a part a range."""
        return self._parts(BUCKETS, "members")

    def twins(self) -> list[Location]:
        """Whom exact deduplication by text has kept in whose place, by who was kept, a part a range."""
        return self._parts(EXACT, "twins") if "text" in self.exact else []

    def edges_of(self, shard: int) -> Location | None:
        """The verified pairs of a shard; None if it has none."""
        part = self._marker(EDGES, shard)["parts"]["edges"]
        return self.layout.stage(EDGES) / part["name"] if part else None

    def forests(self) -> list[Location]:
        """Spanning forests of the verified pairs, a part a shard that has some."""
        return self._parts(EDGES, "forest", self.num_shards)

    def components(self) -> list[Location]:
        """Which component of verified pairs a document belongs to."""
        return self._parts(COMPONENTS, "components", 1)

    def near_removals(self) -> list[Location]:
        """The removals of near-deduplication, a part a range of components."""
        return self._parts(DECISION, "removals")

    def semantic_removals(self) -> list[Location]:
        """The removals of semantic deduplication, a part a range of clusters."""
        return self._parts(SEMANTIC, "removals")

    def shingle_files(self) -> dict[int, ShingleFiles]:
        """The shingle files by shard, those of indexed shards behind the run's own."""
        folder, found = self.layout.stage(SHINGLES), {}
        for shard, marker in enumerate(self._markers(SHINGLES, self.num_shards)):
            parts = marker["parts"]
            if parts["index"]:
                found[shard] = ShingleFiles(folder / parts["index"]["name"], folder / parts["numbers"]["name"])
        return found | (self.index.shingle_files() if self.index else {})

    def entries(self, number: int) -> Location | None:
        """The first documents of each bucket of a range that an index does not hold; None if there are none."""
        part = self._marker(BUCKETS, number)["parts"]["entries"]
        return self.layout.stage(BUCKETS) / part["name"] if part else None

    def removals_before(self, step: str) -> list[Location]:
        """What exact deduplication has removed before the step by `text` or `url`, a part a range."""
        return [path for key in self.exact[: self.exact.index(step)] for path in self.removals_by(key)]

    def _parts(self, stage: str, kind: str, total: int | None = None) -> list[Location]:
        parts = (marker["parts"][kind] for marker in self._markers(stage, self.num_ranges if total is None else total))
        return [self.layout.stage(stage) / part["name"] for part in parts if part]

    def _markers(self, stage: str, total: int) -> list[dict[str, Any]]:
        """The markers of all numbers of a stage, asked for together: one after the other is slow in an object store."""
        found = self.layout.read_markers(stage, total)
        for number in range(total):
            if number not in found:
                raise self._not_done(stage, number)
        return [found[number] for number in range(total)]

    def _marker(self, stage: str, number: int) -> dict[str, Any]:
        marker = self.layout.read_marker(stage, number)
        if marker is None:
            raise self._not_done(stage, number)
        return marker

    def _not_done(self, stage: str, number: int) -> RuntimeError:
        return RuntimeError(f"{self.layout.stage(stage)}: number {number} is not done, but a later stage runs")


#: What exact deduplication goes by -> the folder of its stage.
EXACT_FOLDERS = {"text": EXACT, "url": URL_EXACT}

#: One row a document that exact deduplication removes, `copy`, sorted by the one that stays.
TWINS = pa.schema(
    [pa.field(name, pa.uint32(), nullable=False) for name in ("shard", "row", "copy_shard", "copy_row")],
)

#: Makes rows for a shuffle of a batch of fingerprints, its shard and its row numbers: the hash that ranges them, and the rows.
Spreader = Callable[[pa.RecordBatch, int, Uint32s], tuple[Uint64s, pa.RecordBatch]]


class _ReadFingerprints(beam.DoFn):
    """Reads a shard's fingerprints as numbers for a shuffle, cut by hash range. Every range gets a batch, maybe without rows."""

    def __init__(self, files: DedupFiles, wanted: range, schema: pa.Schema, spread: Spreader) -> None:
        self._files = files
        self._wanted = wanted
        self._schema = schema
        self._spread = spread

    def process(self, shard: int) -> Iterator[KeyedBatch]:
        if shard == 0:
            # A range that nothing falls into has its marker too.
            empty = pa.RecordBatch.from_pylist([], schema=self._schema)
            yield from ((number, empty) for number in self._wanted)
        path = fingerprints_of(self._files.layout, self._files.measured(shard))
        if path is None:
            return
        first = 0
        with open_parquet(path) as file:
            for batch in file.iter_batches():
                rows = np.arange(first, first + batch.num_rows, dtype=np.uint32)
                first += batch.num_rows
                keys, spread = self._spread(batch, shard, rows)
                yield from cut(spread, hash_range(keys, self._files.num_ranges), self._wanted)


@dataclass
class SpreadContents:
    """Gives one row a document that exact deduplication takes, ranged by its hash of text or URL.

    Args:
        files: of the run.
        key: `text` or `url`; what an exact_dedup step before it has removed is left out.
    """

    files: DedupFiles
    key: str

    def __call__(self, batch: pa.RecordBatch, shard: int, rows: Uint32s) -> tuple[Uint64s, pa.RecordBatch]:
        """Gives the rows of a batch of fingerprints; schema `EXACT_SHUFFLE`."""
        taken, names = EXACT_COLUMNS[self.key]
        columns = {"shard": pa.repeat(pa.scalar(shard, pa.uint32()), batch.num_rows), "row": pa.array(rows)}
        columns.update(zip(("content_hi", "content_lo"), (batch[name] for name in names), strict=True))
        columns.update({name: batch[name] for name in ("dump", "id_hi", "id_lo")})
        spread = pa.RecordBatch.from_arrays([columns[name] for name in EXACT_SHUFFLE.names], schema=EXACT_SHUFFLE)
        gone = read_shard_rows(self._removed_before, shard, REMOVALS, ["row"])["row"].to_numpy()
        spread = spread.filter(pc.and_(batch[taken], pa.array(~np.isin(rows, gone))))
        return spread["content_hi"].to_numpy(), spread

    @cached_property
    def _removed_before(self) -> list[Location]:
        return self.files.removals_before(self.key)


#: What exact deduplication goes by -> the fingerprints' columns: who is taken, and the two halves of the hash.
EXACT_COLUMNS = {"text": ("exact", ("content_hi", "content_lo")), "url": ("by_url", ("url_hi", "url_lo"))}


@dataclass
class SpreadBands:
    """Gives one row a document and band, ranged by bucket; without the documents that exact deduplication has removed."""

    files: DedupFiles

    def __call__(self, batch: pa.RecordBatch, shard: int, rows: Uint32s) -> tuple[Uint64s, pa.RecordBatch]:
        """Gives the rows of a batch of fingerprints; schema `BUCKET_SHUFFLE`."""
        removed = read_shard_rows(self._exact_parts, shard, REMOVALS, ["row"])["row"].to_numpy()
        bands = batch["bands"].flatten().to_numpy().reshape(-1, batch["bands"].type.list_size)
        document, band = np.nonzero((bands != 0) & ~np.isin(rows, removed)[:, None])
        keys = bucket_keys(bands)[document, band]
        columns = [batch[name].to_numpy()[document] for name in ("order", "id_hi")]
        columns = [keys, *columns, np.full(document.size, shard, np.uint32), rows[document]]
        return keys, pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=BUCKET_SHUFFLE)

    @cached_property
    def _exact_parts(self) -> list[Location]:
        return self.files.exact_removals()


@dataclass
class ExactTask:
    """Finds the exact duplicates of one range of hashes of text or URL."""

    files: DedupFiles
    key: str

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the range's removals; gives the marker's body."""
        removals = self._removals(batches)
        folder = self.files.layout.stage(EXACT_FOLDERS[self.key])
        parts = {"removals": write_batch(folder, f"removals-{number:05d}", removals)}
        parts["twins"] = write_batch(folder, f"twins-{number:05d}", _twins(removals))
        return {"parts": parts, "rows": removals.num_rows}

    def _removals(self, batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
        if self.files.index is None:
            return exact_removals(batches)
        rows = pa.Table.from_batches(list(batches), EXACT_SHUFFLE)
        standing = self.files.index.standing(self.key, np.unique(rows["content_hi"].to_numpy()))
        copies, others = indexed_copies(rows, standing)
        both = pa.Table.from_batches([copies, exact_removals([others])])
        both = both.sort_by([("shard", "ascending"), ("row", "ascending")]).combine_chunks()
        return both.to_batches()[0] if both.num_rows else copies


def _twins(removals: pa.RecordBatch) -> pa.RecordBatch:
    """Gives removals sorted by the document that stays; schema `TWINS`."""
    columns = [removals[name] for name in ("kept_shard", "kept_row", "shard", "row")]
    order = np.lexsort([column.to_numpy() for column in reversed(columns)])
    return pa.RecordBatch.from_arrays([column.take(pa.array(order)) for column in columns], schema=TWINS)


@dataclass
class BucketTask:
    """Finds the shared buckets of one range of bucket keys."""

    files: DedupFiles
    leaders: int

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the range's links and members, and what an index will hold of it; gives the marker's body."""
        links, members, entries = bucket_links(
            batches, self.leaders, self.files.index.entries if self.files.index else None
        )
        folder = self.files.layout.stage(BUCKETS)
        parts = {"links": write_batch(folder, f"links-{number:05d}", links)}
        failpoint("curate.between_links_and_members")
        parts["members"] = write_batch(folder, f"members-{number:05d}", members)
        parts["entries"] = write_batch(folder, f"entries-{number:05d}", entries)
        return {"parts": parts, "rows": members.num_rows}


def build_exact(pipeline: Any, files: DedupFiles, wanted: range, key: str = "text") -> None:
    """Wires exact deduplication by `text` or `url` of some hash ranges into a pipeline."""
    read = _ReadFingerprints(files, wanted, EXACT_SHUFFLE, SpreadContents(files, key))
    ranges = _shuffle(pipeline, read, EXACT_SHUFFLE, files.num_shards)
    _ = ranges | "ExactDedup" >> RunRanges(files.layout, EXACT_FOLDERS[key], ExactTask(files, key))


def build_buckets(pipeline: Any, files: DedupFiles, wanted: range, leaders: int) -> None:
    """Wires the candidate search of some hash ranges into a pipeline."""
    read = _ReadFingerprints(files, wanted, BUCKET_SHUFFLE, SpreadBands(files))
    ranges = _shuffle(pipeline, read, BUCKET_SHUFFLE, files.num_shards)
    _ = ranges | "Buckets" >> RunRanges(files.layout, BUCKETS, BucketTask(files, leaders))


def _shuffle(pipeline: Any, read: _ReadFingerprints, schema: pa.Schema, num_shards: int) -> Any:
    return (
        numbers(pipeline, range(num_shards))
        | "Spread" >> beam.Reshuffle()
        | "Fingerprints" >> beam.ParDo(read).with_output_types(KeyedBatch)
        | "Shuffle" >> GroupByRange(schema)
    )


def write_batch(folder: Location, stem: str, batch: pa.RecordBatch) -> dict[str, Any] | None:
    """Writes a part, as JSON in a marker; None for a batch without rows, which leaves no file."""
    part: Part | None = write_part(folder, stem, pa.Table.from_batches([batch])) if batch.num_rows else None
    return part.to_json() if part else None
