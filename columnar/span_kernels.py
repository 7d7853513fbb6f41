"""The compiled loops of `columnar.spans`: where the atoms of a text begin, their hashes, and cutting passages out. Pure: no I/O."""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import LINE_BREAK, SPACE
from columnar.text import Int, decode
from columnar.words import NO_WORD, SPACED_WORD, next_word_state

Uint64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]

LINE, PARAGRAPH, SENTENCE, WORD = range(4)

_BLANK, _BREAK, _TERMINAL, _CLOSER = 1, 2, 4, 8
_WIDE_TERMINALS = frozenset("。！？｡")
_CLOSERS = "\"')]}»”’』」】）》›"
_NOT_ASCII = 255


def _kinds(*, sentences: bool) -> npt.NDArray[np.uint8]:
    """Gives the bits of each byte: what ASCII has to say of itself; where sentences do not matter, nothing ends or closes one."""
    kinds = np.full(256, _NOT_ASCII, np.uint8)
    for byte in range(128):
        character = chr(byte)
        kinds[byte] = (
            (_BLANK if character.isspace() else 0)
            | (_BREAK if len(f"a{character}b".splitlines()) > 1 else 0)
            | (_TERMINAL if sentences and character in ".?!" else 0)
            | (_CLOSER if sentences and character in _CLOSERS else 0)
        )
    return kinds


SENTENCE_KINDS, LINE_KINDS = _kinds(sentences=True), _kinds(sentences=False)
#: White space of ASCII, and every byte beyond ASCII.
_IS_BLANK = LINE_KINDS != 0
_ELLIPSIS = 0x2026
_WIDE = np.array(sorted(map(ord, _WIDE_TERMINALS)), np.int64)
_WIDE_CLOSERS = np.array(sorted(ord(closer) for closer in _CLOSERS if ord(closer) > 127), np.int64)

_SEED = np.uint64(0x9AE16A3B2F90404F)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_JOIN = np.uint64(0xD6E8FEB86659FD93)
_TURN = np.uint64(29)
_BACK = np.uint64(64 - 29)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)
_EMPTY = np.uint64(0)


class Atoms(NamedTuple):
    """The atoms of all documents, one after the other."""

    bounds: Int64s  # those of document i are bounds[i]:bounds[i + 1]
    starts: Int64s
    hashes: Uint64s
    chars: Int64s


@nb.njit(inline="always")
def _finished(h: np.uint64) -> np.uint64:
    """Scatters every bit of a hash over all others (the finaliser of MurmurHash3); 0 marks what is empty, so no span has it."""
    h = (h ^ (h >> _SHIFT)) * _MIX_1
    h = (h ^ (h >> _SHIFT)) * _MIX_2
    h = h ^ (h >> _SHIFT)
    return h if h != _EMPTY else np.uint64(1)


@nb.njit(cache=True, nogil=True)
def find_words(
    offsets: Int64s,
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    bounds: Int64s,
    starts: Int64s,
    hashes: Uint64s,
) -> None:
    """Finds the words of all documents: where each begins, its hash, and how many stand before each document's end (`bounds`)."""
    number = -1
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        at = begin
        state = NO_WORD
        h = _SEED
        while at < end:
            if state == SPACED_WORD:  # which goes on over all of ASCII but white space
                while at < end and not _IS_BLANK[data[at]]:
                    h = (h ^ np.uint64(data[at])) * _FACTOR
                    at += 1
                if at == end:
                    break
            byte = np.int64(data[at])
            if byte < 0x80:
                point, size = byte, 1
            else:
                point, size = decode(data, at, end)
            previous = state
            state, begins = next_word_state(state, table[point])
            if previous != NO_WORD and (begins or state == NO_WORD):
                hashes[number] = _finished(h)
            if begins:
                number += 1
                starts[number] = at - begin
                h = _SEED
            if state != NO_WORD:
                h = (h ^ np.uint64(point)) * _FACTOR
            at += size
        if state != NO_WORD:
            hashes[number] = _finished(h)
        bounds[i + 1] = number + 1


@nb.njit(inline="always")
def _is_in(point: int, points: Int64s) -> bool:
    for other in points:  # noqa: SIM110 - Numba compiles no generators
        if point == other:
            return True
    return False


