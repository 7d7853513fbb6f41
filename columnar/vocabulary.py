"""The distinct strings of a batch of texts, numbered, with what each counts for as a chunk of text. Pure: no I/O.

Most chunks (what stands between white space) of a text have been seen before: what a chunk counts for and how it is cut into words is
found out once and remembered (`columnar.chunks` reads and cuts them). Strings are told apart by 64-bit hashes. The memory is bounded:
between two documents a vocabulary that has grown beyond `MAX_KEPT` is forgotten, so it never holds more than that and the strings of
one document: about 60 MB.

Common strings are met early and have low numbers, so that what is kept by number stays in the cache for them: that is why the table of
slots holds numbers only.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.text import Int

MAX_KEPT = 1 << 19
_FIRST_SLOTS = 1 << 20
NUM_COUNTS = 16

# What is counted of a chunk, in the order of `Vocabulary.row` and of the bytes of `Vocabulary.rows`. By our words:
CHARS, WORDS, ALPHA_WORDS, ALPHA_CHARS, ALNUM_CHARS, HASHES, ELLIPSES, REPLACED = range(8)
# ... by datatrove's tokens: all of them, those that are more than punctuation, their characters, those with a letter;
TOKENS, TOKEN_WORDS, TOKEN_WORD_CHARS, ALPHA_TOKENS = range(8, 12)
# ... by dolma's white-space words: those with `#` or an ellipsis, with a letter, those that are one of its stop words.
SYMBOL_CHUNKS, ALPHA_CHUNKS, STOP_CHUNKS = range(12, 15)

# The second number of a row: stop words seen as bits, our reading in the lowest eight, datatrove's in the next; then
KNOWN = 1 << 16  # it has stood as a chunk
LONG = 1 << 17  # what it counts for is too much for bytes, and is a row of `Vocabulary.long_rows`
_MAX_PACKED = 255

_MAX_LONG = 1 << 12  # kept; a document has at most one a `_MAX_PACKED` characters

# `Vocabulary.state`
STRINGS, POOLED, MASK, LONG_ROWS = range(4)


class Vocabulary(NamedTuple):
    """Strings by number.

    Attributes:
        slots: in each slot of a hash table 0, or the number + 1 of a string and, in the upper half, the lower half of its hash:
            uint64, a power of two long; only the first `state[MASK]` + 1 are used.
        rows: string -> its hash, bits, and what it counts for as a chunk in 16 bytes: uint64[:, 4]. The latter hold for `KNOWN` ones.
        chars: string -> its characters.
        words: string -> where in `pool` its words begin, if it is `KNOWN`.
        tokens: the same for datatrove's tokens.
        pool: how many parts a string has, then their numbers; a string of one part is that part itself.
        long_rows: what long chunks count for: int32[:, NUM_COUNTS].
        state: strings, places of the pool taken, mask of the slots, long rows taken.
        row: scratch for one chunk: what it counts for.
        points, places, begins: scratch for one chunk: code points, where each begins, marks.
    """

    slots: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.uint64]
    chars: npt.NDArray[np.int32]
    words: npt.NDArray[np.int32]
    tokens: npt.NDArray[np.int32]
    pool: npt.NDArray[np.int32]
    long_rows: npt.NDArray[np.int32]
    state: npt.NDArray[np.int64]
    row: npt.NDArray[np.int32]
    points: npt.NDArray[np.int32]
    places: npt.NDArray[np.int64]
    begins: npt.NDArray[np.uint8]


def new_vocabulary(max_bytes: int) -> Vocabulary:
    """Makes an empty vocabulary for documents of at most `max_bytes`.

    The arrays are as large as the worst text needs; the system gives memory for what is touched.
    """
    strings = MAX_KEPT + 2 * max_bytes + 2
    num_slots = _FIRST_SLOTS
    while num_slots < 2 * strings:
        num_slots *= 2
    return Vocabulary(
        slots=np.zeros(num_slots, np.uint64),
        rows=np.empty((strings, 4), np.uint64),
        chars=np.empty(strings, np.int32),
        words=np.empty(strings, np.int32),
        tokens=np.empty(strings, np.int32),
        # Of each chunk at most its bytes as words, its bytes as tokens, and two numbers of parts.
        pool=np.empty(4 * MAX_KEPT + 4 * max_bytes + 4, np.int32),
        long_rows=np.empty((_MAX_LONG + max_bytes // _MAX_PACKED + 2, NUM_COUNTS), np.int32),
        state=np.array([0, 0, _FIRST_SLOTS - 1, 0], np.int64),
        row=np.empty(NUM_COUNTS, np.int32),
        points=np.empty(max_bytes + 1, np.int32),
        places=np.empty(max_bytes + 2, np.int64),
        begins=np.empty(max_bytes + 1, np.uint8),
    )


@nb.njit(inline="never", _nrt=False)
def forget_strings(vocabulary: Vocabulary) -> None:
    """Empties a vocabulary that has grown; to be called between documents."""
    state = vocabulary.state
    if state[STRINGS] <= MAX_KEPT and state[POOLED] <= 4 * MAX_KEPT and state[LONG_ROWS] <= _MAX_LONG:
        return
    vocabulary.slots[: state[MASK] + 1] = 0
    state[STRINGS] = state[POOLED] = state[LONG_ROWS] = 0
    state[MASK] = _FIRST_SLOTS - 1


@nb.njit(inline="always", _nrt=False)
def first_slot(key: np.uint64, mask: Int) -> Int:
    """Gives where to begin looking for a hash."""
    return np.int64(key >> np.uint64(36)) & mask


@nb.njit(inline="always", _nrt=False)
def _entry(key: np.uint64, number: Int) -> np.uint64:
    entry: np.uint64 = (key << np.uint64(32)) | np.uint64(number + 1)
    return entry


@nb.njit(inline="always", _nrt=False)
def number_in(entry: np.uint64, key: np.uint64) -> Int:
    """Gives the number in a slot that is not empty if it may be that of this hash (its row tells), else -1."""
    if (entry >> np.uint64(32)) != (key & np.uint64(0xFFFFFFFF)):
        return np.int64(-1)
    return np.int64(entry & np.uint64(0xFFFFFFFF)) - 1


@nb.njit(inline="never", _nrt=False)
def _double_slots(slots: npt.NDArray[np.uint64], rows: npt.NDArray[np.uint64], state: npt.NDArray[np.int64]) -> None:
    mask = 2 * (state[MASK] + 1) - 1
    state[MASK] = mask
    slots[: mask + 1] = 0
    for number in range(state[STRINGS]):
        key = rows[number, 0]
        slot = first_slot(key, mask)
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = _entry(key, number)


@nb.njit(inline="never", _nrt=False)
def number_of(
    slots: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.uint64],
    chars: npt.NDArray[np.int32],
    state: npt.NDArray[np.int64],
    key: np.uint64,
    num_chars: Int,
) -> Int:
    """Gives the number of the string of a hash, a new one if it is new; `num_chars` is noted then."""
    mask = state[MASK]
    slot = first_slot(key, mask)
    while slots[slot]:
        found: Int = number_in(slots[slot], key)
        if found >= 0 and rows[found, 0] == key:
            return found
        slot = (slot + 1) & mask
    number: Int = np.int64(state[STRINGS])
    state[STRINGS] = number + 1
    slots[slot] = _entry(key, number)
    rows[number, 0] = key
    rows[number, 1] = 0
    chars[number] = num_chars
    if 2 * number > mask:
        _double_slots(slots, rows, state)
    return number


@nb.njit(inline="always", _nrt=False)
def keep_row(vocabulary: Vocabulary, number: Int, stop_bits: Int) -> None:
    """Keeps the scratch row as what string `number` counts for as a chunk."""
    row, rows = vocabulary.row, vocabulary.rows
    vocabulary.chars[number] = row[CHARS]
    if row[CHARS] > _MAX_PACKED:  # nothing counts for more than its characters
        place = vocabulary.state[LONG_ROWS]
        vocabulary.state[LONG_ROWS] = place + 1
        for k in range(NUM_COUNTS):
            vocabulary.long_rows[place, k] = row[k]
        rows[number, 1] = np.uint64(stop_bits | KNOWN | LONG)
        rows[number, 2] = np.uint64(place)
        return
    low = high = np.uint64(0)
    for k in range(8):
        low |= np.uint64(row[k]) << np.uint64(8 * k)
        high |= np.uint64(row[k + 8]) << np.uint64(8 * k)
    rows[number, 1] = np.uint64(stop_bits | KNOWN)
    rows[number, 2] = low
    rows[number, 3] = high
