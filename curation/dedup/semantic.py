"""Semantic duplicates (SemDeDup, Abbas et al., 2023): k-means over embeddings, then cosines inside each cluster. Pure, over arrays.

The rule is near-deduplication's: in the order (dump, id), a document goes if and only if it is close to an earlier one of its
cluster that stays. Only documents that stay are compared with, so a cluster of copies costs no more than its distinct ones.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.exact import REMOVALS

Floats = npt.NDArray[np.float32]

#: One row a document that has an embedding; `position` is its row in the shard's file of vectors.
CLUSTER_SHUFFLE = pa.schema(
    [
        pa.field(name, pa.uint64() if name.startswith("id") else pa.uint32(), nullable=False)
        for name in ("cluster", "dump", "id_hi", "id_lo", "shard", "row", "position")
    ]
)

#: About so many documents a cluster, and at most so many clusters, unless the recipe says else.
DOCUMENTS_A_CLUSTER = 1000
MAX_CLUSTERS = 4096
#: Documents a cluster that k-means is trained on.
SAMPLES_A_CLUSTER = 64
_ROUNDS = 10
_SEED = 20230316
_BLOCK = 1024
_TILE = 8192


def default_clusters(documents: int) -> int:
    """Gives the number of clusters for so many documents."""
    return max(1, min(MAX_CLUSTERS, round(documents / DOCUMENTS_A_CLUSTER)))


def train_centroids(vectors: Floats, clusters: int) -> Floats:
    """Runs spherical k-means from seeded starts; the same vectors in the same order give the same centroids.

    Args:
        vectors: float32[n, dimensions], n > 0.
        clusters: at most n are made.

    Returns:
        float32[k, dimensions], rows of length 1.
    """
    chosen = np.random.default_rng(_SEED).permutation(len(vectors))[: min(clusters, len(vectors))]
    centroids = vectors[np.sort(chosen)].copy()
    for _ in range(_ROUNDS if len(centroids) > 1 else 1):
        nearest = nearest_centroids(vectors, centroids)
        sums = np.zeros(centroids.shape, np.float64)
        np.add.at(sums, nearest, vectors)
        lengths = np.linalg.norm(sums, axis=1)
        # A cluster that has lost all its documents stays where it is.
        moved = lengths > 0
        centroids[moved] = (sums[moved] / lengths[moved, None]).astype(np.float32)
    return centroids


def nearest_centroids(vectors: Floats, centroids: Floats) -> npt.NDArray[np.uint32]:
    """Gives the cluster of each vector, the first of equally near ones."""
    nearest = np.empty(len(vectors), np.uint32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        nearest[start : start + _BLOCK] = np.argmax(block @ centroids.T, axis=1)
    return nearest


class Twins(NamedTuple):
    """For each document of a cluster, the one that stays in its place.

    Attributes:
        kept: int64[n], its number in the order; -1 for a document that stays.
        similarity: float64[n], the cosine to it; 1.0 for one that stays.
    """

    kept: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]


def find_twins(vectors: npt.NDArray[np.float16] | Floats, threshold: float) -> Twins:
    """Applies the rule to one cluster.

    Args:
        vectors: [n, dimensions], in the order (dump, id).
        threshold: least cosine that removes.

    Returns:
        The decision; holds the vectors that stay as float32, and a block of cosines at a time.
    """
    number = len(vectors)
    kept, similarity = np.full(number, -1, np.int64), np.ones(number, np.float64)
    stayed = np.empty((0, vectors.shape[1]), np.float32)
    names = np.empty(0, np.int64)
    for start in range(0, number, _BLOCK):
        block = _unit(vectors[start : start + _BLOCK])
        here = kept[start : start + _BLOCK]
        close = similarity[start : start + _BLOCK]
        for tile in range(0, len(stayed), _TILE):
            cosines = block @ stayed[tile : tile + _TILE].T
            first = np.argmax(cosines >= threshold, axis=1)
            found = cosines[np.arange(len(block)), first]
            new = (here < 0) & (found >= threshold)
            here[new], close[new] = names[tile + first[new]], found[new]
        inside = block @ block.T
        for row in np.flatnonzero(here < 0).tolist():
            earlier = np.flatnonzero((inside[row, :row] >= threshold) & (here[:row] < 0))
            if earlier.size:
                here[row], close[row] = start + earlier[0], inside[row, earlier[0]]
        stays = np.flatnonzero(here < 0)
        stayed = np.concatenate((stayed, block[stays]))
        names = np.concatenate((names, start + stays))
    return Twins(kept, np.minimum(similarity, 1.0))


def _unit(vectors: npt.NDArray[np.float16] | Floats) -> Floats:
    """Gives float32 rows of length 1: rounding to 16 bits has changed the lengths."""
    wide = vectors.astype(np.float32)
    scaled: Floats = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return scaled


def semantic_removals(members: dict[str, npt.NDArray[np.integer]], twins: Twins) -> pa.RecordBatch:
    """Gives the documents of a cluster that go.

    Args:
        members: columns of `CLUSTER_SHUFFLE`, in the order (dump, id).
        twins: the decision about them.

    Returns:
        Schema `REMOVALS`; the cluster's name is the document that stays.
    """
    gone = np.flatnonzero(twins.kept >= 0)
    kept = twins.kept[gone]
    columns = [
        members["shard"][gone],
        members["row"][gone],
        *(members[name][kept] for name in ("shard", "row", "dump", "id_hi", "id_lo")),
        twins.similarity[gone],
        *(members[name][kept] for name in ("id_hi", "id_lo")),
        np.zeros(gone.size, np.bool_),
    ]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=REMOVALS)
