"""The distinct strings of a batch of texts, numbered, with what each counts for as a chunk of text. Pure: no I/O.

Most chunks (what stands between white space) of a text have been seen before: what a chunk counts for and how it is cut into words is
found out once and remembered. Strings are told apart by 64-bit hashes. The memory is bounded: between two documents a vocabulary that
has grown beyond `MAX_KEPT` is forgotten, so it never holds more than that and the strings of one document: about 40 MB.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import ALNUM, LETTER, REPLACEMENT, SPACE
from columnar.eight_bytes import (
    add_row,
    bytes_below,
    finished,
    hash_bytes,
    high_bytes,
    leading_bytes,
    load,
    mixed,
    trailing_zeros,
)
from columnar.stop_words import folded_stop_word, stop_word
from columnar.text import Int, decode
from columnar.tokens import special_case, split_chunk
from columnar.tokens_tables import NO_WORD as NOT_A_WORD
from columnar.tokens_tables import Tables
from columnar.words import next_word_state

MAX_KEPT = 1 << 18
_FIRST_SLOTS = 1 << 19
NUM_COUNTS = 16

# The columns of `Vocabulary.counts`. What a chunk counts for by our words:
CHARS, WORDS, ALPHA_WORDS, ALPHA_CHARS, ALNUM_CHARS, HASHES, ELLIPSES, REPLACED = range(8)
# ... by datatrove's tokens: all of them, those that are more than punctuation, their characters, those with a letter;
TOKENS, TOKEN_WORDS, TOKEN_WORD_CHARS, ALPHA_TOKENS = range(8, 12)
# ... by dolma's white-space words: those with `#` or an ellipsis, with a letter, those that are one of its stop words;
SYMBOL_CHUNKS, ALPHA_CHUNKS, STOP_CHUNKS = range(12, 15)
# ... and bits for stop words seen: our reading in the lowest eight, datatrove's in the next.
STOP_BITS = 15

# `Vocabulary.state`
_STRINGS, _POOLED, _MASK = range(3)


class Vocabulary(NamedTuple):
    """Strings by number.

    Attributes:
        slots: hash and number of the string in each slot, both 0 in an empty one: uint64[:, 2], a power of two long; only the first
            `state[_MASK]` + 1 are used.
        hashes: string -> its hash.
        counts: string -> what it counts for, int32[:, NUM_COUNTS]; all but `CHARS` hold only once it has stood as a chunk,
            and `TOKENS` is 0 until then.
        tokens: string -> where its tokens begin in `pool`, once it has stood as a chunk.
        words: the same for our words.
        pool: numbers of strings. A chunk that is one token (one word) itself has none here.
        state: strings, places of the pool taken, mask of the slots.
        points, places, begins: scratch for one chunk: code points, where each begins, marks.
    """

    slots: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int32]
    tokens: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    pool: npt.NDArray[np.int32]
    state: npt.NDArray[np.int64]
    points: npt.NDArray[np.int32]
    places: npt.NDArray[np.int64]
    begins: npt.NDArray[np.uint8]


def new_vocabulary(max_bytes: int) -> Vocabulary:
    """Makes an empty vocabulary for documents of at most `max_bytes`.

    The arrays are as large as the worst text needs; the system gives memory for what is touched.
    """
    strings = MAX_KEPT + 2 * max_bytes + 2
    num_slots = _FIRST_SLOTS
    while num_slots < 2 * strings:
        num_slots *= 2
    return Vocabulary(
        slots=np.zeros((num_slots, 2), np.uint64),
        hashes=np.empty(strings, np.uint64),
        counts=np.empty((strings, NUM_COUNTS), np.int32),
        tokens=np.empty(strings, np.int64),
        words=np.empty(strings, np.int64),
        pool=np.empty(2 * MAX_KEPT + 2 * max_bytes + 2, np.int32),
        state=np.array([0, 0, _FIRST_SLOTS - 1], np.int64),
        points=np.empty(max_bytes + 1, np.int32),
        places=np.empty(max_bytes + 2, np.int64),
        begins=np.empty(max_bytes + 1, np.uint8),
    )


@nb.njit(inline="never", _nrt=False)
def forget_strings(vocabulary: Vocabulary) -> None:
    """Empties a vocabulary that has grown; to be called between documents."""
    state = vocabulary.state
    if state[_STRINGS] <= MAX_KEPT and state[_POOLED] <= 2 * MAX_KEPT:
        return
    vocabulary.slots[: state[_MASK] + 1] = 0
    state[_STRINGS] = state[_POOLED] = 0
    state[_MASK] = _FIRST_SLOTS - 1


@nb.njit(inline="never", _nrt=False)
def _double_slots(vocabulary: Vocabulary) -> None:
    state = vocabulary.state
    mask = 2 * (state[_MASK] + 1) - 1
    state[_MASK] = mask
    vocabulary.slots[: mask + 1] = 0
    for number in range(state[_STRINGS]):
        key = vocabulary.hashes[number]
        slot = np.int64(key >> np.uint64(20)) & mask
        while vocabulary.slots[slot, 0]:
            slot = (slot + 1) & mask
        vocabulary.slots[slot, 0] = key
        vocabulary.slots[slot, 1] = np.uint64(number)


@nb.njit(inline="never", _nrt=False)
def _add(vocabulary: Vocabulary, key: np.uint64, slot: Int) -> Int:
    """Puts a new string into its slot."""
    number: Int = vocabulary.state[_STRINGS]
    vocabulary.state[_STRINGS] = number + 1
    vocabulary.slots[slot, 0] = key
    vocabulary.slots[slot, 1] = np.uint64(number)
    vocabulary.hashes[number] = key
    vocabulary.counts[number, TOKENS] = 0
    if 2 * number > vocabulary.state[_MASK]:
        _double_slots(vocabulary)
    return number


@nb.njit(inline="never", _nrt=False)
def _number_of(vocabulary: Vocabulary, key: np.uint64) -> Int:
    """Gives the number of the string of a hash, a new one if it is new."""
    mask = vocabulary.state[_MASK]
    slot = np.int64(key >> np.uint64(20)) & mask
    while vocabulary.slots[slot, 0] != key:
        if vocabulary.slots[slot, 0] == 0:
            number: Int = _add(vocabulary, key, slot)
            return number
        slot = (slot + 1) & mask
    return np.int64(vocabulary.slots[slot, 1])


@nb.njit(inline="always", _nrt=False)
def _intern(vocabulary: Vocabulary, data: npt.NDArray[np.uint8], first: Int, last: Int, seed: np.uint64) -> Int:
    """Numbers a part of the chunk in the scratch, its characters `first:last`."""
    key = hash_bytes(data, vocabulary.places[first], vocabulary.places[last], seed)
    number: Int = _number_of(vocabulary, key)
    if vocabulary.counts[number, TOKENS] == 0:
        vocabulary.counts[number, CHARS] = last - first
    return number


@nb.njit(inline="always", _nrt=False)
def _cut_words(
    vocabulary: Vocabulary,
    number: Int,
    data: npt.NDArray[np.uint8],
    size: Int,
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
) -> None:
    """Cuts the chunk in the scratch, `size` characters, into our words and counts."""
    points, begins = vocabulary.points, vocabulary.begins
    state = words = alpha_words = alphas = alnums = hashes = ellipses = replaced = dots = stops = 0
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
    row = vocabulary.counts[number]
    row[CHARS], row[WORDS], row[ALPHA_WORDS], row[ALPHA_CHARS], row[ALNUM_CHARS] = (
        size,
        words,
        alpha_words,
        alphas,
        alnums,
    )
    row[HASHES], row[ELLIPSES], row[REPLACED], row[SYMBOL_CHUNKS], row[ALPHA_CHUNKS] = (
        hashes,
        ellipses,
        replaced,
        symbol,
        alphas > 0,
    )
    row[STOP_CHUNKS] = stop_word(points, 0, size) > 0
    place = vocabulary.state[_POOLED]
    vocabulary.words[number] = place
    if words > 1:
        vocabulary.state[_POOLED] += words
    start = 0
    for i in range(1, size + 1):
        if i < size and not begins[i]:
            continue
        low, high = start, i
        while low < high and not table[points[low]] & ALNUM:
            low += 1
        while low < high and not table[points[high - 1]] & ALNUM:
            high -= 1
        stops |= folded_stop_word(points, low, high)
        if words > 1:
            vocabulary.pool[place] = _intern(vocabulary, data, start, i, seed)
            place += 1
        start = i
    row[STOP_BITS] = stops


@nb.njit(inline="always", _nrt=False)
def _cut_tokens(
    vocabulary: Vocabulary,
    number: Int,
    data: npt.NDArray[np.uint8],
    size: Int,
    tables: Tables,
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
) -> None:
    """Cuts the chunk in the scratch, `size` characters, into datatrove's tokens and counts."""
    points, begins = vocabulary.points, vocabulary.begins
    split_chunk(points, size, begins, tables, 1)
    tokens = real = chars = alphas = stops = 0
    for i in range(size):
        tokens += begins[i]
    place = vocabulary.state[_POOLED]
    vocabulary.tokens[number] = place
    if tokens > 1:
        vocabulary.state[_POOLED] += tokens
    start = 0
    for i in range(1, size + 1):
        if i < size and not begins[i]:
            continue
        is_real = is_alpha = 0
        for k in range(start, i):
            if not tables.classes[points[k]] & NOT_A_WORD:
                is_real = 1
            if table[points[k]] & LETTER:
                is_alpha = 1
        real += is_real
        alphas += is_alpha
        chars += is_real * (i - start)
        stops |= stop_word(points, start, i)
        if tokens > 1:
            vocabulary.pool[place] = _intern(vocabulary, data, start, i, seed)
            place += 1
        start = i
    row = vocabulary.counts[number]
    row[TOKENS], row[TOKEN_WORDS], row[TOKEN_WORD_CHARS], row[ALPHA_TOKENS] = tokens, real, chars, alphas
    row[STOP_BITS] |= stops << 8


