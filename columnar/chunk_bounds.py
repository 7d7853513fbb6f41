"""Where the chunks of a document, what stands between white space, begin and end: 64 bytes at a time. Pure: no I/O."""

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import LINE_BREAK, SPACE
from columnar.eight_bytes import trailing_zeros
from columnar.text import Int, decode
from columnar.wide_bytes import (
    WIDTH,
    beyond_ascii,
    lead_of_latin,
    leads_of_spaces,
    rare_line_breaks,
    separator_line_breaks,
    separator_to_blank,
    tab_to_return,
)

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)


@nb.njit(inline="always", _nrt=False)
def _wide_spaces(
    data: npt.NDArray[np.uint8], at: Int, end: Int, leads: np.uint64, table: npt.NDArray[np.uint8]
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Looks at characters that may be white space beyond ASCII.

    Returns:
        Marks of their bytes among the 64 at `at`, the same of the 64 behind these, and not 0 if one breaks a line.
    """
    spaces = behind = breaks = np.uint64(0)
    while leads:
        place = trailing_zeros(leads)
        leads &= leads - _ONE
        if at + place >= end:
            break
        point, num_bytes = decode(data, at + place, end)
        bits = table[point]
        if bits & SPACE:
            breaks |= np.uint64(bits & LINE_BREAK)
            for k in range(place, place + num_bytes):
                if k < WIDTH:
                    spaces |= _ONE << np.uint64(k)
                else:
                    behind |= _ONE << np.uint64(k - WIDTH)
    return spaces, behind, breaks


@nb.njit(inline="never", _nrt=False)
def _last_marks(
    data: npt.NDArray[np.uint8], at: Int, end: Int, table: npt.NDArray[np.uint8]
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Marks, of fewer than 64 bytes to `end`, white space of ASCII, bytes that may begin other white space, and rare line breaks."""
    spaces = leads = breaks = np.uint64(0)
    for k in range(end - at):
        byte = data[at + k]
        bit = _ONE << np.uint64(k)
        if byte < 0x80:
            if table[byte] & SPACE:
                spaces |= bit
            if table[byte] & LINE_BREAK and byte != 0x0A:
                breaks |= bit
        elif byte in (0xC2, 0xE1, 0xE2, 0xE3):
            leads |= bit
    return spaces, leads, breaks


@nb.njit(inline="never", _nrt=False)
def find_chunks(
    data: npt.NDArray[np.uint8],
    start: Int,
    end: Int,
    table: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
) -> tuple[Int, bool]:
    """Finds where the chunks of a document begin and end, in turn.

    Args:
        data: the bytes.
        start: where the document begins.
        end: where it ends.
        table: `columnar.codepoints.properties()`.
        bounds: receives the places: one more than the document has bytes, and one more.

    Returns:
        How many chunks there are, and whether the document breaks lines by anything but line feeds.
    """
    num_bounds = np.int64(0)
    breaks = carried = inside = np.uint64(0)
    at = start
    while at < end:
        if at + WIDTH <= data.size:
            spaces = tab_to_return(data, at) | separator_to_blank(data, at)
            rare = rare_line_breaks(data, at) | separator_line_breaks(data, at)
            leads = np.uint64(0)
            if beyond_ascii(data, at):
                leads = lead_of_latin(data, at) | leads_of_spaces(data, at)
            if at + WIDTH > end:
                within = _ALL >> np.uint64(at + WIDTH - end)
                rare &= within
                leads &= within
        else:
            spaces, leads, rare = _last_marks(data, at, end, table)
        breaks |= rare
        spaces |= carried
        carried = np.uint64(0)
        if leads:
            wide, carried, wide_breaks = _wide_spaces(data, at, end, leads, table)
            spaces |= wide
            breaks |= wide_breaks
        if at + WIDTH > end:
            spaces |= ~(_ALL >> np.uint64(at + WIDTH - end))
        ink = ~spaces
        turns = ink ^ ((ink << _ONE) | inside)
        inside = ink >> np.uint64(63)
        while turns:
            bounds[num_bounds] = at + trailing_zeros(turns)
            num_bounds += 1
            turns &= turns - _ONE
        at += WIDTH
    if num_bounds & 1:
        bounds[num_bounds] = end
        num_bounds += 1
    return num_bounds >> 1, breaks != 0
