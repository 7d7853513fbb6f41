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

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import properties
from columnar.span_kernels import (
    LINE_KINDS,
    SENTENCE,
    SENTENCE_KINDS,
    WORD,
    Atoms,
    Int64s,
    Uint64s,
    ask,
    choose,
    cut,
    fill,
    find_blocks,
    find_words,
    has_anchor,
    join_runs,
    place,
)
from columnar.text import buffers

UNITS = ("line", "paragraph", "sentence", "ngram")


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
    choose(grams, atoms.bounds, rule.size, window, chosen)
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
        fill(hashes, self.table)

    def contains(self, hashes: Uint64s) -> npt.NDArray[np.bool_]:
        """Marks the hashes that are in the set."""
        found = np.zeros(hashes.size, np.bool_)
        ask(hashes, self.table, found)
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
    cut(offsets, data, properties(), bounds, starts, ends, out, new_offsets, chars, cut_chars, cuts)
    buffer = pa.py_buffer(out[: new_offsets[-1]])
    array = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(new_offsets), buffer)
    return CutTexts(array, chars, cut_chars, cuts)


def _counted(hashes: Uint64s) -> tuple[Uint64s, Int64s]:
    distinct, counts = np.unique(hashes, return_counts=True)
    return distinct, counts.astype(np.int64)


def _atoms(texts: pa.LargeStringArray, rule: SpanRule) -> Atoms:
    offsets, data = buffers(texts)
    unit = UNITS.index(rule.unit)
    # Any two atoms begin two bytes apart on average: a letter and a space, or an unspaced letter of three bytes beside another.
    room = int(offsets[-1] - offsets[0]) // 2 + len(texts) + 1
    starts, hashes, chars = np.empty(room, np.int64), np.empty(room, np.uint64), np.empty(room, np.int64)
    bounds = np.zeros(len(texts) + 1, np.int64)
    if unit == WORD:
        find_words(offsets, data, properties(), bounds, starts, hashes)
        chars = chars[:0]
    else:
        kinds = SENTENCE_KINDS if unit == SENTENCE else LINE_KINDS
        find_blocks(offsets, data, properties(), kinds, unit, bounds, starts, hashes, chars)
    return Atoms(bounds, starts[: bounds[-1]], hashes[: bounds[-1]], chars[: bounds[-1]])


def _grams(atoms: Atoms, rule: SpanRule) -> tuple[Uint64s, int]:
    """Gives the hash of the run of words at each word that serves for anchors, and how many such runs an n-gram holds."""
    length = (rule.size + 1) // 2
    grams = atoms.hashes.copy()
    join_runs(grams, 1, length)
    return grams, rule.size - length + 1


def _spans_of(texts: pa.LargeStringArray, atoms: Atoms, rule: SpanRule, anchors: HashSet | None) -> Spans:
    offsets, _ = buffers(texts)
    hashes, window = _grams(atoms, rule)
    wanted = np.ones(hashes.size, np.bool_)
    if rule.unit == "ngram" and anchors is not None:
        has_anchor(hashes, atoms.bounds, rule.size, window, anchors.table, wanted)
    join_runs(hashes, (rule.size + 1) // 2, rule.size)
    if rule.unit != "ngram" and anchors is not None:
        wanted = anchors.contains(hashes)
    rows, starts, ends = np.empty((3, hashes.size), np.int64)
    chosen = np.empty(hashes.size, np.int64)
    number = place(atoms, np.diff(offsets), rule.size, rule.min_chars, wanted, rows, starts, ends, chosen)
    return Spans(rows[:number], starts[:number], ends[:number], hashes[chosen[:number]])
