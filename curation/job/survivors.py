"""The documents that some deduplication steps have left, and numbers about them on their way into a shuffle. Touches the run's folders."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.keys import Uint32s, Uint64s, hash_range
from curation.dedup.shuffle import GroupByRange, KeyedBatch, cut
from curation.job.dedup_stages import DedupFiles
from curation.job.measure import candidates_of, fingerprints_of
from curation.job.removals import RemovalReader, RemovingStep
from curation.job.units import RunShards, ShardTask, numbers
from curation.steps.outcome import rows_of
from schemas.files import open_parquet, read_parquet

_BATCH_ROWS = 1024


class SurvivorTexts(NamedTuple):
    """Some documents of a shard: their rows among its candidates, and their texts."""

    rows: Uint32s
    texts: pa.LargeStringArray


class Keys(NamedTuple):
    """What the order (dump, id) goes by, for every candidate of a shard."""

    dump: Uint32s
    id_hi: Uint64s
    id_lo: Uint64s

    def ranks(self) -> npt.NDArray[np.uint64]:
        """Gives each document's place in the order."""
        ranks = np.empty(self.dump.size, np.uint64)
        ranks[np.lexsort((self.id_lo, self.id_hi, self.dump))] = np.arange(self.dump.size)
        return ranks


@dataclass
class Survivors:
    """Reads the documents that a step takes: of its sources, and not removed before.

    Args:
        files: of the run.
        before: the steps that remove whole documents before it.
        sources: that the step is for; none means all.
    """

    files: DedupFiles
    before: Sequence[RemovingStep]
    sources: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def _removals(self) -> RemovalReader:
        return RemovalReader(self.files, self.before)

    def texts(self, shard: int) -> Iterator[SurvivorTexts]:
        """Yields the documents of a shard in the order of their rows, some at a time."""
        path = candidates_of(self.files.layout, self.files.measured(shard))
        if path is None:
            return
        removed = self._removals.read(shard)
        first = 0
        with open_parquet(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=["text", "source"]):
                stays = removed.between(first, first + batch.num_rows).stay(batch.num_rows)
                taken = np.flatnonzero(stays & rows_of(batch, self.sources))
                if taken.size:
                    yield SurvivorTexts((taken + first).astype(np.uint32), batch["text"].take(pa.array(taken)))
                first += batch.num_rows

    def keys(self, shard: int) -> Keys:
        """Gives what the order goes by for all candidates of a shard that has some."""
        path = fingerprints_of(self.files.layout, self.files.measured(shard))
        if path is None:
            raise RuntimeError(f"shard {shard} has no candidates")
        table = read_parquet(path, ["dump", "id_hi", "id_lo"])
        return Keys(*(table[name].to_numpy() for name in Keys._fields))


#: Gives a shard's rows for a shuffle, and the hash that ranges each.
ShardRows = Callable[[int], tuple[Uint64s, pa.RecordBatch]]


class _ReadRows(beam.DoFn):
    """Cuts a shard's rows by hash range. Every range gets a batch, maybe without rows, so that it has its marker."""

    def __init__(self, read: ShardRows, schema: pa.Schema, num_ranges: int, wanted: range) -> None:
        self._read = read
        self._schema = schema
        self._num_ranges = num_ranges
        self._wanted = wanted

    def process(self, shard: int) -> Iterator[KeyedBatch]:
        if shard == 0:
            empty = pa.RecordBatch.from_pylist([], schema=self._schema)
            yield from ((number, empty) for number in self._wanted)
        keys, rows = self._read(shard)
        yield from cut(rows, hash_range(keys, self._num_ranges), self._wanted)


@dataclass(frozen=True)
class Shuffled:
    """A map over shards and a shuffle of what each has written, in one pipeline.

    Attributes:
        files: of the run.
        folder: of the map's markers.
        task: the map.
        read: gives the rows that a shard sends into the shuffle.
        schema: of these rows.
        num_ranges: hash ranges of the shuffle.
    """

    files: DedupFiles
    folder: str
    task: ShardTask
    read: ShardRows
    schema: pa.Schema
    num_ranges: int

    def wire(self, pipeline: Any, wanted: range) -> Any:
        """Wires it into a pipeline; gives the ranges of `wanted` with their batches."""
        mapped = numbers(pipeline, range(self.files.num_shards)) | "Map" >> RunShards(
            self.files.layout, self.folder, self.task
        )
        read = beam.ParDo(_ReadRows(self.read, self.schema, self.num_ranges, wanted)).with_output_types(KeyedBatch)
        return mapped | "Rows" >> read | "Shuffle" >> GroupByRange(self.schema)
