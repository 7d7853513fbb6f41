"""Where a text may hold personal data or secrets: one pass over its bytes gives few and short spans to judge. Pure: no I/O.

Every loop that looks around a character is bounded or ends where the next one begins, so that a text of nothing but ``@`` or digits
takes no longer a byte than another.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.text import Int, buffers

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

#: Kinds of spans. The first two are told by the scan alone; the others are candidates that a library judges.
EMAIL, IPV4, IPV6, PHONE, TOKEN, LOGIN, KEY_BLOCK = 1, 2, 4, 8, 16, 32, 64

#: RFC 5321: of a local part; and of a domain.
MAX_LOCAL_BYTES = 64
MAX_DOMAIN_BYTES = 255
#: A longer run of digits and separators is judged in pieces of this size.
MAX_PHONE_BYTES = 128
MIN_PHONE_DIGITS = 7
MAX_PHONE_DIGITS = 17
#: Letters and digits in a row, both among them, that may be a key.
MIN_TOKEN_BYTES = 16
_MAX_IPV6_BYTES = 45
_MAX_LOGIN_BYTES = 256

_DIGIT, _ALPHA, _LOCAL, _DOMAIN, _PHONE_CHAR, _HEX = 1, 2, 4, 8, 16, 32
_BEGIN = np.frombuffer(b"-----BEGIN ", np.uint8)


def _classes() -> Bytes:
    table = np.zeros(256, np.uint8)
    for byte in range(128):
        char = chr(byte)
        bits = _DIGIT if char.isdigit() else _ALPHA if char.isalpha() else 0
        bits |= _LOCAL if char.isalnum() or char in "._%+-'" else 0
        bits |= _DOMAIN if char.isalnum() or char in ".-" else 0
        bits |= _PHONE_CHAR if char.isdigit() or char in " ().-/+" else 0
        bits |= _HEX if char in "0123456789abcdefABCDEF" else 0
        table[byte] = bits
    return table


_CLASSES = _classes()
_DIGITS = b"0123456789"
#: The characters at which a span of a kind is looked for.
_STARTS = {
    EMAIL: b"@",
    IPV4: _DIGITS,
    IPV6: b":",
    PHONE: _DIGITS + b"+(",
    TOKEN: _DIGITS + b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    LOGIN: b"@",
    KEY_BLOCK: b"-",
}


class Spans(NamedTuple):
    """Parts of documents, in the order of documents and places.

    Attributes:
        documents: int64[spans].
        kinds: int64[spans], one of the kinds above.
        starts: int64[spans], the byte of the document at which the span begins.
        ends: int64[spans], the byte after its end.
    """

    documents: Ints
    kinds: Ints
    starts: Ints
    ends: Ints


def scan(texts: pa.LargeStringArray, kinds: int) -> Spans:
    """Finds the spans of some kinds.

    Args:
        texts: the documents.
        kinds: the kinds that are wanted, as a sum.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    stops_at = np.zeros(256, np.bool_)
    for kind, characters in _STARTS.items():
        if kinds & kind:
            stops_at[list(characters)] = True
    found = np.empty((4, 1024), np.int64)
    total = int(_scan(offsets, data, kinds, stops_at, found))
    if total > found.shape[1]:
        found = np.empty((4, total), np.int64)
        _scan(offsets, data, kinds, stops_at, found)
    return Spans(found[0, :total], found[1, :total], found[2, :total], found[3, :total])


@nb.njit(cache=True, nogil=True)
def _email(data: Bytes, first: int, at: int, end: int) -> tuple[int, int]:
    """Gives the address around an `@`; an empty span if there is none."""
    start = at
    while start > first and at - start <= MAX_LOCAL_BYTES and _CLASSES[data[start - 1]] & _LOCAL:
        start -= 1
    if at - start > MAX_LOCAL_BYTES:
        return at, at
    while start < at and not _CLASSES[data[start]] & (_DIGIT | _ALPHA):
        start += 1
    if start == at or data[at - 1] == 46:
        return at, at
    stop, last_dot, good = at + 1, at, at
    only_letters = True
    # Ends after the last label that may be a top-level domain.
    while stop <= end and stop - at <= MAX_DOMAIN_BYTES:
        byte = np.int64(data[stop]) if stop < end else 32
        if byte == 46 or not _CLASSES[byte] & _DOMAIN:
            label = stop - last_dot - 1
            if label == 0 or data[last_dot + 1] == 45 or data[stop - 1] == 45:
                break
            if last_dot > at and only_letters and label >= 2:
                good = stop
            if byte != 46:
                break
            last_dot, only_letters = stop, True
        elif not _CLASSES[byte] & _ALPHA:
            only_letters = False
        stop += 1
    return (start, good) if good > at else (at, at)


@nb.njit(cache=True, nogil=True)
def _ipv4(data: Bytes, at: int, end: int) -> int:
    """Gives the end of four numbers up to 255 with dots between; `at` if they do not stand there alone."""
    stop = at
    for part in range(4):
        value: Int = 0
        digits = 0
        while stop < end and digits < 4 and _CLASSES[data[stop]] & _DIGIT:
            value = value * 10 + (np.int64(data[stop]) - 48)
            digits += 1
            stop += 1
        if digits == 0 or digits > 3 or value > 255:
            return at
        if part < 3:
            if stop >= end or data[stop] != 46:
                return at
            stop += 1
    if stop < end:
        byte = data[stop]
        after = np.int64(data[stop + 1]) if stop + 1 < end else 32
        joins = byte in (46, 45, 95) and _CLASSES[after] & (_DIGIT | _ALPHA)
        if _CLASSES[byte] & (_DIGIT | _ALPHA) or byte == 95 or (joins and (byte != 45 or _CLASSES[after] & _ALPHA)):
            return at
    return stop


