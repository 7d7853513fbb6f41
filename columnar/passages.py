"""An index of passages, runs of words that texts must not share, and the search for them in documents. Pure: no I/O.

A *passage* of an indexed text is any run of `ngram` words of it, or the whole text if it is shorter. Documents are searched in two
passes: `suspects` hashes every window of a document and asks a bitmap and then a table of hashes, which decides about nearly all
documents; for the few others `columnar.passage_search` compares the words themselves, so that a collision of hashes is no finding.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import ALNUM
from columnar.passage_words import (
    CODE_BITS,
    CODE_MASK,
    CORE,
    HASH_SEED,
    HASH_STEP,
    IGNORED,
    Words,
    finish_hash,
)
from columnar.text import buffers, decode
from columnar.words import NO_WORD, SPACED_WORD, UNSPACED_WORD, next_word_state

#: Places of one passage that are remembered in each group: a template that stands in all items names the first ones.
MAX_PLACES = 8
#: Windows longer than this are refused: the search keeps as many running hashes.
MAX_NGRAM = 64

BASE = np.uint64(0x2545F4914F6CDD1D)
_LENGTH_STEP = np.uint64(0xD6E8FEB86659FD93)
_KEY_STEP = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)
#: Words that are hashed before they are looked up.
_CHUNK = 448

UInts = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class Windows(NamedTuple):
    """The lengths of passages, and how to hash a window of each.

    Attributes:
        full: int64[...], the lengths of windows that are looked up at each word.
        full_powers: uint64[...], `BASE` to these powers.
        short: int64[...], lengths of texts that must be found whole.
        short_powers: uint64[...].
        tail: the least of `short`, 0 if there is none: so many words are looked up first.
        tail_power: uint64.
    """

    full: Ints
    full_powers: UInts
    short: Ints
    short_powers: UInts
    tail: int
    tail_power: np.uint64


class PassageIndex(NamedTuple):
    """The passages of some texts, for kernels.

    Attributes:
        table: how characters fold, see `columnar.passage_words.fold_table`.
        windows: lengths of the passages.
        bitmap: uint64[...]; the bit that the high bits of a passage's key name is set.
        bitmap_shift: how far a key is shifted to name its bit.
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

    table: npt.NDArray[np.uint32]
    windows: Windows
    bitmap: UInts
    bitmap_shift: np.uint64
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
    entries = index.table[:0x80].astype(np.int64)
    plain = entries >> CODE_BITS & (ALNUM | IGNORED) == ALNUM
    folds = np.zeros(256, np.uint64)
    folds[:0x80] = np.where(plain, entries & CODE_MASK, 0)
    _mark_suspects(offsets, data, index, folds, marks)
    return marks


@nb.njit(inline="always")
def window_key(window: np.uint64, length: int) -> np.uint64:
    """Makes the key of a window of so many words; never 0, which marks an empty slot."""
    key = (window ^ (np.uint64(length) * _LENGTH_STEP)) * _KEY_STEP
    return key if key != 0 else _KEY_STEP


