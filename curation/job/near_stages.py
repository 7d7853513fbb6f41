"""Near-deduplication after the candidates are known: shingles, verified pairs, their components, and who goes.

Shingles and verification are work on a shard, the components are joined by one worker from what the shards have thinned out, and
the decision is a shuffle by component. The decisions themselves are pure and stand in `curation.dedup`. Touches the run's folders.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.minhash import MinHashPreset, shingles
from curation.dedup.buckets import LINKS, MEMBERS
from curation.dedup.components import COMPONENTS, FOREST, components, spanning_forest
from curation.dedup.decide import DECISION_SHUFFLE, near_decision
from curation.dedup.keys import Uint64s, hash_range, pack, unpack
from curation.dedup.shuffle import GroupByRange, KeyedBatch, cut
from curation.dedup.verify import EDGES, SHINGLE_INDEX, Pairs, ShingleReader, candidate_pairs, similar_pairs
from curation.job.dedup_stages import TWINS, DedupFiles, write_batch
from curation.job.layout import COMPONENTS as COMPONENTS_FOLDER
from curation.job.layout import DECISION, SHINGLES
from curation.job.layout import EDGES as EDGES_FOLDER
from curation.job.measure import candidates_of, fingerprints_of
from curation.job.parts import LazyPart, read_shard_rows
from curation.job.units import AfterAll, RunRanges, RunShards, numbers
from schemas.failpoints import failpoint
from schemas.files import open_parquet, read_parquet, write_blob
from schemas.storage import Location

_TEXT_ROWS = 1024
_SCATTER = np.uint64(0x9E3779B97F4A7C15)


@dataclass
class ShingleTask:
    """Writes the shingles of a shard's candidates, reading its texts once."""

    files: DedupFiles
    preset: MinHashPreset

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes the shingle files; gives the marker's body."""
        wanted = np.unique(read_shard_rows(self._members, shard, MEMBERS, ["row"])["row"].to_numpy())
        parts = write_shingles(self.files, shard, wanted, self.preset, self.files.layout.stage(SHINGLES))
        return {"parts": parts, "rows": int(wanted.size)}

    @cached_property
    def _members(self) -> list[Location]:
        return self.files.members()


def write_shingles(
    files: DedupFiles, shard: int, wanted: npt.NDArray[np.uint32], preset: MinHashPreset, folder: Location
) -> dict[str, Any]:
    """Writes the shingles of some documents of a shard, and their index.

    Args:
        files: of the run.
        shard: the shard.
        wanted: rows of its candidates, sorted.
        preset: of the shingles.
        folder: where to.

    Returns:
        The parts by name: `index` (schema `SHINGLE_INDEX`) and `numbers`; both None if no row is wanted.
    """
    marker = files.measured(shard)
    texts, fingerprints = candidates_of(files.layout, marker), fingerprints_of(files.layout, marker)
    if wanted.size == 0 or texts is None or fingerprints is None:
        return {"index": None, "numbers": None}
    sizes: list[npt.NDArray[np.int64]] = []
    numbers_part = write_blob(folder, f"shingles-{shard:05d}", "u64", _shingles(texts, wanted, preset, sizes))
    failpoint("curate.between_shingles_and_index")
    keys = read_parquet(fingerprints, SHINGLE_INDEX.names[2:]).take(pa.array(wanted))
    ends = pa.array(np.cumsum(np.concatenate(sizes)))
    columns = [pa.array(wanted), ends, *(column.combine_chunks() for column in keys.columns)]
    index = write_batch(folder, f"index-{shard:05d}", pa.RecordBatch.from_arrays(columns, schema=SHINGLE_INDEX))
    return {"index": index, "numbers": numbers_part.to_json()}


