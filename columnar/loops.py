"""Repetition inside a text, for generations: the loop that it ends in, and words that say again what was said. Pure: no I/O.

Two measures, both linear in the text and the same for every script:

- A *loop* is an end of the text that repeats one piece over and over; the last turn may be cut off, as a limit of tokens does. It
  is found on bytes, by the lengths of the common ends of the text and its own beginnings (the Z-function), so it needs no words:
  "ha ha ha", "哈哈哈", a formula, and one word of a million letters are alike.
- *Repeated words* are those in a run of `ngram` words that already stood earlier in the same text. Words are those of
  `columnar.words`: letters of scripts without spaces count one by one.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import ALNUM, properties
from columnar.span_kernels import find_words, join_runs
from columnar.text import buffers, read_character

MIN_TURNS = 4
"""So often, the last turn perhaps cut off, a piece must stand at the end to be a loop."""

MIN_LOOP_BYTES = 120
"""A shorter loop is a refrain or a row of a table."""

Int64s = npt.NDArray[np.int64]


class Repetition(NamedTuple):
    """What is repeated in each text; every field is int64[len(texts)].

    Attributes:
        words: all words.
        repeated_words: words in a run of `ngram` words that stood earlier in the text.
        loop_start: the byte at which the loop begins, its first turn included; the length of the text where there is none.
        loop_period: the bytes of one turn; 0 where there is none.
    """

    words: Int64s
    repeated_words: Int64s
    loop_start: Int64s
    loop_period: Int64s


def measure_repetition(texts: pa.LargeStringArray, ngram: int = 20) -> Repetition:
    """Measures the repetition inside each text.

    Args:
        texts: see `columnar.text.buffers`.
        ngram: words of a run, at least 1.

    Raises:
        ValueError: `ngram` is less than 1.
        TypeError: see `columnar.text.buffers`.
    """
    if ngram < 1:
        raise ValueError(f"ngram must be at least 1, not {ngram}")
    offsets, data = buffers(texts)
    bounds, hashes = _hash_words(texts)
    starts_of_loops, periods = np.empty((2, len(texts)), np.int64)
    _find_loops(offsets, data, properties(), starts_of_loops, periods)
    repeated = np.empty(len(texts), np.int64)
    _count_repeated(bounds, hashes, ngram, repeated)
    return Repetition(np.diff(bounds), repeated, starts_of_loops, periods)


def count_words(texts: pa.LargeStringArray) -> Int64s:
    """Counts the words of each text: int64[len(texts)].

    Raises:
        TypeError: see `columnar.text.buffers`.
    """
    return np.diff(_hash_words(texts)[0])


def _hash_words(texts: pa.LargeStringArray) -> tuple[Int64s, npt.NDArray[np.uint64]]:
    """Gives the hashes of all words, and how many stand before each text's begin and end."""
    offsets, data = buffers(texts)
    # As `columnar.spans` counts: any two words begin two bytes apart.
    room = int(offsets[-1] - offsets[0]) // 2 + len(texts) + 1
    bounds = np.zeros(len(texts) + 1, np.int64)
    starts, hashes = np.empty(room, np.int64), np.empty(room, np.uint64)
    find_words(offsets, data, properties(), bounds, starts, hashes)
    return bounds, hashes[: bounds[-1]]


@nb.njit(cache=True, nogil=True)
def _find_loops(
    offsets: Int64s, data: npt.NDArray[np.uint8], table: npt.NDArray[np.uint8], loop_starts: Int64s, periods: Int64s
) -> None:
    longest = 0
    for i in range(offsets.size - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    common = np.zeros(longest + 1, np.int64)
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        size = end - begin
        last = end - 1
        best, best_period = 0, 0
        # The Z-function of the text read from its end: `common[p]` bytes at the end stand also `p` bytes earlier.
        left, right = 0, 0
        ink = _ink(data, begin, end, table)  # a turn without a letter or digit is a ruled line, no loop
        for p in range(1, size):
            length = 0
            if p < right:
                length = min(right - p, common[p - left])
            while p + length < size and data[last - length] == data[last - p - length]:
                length += 1
            common[p] = length
            if p + length > right:
                left, right = p, p + length
            whole = length + p
            if whole >= MIN_LOOP_BYTES and whole >= MIN_TURNS * p and whole > best and p >= ink:
                best, best_period = whole, p
        loop_starts[i], periods[i] = size - best, best_period


@nb.njit(_nrt=False)
def _ink(data: npt.NDArray[np.uint8], begin: int, end: int, table: npt.NDArray[np.uint8]) -> int:
    """Gives how many bytes before the end the last letter or digit begins, beyond the whole where there is none."""
    at = end - 1
    while at >= begin:
        if data[at] & 0xC0 != 0x80:
            point, _ = read_character(data, at, end)
            if table[point] & ALNUM:
                return end - at
        at -= 1
    return end - begin + 1


@nb.njit(cache=True, nogil=True)
def _count_repeated(bounds: Int64s, hashes: npt.NDArray[np.uint64], ngram: int, repeated: Int64s) -> None:
    join_runs(hashes, 1, ngram)
    most = 0
    for i in range(bounds.size - 1):
        most = max(most, bounds[i + 1] - bounds[i])
    capacity = 16
    while capacity < 2 * most:
        capacity *= 2
    table = np.zeros(capacity, np.uint64)  # a run's hash is never 0
    used = np.empty(most, np.int64)
    for i in range(bounds.size - 1):
        count, num_used = 0, 0
        covered = bounds[i]  # words before this one are counted
        for at in range(bounds[i], bounds[i + 1] - ngram + 1):
            slot = np.int64(hashes[at] & np.uint64(capacity - 1))
            while table[slot] != 0 and table[slot] != hashes[at]:
                slot = (slot + 1) & (capacity - 1)
            if table[slot] == 0:
                table[slot] = hashes[at]
                used[num_used] = slot
                num_used += 1
            else:
                count += at + ngram - max(covered, at)
                covered = at + ngram
        for k in range(num_used):
            table[used[k]] = 0
        repeated[i] = count
