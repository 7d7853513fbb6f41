"""Shingles, MinHash signatures, bands and exact Jaccard similarities of documents. Pure: no I/O.

A document is its set of word n-grams after `columnar.normalization`; a word is what `columnar.words` says, so each letter of a
script without spaces is one. A document of at least one word but fewer than `ngram` has one shingle: all its words. A document
without a word has none, no signature, and no twin.

A shingle is a 64-bit hash: of words (multiply and mix over their characters) and then of the n word hashes in order. Two shingles
of a corpus with 2^32 of them collide with a probability of about one half somewhere, of 2^-64 a pair: no verdict on a pair of
documents feels it. A signature holds, for each of `num_perm` functions, the least value over the shingles of `a * shingle + b`
mod 2^64, a odd: a permutation of the 64-bit numbers, over inputs that are uniform already. The published form, mod the prime
2^61-1, needs 128-bit products, which no vector unit has; bias and error against true Jaccard are those of theory and the same as
datasketch's (tests/columnar/test_minhash_quality.py).

Signatures and bands persist in an index that later dumps are compared with: **the functions here never change their values**;
another value is another preset field.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Self

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import properties
from columnar.minhash_vectors import LANES, fold_least_1, fold_least_7
from columnar.minhash_words import Uint64s, hash_ngrams, hash_words, mix
from columnar.normalization import normal_forms
from columnar.text import buffers

_MASK = (1 << 64) - 1
_MAX_NGRAM = 64


@dataclass(frozen=True, kw_only=True)
class MinHashPreset:
    """The parameters of a near-duplicate search. The defaults are the published ones of FineWeb.

    Attributes:
        num_perm: hash functions in a signature; the estimate's standard error is sqrt(J (1 - J) / num_perm).
        bands: bands of a signature; documents that agree in one whole band are candidates.
        rows: values in a band; `bands * rows` may not exceed `num_perm`.
        ngram: words in a shingle.
        seed: chooses the hash functions.
    """

    num_perm: int = 112
    bands: int = 14
    rows: int = 8
    ngram: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("num_perm", "bands", "rows", "ngram"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.bands * self.rows > self.num_perm:
            raise ValueError(f"{self.bands} bands of {self.rows} rows need more than num_perm={self.num_perm} values")
        if self.ngram > _MAX_NGRAM:
            raise ValueError(f"ngram must be at most {_MAX_NGRAM}, not {self.ngram}")

    @classmethod
    def for_threshold(cls, threshold: float, num_perm: int = 112, *, ngram: int = 5, seed: int = 1) -> Self:
        """Chooses bands and rows that balance false positives and negatives at a threshold, as datasketch does.

        It minimises half the area of the candidate probability below the threshold plus half the area missing above it.

        Raises:
            ValueError: `threshold` is outside 0..1.
        """
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"threshold must be within 0..1, not {threshold}")
        # Midpoints of 1,000 steps on each side: far finer than the difference between two choices.
        steps = (np.arange(1000) + 0.5) / 1000
        below, above = steps * threshold, threshold + steps * (1.0 - threshold)
        best = (np.inf, 1, 1)
        for bands in range(1, num_perm + 1):
            for rows in range(1, num_perm // bands + 1):
                false_positive = float(np.mean(1.0 - (1.0 - below**rows) ** bands)) * threshold
                false_negative = float(np.mean((1.0 - above**rows) ** bands)) * (1.0 - threshold)
                best = min(best, (0.5 * false_positive + 0.5 * false_negative, bands, rows))
        return cls(num_perm=num_perm, bands=best[1], rows=best[2], ngram=ngram, seed=seed)

    @classmethod
    def for_recall(
        cls, recall: float, similarity: float, num_perm: int = 112, *, ngram: int = 5, seed: int = 1
    ) -> Self:
        """Chooses the most rows with which pairs of a similarity still become candidates often enough.

        More rows mean fewer candidates that turn out not to be similar. The signature holds only the values that bands use.

        Args:
            recall: the least probability.
            similarity: of the pairs.
            num_perm: at most so many values.
            ngram: as in the preset.
            seed: as in the preset.

        Raises:
            ValueError: one of the two is outside 0..1, or no choice reaches `recall`.
        """
        for name, value in (("recall", recall), ("similarity", similarity)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be within 0..1, not {value}")
        for rows in range(num_perm, 0, -1):
            bands = num_perm // rows
            preset = cls(num_perm=bands * rows, bands=bands, rows=rows, ngram=ngram, seed=seed)
            if preset.candidate_probability(similarity) >= recall:
                return preset
        raise ValueError(f"no bands of {num_perm} values find {recall} of the pairs of similarity {similarity}")

    def candidate_probability(self, similarity: float) -> float:
        """Gives the probability that two documents of this Jaccard similarity become candidates."""
        return float(1.0 - (1.0 - similarity**self.rows) ** self.bands)


#: Finds 99 of 100 pairs at the usual threshold of 0.8 itself, where the published bands find 92. See docs/neardup_quality.md.
HIGH_RECALL = MinHashPreset.for_recall(0.99, 0.8)


def shingles(texts: pa.LargeStringArray, preset: MinHashPreset) -> pa.LargeListArray:
    """Gives every document's set of shingle hashes.

    Returns:
        `large_list<uint64>`, one row a document, each sorted and without repeats; empty for a document without words.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    hashes, starts = _shingle_hashes(texts, preset)
    bounds = starts.tolist()
    for start, end in pairwise(bounds):
        hashes[start:end].sort()
    kept = np.empty_like(starts)
    _drop_repeats(hashes, starts, kept)
    return pa.LargeListArray.from_arrays(pa.array(kept), pa.array(hashes[: kept[-1]]))


