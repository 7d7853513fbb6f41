"""Verifies candidates: every pair is compared by the true Jaccard similarity of its shingle sets. Reads shingle files, no text.

The shingles of all candidates of a shard stand in one file of raw 64-bit numbers, written once while the shard's text is read
once. A worker that verifies fetches those it needs by position, so that no text and no shingle passes a shuffle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.minhash import jaccard_pairs
from curation.dedup.keys import Uint32s, Uint64s, pack, unpack
from schemas.files import read_parquet, read_ranges
from schemas.storage import READ_BYTES, Location

_KEYS = [
    ("order", pa.uint64()),
    ("dump", pa.uint32()),
    ("id_hi", pa.uint64()),
    ("id_lo", pa.uint64()),
]

#: One row a verified pair of which the similarity reaches the threshold: packed pointers of the later and the earlier document,
#: and what the decision orders them by.
EDGES = pa.schema(
    [
        pa.field("place", pa.uint64(), nullable=False),
        pa.field("earlier", pa.uint64(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
        *(pa.field(name, kind, nullable=False) for name, kind in _KEYS),
        pa.field("earlier_order", pa.uint64(), nullable=False),
        pa.field("earlier_dump", pa.uint32(), nullable=False),
        pa.field("earlier_hi", pa.uint64(), nullable=False),
        pa.field("earlier_lo", pa.uint64(), nullable=False),
    ]
)

#: One row a document with shingles, sorted by row: where they end in the shard's file, in numbers (they begin where those of the
#: row before end), its order number, its dump's rank and its id.
SHINGLE_INDEX = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        *(pa.field(name, kind, nullable=False) for name, kind in _KEYS),
    ]
)

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

    index: Location
    numbers: Location


@dataclass(frozen=True)
class _ShardIndex:
    """A shard's `SHINGLE_INDEX`: rows, where each one's shingles begin and the last one's end, and the keys of the order."""

    rows: Uint32s
    bounds: npt.NDArray[np.int64]
    keys: tuple[npt.NDArray[Any], ...]


class ShingleReader:
    """Fetches shingle sets, and the keys of the order, by pointer. Remembers the indexes of the shards it has met last.

    Args:
        files: shard -> its files; a shard without candidates has none.
    """

    def __init__(self, files: dict[int, ShingleFiles]) -> None:
        self._files = files
        self._index = lru_cache(_SHARDS_REMEMBERED)(self._read_index)

    def known(self, pointers: Uint64s) -> npt.NDArray[np.bool_]:
        """Marks the documents whose shingles were written; `pointers` are packed, in any order."""
        mask = np.zeros(len(pointers), np.bool_)
        shards, rows = unpack(pointers)
        for shard in np.unique(shards).tolist():
            if shard in self._files:
                mine = np.flatnonzero(shards == shard)
                mask[mine] = np.isin(rows[mine], self._index(shard).rows)
        return mask

    def sizes(self, pointers: Uint64s) -> npt.NDArray[np.int64]:
        """Gives the number of shingles of each document; `pointers` are packed and sorted."""
        sizes = np.empty(len(pointers), np.int64)
        for _, part, index, at in self._by_shard(pointers):
            sizes[part] = index.bounds[at + 1] - index.bounds[at]
        return sizes

    def keys(self, pointers: Uint64s) -> list[npt.NDArray[Any]]:
        """Gives order number, dump's rank and the two halves of the id of each document; `pointers` are packed and sorted."""
        found: list[npt.NDArray[Any]] = [np.empty(len(pointers), str(kind)) for _, kind in _KEYS]
        for _, part, index, at in self._by_shard(pointers):
            for out, key in zip(found, index.keys, strict=True):
                out[part] = key[at]
        return found

    def fetch(self, pointers: Uint64s) -> pa.LargeListArray:
        """Gives the shingle set of each document; `pointers` are packed, sorted and distinct.

        Raises:
            KeyError: for a document whose shingles were not written.
        """
        bounds = np.concatenate(([0], np.cumsum(self.sizes(pointers))))
        numbers = np.empty(bounds[-1], np.uint64)
        for shard, part, index, at in self._by_shard(pointers):
            out = numbers[bounds[part.start] : bounds[part.stop]]
            _read_slices(self._files[shard].numbers, index.bounds[at], index.bounds[at + 1], out)
        return pa.LargeListArray.from_arrays(pa.array(bounds), pa.array(numbers))

    def _by_shard(self, pointers: Uint64s) -> Iterator[tuple[int, slice, _ShardIndex, npt.NDArray[np.int64]]]:
        """Gives each shard, the part of the pointers that is its, its index, and where in the index they stand."""
        shards, rows = unpack(pointers)
        for shard in np.unique(shards).tolist():
            begin, end = np.searchsorted(shards, [shard, shard + 1]).tolist()
            index = self._index(shard)
            at = np.searchsorted(index.rows, rows[begin:end])
            if at.size and (at[-1] >= index.rows.size or (index.rows[at] != rows[begin:end]).any()):
                raise KeyError(f"shard {shard}: no shingles for some of its candidates")
            yield shard, slice(begin, end), index, at

    def _read_index(self, shard: int) -> _ShardIndex:
        if shard not in self._files:
            raise KeyError(f"shard {shard}: no shingles were written")
        table = read_parquet(self._files[shard].index)
        bounds = np.concatenate(([0], table["end"].to_numpy()))
        return _ShardIndex(table["row"].to_numpy(), bounds, tuple(table[name].to_numpy() for name, _ in _KEYS))


def _read_slices(path: Location, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], out: Uint64s) -> None:
    """Reads numbers `starts[i]:ends[i]` (ascending) of a file one after the other into `out`."""
    gap = _GAP_BYTES if isinstance(path, Path) else READ_BYTES
    near = (np.flatnonzero((starts[1:] - ends[:-1]) * 8 > gap) + 1).tolist()
    runs = list(zip([0, *near], [*near, len(starts)], strict=True))
    to = 0
    blocks = read_ranges(path, [(int(starts[begin]) * 8, int(ends[end - 1]) * 8) for begin, end in runs])
    for (begin, end), content in zip(runs, blocks, strict=True):
        offset = int(starts[begin])
        block = np.frombuffer(content, "<u8")
        for start, stop in zip((starts[begin:end] - offset).tolist(), (ends[begin:end] - offset).tolist(), strict=True):
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
    documents, places = np.unique(np.concatenate((later[similar], pairs.earlier[similar])), return_inverse=True)
    keys = reader.keys(documents)
    columns: list[npt.NDArray[Any]] = [later[similar], pairs.earlier[similar], similarity[similar]]
    for side in (places[: similar.size], places[similar.size :]):
        columns += [key[side] for key in keys]
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
