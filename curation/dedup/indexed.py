"""Exact copies of documents that an index holds. Pure, over Arrow.

An index keeps, of each text (or URL) that exact deduplication has let pass, who stands for it now: the document itself, or the
one in whose favour near-deduplication has removed it. A later copy goes at once, with that document as its evidence.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from curation.dedup.exact import EXACT_SHUFFLE, REMOVALS
from curation.dedup.shuffle import gather

#: Stands for the shard of a document that is in no shard of the run.
NO_SHARD = 0xFFFFFFFF

#: One row a distinct text or URL: its hash, the document that stays for it, and the evidence of a copy.
STANDING = pa.schema(
    [
        pa.field("content_hi", pa.uint64(), nullable=False),
        pa.field("content_lo", pa.uint64(), nullable=False),
        pa.field("kept_dump", pa.uint32(), nullable=False),
        pa.field("kept_hi", pa.uint64(), nullable=False),
        pa.field("kept_lo", pa.uint64(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("cluster_hi", pa.uint64(), nullable=False),
        pa.field("cluster_lo", pa.uint64(), nullable=False),
    ]
)


def indexed_copies(rows: pa.Table, standing: pa.Table) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Parts documents into copies of what an index holds and others.

    Args:
        rows: schema `EXACT_SHUFFLE`.
        standing: schema `STANDING`, in any order; no hash twice.

    Returns:
        The copies' removals, schema `REMOVALS`, sorted by (shard, row); the other rows.
    """
    high = np.concatenate([table["content_hi"].to_numpy() for table in (standing, rows)])
    low = np.concatenate([table["content_lo"].to_numpy() for table in (standing, rows)])
    order = np.lexsort((np.arange(high.size), low, high))  # what the index holds comes before its copies
    begins = np.ones(order.size, np.bool_)
    begins[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    first = order[np.maximum.accumulate(np.where(begins, np.arange(order.size), 0))] if order.size else order
    held = np.empty(order.size, np.int64)
    held[order] = first
    held = held[standing.num_rows :]
    copies = np.flatnonzero(held < standing.num_rows)
    others = rows.take(pa.array(np.flatnonzero(held >= standing.num_rows)))
    mine, theirs = rows.take(pa.array(copies)), standing.take(pa.array(held[copies]))
    constants = {
        "kept_shard": np.full(copies.size, NO_SHARD, np.uint32),
        "kept_row": np.zeros(copies.size, np.uint32),
        "moved": np.zeros(copies.size, np.bool_),
    }
    columns = []
    for name in REMOVALS.names:
        if name in constants:
            columns.append(pa.array(constants[name]))
        else:
            columns.append((mine if name in ("shard", "row") else theirs)[name].combine_chunks())
    removals = pa.RecordBatch.from_arrays(columns, schema=REMOVALS)
    return removals.sort_by([("shard", "ascending"), ("row", "ascending")]), _one_batch(others, EXACT_SHUFFLE)


def standing_rows(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Puts batches of schema `STANDING` in the order of their hashes."""
    rows = gather(batches, STANDING)
    order = np.lexsort((rows["content_lo"], rows["content_hi"]))
    return pa.RecordBatch.from_arrays([pa.array(rows[name][order]) for name in STANDING.names], schema=STANDING)


def _one_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=schema)
