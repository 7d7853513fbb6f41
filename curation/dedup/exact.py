"""Exact duplicates: of documents with the same content hash, the first in the order (dump, id) stays. Pure, over Arrow."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from curation.dedup.shuffle import gather

#: One row a document. `shard` and `row` say where it stands, `dump` is the dump's rank by name.
EXACT_SHUFFLE = pa.schema(
    [
        pa.field("content_hi", pa.uint64(), nullable=False),
        pa.field("content_lo", pa.uint64(), nullable=False),
        pa.field("dump", pa.uint32(), nullable=False),
        pa.field("id_hi", pa.uint64(), nullable=False),
        pa.field("id_lo", pa.uint64(), nullable=False),
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
    ]
)

#: One row a removed document: where it stands, the document that stays in its place, how similar they are, and the first
#: document of its cluster. `moved` marks an exact duplicate whose twin was itself removed as a near duplicate.
REMOVALS = pa.schema(
    [
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("kept_shard", pa.uint32(), nullable=False),
        pa.field("kept_row", pa.uint32(), nullable=False),
        pa.field("kept_dump", pa.uint32(), nullable=False),
        pa.field("kept_hi", pa.uint64(), nullable=False),
        pa.field("kept_lo", pa.uint64(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("cluster_hi", pa.uint64(), nullable=False),
        pa.field("cluster_lo", pa.uint64(), nullable=False),
        pa.field("moved", pa.bool_(), nullable=False),
    ]
)


def exact_removals(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Finds the duplicates among all documents of one range of content hashes.

    Args:
        batches: of schema `EXACT_SHUFFLE`, in any order and any cut; the result is the same.

    Returns:
        Schema `REMOVALS`, sorted by (shard, row).
    """
    rows = gather(batches, EXACT_SHUFFLE)
    order = np.lexsort([rows[name] for name in ("row", "shard", "id_lo", "id_hi", "dump", "content_lo", "content_hi")])
    high, low = rows["content_hi"][order], rows["content_lo"][order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    first = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    removed, kept = order[~begins], first[~begins]
    by_place = np.lexsort([rows["row"][removed], rows["shard"][removed]])
    removed, kept = removed[by_place], kept[by_place]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(rows["shard"][removed]),
            pa.array(rows["row"][removed]),
            pa.array(rows["shard"][kept]),
            pa.array(rows["row"][kept]),
            pa.array(rows["dump"][kept]),
            pa.array(rows["id_hi"][kept]),
            pa.array(rows["id_lo"][kept]),
            pa.array(np.ones(len(kept))),
            pa.array(rows["id_hi"][kept]),
            pa.array(rows["id_lo"][kept]),
            pa.array(np.zeros(len(kept), np.bool_)),
        ],
        schema=REMOVALS,
    )
