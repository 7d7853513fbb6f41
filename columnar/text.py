"""The one way from Arrow text to bytes that a kernel reads. Pure: no I/O."""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import NUM_CODE_POINTS, REPLACEMENT

Int = int | np.int64  # what a kernel computes with: to Numba both are int64


class TextBuffers(NamedTuple):
    """The bytes of a text column: document `i` is `data[offsets[i]:offsets[i + 1]]`, in UTF-8."""

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]


def buffers(texts: pa.LargeStringArray) -> TextBuffers:
    """Gives the offsets and bytes of a text column without a copy.

    Args:
        texts: any `large_string` array, slices too: `offsets` then begins beyond zero, and `data` is the parent's.

    Returns:
        `offsets` int64[len(texts) + 1] and `data` uint8[...]; both are views into Arrow's memory, read only.

    Raises:
        TypeError: `texts` is not of type `large_string` (cast a chunked or `string` column first).
        ValueError: a text is null; a document without text is an empty string.
    """
    if not isinstance(texts, pa.LargeStringArray):
        kind = getattr(texts, "type", type(texts).__name__)
        raise TypeError(f"texts must be a large_string array, not {kind}")
    if texts.null_count:
        raise ValueError(f"{texts.null_count} of {len(texts)} texts are null")
    _, offsets, data = texts.buffers()
    # An empty column may come without buffers.
    if len(texts) == 0:
        return TextBuffers(np.frombuffer(bytes(8), np.int64), np.frombuffer(b"", np.uint8))
    views = TextBuffers(
        np.frombuffer(offsets, np.int64, len(texts) + 1, texts.offset * 8),
        np.frombuffer(b"" if data is None else data, np.uint8),
    )
    for view in views:
        view.flags.writeable = False  # some of Arrow's are not; both kinds would have each kernel compiled twice
    return views


@nb.njit(_nrt=False)
def decode(data: npt.NDArray[np.uint8], at: int, end: int) -> tuple[Int, int]:
    """Decodes one character of two bytes or more at `at`; kernels take ASCII themselves.

    Arrow does not check the UTF-8 of a file it reads, so broken bytes must not lead a kernel out of its tables: they count as
    one U+FFFD a byte.

    Returns:
        The code point and its length in bytes.
    """
    lead = np.int64(data[at])
    if lead < 0xC0:
        return REPLACEMENT, 1
    if lead < 0xE0:
        if at + 1 < end:
            return ((lead & 0x1F) << 6) | (np.int64(data[at + 1]) & 0x3F), 2
        return REPLACEMENT, 1
    if lead < 0xF0:
        if at + 2 < end:
            return ((lead & 0x0F) << 12) | ((np.int64(data[at + 1]) & 0x3F) << 6) | (np.int64(data[at + 2]) & 0x3F), 3
        return REPLACEMENT, 1
    if at + 3 < end:
        point = (
            ((lead & 0x07) << 18)
            | ((np.int64(data[at + 1]) & 0x3F) << 12)
            | ((np.int64(data[at + 2]) & 0x3F) << 6)
            | (np.int64(data[at + 3]) & 0x3F)
        )
        if point < NUM_CODE_POINTS:
            return point, 4
    return REPLACEMENT, 1


@nb.njit(_nrt=False)
def read_character(data: npt.NDArray[np.uint8], at: int, end: int) -> tuple[Int, int]:
    """Decodes any character at `at`; gives the code point and its length in bytes."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, 1
    point, size = decode(data, at, end)
    return point, size
