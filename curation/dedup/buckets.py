"""Candidates of near-deduplication: documents that share a band hash, with large buckets capped by leaders. Pure, over Arrow.

The candidates of a document are, in each of its buckets, the earlier documents among the bucket's first `leaders` in the order
of preference. A bucket of 100,000 copies so gives 3.2 million pairs and not 5e9, and which ones they are does not depend on
shards, batches or workers. Pairs are never written out one by one: a link names the leaders once for all members of a shard.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.keys import Uint64s, pack, runs, unpack
from curation.dedup.shuffle import gather

#: One row a document and band. `order` is the document's order number (`curation.dedup.policy`). Half of the id breaks its ties:
#: two documents of one bucket and one order number that agree in these 64 bits are not met, and 14 rows a document go through.
BUCKET_SHUFFLE = pa.schema(
    [
        pa.field("bucket", pa.uint64(), nullable=False),
        pa.field("order", pa.uint64(), nullable=False),
        pa.field("id_hi", pa.uint64(), nullable=False),
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
    ]
)

_LIST = pa.list_(pa.field("item", pa.uint32(), nullable=False))
#: One row a bucket and shard: the bucket's members in the shard, how many of the leaders come before each, and the leaders.
LINKS = pa.schema(
    [
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("rows", _LIST, nullable=False),
        pa.field("before", _LIST, nullable=False),
        pa.field("leader_shards", _LIST, nullable=False),
        pa.field("leader_rows", _LIST, nullable=False),
    ]
)

#: Documents that stand in a bucket with others, each once, sorted: their shingles will be compared.
MEMBERS = pa.schema([pa.field("shard", pa.uint32(), nullable=False), pa.field("row", pa.uint32(), nullable=False)])

#: One row a bucket and leader, as an index keeps it: sorted by bucket, inside in the order.
ENTRIES = pa.schema(
    [
        pa.field("bucket", pa.uint64(), nullable=False),
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
    ]
)

#: Gives an index's entries of some buckets.
Indexed = Callable[[Uint64s], pa.Table]
Ints = npt.NDArray[np.int64]

_BAND_STEP = np.uint64(0x9E3779B97F4A7C15)


def bucket_keys(bands: Uint64s) -> Uint64s:
    """Gives one 64-bit key a document and band, from uint64[n, bands]; equal hashes in different bands get different keys."""
    with np.errstate(over="ignore"):
        return bands + np.arange(bands.shape[1], dtype=np.uint64) * _BAND_STEP


class Buckets(NamedTuple):
    """What `bucket_links` finds.

    Attributes:
        links: schema `LINKS`, sorted by shard.
        members: schema `MEMBERS`, sorted.
        entries: schema `ENTRIES`, sorted by bucket and inside in the order: the first of each bucket, for an index.
    """

    links: pa.RecordBatch
    members: pa.RecordBatch
    entries: pa.RecordBatch


def bucket_links(batches: Iterable[pa.RecordBatch], leaders: int, indexed: Indexed | None = None) -> Buckets:
    """Finds the buckets with two members and more in one range of bucket keys.

    Args:
        batches: of schema `BUCKET_SHUFFLE`, in any order and any cut; the result is the same.
        leaders: how many of a bucket's earliest members the others meet.
        indexed: gives, of schema `ENTRIES`, what an index holds of some buckets (sorted, distinct), each bucket's entries in the
            order. They come before the documents here and take places among the leaders. Without, no entries are made.
    """
    rows = gather(batches, BUCKET_SHUFFLE)
    own = rows["bucket"].size
    if indexed is not None:
        rows = _behind(indexed(np.unique(rows["bucket"])), rows)
    is_own = np.arange(rows["bucket"].size) >= rows["bucket"].size - own
    shared, chosen, alone = _in_shared_bucket(rows["bucket"])
    keys = [rows[name][chosen] for name in ("row", "shard", "id_hi", "order")]
    order = np.lexsort([*keys, is_own[chosen], shared])
    chosen, shared = chosen[order], shared[order]
    place = pack(rows["shard"][chosen], rows["row"][chosen])
    starts = runs(shared)
    before = np.arange(place.size) - np.repeat(starts[:-1], np.diff(starts))
    links = _links(place, starts, np.where(is_own[chosen], np.minimum(before, leaders), 0))
    shards, member_rows = unpack(np.unique(place[is_own[chosen]]))
    members = pa.RecordBatch.from_arrays([pa.array(shards), pa.array(member_rows)], schema=MEMBERS)
    if indexed is None:
        return Buckets(links, members, pa.RecordBatch.from_pylist([], ENTRIES))
    new = np.concatenate((chosen[(before < leaders) & is_own[chosen]], alone[is_own[alone]]))
    new = new[np.argsort(rows["bucket"][new], kind="stable")]
    columns = [pa.array(rows[name][new]) for name in ENTRIES.names]
    return Buckets(links, members, pa.RecordBatch.from_arrays(columns, schema=ENTRIES))


def _behind(entries: pa.Table, rows: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Puts an index's entries before the rows; their place in the index is their order among each other."""
    first = {name: entries[name].to_numpy() for name in ENTRIES.names}
    first["order"] = np.arange(entries.num_rows, dtype=np.uint64)
    first["id_hi"] = np.zeros(entries.num_rows, np.uint64)
    return {name: np.concatenate((first[name], rows[name])) for name in rows}


def _in_shared_bucket(bucket: Uint64s) -> tuple[Uint64s, Ints, Ints]:
    """Gives the keys that occur twice and more, the rows they stand in, and the other rows: those need no full sort."""
    order = np.argsort(bucket, kind="stable")
    sizes = np.diff(runs(bucket[order]))
    shared = np.repeat(sizes > 1, sizes)
    return bucket[order[shared]], order[shared], order[~shared]


def _links(place: Uint64s, starts: Ints, before: Ints) -> pa.RecordBatch:
    """Builds the links of buckets `place[starts[i]:starts[i + 1]]`, members in order, of which `before` leaders each meets."""
    number = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    members = np.flatnonzero(before > 0)  # the first of a bucket meets nobody
    shard = (place >> np.uint64(32)).astype(np.uint32)
    # Group by (shard, bucket); inside, the order of the bucket stays.
    members = members[np.lexsort((members, number[members], shard[members]))]
    groups = runs(number[members].astype(np.uint64) << np.uint64(32) | shard[members])
    group_starts, group_sizes = groups[:-1], np.diff(groups)
    needed = np.maximum.reduceat(before[members], group_starts) if group_sizes.size else np.empty(0, np.int64)
    first_leader = starts[number[members[group_starts]]]
    leader = np.repeat(first_leader - (np.cumsum(needed) - needed), needed) + np.arange(needed.sum())
    _, row = unpack(place)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(shard[members[group_starts]]),
            _lists(row[members], group_sizes),
            _lists(before[members].astype(np.uint32), group_sizes),
            _lists(shard[leader], needed),
            _lists(row[leader], needed),
        ],
        schema=LINKS,
    )


def _lists(values: npt.NDArray[Any], sizes: npt.NDArray[np.int64]) -> pa.ListArray:
    ends = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(values), type=_LIST)
