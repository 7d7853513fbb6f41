"""The deduplication stages over the run's files: fingerprints into shuffles, links into verified pairs, pairs into removals.

The decisions themselves are pure and stand in `curation.dedup`; here is what they read and write. Touches the run's folders only.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from columnar.minhash import MinHashPreset, shingles
from curation.dedup.buckets import BUCKET_SHUFFLE, LINKS, MEMBERS, bucket_keys, bucket_links
from curation.dedup.decide import Documents, decide, moved_removals, near_removals
from curation.dedup.exact import EXACT_SHUFFLE, REMOVALS, exact_removals
from curation.dedup.keys import Uint32s, Uint64s, hash_range, pack, unpack
from curation.dedup.shuffle import GroupByRange, KeyedBatch, cut
from curation.dedup.verify import EDGES, SHINGLE_INDEX, ShingleFiles, ShingleReader, candidate_pairs, similar_pairs
from curation.job.layout import BUCKETS, DECISION, EXACT, MEASURE, SHINGLES, URL_EXACT, Layout
from curation.job.layout import EDGES as EDGES_FOLDER
from curation.job.measure import candidates_of, fingerprints_of
from curation.job.parts import LazyPart, read_shard_rows
from curation.job.units import AfterAll, RunRanges, RunShards, numbers
from schemas.failpoints import failpoint
from schemas.files import Part, write_blob, write_part


@dataclass(frozen=True)
class DedupFiles:
    """Finds what earlier stages wrote.

    Args:
        layout: the run.
        num_shards: input shards.
        num_ranges: hash ranges of the exact and bucket shuffles.
        exact: by what the exact_dedup steps go that have run, `text` or `url`, in their order.
    """

    layout: Layout
    num_shards: int
    num_ranges: int
    exact: tuple[str, ...] = ()

    def measured(self, shard: int) -> dict[str, Any]:
        """The marker of a measured shard."""
        return self._marker(MEASURE, shard)

    def exact_removals(self) -> list[Path]:
        """The removals of all exact deduplication, parts by range."""
        return [path for key in self.exact for path in self.removals_by(key)]

    def removals_by(self, key: str) -> list[Path]:
        """The removals of exact deduplication by `text` or `url`, a part a range; none if there is no such step."""
        return self._parts(EXACT_FOLDERS[key], "removals") if key in self.exact else []

    def links(self) -> list[Path]:
        """The candidates' links, a part a range."""
        return self._parts(BUCKETS, "links")

    def members(self) -> list[Path]:
        """The candidates, a part a range."""
        return self._parts(BUCKETS, "members")

    def near_removals(self) -> list[Path]:
        """The removals of near-deduplication."""
        part = self._marker(DECISION, 0)["parts"]["removals"]
        return [self.layout.stage(DECISION) / part["name"]] if part else []

    def edges(self) -> list[Path]:
        """The verified pairs, a part a shard that has some."""
        markers = (self._marker(EDGES_FOLDER, shard) for shard in range(self.num_shards))
        return [
            self.layout.stage(EDGES_FOLDER) / marker["parts"]["edges"]["name"]
            for marker in markers
            if marker["parts"]["edges"]
        ]

    def shingle_files(self) -> dict[int, ShingleFiles]:
        """The shingle files by shard."""
        folder, found = self.layout.stage(SHINGLES), {}
        for shard in range(self.num_shards):
            parts = self._marker(SHINGLES, shard)["parts"]
            if parts["index"]:
                found[shard] = ShingleFiles(folder / parts["index"]["name"], folder / parts["numbers"]["name"])
        return found

    def _parts(self, stage: str, kind: str) -> list[Path]:
        markers = (self._marker(stage, number) for number in range(self.num_ranges))
        return [self.layout.stage(stage) / marker["parts"][kind]["name"] for marker in markers if marker["parts"][kind]]

    def _marker(self, stage: str, number: int) -> dict[str, Any]:
        marker = self.layout.read_marker(stage, number)
        if marker is None:
            raise RuntimeError(f"{self.layout.stage(stage)}: number {number} is not done, but a later stage runs")
        return marker


#: What exact deduplication goes by -> the folder of its stage.
EXACT_FOLDERS = {"text": EXACT, "url": URL_EXACT}

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
        with pq.ParquetFile(path) as file:
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
        taken, names = _EXACT_COLUMNS[self.key]
        columns = {"shard": pa.repeat(pa.scalar(shard, pa.uint32()), batch.num_rows), "row": pa.array(rows)}
        columns.update(zip(("content_hi", "content_lo"), (batch[name] for name in names), strict=True))
        columns.update({name: batch[name] for name in ("dump", "id_hi", "id_lo")})
        spread = pa.RecordBatch.from_arrays([columns[name] for name in EXACT_SHUFFLE.names], schema=EXACT_SHUFFLE)
        gone = read_shard_rows(self._removed_before, shard, REMOVALS, ["row"])["row"].to_numpy()
        spread = spread.filter(pc.and_(batch[taken], pa.array(~np.isin(rows, gone))))
        return spread["content_hi"].to_numpy(), spread

    @cached_property
    def _removed_before(self) -> list[Path]:
        before = self.files.exact[: self.files.exact.index(self.key)]
        return [path for key in before for path in self.files.removals_by(key)]