@nb.njit(cache=True, nogil=True)
def find_blocks(
    offsets: Int64s,
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    kinds: npt.NDArray[np.uint8],
    unit: int,
    bounds: Int64s,
    starts: Int64s,
    hashes: Uint64s,
    chars: Int64s,
) -> None:
    """Finds lines, paragraphs or sentences.

    White space is hashed as one space when its first character comes; `h_before` and `length_before` are those without it, for a
    block that ends there.
    """
    number = -1
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        at = line = begin
        is_open = blank = False  # blank: white space came last
        line_is_blank = True
        ended = 0  # 1: a sentence may end before white space; 2: before anything but more of its end
        h = h_before = _SEED
        length = length_before = 0
        while at < end:
            if is_open and ended == 0:
                first = at
                while at < end:
                    byte = data[at]
                    if byte == 32:
                        if blank:
                            break
                        h_before, length_before = h, length + at - first
                        blank = True
                    elif kinds[byte] != 0:
                        break
                    else:
                        blank = False
                        line_is_blank = False
                    h = (h ^ np.uint64(byte)) * _FACTOR
                    at += 1
                length += at - first
                if at == end:
                    break
            kind: Int = np.int64(kinds[data[at]])
            point: Int = np.int64(data[at])
            size = 1
            wide = False
            if kind == _NOT_ASCII:
                point, size = decode(data, at, end)
                bits = table[point]
                kind = (_BLANK if bits & SPACE else 0) | (_BREAK if bits & LINE_BREAK else 0)
                if unit == SENTENCE and kind == 0:
                    wide = _is_in(point, _WIDE)
                    kind = _TERMINAL if wide or point == _ELLIPSIS else _CLOSER if _is_in(point, _WIDE_CLOSERS) else 0
            ends = False
            if kind & _BLANK:
                ends = ended > 0
                # A carriage return before a newline is half of one line break.
                if kind & _BREAK and not (point == 13 and at + 1 < end and data[at + 1] == 10):
                    ends = unit != PARAGRAPH or line_is_blank
                    line_is_blank = True
                    line = at + size
            else:
                ends = ended == 2 and not kind & (_TERMINAL | _CLOSER)
            if is_open and ends:
                hashes[number] = _finished(h_before if blank else h)
                chars[number] = length_before if blank else length
                is_open = False
            if kind & _BLANK:
                if is_open and not blank:
                    h_before, length_before = h, length
                    h = (h ^ np.uint64(32)) * _FACTOR
                    length += 1
                    blank = True
                at += size
                continue
            if not is_open:
                is_open = True
                number += 1
                starts[number] = (at if unit == SENTENCE else line) - begin
                h, length, ended = _SEED, 0, 0
            blank = line_is_blank = False
            h = (h ^ np.uint64(point)) * _FACTOR
            length += 1
            if kind & _TERMINAL:
                ended = 2 if wide or ended == 2 else 1
            elif not kind & _CLOSER:
                ended = 0
            at += size
        if is_open:
            hashes[number] = _finished(h_before if blank else h)
            chars[number] = length_before if blank else length
        bounds[i + 1] = number + 1


@nb.njit(cache=True, nogil=True)
def join_runs(hashes: Uint64s, size: int, length: int) -> None:
    """Puts in the place of each hash of a run of `size` atoms that of `length` atoms: by doubling, no sum that cancels.

    The last `length - 1` places, and runs over the end of a document, hold values without a meaning.
    """
    while size < length:
        step = min(size, length - size)
        for i in range(hashes.size - step):
            h = hashes[i] * _JOIN
            h = (h << _TURN | h >> _BACK) ^ hashes[i + step]
            hashes[i] = _finished(h * _FACTOR)
        size += step


@nb.njit(inline="always")
def _least(grams: Uint64s, first: int, last: int, best: int) -> int:
    """Gives the leftmost least of `grams[first:last + 1]`; `best` is that of the window one to the left, or before `first`."""
    if best >= first:
        return last if grams[last] < grams[best] else best
    best = first
    for j in range(first + 1, last + 1):
        if grams[j] < grams[best]:
            best = j
    return best


@nb.njit(cache=True, nogil=True)
def choose(grams: Uint64s, bounds: Int64s, size: int, window: int, chosen: npt.NDArray[np.bool_]) -> None:
    """Marks the anchors of all n-grams."""
    for i in range(bounds.size - 1):
        best = -1
        for first in range(bounds[i], bounds[i + 1] - size + 1):
            best = _least(grams, first, first + window - 1, best)
            chosen[best] = True


