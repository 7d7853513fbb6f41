"""Adds a run to a signature index: writes the files of its segment, and in the end the one that makes them count.

What a segment holds is said in `curation.job.signature_index`. Touches the run's folders and the index's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.minhash import MinHashPreset
from curation.dedup.exact import REMOVALS
from curation.dedup.indexed import STANDING, standing_rows
from curation.dedup.keys import hash_range
from curation.dedup.shuffle import GroupByRange, KeyedBatch, cut
from curation.job.dedup_stages import EXACT_COLUMNS, DedupFiles, write_batch
from curation.job.layout import SEGMENT_ENTRIES, SEGMENT_SHARDS, SEGMENT_STANDING
from curation.job.measure import fingerprints_of, minhash_preset
from curation.job.near_stages import write_shingles
from curation.job.parts import read_shard_rows
from curation.job.plan import Plan
from curation.job.signature_index import index_folder, index_settings, publish_segment, read_segments
from curation.job.units import RunRanges, RunShards, numbers
from schemas.errors import UserError
from schemas.failpoints import failpoint
from schemas.files import open_parquet, read_parquet
from schemas.storage import Location


@dataclass
class SegmentShardTask:
    """Writes the shingles of the documents of a shard that near-deduplication has kept: 8 bytes a distinct shingle."""

    files: DedupFiles
    preset: MinHashPreset
    folder: Location

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes the shard's shingles into the index; gives the marker's body."""
        path = fingerprints_of(self.files.layout, self.files.measured(shard))
        wanted = np.empty(0, np.uint32)
        if path is not None:
            gone = read_shard_rows(self._removals, shard, REMOVALS, ["row"])["row"].to_numpy()
            wanted = np.setdiff1d(np.flatnonzero(_has_bands(path)), gone).astype(np.uint32)
        parts = write_shingles(self.files, shard, wanted, self.preset, self.folder)
        failpoint("curate.after_segment_shard")
        return {"parts": parts, "rows": int(wanted.size)}

    @cached_property
    def _removals(self) -> list[Location]:
        return [*self.files.exact_removals(), *self.files.near_removals()]


def _has_bands(fingerprints: Location) -> npt.NDArray[np.bool_]:
    """Marks the documents that near-deduplication takes: those of its sources that have a word."""
    bands = read_parquet(fingerprints, ["bands"])["bands"].combine_chunks()
    marked: npt.NDArray[np.bool_] = (bands.flatten().to_numpy().reshape(len(bands), bands.type.list_size) != 0).any(
        axis=1
    )
    return marked


@dataclass
class SegmentEntriesTask:
    """Puts the entries of one range of buckets into the index."""

    files: DedupFiles
    folder: Location

    def __call__(self, number: int) -> dict[str, Any]:
        """Writes the range's entries; gives the marker's body."""
        path = self.files.entries(number)
        if path is None:
            return {"parts": {"entries": None}, "rows": 0}
        entries = read_parquet(path).combine_chunks().to_batches()[0]
        return {
            "parts": {"entries": write_batch(self.folder, f"entries-{number:05d}", entries)},
            "rows": entries.num_rows,
        }


class _ReadStanding(beam.DoFn):
    """Reads which texts or URLs of a shard are the first, and who stands for them, cut by range. Every range gets a batch."""

    def __init__(self, files: DedupFiles, key: str, wanted: range) -> None:
        self._files = files
        self._key = key
        self._wanted = wanted

    def process(self, shard: int) -> Iterator[KeyedBatch]:
        if shard == 0:
            empty = pa.RecordBatch.from_pylist([], schema=STANDING)
            yield from ((number, empty) for number in self._wanted)
        path = fingerprints_of(self._files.layout, self._files.measured(shard))
        if path is None:
            return
        before = [*self._files.removals_before(self._key), *self._files.removals_by(self._key)]
        gone = read_shard_rows(before, shard, REMOVALS, ["row"])["row"].to_numpy()
        # An exact copy by URL has another text: near-deduplication says nothing of it.
        near = read_shard_rows(self._files.near_removals() if self._key == "text" else [], shard, REMOVALS)
        first = 0
        with open_parquet(path) as file:
            for batch in file.iter_batches():
                rows = np.arange(first, first + batch.num_rows)
                first += batch.num_rows
                stays = batch[EXACT_COLUMNS[self._key][0]].to_numpy(zero_copy_only=False) & ~np.isin(rows, gone)
                standing = _standing(batch, self._key, rows, near).filter(pa.array(stays))
                ranges = hash_range(standing["content_hi"].to_numpy(), self._files.num_ranges)
                yield from cut(standing, ranges, self._wanted)


