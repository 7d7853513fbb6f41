"""Connected components of verified pairs, so that the decision can be cut into parts that have nothing to do with each other.

Pure, over arrays. A shard's pairs are first thinned out to a spanning forest, side by side over the shards; only forests are
joined in one place, so what is held there grows with the documents that have a twin and not with the pairs.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.keys import Uint64s

Ints = npt.NDArray[np.int64]

#: One row a pair of a spanning forest: packed pointers.
FOREST = pa.schema([pa.field("place", pa.uint64(), nullable=False), pa.field("earlier", pa.uint64(), nullable=False)])

#: One row a document that has a verified pair, sorted: the component's name is the least packed pointer in it.
COMPONENTS = pa.schema(
    [
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("component", pa.uint64(), nullable=False),
    ]
)


class Components(NamedTuple):
    """Documents (packed pointers, sorted, distinct) and the least pointer of each one's component."""

    place: Uint64s
    component: Uint64s


def spanning_forest(one: Uint64s, other: Uint64s) -> npt.NDArray[np.bool_]:
    """Marks pairs that hold the same components together as all pairs do: fewer of them than documents."""
    nodes, ends = np.unique(np.concatenate((one, other)), return_inverse=True)
    joins = np.zeros(one.size, np.bool_)
    _join(ends[: one.size].astype(np.int64), ends[one.size :].astype(np.int64), np.arange(nodes.size), joins)
    return joins


def components(one: Uint64s, other: Uint64s) -> Components:
    """Finds the components of all documents in pairs: about 40 bytes a pair at a time."""
    nodes, ends = np.unique(np.concatenate((one, other)), return_inverse=True)
    first = np.arange(nodes.size)
    _join(ends[: one.size].astype(np.int64), ends[one.size :].astype(np.int64), first, np.zeros(one.size, np.bool_))
    flatten(first)
    return Components(nodes, nodes[first])


@nb.njit(inline="always")
def find(first: Ints, node: int) -> int:
    """Gives the least node of a component, and shortens the way to it."""
    while first[node] != node:
        first[node] = first[first[node]]
        node = first[node]
    return node


@nb.njit(inline="always")
def unite(first: Ints, one: int, other: int) -> bool:
    """Makes one component of two; says whether they were two. `first[node]` leads to the least node, step by step."""
    one, other = find(first, one), find(first, other)
    if one < other:
        first[other] = one
    else:
        first[one] = other
    return one != other


@nb.njit(cache=True)
def _join(one: Ints, other: Ints, first: Ints, joins: npt.NDArray[np.bool_]) -> None:
    for pair in range(one.size):
        joins[pair] = unite(first, one[pair], other[pair])


@nb.njit(cache=True)
def flatten(first: Ints) -> None:
    """Makes every node point to the least of its component itself; a node never points to a greater one."""
    for node in range(first.size):
        first[node] = first[first[node]]
