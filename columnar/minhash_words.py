"""From UTF-8 to the hashes of normalised words and of word n-grams: the kernels under `columnar.minhash`. Pure: no I/O.

Two ways lead through a text, and give the same words. Plain words, runs of ASCII letters between ASCII blanks, are found 64 bytes at a
time by bit masks and hashed many at once. Everything else, a word with a digit, an accent or a letter of another script, and the last
bytes of the column, goes character by character through the table of `columnar.normalization`.

Constants are uint64: beside a signed number, Numba would turn them into floats.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import SPACE
from columnar.eight_bytes import trailing_zeros
from columnar.minhash_vectors import WINDOW, byte_classes, load_eight
from columnar.normalization import BLANK, DIGIT, DROPPED, HANGUL, SEQUENCE, normal_form
from columnar.text import Int, decode
from columnar.words import NO_WORD, SPACED_WORD, UNSPACED_WORD, next_word_state

Uint64s = npt.NDArray[np.uint64]

_WORD_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHINGLE_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)
_ZERO, _ONE, _BYTE, _BYTE_BITS = np.uint64(0), np.uint64(1), np.uint64(0xFF), np.uint64(8)
_LOWER_CASE = np.uint64(0x2020202020202020)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_PACKED = 8  # letters in a number
_READ_AHEAD = WINDOW + _PACKED
_BLOCK = 256  # shingles hashed at once
# By byte: whether it is ASCII white space or punctuation; an ASCII letter in lower case, 0 for any other.
_IS_BLANK = np.array([b < 0x80 and normal_form(chr(b)).isspace() for b in range(256)], np.bool_)
_IS_DIGIT = np.array([48 <= b <= 57 for b in range(256)], np.bool_)
_LOWER = np.array([ord(chr(b).lower()) if b < 0x80 and chr(b).isalpha() else 0 for b in range(256)], np.uint64)


def mix(h: Any) -> Any:  # one body for scalars in kernels and for arrays
    """Scatters every bit of a 64-bit hash over all others (the finaliser of MurmurHash3)."""
    h = (h ^ (h >> _SHIFT)) * _MIX_1
    h = (h ^ (h >> _SHIFT)) * _MIX_2
    return h ^ (h >> _SHIFT)


_mix = nb.njit(inline="always")(mix)


@nb.njit(inline="always")
def _add_character(h: np.uint64, point: int) -> np.uint64:
    added: np.uint64 = (h ^ np.uint64(point)) * _WORD_FACTOR
    return added


@nb.njit(inline="always")
def _is_separator(point: int) -> bool:
    """Says whether a character may stand inside a number: `normalization.DECIMAL_SEPARATORS`."""
    return point in (0x2E, 0x2C, 0x060C, 0x066B) or 0x2396 <= point <= 0x2398


@nb.njit(inline="always")
def _add_forms(
    h: np.uint64, point: int, form: int, form_starts: npt.NDArray[np.int32], form_pool: npt.NDArray[np.int32]
) -> np.uint64:
    """Adds to a word hash what a character becomes: one character, a syllable's letters, or a sequence."""
    if form >= 0:
        h = _add_character(h, form)
    elif form == HANGUL:
        syllable = point - 0xAC00
        h = _add_character(h, 0x1100 + syllable // 588)
        h = _add_character(h, 0x1161 + syllable % 588 // 28)
        if syllable % 28:
            h = _add_character(h, 0x11A7 + syllable % 28)
    else:
        for k in range(form_starts[SEQUENCE - form], form_starts[SEQUENCE - form + 1]):
            h = _add_character(h, form_pool[k])
    return h


@nb.njit(inline="always")
def _is_digit(data: npt.NDArray[np.uint8], at: int, end: int, forms: npt.NDArray[np.int32]) -> bool:
    if at >= end:
        return False
    if data[at] < 0x80:
        return bool(48 <= data[at] <= 57)
    return bool(forms[decode(data, at, end)[0]] == DIGIT)


@nb.njit(nogil=True, _nrt=False)
def _any_words(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    table: npt.NDArray[np.uint8],
    forms: npt.NDArray[np.int32],
    form_starts: npt.NDArray[np.int32],
    form_pool: npt.NDArray[np.int32],
    out: Uint64s,
    packed: npt.NDArray[np.bool_],
    to: int,
) -> tuple[int, int]:
    """Writes the hashes of words of any kind from `data[at]` on, between words, until plain words may follow, or to the end.

    Returns:
        Where it stopped, between words, and the position after the last hash.
    """
    state = 0
    h = _ZERO
    number = 0  # inside a number: 1 whole part, 2 just after its separator, 3 fraction
    start, plain_until = at, data.size - _READ_AHEAD
    while at < end:
        byte = data[at]
        if state == NO_WORD and number == 0 and byte < 0x80 and start < at <= plain_until:
            break
        # The usual cases without the general machinery: white space or punctuation, and a run of ASCII letters.
        if _IS_BLANK[byte] and number == 0:
            if state != NO_WORD:
                out[to], packed[to] = _mix(h), False
                to += 1
                state = NO_WORD
            at += 1
            continue
        if _LOWER[byte]:
            if state in (NO_WORD, UNSPACED_WORD):
                if state != NO_WORD:
                    out[to], packed[to] = _mix(h), False
                    to += 1
                h = _ZERO
            while at < end and _LOWER[data[at]]:
                h = (h ^ _LOWER[data[at]]) * _WORD_FACTOR
                at += 1
            state = SPACED_WORD
            number = 0
            continue
        if _IS_DIGIT[byte]:
            if number == 0:
                if state in (NO_WORD, UNSPACED_WORD):
                    if state != NO_WORD:
                        out[to], packed[to] = _mix(h), False
                        to += 1
                    h = _ZERO
                h = _add_character(h, 48)
                state = SPACED_WORD
            number = 3 if number >= 2 else 1
            while at < end and _IS_DIGIT[data[at]]:
                at += 1
            continue
        point: Int
        if byte < 0x80:
            point, size = np.int64(byte), 1
        else:
            point, size = decode(data, at, end)
        at += size
        form: Int = np.int64(forms[point])
        bits: Int = np.int64(table[point])
        if form == DIGIT:
            if number > 0:
                number = 3 if number == 2 else number
                continue
            number = 1
            form = np.int64(48)
        elif number > 0:
            if number == 1 and _is_separator(point) and _is_digit(data, at, end, forms):
                number = 2
                continue
            number = 0
        if form == DROPPED:
            continue
        if form == BLANK:
            bits = SPACE
        previous = state
        state, begins = next_word_state(state, bits)
        if previous != 0 and (begins or state == 0):
            out[to], packed[to] = _mix(h), False
            to += 1
        if begins:
            h = _ZERO
        if state != 0:
            h = _add_forms(h, point, form, form_starts, form_pool)
    if state != 0:
        out[to], packed[to] = _mix(h), False
        to += 1
    return at, to


@nb.njit(inline="always")
def _hash_letters(data: npt.NDArray[np.uint8], at: int, end: int) -> np.uint64:
    h = _ZERO
    for k in range(at, end):
        h = (h ^ (np.uint64(data[k]) | np.uint64(0x20))) * _WORD_FACTOR
    return h


@nb.njit(nogil=True, _nrt=False)
def _plain_words(
    data: npt.NDArray[np.uint8], at: int, end: int, out: Uint64s, packed: npt.NDArray[np.bool_], to: int
) -> tuple[int, int]:
    """Writes plain words from `data[at]` on, between words, until the first other word, the end, or the column's last bytes.

    A word of up to eight letters is written as its letters in lower case, to be hashed with others by `_hash_packed`.

    Returns:
        Where it stopped, between words, and the position after the last word.
    """
    plain_until = data.size - _READ_AHEAD
    while at < end and at <= plain_until:
        letters, digits, beyond = byte_classes(data, at)
        tokens, others = letters | digits | beyond, digits | beyond
        if end - at < WINDOW:
            tokens &= (_ONE << np.uint64(end - at)) - _ONE
        following = min(at + WINDOW, end)
        while tokens:
            # Adding its lowest bit to a mask moves its lowest run of ones to one bit, just behind the run.
            carried = tokens + (tokens & (~tokens + _ONE))
            begin = at + trailing_zeros(tokens)
            if carried < tokens:  # goes on behind the window
                if begin == at:
                    return at, to
                following = begin
                break
            if tokens & ~carried & others:
                return begin, to
            size = at + trailing_zeros(carried) - begin
            if size > _PACKED:
                out[to], packed[to] = _mix(_hash_letters(data, begin, begin + size)), False
            else:
                mask = _ALL >> np.uint64(8 * (_PACKED - size))
                out[to], packed[to] = (load_eight(data, begin) | _LOWER_CASE) & mask, True
            to += 1
            tokens &= carried
        at = following
    return at, to


@nb.njit(nogil=True, _nrt=False)
def _hash_packed(out: Uint64s, packed: npt.NDArray[np.bool_], count: int) -> None:
    """Hashes the packed words among `out[:count]`: a loop without branches, which becomes vectors."""
    for k in range(count):
        letters = out[k]
        h = _ZERO
        for _ in range(_PACKED):
            added = (h ^ (letters & _BYTE)) * _WORD_FACTOR
            h = added if letters else h
            letters >>= _BYTE_BITS
        out[k] = _mix(h) if packed[k] else out[k]


@nb.njit(nogil=True, _nrt=False)
def hash_words(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    table: npt.NDArray[np.uint8],
    forms: npt.NDArray[np.int32],
    form_starts: npt.NDArray[np.int32],
    form_pool: npt.NDArray[np.int32],
    out: Uint64s,
    packed: npt.NDArray[np.bool_],
) -> int:
    """Writes the hashes of the normalised words of `data[at:end]` to `out`, and gives how many there are.

    Args:
        data: of the whole column; a few bytes behind `end` are read, but never beyond the column's.
        at: where the document begins.
        end: where it ends.
        table: `codepoints.properties()`.
        forms: `normalization.normal_forms()`, and so on.
        form_starts: of it.
        form_pool: of it.
        out: at least one place for every two bytes, and one more.
        packed: scratch of the same size.
    """
    to = 0
    while at < end:
        at, to = _plain_words(data, at, end, out, packed, to)
        if at < end:
            at, to = _any_words(data, at, end, table, forms, form_starts, form_pool, out, packed, to)
    _hash_packed(out, packed, to)
    return to


@nb.njit(nogil=True)
def hash_ngrams(words: Uint64s, count: int, ngram: int) -> int:
    """Replaces `words[:count]` by the hashes of their n-grams, and gives how many there are.

    Fewer words than `ngram`, but at least one, have one n-gram: all of them.
    """
    if count == 0:
        return 0
    length = min(ngram, count)
    grams = count - length + 1
    block = np.empty(_BLOCK, np.uint64)
    for first in range(0, grams, _BLOCK):
        size = min(_BLOCK, grams - first)
        block[:size] = np.uint64(length)
        for word in range(first, first + length):
            for k in range(size):
                h = (block[k] ^ words[word + k]) * _SHINGLE_FACTOR
                block[k] = h ^ (h >> _SHIFT)
        # In place: the next block needs the words behind this one only.
        for k in range(size):
            words[first + k] = _mix(block[k])
    return grams
