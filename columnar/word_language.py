"""How likely each word is in each of a few languages: py3langid's model, corrected by facts. Pure: no I/O but the package's model.

A word is scored as " word ", in lower case and composed: the spaces are half of what the model knows of short words. The features of
one word overlap, so its score exaggerates: it is held against the best language's and capped. `columnar.mixing_languages` then tells
what the model cannot: which languages have such letters, and which the word is among the commonest of.

Scores of words are kept in a table of fixed size, one slot for each hash: text is made of the same words over and over.
"""

from functools import lru_cache
from typing import Final, NamedTuple
from unicodedata import category, decomposition

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import LETTER, properties
from columnar.langid import automaton, columns
from columnar.mixing_languages import COMMON_WORDS, LETTERS
from columnar.text import Int

CAP: Final = 10.0
"""Nats that one word can speak against a language."""

COMMON_WORD_NATS: Final = 3.0
"""What a word loses in the languages whose commonest it is not among, if it is in another's."""

FOREIGN_LETTER_NATS: Final = 5.0
"""What a word loses in a language that does not have one of its letters."""

MAX_WORD_CHARS: Final = 40
"""So many characters of a word are scored; it may be a megabyte long."""

CACHE_SLOTS: Final = 1 << 16

_TABLE_SIZE = (
    0x2000  # code points below it have lower cases and compositions; the scripts that words are scored in lie there
)
_FEATURE_NATS = np.float32(np.log1p(1.0))  # how the library weighs a feature that occurs once
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


class WordTables(NamedTuple):
    """What the kernels of this module read; made once for each tuple of languages.

    Attributes:
        moves, rows, features: the automaton of `columnar.langid`.
        weights: float32[features, languages].
        lower: uint32[0x2000], code points in lower case.
        pairs: int64[m], sorted: base and mark that compose, as base << 32 | mark.
        composed: uint32[m], what each pair composes to.
        word_hashes: uint64[w], sorted: the common words.
        word_languages: uint64[w]: bit i, if common in language i.
        letter_languages: uint64[0x2000]: bit i, if language i may have the letter.
        limits: float32[3]: `CAP`, `COMMON_WORD_NATS`, `FOREIGN_LETTER_NATS`.
        keys: uint64[CACHE_SLOTS], the hash of the word in each slot; 0 is empty.
        scores: float32[CACHE_SLOTS, languages].
    """

    moves: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint32]
    features: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    lower: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.int64]
    composed: npt.NDArray[np.uint32]
    word_hashes: npt.NDArray[np.uint64]
    word_languages: npt.NDArray[np.uint64]
    letter_languages: npt.NDArray[np.uint64]
    limits: npt.NDArray[np.float32]
    keys: npt.NDArray[np.uint64]
    scores: npt.NDArray[np.float32]


@lru_cache(maxsize=16)
def word_tables(languages: tuple[str, ...]) -> WordTables:
    """Gives the tables for these languages, at most 64, all known to the model (`columnar.langid.classes`).

    The cache in them is written by the kernels without a lock: they hold the interpreter's.
    """
    states = automaton()
    word_hashes, word_languages = _common_words(languages)
    pairs, composed = _compositions()
    return WordTables(
        states.moves,
        states.rows,
        states.features,
        columns(languages),
        lower_cases(),
        pairs,
        composed,
        word_hashes,
        word_languages,
        _letter_languages(languages),
        np.array([CAP, COMMON_WORD_NATS, FOREIGN_LETTER_NATS], np.float32),
        np.zeros(CACHE_SLOTS, np.uint64),
        np.zeros((CACHE_SLOTS, len(languages)), np.float32),
    )


@lru_cache(maxsize=1)
def lower_cases() -> npt.NDArray[np.uint32]:
    """Gives the lower case of each code point below 0x2000 that is one character."""
    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    for point in range(_TABLE_SIZE):
        small = chr(point).lower()
        table[point] = ord(small) if len(small) == 1 else ord("i") if small == "i̇" else point
    table[0x2000 - 1] = 0x1FFF
    return table


