"""The signals that every filter shares: words, lines, letters, symbols, from one pass over the UTF-8 of each document. Pure: no I/O.

The kernel only counts; shares and means are derived from the counts, column by column. A new signal is a count in `_count`,
a name in `BASIC_COUNTS` and a row in `BASIC_SIGNALS`.

What the words of the published rules mean here:

- *Character*: a Unicode code point, never a byte.
- *Word*: see `columnar.words`.
- *Line*: what `str.splitlines` gives; its length leaves the line break out.
- A share or mean over nothing is 0.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import ALNUM, BULLET, LETTER, LINE_BREAK, REPLACEMENT, SPACE, properties
from columnar.eight_bytes import leading_bytes, load, non_letters, trailing_zeros
from columnar.signal_model import Counts, Family, Signal, count_of, ratio
from columnar.text import Int, TextBuffers, decode
from columnar.words import NO_WORD, SPACED_WORD, next_word_state

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
XML_DECLARATION = "<?xml version="

#: The columns of the kernel's output, in its order.
BASIC_COUNTS = (
    "chars",
    "lines",
    "nonblank_lines",
    "words",
    "word_chars",
    "hashes",
    "ellipses",
    "bullet_lines",
    "ellipsis_lines",
    "alpha_words",
    "stop_words",
    "line_chars",
    "max_line_length",
    "alpha_chars",
    "alnum_chars",
    "replacement_chars",
    "xml_declaration",
    "dash_lines",  # start with one of datatrove's two bullets
)
_NUM_COUNTS = len(BASIC_COUNTS)


BASIC_SIGNALS: Mapping[str, Signal] = MappingProxyType(
    {
        "bytes": Signal("basic", pa.int64(), "bytes of UTF-8", count_of("bytes")),
        "chars": Signal("basic", pa.int64(), "characters", count_of("chars")),
        "words": Signal("basic", pa.int64(), "words", count_of("words")),
        "lines": Signal("basic", pa.int64(), "lines", count_of("lines")),
        "nonblank_lines": Signal(
            "basic", pa.int64(), "lines that are not only white space", count_of("nonblank_lines")
        ),
        "mean_word_length": Signal(
            "basic", pa.float64(), "characters a word, punctuation included", ratio("word_chars", "words")
        ),
        "hash_to_word_ratio": Signal("basic", pa.float64(), "`#` characters a word", ratio("hashes", "words")),
        "ellipsis_to_word_ratio": Signal("basic", pa.float64(), "`...` and `…` a word", ratio("ellipses", "words")),
        "bullet_line_share": Signal(
            "basic",
            pa.float64(),
            "share of lines that start, after white space, with a bullet: one of - * • ‣ ◦ ⁃ ∙ ▪ ● ○ ■",
            ratio("bullet_lines", "lines"),
        ),
        "ellipsis_line_share": Signal(
            "basic",
            pa.float64(),
            "share of lines that end, before white space, in `...` or `…`",
            ratio("ellipsis_lines", "lines"),
        ),
        "alpha_word_share": Signal(
            "basic", pa.float64(), "share of words with an alphabetic character", ratio("alpha_words", "words")
        ),
        "stop_words": Signal(
            "basic",
            pa.int64(),
            "how many of the, be, to, of, and, that, have, with occur as words, in any ASCII case, less surrounding punctuation",
            count_of("stop_words"),
        ),
        "mean_line_length": Signal("basic", pa.float64(), "characters a line", ratio("line_chars", "lines")),
        "max_line_length": Signal("basic", pa.int64(), "characters of the longest line", count_of("max_line_length")),
        "alpha_char_share": Signal(
            "basic", pa.float64(), "share of characters that are alphabetic", ratio("alpha_chars", "chars")
        ),
        "alnum_char_share": Signal(
            "basic", pa.float64(), "share of characters that are alphabetic or numeric", ratio("alnum_chars", "chars")
        ),
        "replacement_chars": Signal(
            "basic", pa.int64(), "U+FFFD: what `clean_text` or a decoder could not keep", count_of("replacement_chars")
        ),
        "xml_declaration": Signal(
            "basic",
            pa.bool_(),
            "`<?xml version=` stands in the first 100 characters",
            lambda counts: counts["xml_declaration"] > 0,
        ),
    }
)


def count_basics(texts: TextBuffers, _groups: Collection[str]) -> Counts:
    """Counts every document: one int64 array a name of `BASIC_COUNTS`, and `bytes`."""
    matrix = np.zeros((_NUM_COUNTS, texts.offsets.size - 1), np.int64)
    _count(texts.offsets, texts.data, properties(), matrix)
    return {**dict(zip(BASIC_COUNTS, matrix, strict=True)), "bytes": np.diff(texts.offsets)}


def _packed(word: str) -> int:
    return int.from_bytes(word.encode(), "little")


_THE, _BE, _TO, _OF, _AND, _THAT, _HAVE, _WITH = map(_packed, STOP_WORDS)
_XML = np.frombuffer(XML_DECLARATION.encode(), np.uint8)
_IS_LETTER = np.array([chr(b).isalpha() and b < 0x80 for b in range(256)], np.bool_)
_LOWER_CASE = np.uint64(0x2020202020202020)
_LONG = 99  # a core length that no stop word has


@nb.njit(inline="always")
def _stop_word_bit(core: int, length: int) -> int:
    if length < 2 or length > 4:
        return 0
    bits = (core == _THE) | ((core == _BE) << 1) | ((core == _TO) << 2) | ((core == _OF) << 3)
    return bits | ((core == _AND) << 4) | ((core == _THAT) << 5) | ((core == _HAVE) << 6) | ((core == _WITH) << 7)


@nb.njit(inline="always", _nrt=False)
def _declares_xml(data: npt.NDArray[np.uint8], at: int, end: int) -> bool:
    if at + _XML.size > end:
        return False
    matching = 0
    for i in range(_XML.size):
        matching += data[at + i] == _XML[i]
    return matching == _XML.size


@nb.njit(inline="never", _nrt=False)
def declares_xml_early(data: npt.NDArray[np.uint8], start: int, end: int) -> bool:
    """Tells whether `<?xml version=` stands in the first 100 characters of `data[start:end]`."""
    at, chars = start, 0
    while at < end and chars <= 100 - _XML.size:
        if data[at] == 60 and _declares_xml(data, at, end):
            return True
        size = 1
        if data[at] >= 0x80:
            _, size = decode(data, at, end)
        at += size
        chars += 1
    return False


@nb.njit(inline="never", _nrt=False)
def count_document(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    table: npt.NDArray[np.uint8],
    out: npt.NDArray[np.int64],
) -> None:
    """Counts one document, `data[at:end]`, into `out`: one int64 for each of `BASIC_COUNTS`."""
    chars = lines = nonblank = words = word_chars = hashes = ellipses = bullets = ellipsis_lines = 0
    alpha_words = stop_words = line_chars = longest = alphas = alnums = replaced = xml = dashes = 0
    core: Int = 0
    state = word_has_letter = core_length = core_closed = 0
    line_length = line_has_ink = line_ends_in_dots = dots = 0
    after_return = False
    point: Int
    while at < end:
        byte = np.int64(data[at])
        if _IS_LETTER[byte] and state in (NO_WORD, SPACED_WORD):
            # The usual case, a run of ASCII letters, without the general machinery.
            words += state == NO_WORD
            state = SPACED_WORD
            line_has_ink = 1
            run = 0
            while at < end:
                word = load(data, at) | _LOWER_CASE
                size = min(trailing_zeros(non_letters(word)) >> 3, end - at)
                if size == 0:
                    break
                if core_length + size <= 4:
                    core |= np.int64(leading_bytes(word, size)) << (8 * core_length)
                core_length += size
                run += size
                at += size
                if size < 8:
                    break
            if core_closed:
                core_length = _LONG
            chars += run
            line_length += run
            word_chars += run
            alphas += run
            alnums += run
            word_has_letter = 1
            dots = line_ends_in_dots = 0
            after_return = False
            continue
        if byte < 0x80:
            point, size = byte, 1
        else:
            point, size = decode(data, at, end)
        bits = np.int64(table[point])
        if point == 60 and chars <= 100 - _XML.size and _declares_xml(data, at, end):
            xml = 1
        at += size
        chars += 1

        if bits & SPACE:
            if state != NO_WORD:
                alpha_words += word_has_letter
                stop_words |= _stop_word_bit(core, core_length)
                state = word_has_letter = core = core_length = core_closed = 0
            dots = 0
            if bits & LINE_BREAK:
                if point == 10 and after_return:  # the second half of a line break
                    after_return = False
                    continue
                after_return = point == 13
                lines += 1
                nonblank += line_has_ink
                ellipsis_lines += line_ends_in_dots
                line_chars += line_length
                longest = max(longest, line_length)
                line_length = line_has_ink = line_ends_in_dots = 0
            else:
                after_return = False
                line_length += 1
            continue

        after_return = False
        line_length += 1
        if line_has_ink == 0:
            line_has_ink = 1
            if bits & BULLET:
                bullets += 1
                dashes += point in (0x2D, 0x2022)
        state, begins = next_word_state(state, bits)
        if begins:
            # The word before ends here, if there was one: after white space these two add nothing.
            alpha_words += word_has_letter
            stop_words |= _stop_word_bit(core, core_length)
            words += 1
            word_has_letter = core = core_length = core_closed = 0
        word_chars += 1
        line_ends_in_dots = 0
        if bits & ALNUM:
            alnums += 1
            if bits & LETTER:
                alphas += 1
                word_has_letter = 1
            if point >= 0x80 or core_closed or core_length >= 4:
                core_length = _LONG
            else:
                core |= (point | 32) << (8 * core_length)
                core_length += 1
            dots = 0
        else:
            core_closed = core_length
            if point == 46:
                dots += 1
                if dots % 3 == 0:
                    ellipses += 1
                line_ends_in_dots = 1 if dots >= 3 else 0
            else:
                dots = 0
                if point == 35:
                    hashes += 1
                elif point == 0x2026:
                    ellipses += 1
                    line_ends_in_dots = 1
                elif point == REPLACEMENT:
                    replaced += 1
    if state != NO_WORD:
        alpha_words += word_has_letter
        stop_words |= _stop_word_bit(core, core_length)
    if line_length > 0:
        lines += 1
        nonblank += line_has_ink
        ellipsis_lines += line_ends_in_dots
        line_chars += line_length
        longest = max(longest, line_length)
    distinct = 0
    while stop_words:
        distinct += stop_words & 1
        stop_words >>= 1
    out[0], out[1], out[2], out[3], out[4], out[5] = chars, lines, nonblank, words, word_chars, hashes
    out[6], out[7], out[8], out[9], out[10] = ellipses, bullets, ellipsis_lines, alpha_words, distinct
    out[11], out[12], out[13], out[14], out[15], out[16] = line_chars, longest, alphas, alnums, replaced, xml
    out[17] = dashes


@nb.njit(cache=True, nogil=True)
def _count(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    out: npt.NDArray[np.int64],
) -> None:
    """Counts document `i` into `out[:, i]`."""
    row = np.empty(out.shape[0], np.int64)
    for i in range(offsets.size - 1):
        count_document(data, offsets[i], offsets[i + 1], table, row)
        for k in range(row.size):
            out[k, i] = row[k]


BASIC = Family(BASIC_SIGNALS, count_basics)
