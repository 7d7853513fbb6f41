"""The passages of an index that documents hold: found by hash, proved word by word, extended as far as they go. Pure: no I/O."""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.passage_hashes import extend_window
from columnar.passage_words import Words, segment
from columnar.passages import PassageIndex, find_slot, suspects, window_key
from columnar.text import buffers

#: Passages of one group that are told of one document, in the document's order; a copy of a whole test set has thousands.
MAX_PASSAGES = 20

Ints = npt.NDArray[np.int64]


class Found(NamedTuple):
    """Passages that documents share with indexed texts, in the order of documents, then of where they end.

    Attributes:
        documents: int64[passages], the document.
        texts: int64[passages], the indexed text.
        starts: int64[passages], the character of the document at which the passage begins.
        ends: int64[passages], the character after its end.
        words: int64[passages], its length.
        covered: int32[documents], words of each document that lie in passages; all are counted, also those not told.
    """

    documents: Ints
    texts: Ints
    starts: Ints
    ends: Ints
    words: Ints
    covered: npt.NDArray[np.int32]


def find_passages(index: PassageIndex, documents: pa.LargeStringArray) -> Found:
    """Finds what passages of the index the documents hold.

    A passage is told as long as it goes: it grows to both sides while the words of document and text agree. Of each group at most
    `MAX_PASSAGES` are told a document.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(documents)
    covered = np.zeros(len(documents), np.int32)
    rows = []
    for document in np.flatnonzero(suspects(index, documents)).tolist():
        words = segment(data, offsets[document], offsets[document + 1], index.table)
        found, covered[document] = _search(words, index)
        # Two windows of one passage may have grown into the same.
        for text, start, stop in dict.fromkeys(map(tuple, found.tolist())):
            rows.append((document, text, words.first[start], words.last[stop - 1], stop - start))
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    return Found(columns[0], columns[1], columns[2], columns[3], columns[4], covered)


@nb.njit(cache=True, nogil=True)
def _same_word(one: Words, at: int, other: Words, there: int) -> bool:
    """Compares two words character by character."""
    first, second = one.code_offsets[at], other.code_offsets[there]
    length = one.code_offsets[at + 1] - first
    if other.code_offsets[there + 1] - second != length:
        return False
    for k in range(length):  # noqa: SIM110 - compiled: no generators
        if one.codes[first + k] != other.codes[second + k]:
            return False
    return True


@nb.njit(cache=True, nogil=True)
def _note(
    words: Words,
    index: PassageIndex,
    entry: int,
    first: int,
    counts: Ints,
    marks: npt.NDArray[np.bool_],
    found: Ints,
    num_found: int,
) -> int:
    """Proves that the window that begins at word `first` is the passage `entry`, and notes where else it leads.

    Returns:
        How many rows of `found` are filled now.
    """
    length = index.lengths[entry]
    there = index.place_words[index.places[entry]]
    for k in range(length):
        if not _same_word(words, first + k, index.words, there + k):
            return num_found
    marks[first : first + length] = True
    for place in range(index.places[entry], index.places[entry + 1]):
        text, there = np.int64(index.place_texts[place]), index.place_words[place]
        group = index.groups[text]
        if counts[group] == MAX_PASSAGES:
            continue
        begin, end = index.text_words[text], index.text_words[text + 1]
        start, other = first, there
        if (
            start > 0
            and other > begin
            and index.live[other - 1]
            and _same_word(words, start - 1, index.words, other - 1)
        ):
            continue  # the window before this one has told this passage
        while start > 0 and other > begin and _same_word(words, start - 1, index.words, other - 1):
            start -= 1
            other -= 1
        stop, other = first, there
        while stop < words.hashes.size and other < end and _same_word(words, stop, index.words, other):
            stop += 1
            other += 1
        if stop - first < length:
            continue
        found[num_found, 0], found[num_found, 1], found[num_found, 2] = text, start, stop
        num_found += 1
        counts[group] += 1
    return num_found


@nb.njit(cache=True, nogil=True)
def _search(words: Words, index: PassageIndex) -> tuple[Ints, int]:
    """Finds the passages of one document.

    Returns:
        int64[passages, 3]: text, first word and the word after the last; and the words that lie in passages.
    """
    size = words.hashes.size
    prefix = np.empty(size + 1, np.uint64)
    prefix[0] = np.uint64(0)
    for at in range(size):
        prefix[at + 1] = extend_window(prefix[at], words.hashes[at])
    marks = np.zeros(size, np.bool_)
    counts = np.zeros(max(1, index.num_groups), np.int64)
    found = np.empty((counts.size * MAX_PASSAGES, 3), np.int64)
    num_found = 0
    windows, entries = index.windows, index.entries
    for stop in range(1, size + 1):
        for i in range(windows.full.size):
            length = windows.full[i]
            if stop >= length:
                key = window_key(prefix[stop] - prefix[stop - length] * windows.full_powers[i], length)
                slot = find_slot(index.keys, key)
                if slot >= 0:
                    num_found = _note(words, index, entries[slot], stop - length, counts, marks, found, num_found)
        for i in range(windows.short.size):
            length = windows.short[i]
            if stop >= length:
                key = window_key(prefix[stop] - prefix[stop - length] * windows.short_powers[i], length)
                slot = find_slot(index.keys, key)
                if slot >= 0:
                    num_found = _note(words, index, entries[slot], stop - length, counts, marks, found, num_found)
    return found[:num_found], marks.sum()