@lru_cache(maxsize=1)
def _compositions() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    found = []
    for point in range(_TABLE_SIZE):
        parts = decomposition(chr(point)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and category(chr(int(parts[1], 16))) == "Mn":
            found.append((int(parts[0], 16) << 32 | int(parts[1], 16), point))
    pairs, composed = zip(*sorted(found), strict=True)
    return np.array(pairs, np.int64), np.array(composed, np.uint32)


def _common_words(languages: tuple[str, ...]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    bits: dict[int, int] = {}
    for i, language in enumerate(languages):
        for word in COMMON_WORDS.get(language, "").split():
            points = np.array([ord(c) for c in word], np.uint32)
            key = int(hash_points(points, points.size))
            bits[key] = bits.get(key, 0) | 1 << i
    hashes = sorted(bits)
    return np.array(hashes, np.uint64), np.array([bits[key] for key in hashes], np.uint64)


def _letter_languages(languages: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    unknown = sum(1 << i for i, language in enumerate(languages) if language not in LETTERS)
    table = np.full(_TABLE_SIZE, unknown, np.uint64)
    table[:128] = 2**64 - 1
    for i, language in enumerate(languages):
        for letter in LETTERS.get(language, ""):
            table[ord(letter)] |= np.uint64(1 << i)
    # Vowel signs, joiners, apostrophes: no letters.
    table[properties()[:_TABLE_SIZE] & LETTER == 0] = 2**64 - 1
    return table


@nb.njit(_nrt=False)
def hash_points(points: npt.NDArray[np.uint32], size: int) -> np.uint64:
    """Hashes the first code points (FNV-1a); never 0."""
    value = _FNV_START
    for i in range(size):
        value = (value ^ np.uint64(points[i])) * _FNV_PRIME
    value ^= value >> np.uint64(29)
    return value | np.uint64(1)


@nb.njit(_nrt=False)
def _normalise(
    points: npt.NDArray[np.uint32],
    start: int,
    end: int,
    lower: npt.NDArray[np.uint32],
    pairs: npt.NDArray[np.int64],
    composed: npt.NDArray[np.uint32],
    word: npt.NDArray[np.uint32],
) -> int:
    """Writes a word in lower case, composed, with plain apostrophes; gives its length, at most `word.size`."""
    size = 0
    for at in range(start, end):
        point: Int = np.int64(points[at])
        if point < _TABLE_SIZE:
            point = np.int64(lower[point])
            if 0x300 <= point < 0x370 and size:
                pair = (np.int64(word[size - 1]) << 32) | point
                found = np.searchsorted(pairs, pair)
                if found < pairs.size and pairs[found] == pair:
                    word[size - 1] = composed[found]
                    continue
            elif point in (0xAD, 0x2BC):
                if point == 0xAD:
                    continue
                point = 0x27
        elif point == 0x2019:
            point = 0x27
        elif point in (0x200B, 0x200D):
            continue
        if size == word.size:
            break
        word[size] = point
        size += 1
    return size


@nb.njit(_nrt=False)
def _step(
    state: Int,
    byte: Int,
    moves: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.uint32],
    features: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    slot: Int,
) -> Int:
    state = np.int64(moves[(np.int64(rows[state]) << 8) + byte])
    feature = features[state]
    if feature >= 0:
        for c in range(scores.shape[1]):
            scores[slot, c] += _FEATURE_NATS * weights[feature, c]
    return state


@nb.njit(_nrt=False)
def _score(
    word: npt.NDArray[np.uint32],
    size: int,
    key: np.uint64,
    moves: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.uint32],
    features: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    word_hashes: npt.NDArray[np.uint64],
    word_languages: npt.NDArray[np.uint64],
    letter_languages: npt.NDArray[np.uint64],
    limits: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    slot: int,
) -> None:
    """Writes the log-likelihood of a word in each language, less the best one's: 0 down to -`CAP`."""
    for c in range(scores.shape[1]):
        scores[slot, c] = 0
    state = _step(0, 0x20, moves, rows, features, weights, scores, slot)
    allowed = ~np.uint64(0)
    for i in range(size):
        point = np.int64(word[i])
        if point < _TABLE_SIZE:
            allowed &= letter_languages[point]
        if point < 0x80:
            state = _step(state, point, moves, rows, features, weights, scores, slot)
        elif point < 0x800:
            state = _step(state, 0xC0 | point >> 6, moves, rows, features, weights, scores, slot)
            state = _step(state, 0x80 | point & 0x3F, moves, rows, features, weights, scores, slot)
        else:
            if point < 0x10000:
                state = _step(state, 0xE0 | point >> 12, moves, rows, features, weights, scores, slot)
            else:
                state = _step(state, 0xF0 | point >> 18, moves, rows, features, weights, scores, slot)
                state = _step(state, 0x80 | point >> 12 & 0x3F, moves, rows, features, weights, scores, slot)
            state = _step(state, 0x80 | point >> 6 & 0x3F, moves, rows, features, weights, scores, slot)
            state = _step(state, 0x80 | point & 0x3F, moves, rows, features, weights, scores, slot)
    _step(state, 0x20, moves, rows, features, weights, scores, slot)
    common = np.uint64(0)
    found = np.searchsorted(word_hashes, key)
    if found < word_hashes.size and word_hashes[found] == key:
        common = word_languages[found]
    best = np.float32(-1e9)
    for c in range(scores.shape[1]):
        bit = np.uint64(1) << np.uint64(c)
        if common and not common & bit:
            scores[slot, c] -= limits[1]
        if not allowed & bit:
            scores[slot, c] -= limits[2]
        best = max(best, scores[slot, c])
    for c in range(scores.shape[1]):
        scores[slot, c] = max(scores[slot, c] - best, -limits[0])


@nb.njit(cache=True)
def score_words(
    points: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    tables: WordTables,
    out: npt.NDArray[np.float32],
) -> None:
    """Writes the scores of words `starts[i]`..`ends[i]` to `out`: float32[n, languages], 0 for the best down to -`CAP`."""
    (
        moves,
        rows,
        features,
        weights,
        lower,
        pairs,
        composed,
        word_hashes,
        word_languages,
        letter_languages,
        limits,
        keys,
        scores,
    ) = tables
    word = np.empty(MAX_WORD_CHARS, np.uint32)
    mask = np.uint64(keys.size - 1)
    for i in range(starts.size):
        size = _normalise(points, starts[i], ends[i], lower, pairs, composed, word)
        key = hash_points(word, size)
        slot = np.int64((key >> np.uint64(20)) & mask)
        if keys[slot] != key:
            _score(
                word,
                size,
                key,
                moves,
                rows,
                features,
                weights,
                word_hashes,
                word_languages,
                letter_languages,
                limits,
                scores,
                slot,
            )
            keys[slot] = key
        for c in range(scores.shape[1]):
            out[i, c] = scores[slot, c]
