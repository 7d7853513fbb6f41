"""Passages of texts with their places and hashes: lines, paragraphs, runs of sentences, word n-grams. Pure: no I/O.

A text is cut into *atoms*: lines, paragraphs, sentences or words. A *span* is one line or paragraph, or so many sentences or words
in a row; it reaches up to the beginning of the next atom, so that cutting it takes the white space after it along. Two spans are the
same if their texts are, white space collapsed; they are compared by a 64-bit hash.

- *Line*: what `str.splitlines` gives and holds more than white space. Its span begins with its indentation.
- *Paragraph*: lines without a blank one between them.
- *Sentence*: ends after `.` `?` `!` or `…` (and closing quotes and brackets) before white space, after their full-width forms
  anywhere, and with its line. Abbreviations end sentences too: what matters is that copies are cut alike.
- *Word*: what `columnar.words` says, as it stands: case and punctuation count.

An *anchor* thins word n-grams out for a first search of repeats. Of every n-gram it is the least hash, leftmost, among its runs of
half as many words (winnowing with the n-gram itself as window): equal n-grams have equal anchors at the same distance, so an n-gram
that stands in two places has an anchor that does. Of other spans the anchor is the span.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import LINE_BREAK, SPACE, properties
from columnar.text import Int, buffers, decode
from columnar.words import NO_WORD, SPACED_WORD, next_word_state

Uint64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]

UNITS = ("line", "paragraph", "sentence", "ngram")
_LINE, _PARAGRAPH, _SENTENCE, _WORD = range(4)

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


_SENTENCE_KINDS, _LINE_KINDS = _kinds(sentences=True), _kinds(sentences=False)
#: White space of ASCII, and every byte beyond ASCII.
_IS_BLANK = _LINE_KINDS != 0
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


@dataclass(frozen=True)
class SpanRule:
    """Which passages are looked at.

    Attributes:
        unit: of `UNITS`.
        size: atoms a span: 1 for lines and paragraphs, else sentences or words.
        min_chars: shorter spans (in characters, white space collapsed) are none; not for n-grams.
    """

    unit: str
    size: int = 1
    min_chars: int = 1

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, not {self.unit!r}")
        if self.size < 1 or (self.size > 1 and self.unit in ("line", "paragraph")):
            raise ValueError(f"a {self.unit} span cannot have {self.size} atoms")


class Spans(NamedTuple):
    """Spans of a text column, by document and then place.

    Attributes:
        rows: int64[n], the document.
        starts: int64[n], bytes from the document's beginning.
        ends: int64[n], where the next atom after the span begins, or the document ends.
        hashes: uint64[n], never 0.
    """

    rows: Int64s
    starts: Int64s
    ends: Int64s
    hashes: Uint64s


class _Atoms(NamedTuple):
    bounds: Int64s  # those of document i are bounds[i]:bounds[i + 1]
    starts: Int64s
    hashes: Uint64s
    chars: Int64s


def count_anchors(texts: pa.LargeStringArray, rule: SpanRule) -> tuple[Uint64s, Int64s]:
    """Counts the anchors of all spans.

    Returns:
        The distinct anchors, sorted, and in how many places each stands.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    atoms = _atoms(texts, rule)
    if rule.unit != "ngram":
        return _counted(_spans_of(texts, atoms, rule, None).hashes)
    grams, window = _grams(atoms, rule)
    chosen = np.zeros(grams.size, np.bool_)
    _choose(grams, atoms.bounds, rule.size, window, chosen)
    return _counted(grams[chosen])


def find_spans(texts: pa.LargeStringArray, rule: SpanRule, anchors: "HashSet | None" = None) -> Spans:
    """Finds the spans of a text column, all or those with one of some anchors.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    return _spans_of(texts, _atoms(texts, rule), rule, anchors)


class HashSet:
    """A set of 64-bit hashes (0 is none) that a kernel can ask: open addressing, at most half full.

    Args:
        hashes: without repeats, in any order.
    """

    def __init__(self, hashes: Uint64s) -> None:
        self.table = np.zeros(1 << max(4, int(2 * hashes.size).bit_length()), np.uint64)
        _fill(hashes, self.table)

    def contains(self, hashes: Uint64s) -> npt.NDArray[np.bool_]:
        """Marks the hashes that are in the set."""
        found = np.zeros(hashes.size, np.bool_)
        _ask(hashes, self.table, found)
        return found


class CutTexts(NamedTuple):
    """Texts without some passages.

    Attributes:
        texts: `large_string`, as many as before.
        chars: int64[n], characters of each text before.
        cut_chars: int64[n], characters that it lost.
        cuts: int32[n], in so many places.
    """

    texts: pa.LargeStringArray
    chars: Int64s
    cut_chars: Int64s
    cuts: npt.NDArray[np.int32]


def cut_texts(texts: pa.LargeStringArray, rows: Int64s, starts: Int64s, ends: Int64s) -> CutTexts:
    """Cuts passages out of texts. Where the end of a text is cut, the white space before it goes too.

    Args:
        texts: the documents.
        rows: document of each passage; sorted by (row, start), overlaps allowed.
        starts: bytes from the document's beginning, at a character.
        ends: likewise; behind the passage.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    bounds = np.searchsorted(rows, np.arange(len(texts) + 1)).astype(np.int64)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    new_offsets = np.zeros(len(texts) + 1, np.int64)
    chars, cut_chars = np.empty((2, len(texts)), np.int64)
    cuts = np.empty(len(texts), np.int32)
    _cut(offsets, data, properties(), bounds, starts, ends, out, new_offsets, chars, cut_chars, cuts)
    buffer = pa.py_buffer(out[: new_offsets[-1]])
    array = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(new_offsets), buffer)
    return CutTexts(array, chars, cut_chars, cuts)


