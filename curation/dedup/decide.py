"""Decides which near-duplicates go. Pure, over arrays.

In the order of preference, a document goes if and only if it is verified similar to an earlier one that stays. The document that
stays in its place (`kept_id`) is the earliest such one, so the evidence does not change when later dumps come. Clusters, the
connected components of verified pairs, are evidence too and decide nothing: being similar does not pass on. But no pair leads out
of a component, so components can be decided apart from each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.components import flatten, unite
from curation.dedup.exact import REMOVALS
from curation.dedup.keys import Uint32s, Uint64s, unpack
from curation.dedup.shuffle import gather
from curation.dedup.verify import EDGES

#: One row a verified pair, or (`copy` is 1) an exact copy `place` that was removed for the document `earlier`.
DECISION_SHUFFLE = pa.schema([*EDGES, pa.field("copy", pa.uint8(), nullable=False)])


@dataclass(frozen=True)
class Documents:
    """The documents that have a verified pair: packed pointers (sorted, distinct), and what the order goes by for each."""

    place: Uint64s
    order: Uint64s
    dump: Uint32s
    id_hi: Uint64s
    id_lo: Uint64s


@dataclass(frozen=True)
class Decision:
    """What becomes of `Documents`, row by row.

    Attributes:
        kept: the row of the document that stays in this one's place; -1 for one that stays itself.
        similarity: to that document; 1.0 for one that stays.
        cluster: the row of the first document of its connected component.
    """

    kept: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    cluster: npt.NDArray[np.int64]


def near_decision(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Decides over whole components.

    Args:
        batches: of schema `DECISION_SHUFFLE`, in any order and any cut; the result is the same. All pairs of a component are
            there, and the exact copies of its documents.

    Returns:
        Schema `REMOVALS`, sorted by (shard, row): the near-duplicates that go, and the corrected evidence of exact copies.
    """
    rows = gather(batches, DECISION_SHUFFLE)
    pairs = np.flatnonzero(rows["copy"] == 0)
    later, earlier = rows["place"][pairs], rows["earlier"][pairs]
    place, at = np.unique(np.concatenate((later, earlier)), return_index=True)
    sides = (("order", "earlier_order"), ("dump", "earlier_dump"), ("id_hi", "earlier_hi"), ("id_lo", "earlier_lo"))
    keys = [np.concatenate((rows[one][pairs], rows[other][pairs]))[at] for one, other in sides]
    documents = Documents(place, *keys)
    decision = decide(documents, later, earlier, rows["similarity"][pairs])
    copies = np.flatnonzero(rows["copy"])
    moved = moved_removals(documents, decision, rows["place"][copies], rows["earlier"][copies])
    table = pa.Table.from_batches([near_removals(documents, decision), moved])
    table = table.sort_by([("shard", "ascending"), ("row", "ascending")]).combine_chunks()
    return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], REMOVALS)


def decide(documents: Documents, later: Uint64s, earlier: Uint64s, similarity: npt.NDArray[np.float64]) -> Decision:
    """Applies the rule to verified pairs.

    Args:
        documents: every document of a pair.
        later: packed pointer of each pair's later document.
        earlier: that of its earlier one.
        similarity: of each pair, at least the threshold.

    Raises:
        ValueError: if a pair's documents are not in the order.
    """
    order = np.lexsort((documents.place, documents.id_lo, documents.id_hi, documents.order))
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    later_rank = rank[np.searchsorted(documents.place, later)]
    earlier_rank = rank[np.searchsorted(documents.place, earlier)]
    if (earlier_rank >= later_rank).any():
        raise ValueError("a pair's earlier document comes after its later one")
    by_rank = np.lexsort([earlier_rank, later_rank])
    kept_pair = np.full(order.size, -1, np.int64)
    first = np.arange(order.size)
    _stay(later_rank[by_rank], earlier_rank[by_rank], kept_pair, first)
    goes = kept_pair >= 0
    chosen = by_rank[kept_pair]
    kept = np.where(goes, order[earlier_rank[chosen]] if later.size else -1, -1)
    near = np.where(goes, similarity[chosen] if later.size else 1.0, 1.0)
    return Decision(kept[rank], near[rank], order[first][rank])


@nb.njit(cache=True)
def _stay(
    later: npt.NDArray[np.int64],
    earlier: npt.NDArray[np.int64],
    kept_pair: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
) -> None:
    """Walks pairs sorted by (later, earlier); fills the pair that removes each rank, and each rank's first of its component."""
    for pair in range(later.size):
        a, b = later[pair], earlier[pair]
        if kept_pair[a] < 0 and kept_pair[b] < 0:
            kept_pair[a] = pair
        unite(first, a, b)
    flatten(first)


def near_removals(documents: Documents, decision: Decision) -> pa.RecordBatch:
    """Gives the documents that go, as a batch of schema `REMOVALS` sorted by place."""
    rows = np.flatnonzero(decision.kept >= 0)
    return _removals(
        documents,
        documents.place[rows],
        decision.kept[rows],
        decision.similarity[rows],
        decision.cluster[rows],
        moved=False,
    )


def moved_removals(documents: Documents, decision: Decision, copy: Uint64s, twin: Uint64s) -> pa.RecordBatch:
    """Corrects the evidence of exact duplicates whose twin has near-duplicates: `kept_id` must be a document that stays.

    The texts are the same but for white space, so the twin's similarity to the document that stays is theirs too.

    Args:
        documents: as for `decide`.
        decision: its result.
        copy: packed pointers of documents that exact deduplication has removed.
        twin: of those for which it has.

    Returns:
        The rows that change, schema `REMOVALS`, sorted by place, marked `moved`.
    """
    at = np.minimum(np.searchsorted(documents.place, twin), max(len(documents.place) - 1, 0))
    known = np.flatnonzero(documents.place[at] == twin) if len(documents.place) else np.empty(0, np.int64)
    known = known[np.argsort(copy[known], kind="stable")]
    rows = at[known]
    kept = np.where(decision.kept[rows] >= 0, decision.kept[rows], rows)
    return _removals(documents, copy[known], kept, decision.similarity[rows], decision.cluster[rows], moved=True)


def _removals(
    documents: Documents,
    place: Uint64s,
    kept: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    cluster: npt.NDArray[np.int64],
    *,
    moved: bool,
) -> pa.RecordBatch:
    shard, row = unpack(place)
    kept_shard, kept_row = unpack(documents.place[kept])
    columns = [
        shard,
        row,
        kept_shard,
        kept_row,
        documents.dump[kept],
        documents.id_hi[kept],
        documents.id_lo[kept],
        similarity,
        documents.id_hi[cluster],
        documents.id_lo[cluster],
        np.full(len(place), moved),
    ]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=REMOVALS)