@nb.njit(inline="never", _nrt=False)
def _analyse(
    vocabulary: Vocabulary,
    number: Int,
    data: npt.NDArray[np.uint8],
    start: Int,
    end: Int,
    tables: Tables,
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
) -> None:
    """Finds out what the chunk `data[start:end]` counts for."""
    size = num_letters = np.int64(0)
    at = start
    while at < end:
        vocabulary.places[size] = at
        byte = np.int64(data[at])
        if byte < 0x80:
            vocabulary.points[size] = byte
            num_letters += 0x61 <= (byte | 32) <= 0x7A
            at += 1
        else:
            point, num_bytes = decode(data, at, end)
            vocabulary.points[size] = point
            at += num_bytes
        size += 1
    vocabulary.places[size] = end
    if num_letters == size and special_case(vocabulary.points, 0, size, tables) < 0:
        # The usual case: a word of ASCII letters is cut by no rule but the special cases'.
        row = vocabulary.counts[number]
        row[:] = 0
        row[CHARS] = row[ALPHA_CHARS] = row[ALNUM_CHARS] = row[TOKEN_WORD_CHARS] = size
        row[WORDS] = row[ALPHA_WORDS] = row[TOKENS] = row[TOKEN_WORDS] = row[ALPHA_TOKENS] = row[ALPHA_CHUNKS] = 1
        exact = stop_word(vocabulary.points, 0, size)
        row[STOP_CHUNKS] = exact > 0
        row[STOP_BITS] = folded_stop_word(vocabulary.points, 0, size) | (exact << 8)
        vocabulary.tokens[number] = vocabulary.words[number] = vocabulary.state[_POOLED]
        return
    _cut_words(vocabulary, number, data, size, table, seed)
    _cut_tokens(vocabulary, number, data, size, tables, table, seed)


