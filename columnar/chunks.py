"""Reads a document's chunks (what stands between white space) by their numbers in a vocabulary, and cuts the new ones. Pure: no I/O.

The steps for known chunks are loops of their own over a block of chunks, so that no step waits for another's memory or guesses: where
chunks begin and end (`columnar.chunk_bounds`), their hashes, their slots, their rows. New chunks are cut into our words
(`columnar.words`) and datatrove's (`columnar.tokens`) once.
"""

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import ALNUM, LETTER, REPLACEMENT
from columnar.eight_bytes import finished, load, mixed
from columnar.stop_words import folded_stop_word, stop_word
from columnar.text import Int, decode
from columnar.tokens import special_case, split_chunk
from columnar.tokens_tables import NO_WORD as NOT_A_WORD
from columnar.tokens_tables import Tables
from columnar.vocabulary import (
    ALNUM_CHARS,
    ALPHA_CHARS,
    ALPHA_CHUNKS,
    ALPHA_TOKENS,
    ALPHA_WORDS,
    CHARS,
    ELLIPSES,
    HASHES,
    KNOWN,
    LONG,
    MASK,
    NUM_COUNTS,
    POOLED,
    REPLACED,
    STOP_CHUNKS,
    SYMBOL_CHUNKS,
    TOKEN_WORD_CHARS,
    TOKEN_WORDS,
    TOKENS,
    WORDS,
    Vocabulary,
    first_slot,
    keep_row,
    number_in,
    number_of,
)
from columnar.wide_bytes import add_packed, prefetch
from columnar.words import next_word_state

BLOCK = 64  # chunks
#: Which bytes of the first and the second eight belong to a string of 0 to 16 bytes.
_FIRST_EIGHT = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(17)], np.uint64)
_SECOND_EIGHT = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(17)], np.uint64)


@nb.njit(inline="always", _nrt=False)
def _hash(data: npt.NDArray[np.uint8], start: Int, end: Int, seed: np.uint64) -> np.uint64:
    """Hashes `data[start:end]`; never 0. Up to 16 bytes without a branch on their number."""
    size = min(end - start, np.int64(16))
    state = mixed(seed, load(data, start) & _FIRST_EIGHT[size])
    state = mixed(state, load(data, min(start + 8, data.size)) & _SECOND_EIGHT[size])
    at = start + 16
    while at < end:
        state = mixed(state, load(data, at) & _FIRST_EIGHT[min(end - at, np.int64(8))])
        at += 8
    key: np.uint64 = finished(state, end - start)
    return key


@nb.njit(inline="always", _nrt=False)
def _intern(vocabulary: Vocabulary, data: npt.NDArray[np.uint8], first: Int, last: Int, seed: np.uint64) -> Int:
    """Numbers a part of the chunk in the scratch, its characters `first:last`."""
    key = _hash(data, vocabulary.places[first], vocabulary.places[last], seed)
    number: Int = number_of(vocabulary.slots, vocabulary.rows, vocabulary.chars, vocabulary.state, key, last - first)
    return number


@nb.njit(inline="always", _nrt=False)
def _keep_parts(
    vocabulary: Vocabulary, number: Int, data: npt.NDArray[np.uint8], size: Int, parts: Int, seed: np.uint64
) -> Int:
    """Puts the parts that `Vocabulary.begins` marks in the chunk in the scratch into the pool; gives their place."""
    begins, pool = vocabulary.begins, vocabulary.pool
    place: Int = np.int64(vocabulary.state[POOLED])
    vocabulary.state[POOLED] = place + 1 + parts
    pool[place] = parts
    if parts == 1:
        pool[place + 1] = number
        return place
    start: Int = np.int64(0)
    to = place + 1
    for i in range(1, size + 1):
        if i == size or begins[i]:
            pool[to] = _intern(vocabulary, data, start, i, seed)
            to += 1
            start = i
    return place