@nb.njit(cache=True, nogil=True)
def _login(data: Bytes, first: int, at: int) -> int:
    """Gives where the scheme's ``://`` of ``://name:password@`` ends; `at` if the `@` ends no such thing."""
    start, colon = at, False
    while start > first and at - start < _MAX_LOGIN_BYTES:
        byte = data[start - 1]
        if byte == 47:
            if colon and start - first >= 3 and data[start - 2] == 47 and data[start - 3] == 58:
                return start
            return at
        if byte == 64 or byte <= 32:
            return at
        colon = colon or byte == 58
        start -= 1
    return at


@nb.njit(cache=True, nogil=True)
def _phone(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Gives the end of a run of digits and separators, and of it again if it may hold a number, else `at`."""
    stop, digits = at, 0
    while stop < end and stop - at < MAX_PHONE_BYTES and _CLASSES[data[stop]] & _PHONE_CHAR:
        digits += (_CLASSES[data[stop]] & _DIGIT) != 0
        stop += 1
    return stop, stop if digits >= MIN_PHONE_DIGITS else at


@nb.njit(cache=True, nogil=True)
def _ipv6(data: Bytes, first: int, at: int, end: int) -> tuple[int, int]:
    """Gives a run of hexadecimal digits and colons around a colon; an empty span if it is no public address."""
    start, stop, colons = at, at, 0
    while start > first and at - start < 5 and _CLASSES[data[start - 1]] & _HEX:
        start -= 1
    while stop < end and (_CLASSES[data[stop]] & _HEX or data[stop] == 58 or data[stop] == 46):
        colons += data[stop] == 58
        stop += 1
    # The public network is 2000::/3: four digits, of which the first is 2 or 3.
    public = stop - start > 5 and (data[start] == 50 or data[start] == 51) and data[start + 4] == 58
    return (start, stop) if public and colons >= 2 and stop - start <= _MAX_IPV6_BYTES else (stop, stop)


@nb.njit(cache=True, nogil=True)
def _add(found: Ints, total: int, document: int, kind: int, start: int, stop: int) -> int:
    """Notes a span if there is room; gives the number of spans so far."""
    if total < found.shape[1]:
        found[0, total], found[1, total], found[2, total], found[3, total] = document, kind, start, stop
    return total + 1


@nb.njit(cache=True, nogil=True)
def _scan(offsets: Ints, data: Bytes, kinds: int, stops_at: npt.NDArray[np.bool_], found: Ints) -> int:
    """Fills `found` as far as it goes; gives the number of spans. Only bytes that `stops_at` marks are looked at closely."""
    total = 0
    for i in range(offsets.size - 1):
        first, end = offsets[i], offsets[i + 1]
        at = phone_until = hex_until = first
        while at < end:
            byte = np.int64(data[at])
            if not stops_at[byte]:
                at += 1
                continue
            here = at
            at += 1
            start = stop = here
            if _CLASSES[byte] & (_DIGIT | _ALPHA):
                before = np.int64(data[here - 1]) if here > first else np.int64(32)
                if _CLASSES[before] & (_DIGIT | _ALPHA):
                    continue
                bits = np.int64(0)
                at = here
                while at < end and _CLASSES[data[at]] & (_DIGIT | _ALPHA):
                    bits |= _CLASSES[data[at]]
                    at += 1
                if kinds & TOKEN and bits & _DIGIT and bits & _ALPHA and at - here >= MIN_TOKEN_BYTES:
                    total = _add(found, total, i, TOKEN, here - first, at - first)
                if not _CLASSES[byte] & _DIGIT:
                    continue
                if kinds & IPV4 and at - here <= 3 and before != 46 and before != 95:  # noqa: PLR1714 - compiled
                    stop = _ipv4(data, here, end)
                    if stop > here:
                        total = _add(found, total, i, IPV4, here - first, stop - first)
                        at = stop
                if kinds & PHONE and stop == here and here >= phone_until:
                    phone_until, stop = _phone(data, here, end)
                    if stop > here:
                        total = _add(found, total, i, PHONE, here - first, stop - first)
            elif byte == 64:
                if kinds & LOGIN:
                    start = _login(data, first, here)
                    if start < here:
                        total = _add(found, total, i, LOGIN, start - first, here - first)
                if kinds & EMAIL:
                    start, stop = _email(data, first, here, end)
                    if stop > start:
                        total = _add(found, total, i, EMAIL, start - first, stop - first)
            elif byte == 58:
                if kinds & IPV6 and here >= hex_until:
                    start, stop = _ipv6(data, first, here, end)
                    hex_until = stop
                    if stop > start:
                        total = _add(found, total, i, IPV6, start - first, stop - first)
            elif byte == 45:
                matching = 0
                while matching < _BEGIN.size and here + matching < end and data[here + matching] == _BEGIN[matching]:
                    matching += 1
                if matching == _BEGIN.size:
                    total = _add(found, total, i, KEY_BLOCK, here - first, here + matching - first)
            elif here >= phone_until:
                phone_until, stop = _phone(data, here, end)
                if stop > here:
                    total = _add(found, total, i, PHONE, here - first, stop - first)
    return total