def signatures(texts: pa.LargeStringArray, preset: MinHashPreset) -> pa.FixedSizeListArray:
    """Gives every document's MinHash signature.

    Returns:
        `fixed_size_list<uint64>[num_perm]`, one row a document; null for a document without words.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    rest = -preset.num_perm % LANES
    factors, summands = (np.pad(drawn, (0, rest)) for drawn in _functions(preset.num_perm, preset.seed))
    values = np.empty((len(texts), preset.num_perm), np.uint64)
    empty = np.empty(len(texts), np.bool_)
    _sign(offsets, data, properties(), *normal_forms(), preset.ngram, factors, summands, values, empty)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), preset.num_perm, mask=pa.array(empty))


def band_hashes(signatures: pa.FixedSizeListArray, preset: MinHashPreset) -> Uint64s:
    """Hashes each band of each signature; equal hashes in one column make two documents candidates.

    Returns:
        uint64[len(signatures), bands]. A null signature gives 0 in every band, and no other does: leave zeros out of a join.

    Raises:
        ValueError: the signatures are not of `preset.num_perm` values.
    """
    matrix = _signature_matrix(signatures, preset.num_perm)
    used = matrix[:, : preset.bands * preset.rows].reshape(len(matrix), preset.bands, preset.rows)
    with np.errstate(over="ignore"):
        hashes = np.zeros(used.shape[:2], np.uint64)
        for row in range(preset.rows):
            hashes = mix((hashes ^ used[:, :, row]) * _BAND_FACTOR)
    hashes[hashes == 0] = 1
    hashes[np.asarray(signatures.is_null())] = 0
    return hashes


def estimate_pairs(
    signatures: pa.FixedSizeListArray, left: npt.NDArray[np.integer], right: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Estimates the Jaccard similarity of pairs of rows: the share of equal signature values; 0 where one is null."""
    matrix = _signature_matrix(signatures, signatures.type.list_size)
    valid = ~np.asarray(signatures.is_null())
    equal = (matrix[left] == matrix[right]).mean(axis=1)
    return np.where(valid[left] & valid[right], equal, 0.0)


