"""Exact duplicates: of documents with the same text or URL, the first in the order (dump, id) stays. Pure, over Arrow.

A text's hash is `columnar.hashing.content_hashes`, which white space does not change; a URL's is of its normal form.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from curation.dedup.keys import Uint64s
from curation.dedup.shuffle import gather
from curation.urls import normalise_url

#: One row a document. `shard` and `row` say where it stands, `dump` is the dump's rank by name, `content` hashes text or URL.
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

#: One row a removed document: where it stands, the document that stays in its place, how similar they are (1.0 for an exact
#: duplicate), and the first document of its cluster. `moved` marks an exact duplicate by text whose twin was itself removed as a
#: near duplicate.
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


class UrlHashes(NamedTuple):
    """Two halves of a hash for each document, and which documents have a URL at all; a document without has zeros."""

    there: pa.BooleanArray
    high: Uint64s
    low: Uint64s


def url_hashes(urls: pa.StringArray) -> UrlHashes:
    """Hashes the normal form of each URL: xxh3-128 of `curation.urls.normalise_url` in UTF-8. Null and blank are no URL."""
    halves = np.zeros((len(urls), 2), np.uint64)
    there = np.zeros(len(urls), np.bool_)
    for row, url in enumerate(urls.to_pylist()):
        normal = normalise_url(url) if url else ""
        if normal:
            digest = xxhash.xxh3_128_intdigest(normal.encode("utf-8", "surrogatepass"))
            halves[row] = digest >> 64, digest & 0xFFFFFFFFFFFFFFFF
            there[row] = True
    return UrlHashes(pa.array(there), np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1]))


def exact_removals(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Finds the duplicates among all documents of one range of hashes.

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
