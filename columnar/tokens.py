"""English words as spaCy's rules cut them, compiled: the words of datatrove's rules. Pure: no I/O.

A text is cut at white space; each *chunk* in between is cut by rules that look at nothing else:

1. Affixes: while the chunk is not a special case, what the rules of prefixes and suffixes find is taken off its ends.
2. What is left is a special case, a URL (one token), or is cut at infixes: hyphens between letters, dots between cases, ...
3. Tokens in a row that together are a special case, a face say, become it.

The rules are written out as code over classes of characters, not as patterns. `benchmarks/bench_agreement.py` compares the tokens with
spaCy's on real text; docs/agreement.md has the result.
"""

from functools import cache
from itertools import pairwise

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.text import Int
from columnar.tokens_tables import (
    AFFIX,
    ALPHA,
    ALPHA_LOWER,
    ALPHA_UPPER,
    BEFORE_FULL_STOP,
    CURRENCY,
    HOST,
    IDENTIFIER,
    INFIX,
    MAX_SPECIAL,
    MAX_UNIT,
    NUM_KEYS,
    PREFIX,
    QUOTE,
    SUFFIX,
    SYMBOL,
    UNIT_END,
    Tables,
    bare_tables,
)

Points = npt.NDArray[np.int32]
Begins = npt.NDArray[np.uint8]
Classes = npt.NDArray[np.uint16]

_DOT, _PLUS, _HYPHEN, _ELLIPSIS, _DOLLAR, _DEGREE = 0x2E, 0x2B, 0x2D, 0x2026, 0x24, 0xB0
_EN_DASH, _EM_DASH, _TILDE, _COMMA, _APOSTROPHE, _RIGHT_QUOTE = 0x2013, 0x2014, 0x7E, 0x2C, 0x27, 0x2019
_COLON, _SLASH, _QUESTION, _HASH, _AT, _LOW_LINE = 0x3A, 0x2F, 0x3F, 0x23, 0x40, 0x5F
_MAX_LABEL = 64  # characters in a label of a host name
_MAX_TOP_LABEL = 63


@nb.njit(inline="always", _nrt=False)
def _is_digit(point: Int) -> bool | np.bool_:
    return 0x30 <= point <= 0x39


@nb.njit(inline="always", _nrt=False)
def special_case(points: Points, low: Int, high: Int, tables: Tables) -> Int:
    """Gives the number of the special case `points[low:high]`, or -1."""
    length = high - low
    if length > MAX_SPECIAL or length <= 0:
        return -1
    key = (np.int64(points[low]) * 263 + np.int64(points[high - 1]) * 71 + length * 1021) & (NUM_KEYS - 1)
    if not tables.special_filter[key]:
        return -1
    number: Int = _look_up(points, low, high, tables.special_points, tables.special_starts, tables.special_slots)
    return number


@nb.njit(inline="never", cache=True, _nrt=False)
def _look_up(
    points: Points,
    low: Int,
    high: Int,
    special_points: Points,
    special_starts: Points,
    special_slots: Points,
) -> Int:
    """Looks for a special case in the table."""
    length = high - low
    value = np.uint32(0)
    for i in range(low, high):
        value = np.uint32(value * np.uint32(31) + np.uint32(points[i]))
    mask = np.int64(special_slots.size - 1)
    slot = np.int64(value) & mask
    while special_slots[slot]:
        number = special_slots[slot] - 1
        start = special_starts[number]
        if special_starts[number + 1] - start == length:
            same = 0
            for i in range(length):
                same += points[low + i] == special_points[start + i]
            if same == length:
                return np.int64(number)
        slot = (slot + 1) & mask
    return np.int64(-1)


@nb.njit(inline="never", cache=True, _nrt=False)
def _prefix(points: Points, low: int, high: int, classes: Classes) -> int:
    """Gives how many characters of `points[low:high]` are a prefix."""
    point = points[low]
    if classes[point] & (AFFIX | PREFIX):
        return 1
    if point == _PLUS:
        return 0 if low + 1 < high and _is_digit(points[low + 1]) else 1
    if point == _DOT:
        end = low + 1
        while end < high and points[end] == _DOT:
            end += 1
        return end - low if end - low > 1 else 0
    if point == 0x55 and low + 2 < high and points[low + 1] == 0x53 and points[low + 2] == _DOLLAR:
        return 3
    if point in (0x41, 0x43) and low + 1 < high and points[low + 1] == _DOLLAR:
        return 2
    return 0