@nb.njit(cache=True, nogil=True)
def find_slot(keys: UInts, key: np.uint64) -> int:
    """Gives the slot of a key, or -1. No helper that takes arrays is inlined by Numba: it would count references at each call."""
    mask = keys.size - 1
    slot = np.int64(key >> np.uint64(20)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return int(slot)
        slot = (slot + 1) & mask
    return -1


@nb.njit(inline="always")
def extend_window(window: np.uint64, word: np.uint64) -> np.uint64:
    """Gives the running hash with one word more."""
    return window * BASE + word


@nb.njit(cache=True, nogil=True)
def _hash_words(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    table: npt.NDArray[np.uint32],
    ascii_folds: UInts,
    prefix: UInts,
    words: int,
) -> tuple[int, int]:
    """Reads words from `at`, between two of them, until `prefix` or the text is at its end; cuts words as `segment` does.

    `prefix[words]` is the running hash of the words so far, and those of the words read follow it. `ascii_folds`, uint64[256], has
    the folded character of ASCII letters and digits, and 0 for all others.

    Returns:
        Where to read on, and the number of words.
    """
    state = NO_WORD
    has_core = False
    running = core = HASH_SEED
    while at < end:
        byte = np.int64(data[at])
        fold = ascii_folds[byte]
        if fold != 0 and state != UNSPACED_WORD:
            # The usual case, a run of ASCII letters and digits, without the general machinery.
            while fold != 0:
                running = (running ^ fold) * HASH_STEP
                at += 1
                fold = ascii_folds[data[at]] if at < end else np.uint64(0)
            core = running
            has_core = True
            state = SPACED_WORD
            continue
        if byte < 0x80:
            point, size = byte, 1
        else:
            point, size = decode(data, at, end)
        entry = np.int64(table[point])
        bits = entry >> CODE_BITS
        if bits & IGNORED:
            at += size
            continue
        following, begins = next_word_state(state, bits)
        if following == NO_WORD or (begins and state != NO_WORD):
            # A letter that begins the next word is read again for that one.
            if following == NO_WORD:
                at += size
            state = NO_WORD
            if has_core:
                prefix[words + 1] = extend_window(prefix[words], finish_hash(core))
                words += 1
                has_core = False
                running = HASH_SEED
                if words == prefix.size - 1:
                    return at, words
            continue
        at += size
        state = following
        if bits & CORE or has_core:
            running = (running ^ np.uint64(entry & CODE_MASK)) * HASH_STEP
            if bits & CORE:
                core = running
                has_core = True
    if has_core:
        prefix[words + 1] = extend_window(prefix[words], finish_hash(core))
        words += 1
    return at, words


@nb.njit(cache=True, nogil=True)
def _holds_window(
    prefix: UInts, first: int, stop: int, length: int, power: np.uint64, bitmap: UInts, shift: np.uint64, keys: UInts
) -> bool:
    """Tells whether a window of so many words that ends with one of the words `first..stop - 1` has a key of the table."""
    for at in range(max(first + 1, length), stop + 1):
        key = window_key(prefix[at] - prefix[at - length] * power, length)
        named = key >> shift
        if (bitmap[named >> np.uint64(6)] >> (named & np.uint64(63))) & _ONE != 0 and find_slot(keys, key) >= 0:
            return True
    return False


@nb.njit(cache=True, nogil=True)
def _holds_short(
    prefix: UInts, first: int, stop: int, windows: Windows, bitmap: UInts, shift: np.uint64, keys: UInts
) -> bool:
    """The same for texts that must be found whole: only where the last words of one stand."""
    tail, power, lengths, powers = windows.tail, windows.tail_power, windows.short, windows.short_powers
    for at in range(max(first + 1, tail), stop + 1):
        key = window_key(prefix[at] - prefix[at - tail] * power, tail)
        named = key >> shift
        if (bitmap[named >> np.uint64(6)] >> (named & np.uint64(63))) & _ONE != 0:
            for i in range(lengths.size):
                length = lengths[i]
                if at >= length:
                    key = window_key(prefix[at] - prefix[at - length] * powers[i], length)
                    if find_slot(keys, key) >= 0:
                        return True
    return False


@nb.njit(cache=True, nogil=True)
def _mark_suspects(
    offsets: Ints, data: npt.NDArray[np.uint8], index: PassageIndex, ascii_folds: UInts, marks: npt.NDArray[np.bool_]
) -> None:
    """Marks document `i` in `marks[i]`.

    Words are hashed a chunk at a time and then looked up in a loop of nothing else, so that the processor waits for memory once
    and not a word. The last words of a chunk stay for windows that begin in it.
    """
    prefix = np.zeros(MAX_NGRAM + _CHUNK + 1, np.uint64)
    windows, table, keys = index.windows, index.table, index.keys
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        words = 0
        prefix[0] = np.uint64(0)
        while at < end:
            fresh = words
            at, words = _hash_words(data, at, end, table, ascii_folds, prefix, words)
            for k in range(windows.full.size):
                marks[i] |= _holds_window(
                    prefix,
                    fresh,
                    words,
                    windows.full[k],
                    windows.full_powers[k],
                    index.bitmap,
                    index.bitmap_shift,
                    keys,
                )
            if windows.tail:
                marks[i] |= _holds_short(prefix, fresh, words, windows, index.tail_bitmap, index.tail_shift, keys)
            if marks[i]:
                break
            if words > MAX_NGRAM:
                prefix[: MAX_NGRAM + 1] = prefix[words - MAX_NGRAM : words + 1].copy()
                words = MAX_NGRAM