@nb.njit(inline="never", _nrt=False)
def _read_known(
    data: npt.NDArray[np.uint8],
    at: Int,
    end: Int,
    slots: npt.NDArray[np.uint64],
    mask: Int,
    counts: npt.NDArray[np.int32],
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
    chunks: npt.NDArray[np.int32],
    num_chunks: Int,
    sums: npt.NDArray[np.int32],
) -> tuple[Int, Int, Int, np.uint64]:
    """Numbers chunks until it meets one that has not stood as a chunk before: where that begins and ends, the chunks by now, its hash.

    Nearly all time goes here, so it takes plain arrays: a vocabulary as a whole is a hundred numbers to pass and to keep apart.
    """
    stops = sums[STOP_BITS]  # rows are added whole; these are put right at the end
    while at < end:
        byte = np.int64(data[at])
        if byte < 0x80:
            if table[byte] & SPACE:
                at += 1
                continue
        else:
            point, num_bytes = decode(data, at, end)
            if table[point] & SPACE:
                at += num_bytes
                continue
        start = at
        state = seed
        while at < end:
            word = load(data, at)
            size = min(trailing_zeros(bytes_below(word, 0x21) | high_bytes(word)) >> 3, end - at)
            if size > 0:
                state = mixed(state, leading_bytes(word, size))
                at += size
            if size < 8:
                break
        if at < end and not (data[at] < 0x80 and table[data[at]] & SPACE):
            # A character beyond ASCII, or a control character that is no white space.
            while at < end:
                byte = np.int64(data[at])
                point, num_bytes = byte, 1
                if byte >= 0x80:
                    point, num_bytes = decode(data, at, end)
                if table[point] & SPACE:
                    break
                at += num_bytes
            key = hash_bytes(data, start, at, seed)
        else:
            key = finished(state, at - start)
        slot = np.int64(key >> np.uint64(20)) & mask
        while slots[slot, 0] != key and slots[slot, 0] != 0:
            slot = (slot + 1) & mask
        number = np.int64(slots[slot, 1])
        if slots[slot, 0] == 0 or counts[number, TOKENS] == 0:
            sums[STOP_BITS] = stops
            return start, at, num_chunks, key
        chunks[num_chunks] = number
        num_chunks += 1
        add_row(sums, counts, number)
        stops |= counts[number, STOP_BITS]
    sums[STOP_BITS] = stops
    return end, end, num_chunks, np.uint64(0)