#: What exact deduplication goes by -> the fingerprints' columns: who is taken, and the two halves of the hash.
_EXACT_COLUMNS = {"text": ("exact", ("content_hi", "content_lo")), "url": ("by_url", ("url_hi", "url_lo"))}


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
        columns = [batch[name].to_numpy()[document] for name in ("dump", "id_hi", "id_lo")]
        columns = [keys, *columns, np.full(document.size, shard, np.uint32), rows[document]]
        return keys, pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=BUCKET_SHUFFLE)

    @cached_property
    def _exact_parts(self) -> list[Path]:
        return self.files.exact_removals()


@dataclass
class ExactTask:
    """Finds the exact duplicates of one range of hashes of text or URL."""

    layout: Layout
    key: str

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the range's removals; gives the marker's body."""
        removals = exact_removals(batches)
        part = _write(self.layout.stage(EXACT_FOLDERS[self.key]), f"removals-{number:05d}", removals)
        return {"parts": {"removals": part}, "rows": removals.num_rows}


@dataclass
class BucketTask:
    """Finds the shared buckets of one range of bucket keys."""

    layout: Layout
    leaders: int

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the range's links and members; gives the marker's body."""
        links, members = bucket_links(batches, self.leaders)
        folder = self.layout.stage(BUCKETS)
        parts = {"links": _write(folder, f"links-{number:05d}", links)}
        failpoint("curate.between_links_and_members")
        parts["members"] = _write(folder, f"members-{number:05d}", members)
        return {"parts": parts, "rows": members.num_rows}


@dataclass
class ShingleTask:
    """Writes the shingles of a shard's candidates, reading its texts once."""

    files: DedupFiles
    preset: MinHashPreset

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes the shingle files; gives the marker's body."""
        tables = read_shard_rows(self._members, shard, MEMBERS, ["row"])
        wanted = np.unique(tables["row"].to_numpy())
        path = candidates_of(self.files.layout, self.files.measured(shard))
        if wanted.size == 0 or path is None:
            return {"parts": {"index": None, "numbers": None}, "rows": 0}
        sizes: list[Any] = []
        folder = self.files.layout.stage(SHINGLES)
        numbers_part = write_blob(folder, f"shingles-{shard:05d}", "u64", self._shingles(path, wanted, sizes))
        failpoint("curate.between_shingles_and_index")
        ends = np.cumsum(np.concatenate(sizes))
        index = pa.RecordBatch.from_arrays([pa.array(wanted), pa.array(ends)], schema=SHINGLE_INDEX)
        parts = {"index": _write(folder, f"index-{shard:05d}", index), "numbers": numbers_part.to_json()}
        return {"parts": parts, "rows": int(wanted.size)}

    @cached_property
    def _members(self) -> list[Path]:
        return self.files.members()

    def _shingles(self, path: Path, wanted: Any, sizes: list[Any]) -> Iterator[bytes]:
        """Yields the wanted documents' shingles in the order of their rows; adds their numbers to `sizes`."""
        first = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024, columns=["text"]):
                begin, end = np.searchsorted(wanted, [first, first + batch.num_rows])
                if end > begin:
                    texts = batch["text"].take(pa.array(wanted[begin:end] - np.uint32(first)))
                    sets = shingles(texts, self.preset)
                    sizes.append(np.diff(sets.offsets.to_numpy()))
                    yield np.ascontiguousarray(sets.flatten().to_numpy(), "<u8").tobytes()
                first += batch.num_rows


@dataclass
class VerifyTask:
    """Compares the candidate pairs whose later document stands in a shard."""

    files: DedupFiles
    threshold: float

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes the pairs that are similar; gives the marker's body."""
        links = read_shard_rows(self._links, shard, LINKS)
        compared = 0
        with LazyPart(self.files.layout.stage(EDGES_FOLDER), f"edges-{shard:05d}", EDGES) as part:
            for pairs in candidate_pairs(links):
                compared += int(pairs.rows.size)
                part.write(similar_pairs(shard, pairs, self._reader, self.threshold))
        failpoint("curate.after_edges")
        parts = {"edges": part.part.to_json() if part.part else None}
        return {"parts": parts, "rows": part.rows, "compared": compared}

    @cached_property
    def _links(self) -> list[Path]:
        return self.files.links()

    @cached_property
    def _reader(self) -> ShingleReader:
        return ShingleReader(self.files.shingle_files())


