r"""Finds listed words and phrases in texts, without regard to case, in one compiled pass. Pure: no I/O.

A word or phrase occurs where no word character (letter, digit or underscore; what `\\w` matches) stands before or after it: C4's rule
for bad words. One that holds a letter of a script that is written without spaces (Han, kana, Thai...) occurs wherever it stands.
Case is folded letter by letter (`str.lower` of each, where that is one letter); spaces in a phrase are as they are written.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import ALNUM, NUM_CODE_POINTS, UNSPACED, code_points, properties
from columnar.text import Int, buffers, read_character

_UNDERSCORE = 95
_WORD, _ANYWHERE = 1, 2  # what ends at a node
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class PhraseTable(NamedTuple):
    """The phrases as a trie in a hash table.

    Attributes:
        keys: uint64[power of two], node << 21 | code point; all ones where free.
        nodes: int32[power of two], the child.
        ends: uint8[nodes], whether a phrase ends there, as a word or anywhere.
        first: uint8[0x110000], `_WORD` and `_ANYWHERE` for code points that begin such a phrase.
    """

    keys: npt.NDArray[np.uint64]
    nodes: npt.NDArray[np.int32]
    ends: npt.NDArray[np.uint8]
    first: npt.NDArray[np.uint8]


@cache
def lower_case() -> npt.NDArray[np.int32]:
    """Gives the small letter of every code point: int32[0x110000], read only."""
    table = np.arange(NUM_CODE_POINTS, dtype=np.int32)
    for point in range(0x1F000):
        small = chr(point).lower()
        if len(small) == 1:
            table[point] = ord(small)
    table.flags.writeable = False
    return table


def phrase_table(phrases: Iterable[str]) -> PhraseTable:
    """Prepares phrases; white space around each is ignored, and so are empty ones."""
    children: dict[int, int] = {}
    ends = [0]
    first = np.zeros(NUM_CODE_POINTS, np.uint8)
    fold, bits = lower_case(), properties()
    for phrase in phrases:
        points = [int(fold[point]) for point in code_points(phrase.strip())]
        if not points:
            continue
        kind = _ANYWHERE if any(bits[point] & UNSPACED for point in points) else _WORD
        first[points[0]] |= np.uint8(kind)
        node = 0
        for point in points:
            key = node << 21 | point
            if key not in children:
                children[key] = len(ends)
                ends.append(0)
            node = children[key]
        ends[node] |= kind
    size = 1 << max(4, (2 * len(children)).bit_length())
    keys, nodes = np.full(size, _EMPTY, np.uint64), np.zeros(size, np.int32)
    _fill(np.array(list(children), np.uint64), np.array(list(children.values()), np.int32), keys, nodes)
    return PhraseTable(keys, nodes, np.array(ends, np.uint8), first)


def count_phrases(texts: pa.LargeStringArray, table: PhraseTable) -> npt.NDArray[np.int64]:
    """Counts where in each document a phrase occurs: places, however many phrases begin there.

    Returns:
        int64[len(texts)].

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    out = np.zeros(len(texts), np.int64)
    _count(offsets, data, properties(), lower_case(), table.keys, table.nodes, table.ends, table.first, out)
    return out


@nb.njit(_nrt=False)
def _slot(key: np.uint64, size: int) -> Int:
    mixed = key * _MIX
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(size - 1))


@nb.njit(cache=True, nogil=True)
def _fill(
    given: npt.NDArray[np.uint64],
    children: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    nodes: npt.NDArray[np.int32],
) -> None:
    for i in range(given.size):
        slot = _slot(given[i], keys.size)
        while keys[slot] != _EMPTY:
            slot = (slot + 1) & (keys.size - 1)
        keys[slot] = given[i]
        nodes[slot] = children[i]


@nb.njit(_nrt=False)
def _begins_here(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    boundary: int,
    bits: npt.NDArray[np.uint8],
    fold: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    nodes: npt.NDArray[np.int32],
    ends: npt.NDArray[np.uint8],
) -> bool:
    """Tells whether a phrase begins at `at`; one of words only if `boundary`."""
    node: Int = 0
    while at < end:
        point, size = read_character(data, at, end)
        key = np.uint64(node << 21 | fold[point])
        slot = _slot(key, keys.size)
        while keys[slot] != key and keys[slot] != _EMPTY:
            slot = (slot + 1) & (keys.size - 1)
        if keys[slot] == _EMPTY:
            return False
        node = np.int64(nodes[slot])
        at += size
        if ends[node] & _ANYWHERE:
            return True
        if ends[node] & _WORD and boundary:
            if at >= end:
                return True
            after, _ = read_character(data, at, end)
            if not bits[after] & ALNUM and after != _UNDERSCORE:
                return True
    return False


@nb.njit(cache=True, nogil=True)
def _count(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    bits: npt.NDArray[np.uint8],
    fold: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    nodes: npt.NDArray[np.int32],
    ends: npt.NDArray[np.uint8],
    first: npt.NDArray[np.uint8],
    out: npt.NDArray[np.int64],
) -> None:
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        found = 0
        boundary = 1
        while at < end:
            point, size = read_character(data, at, end)
            start = first[fold[point]]
            if start and (start & _ANYWHERE or boundary):
                found += _begins_here(data, at, end, boundary, bits, fold, keys, nodes, ends)
            boundary = 0 if bits[point] & ALNUM or point == _UNDERSCORE else 1
            at += size
        out[i] = found
