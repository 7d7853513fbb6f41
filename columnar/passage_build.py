"""Makes an index of passages (`columnar.passages`) from texts. Pure: no I/O."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.passage_hashes import BASE, UInts, extend_window
from columnar.passage_words import Reading, Words, fold_table, segment
from columnar.passages import MAX_NGRAM, MAX_PLACES, Ints, PassageIndex, Windows, window_key
from columnar.text import buffers

_ONE = np.uint64(1)
# At least 16 KB, which a processor has at hand: few short texts then need hardly a second look.
_MIN_BITMAP_BITS, _MAX_BITMAP_BITS = 17, 28


class Frequent(NamedTuple):
    """A passage that stands in many texts of one group: often a template, not content.

    Attributes:
        group: the group.
        text: the first text that holds it.
        first: its first word in that text.
        words: its length.
        texts: how many texts of the group hold it.
    """

    group: int
    text: int
    first: int
    words: int
    texts: int


class Built(NamedTuple):
    """What `build_index` gives: the index, what it left out, and its most frequent passages.

    Attributes:
        passages: the index.
        too_short: bool[texts], texts below `min_ngram` words.
        excluded: bool[texts], texts whose every passage is excluded.
        frequent: passages in at least `frequent_texts` texts of a group; neighbours that stand in as many are told once.
    """

    passages: PassageIndex
    too_short: npt.NDArray[np.bool_]
    excluded: npt.NDArray[np.bool_]
    frequent: list[Frequent]


def build_index(
    texts: pa.LargeStringArray,
    groups: Sequence[int],
    *,
    ngram: int | Sequence[int] = 10,
    min_ngram: int = 3,
    excluded: Sequence[str] = (),
    reading: Reading = "words",
    frequent_texts: int = 20,
) -> Built:
    """Indexes the passages of texts.

    Args:
        texts: the texts, those of one group in a row.
        groups: the group of each text, ascending from 0.
        ngram: words a passage; of all texts, or of each.
        min_ngram: a text shorter than `ngram` but at least this long is one passage, as a whole.
        excluded: passages that are wholly inside one of these are left out.
        reading: what of a word counts, see `columnar.passage_words`.
        frequent_texts: what `Built.frequent` takes for many.

    Raises:
        ValueError: `ngram` is not in 1..`MAX_NGRAM`, or `groups` does not fit `texts` or does not ascend.
    """
    group_of = np.asarray(groups, np.int64)
    full = np.broadcast_to(np.asarray(ngram, np.int64), group_of.shape)
    if ((full < 1) | (full > MAX_NGRAM)).any():
        raise ValueError(f"ngram must be 1 to {MAX_NGRAM}, not {ngram}")
    if group_of.size != len(texts) or (np.diff(group_of) < 0).any():
        raise ValueError("every text needs a group, and groups must ascend")
    table = fold_table(reading)
    words, text_words = _words_of(texts, table)
    counts = np.diff(text_words)
    lengths = np.minimum(counts, full)
    lengths[counts < np.minimum(min_ngram, full)] = 0
    keys, place_texts, place_words = _all_keys(words.hashes, text_words, lengths)
    out_words, out_offsets = _words_of(pa.array(list(excluded), pa.large_string()), table)
    kept = ~np.isin(keys, _keys_inside(out_words.hashes, out_offsets, np.unique(lengths[lengths > 0])))
    left = np.zeros(len(texts), np.bool_)
    left[place_texts[kept]] = True
    keys, place_texts, place_words = keys[kept], place_texts[kept], place_words[kept]
    # Stable: the places of a passage stay in the order of the texts, so those of a group stand together.
    order = np.argsort(keys, kind="stable")
    keys, place_texts, place_words = keys[order], place_texts[order], place_words[order]
    frequent = _frequent(keys, place_texts, place_words, group_of, text_words, lengths, frequent_texts)
    few = _rank_in_runs(keys, group_of[place_texts]) < MAX_PLACES
    index = _assemble(
        (table, words, text_words, group_of),
        (keys[few], place_texts[few], place_words[few]),
        lengths,
        _windows(lengths, counts >= full),
    )
    return Built(index, lengths == 0, (lengths > 0) & ~left, frequent)


def _words_of(texts: pa.LargeStringArray, table: npt.NDArray[np.uint32]) -> tuple[Words, Ints]:
    """Gives the words of all texts in a row, and the first word of each text."""
    offsets, data = buffers(texts)
    parts = [segment(data, start, stop, table) for start, stop in pairwise(offsets.tolist())]
    starts = np.concatenate(([0], np.cumsum([part.hashes.size for part in parts]))).astype(np.int64)
    if not parts:
        parts = [segment(data, 0, 0, table)]
    codes = np.concatenate(([0], np.cumsum([part.codes.size for part in parts]))).astype(np.int64)
    return (
        Words(
            np.concatenate([part.hashes for part in parts]),
            np.concatenate([part.codes for part in parts]),
            np.concatenate(
                [[0], *(part.code_offsets[1:] + at for part, at in zip(parts, codes[:-1], strict=True))]
            ).astype(np.int64),
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.last for part in parts]),
        ),
        starts,
    )


def _windows(lengths: Ints, is_full: npt.NDArray[np.bool_]) -> Windows:
    full = np.unique(lengths[is_full])
    short = np.setdiff1d(lengths[~is_full & (lengths > 0)], full)
    tail = int(short[0]) if short.size else 0
    least = int(full[0]) if full.size else 0
    gate = (least + 1) // 2
    gate_power, tail_power = _powers(np.array([gate, tail]))
    return Windows(full, _powers(full), gate, gate_power, least - gate + 1, short, _powers(short), tail, tail_power)


def _powers(exponents: Ints) -> UInts:
    return np.array([pow(int(BASE), int(exponent), 1 << 64) for exponent in exponents], np.uint64)


def _assemble(
    about: tuple[npt.NDArray[np.uint32], Words, Ints, Ints],
    places: tuple[UInts, npt.NDArray[np.int32], Ints],
    text_lengths: Ints,
    windows: Windows,
) -> PassageIndex:
    """Makes the tables of sorted places."""
    table, words, text_words, groups = about
    keys, place_texts, place_words = places
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if keys.size else np.zeros(0, np.int64)
    passage_keys = keys[starts]
    lengths = text_lengths[place_texts[starts]]
    live = np.zeros(words.hashes.size, np.bool_)
    live[place_words] = True
    slot_keys, slot_entries = _fill_table(passage_keys, 1 << int(2 * max(1, passage_keys.size) - 1).bit_length())
    is_full = np.isin(lengths, windows.full)
    inside = _ends_inside(place_words[starts[is_full]], lengths[is_full], windows.gate, words.hashes.size)
    gate_bitmap, gate_shift = _bitmap(np.unique(_keys_before(words.hashes, inside, windows.gate)))
    ends = place_words[starts[~is_full]] + lengths[~is_full]
    tails = _keys_before(words.hashes, ends, windows.tail)
    tail_bitmap, tail_shift = _bitmap(tails)
    return PassageIndex(
        table, windows, gate_bitmap, gate_shift, tail_bitmap, tail_shift, slot_keys, slot_entries, lengths,
        np.concatenate((starts, [keys.size])).astype(np.int64), place_texts, place_words, live, words, text_words, groups,
        int(groups[-1]) + 1 if groups.size else 0,
    )  # fmt: skip


def _ends_inside(first: Ints, lengths: Ints, gate: int, words: int) -> Ints:
    """Gives the words, of so many, before which a window of `gate` words ends that lies inside one of the passages, ascending."""
    bounds = np.zeros(words + 2, np.int64)
    np.add.at(bounds, first + gate, 1)
    np.add.at(bounds, first + lengths + 1, -1)
    return np.flatnonzero(np.cumsum(bounds) > 0)


def _bitmap(keys: UInts) -> tuple[UInts, np.uint64]:
    """Sets the bit of each key in a bitmap of some 32 bits a key: 3 of 100 windows of clean text then need a second look."""
    bits = min(_MAX_BITMAP_BITS, max(_MIN_BITMAP_BITS, int(32 * max(1, keys.size) - 1).bit_length()))
    shift = np.uint64(64 - bits)
    bitmap = np.zeros(1 << (bits - 6), np.uint64)
    named = keys >> shift
    np.bitwise_or.at(bitmap, (named >> np.uint64(6)).astype(np.int64), _ONE << (named & np.uint64(63)))
    return bitmap, shift


def _rank_in_runs(keys: UInts, groups: Ints) -> Ints:
    """Numbers the places of each (key, group), which stand in a row, from 0."""
    if keys.size == 0:
        return np.zeros(0, np.int64)
    fresh = np.concatenate(([True], (keys[1:] != keys[:-1]) | (groups[1:] != groups[:-1])))
    at = np.arange(keys.size)
    return at - np.maximum.accumulate(np.where(fresh, at, 0))


def _frequent(
    keys: UInts,
    place_texts: npt.NDArray[np.int32],
    place_words: Ints,
    groups: Ints,
    text_words: Ints,
    lengths: Ints,
    least: int,
) -> list[Frequent]:
    """Finds the passages of many texts, the most frequent first; of passages that overlap in their first text, the first."""
    if keys.size == 0:
        return []
    group_of = groups[place_texts]
    fresh = np.concatenate(([True], (keys[1:] != keys[:-1]) | (group_of[1:] != group_of[:-1])))
    run = np.cumsum(fresh) - 1
    # A text that holds a passage twice has its places in a row.
    new_text = fresh | np.concatenate(([True], place_texts[1:] != place_texts[:-1]))
    texts = np.bincount(run, new_text)
    starts = np.flatnonzero(fresh)
    many = np.flatnonzero(texts >= least)
    found: list[Frequent] = []
    seen: dict[int, list[int]] = {}
    for at in many[np.lexsort((place_words[starts[many]], -texts[many]))].tolist():
        text, word = int(place_texts[starts[at]]), int(place_words[starts[at]])
        length = int(lengths[text])
        if all(abs(word - other) >= length for other in seen.get(text, ())):
            seen.setdefault(text, []).append(word)
            found.append(Frequent(int(groups[text]), text, word - int(text_words[text]), length, int(texts[at])))
    return found


@nb.njit(cache=True, nogil=True)
def _fill_table(keys: UInts, slots: int) -> tuple[UInts, npt.NDArray[np.int32]]:
    slot_keys = np.zeros(slots, np.uint64)
    slot_entries = np.zeros(slots, np.int32)
    for entry in range(keys.size):
        slot = np.int64(keys[entry] >> np.uint64(20)) & (slots - 1)
        while slot_keys[slot] != 0:
            slot = (slot + 1) & (slots - 1)
        slot_keys[slot] = keys[entry]
        slot_entries[slot] = entry
    return slot_keys, slot_entries


@nb.njit(cache=True, nogil=True)
def _window(hashes: UInts, first: int, length: int) -> np.uint64:
    window = np.uint64(0)
    for at in range(first, first + length):
        window = extend_window(window, hashes[at])
    return window


@nb.njit(cache=True, nogil=True)
def _all_keys(hashes: UInts, text_words: Ints, lengths: Ints) -> tuple[UInts, npt.NDArray[np.int32], Ints]:
    """Gives the key, text and first word of every passage: windows of `lengths[text]` words, none where that is 0."""
    total = 0
    for text in range(lengths.size):
        if lengths[text]:
            total += text_words[text + 1] - text_words[text] - lengths[text] + 1
    keys = np.empty(total, np.uint64)
    texts = np.empty(total, np.int32)
    words = np.empty(total, np.int64)
    at = 0
    for text in range(lengths.size):
        if lengths[text]:
            for first in range(text_words[text], text_words[text + 1] - lengths[text] + 1):
                keys[at] = window_key(_window(hashes, first, lengths[text]), lengths[text])
                texts[at] = text
                words[at] = first
                at += 1
    return keys, texts, words


@nb.njit(cache=True, nogil=True)
def _keys_inside(hashes: UInts, text_words: Ints, lengths: Ints) -> UInts:
    """Gives the keys of all windows of all these lengths."""
    keys = np.empty(hashes.size * lengths.size, np.uint64)
    found = 0
    for length in lengths:
        for text in range(text_words.size - 1):
            for first in range(text_words[text], text_words[text + 1] - length + 1):
                keys[found] = window_key(_window(hashes, first, length), length)
                found += 1
    return keys[:found]


@nb.njit(cache=True, nogil=True)
def _keys_before(hashes: UInts, ends: Ints, length: int) -> UInts:
    """Gives the keys of the windows of one length that end before these words."""
    keys = np.empty(ends.size, np.uint64)
    for at in range(ends.size):
        keys[at] = window_key(_window(hashes, ends[at] - length, length), length)
    return keys
