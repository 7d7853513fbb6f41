"""Words, lines and their repetition in one pass, as we, datatrove and dolma read the rules. Pure: no I/O.

A document's chunks are numbered once (`columnar.vocabulary`); from the numbers come the words of each reading, their n-grams
(`columnar.repetition`) and what chunks count for. Lines are a pass of their own (`columnar.repetition_lines`). The signals that follow
are in `columnar.signal_readings`.
"""

import threading
from collections.abc import Collection

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import properties
from columnar.eight_bytes import SEED
from columnar.repetition import (
    DATATROVE,
    DOLMA,
    DUPLICATE_SIZES,
    NUM_SIZES,
    PAPER,
    TOP_SIZES,
    GramScratch,
    count_repetition,
    new_gram_scratch,
)
from columnar.repetition_lines import LINE_COUNTS, LineTable, count_lines, new_line_table
from columnar.signal_model import Counts
from columnar.text import TextBuffers
from columnar.tokens import tables
from columnar.tokens_tables import Tables
from columnar.vocabulary import (
    ALPHA_CHUNKS,
    ALPHA_TOKENS,
    CHARS,
    NUM_COUNTS,
    STOP_BITS,
    STOP_CHUNKS,
    SYMBOL_CHUNKS,
    TOKEN_WORD_CHARS,
    TOKEN_WORDS,
    TOKENS,
    WORDS,
    Vocabulary,
    forget_strings,
    new_vocabulary,
    read_chunks,
)

_LINES = 8  # beside PAPER, DATATROVE and DOLMA
_READINGS = {"repetition": PAPER | _LINES, "datatrove": DATATROVE | _LINES, "dolma": DOLMA | _LINES, "fineweb": _LINES}
_MAX_MEDIAN = 256  # words that are longer count as this long

_KEPT_BYTES = 1 << 18  # of the longest document that the thread's vocabulary is for
_thread = threading.local()

_SIZES = (*(f"top_{n}gram" for n in TOP_SIZES), *(f"duplicate_{n}gram" for n in DUPLICATE_SIZES))
_WORD_COUNTS = (
    "chunks",
    "chunk_chars",
    "twice_median_chunk",
    "symbol_chunks",
    "alpha_chunks",
    "stop_chunks",
    "tokens",
    "token_words",
    "token_word_chars",
    "alpha_tokens",
    "token_stop_words",
)
_COUNTS = (
    *_WORD_COUNTS,
    *LINE_COUNTS,
    *(f"paper_{size}_chars" for size in _SIZES),
    *(f"datatrove_{size}_chars" for size in _SIZES),
    *(f"dolma_{size}_chars" for size in _SIZES),
    *(f"dolma_all_{size}_chars" for size in _SIZES),
)
_FIRST_LINE = len(_WORD_COUNTS)
_FIRST_SIZE = _FIRST_LINE + len(LINE_COUNTS)


@nb.njit(inline="never", _nrt=False)
def _twice_median(
    chunks: npt.NDArray[np.int32],
    num_chunks: int,
    counts: npt.NDArray[np.int32],
    histogram: npt.NDArray[np.int64],
) -> int:
    """Gives twice the median length of the chunks in characters, which is whole; 0 of none, and never above 2 * _MAX_MEDIAN."""
    if num_chunks == 0:
        return 0
    histogram[:] = 0
    for i in range(num_chunks):
        histogram[min(counts[chunks[i], CHARS], _MAX_MEDIAN)] += 1
    below, low, high, length = 0, -1, -1, -1
    while high < 0:
        length += 1
        below += histogram[length]
        if low < 0 and below > (num_chunks - 1) // 2:
            low = length
        if below > num_chunks // 2:
            high = length
    return low + high


@nb.njit(inline="never", _nrt=False)
def _expand(
    chunks: npt.NDArray[np.int32],
    num_chunks: int,
    counts: npt.NDArray[np.int32],
    column: int,
    starts: npt.NDArray[np.int64],
    pool: npt.NDArray[np.int32],
    out: npt.NDArray[np.int32],
) -> int:
    """Writes the numbers of the parts of the chunks to `out`, which has room for them all; gives how many.

    Args:
        chunks: numbers of chunks.
        num_chunks: how many.
        counts: `Vocabulary.counts`.
        column: TOKENS or WORDS.
        starts: `Vocabulary.tokens` or `Vocabulary.words`.
        pool: `Vocabulary.pool`.
        out: receives them.
    """
    size = 0
    for i in range(num_chunks):
        number = chunks[i]
        num_parts = counts[number, column]
        if num_parts == 1:
            out[size] = number
            size += 1
        else:
            place = starts[number]
            for k in range(num_parts):
                out[size + k] = pool[place + k]
            size += num_parts
    return size


