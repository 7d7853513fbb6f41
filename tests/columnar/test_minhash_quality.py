"""Bias and error of the MinHash estimate over 2,000 pairs of Unicode texts, against true Jaccard, theory and datasketch."""

import random

import numpy as np
import pytest
from datasketch import MinHash
from normal_words import plain_jaccard, plain_shingles
from text_strategies import large_strings

from columnar.minhash import MinHashPreset, band_hashes, estimate_pairs, jaccard_pairs, shingles, signatures

NUM_PAIRS = 2000
PRESET = MinHashPreset()
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "éèüßñçåæøœ",
    "абвгдежзиклмн",
    "اعوسبتن",
    "अकतनमरस",
    "한국어문장각",
    "的一是不了人我在有他",
)


def random_words(rng, count):
    return ["".join(rng.choices(rng.choice(_ALPHABETS), k=rng.randint(1, 7))) for _ in range(count)]


@pytest.fixture(scope="module")
def pairs():
    """Gives the texts, the left halves of the pairs first; their sets of shingles; the true similarities, spread over 0..1."""
    rng = random.Random(7)
    left, right = [], []
    for i in range(NUM_PAIRS):
        shared = i / (NUM_PAIRS - 1)
        num_words = rng.randint(30, 90)
        kept = round(num_words * shared)
        start = random_words(rng, kept)
        ends = [random_words(rng, num_words - kept) for _ in range(2)]
        left.append(" ".join(start + ends[0]))
        right.append(" ".join(start + ends[1]))
    sets = [plain_shingles(text, PRESET.ngram) for text in left + right]
    truth = [plain_jaccard(a, b) for a, b in zip(sets, sets[NUM_PAIRS:], strict=False)]
    return left + right, sets, np.array(truth)


@pytest.fixture(scope="module")
def estimates(pairs):
    signed = signatures(large_strings(pairs[0]), PRESET)
    rows = np.arange(NUM_PAIRS)
    return estimate_pairs(signed, rows, rows + NUM_PAIRS)


def test_pairs_cover_the_range(pairs):
    truth = pairs[2]
    assert truth.min() == 0.0
    assert truth.max() == 1.0
    assert (np.histogram(truth, bins=10, range=(0, 1))[0] > 50).all()


def test_exact_similarity_is_brute_force(pairs):
    texts, _, truth = pairs
    rows = np.arange(NUM_PAIRS)
    assert np.array_equal(jaccard_pairs(shingles(large_strings(texts), PRESET), rows, rows + NUM_PAIRS), truth)


def test_estimate_is_unbiased(pairs, estimates):
    truth = pairs[2]
    variance = truth * (1 - truth) / PRESET.num_perm
    assert abs((estimates - truth).mean()) < 4 * np.sqrt(variance.sum()) / NUM_PAIRS


def test_error_is_that_of_theory_over_the_whole_range(pairs, estimates):
    truth = pairs[2]
    between = (truth > 0) & (truth < 1)
    squares = (estimates - truth)[between] ** 2 / (truth * (1 - truth) / PRESET.num_perm)[between]
    # Squares of standard normal deviates have mean 1 and variance 2.
    assert abs(squares.mean() - 1) < 4 * np.sqrt(2 / squares.size)
    for fifth in np.array_split(squares[np.argsort(truth[between])], 5):
        assert abs(fifth.mean() - 1) < 5 * np.sqrt(2 / fifth.size)
    assert np.array_equal(estimates[truth == 1], truth[truth == 1])


def test_error_is_datasketchs(pairs, estimates):
    _, sets, truth = pairs
    sketches = []
    for shingle_set in sets:
        sketch = MinHash(num_perm=PRESET.num_perm)
        sketch.update_batch([" ".join(shingle).encode() for shingle in shingle_set])
        sketches.append(sketch)
    theirs = np.array([a.jaccard(b) for a, b in zip(sketches, sketches[NUM_PAIRS:], strict=False)])
    ours_rmse, their_rmse = (np.sqrt(np.mean((found - truth) ** 2)) for found in (estimates, theirs))
    assert ours_rmse == pytest.approx(their_rmse, rel=0.08)


def test_functions_are_independent_enough(pairs):
    """Bands must be: the share of pairs that become candidates follows the S-curve."""
    texts, _, truth = pairs
    bands = band_hashes(signatures(large_strings(texts), PRESET), PRESET)
    candidates = (bands[:NUM_PAIRS] == bands[NUM_PAIRS:]).any(axis=1)
    expected = np.array([PRESET.candidate_probability(similarity) for similarity in truth])
    deviation = np.sqrt((expected * (1 - expected)).sum())
    assert abs(candidates.sum() - expected.sum()) < 4 * deviation