def _counted(hashes: Uint64s) -> tuple[Uint64s, Int64s]:
    distinct, counts = np.unique(hashes, return_counts=True)
    return distinct, counts.astype(np.int64)


def _atoms(texts: pa.LargeStringArray, rule: SpanRule) -> _Atoms:
    offsets, data = buffers(texts)
    unit = UNITS.index(rule.unit)
    # Any two atoms begin two bytes apart on average: a letter and a space, or an unspaced letter of three bytes beside another.
    room = int(offsets[-1] - offsets[0]) // 2 + len(texts) + 1
    starts, hashes, chars = np.empty(room, np.int64), np.empty(room, np.uint64), np.empty(room, np.int64)
    bounds = np.zeros(len(texts) + 1, np.int64)
    if unit == _WORD:
        _find_words(offsets, data, properties(), bounds, starts, hashes)
        chars = chars[:0]
    else:
        kinds = _SENTENCE_KINDS if unit == _SENTENCE else _LINE_KINDS
        _find_blocks(offsets, data, properties(), kinds, unit, bounds, starts, hashes, chars)
    return _Atoms(bounds, starts[: bounds[-1]], hashes[: bounds[-1]], chars[: bounds[-1]])


def _grams(atoms: _Atoms, rule: SpanRule) -> tuple[Uint64s, int]:
    """Gives the hash of the run of words at each word that serves for anchors, and how many such runs an n-gram holds."""
    length = (rule.size + 1) // 2
    grams = atoms.hashes.copy()
    _join_runs(grams, 1, length)
    return grams, rule.size - length + 1


def _spans_of(texts: pa.LargeStringArray, atoms: _Atoms, rule: SpanRule, anchors: HashSet | None) -> Spans:
    offsets, _ = buffers(texts)
    hashes, window = _grams(atoms, rule)
    wanted = np.ones(hashes.size, np.bool_)
    if rule.unit == "ngram" and anchors is not None:
        _has_anchor(hashes, atoms.bounds, rule.size, window, anchors.table, wanted)
    _join_runs(hashes, (rule.size + 1) // 2, rule.size)
    if rule.unit != "ngram" and anchors is not None:
        wanted = anchors.contains(hashes)
    rows, starts, ends = np.empty((3, hashes.size), np.int64)
    chosen = np.empty(hashes.size, np.int64)
    number = _place(atoms, np.diff(offsets), rule.size, rule.min_chars, wanted, rows, starts, ends, chosen)
    return Spans(rows[:number], starts[:number], ends[:number], hashes[chosen[:number]])


@nb.njit(inline="always")
def _finished(h: np.uint64) -> np.uint64:
    """Scatters every bit of a hash over all others (the finaliser of MurmurHash3); 0 marks what is empty, so no span has it."""
    h = (h ^ (h >> _SHIFT)) * _MIX_1
    h = (h ^ (h >> _SHIFT)) * _MIX_2
    h = h ^ (h >> _SHIFT)
    return h if h != _EMPTY else np.uint64(1)


@nb.njit(cache=True, nogil=True)
def _find_words(
    offsets: Int64s,
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    bounds: Int64s,
    starts: Int64s,
    hashes: Uint64s,
) -> None:
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
def _find_blocks(
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
                if unit == _SENTENCE and kind == 0:
                    wide = _is_in(point, _WIDE)
                    kind = _TERMINAL if wide or point == _ELLIPSIS else _CLOSER if _is_in(point, _WIDE_CLOSERS) else 0
            ends = False
            if kind & _BLANK:
                ends = ended > 0
                # A carriage return before a newline is half of one line break.
                if kind & _BREAK and not (point == 13 and at + 1 < end and data[at + 1] == 10):
                    ends = unit != _PARAGRAPH or line_is_blank
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
                starts[number] = (at if unit == _SENTENCE else line) - begin
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
def _join_runs(hashes: Uint64s, size: int, length: int) -> None:
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
def _choose(grams: Uint64s, bounds: Int64s, size: int, window: int, chosen: npt.NDArray[np.bool_]) -> None:
    """Marks the anchors of all n-grams."""
    for i in range(bounds.size - 1):
        best = -1
        for first in range(bounds[i], bounds[i + 1] - size + 1):
            best = _least(grams, first, first + window - 1, best)
            chosen[best] = True


@nb.njit(cache=True, nogil=True)
def _has_anchor(
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
def _place(
    atoms: _Atoms,
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
def _fill(hashes: Uint64s, table: Uint64s) -> None:
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
def _ask(hashes: Uint64s, table: Uint64s, found: npt.NDArray[np.bool_]) -> None:
    for i in range(hashes.size):
        found[i] = _contains(table, hashes[i])


@nb.njit(inline="always")
def _count_chars(data: npt.NDArray[np.uint8], start: int, end: int) -> int:
    chars = 0
    for at in range(start, end):
        chars += (data[at] & 0xC0) != 0x80
    return chars


@nb.njit(cache=True, nogil=True)
def _cut(
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
