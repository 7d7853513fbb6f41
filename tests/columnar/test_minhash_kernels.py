import itertools

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHashLSH
from hypothesis import example, given, settings
from hypothesis import strategies as st
from normal_words import plain_jaccard, plain_shingles
from text_strategies import large_strings, texts, word_texts

from columnar.minhash import (
    HIGH_RECALL,
    MinHashPreset,
    _functions,
    band_hashes,
    estimate_pairs,
    jaccard_pairs,
    shingles,
    signatures,
)

PRESET = MinHashPreset()


# Text near the end of a column goes another way than text with more behind it: both must be right.
PADDING = "and more words " * 8


def shingle_sets(values, preset):
    alone = [set(row) for row in shingles(large_strings(values), preset).to_pylist()]
    followed = [set(row) for row in shingles(large_strings([*values, PADDING]), preset).to_pylist()]
    assert followed[:-1] == alone
    return alone


def one_each(n):
    return np.zeros(n, np.int32), np.arange(n, dtype=np.int32)


@settings(max_examples=400)
@given(texts, st.integers(1, 6))
@example("1\u03012 1.2.3 1.a 3. 5,6,7 1\u200b2", 2)
@example("각 각 ΣΑΣ ﷺ ǆ İ", 1)
@example("成a成a、1的2", 1)
def test_there_are_as_many_shingles_as_the_oracle_says(text, ngram):
    (found,) = shingle_sets([text], MinHashPreset(ngram=ngram))
    assert len(found) == len(plain_shingles(text, ngram))


@settings(max_examples=300)
@given(st.lists(st.one_of(word_texts, texts), min_size=1, max_size=5), st.integers(1, 6))
@example(["e\u0301 ÉTÉ 한글 Ὀδυσσεύς", "é été 한글 ὀδυσσεύσ"], 1)
def test_jaccard_is_that_of_sets_of_strings(values, ngram):
    rows = list(itertools.product(range(len(values)), repeat=2))
    left, right = np.array(rows, np.int32).T
    plain = [plain_shingles(value, ngram) for value in values]
    got = jaccard_pairs(shingles(large_strings(values), MinHashPreset(ngram=ngram)), left, right)
    assert got.tolist() == [plain_jaccard(plain[a], plain[b]) for a, b in rows]


@given(st.lists(st.one_of(word_texts, texts), max_size=8), st.integers(0, 8))
def test_a_document_hashes_alike_in_any_batch(values, cut):
    whole = signatures(large_strings(values), PRESET)
    parts = [signatures(large_strings(part), PRESET) for part in (values[:cut], values[cut:])]
    assert whole.equals(pa.concat_arrays(parts))
    assert np.array_equal(band_hashes(whole, PRESET), np.concatenate([band_hashes(part, PRESET) for part in parts]))
    assert np.array_equal(band_hashes(whole.slice(cut), PRESET), band_hashes(whole, PRESET)[cut:])


@given(st.lists(word_texts, min_size=1, max_size=6))
def test_a_signature_is_the_least_of_each_function(values):
    preset = MinHashPreset(num_perm=16, bands=4, rows=4)
    values = [value or "x" for value in values]
    per_shingle = []
    for row in shingles(large_strings(values), preset).to_pylist():
        alone = [signature_of_hash(h, preset) for h in row]
        per_shingle.append([min(values) for values in zip(*alone, strict=True)])
    assert signatures(large_strings(values), preset).to_pylist() == per_shingle


def signature_of_hash(shingle, preset):
    factors, offsets = _functions(preset.num_perm, preset.seed)
    return [(shingle * int(a) + int(b)) % (1 << 64) for a, b in zip(factors, offsets, strict=True)]


def test_shingles_are_sorted_sets():
    column = shingles(large_strings(["a b c d e f a b c d e f g", "", "one two"]), PRESET)
    assert column.type == pa.large_list(pa.uint64())
    rows = column.to_pylist()
    assert [len(row) for row in rows] == [7, 0, 1]
    assert all(row == sorted(set(row)) for row in rows)


def test_short_documents_have_one_shingle_and_wordless_ones_no_signature():
    signed = signatures(large_strings(["one two", "One, TWO!", "two one", "...", ""]), PRESET)
    assert signed.type == pa.list_(pa.uint64(), 112)
    assert signed.is_null().to_pylist() == [False, False, False, True, True]
    assert signed[0] == signed[1]
    assert signed[0] != signed[2]


def test_wordless_documents_have_no_bands_and_no_twin():
    signed = signatures(large_strings(["", "a b c d e", "?"]), PRESET)
    bands = band_hashes(signed, PRESET)
    assert bands.shape == (3, 14)
    assert not bands[[0, 2]].any()
    assert bands[1].all()
    sets = shingles(large_strings(["", "a b c d e", "?"]), PRESET)
    assert jaccard_pairs(sets, *one_each(3)).tolist() == [0.0, 0.0, 0.0]
    assert estimate_pairs(signed, *one_each(3)).tolist() == [0.0, 0.0, 0.0]


