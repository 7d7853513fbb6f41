"""Verification reads the right shingles and compares them truly."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup_kit import jaccard, string_shingles

from columnar.minhash import MinHashPreset, shingles
from curation.dedup import verify
from curation.dedup.keys import pack

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "and",
    "saw",
    "how",
    "many",
    "birds",
    "were",
    "there",
    "in",
    "every",
    "tree",
    "of",
    "that",
    "long",
    "old",
    "road",
]


@pytest.fixture
def corpus(tmp_path):
    """Texts of three shards, some of which are no candidates, with their shingle files."""
    random = np.random.default_rng(3)
    texts, files = {}, {}
    for shard in range(3):
        sets, rows = [], []
        for row in range(40):
            base = WORDS * 6
            for _ in range(int(random.integers(0, 12))):
                base[int(random.integers(0, len(base)))] = f"word{chr(97 + int(random.integers(0, 26)))}"
            text = " ".join(base[: int(random.integers(3, len(base)))])
            texts[shard, row] = text
            if row % 3:
                rows.append(row)
                sets.append(text)
        found = shingles(pa.array(sets, pa.large_string()), MinHashPreset())
        files[shard] = verify.ShingleFiles(tmp_path / f"{shard}.parquet", tmp_path / f"{shard}.u64")
        ends = np.asarray(found.offsets)[1:]
        keys = {name: [100 * shard + row for row in rows] for name in verify.SHINGLE_INDEX.names[2:]}
        table = pa.Table.from_pydict({"row": rows, "end": ends, **keys}, verify.SHINGLE_INDEX)
        pq.write_table(table, files[shard].index)
        files[shard].numbers.write_bytes(np.asarray(found.flatten()).astype("<u8").tobytes())
    return texts, files


@pytest.mark.parametrize("fetch_bytes", [1, 4096, 1 << 30])
@pytest.mark.parametrize("gap", [0, 1 << 20])
def test_similarity_is_that_of_strings(corpus, monkeypatch, fetch_bytes, gap):
    monkeypatch.setattr(verify, "_FETCH_BYTES", fetch_bytes)
    monkeypatch.setattr(verify, "_GAP_BYTES", gap)
    texts, files = corpus
    random = np.random.default_rng(4)
    places = [place for place in texts if place[1] % 3]
    chosen = {
        (int(row), places[int(other)])
        for row, other in zip(random.choice([1, 2, 4, 38], 60), random.integers(0, len(places), 60), strict=True)
    }
    pairs = sorted(chosen, key=lambda pair: (pair[0], pair[1]))
    rows = np.array([row for row, _ in pairs], np.uint32)
    earlier = pack(
        np.array([other[0] for _, other in pairs], np.uint32), np.array([other[1] for _, other in pairs], np.uint32)
    )
    found = verify.similar_pairs(2, verify.Pairs(rows, earlier), verify.ShingleReader(files), 0.3).to_pylist()
    expected = []
    for row, other in pairs:
        similarity = jaccard(string_shingles(texts[2, row]), string_shingles(texts[other]))
        if similarity >= 0.3:
            mine, its = (2 << 32) + row, (other[0] << 32) + other[1]
            numbers = [mine, its, similarity, *([200 + row] * 4), *([100 * other[0] + other[1]] * 4)]
            expected.append(dict(zip(verify.EDGES.names, numbers, strict=True)))
    assert 5 < len(expected) < len(pairs)
    assert found == expected


def test_a_document_without_shingles_on_disk_is_an_error(corpus):
    _, files = corpus
    reader = verify.ShingleReader(files)
    for shard, row in ((0, 0), (0, 99), (7, 1)):
        with pytest.raises(KeyError, match=f"shard {shard}"):
            reader.fetch(pack(np.array([shard], np.uint32), np.array([row], np.uint32)))
    pointers = pack(np.array([7, 0, 2, 0], np.uint32), np.array([1, 0, 38, 1], np.uint32))
    assert reader.known(pointers).tolist() == [False, False, True, True]
