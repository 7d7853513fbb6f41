"""Hashes of words as passages compare them, at the speed of a scan: what decides about nearly all documents. Pure: no I/O.

A word's hash is made of its folded characters (`columnar.passage_words`) and of nothing else: eight ASCII characters are mixed in at
once, any other character ends such a group. So ASCII words, which are found by bit masks of 64 bytes at a time, get the same hash
as words that are read character by character.
"""

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import ALNUM
from columnar.eight_bytes import trailing_zeros
from columnar.minhash_vectors import WINDOW, byte_classes, leading_zeros, load_eight
from columnar.text import Int, decode
from columnar.wide_bytes import separator_to_blank, tab_to_return
from columnar.words import NO_WORD, next_word_state

#: An entry of a fold table is the folded code point with these bits above it, SPACE, ALNUM and UNSPACED among them.
CODE_BITS = 21
CODE_MASK = (1 << CODE_BITS) - 1
CORE = 2  # counts at the ends of a word too
IGNORED = 16  # as if it were not there

UInts = npt.NDArray[np.uint64]
Table = npt.NDArray[np.uint32]

#: Of the running hash of a window of words.
BASE = np.uint64(0x2545F4914F6CDD1D)
_SEED = np.uint64(0x9AE16A3B2F90404F)
_STEP = np.uint64(0xC2B2AE3D27D4EB4F)
_CODE_STEP = np.uint64(0xD6E8FEB86659FD93)
_FINAL_STEP = np.uint64(0x9FB21C651E98DF25)
_SHIFT = np.uint64(29)
_HALF = np.uint64(32)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
#: All bits: in the ``exact`` reading every character counts as it stands.
EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)
_LANE_BITS = 64
_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_TO_CASE_BIT = np.uint64(2)
# A window's last word may begin in its last byte, and is loaded eight bytes at a time.
_READ_AHEAD = WINDOW + 8


@nb.njit(inline="always")
def extend_window(window: np.uint64, word: np.uint64) -> np.uint64:
    """Gives the running hash of a window of words with one word more."""
    return window * BASE + word


@nb.njit(_nrt=False)
def _mixed(running: np.uint64, eight: np.uint64) -> np.uint64:
    running = (running ^ eight) * _STEP
    return running ^ (running >> _SHIFT)


@nb.njit(_nrt=False)
def _finished(running: np.uint64) -> np.uint64:
    """Makes a word's hash of the running one: every bit of it then depends on every character."""
    running *= _FINAL_STEP
    return running ^ (running >> _HALF)


@nb.njit(_nrt=False)
def _fed(running: np.uint64, lane: np.uint64, filled: int, code: int) -> tuple[np.uint64, np.uint64, int]:
    """Takes one folded character more; `lane` holds `filled` bits of ASCII characters that are not mixed in yet."""
    if code >= 0x80:
        return _mixed(running ^ (np.uint64(code) * _CODE_STEP), lane), _ZERO, 0
    lane |= np.uint64(code) << np.uint64(filled)
    if filled < _LANE_BITS - 8:
        return running, lane, filled + 8
    return _mixed(running, lane), _ZERO, 0


@nb.njit(nogil=True, _nrt=False)
def hash_codes(codes: npt.NDArray[np.uint32], first: Int, stop: Int) -> np.uint64:
    """Hashes the word of the folded characters `codes[first:stop]`."""
    running, lane, filled = _SEED, _ZERO, 0
    for at in range(first, stop):
        running, lane, filled = _fed(running, lane, filled, np.int64(codes[at]))
    return _finished(_mixed(running, lane) if filled else running)  # type: ignore[no-any-return]


@nb.njit(_nrt=False)
def _lower(eight: np.uint64, every: np.uint64) -> np.uint64:
    """Makes small letters of the capitals among eight ASCII characters, unless every bit is set in `every`."""
    # The high bit of each byte says whether it is at least `A`, and whether it is beyond `Z`.
    letters = ((eight + _ONES * np.uint64(0x80 - 0x41)) & ~(eight + _ONES * np.uint64(0x80 - 0x5B))) & _HIGHS & ~every
    return eight | (letters >> _TO_CASE_BIT)


@nb.njit(_nrt=False)
def _hash_ascii(data: npt.NDArray[np.uint8], first: Int, stop: Int, every: np.uint64) -> np.uint64:
    """Hashes the ASCII word `data[first:stop]`; bytes behind it are read."""
    running = _SEED
    while first < stop:
        eight = load_eight(data, first)
        if stop - first < 8:
            eight &= EVERY >> np.uint64(_LANE_BITS - 8 * (stop - first))
        running = _mixed(running, _lower(eight, every))
        first += 8
    return _finished(running)  # type: ignore[no-any-return]


