"""RefinedWeb's line-wise corrections as one compiled pass. Pure: no I/O.

Source: Penedo et al. 2023 (arXiv 2306.01116), G.2, which gives the rules in words. What they leave open is read so:

- *Mainly* capital letters: more than half of the line's characters, less white space around it.
- *Only numerical*: a digit, and nothing but digits, punctuation, symbols of ASCII and white space.
- A *counter*: a number, perhaps with K, M or B, and one of `COUNTED`, as in `3 likes`.
- *One word*: by `columnar.words`, so a line of Chinese is not one word.
- The patterns: `sign-in` at the beginning, `read more...` at the end (with the dots or without), `items in cart` anywhere, in any case
  of letters, in lines of at most 10 words; they are cut out.

Blank lines stay. Line breaks become line feeds.
"""

from functools import cache

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import ALNUM, DECIMAL, LETTER, LINE_BREAK, NUM_CODE_POINTS, SPACE, properties
from columnar.line_model import EditedBuffers, LineEdit
from columnar.text import Int, TextBuffers, read_character
from columnar.words import NO_WORD, next_word_state

COUNTED = (
    "like likes share shares comment comments retweets reposts quotes bookmarks upvotes downvotes downloads views followers "
    "following replies votes points"
)
MAX_WORDS_OF_A_PATTERN_LINE = 10
_COUNTS = (
    "words", "lines", "kept", "removed_uppercase", "removed_numeric", "removed_counter", "removed_single_word", "mended", "words_removed"
)  # fmt: skip
_WORDS, _LINES, _KEPT, _UPPERCASE, _NUMERIC, _COUNTER, _SINGLE, _MENDED, _REMOVED = range(len(_COUNTS))
_BEGINNING, _END, _LONG_END, _ANYWHERE = b"sign-in", b"read more", b"read more...", b"items in cart"


@cache
def _capitals() -> npt.NDArray[np.bool_]:
    table = np.zeros(NUM_CODE_POINTS, np.bool_)
    table[:0x1F200] = [chr(point).isupper() for point in range(0x1F200)]
    table.flags.writeable = False
    return table


@cache
def _counted() -> npt.NDArray[np.uint64]:
    return np.array(sorted(int.from_bytes(word[:8].encode(), "big") for word in COUNTED.split()), np.uint64)


def _run(texts: TextBuffers) -> EditedBuffers:
    num_docs = texts.offsets.size - 1
    out = np.empty(int(texts.offsets[-1] - texts.offsets[0]) + 2, np.uint8)
    offsets = np.zeros(num_docs + 1, np.int64)
    counts = np.zeros((len(_COUNTS), num_docs), np.int64)
    _edit_documents(texts.offsets, texts.data, properties(), _capitals(), _counted(), offsets, out, counts)
    return EditedBuffers(offsets, out[: offsets[-1]], counts)


@nb.njit(_nrt=False)
def _stands(data: npt.NDArray[np.uint8], at: int, end: int, pattern: bytes) -> bool:
    """Tells whether an ASCII pattern stands at `at`, in any case."""
    if at < 0 or at + len(pattern) > end:
        return False
    for i in range(len(pattern)):
        byte = data[at + i]
        if 65 <= byte <= 90:
            byte |= 32
        if byte != pattern[i]:
            return False
    return True


@nb.njit(_nrt=False)
def _is_counter(
    data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint8], counted: npt.NDArray[np.uint64]
) -> bool:
    """Tells whether a stripped line is a number, perhaps K, M or B, and a counted word."""
    while at < end and not table[read_character(data, at, end)[0]] & ALNUM:
        at += read_character(data, at, end)[1]
    if at >= end or not 48 <= data[at] <= 57:
        return False
    while at < end and (48 <= data[at] <= 57 or data[at] in (44, 46)):
        at += 1
    spaces = 0
    while at < end and data[at] == 32:
        spaces += 1
        at += 1
    if at + 1 < end and data[at] | 32 in (98, 107, 109) and data[at + 1] == 32:
        at += 1
        spaces = 0
        while at < end and data[at] == 32:
            spaces += 1
            at += 1
    word, length = np.uint64(0), 0
    while at < end and 97 <= (data[at] | 32) <= 122:
        if length < 8:
            word = (word << np.uint64(8)) | np.uint64(data[at] | 32)
        length += 1
        at += 1
    while at < end:
        point, size = read_character(data, at, end)
        if table[point] & ALNUM:
            return False
        at += size
    if spaces == 0:
        return False
    found = False
    for item in counted:
        found = found or item == word
    return found


@nb.njit(_nrt=False)
def _count_words(data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint8]) -> int:
    words, state = 0, NO_WORD
    while at < end:
        point, size = read_character(data, at, end)
        state, begins = next_word_state(state, table[point])
        words += begins
        at += size
    return words