def _shingles(
    path: Location, wanted: npt.NDArray[np.uint32], preset: MinHashPreset, sizes: list[npt.NDArray[np.int64]]
) -> Iterator[bytes]:
    """Yields the wanted documents' shingles in the order of their rows; adds how many each has to `sizes`."""
    first = 0
    with open_parquet(path) as file:
        for batch in file.iter_batches(batch_size=_TEXT_ROWS, columns=["text"]):
            begin, end = np.searchsorted(wanted, [first, first + batch.num_rows])
            if end > begin:
                sets = shingles(batch["text"].take(pa.array(wanted[begin:end] - np.uint32(first))), preset)
                sizes.append(np.diff(sets.offsets.to_numpy()))
                yield np.ascontiguousarray(sets.flatten().to_numpy(), "<u8").tobytes()
            first += batch.num_rows


@dataclass
class VerifyTask:
    """Compares the candidate pairs whose later document stands in a shard."""

    files: DedupFiles
    threshold: float

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes the pairs that are similar, and a spanning forest of them; gives the marker's body."""
        links = read_shard_rows(self._links, shard, LINKS)
        compared = 0
        ends: list[tuple[Uint64s, Uint64s]] = []
        folder = self.files.layout.stage(EDGES_FOLDER)
        with LazyPart(folder, f"edges-{shard:05d}", EDGES) as part:
            for candidates in candidate_pairs(links):
                pairs = self._staying(candidates)
                compared += int(pairs.rows.size)
                similar = similar_pairs(shard, pairs, self._reader, self.threshold)
                part.write(similar)
                ends.append(_thinned(similar["place"].to_numpy(), similar["earlier"].to_numpy()))
        failpoint("curate.after_edges")
        place, earlier = (
            (np.concatenate([np.empty(0, np.uint64), *side]) for side in zip(*ends, strict=True)) if ends else _NO_ENDS
        )
        forest = pa.RecordBatch.from_arrays([pa.array(side) for side in _thinned(place, earlier)], schema=FOREST)
        parts = {
            "edges": part.part.to_json() if part.part else None,
            "forest": write_batch(folder, f"forest-{shard:05d}", forest),
        }
        return {"parts": parts, "rows": part.rows, "compared": compared}

    def _staying(self, pairs: Pairs) -> Pairs:
        """Leaves out indexed documents that were removed when they came: nobody goes for them, and the index has no shingles."""
        if self.files.index is None:
            return pairs
        stays = pairs.earlier >> np.uint64(32) < self.files.num_shards
        stays[~stays] = self._reader.known(pairs.earlier[~stays])
        return Pairs(pairs.rows[stays], pairs.earlier[stays])

    @cached_property
    def _links(self) -> list[Location]:
        return self.files.links()

    @cached_property
    def _reader(self) -> ShingleReader:
        return ShingleReader(self.files.shingle_files())


_NO_ENDS = (np.empty(0, np.uint64), np.empty(0, np.uint64))


def _thinned(place: Uint64s, earlier: Uint64s) -> tuple[Uint64s, Uint64s]:
    joins = spanning_forest(place, earlier)
    return place[joins], earlier[joins]


@dataclass
class ComponentsTask:
    """Joins the shards' forests to components, in one worker: about 60 bytes for each document that has a verified pair."""

    files: DedupFiles

    def __call__(self, number: int) -> dict[str, Any]:
        """Writes which component each document belongs to; gives the marker's body."""
        ends = [_NO_ENDS]
        for path in self.files.forests():
            table = read_parquet(path)
            ends.append((table["place"].to_numpy(), table["earlier"].to_numpy()))
        found = components(*(np.concatenate(side) for side in zip(*ends, strict=True)))
        shard, row = unpack(found.place)
        columns = [pa.array(shard), pa.array(row), pa.array(found.component)]
        named = pa.RecordBatch.from_arrays(columns, schema=COMPONENTS)
        part = write_batch(self.files.layout.stage(COMPONENTS_FOLDER), f"components-{number:05d}", named)
        return {"parts": {"components": part}, "rows": named.num_rows}


