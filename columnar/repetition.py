"""Repeated n-grams of a document, of all lengths at once, and what three readings of Gopher's rules count of them. Pure: no I/O.

An n-gram can repeat only where the (n-1)-grams that begin and end it repeat. So bigrams alone are looked up everywhere; longer ones,
as pairs of the numbers of their two (n-1)-grams, only where these occur more than once: in most texts hardly anywhere. The numbers are
exact, not hashes. Tables are made for the worst document of a batch and cleared as far as a document uses them.

The readings, for n-grams of words:

- *ours*, as the paper has it: the characters in the most common n-gram, if it occurs twice; the characters of the words that lie in any
  n-gram that occurs twice, each counted once. Of all characters of words.
- *datatrove*: the characters of the most common n-gram, blanks included, times its count, even if that is 1; the characters of n-grams
  that have been seen before, in one scan that goes on behind each hit. Of all characters of the text.
- *dolma*: the characters of the most common n-gram times its count; of n-grams that occur twice, all occurrences, over those of all
  n-grams.

Of several n-grams that are equally common, the one that begins first counts.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.text import Int

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
NUM_SIZES = len(TOP_SIZES) + len(DUPLICATE_SIZES)

PAPER, DATATROVE, DOLMA = 1, 2, 4  # readings, as bits

_SMALLEST_TABLE = 64
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class GramScratch(NamedTuple):
    """Room for the n-grams of one document.

    Attributes:
        buckets: how many bigrams fall into each bucket of a hash, 2 at most.
        slots: number + 1 of the n-gram in each slot of a table, 0 in an empty one.
        keys: n-gram -> the pair of numbers that it is.
        occurrences: n-gram -> how often it occurs.
        firsts: n-gram -> where it begins first.
        grams: place -> the n-gram that begins there.
        places: where n-grams begin that occur more than once.
        lengths: place -> characters of the words before it.
        seen: n-gram -> whether the scan has met it.
    """

    buckets: npt.NDArray[np.uint8]
    slots: npt.NDArray[np.int32]
    keys: npt.NDArray[np.uint64]
    occurrences: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int32]
    grams: npt.NDArray[np.int32]
    places: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]
    seen: npt.NDArray[np.uint8]


def new_gram_scratch(max_words: int) -> GramScratch:
    """Makes room for documents of at most `max_words` words; the system gives memory for what is touched."""
    num_slots = _SMALLEST_TABLE
    while num_slots < 2 * max_words:
        num_slots *= 2
    return GramScratch(
        buckets=np.empty(2 * num_slots, np.uint8),
        slots=np.empty(num_slots, np.int32),
        keys=np.empty(max_words + 1, np.uint64),
        occurrences=np.empty(max_words + 1, np.int32),
        firsts=np.empty(max_words + 1, np.int32),
        grams=np.empty(max_words + 1, np.int32),
        places=np.empty(max_words + 1, np.int32),
        lengths=np.empty(max_words + 2, np.int64),
        seen=np.empty(max_words + 1, np.uint8),
    )


@nb.njit(inline="always", _nrt=False)
def _clear_table(scratch: GramScratch, num_entries: int) -> tuple[int, np.uint64]:
    """Clears a table for so many entries; gives its mask and the shift of its hash."""
    size = _SMALLEST_TABLE
    shift = np.uint64(64 - 6)
    while size < 2 * num_entries:
        size *= 2
        shift -= np.uint64(1)
    scratch.slots[:size] = 0
    return size - 1, shift


@nb.njit(inline="always", _nrt=False)
def _gram_in(slot: np.int32, num_grams: int) -> int:
    """Gives the n-gram in a slot, or `num_grams` if it is empty."""
    return min(int(np.uint32(slot - np.int32(1))), num_grams)


@nb.njit(inline="always", _nrt=False)
def _count_gram(scratch: GramScratch, key: np.uint64, place: int, num_grams: int, mask: int, shift: np.uint64) -> int:
    """Counts one occurrence, and gives how many n-grams are known now.

    Whether an n-gram is new cannot be guessed, so there is no branch on it: it is noted as the next one, and an empty slot leads there.
    """
    slots, keys = scratch.slots, scratch.keys
    keys[num_grams] = key
    scratch.occurrences[num_grams] = 0
    scratch.firsts[num_grams] = place
    scratch.seen[num_grams] = 0
    slot = np.int64((key * _FACTOR) >> shift)
    gram = _gram_in(slots[slot], num_grams)
    while keys[gram] != key:
        slot = (slot + 1) & mask
        gram = _gram_in(slots[slot], num_grams)
    slots[slot] = gram + 1
    scratch.occurrences[gram] += 1
    scratch.grams[place] = gram
    return num_grams + 1 if gram == num_grams else num_grams


@nb.njit(inline="always", _nrt=False)
def _pair(words: npt.NDArray[np.int32], place: int) -> np.uint64:
    return (np.uint64(words[place]) << np.uint64(32)) | np.uint64(words[place + 1])


@nb.njit(inline="always", _nrt=False)
def _count_pairs(scratch: GramScratch, words: npt.NDArray[np.int32], num_words: int) -> int:
    """Numbers the bigrams that may repeat; gives how many places repeat, which are in `places`.

    A bigram that is alone in its bucket is never looked up. The two loops that tell have no branch to guess wrong.
    """
    buckets, places, grams = scratch.buckets, scratch.places, scratch.grams
    size = 2 * _SMALLEST_TABLE
    bits = np.uint64(64 - 7)
    while size < 4 * num_words:
        size *= 2
        bits -= np.uint64(1)
    buckets[:size] = 0
    for i in range(num_words - 1):
        bucket = np.int64((_pair(words, i) * _FACTOR) >> bits)
        buckets[bucket] += buckets[bucket] < 2
    candidates = 0
    for i in range(num_words - 1):
        places[candidates] = i
        candidates += buckets[np.int64((_pair(words, i) * _FACTOR) >> bits)] > 1
    mask, shift = _clear_table(scratch, candidates)
    num_grams = 0
    for i in range(candidates):
        place = np.int64(places[i])
        num_grams = _count_gram(scratch, _pair(words, place), place, num_grams, mask, shift)
    repeated = 0
    for i in range(candidates):
        place = np.int64(places[i])
        places[repeated] = place
        repeated += scratch.occurrences[grams[place]] > 1
    return repeated


@nb.njit(inline="always", _nrt=False)
def _lengthen(scratch: GramScratch, repeated: int) -> int:
    """Goes from n-grams to (n+1)-grams; gives how many places repeat still."""
    candidates = 0
    places, grams = scratch.places, scratch.grams
    for i in range(repeated - 1):
        place = places[i]
        if places[i + 1] == place + 1:
            places[candidates] = place
            candidates += 1
        # The pair is read before either number is written over: the next place is never written here.
    if candidates == 0:
        return 0
    mask, shift = _clear_table(scratch, candidates)
    num_grams = 0
    for i in range(candidates):
        place = np.int64(places[i])
        key = (np.uint64(grams[place]) << np.uint64(32)) | np.uint64(grams[place + 1])
        num_grams = _count_gram(scratch, key, place, num_grams, mask, shift)
    repeated = 0
    for i in range(candidates):
        place = np.int64(places[i])
        places[repeated] = place
        repeated += scratch.occurrences[grams[place]] > 1
    return repeated


@nb.njit(inline="always", _nrt=False)
def _most_common(scratch: GramScratch, repeated: int) -> tuple[Int, Int]:
    """Gives where the most common n-gram begins first and how often it occurs: (0, 1) if none repeats."""
    best: Int = 1
    place: Int = 0
    for i in range(repeated):
        gram = scratch.grams[scratch.places[i]]
        if scratch.occurrences[gram] > best:
            best = np.int64(scratch.occurrences[gram])
            place = np.int64(scratch.firsts[gram])
    return place, best


@nb.njit(inline="always", _nrt=False)
def _covered_chars(scratch: GramScratch, repeated: int, size: int) -> Int:
    """Counts the characters of words that lie in a repeated n-gram."""
    covered = np.int64(0)
    reach = np.int64(0)
    for i in range(repeated):
        place = np.int64(scratch.places[i])
        covered += scratch.lengths[place + size] - scratch.lengths[max(place, reach)]
        reach = place + size
    return covered


@nb.njit(inline="always", _nrt=False)
def _scanned_chars(scratch: GramScratch, repeated: int, size: int) -> Int:
    """Counts the characters of n-grams seen before, in a scan that goes on behind each hit."""
    found = np.int64(0)
    behind = np.int64(0)
    for i in range(repeated):
        place = np.int64(scratch.places[i])
        if place < behind:
            continue
        gram = scratch.grams[place]
        if scratch.seen[gram]:
            found += scratch.lengths[place + size] - scratch.lengths[place]
            behind = place + size
        else:
            scratch.seen[gram] = 1
    return found


@nb.njit(inline="never", _nrt=False)
def count_repetition(
    words: npt.NDArray[np.int32],
    num_words: int,
    chars: npt.NDArray[np.int32],
    readings: int,
    scratch: GramScratch,
    paper: npt.NDArray[np.int64],
    datatrove: npt.NDArray[np.int64],
    dolma: npt.NDArray[np.int64],
    dolma_all: npt.NDArray[np.int64],
) -> None:
    """Counts the repetition of n-grams in `words[:num_words]`, numbers of strings.

    Args:
        words: the words of a document.
        num_words: how many.
        chars: `Vocabulary.chars`.
        readings: which of PAPER, DATATROVE and DOLMA to count, as bits; the others' results are left alone.
        scratch: for documents at least as long.
        paper: receives the characters of each of the sizes, the most common n-gram's for `TOP_SIZES`, the repeated ones' for
            `DUPLICATE_SIZES`: int64[NUM_SIZES].
        datatrove: the same.
        dolma: the same.
        dolma_all: receives the characters of all n-grams of each size.
    """
    lengths = scratch.lengths
    lengths[0] = 0
    for i in range(num_words):
        lengths[i + 1] = lengths[i] + chars[words[i]]
    repeated = 0
    for index in range(NUM_SIZES):
        size = index + 2
        if num_words < size:
            for k in range(index, NUM_SIZES):
                if readings & PAPER:
                    paper[k] = 0
                if readings & DATATROVE:
                    datatrove[k] = 0
                if readings & DOLMA:
                    dolma[k] = dolma_all[k] = 0
            break
        if size == 2:
            repeated = _count_pairs(scratch, words, num_words)
        elif repeated:
            repeated = _lengthen(scratch, repeated)
        if size <= 4:
            place, best = _most_common(scratch, repeated)
            chars = lengths[place + size] - lengths[place]
            if readings & PAPER:
                paper[index] = chars * best if best > 1 else 0
            if readings & DATATROVE:
                datatrove[index] = (chars + size - 1) * best
            if readings & DOLMA:
                dolma[index] = chars * best
                dolma_all[index] = 0
            continue
        if readings & PAPER:
            paper[index] = _covered_chars(scratch, repeated, size)
        if readings & DATATROVE:
            datatrove[index] = _scanned_chars(scratch, repeated, size)
        if readings & DOLMA:
            total = everything = np.int64(0)
            for i in range(repeated):
                place = np.int64(scratch.places[i])
                total += lengths[place + size] - lengths[place]
            # The sums of all windows telescope: what the last ones end with, less what the first ones begin with.
            for k in range(size):
                everything += lengths[num_words - k] - lengths[k]
            dolma[index] = total
            dolma_all[index] = everything