def test_bands_are_equal_where_their_rows_are():
    preset = MinHashPreset(num_perm=10, bands=3, rows=3)
    values = np.arange(20, dtype=np.uint64).reshape(2, 10)
    values[1, 3:6] = values[0, 3:6]
    bands = band_hashes(pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 10), preset)
    assert (bands[0] == bands[1]).tolist() == [False, True, False]
    assert len(set(bands.ravel().tolist())) == 5


def test_values_never_change():
    """The index of an earlier dump is compared with these: a failure here means that every stored signature is lost."""
    text = "The naïve café serves 3.50 coffees, 한국어 中文 and naïveté to everyone."
    column = large_strings([text])
    assert [hex(h) for h in shingles(column, PRESET).to_pylist()[0][:2]] == PINNED["shingles"]
    assert [hex(h) for h in signatures(column, PRESET).to_pylist()[0][:2]] == PINNED["signature"]
    assert [hex(h) for h in band_hashes(signatures(column, PRESET), PRESET)[0, :2].tolist()] == PINNED["bands"]


PINNED = {
    "shingles": ["0x38ec1970711b0fa", "0x4792fd228268869f"],
    "signature": ["0x28aac87286ba60e3", "0x14ff89d41c79b302"],
    "bands": ["0xcb01a9771e5699c2", "0x441040d49dfca16f"],
}


def test_seeds_give_other_signatures_and_other_ngrams_other_shingles():
    column = large_strings(["a b c d e f g h"])
    assert signatures(column, PRESET) != signatures(column, MinHashPreset(seed=2))
    first, second = (shingle_sets(["a b c d e f g h"], MinHashPreset(ngram=n))[0] for n in (4, 5))
    assert not first & second


def test_pairs_are_checked():
    sets = shingles(large_strings(["a", "b"]), PRESET)
    with pytest.raises(IndexError, match=r"outside the 2 rows"):
        jaccard_pairs(sets, np.array([0]), np.array([2]))
    with pytest.raises(IndexError, match=r"outside the 2 rows"):
        jaccard_pairs(sets, np.array([-1]), np.array([0]))
    with pytest.raises(ValueError, match="1 left rows but 2 right rows"):
        jaccard_pairs(sets, np.array([0]), np.array([0, 1]))
    with pytest.raises(ValueError, match="1 of 1 shingle sets are null"):
        jaccard_pairs(pa.array([None], pa.large_list(pa.uint64())), np.array([0]), np.array([0]))
    assert jaccard_pairs(sets.slice(1), np.array([0]), np.array([0])).tolist() == [1.0]
    assert jaccard_pairs(sets, np.array([], np.int32), np.array([], np.int32)).size == 0


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"bands": 15}, "15 bands of 8 rows need more than num_perm=112"),
        ({"ngram": 0}, "ngram must be at least 1, not 0"),
        ({"ngram": 65}, "ngram must be at most 64, not 65"),
        ({"num_perm": 0, "bands": 0}, "num_perm must be at least 1"),
    ],
)
def test_presets_are_checked(settings_, message):
    with pytest.raises(ValueError, match=message):
        MinHashPreset(**settings_)


def test_signatures_of_another_preset_are_refused():
    signed = signatures(large_strings(["a"]), MinHashPreset(num_perm=8, bands=2, rows=4))
    with pytest.raises(ValueError, match="signatures hold 8 values, the preset 112"):
        band_hashes(signed, PRESET)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("num_perm", [64, 112, 128])
def test_bands_for_a_threshold_are_datasketchs(threshold, num_perm):
    ours = MinHashPreset.for_threshold(threshold, num_perm)
    theirs = MinHashLSH(threshold=threshold, num_perm=num_perm)
    assert (ours.bands, ours.rows) == (theirs.b, theirs.r)


def test_thresholds_are_checked():
    with pytest.raises(ValueError, match=r"threshold must be within 0..1, not 1.5"):
        MinHashPreset.for_threshold(1.5)


def test_candidate_probability_of_the_published_preset():
    assert PRESET.candidate_probability(0.8) == pytest.approx(0.924, abs=5e-4)
    assert PRESET.candidate_probability(0.0) == 0.0
    assert PRESET.candidate_probability(1.0) == 1.0


def test_high_recall_has_the_most_rows_that_find_99_of_100_at_the_threshold():
    assert (HIGH_RECALL.bands, HIGH_RECALL.rows, HIGH_RECALL.num_perm) == (18, 6, 108)
    assert HIGH_RECALL.candidate_probability(0.8) == pytest.approx(0.9957, abs=5e-4)
    assert MinHashPreset(bands=16, rows=7).candidate_probability(0.8) < 0.99


def test_recall_that_cannot_be_had_is_refused():
    with pytest.raises(ValueError, match=r"no bands of 4 values find 0.99 of the pairs of similarity 0.1"):
        MinHashPreset.for_recall(0.99, 0.1, 4)
    with pytest.raises(ValueError, match=r"recall must be within 0..1, not 2"):
        MinHashPreset.for_recall(2, 0.8)