class _ReadEdges(beam.DoFn):
    """Reads a shard's verified pairs, and the exact copies of its documents that have some, cut by component.

    Every range gets a batch, maybe without rows.
    """

    def __init__(self, files: DedupFiles, wanted: range, num_ranges: int) -> None:
        self._files = files
        self._wanted = wanted
        self._num_ranges = num_ranges

    def process(self, shard: int) -> Iterator[KeyedBatch]:
        if shard == 0:
            empty = pa.RecordBatch.from_pylist([], schema=DECISION_SHUFFLE)
            yield from ((number, empty) for number in self._wanted)
        named = read_shard_rows(self._files.components(), shard, COMPONENTS, ["row", "component"])
        rows, component = named["row"].to_numpy(), named["component"].to_numpy()
        for batch in self._pairs(shard):
            _, row = unpack(batch["place"].to_numpy())
            yield from self._cut(batch, component[np.searchsorted(rows, row)])
        twins = read_shard_rows(self._files.twins(), shard, TWINS, TWINS.names[1:])
        twin = twins["row"].to_numpy()
        known = np.flatnonzero(np.isin(twin, rows))
        if known.size:
            copies = _copies(shard, twins.take(pa.array(known)))
            yield from self._cut(copies, component[np.searchsorted(rows, twin[known])])

    def _pairs(self, shard: int) -> Iterator[pa.RecordBatch]:
        path = self._files.edges_of(shard)
        if path is None:
            return
        with open_parquet(path) as file:
            for batch in file.iter_batches():
                no_copy = pa.repeat(pa.scalar(0, pa.uint8()), batch.num_rows)
                yield pa.RecordBatch.from_arrays([*batch.columns, no_copy], schema=DECISION_SHUFFLE)

    def _cut(self, batch: pa.RecordBatch, component: Uint64s) -> Iterator[KeyedBatch]:
        return cut(batch, hash_range(component * _SCATTER, self._num_ranges), self._wanted)


def _copies(shard: int, twins: pa.Table) -> pa.RecordBatch:
    """Gives rows of the decision's shuffle that name exact copies of a shard's documents."""
    known = {
        "place": pack(twins["copy_shard"].to_numpy(), twins["copy_row"].to_numpy()),
        "earlier": pack(np.full(twins.num_rows, shard, np.uint32), twins["row"].to_numpy()),
        "copy": np.ones(twins.num_rows, np.uint8),
    }
    columns = [known.get(field.name, np.zeros(twins.num_rows, str(field.type))) for field in DECISION_SHUFFLE]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=DECISION_SHUFFLE)


@dataclass
class DecideTask:
    """Decides over the components of one range."""

    files: DedupFiles

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the removals of near-deduplication; gives the marker's body."""
        removals = near_decision(batches)
        moved = int(np.count_nonzero(removals["moved"].to_numpy(zero_copy_only=False)))
        part = write_batch(self.files.layout.stage(DECISION), f"removals-{number:05d}", removals)
        failpoint("curate.after_decision")
        return {"parts": {"removals": part}, "rows": removals.num_rows - moved, "moved": moved}


def build_verify(pipeline: Any, files: DedupFiles, preset: MinHashPreset, threshold: float) -> None:
    """Wires shingles, verification and components into a pipeline, each waiting for all of the one before."""
    shards = list(range(files.num_shards))
    layout = files.layout
    _ = (
        numbers(pipeline, shards)
        | "Shingles" >> RunShards(layout, SHINGLES, ShingleTask(files, preset))
        | "AfterShingles" >> AfterAll(shards)
        | "Verify" >> RunShards(layout, EDGES_FOLDER, VerifyTask(files, threshold))
        | "AfterVerify" >> AfterAll([0])
        | "Components" >> RunShards(layout, COMPONENTS_FOLDER, ComponentsTask(files))
    )


def build_decide(pipeline: Any, files: DedupFiles, wanted: range, num_ranges: int) -> None:
    """Wires the decision over some ranges of components into a pipeline."""
    ranges = (
        numbers(pipeline, range(files.num_shards))
        | "Spread" >> beam.Reshuffle()
        | "Edges" >> beam.ParDo(_ReadEdges(files, wanted, num_ranges)).with_output_types(KeyedBatch)
        | "Shuffle" >> GroupByRange(DECISION_SHUFFLE)
    )
    _ = ranges | "Decide" >> RunRanges(files.layout, DECISION, DecideTask(files))