@nb.njit(inline="always", _nrt=False)
def _count_words(vocabulary: Vocabulary, size: Int, table: npt.NDArray[np.uint8]) -> Int:
    """Cuts the chunk in the scratch, `size` characters, into our words; gives the stop words among them as bits."""
    points, begins, row = vocabulary.points, vocabulary.begins, vocabulary.row
    state = words = alpha_words = alphas = alnums = hashes = ellipses = replaced = dots = 0
    has_letter = symbol = 0
    for i in range(size):
        point = points[i]
        bits = np.int64(table[point])
        state, is_first = next_word_state(state, bits)
        begins[i] = is_first
        words += is_first
        if is_first:
            alpha_words += has_letter
            has_letter = 0
        if bits & ALNUM:
            alnums += 1
        if bits & LETTER:
            alphas += 1
            has_letter = 1
        dots = dots + 1 if point == 46 else 0
        if dots == 3:
            ellipses += 1
            dots = 0
        if point == 35:
            hashes += 1
            symbol = 1
        elif point == 0x2026:
            ellipses += 1
            symbol = 1
        elif point == REPLACEMENT:
            replaced += 1
    alpha_words += has_letter
    row[CHARS], row[WORDS], row[ALPHA_WORDS], row[ALPHA_CHARS] = size, words, alpha_words, alphas
    row[ALNUM_CHARS], row[HASHES], row[ELLIPSES], row[REPLACED] = alnums, hashes, ellipses, replaced
    row[SYMBOL_CHUNKS], row[ALPHA_CHUNKS], row[STOP_CHUNKS] = symbol, alphas > 0, stop_word(points, 0, size) > 0
    stops = start = 0
    for i in range(1, size + 1):
        if i < size and not begins[i]:
            continue
        low, high = start, i
        while low < high and not table[points[low]] & ALNUM:
            low += 1
        while low < high and not table[points[high - 1]] & ALNUM:
            high -= 1
        stops |= folded_stop_word(points, low, high)
        start = i
    return stops


@nb.njit(inline="always", _nrt=False)
def _count_tokens(vocabulary: Vocabulary, size: Int, tables: Tables, table: npt.NDArray[np.uint8]) -> Int:
    """Cuts the chunk in the scratch, `size` characters, into datatrove's tokens; gives the stop words among them as bits."""
    points, begins, row = vocabulary.points, vocabulary.begins, vocabulary.row
    split_chunk(points, size, begins, tables, 1)
    tokens = real = chars = alphas = stops = start = 0
    is_real = is_alpha = 0
    for i in range(size):
        if begins[i] and i > 0:
            real += is_real
            alphas += is_alpha
            chars += is_real * (i - start)
            stops |= stop_word(points, start, i)
            is_real = is_alpha = 0
            start = i
        tokens += begins[i]
        is_real |= not tables.classes[points[i]] & NOT_A_WORD
        is_alpha |= (table[points[i]] & LETTER) > 0
    row[TOKENS] = tokens
    row[TOKEN_WORDS] = real + is_real
    row[TOKEN_WORD_CHARS] = chars + is_real * (size - start)
    row[ALPHA_TOKENS] = alphas + is_alpha
    union: Int = stops | stop_word(points, start, size)
    return union


@nb.njit(inline="never", _nrt=False)
def _meet(
    vocabulary: Vocabulary,
    key: np.uint64,
    data: npt.NDArray[np.uint8],
    start: Int,
    end: Int,
    tables: Tables,
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
) -> Int:
    """Numbers a chunk `data[start:end]` that is perhaps new, and finds out what it counts for if it is."""
    number: Int = number_of(vocabulary.slots, vocabulary.rows, vocabulary.chars, vocabulary.state, key, 0)
    if vocabulary.rows[number, 1] & np.uint64(KNOWN):
        return number
    points, row = vocabulary.points, vocabulary.row
    size = np.int64(0)
    num_letters = np.int64(0)  # of ASCII, before anything else
    at = start
    while at < end:
        vocabulary.places[size] = at
        byte = np.int64(data[at])
        if byte < 0x80:
            points[size] = byte
            num_letters += num_letters == size and 0x61 <= (byte | 32) <= 0x7A
            at += 1
        else:
            point, num_bytes = decode(data, at, end)
            points[size] = point
            at += num_bytes
        size += 1
    vocabulary.places[size] = end
    last = points[size - 1]
    # Letters, and letters that one of , ; : ! ? ) or, behind a small letter, a full stop ends, are cut by no rule but special cases'.
    tail = (
        num_letters == size - 1
        and num_letters > 1
        and (last in (0x2C, 0x3B, 0x3A, 0x21, 0x3F, 0x29) or (last == 0x2E and points[size - 2] >= 0x61))
    )
    simple = (num_letters == size or tail) and special_case(points, 0, size, tables) < 0
    if simple and (not tail or special_case(points, 0, num_letters, tables) < 0):
        exact = stop_word(points, 0, num_letters)
        row[:] = 0
        row[CHARS] = size
        row[ALPHA_CHARS] = row[ALNUM_CHARS] = row[TOKEN_WORD_CHARS] = num_letters
        row[WORDS] = row[ALPHA_WORDS] = row[TOKEN_WORDS] = row[ALPHA_TOKENS] = row[ALPHA_CHUNKS] = 1
        row[TOKENS] = 1 + tail
        row[STOP_CHUNKS] = exact > 0 and not tail
        keep_row(vocabulary, number, folded_stop_word(points, 0, num_letters) | (exact << 8))
        vocabulary.words[number] = vocabulary.tokens[number] = _keep_parts(
            vocabulary, number, data, size, np.int64(1), seed
        )
        if tail:
            vocabulary.begins[1:size] = 0
            vocabulary.begins[num_letters] = 1
            vocabulary.tokens[number] = _keep_parts(vocabulary, number, data, size, np.int64(2), seed)
        return number
    stops = _count_words(vocabulary, size, table)
    vocabulary.words[number] = _keep_parts(vocabulary, number, data, size, np.int64(row[WORDS]), seed)
    stops |= _count_tokens(vocabulary, size, tables, table) << 8
    vocabulary.tokens[number] = _keep_parts(vocabulary, number, data, size, np.int64(row[TOKENS]), seed)
    keep_row(vocabulary, number, stops)
    return number


