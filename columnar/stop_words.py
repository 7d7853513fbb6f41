"""Gopher's stop words among the code points of a chunk of text. Pure: no I/O."""

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.text import Int

_STOP_WORDS = np.array(
    [int.from_bytes(w.encode(), "big") for w in ("the", "be", "to", "of", "and", "that", "have", "with")], np.int64
)


@nb.njit(inline="always", _nrt=False)
def stop_word(points: npt.NDArray[np.int32], start: Int, end: Int) -> int:
    """Gives the bit of the stop word that these code points are, or 0."""
    length = end - start
    if length < 2 or length > 4:
        return 0
    core = np.int64(0)
    for i in range(start, end):
        if points[i] > 0x7A:
            return 0
        core = (core << 8) | points[i]
    for bit in range(_STOP_WORDS.size):
        if core == _STOP_WORDS[bit]:
            return 1 << bit
    return 0


@nb.njit(inline="always", _nrt=False)
def folded_stop_word(points: npt.NDArray[np.int32], start: Int, end: Int) -> int:
    """Gives the bit of the stop word that these code points are in any ASCII case, or 0."""
    length = end - start
    if length < 2 or length > 4:
        return 0
    core = np.int64(0)
    for i in range(start, end):
        if points[i] >= 0x80:
            return 0
        core = (core << 8) | (points[i] | 32)
    for bit in range(_STOP_WORDS.size):
        if core == _STOP_WORDS[bit]:
            return 1 << bit
    return 0