@nb.njit(_nrt=False)
def _mend(data: npt.NDArray[np.uint8], first: int, last: int, out: npt.NDArray[np.uint8], to: int) -> int:
    """Writes a line less its patterns; gives where it ends in `out`."""
    if _stands(data, first, last, _BEGINNING):
        first += len(_BEGINNING)
    if _stands(data, last - len(_LONG_END), last, _LONG_END) and last - len(_LONG_END) >= first:
        last -= len(_LONG_END)
    elif _stands(data, last - len(_END), last, _END) and last - len(_END) >= first:
        last -= len(_END)
    at = first
    while at < last:
        if _stands(data, at, last, _ANYWHERE):
            at += len(_ANYWHERE)
            continue
        out[to] = data[at]
        to += 1
        at += 1
    return to


@nb.njit(_nrt=False)
def _document(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    table: npt.NDArray[np.uint8],
    capitals: npt.NDArray[np.bool_],
    counted: npt.NDArray[np.uint64],
    out: npt.NDArray[np.uint8],
    to: int,
    row: npt.NDArray[np.int64],
) -> int:
    """Edits `data[at:end]` into `out[to:]`; gives where it ends there."""
    start = to
    while at < end:
        begin = first = last = at
        chars = since = uppers = digits = others = words = 0
        state = NO_WORD
        size = 0
        point: Int = 0
        while at < end:
            point, size = read_character(data, at, end)
            bits = table[point]
            if bits & LINE_BREAK:
                break
            state, begins = next_word_state(state, bits)
            words += begins
            if bits & SPACE:
                since += chars > 0
            else:
                if chars == 0:
                    first = at
                chars += since + 1
                since = 0
                uppers += 1 if capitals[point] else 0
                digits += 1 if bits & DECIMAL else 0
                others += 1 if bits & LETTER or (point >= 0x80 and not bits & DECIMAL) else 0
                last = at + size
            at += size
        stop = at
        if at < end:
            at += size
            if point == 13 and at < end and data[at] == 10:
                at += 1
        row[_LINES] += 1
        row[_WORDS] += words
        removed = True
        if 2 * uppers > chars:
            row[_UPPERCASE] += 1
        elif digits and not others:
            row[_NUMERIC] += 1
        elif words and _is_counter(data, first, last, table, counted):
            row[_COUNTER] += 1
        elif words == 1:
            row[_SINGLE] += 1
        else:
            removed = False
        if removed:
            row[_REMOVED] += words
            continue
        joined = to + 1 if row[_KEPT] else to
        if words and words <= MAX_WORDS_OF_A_PATTERN_LINE:
            ends = _mend(data, first, last, out, joined)
            if ends - joined < last - first:
                row[_MENDED] += 1
                row[_REMOVED] += words - _count_words(out, joined, ends, table)
        else:
            for i in range(begin, stop):
                out[joined + i - begin] = data[i]
            ends = joined + stop - begin
        if joined > to:
            out[to] = 10
        to = ends
        row[_KEPT] += 1
    while to > start and out[to - 1] <= 32 and table[out[to - 1]] & SPACE:
        to -= 1
    return to


@nb.njit(cache=True, nogil=True)
def _edit_documents(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    capitals: npt.NDArray[np.bool_],
    counted: npt.NDArray[np.uint64],
    out_offsets: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
) -> None:
    """Edits document `i` into `out`, its counts into `counts[:, i]`."""
    row = np.zeros(counts.shape[0], np.int64)
    for i in range(offsets.size - 1):
        row[:] = 0
        out_offsets[i + 1] = _document(
            data, offsets[i], offsets[i + 1], table, capitals, counted, out, out_offsets[i], row
        )
        for k in range(row.size):
            counts[k, i] = row[k]


REFINEDWEB_LINES = LineEdit(
    "refinedweb_lines",
    "Penedo et al. 2023, arXiv 2306.01116, G.2",
    (
        "lines mainly of capital letters go",
        "lines of numbers only go",
        "counters such as `3 likes` go",
        "lines of one word go",
        "`sign-in` at the beginning, `read more...` at the end and `items in cart` are cut out of lines of at most 10 words",
    ),
    dict(
        zip(
            _COUNTS,
            (
                "words before the edit",
                "lines before the edit",
                "lines that stay",
                "lines removed for capital letters",
                "lines removed as numbers",
                "lines removed as counters",
                "lines removed as single words",
                "lines of which a pattern was cut out",
                "words that were removed",
            ),
            strict=True,
        )
    ),
    _run,
    {"removed_word_share": ("words_removed", "words", "share of the words that were removed")},
)
