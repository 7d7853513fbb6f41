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

from columnar.chunk_bounds import find_chunks
from columnar.chunks import BLOCK, read_chunks
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
from columnar.signal_basic import BASIC_COUNTS, count_document, declares_xml_early
from columnar.signal_model import Counts
from columnar.text import TextBuffers
from columnar.tokens import tables
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
    NUM_COUNTS,
    REPLACED,
    STOP_CHUNKS,
    SYMBOL_CHUNKS,
    TOKEN_WORD_CHARS,
    TOKEN_WORDS,
    TOKENS,
    WORDS,
    Vocabulary,
    forget_strings,
    new_vocabulary,
)

_READINGS = {"repetition": PAPER, "datatrove": DATATROVE, "dolma": DOLMA}
_LINE_FEED = 10
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
_NAMES = (
    *_WORD_COUNTS,
    *BASIC_COUNTS,
    *LINE_COUNTS,
    *(f"paper_{size}_chars" for size in _SIZES),
    *(f"datatrove_{size}_chars" for size in _SIZES),
    *(f"dolma_{size}_chars" for size in _SIZES),
    *(f"dolma_all_{size}_chars" for size in _SIZES),
)
_FIRST_BASIC = len(_WORD_COUNTS)
_FIRST_LINE = _FIRST_BASIC + len(BASIC_COUNTS)
_FIRST_SIZE = _FIRST_LINE + len(LINE_COUNTS)
_XML = BASIC_COUNTS.index("xml_declaration")
_NEWLINES, _NONBLANK, _BULLETS, _DASHES, _ELLIPSES, _LINE_CHARS, _LONGEST = (
    LINE_COUNTS.index(name)
    for name in (
        "newlines",
        "fed_nonblank_lines",
        "fed_bullet_lines",
        "fed_dash_lines",
        "fed_ellipsis_lines",
        "fed_line_chars",
        "fed_max_line_length",
    )
)


@nb.njit(inline="never", _nrt=False)
def _twice_median(
    chunks: npt.NDArray[np.int32],
    num_chunks: int,
    chars: npt.NDArray[np.int32],
    histogram: npt.NDArray[np.int64],
) -> int:
    """Gives twice the median length of the chunks in characters, which is whole; 0 of none, and never above 2 * _MAX_MEDIAN."""
    if num_chunks == 0:
        return 0
    histogram[:] = 0
    for i in range(num_chunks):
        histogram[min(chars[chunks[i]], _MAX_MEDIAN)] += 1
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
    places: npt.NDArray[np.int32],
    pool: npt.NDArray[np.int32],
    out: npt.NDArray[np.int32],
) -> int:
    """Writes the numbers of the parts of the chunks to `out`, which has room for them all and one more; gives how many.

    Args:
        chunks: numbers of chunks.
        num_chunks: how many.
        places: `Vocabulary.tokens` or `Vocabulary.words`.
        pool: `Vocabulary.pool`.
        out: receives them.
    """
    size = 0
    for i in range(num_chunks):
        place = places[chunks[i]]
        num_parts = pool[place]
        # Two at once, needed or not: whether a chunk has one part or two cannot be guessed.
        out[size] = pool[place + 1]
        out[size + 1] = pool[place + 2]
        for k in range(2, num_parts):
            out[size + k] = pool[place + 1 + k]
        size += num_parts
    return size


@nb.njit(inline="always", _nrt=False)
def _ones(bits: int) -> int:
    found = 0
    while bits:
        found += bits & 1
        bits >>= 1
    return found


