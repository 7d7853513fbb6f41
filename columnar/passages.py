"""An index of passages, runs of words that texts must not share, and the search for them in documents. Pure: no I/O.

A *passage* of an indexed text is any run of `ngram` words of it, or the whole text if it is shorter. Documents are searched in two
passes: `suspects` hashes the words of a document and asks a bitmap and then a table of hashes, which decides about nearly all
documents; for the few others `columnar.passage_search` compares the words themselves, so that a collision of hashes is no finding.

Only few windows need to be asked for: every passage of at least ten words holds five words in a row that begin at a multiple of six,
wherever it stands in a document. So a *gate* of the five-word windows inside passages is asked at each sixth word (of five and six,
read half of the least length and what it leaves), and passages themselves only around those that it knows.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.passage_hashes import CODE_MASK, EVERY, Table, UInts, hash_words
from columnar.passage_words import Words
from columnar.text import Int, buffers

#: Places of one passage that are remembered in each group: a template that stands in all items names the first ones.
MAX_PLACES = 8
#: Windows longer than this are refused: the search keeps as many running hashes.
MAX_NGRAM = 64

_LENGTH_STEP = np.uint64(0xD6E8FEB86659FD93)
_KEY_STEP = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)
#: Words that are hashed before they are looked up.
_CHUNK = 448
#: Words that stay from one chunk to the next: a window that waits for its last words, and those that end where it begins.
_KEPT = 2 * MAX_NGRAM

Ints = npt.NDArray[np.int64]


class Windows(NamedTuple):
    """The lengths of passages, and how to hash a window of each.

    Attributes:
        full: int64[...], the lengths of passages that are parts of texts, ascending.
        full_powers: uint64[...], the base of `columnar.passage_hashes.extend_window` to these powers.
        gate: words of the gate's windows, 0 if `full` is empty.
        gate_power: uint64.
        stride: at each so many words the gate is asked.
        short: int64[...], lengths of texts that must be found whole.
        short_powers: uint64[...].
        tail: the least of `short`, 0 if there is none: so many words are looked up first.
        tail_power: uint64.
    """

    full: Ints
    full_powers: UInts
    gate: int
    gate_power: np.uint64
    stride: int
    short: Ints
    short_powers: UInts
    tail: int
    tail_power: np.uint64


class PassageIndex(NamedTuple):
    """The passages of some texts, for kernels.

    Attributes:
        table: how characters fold, see `columnar.passage_words.fold_table`.
        windows: lengths of the passages.
        gate_bitmap: uint64[...]; the bit that the high bits of the key of a window of the gate name is set.
        gate_shift: how far a key is shifted to name its bit.
        tail_bitmap, tail_shift: the same for the last `windows.tail` words of short texts.
        keys: uint64[slots], open addressing with linear steps; 0 is an empty slot.
        entries: int32[slots], the passage of a slot.
        lengths: int64[passages], its words.
        places: int64[passages + 1]; passage `p` stands at `place_texts[places[p]:places[p + 1]]`.
        place_texts: int32[...], the text.
        place_words: int64[...], its first word, counted over all texts.
        live: bool[words of all texts]: the passage that begins there has a place in the index.
        words: of all texts, one after another.
        text_words: int64[texts + 1]; the words of text `t` are `text_words[t]..text_words[t + 1] - 1`.
        groups: int64[texts], the group (benchmark) of each text.
        num_groups: how many there are.
    """

    table: Table
    windows: Windows
    gate_bitmap: UInts
    gate_shift: np.uint64
    tail_bitmap: UInts
    tail_shift: np.uint64
    keys: UInts
    entries: npt.NDArray[np.int32]
    lengths: Ints
    places: Ints
    place_texts: npt.NDArray[np.int32]
    place_words: Ints
    live: npt.NDArray[np.bool_]
    words: Words
    text_words: Ints
    groups: Ints
    num_groups: int


def suspects(index: PassageIndex, documents: pa.LargeStringArray) -> npt.NDArray[np.bool_]:
    """Marks the documents that hold a window with the hash of a passage: bool[len(documents)]."""
    offsets, data = buffers(documents)
    marks = np.zeros(len(documents), np.bool_)
    is_exact = index.table[ord("A")] & CODE_MASK == ord("A")
    _mark_suspects(offsets, data, index, EVERY if is_exact else np.uint64(0), marks)
    return marks


@nb.njit(inline="always")
def window_key(window: np.uint64, length: int) -> np.uint64:
    """Makes the key of a window of so many words; never 0, which marks an empty slot."""
    key = (window ^ (np.uint64(length) * _LENGTH_STEP)) * _KEY_STEP
    return key if key != 0 else _KEY_STEP


@nb.njit(nogil=True, _nrt=False)
def find_slot(keys: UInts, key: np.uint64) -> int:
    """Gives the slot of a key, or -1."""
    mask = keys.size - 1
    slot = np.int64(key >> np.uint64(20)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return int(slot)
        slot = (slot + 1) & mask
    return -1


@nb.njit(nogil=True, _nrt=False)
def _key_at(prefix: UInts, stop: Int, length: Int, power: np.uint64) -> np.uint64:
    return window_key(prefix[stop] - prefix[stop - length] * power, length)  # type: ignore[no-any-return]


@nb.njit(nogil=True, _nrt=False)
def _is_set(bitmap: UInts, named: np.uint64) -> bool:
    word: np.uint64 = bitmap[named >> np.uint64(6)]
    return bool((word >> (named & np.uint64(63))) & _ONE)


@nb.njit(nogil=True, _nrt=False)
def _holds_full(prefix: UInts, first: Int, words: Int, gate: Int, lengths: Ints, powers: UInts, keys: UInts) -> bool:
    """Tells whether a passage holds the gate's window that begins at word `first`; `words` are known."""
    for k in range(lengths.size):
        length = lengths[k]
        for stop in range(max(first + gate, length), min(first + length, words) + 1):
            if find_slot(keys, _key_at(prefix, stop, length, powers[k])) >= 0:
                return True
    return False


