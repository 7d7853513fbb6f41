"""Verifies candidates: every pair is compared by the true Jaccard similarity of its shingle sets. Reads shingle files, no text.

The shingles of all candidates of a shard stand in one file of raw 64-bit numbers, written once while the shard's text is read
once. A worker that verifies fetches those it needs by position, so that no text and no shingle passes a shuffle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from columnar.minhash import jaccard_pairs
from curation.dedup.keys import Uint32s, Uint64s, pack, unpack

#: One row a verified pair of which the similarity reaches the threshold; `shard` and `row` are the later document.
EDGES = pa.schema(
    [
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("earlier_shard", pa.uint32(), nullable=False),
        pa.field("earlier_row", pa.uint32(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
    ]
)

#: Where each document's shingles end in the shard's file, in numbers; they begin where the row before ends.
SHINGLE_INDEX = pa.schema([pa.field("row", pa.uint32(), nullable=False), pa.field("end", pa.int64(), nullable=False)])

_PAIRS_AT_ONCE = 1 << 16
_FETCH_BYTES = 128 << 20
_SHARDS_REMEMBERED = 64
#: Documents that stand closer than this in a file are fetched in one read.
_GAP_BYTES = 1 << 16


class Pairs(NamedTuple):
    """Candidate pairs of one shard: the later documents' rows, and the earlier ones as packed pointers (shard, row)."""

    rows: Uint32s
    earlier: Uint64s


def candidate_pairs(links: pa.Table, pairs_at_once: int = _PAIRS_AT_ONCE) -> Iterator[Pairs]:
    """Spells out the pairs that the links of one shard stand for, each once, sorted by row and pointer.

    Args:
        links: schema `curation.dedup.buckets.LINKS`, all of one shard, in any order.
        pairs_at_once: about how many pairs, repeats included, are held at a time; a document's own are never parted.

    Yields:
        Pairs; no document's rows in two of them.
    """
    links = links.combine_chunks()
    if links.num_rows == 0:
        return
    rows, before = _values(links["rows"]), _values(links["before"]).astype(np.int64)
    leaders = pack(_values(links["leader_shards"]), _values(links["leader_rows"]))
    sizes, leader_sizes = _sizes(links["rows"]), _sizes(links["leader_rows"])
    first = np.repeat(np.cumsum(leader_sizes) - leader_sizes, sizes)
    order = np.argsort(rows, kind="stable")
    rows, before, first = rows[order], before[order], first[order]
    total = np.cumsum(before)
    start = 0
    while start < rows.size:
        reached = total[start] - before[start] + pairs_at_once
        stop = max(int(np.searchsorted(total, reached, "right")), start + 1)
        stop = int(np.searchsorted(rows, rows[stop - 1], "right"))
        yield _spell_out(rows[start:stop], before[start:stop], first[start:stop], leaders)
        start = stop


def _spell_out(rows: Uint32s, before: npt.NDArray[np.int64], first: npt.NDArray[np.int64], leaders: Uint64s) -> Pairs:
    spread = np.repeat(first - (np.cumsum(before) - before), before) + np.arange(before.sum())
    later, earlier = np.repeat(rows, before), leaders[spread]
    order = np.lexsort([earlier, later])
    later, earlier = later[order], earlier[order]
    distinct = np.ones(later.size, np.bool_)
    distinct[1:] = (later[1:] != later[:-1]) | (earlier[1:] != earlier[:-1])
    return Pairs(later[distinct], earlier[distinct])


def _values(column: pa.ChunkedArray) -> npt.NDArray[np.uint32]:
    return np.concatenate([chunk.flatten().to_numpy() for chunk in column.chunks])


def _sizes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.concatenate([np.diff(chunk.offsets.to_numpy()) for chunk in column.chunks]).astype(np.int64)


@dataclass(frozen=True)
class ShingleFiles:
    """The shingle files of one shard."""

    index: Path
    numbers: Path