@nb.njit(inline="always", _nrt=False)
def _count_basics(
    totals: npt.NDArray[np.int32],
    stops: int,
    lines: npt.NDArray[np.int64],
    ends_open: int,
    out: npt.NDArray[np.int64],
) -> None:
    """Writes what `columnar.signal_basic` counts, all but XML, of a document that breaks lines by line feeds alone.

    Args:
        totals: what its chunks count for.
        stops: its stop words by our reading, as bits.
        lines: its `LINE_COUNTS`.
        ends_open: 1 if no line feed ends it, and it is not empty.
        out: receives one int64 for each of `BASIC_COUNTS`.
    """
    newlines = lines[_NEWLINES]
    out[0] = lines[_LINE_CHARS] + newlines
    out[1] = newlines + ends_open
    out[2] = lines[_NONBLANK]
    out[3], out[4], out[5], out[6] = totals[WORDS], totals[CHARS], totals[HASHES], totals[ELLIPSES]
    out[7], out[8] = lines[_BULLETS], lines[_ELLIPSES]
    out[9], out[10] = totals[ALPHA_WORDS], _ones(stops)
    out[11], out[12] = lines[_LINE_CHARS], lines[_LONGEST]
    out[13], out[14], out[15] = totals[ALPHA_CHARS], totals[ALNUM_CHARS], totals[REPLACED]
    out[17] = lines[_DASHES]


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
    bounds: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    chunks: npt.NDArray[np.int32],
    words: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int32],
    histogram: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
) -> None:
    """Counts document `i` into `out[:, i]`, a row for each of `_NAMES`."""
    basics = row[_FIRST_BASIC:_FIRST_LINE]
    lines = row[_FIRST_LINE:_FIRST_SIZE]
    paper = row[_FIRST_SIZE : _FIRST_SIZE + NUM_SIZES]
    datatrove = row[_FIRST_SIZE + NUM_SIZES : _FIRST_SIZE + 2 * NUM_SIZES]
    dolma = row[_FIRST_SIZE + 2 * NUM_SIZES : _FIRST_SIZE + 3 * NUM_SIZES]
    dolma_all = row[_FIRST_SIZE + 3 * NUM_SIZES :]
    chars = vocabulary.chars
    for i in range(offsets.size - 1):
        start, end = offsets[i], offsets[i + 1]
        forget_strings(vocabulary)
        num_chunks, breaks_otherwise = find_chunks(data, start, end, properties, bounds)
        stops = read_chunks(data, bounds, num_chunks, vocabulary, tables, properties, seed, keys, chunks, totals)
        row[0] = num_chunks
        row[1] = totals[CHARS]
        row[3], row[4], row[5] = totals[SYMBOL_CHUNKS], totals[ALPHA_CHUNKS], totals[STOP_CHUNKS]
        row[6], row[7], row[8] = totals[TOKENS], totals[TOKEN_WORDS], totals[TOKEN_WORD_CHARS]
        row[9] = totals[ALPHA_TOKENS]
        row[10] = _ones(stops >> 8)
        if readings & DOLMA:
            row[2] = _twice_median(chunks, num_chunks, chars, histogram)
        same_words = totals[WORDS] == num_chunks
        if readings & DOLMA or (readings & PAPER and same_words):
            both = readings & (DOLMA | PAPER) if same_words else DOLMA
            count_repetition(chunks, num_chunks, chars, both, grams, paper, datatrove, dolma, dolma_all)
        if readings & PAPER and not same_words:
            num_words = _expand(chunks, num_chunks, vocabulary.words, vocabulary.pool, words)
            count_repetition(words, num_words, chars, PAPER, grams, paper, datatrove, dolma, dolma_all)
        if readings & DATATROVE:
            num_words = _expand(chunks, num_chunks, vocabulary.tokens, vocabulary.pool, words)
            count_repetition(words, num_words, chars, DATATROVE, grams, paper, datatrove, dolma, dolma_all)
        count_lines(data, start, end, properties, tables.classes, seed, met, lines)
        if breaks_otherwise:
            count_document(data, start, end, properties, basics)
        else:
            _count_basics(totals, stops & 0xFF, lines, end > start and data[end - 1] != _LINE_FEED, basics)
            basics[_XML] = declares_xml_early(data, start, end)
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
    """Counts every document for the groups: one int64 array a name; what none of the groups needs is 0.

    The counts of `columnar.signal_basic` are among them: here they cost next to nothing.
    """
    readings = 0
    for group in groups:
        readings |= _READINGS.get(group, 0)
    num_texts = texts.offsets.size - 1
    longest = int(np.diff(texts.offsets).max(initial=0))
    matrix = np.zeros((len(_NAMES), num_texts), np.int64)
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
        np.empty(longest + 2, np.int64),
        np.empty(BLOCK, np.uint64),
        np.empty(longest // 2 + 1, np.int32),
        np.empty(longest + 2, np.int32),
        np.zeros(NUM_COUNTS, np.int32),
        np.zeros(_MAX_MEDIAN + 1, np.int64),
        np.zeros(len(_NAMES), np.int64),
        matrix,
    )
    return {**dict(zip(_NAMES, matrix, strict=True)), "bytes": np.diff(texts.offsets)}
