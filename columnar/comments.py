"""Counts the characters of comments in source code, strings respected, in one compiled scan. Pure: no I/O.

A scanner knows what no regular expression does: a `#` in a string begins no comment, a quote in a comment no string. What counts:

- Python: from `#` to the end of the line; and documentation strings, that is string literals that stand as a statement.
- Java: `//` and `/* */`; strings, characters and text blocks are respected.
- JavaScript (TypeScript too): the same, with template literals, and regular expressions where an operand may stand.

The marks of a comment belong to it; the line break after it does not. An unclosed string ends with its line, an unclosed comment or
block string with the text.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.text import buffers

PYTHON, JAVA, JAVASCRIPT = 0, 1, 2
LANGUAGES: Mapping[str, int] = MappingProxyType({"python": PYTHON, "java": JAVA, "javascript": JAVASCRIPT})

_NEWLINE, _TAB, _RETURN, _SPACE = 10, 9, 13, 32
_QUOTE, _HASH, _APOSTROPHE, _STAR, _SLASH, _BACKSLASH, _BACKTICK = 34, 35, 39, 42, 47, 92, 96
#: A longer regular expression is none: a slash that nothing closes must not make each reader look through the whole line.
MAX_EXPRESSION = 1000
# After these (or nothing), JavaScript expects an operand: a slash begins a regular expression.
_BEFORE_OPERAND = np.zeros(256, np.bool_)
_BEFORE_OPERAND[[0, *b"(,=:[!&|?{};+-*%<>~^"]] = True


def comment_chars(texts: pa.LargeStringArray, language: str) -> npt.NDArray[np.int64]:
    """Counts the characters of comments in every document.

    Args:
        texts: source files; slices are honoured.
        language: a key of `LANGUAGES`.

    Returns:
        int64[len(texts)].

    Raises:
        KeyError: another language.
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    out = np.zeros(len(texts), np.int64)
    _count(offsets, data, LANGUAGES[language], _BEFORE_OPERAND, out)
    return out


@nb.njit(_nrt=False)
def _chars(data: npt.NDArray[np.uint8], at: int, end: int) -> int:
    found = 0
    for i in range(at, end):
        found += data[i] & 0xC0 != 0x80
    return found


@nb.njit(_nrt=False)
def _triple(data: npt.NDArray[np.uint8], at: int, end: int, quote: int) -> bool:
    return bool(at + 2 < end and data[at] == quote and data[at + 1] == quote and data[at + 2] == quote)


@nb.njit(_nrt=False)
def _line_end(data: npt.NDArray[np.uint8], at: int, end: int) -> int:
    while at < end and data[at] != _NEWLINE and data[at] != _RETURN:
        at += 1
    return at


@nb.njit(_nrt=False)
def _block_end(data: npt.NDArray[np.uint8], at: int, end: int, quote: int) -> int:
    """Gives the place after the three quotes that close a block string whose opening ones end at `at`."""
    while at < end:
        if data[at] == _BACKSLASH:
            at += 2
        elif _triple(data, at, end, quote):
            return at + 3
        else:
            at += 1
    return end


@nb.njit(_nrt=False)
def _string_end(data: npt.NDArray[np.uint8], at: int, end: int, quote: int) -> int:
    """Gives the place after the quote that closes a string that opened before `at`; a template may go over lines."""
    while at < end:
        byte = data[at]
        if byte == _BACKSLASH:
            at += 2
        elif byte == quote:
            return at + 1
        elif quote != _BACKTICK and (byte in (_NEWLINE, _RETURN)):
            return at
        else:
            at += 1
    return end


@nb.njit(_nrt=False)
def _expression_end(data: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """Gives the place after a regular expression that began before `at`, or `at` if none closes on the line."""
    start, in_class = at, False
    end = min(end, at + MAX_EXPRESSION)
    while at < end and data[at] != _NEWLINE:
        byte = data[at]
        if byte == _BACKSLASH:
            at += 1
        elif byte == 91:
            in_class = True
        elif byte == 93:
            in_class = False
        elif byte == _SLASH and not in_class:
            return at + 1
        at += 1
    return start


@nb.njit(_nrt=False)
def _python(data: npt.NDArray[np.uint8], at: int, end: int) -> int:
    found = depth = 0
    begins = True  # nothing but white space stands before, on a line that continues none
    while at < end:
        byte = data[at]
        if byte in (_NEWLINE, _RETURN):
            begins = depth == 0
            at += 1
        elif byte in (_SPACE, _TAB):
            at += 1
        elif byte == _HASH:
            stop = _line_end(data, at, end)
            found += _chars(data, at, stop)
            at = stop
        elif byte in (_QUOTE, _APOSTROPHE):
            triple = _triple(data, at, end, byte)
            stop = _block_end(data, at + 3, end, byte) if triple else _string_end(data, at + 1, end, byte)
            stop = min(stop, end)
            if begins:
                found += _chars(data, at, stop)
            begins = False
            at = stop
        elif byte == _BACKSLASH:
            begins = False
            at += 2 if at + 1 < end and data[at + 1] == _NEWLINE else 1
        else:
            prefix = begins and at + 1 < end and byte | 32 in (114, 117) and data[at + 1] in (_QUOTE, _APOSTROPHE)
            if byte in (40, 91, 123):
                depth += 1
            elif byte in (41, 93, 125):
                depth = max(0, depth - 1)
            begins = begins and prefix  # r"..." and u"..." document, too
            at += 1
    return found


@nb.njit(_nrt=False)
def _c_like(
    data: npt.NDArray[np.uint8], at: int, end: int, language: int, before_operand: npt.NDArray[np.bool_]
) -> int:
    found = 0
    last = np.uint8(0)  # the last byte of code that is no white space
    while at < end:
        byte = data[at]
        if byte == _SLASH and at + 1 < end and data[at + 1] == _SLASH:
            stop = _line_end(data, at, end)
            found += _chars(data, at, stop)
            at = stop
            continue
        if byte == _SLASH and at + 1 < end and data[at + 1] == _STAR:
            stop = at + 2
            while stop + 1 < end and not (data[stop] == _STAR and data[stop + 1] == _SLASH):
                stop += 1
            stop = min(stop + 2, end)
            found += _chars(data, at, stop)
            at = stop
            continue
        if byte in (_QUOTE, _APOSTROPHE) or (byte == _BACKTICK and language == JAVASCRIPT):
            if language == JAVA and _triple(data, at, end, byte):
                at = _block_end(data, at + 3, end, byte)
            else:
                at = _string_end(data, at + 1, end, byte)
        elif byte == _SLASH and language == JAVASCRIPT and before_operand[last]:
            at = _expression_end(data, at + 1, end)
        else:
            at += 1
        if byte > _SPACE:
            last = byte
    return found


@nb.njit(cache=True, nogil=True)
def _count(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    language: int,
    before_operand: npt.NDArray[np.bool_],
    out: npt.NDArray[np.int64],
) -> None:
    for i in range(offsets.size - 1):
        if language == PYTHON:
            out[i] = _python(data, offsets[i], offsets[i + 1])
        else:
            out[i] = _c_like(data, offsets[i], offsets[i + 1], language, before_operand)