@nb.njit(inline="never", _nrt=False)
def _look_up(
    data: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
    first: Int,
    last: Int,
    slots: npt.NDArray[np.uint64],
    mask: Int,
    rows: npt.NDArray[np.uint64],
    seed: np.uint64,
    keys: npt.NDArray[np.uint64],
    chunks: npt.NDArray[np.int32],
) -> None:
    """Hashes a block of chunks into `keys`, and puts their numbers into `chunks[first:last]`: -1 for those that are not there."""
    for i in range(first, last):
        key = _hash(data, bounds[2 * i], bounds[2 * i + 1], seed)
        keys[i - first] = key
        prefetch(slots, first_slot(key, mask))
    for i in range(first, last):
        key = keys[i - first]
        slot = first_slot(key, mask)
        number = np.int64(-1)
        while slots[slot]:
            number = number_in(slots[slot], key)
            if number >= 0:
                prefetch(rows, 4 * number)
                break
            slot = (slot + 1) & mask
        chunks[i] = number


@nb.njit(inline="never", _nrt=False)
def _add_up(
    at: Int,
    last: Int,
    first: Int,
    keys: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.uint64],
    long_rows: npt.NDArray[np.int32],
    chunks: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int32],
) -> tuple[Int, np.uint64]:
    """Adds up what chunks of the block from `first` count for, until one is not known: its place, or `last`, and their bits' union."""
    bits = np.uint64(0)
    for i in range(at, last):
        number = np.int64(chunks[i])
        if number < 0 or rows[number, 0] != keys[i - first] or not rows[number, 1] & np.uint64(KNOWN):
            return i, bits
        bits |= rows[number, 1]
        if rows[number, 1] & np.uint64(LONG):
            place = np.int64(rows[number, 2])
            for k in range(NUM_COUNTS):
                totals[k] += long_rows[place, k]
        else:
            add_packed(totals, rows, 4 * number + 2)
    return last, bits


@nb.njit(inline="never", _nrt=False)
def read_chunks(
    data: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
    num_chunks: Int,
    vocabulary: Vocabulary,
    tables: Tables,
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
    keys: npt.NDArray[np.uint64],
    chunks: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int32],
) -> Int:
    """Numbers the chunks of a document and adds up what they count for.

    Args:
        data: the bytes.
        bounds: where the chunks begin and end; see `columnar.chunk_bounds.find_chunks`.
        num_chunks: how many there are.
        vocabulary: for documents at least as long.
        tables: `columnar.tokens.tables()`.
        table: `columnar.codepoints.properties()`.
        seed: of the hashes; always the same for one vocabulary.
        keys: scratch, uint64[BLOCK].
        chunks: receives the number of each chunk; as long as there are.
        totals: receives the sums of what the chunks count for, int32[NUM_COUNTS].

    Returns:
        Stop words seen, as bits: our reading in the lowest eight, datatrove's in the next.
    """
    totals[:] = 0
    bits = np.uint64(0)
    first: Int = np.int64(0)
    while first < num_chunks:
        last = min(first + BLOCK, num_chunks)
        # The slots' mask changes when a new string doubles them.
        mask = vocabulary.state[MASK]
        _look_up(data, bounds, first, last, vocabulary.slots, mask, vocabulary.rows, seed, keys, chunks)
        at: Int = first
        while at < last:
            at, found = _add_up(at, last, first, keys, vocabulary.rows, vocabulary.long_rows, chunks, totals)
            bits |= found
            if at < last:
                key = keys[at - first]
                chunks[at] = _meet(vocabulary, key, data, bounds[2 * at], bounds[2 * at + 1], tables, table, seed)
        first = last
    return np.int64(bits & np.uint64(0xFFFF))