def _standing(batch: pa.RecordBatch, key: str, rows: npt.NDArray[np.int64], near: pa.Table) -> pa.RecordBatch:
    """Gives who stands for each document of a batch: itself, or the one that near-deduplication has kept in its place."""
    high, low = EXACT_COLUMNS[key][1]
    own = {"content_hi": high, "content_lo": low, "kept_dump": "dump", "kept_hi": "id_hi", "kept_lo": "id_lo"}
    own |= {"cluster_hi": "id_hi", "cluster_lo": "id_lo"}
    columns = {name: batch[column].to_numpy().copy() for name, column in own.items()}
    columns["similarity"] = np.ones(batch.num_rows)
    mine = np.flatnonzero(np.isin(near["row"].to_numpy(), rows) & ~near["moved"].to_numpy())
    at = near["row"].to_numpy()[mine] - rows[0] if rows.size else mine
    for name in STANDING.names[2:]:
        columns[name][at] = near[name].to_numpy()[mine]
    return pa.RecordBatch.from_arrays([pa.array(columns[name]) for name in STANDING.names], schema=STANDING)


@dataclass
class SegmentStandingTask:
    """Puts one range of the distinct texts or URLs into the index."""

    key: str
    folder: Location

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the range; gives the marker's body."""
        standing = standing_rows(batches)
        part = write_batch(self.folder, f"standing-{self.key}-{number:05d}", standing)
        failpoint("curate.after_standing")
        return {"parts": {"standing": part}, "rows": standing.num_rows}


def segment_folder(plan: Plan) -> Location:
    """Gives the folder of a run's segment. The plan names an index."""
    folder = index_folder(plan.recipe, Path(plan.base))
    if folder is None:
        raise ValueError(f"run {plan.run_id} has no index")
    return folder / plan.run_id


def build_segment(pipeline: Any, files: DedupFiles, plan: Plan, shards: list[int], ranges: list[int]) -> None:
    """Wires the shingles of some shards and the entries of some ranges into a pipeline."""
    folder = segment_folder(plan)
    shard_task = SegmentShardTask(files, minhash_preset(plan), folder)
    _ = (
        pipeline
        | "Shards" >> beam.Create(shards, reshuffle=False).with_output_types(int)
        | "SegmentShards" >> RunShards(files.layout, SEGMENT_SHARDS, shard_task)
    )
    _ = (
        pipeline
        | "Ranges" >> beam.Create(ranges, reshuffle=False).with_output_types(int)
        | "SegmentEntries" >> RunShards(files.layout, SEGMENT_ENTRIES, SegmentEntriesTask(files, folder))
    )


def build_standing(pipeline: Any, files: DedupFiles, plan: Plan, key: str, wanted: range) -> None:
    """Wires the distinct texts or URLs of some ranges into a pipeline."""
    ranges = (
        numbers(pipeline, range(files.num_shards))
        | "Spread" >> beam.Reshuffle()
        | "Standing" >> beam.ParDo(_ReadStanding(files, key, wanted)).with_output_types(KeyedBatch)
        | "Shuffle" >> GroupByRange(STANDING)
    )
    task = SegmentStandingTask(key, segment_folder(plan))
    _ = ranges | "SegmentStanding" >> RunRanges(files.layout, SEGMENT_STANDING + key, task)


def check_added(plan: Plan) -> None:
    """Refuses to take a run for finished of which the index does not hold the segment: the index is another one now.

    Raises:
        UserError: says so.
    """
    if plan.index is not None and plan.adds_to_index:
        folder, number = segment_folder(plan).parent, len(plan.index.runs)
        segments = read_segments(folder)
        if number >= len(segments) or segments[number]["run"] != plan.run_id:
            raise UserError(f"{folder}: this run is finished, but the index no longer holds it; --fresh adds it again")


def add_segment(plan: Plan, files: DedupFiles) -> None:
    """Makes the segment count, once all of its files are there. See `publish_segment` for errors."""
    if plan.index is None or plan.near is None or plan.near.near_dedup is None or not plan.adds_to_index:
        return
    failpoint("curate.before_segment")
    layout = files.layout

    def parts(folder: str, kind: str, total: int) -> list[Any]:
        return [marker["parts"][kind] for _, marker in sorted(layout.read_markers(folder, total).items())]

    shards = [marker["parts"] for _, marker in sorted(layout.read_markers(SEGMENT_SHARDS, files.num_shards).items())]
    segment = {
        "run": plan.run_id,
        "name": plan.recipe.name,
        "dumps": plan.own_dumps,
        "settings": index_settings(plan.recipe, plan.near.near_dedup),
        "shards": shards,
        "entries": parts(SEGMENT_ENTRIES, "entries", files.num_ranges),
        "standing": {key: parts(SEGMENT_STANDING + key, "standing", files.num_ranges) for key in files.exact},
    }
    publish_segment(segment_folder(plan).parent, len(plan.index.runs), segment)
    failpoint("curate.after_segment")