@dataclass
class DecideTask:
    """Decides over all verified pairs at once, in one worker: 24 bytes a pair and 40 bytes a document that has one."""

    files: DedupFiles

    def __call__(self, number: int) -> dict[str, Any]:
        """Writes the removals of near-deduplication; gives the marker's body."""
        tables = [pq.read_table(path) for path in self.files.edges()]
        edges = pa.concat_tables(tables) if tables else EDGES.empty_table()
        later = pack(edges["shard"].to_numpy(), edges["row"].to_numpy())
        earlier = pack(edges["earlier_shard"].to_numpy(), edges["earlier_row"].to_numpy())
        documents = self._documents(np.unique(np.concatenate((later, earlier))))
        decision = decide(documents, later, earlier, edges["similarity"].to_numpy())
        near = near_removals(documents, decision)
        exact = [pq.read_table(path) for path in self.files.removals_by("text")]
        moved = moved_removals(documents, decision, pa.concat_tables(exact) if exact else REMOVALS.empty_table())
        table = pa.Table.from_batches([near, moved]).sort_by([("shard", "ascending"), ("row", "ascending")])
        part = write_part(self.files.layout.stage(DECISION), f"removals-{number:05d}", table, REMOVALS)
        return {"parts": {"removals": part.to_json()}, "rows": near.num_rows, "moved": moved.num_rows}

    def _documents(self, place: Uint64s) -> Documents:
        """Fetches the order's key of each document from the fingerprints, shard by shard."""
        dump = np.empty(place.size, np.uint32)
        halves = np.empty((2, place.size), np.uint64)
        shards, rows = unpack(place)
        for shard in np.unique(shards).tolist():
            begin, end = np.searchsorted(shards, [shard, shard + 1])
            path = fingerprints_of(self.files.layout, self.files.measured(shard))
            found = pq.read_table(path, columns=["dump", "id_hi", "id_lo"]).take(pa.array(rows[begin:end]))
            dump[begin:end] = found["dump"].to_numpy()
            halves[0, begin:end], halves[1, begin:end] = found["id_hi"].to_numpy(), found["id_lo"].to_numpy()
        return Documents(place, dump, halves[0], halves[1])


def build_exact(pipeline: Any, files: DedupFiles, wanted: range, key: str = "text") -> None:
    """Wires exact deduplication by `text` or `url` of some hash ranges into a pipeline."""
    read = _ReadFingerprints(files, wanted, EXACT_SHUFFLE, SpreadContents(files, key))
    ranges = _shuffle(pipeline, read, EXACT_SHUFFLE, files.num_shards)
    _ = ranges | "ExactDedup" >> RunRanges(files.layout, EXACT_FOLDERS[key], ExactTask(files.layout, key))


def build_buckets(pipeline: Any, files: DedupFiles, wanted: range, leaders: int) -> None:
    """Wires the candidate search of some hash ranges into a pipeline."""
    read = _ReadFingerprints(files, wanted, BUCKET_SHUFFLE, SpreadBands(files))
    ranges = _shuffle(pipeline, read, BUCKET_SHUFFLE, files.num_shards)
    _ = ranges | "Buckets" >> RunRanges(files.layout, BUCKETS, BucketTask(files.layout, leaders))


def _shuffle(pipeline: Any, read: _ReadFingerprints, schema: pa.Schema, num_shards: int) -> Any:
    return (
        numbers(pipeline, range(num_shards))
        | "Spread" >> beam.Reshuffle()
        | "Fingerprints" >> beam.ParDo(read).with_output_types(KeyedBatch)
        | "Shuffle" >> GroupByRange(schema)
    )


def build_verify(pipeline: Any, files: DedupFiles, preset: MinHashPreset, threshold: float) -> None:
    """Wires shingles, verification and the decision into a pipeline, each waiting for all of the one before."""
    shards = list(range(files.num_shards))
    layout = files.layout
    _ = (
        numbers(pipeline, shards)
        | "Shingles" >> RunShards(layout, SHINGLES, ShingleTask(files, preset))
        | "AfterShingles" >> AfterAll(shards)
        | "Verify" >> RunShards(layout, EDGES_FOLDER, VerifyTask(files, threshold))
        | "AfterVerify" >> AfterAll([0])
        | "Decide" >> RunShards(layout, DECISION, DecideTask(files))
    )


def _write(folder: Path, stem: str, batch: pa.RecordBatch) -> dict[str, Any] | None:
    part: Part | None = write_part(folder, stem, pa.Table.from_batches([batch])) if batch.num_rows else None
    return part.to_json() if part else None