@nb.njit(nogil=True, _nrt=False)
def _ascii_words(
    data: npt.NDArray[np.uint8], at: Int, end: Int, prefix: UInts, words: int, every: np.uint64
) -> tuple[Int, int]:
    """Reads ASCII words from `at`, between two words, until any other word, the end, the column's last bytes or a full `prefix`."""
    limit, most = data.size - _READ_AHEAD, prefix.size - 1
    while at < end and at <= limit:
        letters, digits, beyond = byte_classes(data, at)
        rest = ~(tab_to_return(data, at) | separator_to_blank(data, at))
        core = letters | digits | every
        if end - at < WINDOW:
            rest &= (_ONE << np.uint64(end - at)) - _ONE
        following = at + WINDOW
        while rest:
            # Adding its lowest bit to a mask moves its lowest run of ones to one bit, just behind the run.
            carried = rest + (rest & (~rest + _ONE))
            word = rest & ~carried
            begin = at + trailing_zeros(word)
            if carried < rest and end - at > WINDOW:  # may go on behind the window
                if begin == at:
                    return at, words
                following = begin
                break
            if word & beyond or words == most:
                return begin, words
            inner = word & core
            if inner:
                stop = at + WINDOW - leading_zeros(inner)
                hashed = _hash_ascii(data, at + trailing_zeros(inner), stop, every)
                prefix[words + 1] = extend_window(prefix[words], hashed)
                words += 1
            rest &= carried
        at = following
    return min(at, end), words


@nb.njit(nogil=True, _nrt=False)
def _any_words(
    data: npt.NDArray[np.uint8], at: Int, end: Int, table: Table, prefix: UInts, words: int
) -> tuple[Int, int]:
    """Reads words as `segment` cuts them, until an ASCII letter or digit begins a word, the end, or a full `prefix`."""
    most = prefix.size - 1
    begun = at
    state = NO_WORD
    has_core = False
    running = core = _SEED
    lane = core_lane = _ZERO
    filled = core_filled = 0
    while at < end and words < most:
        byte = np.int64(data[at])
        if byte < 0x80:
            point, size = byte, 1
        else:
            point, size = decode(data, at, end)
        entry = np.int64(table[point])
        bits = entry >> CODE_BITS
        if bits & IGNORED:
            at += size
            continue
        if state == NO_WORD and byte < 0x80 and bits & ALNUM and at > begun:
            break
        following, begins = next_word_state(state, bits)
        if following == NO_WORD or (begins and state != NO_WORD):
            # A letter that begins the next word is read again for that one.
            if following == NO_WORD:
                at += size
            state = NO_WORD
            if has_core:
                hashed = _finished(_mixed(core, core_lane) if core_filled else core)
                prefix[words + 1] = extend_window(prefix[words], hashed)
                words += 1
                has_core = False
                running, lane, filled = _SEED, _ZERO, 0
            continue
        at += size
        state = following
        if bits & CORE or has_core:
            running, lane, filled = _fed(running, lane, filled, entry & CODE_MASK)
            if bits & CORE:
                core, core_lane, core_filled = running, lane, filled
                has_core = True
    if has_core:
        hashed = _finished(_mixed(core, core_lane) if core_filled else core)
        prefix[words + 1] = extend_window(prefix[words], hashed)
        words += 1
    return at, words


@nb.njit(nogil=True, _nrt=False)
def hash_words(
    data: npt.NDArray[np.uint8], at: Int, end: Int, table: Table, prefix: UInts, words: int, every: np.uint64
) -> tuple[Int, int]:
    """Reads words from `at`, between two of them, until `prefix` or the text is at its end; cuts words as `segment` does.

    Args:
        data: of the whole column; a few bytes behind `end` are read, but never beyond the column's.
        at: where to begin.
        end: where the text ends.
        table: `columnar.passage_words.fold_table`.
        prefix: `prefix[words]` is the running hash of the words so far; those of the words read follow it.
        words: how many words `prefix` has.
        every: `EVERY` if the table is that of the ``exact`` reading, else 0.

    Returns:
        Where to read on, and the number of words.
    """
    while at < end and words < prefix.size - 1:
        at, words = _ascii_words(data, at, end, prefix, words, every)
        at, words = _any_words(data, at, end, table, prefix, words)
    return at, words
