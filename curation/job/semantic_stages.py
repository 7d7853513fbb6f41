"""The stages of semantic deduplication over the run's files: embeddings, centroids, clusters, and who goes in each cluster.

Touches the run's folders and the model's files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.exact import REMOVALS
from curation.dedup.keys import Uint64s, runs
from curation.dedup.semantic import (
    CLUSTER_SHUFFLE,
    SAMPLES_A_CLUSTER,
    Floats,
    default_clusters,
    find_twins,
    nearest_centroids,
    semantic_removals,
    train_centroids,
)
from curation.dedup.shuffle import gather
from curation.embedding import ENCODER_FILES, Encoder, find_model
from curation.job.dedup_stages import DedupFiles
from curation.job.layout import CENTROIDS, CLUSTERS, EMBEDDINGS, SEMANTIC, Layout
from curation.job.removals import RemovingStep
from curation.job.survivors import Shuffled, Survivors
from curation.job.units import AfterAll, RunRanges, RunShards, numbers
from curation.step_files import model_folder
from schemas.failpoints import failpoint
from schemas.files import read_parquet, read_ranges, write_blob, write_part
from schemas.steps import SemanticDedupRecipe, StepRecipe

#: The documents of a shard that have an embedding, in the order of its file of vectors.
_ROWS = pa.schema([pa.field("row", pa.uint32(), nullable=False)])
_CLUSTERED = pa.schema([pa.field(name, pa.uint32(), nullable=False) for name in ("row", "cluster")])
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
#: Vectors that stand closer than this in a file are fetched in one read.
_GAP_BYTES = 1 << 16


@dataclass(frozen=True)
class SemanticFiles:
    """What the stages of semantic deduplication need, and where they leave what.

    Args:
        files: of the run.
        step: the semantic_dedup step.
        before: the steps that remove whole documents before it.
        base: folder that relative paths of the recipe start from.
    """

    files: DedupFiles
    step: StepRecipe
    before: tuple[RemovingStep, ...]
    base: str

    @property
    def layout(self) -> Layout:
        """The run."""
        return self.files.layout

    @property
    def settings(self) -> SemanticDedupRecipe:
        """The step's settings."""
        if self.step.semantic_dedup is None:
            raise ValueError(f"step {self.step.title!r} is no semantic_dedup step")
        return self.step.semantic_dedup

    def survivors(self) -> Survivors:
        """The documents that the step takes."""
        return Survivors(self.files, self.before, frozenset(self.step.sources))

    def marker(self, folder: str, number: int) -> dict[str, Any]:
        """The marker of a shard or range that is done."""
        marker = self.layout.read_marker(folder, number)
        if marker is None:
            raise RuntimeError(f"{self.layout.stage(folder)}: number {number} is not done, but a later stage runs")
        return marker

    def table(self, folder: str, number: int, schema: pa.Schema) -> pa.Table:
        """The rows that a shard has written; none if it has none."""
        part = self.marker(folder, number)["parts"]["rows"]
        return schema.empty_table() if part is None else read_parquet(self.layout.stage(folder) / part["name"])

    def vectors(self, shard: int, positions: npt.NDArray[np.integer] | None = None) -> npt.NDArray[np.float16]:
        """The vectors of a shard, all or those at ascending positions."""
        marker = self.marker(EMBEDDINGS, shard)
        width, number = marker["width"], marker["rows"]
        if positions is None:
            positions = np.arange(number)
        if positions.size == 0:
            return np.empty((0, width), np.float16)
        path = self.layout.stage(EMBEDDINGS) / marker["parts"]["vectors"]["name"]
        size = 2 * width
        cuts = (np.flatnonzero(np.diff(positions.astype(np.int64)) * size > _GAP_BYTES) + 1).tolist()
        parts = list(zip([0, *cuts], [*cuts, positions.size], strict=True))
        ranges = [(int(positions[begin]) * size, (int(positions[end - 1]) + 1) * size) for begin, end in parts]
        found = []
        for (begin, end), content in zip(parts, read_ranges(path, ranges), strict=True):
            block = np.frombuffer(content, "<f2").reshape(-1, width)
            found.append(block[positions[begin:end].astype(np.int64) - int(positions[begin])])
        return np.concatenate(found)