def jaccard_pairs(
    shingles: pa.LargeListArray, left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Computes the Jaccard similarity of pairs of rows of `shingles`, exactly.

    Args:
        shingles: what `shingles` gives: sorted sets; slices are honoured.
        left: row numbers, one a pair.
        right: row numbers, as many.

    Returns:
        float64[len(left)]: shared shingles over all shingles. Two documents without shingles have similarity 0: nothing shows
        that they are alike.

    Raises:
        ValueError: `left` and `right` differ in length, or a row of `shingles` is null.
        IndexError: a row number is outside the rows.
    """
    left, right = np.array(left, np.int64), np.array(right, np.int64)
    if left.shape != right.shape:
        raise ValueError(f"{left.size} left rows but {right.size} right rows")
    if shingles.null_count:
        raise ValueError(f"{shingles.null_count} of {len(shingles)} shingle sets are null")
    for rows in (left, right):
        if rows.size and (rows.min() < 0 or rows.max() >= len(shingles)):
            raise IndexError(f"row numbers {rows.min()}..{rows.max()} are outside the {len(shingles)} rows")
    result = np.zeros(left.size, np.float64)
    if left.size:
        _merge_pairs(np.asarray(shingles.values), np.asarray(shingles.offsets), left, right, result)
    return result


def _signature_matrix(signatures: pa.FixedSizeListArray, num_perm: int) -> Uint64s:
    if signatures.type.list_size != num_perm:
        raise ValueError(f"signatures hold {signatures.type.list_size} values, the preset {num_perm}")
    first = signatures.offset * num_perm
    values = np.asarray(signatures.values)[first : first + len(signatures) * num_perm]
    return values.reshape(len(signatures), num_perm)


def _shingle_hashes(texts: pa.LargeStringArray, preset: MinHashPreset) -> tuple[Uint64s, npt.NDArray[np.int64]]:
    """Gives the shingle hashes of all documents, repeats included, and where each document's begin (n + 1 positions)."""
    offsets, data = buffers(texts)
    # A word takes a byte and a space, or more. Pages that the kernel does not reach never become real memory.
    hashes = np.empty(int(offsets[-1] - offsets[0]) // 2 + len(texts), np.uint64)
    starts = np.zeros(len(texts) + 1, np.int64)
    _hash_shingles(offsets, data, properties(), *normal_forms(), preset.ngram, hashes, starts)
    return hashes[: starts[-1]], starts


@cache
def _functions(num_perm: int, seed: int) -> tuple[Uint64s, Uint64s]:
    """Draws the hash functions by SplitMix64, whose values no library release will change. Factors are odd."""
    state = seed & _MASK
    drawn = []
    for _ in range(2 * num_perm):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        drawn.append(z ^ (z >> 31))
    return np.array(drawn[0::2], np.uint64) | np.uint64(1), np.array(drawn[1::2], np.uint64)


_BAND_FACTOR = np.uint64(0xA0761D6478BD642F)
_GREATEST = np.uint64(_MASK)


@nb.njit(cache=True, nogil=True)
def _hash_shingles(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    forms: npt.NDArray[np.int32],
    form_starts: npt.NDArray[np.int32],
    form_pool: npt.NDArray[np.int32],
    ngram: int,
    out: Uint64s,
    starts: npt.NDArray[np.int64],
) -> None:
    """Writes every document's shingle hashes to `out`, those of document `i` at `starts[i]:starts[i + 1]`."""
    packed = np.empty(_most_words(offsets), np.bool_)
    for i in range(offsets.size - 1):
        words = out[starts[i] :]
        count = hash_words(data, offsets[i], offsets[i + 1], table, forms, form_starts, form_pool, words, packed)
        starts[i + 1] = starts[i] + hash_ngrams(words, count, ngram)


@nb.njit(cache=True, nogil=True)
def _sign(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    forms: npt.NDArray[np.int32],
    form_starts: npt.NDArray[np.int32],
    form_pool: npt.NDArray[np.int32],
    ngram: int,
    factors: Uint64s,
    summands: Uint64s,
    out: Uint64s,
    empty: npt.NDArray[np.bool_],
) -> None:
    """Writes the least value of each function over each document's shingles to `out`; says which documents have none.

    A document's shingles are made and used up before the next one's: they never leave the processor's cache.
    """
    most = _most_words(offsets)
    packed, hashes = np.empty(most, np.bool_), np.empty(most, np.uint64)
    least = np.empty(factors.size, np.uint64)
    for i in range(offsets.size - 1):
        count = hash_words(data, offsets[i], offsets[i + 1], table, forms, form_starts, form_pool, hashes, packed)
        count = hash_ngrams(hashes, count, ngram)
        least[:] = _GREATEST
        p = 0
        while p + 7 * LANES <= factors.size:
            fold_least_7(hashes, count, factors, summands, least, p)
            p += 7 * LANES
        while p < factors.size:
            fold_least_1(hashes, count, factors, summands, least, p)
            p += LANES
        out[i] = least[: out.shape[1]]
        empty[i] = count == 0


@nb.njit(inline="always")
def _most_words(offsets: npt.NDArray[np.int64]) -> int:
    """Gives how many words a document may have at most: a word takes a byte and what parts it from the next, or two bytes."""
    return int(np.max(np.diff(offsets))) // 2 + 1 if offsets.size > 1 else 0


@nb.njit(cache=True, nogil=True)
def _drop_repeats(hashes: Uint64s, starts: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> None:
    """Moves the distinct values of each sorted slice to the front of `hashes`; slice `i` is then `kept[i]:kept[i + 1]`."""
    to = 0
    kept[0] = 0
    for i in range(starts.size - 1):
        first = to
        for k in range(starts[i], starts[i + 1]):
            if to == first or hashes[k] != hashes[to - 1]:
                hashes[to] = hashes[k]
                to += 1
        kept[i + 1] = to


@nb.njit(cache=True, nogil=True)
def _merge_pairs(
    values: Uint64s,
    offsets: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    """Counts, by merging, what two sorted sets share; writes the Jaccard similarity of each pair."""
    for pair in range(left.size):
        i, i_end = offsets[left[pair]], offsets[left[pair] + 1]
        j, j_end = offsets[right[pair]], offsets[right[pair] + 1]
        total = (i_end - i) + (j_end - j)
        shared = 0
        while i < i_end and j < j_end:
            a, b = values[i], values[j]
            shared += a == b
            i += a <= b
            j += b <= a
        if total > shared:
            out[pair] = shared / (total - shared)