@nb.njit(cache=True, nogil=True)
def has_anchor(
    grams: Uint64s, bounds: Int64s, size: int, window: int, anchors: Uint64s, found: npt.NDArray[np.bool_]
) -> None:
    """Marks the n-grams whose anchor is in a set."""
    for i in range(bounds.size - 1):
        best = known = -1
        is_in = False
        for first in range(bounds[i], bounds[i + 1] - size + 1):
            best = _least(grams, first, first + window - 1, best)
            if best != known:
                is_in = _contains(anchors, grams[best])
                known = best
            found[first] = is_in


@nb.njit(cache=True, nogil=True)
def place(
    atoms: Atoms,
    lengths: Int64s,
    size: int,
    min_chars: int,
    wanted: npt.NDArray[np.bool_],
    rows: Int64s,
    starts: Int64s,
    ends: Int64s,
    chosen: Int64s,
) -> int:
    """Writes the wanted spans one after the other; gives their number. Atoms without `chars` have no least length."""
    number = 0
    for i in range(atoms.bounds.size - 1):
        stop = atoms.bounds[i + 1]
        for first in range(atoms.bounds[i], stop - size + 1):
            if not wanted[first]:
                continue
            if atoms.chars.size:
                chars = size - 1
                for j in range(first, first + size):
                    chars += atoms.chars[j]
                if chars < min_chars:
                    continue
            rows[number], chosen[number] = i, first
            starts[number] = atoms.starts[first]
            ends[number] = atoms.starts[first + size] if first + size < stop else lengths[i]
            number += 1
    return number


@nb.njit(cache=True, nogil=True)
def fill(hashes: Uint64s, table: Uint64s) -> None:
    """Puts hashes into an open-addressing table of zeros, a power of two in size."""
    mask = np.uint64(table.size - 1)
    for h in hashes:
        at = h & mask
        while table[at] != _EMPTY:
            at = (at + np.uint64(1)) & mask
        table[at] = h


@nb.njit(inline="always")
def _contains(table: Uint64s, h: np.uint64) -> bool:
    mask = np.uint64(table.size - 1)
    at = h & mask
    while table[at] != _EMPTY:
        if table[at] == h:
            return True
        at = (at + np.uint64(1)) & mask
    return False


@nb.njit(cache=True, nogil=True)
def ask(hashes: Uint64s, table: Uint64s, found: npt.NDArray[np.bool_]) -> None:
    """Marks in `found` the hashes that the table has."""
    for i in range(hashes.size):
        found[i] = _contains(table, hashes[i])


@nb.njit(inline="always")
def _count_chars(data: npt.NDArray[np.uint8], start: int, end: int) -> int:
    chars = 0
    for at in range(start, end):
        chars += (data[at] & 0xC0) != 0x80
    return chars


@nb.njit(cache=True, nogil=True)
def cut(
    offsets: Int64s,
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    bounds: Int64s,
    starts: Int64s,
    ends: Int64s,
    out: npt.NDArray[np.uint8],
    new_offsets: Int64s,
    chars: Int64s,
    cut_chars: Int64s,
    cuts: npt.NDArray[np.int32],
) -> None:
    """Copies the texts to `out` without the passages of document i, `starts` to `ends` at `bounds[i]:bounds[i + 1]`."""
    to = 0
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        first = to
        at = begin  # everything before it is copied or cut
        reached = begin - 1  # the end of the last cut
        number = 0
        for k in range(bounds[i], bounds[i + 1]):
            start, stop = begin + starts[k], begin + ends[k]
            if start > reached:
                number += 1
                out[to : to + start - at] = data[at:start]
                to += start - at
                at = start
            reached = max(reached, stop)
            at = reached
        out[to : to + end - at] = data[at:end]
        to += end - at
        if reached == end:
            last = first  # behind the last character that is no white space
            look = first
            while look < to:
                point: Int = np.int64(out[look])
                size = 1
                if point >= 0x80:
                    point, size = decode(out, look, to)
                look += size
                if not table[point] & SPACE:
                    last = look
            to = last
        chars[i] = _count_chars(data, begin, end)
        cut_chars[i] = chars[i] - _count_chars(out, first, to)
        cuts[i] = number
        new_offsets[i + 1] = to
