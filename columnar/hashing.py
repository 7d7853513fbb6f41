"""Hashes of whole texts, for exact deduplication. Pure: no I/O."""

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from columnar.codepoints import SPACE, properties
from columnar.text import Int, buffers, decode

_SLICE_BYTES = 1 << 24  # documents are collapsed into a scratch buffer of about this size at a time


@nb.njit(cache=True, nogil=True, _nrt=False)
def _collapse(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
) -> None:
    """Writes every document to `out` with its white space collapsed to one space and stripped; `ends[i]` is where it ends.

    An ASCII byte takes no branch: it is written, and the next one may be written over it.
    """
    to: Int = 0
    after_space: Int
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        start = to
        after_space = 1
        while at < end:
            byte = data[at]
            if byte < 0x80:
                is_space = np.int64((table[byte] & SPACE) != 0)
                out[to] = np.uint8(32) if is_space else byte
                to += 1 - (is_space & after_space)
                after_space = is_space
                at += 1
                continue
            point, size = decode(data, at, end)
            if table[point] & SPACE:
                if not after_space:
                    out[to] = 32
                    to += 1
                after_space = 1
            else:
                for k in range(size):
                    out[to + k] = data[at + k]
                to += size
                after_space = 0
            at += size
        if to > start and after_space:
            to -= 1
        ends[i] = to


def content_hashes(texts: pa.LargeStringArray) -> npt.NDArray[np.uint64]:
    """Hashes what a document says, whatever its white space.

    Args:
        texts: the documents; slices are honoured.

    Returns:
        uint64[len(texts), 2]: the high and low half of xxh3-128 of `" ".join(text.split())` in UTF-8.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    hashes = np.empty((len(texts), 2), np.uint64)
    first = 0
    while first < len(texts):
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _SLICE_BYTES, "right")) - 1)
        last = min(last, len(texts))
        slice_offsets = offsets[first : last + 1]
        collapsed = np.empty(int(slice_offsets[-1] - slice_offsets[0]), np.uint8)
        ends = np.empty(last - first, np.int64)
        _collapse(slice_offsets, data, properties(), collapsed, ends)
        view = memoryview(collapsed.data)
        start = 0
        for row, end in enumerate(ends.tolist(), first):
            digest = xxhash.xxh3_128_intdigest(view[start:end])
            hashes[row, 0] = digest >> 64
            hashes[row, 1] = digest & 0xFFFFFFFFFFFFFFFF
            start = end
        first = last
    return hashes
