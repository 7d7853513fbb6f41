"""Near-duplicates for the page: pairs of varied similarity side by side, the largest clusters, the spread of similarities.

Reads the evidence (ids and numbers) of evenly spread row groups, then the index and the few texts that are shown.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from service.report.facts import ClusterFact, Sampled, TwinFact, TwinSide
from service.report.highlight import differences
from service.report.parquet import Scan, find_in_index, read_rows

#: Rows of evidence that are looked at; more are sampled by row groups.
MAX_EVIDENCE = 2_000_000
#: Pairs shown, and differences shown of each.
MAX_TWINS = 12
MAX_HUNKS = 4
MAX_CLUSTERS = 8
CLUSTER_EXAMPLES = 3
#: Characters of a text that are compared.
MAX_COMPARED_CHARACTERS = 200_000
#: Bins from 0 to 1 in which similarities are counted; the histogram begins at the first that holds something.
FINE_BINS = 100
#: Similarities that are told apart when varied pairs are picked.
PLACES = 400
_COLUMNS = ("id", "kept_id", "similarity", "cluster_id", "step")
_DOCUMENT_COLUMNS = ("id", "text", "source", "url", "path", "repo", "meta")


@dataclass(frozen=True)
class EvidenceFacts:
    """What `evidence_facts` gives."""

    by_step: dict[str, int]
    twins: Sequence[TwinFact]
    edges: Sequence[float]
    counts: Sequence[int]
    clusters: Sequence[ClusterFact]
    sampled: Sampled


@dataclass(frozen=True)
class _Pair:
    similarity: float
    id: str
    kept_id: str
    step: str


@dataclass
class _Cluster:
    removed: int
    kept_id: str
    examples: list[str]
    farthest: _Pair


class Documents:
    """Finds documents of a run by id: through its index, then in the kept or removed rows."""

    def __init__(self, folder: Path, index: Sequence[Path]) -> None:
        """Takes the folder that the index's file names are relative to, and the index's files."""
        self._folder = folder
        self._index = index

    def fetch(self, ids: Collection[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Reads the columns of the documents; those that cannot be found are left out."""
        by_file: dict[str, list[tuple[str, int]]] = {}
        for number, (file, row) in find_in_index(self._index, ids).items():
            by_file.setdefault(file, []).append((number, row))
        found = {}
        for file, wanted in by_file.items():
            rows = read_rows(self._folder / file, [row for _, row in wanted], columns)
            found.update({number: rows[row] for number, row in wanted if row in rows and rows[row]["id"] == number})
        return found


def evidence_facts(files: Sequence[Path], near_steps: Collection[str], documents: Documents) -> EvidenceFacts:
    """Gathers pairs, clusters and similarities from files of the duplicates contract.

    Args:
        files: the evidence.
        near_steps: names of the steps that compare shingles; the pairs and the histogram are theirs.
        documents: where the texts are.
    """
    scan = Scan(files, MAX_EVIDENCE)
    by_step: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    bins = np.zeros(FINE_BINS, np.int64)
    candidates: dict[int, _Pair] = {}
    for _, batch in scan.batches(_COLUMNS):
        for counter, column in ((by_step, "step"), (sizes, "cluster_id")):
            for value in pc.value_counts(batch.column(column)).to_pylist():
                counter[value["values"]] += value["counts"]
        near = batch.filter(pc.is_in(batch.column("step"), pa.array(sorted(near_steps), pa.string())))
        similarity = near.column("similarity").to_numpy()
        # The nudge: a similarity of 0.7 belongs to the bin that begins at 0.7, though 0.7 * 100 is a little less than 70.
        places = np.clip((similarity * FINE_BINS + 1e-9).astype(np.int64), 0, FINE_BINS - 1)
        bins += np.bincount(places, minlength=FINE_BINS)
        for pair in _first_of_each_place(near, similarity):
            _offer(candidates, pair)
    edges, counts = _trimmed(bins)
    pairs = _varied(list(candidates.values()))
    clusters = _clusters(scan, [name for name, size in sorted(sizes.items(), key=_by_size)[:MAX_CLUSTERS] if size > 1])
    return EvidenceFacts(
        by_step=dict(sorted(by_step.items())),
        twins=_twin_facts(pairs, documents),
        edges=edges,
        counts=counts,
        clusters=_cluster_facts(clusters, sizes, documents),
        sampled=scan.sampled,
    )