@nb.njit(inline="never", cache=True, _nrt=False)
def _unit(points: Points, low: int, high: int, units: Points) -> int:
    """Gives the length of the longest unit of measure that ends `points[low:high]` after a digit."""
    for length in range(min(MAX_UNIT, high - low - 1), 0, -1):
        start = high - length
        if not _is_digit(points[start - 1]):
            continue
        for number in range(units.shape[0]):
            same = 0
            for i in range(length):
                same += units[number, i] == points[start + i]
            if same == length and (length == MAX_UNIT or units[number, length] == 0):
                return length
    return 0


@nb.njit(inline="never", cache=True, _nrt=False)
def _suffix(points: Points, low: int, high: int, classes: Classes, units: Points) -> int:
    """Gives how many characters at the end of `points[low:high]` are a suffix: of several, the longest."""
    if low >= high:
        return 0
    last = points[high - 1]
    kind = classes[last]
    before = points[high - 2] if high - 2 >= low else -1
    before_that = points[high - 3] if high - 3 >= low else -1
    if last == _DOT:
        start = high - 1
        while start > low and points[start - 1] == _DOT:
            start -= 1
        if high - start > 1:
            return high - start
        if before < 0:
            return 0
        if classes[before] & BEFORE_FULL_STOP:
            return 1
        if before_that < 0:
            return 0
        if classes[before] & ALPHA_UPPER and classes[before_that] & ALPHA_UPPER:
            return 1
        return 1 if before_that == _DEGREE and before in (0x43, 0x46, 0x4B) else 0
    length = 0
    if kind & (AFFIX | SUFFIX):
        length = 2 if last == _ELLIPSIS and before == _ELLIPSIS else 1
    if last in (0x73, 0x53) and before in (_APOSTROPHE, _RIGHT_QUOTE):
        length = 2
    if before >= 0 and _is_digit(before) and (last == _PLUS or kind & CURRENCY):
        length = max(length, 1)
    if last == _DOLLAR:
        if before in (0x41, 0x43) and before_that >= 0 and _is_digit(before_that):
            length = 2
        elif before == 0x53 and before_that == 0x55 and high - 4 >= low and _is_digit(points[high - 4]):
            length = 3
    return max(length, _unit(points, low, high, units)) if kind & UNIT_END else length


@nb.njit(inline="never", cache=True, _nrt=False)
def _octet(points: Points, low: int, high: int) -> Int:
    """Reads a number of at most three digits, or gives -1."""
    if high - low < 1 or high - low > 3:
        return -1
    value = np.int64(0)
    for i in range(low, high):
        if not _is_digit(points[i]):
            return -1
        value = value * 10 + points[i] - 0x30
    return value


@nb.njit(inline="never", cache=True, _nrt=False)
def _is_address(points: Points, low: int, high: int) -> bool:
    """Tells whether `points[low:high]` is a public IPv4 address, as the published pattern has it."""
    first = second = third = fourth = np.int64(0)
    start = low
    for part in range(4):
        end = start
        while end < high and points[end] != _DOT:
            end += 1
        if (part < 3) != (end < high):
            return False
        first, second, third, fourth = second, third, fourth, _octet(points, start, end)
        if fourth < 0 or (points[start] == 0x30 and (part in (0, 3) or end - start == 3)):
            return False
        start = end + 1
    if first > 223 or first in (10, 127) or max(second, third) > 255 or fourth > 254:
        return False
    private = (first == 169 and second == 254) or (first == 192 and second == 168)
    return not (private or (first == 172 and 16 <= second <= 31))


@nb.njit(inline="never", cache=True, _nrt=False)
def _is_name(points: Points, low: int, high: int, classes: Classes) -> bool:
    """Tells whether `points[low:high]` is a host name with at least two labels, the last of lower-case letters."""
    start, labels = low, 0
    for i in range(low, high + 1):
        if i < high and points[i] != _DOT:
            continue
        length = i - start
        if i == high:
            if labels == 0 or length < 2 or length > _MAX_TOP_LABEL:
                return False
            for k in range(start, high):  # noqa: SIM110 -- generators are not compiled
                if not classes[points[k]] & ALPHA_LOWER:
                    return False
            return True
        if length < 1 or length > _MAX_LABEL:
            return False
        if not (classes[points[start]] & HOST and classes[points[i - 1]] & HOST):
            return False
        labels += 1
        start = i + 1
    return False


