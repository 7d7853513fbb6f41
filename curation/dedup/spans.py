"""Copied passages: of spans with the same hash the first in the order (dump, id, place) stays. Pure, over Arrow.

Two rounds keep the shuffles narrow. The first counts anchors, 16 bytes each, and finds those that repeat: most passages of a corpus
stand once. The second brings together the spans that have such an anchor, a row a shard and hash, and finds the first of each.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from columnar.spans import SpanRule
from curation.dedup.keys import Uint64s, runs
from curation.dedup.shuffle import gather
from schemas.steps import SpanDedupRecipe

#: The reason of a document of which too much was cut.
MOSTLY_COPIED = "mostly_copied"

#: Columns of documents that went through span deduplication.
SPAN_FIELDS = (pa.field("span_cut_chars", pa.int64()), pa.field("span_cuts", pa.int32()))


def _numbers(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


#: The anchors of a shard: sorted by hash, each once, and in how many places it stands.
ANCHORS = _numbers(hash=pa.uint64(), count=pa.uint32())
ANCHOR_SHUFFLE = _numbers(hash=pa.uint64(), count=pa.uint32(), shard=pa.uint32())
#: Anchors that repeat, for each shard that has them; sorted by (shard, hash).
REPEATS = _numbers(shard=pa.uint32(), hash=pa.uint64())
#: Spans of a shard with a repeated anchor, sorted by (row, start); `start` and `end` are bytes of the document.
PLACES = _numbers(row=pa.uint32(), start=pa.uint32(), end=pa.uint32(), hash=pa.uint64())
#: One row a shard and hash: in how many places it stands there, and the first of them in the order.
FIRST_SHUFFLE = _numbers(
    hash=pa.uint64(),
    count=pa.uint32(),
    dump=pa.uint32(),
    id_hi=pa.uint64(),
    id_lo=pa.uint64(),
    shard=pa.uint32(),
    row=pa.uint32(),
    start=pa.uint32(),
)
#: Spans that stand often enough, for each shard that has them, and where the one stands that stays; sorted by (shard, hash).
FIRSTS = _numbers(
    shard=pa.uint32(),
    hash=pa.uint64(),
    kept_shard=pa.uint32(),
    kept_row=pa.uint32(),
    kept_start=pa.uint32(),
    kept_dump=pa.uint32(),
    kept_hi=pa.uint64(),
    kept_lo=pa.uint64(),
)


def span_rule(recipe: SpanDedupRecipe) -> SpanRule:
    """Gives the passages that a recipe asks for."""
    size = {"ngram": recipe.ngram, "sentence": recipe.sentences}.get(recipe.unit, 1)
    return SpanRule(recipe.unit, size, recipe.min_chars)


def repeated_anchors(batches: Iterable[pa.RecordBatch], min_copies: int) -> pa.RecordBatch:
    """Finds the anchors of one hash range that stand in at least `min_copies` places.

    Args:
        batches: of schema `ANCHOR_SHUFFLE`, in any order and any cut.
        min_copies: at least 2.

    Returns:
        Schema `REPEATS`.
    """
    rows = gather(batches, ANCHOR_SHUFFLE)
    order = np.argsort(rows["hash"], kind="stable")
    hashes, shards = rows["hash"][order], rows["shard"][order]
    often = _totals(hashes, rows["count"][order]) >= min_copies
    hashes, shards = hashes[often], shards[often]
    by_shard = np.argsort(shards, kind="stable")
    return pa.RecordBatch.from_arrays([pa.array(shards[by_shard]), pa.array(hashes[by_shard])], schema=REPEATS)


def first_spans(batches: Iterable[pa.RecordBatch], min_copies: int) -> pa.RecordBatch:
    """Finds the first place of each span of one hash range that stands in at least `min_copies` places.

    Args:
        batches: of schema `FIRST_SHUFFLE`, in any order and any cut.
        min_copies: at least 2.

    Returns:
        Schema `FIRSTS`.
    """
    rows = gather(batches, FIRST_SHUFFLE)
    order = np.lexsort([rows[name] for name in ("start", "row", "shard", "id_lo", "id_hi", "dump", "hash")])
    hashes = rows["hash"][order]
    bounds = runs(hashes)
    first = order[np.repeat(bounds[:-1], np.diff(bounds))]
    often = _totals(hashes, rows["count"][order]) >= min_copies
    order, first = order[often], first[often]
    by_shard = np.argsort(rows["shard"][order], kind="stable")
    order, first = order[by_shard], first[by_shard]
    kept = [rows[name][first] for name in ("shard", "row", "start", "dump", "id_hi", "id_lo")]
    columns = [rows["shard"][order], rows["hash"][order], *kept]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=FIRSTS)


def _totals(sorted_hashes: Uint64s, counts: Uint64s) -> Uint64s:
    """Gives, for each row, the sum of the counts of its hash."""
    bounds = runs(sorted_hashes)
    if sorted_hashes.size == 0:
        return np.empty(0, np.uint64)
    sums = np.add.reduceat(counts.astype(np.uint64), bounds[:-1])
    return np.repeat(sums, np.diff(bounds))