def _by_size(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _trimmed(bins: npt.NDArray[np.int64]) -> tuple[list[float], list[int]]:
    """Gives edges and counts from the twentieth below the least similarity on; bins of 0.05 where 0.01 would be too many."""
    if not bins.any():
        return [], []
    start = int(np.flatnonzero(bins)[0]) // 5 * 5
    width = 1 if FINE_BINS - start <= 30 else 5
    counts = bins[start:].reshape(-1, width).sum(axis=1)
    return [number / FINE_BINS for number in range(start, FINE_BINS + 1, width)], counts.tolist()


def _first_of_each_place(near: pa.RecordBatch, similarity: npt.NDArray[np.float64]) -> list[_Pair]:
    """Gives, of each of the `PLACES` similarities that the batch has, the pair with the smallest id."""
    places = pa.array((similarity * PLACES).astype(np.int64))
    table = pa.table({**{name: near.column(name) for name in _COLUMNS}, "place": places})
    firsts = table.group_by("place").aggregate([("id", "min")])["id_min"]
    rows = table.filter(pc.is_in(table["id"], firsts.combine_chunks())).to_pylist()
    return [_Pair(row["similarity"], row["id"], row["kept_id"], row["step"]) for row in rows]


def _offer(candidates: dict[int, _Pair], pair: _Pair) -> None:
    """Keeps one pair for each place: the one with the smallest id, whatever the order of the files."""
    place = int(pair.similarity * PLACES)
    held = candidates.get(place)
    if held is None or pair.id < held.id:
        candidates[place] = pair


def _varied(pairs: list[_Pair]) -> list[_Pair]:
    """Picks `MAX_TWINS` pairs, evenly over the similarities that occur, the least similar first."""
    ordered = sorted(pairs, key=lambda pair: (pair.similarity, pair.id))
    if len(ordered) <= MAX_TWINS:
        return ordered
    return [ordered[round(number * (len(ordered) - 1) / (MAX_TWINS - 1))] for number in range(MAX_TWINS)]


def _twin_facts(pairs: Sequence[_Pair], documents: Documents) -> list[TwinFact]:
    facts = []
    for pair in pairs:
        # One pair at a time: a document may be as large as the recipe allows.
        found = documents.fetch({pair.id, pair.kept_id}, _DOCUMENT_COLUMNS)
        if pair.id not in found or pair.kept_id not in found:
            continue
        kept, removed = found[pair.kept_id], found[pair.id]
        hunks, more = differences(
            kept["text"][:MAX_COMPARED_CHARACTERS], removed["text"][:MAX_COMPARED_CHARACTERS], MAX_HUNKS
        )
        facts.append(TwinFact(pair.step, pair.similarity, _side(kept), _side(removed), hunks, more))
    return facts


def _side(document: dict[str, Any]) -> TwinSide:
    return TwinSide(document["id"], document["source"], where(document), len(document["text"]))


def where(document: dict[str, Any]) -> str:
    """Gives where a document came from, as people know it: its path, else its URL, else its locator."""
    if document.get("path"):
        return str(document["path"])
    if document.get("url"):
        return str(document["url"])
    try:
        meta = json.loads(document.get("meta") or "{}")
    except ValueError:
        meta = {}
    locator = meta.get("locator") if isinstance(meta, dict) else None
    return str(locator or document["id"])


def _clusters(scan: Scan, names: Sequence[str]) -> dict[str, _Cluster]:
    wanted = set(names)
    found: dict[str, _Cluster] = {}
    if not wanted:
        return found
    for _, batch in scan.batches(_COLUMNS):
        for row in batch.filter(pc.is_in(batch.column("cluster_id"), pa.array(sorted(wanted)))).to_pylist():
            pair = _Pair(row["similarity"], row["id"], row["kept_id"], row["step"])
            cluster = found.setdefault(row["cluster_id"], _Cluster(0, row["kept_id"], [], pair))
            cluster.farthest = min(cluster.farthest, pair, key=lambda item: (item.similarity, item.id))
            cluster.removed += 1
            cluster.kept_id = min(cluster.kept_id, row["kept_id"])
            cluster.examples = sorted([*cluster.examples, row["id"]])[:CLUSTER_EXAMPLES]
    return found


def _cluster_facts(clusters: dict[str, _Cluster], sizes: Counter[str], documents: Documents) -> list[ClusterFact]:
    ids = {number for cluster in clusters.values() for number in (cluster.kept_id, *cluster.examples)}
    found = documents.fetch(ids, [name for name in _DOCUMENT_COLUMNS if name != "text"])

    def told(number: str) -> str:
        return where(found[number]) if number in found else number

    return [
        ClusterFact(
            name,
            cluster.removed,
            told(cluster.kept_id),
            [told(number) for number in cluster.examples],
            next(iter(_twin_facts([cluster.farthest], documents)), None),
        )
        for name, cluster in sorted(clusters.items(), key=lambda item: (-sizes[item[0]], item[0]))
    ]