@nb.njit(nogil=True, _nrt=False)
def _ask_gate(
    prefix: UInts,
    first: Int,
    words: Int,
    until: Int,
    windows: tuple[Ints, UInts, Int, np.uint64, Int],
    bitmap: UInts,
    shift: np.uint64,
    keys: UInts,
) -> tuple[Int, bool]:
    """Asks the gate at word `first` and each `stride` words on, as far as its window ends by word `until`.

    Returns:
        The first word that was not asked, and whether a passage was found.
    """
    lengths, powers, gate, gate_power, stride = windows
    while first + gate <= until:
        named = _key_at(prefix, first + gate, gate, gate_power) >> shift
        if _is_set(bitmap, named) and _holds_full(prefix, first, words, gate, lengths, powers, keys):
            return first, True
        first += stride
    return first, False


@nb.njit(nogil=True, _nrt=False)
def _holds_short(
    prefix: UInts,
    first: Int,
    words: Int,
    windows: tuple[Ints, UInts, Int, np.uint64],
    bitmap: UInts,
    shift: np.uint64,
    keys: UInts,
) -> bool:
    """Tells whether a text that must be found whole ends behind word `first` or a later one: asked only where the last words of one stand."""
    lengths, powers, tail, power = windows
    for stop in range(max(first + 1, tail), words + 1):
        if _is_set(bitmap, _key_at(prefix, stop, tail, power) >> shift):
            for k in range(lengths.size):
                if stop >= lengths[k] and find_slot(keys, _key_at(prefix, stop, lengths[k], powers[k])) >= 0:
                    return True
    return False


@nb.njit(cache=True, nogil=True)
def _mark_suspects(
    offsets: Ints, data: npt.NDArray[np.uint8], index: PassageIndex, every: np.uint64, marks: npt.NDArray[np.bool_]
) -> None:
    """Marks document `i` in `marks[i]`.

    Words are hashed a chunk at a time and then looked up in a loop of nothing else, so that the processor waits for memory once
    and not a word. The last words of a chunk stay for windows that begin in it.
    """
    prefix = np.zeros(_KEPT + _CHUNK + 1, np.uint64)
    table, keys, windows = index.table, index.keys, index.windows
    longest = windows.full[-1] if windows.gate else 0
    full = (windows.full, windows.full_powers, windows.gate, windows.gate_power, windows.stride)
    short = (windows.short, windows.short_powers, windows.tail, windows.tail_power)
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        words = asked = 0
        found = False
        prefix[0] = np.uint64(0)
        while at < end and not found:
            fresh = words
            at, words = hash_words(data, at, end, table, prefix, words, every)
            if windows.gate:
                # Passages around a window may end `longest` words behind its first one: before the end it waits for those.
                until = words if at == end else words - longest + windows.gate
                asked, found = _ask_gate(prefix, asked, words, until, full, index.gate_bitmap, index.gate_shift, keys)
            if windows.tail and not found:
                found = _holds_short(prefix, fresh, words, short, index.tail_bitmap, index.tail_shift, keys)
            if words > _KEPT:
                prefix[: _KEPT + 1] = prefix[words - _KEPT : words + 1].copy()
                asked -= words - _KEPT
                words = _KEPT
        marks[i] = found