@dataclass
class EmbedTask:
    """Embeds the documents of a shard."""

    semantic: SemanticFiles

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes vectors as 16-bit floats, and the rows that have one; gives the marker's body."""
        folder = self.semantic.layout.stage(EMBEDDINGS)
        rows: list[npt.NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        widths: set[int] = set()
        part = write_blob(folder, f"vectors-{shard:05d}", "f16", self._vectors(shard, rows, widths))
        failpoint("curate.between_vectors_and_rows")
        table = pa.Table.from_arrays([pa.array(np.concatenate(rows))], schema=_ROWS)
        index = write_part(folder, f"rows-{shard:05d}", table).to_json() if table.num_rows else None
        width = widths.pop() if widths else 0
        return {"parts": {"vectors": part.to_json(), "rows": index}, "rows": table.num_rows, "width": width}

    def _vectors(self, shard: int, rows: list[npt.NDArray[np.uint32]], widths: set[int]) -> Iterator[bytes]:
        for some in self._survivors.texts(shard):
            vectors = self._encoder.embed(some.texts)
            there = vectors.any(axis=1)
            if there.any():
                rows.append(some.rows[there])
                widths.add(vectors.shape[1])
                yield vectors[there].astype("<f2").tobytes()

    @cached_property
    def _survivors(self) -> Survivors:
        return self.semantic.survivors()

    @cached_property
    def _encoder(self) -> Encoder:
        settings = self.semantic.settings
        folder = model_folder(settings.model_path, Path(self.semantic.base), ENCODER_FILES)
        return Encoder(find_model(folder), settings.max_tokens)


@dataclass
class CentroidTask:
    """Trains k-means on a sample: the documents with the least ids, which are hashes, so that shards do not matter."""

    semantic: SemanticFiles

    def __call__(self, number: int) -> dict[str, Any]:
        """Writes the centroids; gives the marker's body."""
        shards = range(self.semantic.files.num_shards)
        total = sum(self.semantic.marker(EMBEDDINGS, shard)["rows"] for shard in shards)
        clusters = self.semantic.settings.clusters or default_clusters(total)
        vectors = self._sample(clusters * SAMPLES_A_CLUSTER / max(total, 1))
        centroids = train_centroids(vectors, clusters) if len(vectors) else vectors
        folder = self.semantic.layout.stage(CENTROIDS)
        part = write_blob(folder, f"centroids-{number:05d}", "f32", [centroids.astype("<f4").tobytes()])
        return {"parts": {"centroids": part.to_json()}, "rows": len(centroids), "width": int(centroids.shape[1])}

    def _sample(self, share: float) -> Floats:
        found, names = [], []
        for shard in range(self.semantic.files.num_shards):
            rows = self.semantic.table(EMBEDDINGS, shard, _ROWS)["row"].to_numpy()
            if rows.size == 0:
                continue
            ids = self._survivors.keys(shard).id_hi[rows]
            positions = np.flatnonzero(ids.astype(np.float64) <= share * 2.0**64)
            found.append(self.semantic.vectors(shard, positions))
            names.append(ids[positions])
        if not found:
            return np.empty((0, 0), np.float32)
        return np.concatenate(found)[np.argsort(np.concatenate(names), kind="stable")].astype(np.float32)

    @cached_property
    def _survivors(self) -> Survivors:
        return self.semantic.survivors()


@dataclass
class ClusterTask:
    """Finds the cluster of each document of a shard."""

    semantic: SemanticFiles

    def __call__(self, shard: int) -> dict[str, Any]:
        """Writes the clusters; gives the marker's body."""
        rows = self.semantic.table(EMBEDDINGS, shard, _ROWS)["row"].combine_chunks()
        if len(rows) == 0:
            return {"parts": {"rows": None}, "rows": 0}
        vectors = self.semantic.vectors(shard).astype(np.float32)
        columns = [rows, pa.array(nearest_centroids(vectors, self._centroids))]
        table = pa.Table.from_arrays(columns, schema=_CLUSTERED)
        part = write_part(self.semantic.layout.stage(CLUSTERS), f"clusters-{shard:05d}", table)
        return {"parts": {"rows": part.to_json()}, "rows": table.num_rows}

    @cached_property
    def _centroids(self) -> Floats:
        marker = self.semantic.marker(CENTROIDS, 0)
        part = marker["parts"]["centroids"]
        (content,) = read_ranges(self.semantic.layout.stage(CENTROIDS) / part["name"], [(0, part["bytes"])])
        return np.frombuffer(content, "<f4").reshape(marker["rows"], marker["width"])


@dataclass
class ReadClusters:
    """Gives the documents of a shard to the shuffle."""

    semantic: SemanticFiles

    def __call__(self, shard: int) -> tuple[Uint64s, pa.RecordBatch]:
        """Gives them ranged by cluster; schema `CLUSTER_SHUFFLE`."""
        table = self.semantic.table(CLUSTERS, shard, _CLUSTERED)
        if table.num_rows == 0:
            return np.empty(0, np.uint64), pa.RecordBatch.from_pylist([], schema=CLUSTER_SHUFFLE)
        rows, clusters = table["row"].to_numpy(), table["cluster"].to_numpy()
        keys = self._survivors.keys(shard)
        columns = [clusters, *(key[rows] for key in keys), np.full(rows.size, shard, np.uint32), rows]
        columns.append(np.arange(rows.size, dtype=np.uint32))
        batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=CLUSTER_SHUFFLE)
        with np.errstate(over="ignore"):
            return clusters.astype(np.uint64) * _SPREAD, batch

    @cached_property
    def _survivors(self) -> Survivors:
        return self.semantic.survivors()


