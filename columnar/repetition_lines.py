"""Lines and paragraphs of a document: how they end, how long they are, which repeat, in four readings. Pure: no I/O.

All split at line feeds alone, as the published code does; the readings differ in the rest:

- *ours*: lines less the white space around them, blank ones left out; a paragraph is the lines between blank ones. What repeats is every
  copy but the first, of the characters of all lines.
- *datatrove*: lines are what runs of line feeds part, paragraphs what two and more part (of the text without the white space
  around it); every copy but the first, of the characters of the text.
- *FineWeb*: lines that are not blank, as they stand; every copy but the first, of the characters of the text without line feeds.
- *dolma*: all lines, the empty too, as they stand; every copy of a line that occurs twice, of the characters that are not white space.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import BULLET, SPACE
from columnar.eight_bytes import (
    bytes_equal,
    count_chars,
    count_ones,
    hash_bytes,
    leading_bytes,
    load,
    mixed,
    trailing_zeros,
)
from columnar.text import Int, decode, read_character
from columnar.tokens_tables import TERMINAL

SHORT_LINE = 30  # characters of what FineWeb calls a short line, at most

#: What is counted of each document, in this order.
LINE_COUNTS = (
    "newlines",
    # ours
    "paper_lines",
    "paper_line_chars",
    "paper_duplicate_lines",
    "paper_duplicate_line_chars",
    "paper_paragraphs",
    "paper_duplicate_paragraphs",
    "paper_duplicate_paragraph_chars",
    # datatrove
    "datatrove_lines",
    "datatrove_duplicate_lines",
    "datatrove_duplicate_line_chars",
    "datatrove_paragraphs",
    "datatrove_duplicate_paragraphs",
    "datatrove_duplicate_paragraph_chars",
    # FineWeb
    "fineweb_lines",
    "fineweb_terminal_lines",
    "fineweb_short_lines",
    "fineweb_duplicate_line_chars",
    # dolma
    "dolma_lines",
    "dolma_bullet_lines",
    "dolma_ellipsis_lines",
    "dolma_duplicate_lines",
    "dolma_duplicate_line_chars",
    # the shared signals', as `columnar.signal_basic` has them, of documents that break lines by line feeds alone
    "fed_nonblank_lines",
    "fed_bullet_lines",
    "fed_dash_lines",
    "fed_ellipsis_lines",
    "fed_line_chars",
    "fed_max_line_length",
)

_LINE, _BARE_LINE, _PAPER_PARAGRAPH, _DATATROVE_PARAGRAPH = map(
    np.uint64, (0, 0x5A5A << 32, 0x3C3C << 32, 0xC3C3 << 32)
)
_SMALLEST_TABLE = 64
_SHIFT = np.uint64(17)


class LineTable(NamedTuple):
    """Lines and paragraphs that have been met: hashes by slot, 0 in an empty one, and how often each has been met."""

    keys: npt.NDArray[np.uint64]
    met: npt.NDArray[np.int32]


def new_line_table(max_bytes: int) -> LineTable:
    """Makes room for documents of at most `max_bytes`; the system gives memory for what is touched."""
    size = _SMALLEST_TABLE
    while size < 8 * (max_bytes + 1):
        size *= 2
    return LineTable(np.empty(size, np.uint64), np.empty(size, np.int32))


@nb.njit(inline="never", _nrt=False)
def _count_newlines(data: npt.NDArray[np.uint8], at: Int, end: Int) -> int:
    newlines = 0
    while at < end:
        newlines += count_ones(bytes_equal(leading_bytes(load(data, at), min(np.int64(8), end - at)), 10))
        at += 8
    return newlines


@nb.njit(inline="always", _nrt=False)
def _meet(table: LineTable, mask: int, key: np.uint64) -> Int:
    """Gives how often this has been met before."""
    slot = np.int64(key >> _SHIFT) & mask
    while table.keys[slot] != key:
        if table.keys[slot] == 0:
            table.keys[slot] = key
            table.met[slot] = 1
            return 0
        slot = (slot + 1) & mask
    table.met[slot] += 1
    return np.int64(table.met[slot]) - 1


@nb.njit(inline="always", _nrt=False)
def _skip_spaces(data: npt.NDArray[np.uint8], at: Int, end: Int, table: npt.NDArray[np.uint8]) -> Int:
    """Gives where the first character begins that is no white space, or `end`."""
    while at < end:
        byte = np.int64(data[at])
        if byte < 0x80:
            if not table[byte] & SPACE:
                return at
            at += 1
        else:
            point, num_bytes = decode(data, at, end)
            if not table[point] & SPACE:
                return at
            at += num_bytes
    return end


@nb.njit(inline="always", _nrt=False)
def _last_char(data: npt.NDArray[np.uint8], start: Int, end: Int) -> tuple[Int, Int]:
    """Gives the last character of `data[start:end]`, which is not empty, and where it begins."""
    at = end - 1
    while at > start and at > end - 4 and (data[at] & 0xC0) == 0x80:
        at -= 1
    if data[at] < 0x80:
        return np.int64(data[at]), at
    point, num_bytes = decode(data, at, end)
    if at + num_bytes != end:  # broken bytes
        return np.int64(0xFFFD), end - 1
    return point, at


@nb.njit(inline="always", _nrt=False)
def _drop_spaces(data: npt.NDArray[np.uint8], start: Int, end: Int, table: npt.NDArray[np.uint8]) -> Int:
    """Gives where the white space begins that ends `data[start:end]`."""
    while end > start:
        point, at = _last_char(data, start, end)
        if not table[point] & SPACE:
            return end
        end = at
    return start


@nb.njit(inline="always", _nrt=False)
def _line_end(data: npt.NDArray[np.uint8], at: Int, end: Int) -> Int:
    """Gives where the next line feed stands, or `end`."""
    while at < end:
        found = bytes_equal(load(data, at), 10)
        if found:
            place: Int = min(at + (trailing_zeros(found) >> 3), end)
            return place
        at += 8
    return end


@nb.njit(inline="never", _nrt=False)
def count_lines(
    data: npt.NDArray[np.uint8],
    start: Int,
    end: Int,
    table: npt.NDArray[np.uint8],
    classes: npt.NDArray[np.uint16],
    seed: np.uint64,
    met: LineTable,
    out: npt.NDArray[np.int64],
) -> None:
    """Counts the lines of a document, `data[start:end]`.

    Args:
        data: the bytes.
        start: where the document begins.
        end: where it ends.
        table: `columnar.codepoints.properties()`.
        classes: `Tables.classes` of `columnar.tokens_tables`.
        seed: of the hashes.
        met: for documents at least as long.
        out: receives one int64 for each of `LINE_COUNTS`.
    """
    out[:] = 0
    newlines = _count_newlines(data, start, end)
    out[0] = newlines
    mask = _SMALLEST_TABLE
    while mask < 6 * (newlines + 1):
        mask *= 2
    met.keys[:mask] = 0
    mask -= 1
    text_start = _skip_spaces(data, start, end, table)
    text_end = _drop_spaces(data, text_start, end, table)

    paper_lines: Int = 0
    paper_chars: Int = 0
    paper_copies: Int = 0
    paper_copied: Int = 0
    paper_paragraphs: Int = 0
    paper_paragraph_copies: Int = 0
    paper_paragraph_copied: Int = 0
    runs: Int = 0
    run_copies: Int = 0
    run_copied: Int = 0
    paragraphs: Int = 0
    paragraph_copies: Int = 0
    paragraph_copied: Int = 0
    web_lines: Int = 0
    terminal: Int = 0
    short: Int = 0
    web_copied: Int = 0
    bullets: Int = 0
    ellipses: Int = 0
    dolma_copies: Int = 0
    dolma_copied: Int = 0
    all_chars: Int = 0
    longest: Int = 0
    any_bullets: Int = 0
    dashes: Int = 0
    dotted: Int = 0
    paper_state = runs_state = seed
    paper_open = runs_open = False
    paper_open_chars = runs_open_chars = np.int64(0)
    at = start
    while True:
        line_end = _line_end(data, at, end)
        if line_end == at:
            key = seed | np.uint64(1)
            chars: Int = np.int64(0)
            ink_start = ink_end = at
        else:
            key = hash_bytes(data, at, line_end, seed)
            chars = count_chars(data, at, line_end)
            ink_start = _skip_spaces(data, at, line_end, table)
            ink_end = _drop_spaces(data, ink_start, line_end, table)
        before = _meet(met, mask, key ^ _LINE)
        if before:
            dolma_copies += 2 if before == 1 else 1
            dolma_copied += 2 * chars if before == 1 else chars
        if line_end > at:
            runs += 1
            run_copies += before > 0
            run_copied += chars if before else 0
            last, _ = _last_char(data, at, line_end)
            bullets += data[at] == 0x2A or data[at] == 0x2D
            ellipses += last == 0x2026
            if ink_start < ink_end:
                web_lines += 1
                short += chars <= SHORT_LINE
                terminal += (classes[last] & TERMINAL) > 0
                web_copied += chars if before else 0
        all_chars += chars
        longest = max(longest, chars)
        if ink_start < ink_end:
            point, _ = read_character(data, ink_start, ink_end)
            any_bullets += (table[point] & BULLET) > 0
            dashes += point in (0x2D, 0x2022)
            point, last_at = _last_char(data, ink_start, ink_end)
            dotted += point == 0x2026 or (
                point == 0x2E and last_at >= ink_start + 2 and data[last_at - 1] == 0x2E and data[last_at - 2] == 0x2E
            )
        bare_key = np.uint64(0)
        bare_chars: Int = np.int64(0)
        if ink_start < ink_end:
            whole = ink_start == at and ink_end == line_end
            bare_key = key if whole else hash_bytes(data, ink_start, ink_end, seed)
            bare_chars = chars if whole else count_chars(data, ink_start, ink_end)
            paper_lines += 1
            paper_chars += bare_chars
            if _meet(met, mask, bare_key ^ _BARE_LINE):
                paper_copies += 1
                paper_copied += bare_chars
            paper_state = mixed(paper_state, bare_key)
            paper_open_chars += bare_chars
            paper_open = True
        is_last = line_end >= end
        if paper_open and (is_last or ink_start >= ink_end):
            paper_paragraphs += 1
            if _meet(met, mask, (paper_state | np.uint64(1)) ^ _PAPER_PARAGRAPH):
                paper_paragraph_copies += 1
                paper_paragraph_copied += paper_open_chars
            paper_state, paper_open, paper_open_chars = seed, False, np.int64(0)
        # datatrove's paragraphs: of the lines, or parts of lines, within the text less the white space around it.
        low, high = max(at, text_start), min(line_end, text_end)
        if low < high:
            part_key, part_chars = key, chars
            if low != at or high != line_end:
                part_key, part_chars = hash_bytes(data, low, high, seed), count_chars(data, low, high)
            runs_state = mixed(runs_state, part_key)
            runs_open_chars += part_chars + (1 if runs_open else 0)
            runs_open = True
        if runs_open and (line_end == at or line_end >= text_end):
            paragraphs += 1
            if _meet(met, mask, (runs_state | np.uint64(1)) ^ _DATATROVE_PARAGRAPH):
                paragraph_copies += 1
                paragraph_copied += runs_open_chars
            runs_state, runs_open, runs_open_chars = seed, False, np.int64(0)
        if is_last:
            break
        at = line_end + 1
    # What `re.split` gives before a line feed that begins the text, and after one that ends it: empty lines.
    outer = 0
    if end > start:
        outer = (data[start] == 10) + (data[end - 1] == 10)
    out[1], out[2], out[3], out[4] = paper_lines, paper_chars, paper_copies, paper_copied
    out[5], out[6], out[7] = paper_paragraphs, paper_paragraph_copies, paper_paragraph_copied
    out[8], out[9], out[10] = runs + outer, run_copies + (outer == 2), run_copied
    out[11], out[12], out[13] = max(paragraphs, 1), paragraph_copies, paragraph_copied
    out[14], out[15], out[16], out[17] = web_lines, terminal, short, web_copied
    out[18], out[19], out[20] = newlines + 1, bullets, ellipses
    out[21], out[22] = dolma_copies, dolma_copied
    out[23], out[24], out[25], out[26] = web_lines, any_bullets, dashes, dotted
    out[27], out[28] = all_chars, longest