class ShingleReader:
    """Fetches shingle sets by pointer. Remembers the indexes of the shards it has met last.

    Args:
        files: shard -> its files; a shard without candidates has none.
    """

    def __init__(self, files: dict[int, ShingleFiles]) -> None:
        self._files = files
        self._bounds = lru_cache(_SHARDS_REMEMBERED)(self._read_bounds)

    def sizes(self, pointers: Uint64s) -> npt.NDArray[np.int64]:
        """Gives the number of shingles of each document; `pointers` are packed and sorted."""
        starts, ends = self._places(pointers)
        return ends - starts

    def fetch(self, pointers: Uint64s) -> pa.LargeListArray:
        """Gives the shingle set of each document; `pointers` are packed, sorted and distinct.

        Raises:
            KeyError: for a document whose shingles were not written.
        """
        starts, ends = self._places(pointers)
        bounds = np.concatenate(([0], np.cumsum(ends - starts)))
        numbers = np.empty(bounds[-1], np.uint64)
        shards, _ = unpack(pointers)
        for shard in np.unique(shards).tolist():
            begin, end = np.searchsorted(shards, [shard, shard + 1])
            path = self._files[shard].numbers
            _read_slices(path, starts[begin:end], ends[begin:end], numbers[bounds[begin] : bounds[end]])
        return pa.LargeListArray.from_arrays(pa.array(bounds), pa.array(numbers))

    def _places(self, pointers: Uint64s) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        shards, rows = unpack(pointers)
        starts, ends = np.empty(len(pointers), np.int64), np.empty(len(pointers), np.int64)
        for shard in np.unique(shards).tolist():
            begin, end = np.searchsorted(shards, [shard, shard + 1])
            known, bounds = self._bounds(shard)
            at = np.searchsorted(known, rows[begin:end])
            if at.size and (at[-1] >= known.size or (known[at] != rows[begin:end]).any()):
                raise KeyError(f"shard {shard}: no shingles for some of its candidates")
            starts[begin:end], ends[begin:end] = bounds[at], bounds[at + 1]
        return starts, ends

    def _read_bounds(self, shard: int) -> tuple[Uint32s, npt.NDArray[np.int64]]:
        if shard not in self._files:
            raise KeyError(f"shard {shard}: no shingles were written")
        table = pq.read_table(self._files[shard].index)
        return table["row"].to_numpy(), np.concatenate(([0], table["end"].to_numpy()))


def _read_slices(path: Path, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], out: Uint64s) -> None:
    """Reads numbers `starts[i]:ends[i]` (ascending) of a file one after the other into `out`."""
    near = np.flatnonzero((starts[1:] - ends[:-1]) * 8 > _GAP_BYTES) + 1
    to = 0
    with path.open("rb") as handle:
        for begin, end in zip([0, *near.tolist()], [*near.tolist(), len(starts)], strict=True):
            offset = int(starts[begin])
            handle.seek(offset * 8)
            block = np.frombuffer(handle.read((int(ends[end - 1]) - offset) * 8), "<u8")
            for start, stop in zip(
                (starts[begin:end] - offset).tolist(), (ends[begin:end] - offset).tolist(), strict=True
            ):
                out[to : to + stop - start] = block[start:stop]
                to += stop - start


def similar_pairs(shard: int, pairs: Pairs, reader: ShingleReader, threshold: float) -> pa.RecordBatch:
    """Compares candidate pairs; gives those of at least `threshold` as a batch of schema `EDGES`, in the pairs' order."""
    later = pack(np.full(pairs.rows.size, shard, np.uint32), pairs.rows)
    similarity = np.empty(later.size, np.float64)
    for start, stop in _portions(later, pairs.earlier, reader):
        documents, places = np.unique(
            np.concatenate((later[start:stop], pairs.earlier[start:stop])), return_inverse=True
        )
        left, right = places[: stop - start], places[stop - start :]
        similarity[start:stop] = jaccard_pairs(reader.fetch(documents), left.astype(np.int32), right.astype(np.int32))
    similar = np.flatnonzero(similarity >= threshold)
    shards, rows = unpack(later[similar])
    earlier_shards, earlier_rows = unpack(pairs.earlier[similar])
    columns = [shards, rows, earlier_shards, earlier_rows, similarity[similar]]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=EDGES)


def _portions(later: Uint64s, earlier: Uint64s, reader: ShingleReader) -> Iterator[tuple[int, int]]:
    """Cuts pairs so that the shingles of a portion's documents take at most `_FETCH_BYTES`, a single pair excepted."""
    pending = [(0, later.size)]
    while pending:
        start, stop = pending.pop()
        documents = np.unique(np.concatenate((later[start:stop], earlier[start:stop])))
        if stop - start > 1 and int(reader.sizes(documents).sum()) * 8 > _FETCH_BYTES:
            middle = (start + stop) // 2
            pending += [(middle, stop), (start, middle)]
        elif stop > start:
            yield start, stop