@dataclass
class SemanticTask:
    """Decides the clusters of one range."""

    semantic: SemanticFiles

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes who goes, schema `REMOVALS`; gives the marker's body."""
        rows = gather(batches, CLUSTER_SHUFFLE)
        order = np.lexsort([rows[name] for name in ("row", "shard", "id_lo", "id_hi", "dump", "cluster")])
        bounds = runs(rows["cluster"][order].astype(np.uint64)).tolist()
        removals = [REMOVALS.empty_table()]
        for begin, end in pairwise(bounds):
            members = {name: column[order[begin:end]] for name, column in rows.items()}
            twins = find_twins(self._vectors(members["shard"], members["position"]), self.semantic.settings.threshold)
            removals.append(pa.Table.from_batches([semantic_removals(members, twins)]))
        table = pa.concat_tables(removals).sort_by([("shard", "ascending"), ("row", "ascending")])
        part = (
            write_part(self.semantic.layout.stage(SEMANTIC), f"removals-{number:05d}", table)
            if table.num_rows
            else None
        )
        return {"parts": {"removals": part.to_json() if part else None}, "rows": table.num_rows}

    def _vectors(self, shards: npt.NDArray[np.integer], positions: npt.NDArray[np.integer]) -> npt.NDArray[np.float16]:
        """Fetches the vectors of a cluster, shard by shard."""
        order = np.lexsort((positions, shards))
        bounds = runs(shards[order].astype(np.uint64)).tolist()
        found: npt.NDArray[np.float16] | None = None
        for begin, end in pairwise(bounds):
            at = order[begin:end]
            some = self.semantic.vectors(int(shards[at[0]]), positions[at])
            if found is None:
                found = np.empty((shards.size, some.shape[1]), np.float16)
            found[at] = some
        return np.empty((0, 0), np.float16) if found is None else found


def build_embeddings(pipeline: Any, semantic: SemanticFiles) -> None:
    """Wires embeddings and centroids into a pipeline, the second waiting for all of the first."""
    _ = (
        numbers(pipeline, range(semantic.files.num_shards))
        | "Embed" >> RunShards(semantic.layout, EMBEDDINGS, EmbedTask(semantic))
        | "AfterEmbed" >> AfterAll([0])
        | "Centroids" >> RunShards(semantic.layout, CENTROIDS, CentroidTask(semantic))
    )


def build_semantic(pipeline: Any, semantic: SemanticFiles, wanted: range) -> None:
    """Wires the clusters of some ranges and who goes in them into a pipeline."""
    shuffled = Shuffled(
        semantic.files,
        CLUSTERS,
        ClusterTask(semantic),
        ReadClusters(semantic),
        CLUSTER_SHUFFLE,
        semantic.files.num_ranges,
    )
    _ = shuffled.wire(pipeline, wanted) | "Semantic" >> RunRanges(semantic.layout, SEMANTIC, SemanticTask(semantic))
