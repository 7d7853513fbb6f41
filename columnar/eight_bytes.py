"""Eight bytes at a time: loads, byte tests and a hash for kernels that read UTF-8 buffers. Pure: no I/O."""

import os
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from columnar.text import Int

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xD6E8FEB86659FD93)

#: Hash tables hold places, never results; a seed that nobody knows keeps texts that were made to collide from doing so. Kernels take
#: it as an argument: what they see as a global is compiled in, and cached.
SEED = np.uint64(int.from_bytes(os.urandom(8)))


@intrinsic
def _load(_typing: Any, data: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, at), generate


@intrinsic
def trailing_zeros(_typing: Any, _value: Any) -> Any:
    """Counts the zero bits below the lowest one of a uint64; 64 if there is none. For kernels only."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def count_ones(_typing: Any, _value: Any) -> Any:
    """Counts the one bits of a uint64. For kernels only."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@nb.njit(inline="always", _nrt=False)
def load(data: npt.NDArray[np.uint8], at: Int) -> np.uint64:
    """Loads the eight bytes at `at`, the first the lowest; bytes beyond the end of `data` are 0."""
    if at + 8 <= data.size:
        return _load(data, at)  # type: ignore[no-any-return]
    value = np.uint64(0)
    for k in range(data.size - at):
        value |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return value


@nb.njit(inline="always", _nrt=False)
def bytes_below(word: np.uint64, bound: int) -> np.uint64:
    """Marks (with 0x80) the bytes below `bound` <= 0x80; the lowest mark is right, marks above it may not be."""
    return (word - _ONES * np.uint64(bound)) & ~word & _HIGHS


@nb.njit(inline="always", _nrt=False)
def high_bytes(word: np.uint64) -> np.uint64:
    """Marks (with 0x80) the bytes from 0x80 on."""
    return word & _HIGHS


@nb.njit(inline="always", _nrt=False)
def non_letters(lower: np.uint64) -> np.uint64:
    """Marks (with 0x80) the bytes that are no ASCII letter, of eight with 0x20 set; the lowest mark is right, marks above it may not be."""
    marks: np.uint64 = (bytes_below(lower, 0x61) | (lower + _ONES * np.uint64(5)) | lower) & _HIGHS
    return marks


@nb.njit(inline="always", _nrt=False)
def bytes_equal(word: np.uint64, byte: int) -> np.uint64:
    """Marks (with 0x80) every byte that equals `byte` < 0x80, and no other."""
    different = word ^ (_ONES * np.uint64(byte))
    return ~((((different & ~_HIGHS) + ~_HIGHS) | different) | ~_HIGHS)


@nb.njit(inline="always", _nrt=False)
def leading_bytes(word: np.uint64, count: Int) -> np.uint64:
    """Keeps the `count` first bytes, 1..8."""
    return word & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * count))


@nb.njit(inline="always", _nrt=False)
def mixed(state: np.uint64, word: np.uint64) -> np.uint64:
    """Takes eight more bytes into a hash."""
    state = (state ^ word) * _FIRST
    return state ^ (state >> np.uint64(29))


@nb.njit(inline="always", _nrt=False)
def finished(state: np.uint64, num_bytes: Int) -> np.uint64:
    """Ends a hash; never 0, which marks an empty place."""
    state = (state ^ np.uint64(num_bytes)) * _SECOND
    return (state ^ (state >> np.uint64(32))) | np.uint64(1)


@nb.njit(inline="always", _nrt=False)
def hash_bytes(data: npt.NDArray[np.uint8], start: Int, end: Int, seed: np.uint64) -> np.uint64:
    """Hashes `data[start:end]`; never 0. Two texts of one process collide with a probability of about 2^-63."""
    state = seed
    at = start
    while at < end:
        state = mixed(state, leading_bytes(load(data, at), min(np.int64(8), end - at)))
        at += 8
    key: np.uint64 = finished(state, end - start)
    return key


@nb.njit(inline="always", _nrt=False)
def count_chars(data: npt.NDArray[np.uint8], start: Int, end: Int) -> Int:
    """Counts the code points of `data[start:end]`: bytes that continue no other."""
    continuing = np.int64(0)
    at = start
    while at < end:
        word = leading_bytes(load(data, at), min(np.int64(8), end - at))
        continuing += count_ones(word & _HIGHS & ~(word << np.uint64(1)))
        at += 8
    chars: Int = end - start - continuing
    return chars