@nb.njit(inline="never", _nrt=False)
def read_chunks(
    data: npt.NDArray[np.uint8],
    at: Int,
    end: Int,
    vocabulary: Vocabulary,
    tables: Tables,
    table: npt.NDArray[np.uint8],
    seed: np.uint64,
    chunks: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int32],
) -> int:
    """Numbers the chunks of a document, `data[at:end]`, and adds up what they count for.

    Args:
        data: the bytes.
        at: where the document begins.
        end: where it ends.
        vocabulary: for documents at least as long.
        tables: `columnar.tokens.tables()`.
        table: `columnar.codepoints.properties()`.
        seed: of the hashes; always the same for one vocabulary.
        chunks: receives the number of each chunk; as long as the document has bytes, over 2, plus 1.
        totals: receives the sums of `Vocabulary.counts`, int32[NUM_COUNTS]; of `STOP_BITS` the union.

    Returns:
        How many chunks there are.
    """
    totals[:] = 0
    num_chunks = np.int64(0)
    while True:
        # The slots' mask changes when a new string doubles them.
        start, at, num_chunks, key = _read_known(
            data,
            at,
            end,
            vocabulary.slots,
            vocabulary.state[_MASK],
            vocabulary.counts,
            table,
            seed,
            chunks,
            num_chunks,
            totals,
        )
        if key == 0:
            return int(num_chunks)
        number = _number_of(vocabulary, key)
        _analyse(vocabulary, number, data, start, at, tables, table, seed)
        at = start  # it is known now