@nb.njit(inline="never", cache=True, _nrt=False)
def _is_host(points: Points, low: int, high: int, classes: Classes) -> bool:
    """Tells whether `points[low:high]` is a host, perhaps with a port and a path."""
    end = low
    while end < high and (
        classes[points[end]] & HOST or points[end] == _DOT or points[end] == _HYPHEN or points[end] == _LOW_LINE
    ):
        end += 1
    after = end
    if after < high and points[after] == _COLON:
        after += 1
        while after < high and _is_digit(points[after]):
            after += 1
        if after - end - 1 < 2 or after - end - 1 > 5:
            return False
    if after < high and points[after] not in (_SLASH, _QUESTION, _HASH):
        return False
    is_name: bool = _is_name(points, low, end, classes)
    return is_name or _is_address(points, low, end)


@nb.njit(inline="never", cache=True, _nrt=False)
def _is_url(points: Points, low: int, high: int, classes: Classes) -> bool:
    """Tells whether `points[low:high]` is a URL or an e-mail address: scheme and user may be left out, the host may not."""
    dots = 0
    for i in range(low, high):
        dots += points[i] == _DOT
    if dots == 0:  # no host without one
        return False
    if _is_host(points, low, high, classes):
        return True
    at = low
    while at < high and (classes[points[at]] & IDENTIFIER or points[at] in (_PLUS, _HYPHEN, _DOT)):
        at += 1
    has_scheme = (
        at - low >= 2
        and at + 3 < high
        and points[at] == _COLON
        and points[at + 1] == _SLASH
        and points[at + 2] == _SLASH
    )
    if has_scheme and _is_host(points, at + 3, high, classes):
        return True
    for i in range(low + 1, high - 1):  # noqa: SIM110 -- generators are not compiled
        if points[i] == _AT and _is_host(points, i + 1, high, classes):
            return True
    return False


@nb.njit(inline="never", cache=True, _nrt=False)
def _infix(points: Points, low: int, at: int, high: int, classes: Classes) -> int:
    """Gives how many characters at `at` within `points[low:high]` are an infix."""
    point = points[at]
    kind = classes[point]
    if kind & SYMBOL or point == _ELLIPSIS:
        return 1
    before = points[at - 1] if at > low else -1
    after = points[at + 1] if at + 1 < high else -1
    kind_before = classes[before] if before >= 0 else np.uint16(0)
    kind_after = classes[after] if after >= 0 else np.uint16(0)
    if point == _DOT:
        if after == _DOT:
            end = at + 2
            while end < high and points[end] == _DOT:
                end += 1
            return end - at
        return 1 if kind_before & (ALPHA_LOWER | QUOTE) and kind_after & (ALPHA_UPPER | QUOTE) else 0
    after_digit = before >= 0 and _is_digit(before)
    if point in (_PLUS, _HYPHEN, 0x2A, 0x5E) and after_digit and (_is_digit(after) or after == _HYPHEN):
        return 1
    if point == _COMMA:
        return 1 if kind_before & ALPHA and kind_after & ALPHA else 0
    if not (kind_before & ALPHA or after_digit):
        return 0
    if point in (_HYPHEN, _EN_DASH, _EM_DASH, _TILDE):
        if kind_after & ALPHA:
            return 1
        # Two or three hyphens and two dashes are one infix.
        end = at + 1
        while end < high and points[end] == point and end - at < 4:
            end += 1
        if end >= high or not classes[points[end]] & ALPHA:
            return 0
        longest = 3 if point == _HYPHEN else (2 if point == _EM_DASH else 1)
        return end - at if end - at <= longest else 0
    if point in (_COLON, 0x3C, 0x3D, 0x3E, _SLASH):
        return 1 if kind_after & ALPHA else 0
    return 0


@nb.njit(inline="never", cache=True, _nrt=False)
def _mark(begins: Begins, low: int, parts: np.uint32) -> None:
    """Marks where the tokens of a special case at `low` begin."""
    for i in range(MAX_SPECIAL):
        if (parts >> np.uint32(i)) & np.uint32(1):
            begins[low + i] = 1