@nb.njit(cache=True, nogil=True, _nrt=False)
def _count(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    properties: npt.NDArray[np.uint8],
    tables: Tables,
    readings: int,
    seed: np.uint64,
    vocabulary: Vocabulary,
    grams: GramScratch,
    met: LineTable,
    chunks: npt.NDArray[np.int32],
    words: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int32],
    histogram: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
) -> None:
    """Counts document `i` into `out[:, i]`, a row for each of `_COUNTS`."""
    lines = row[_FIRST_LINE:_FIRST_SIZE]
    paper = row[_FIRST_SIZE : _FIRST_SIZE + NUM_SIZES]
    datatrove = row[_FIRST_SIZE + NUM_SIZES : _FIRST_SIZE + 2 * NUM_SIZES]
    dolma = row[_FIRST_SIZE + 2 * NUM_SIZES : _FIRST_SIZE + 3 * NUM_SIZES]
    dolma_all = row[_FIRST_SIZE + 3 * NUM_SIZES :]
    for i in range(offsets.size - 1):
        start, end = offsets[i], offsets[i + 1]
        forget_strings(vocabulary)
        num_chunks = read_chunks(data, start, end, vocabulary, tables, properties, seed, chunks, totals)
        row[0] = num_chunks
        row[1] = totals[CHARS]
        row[3], row[4], row[5] = totals[SYMBOL_CHUNKS], totals[ALPHA_CHUNKS], totals[STOP_CHUNKS]
        row[6], row[7], row[8] = totals[TOKENS], totals[TOKEN_WORDS], totals[TOKEN_WORD_CHARS]
        row[9] = totals[ALPHA_TOKENS]
        stops = totals[STOP_BITS] >> 8
        row[10] = 0
        while stops:
            row[10] += stops & 1
            stops >>= 1
        counts = vocabulary.counts
        if readings & DOLMA:
            row[2] = _twice_median(chunks, num_chunks, counts, histogram)
        same_words = totals[WORDS] == num_chunks
        if readings & DOLMA or (readings & PAPER and same_words):
            both = readings & (DOLMA | PAPER) if same_words else DOLMA
            count_repetition(chunks, num_chunks, counts, both, grams, paper, datatrove, dolma, dolma_all)
        if readings & PAPER and not same_words:
            num_words = _expand(chunks, num_chunks, counts, WORDS, vocabulary.words, vocabulary.pool, words)
            count_repetition(words, num_words, counts, PAPER, grams, paper, datatrove, dolma, dolma_all)
        if readings & DATATROVE:
            num_words = _expand(chunks, num_chunks, counts, TOKENS, vocabulary.tokens, vocabulary.pool, words)
            count_repetition(words, num_words, counts, DATATROVE, grams, paper, datatrove, dolma, dolma_all)
        if readings & _LINES:
            count_lines(data, start, end, properties, tables.classes, seed, met, lines)
        for k in range(row.size):
            out[k, i] = row[k]


def _vocabulary(longest: int) -> Vocabulary:
    """Gives the thread's vocabulary, which remembers strings from call to call, or one of its own to a longer document."""
    if longest > _KEPT_BYTES:
        return new_vocabulary(longest)
    if not hasattr(_thread, "vocabulary"):
        _thread.vocabulary = new_vocabulary(_KEPT_BYTES)
    kept: Vocabulary = _thread.vocabulary
    return kept


def count_words(texts: TextBuffers, groups: Collection[str]) -> Counts:
    """Counts every document for the groups: one int64 array a name; what none of the groups needs is 0."""
    readings = 0
    for group in groups:
        readings |= _READINGS.get(group, 0)
    num_texts = texts.offsets.size - 1
    longest = int(np.diff(texts.offsets).max(initial=0))
    matrix = np.zeros((len(_COUNTS), num_texts), np.int64)
    _count(
        texts.offsets,
        texts.data,
        properties(),
        tables(),
        readings,
        SEED,
        _vocabulary(longest),
        new_gram_scratch(longest),
        new_line_table(longest),
        np.empty(longest // 2 + 1, np.int32),
        np.empty(longest + 1, np.int32),
        np.zeros(NUM_COUNTS, np.int32),
        np.zeros(_MAX_MEDIAN + 1, np.int64),
        np.zeros(len(_COUNTS), np.int64),
        matrix,
    )
    return dict(zip(_COUNTS, matrix, strict=True))