@nb.njit(inline="never", cache=True, _nrt=False)
def _join_specials(points: Points, num_points: int, begins: Begins, tables: Tables) -> None:
    """Turns tokens in a row that are a special case, the longest at each place, into its tokens."""
    low = 0
    while low < num_points:
        best, best_end = -1, low + 1
        first = points[low]
        parts = np.uint32(1)
        if tables.join_firsts[first & 0xFF]:
            for high in range(low + 1, min(low + MAX_SPECIAL, num_points) + 1):
                if high < num_points and not begins[high]:
                    continue
                number = special_case(points, low, high, tables)
                if number >= 0 and tables.special_joins[number] == parts:
                    best, best_end = number, high
                if high - low < 32:
                    parts |= np.uint32(1) << np.uint32(high - low)
        if best >= 0:
            for i in range(low, best_end):
                begins[i] = 0
            _mark(begins, low, tables.special_parts[best])
        low = best_end
        while low < num_points and not begins[low]:
            low += 1


@nb.njit(inline="never", cache=True, _nrt=False)
def split_chunk(points: Points, num_points: int, begins: Begins, tables: Tables, whole: int) -> None:
    """Marks where the tokens of a chunk begin.

    Args:
        points: the chunk's code points, `points[:num_points]`, at least one; no white space.
        num_points: how many.
        begins: `begins[i]` becomes 1 where a token begins at character i, 0 elsewhere.
        tables: see `tables`.
        whole: 1 if special cases count; with 0 the affixes alone cut.
    """
    classes = tables.classes
    for i in range(num_points):
        begins[i] = 0
    begins[0] = 1
    low, high = 0, num_points
    number: Int = -1
    while low < high:
        if whole:
            number = special_case(points, low, high, tables)
            if number >= 0:
                break
        prefix = _prefix(points, low, high, classes)
        if prefix and low + prefix < high:
            begins[low + prefix] = 1
            if whole:
                number = special_case(points, low + prefix, high, tables)
                if number >= 0:
                    low += prefix
                    break
        suffix = _suffix(points, low + prefix, high, classes, tables.units)
        if suffix:
            begins[high - suffix] = 1
            if whole:
                number = special_case(points, low, high - suffix, tables)
                if number >= 0:
                    if prefix and prefix < high - suffix - low:
                        begins[low + prefix] = 0  # the prefix belongs to the special case
                    high -= suffix
                    break
        if prefix == 0 and suffix == 0:
            break
        low += prefix
        high -= suffix
    if number >= 0:
        _mark(begins, low, tables.special_parts[number])
    elif low < high and not _is_url(points, low, high, classes):
        at = low
        while at < high:
            if not classes[points[at]] & INFIX:
                at += 1
                continue
            length = _infix(points, low, at, high, classes)
            if length and at > low:
                begins[at] = 1
                if at + length < high:
                    begins[at + length] = 1
            at += max(length, 1)
    if whole:
        _join_specials(points, num_points, begins, tables)


@cache
def tables() -> Tables:
    """Gives the tables that `split_chunk` reads; made once a process, read only."""
    made = bare_tables()
    for number in range(made.special_parts.size):
        start, end = made.special_starts[number], made.special_starts[number + 1]
        begins = np.zeros(end - start, np.uint8)
        split_chunk(made.special_points[start:end], int(end - start), begins, made, 0)
        if begins.sum() > 1:
            made.special_joins[number] = sum(1 << int(i) for i in np.flatnonzero(begins))
            made.join_firsts[made.special_points[start] & 0xFF] = True
    for array in made:
        array.flags.writeable = False
    return made


def split_words(text: str) -> list[str]:
    """Cuts a text into English words: what the kernels count, for those who want to see them."""
    return [token for chunk in text.split() for token in _split_one(chunk)]


def _split_one(chunk: str) -> list[str]:
    points = np.frombuffer(chunk.encode("utf-32-le"), np.int32)
    begins = np.zeros(len(chunk), np.uint8)
    split_chunk(points, len(chunk), begins, tables(), 1)
    starts = [*np.flatnonzero(begins).tolist(), len(chunk)]
    return [chunk[start:end] for start, end in pairwise(starts)]
