"""The compiled loop of fastText's prediction over Arrow buffers. Pure: arrays in, arrays out.

The lever is that words repeat: the sum of a word's vectors (its own and its character n-grams') is always the same, so it is
computed once and remembered in a table of fixed size.

Arrays are handed over by position and one by one: a kernel that takes them out of a tuple counts references in its inner loop.
"""

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.fasttext_model import END_OF_LINE, LABEL_PREFIX, LANES, hash_bytes
from columnar.text import Int

# A word of up to 32 bytes is remembered: its bytes are the key, eight a lane, so that no two words are taken for one.
KEY_LANES = 4
_LONGEST_KEPT = 8 * KEY_LANES
_GRAMS_AT_ONCE = 256
_USUAL_BUCKETS = 2_000_000
LOSS_CODES = {"hs": 0, "softmax": 1, "ova": 2, "ns": 2}
# fastText adds this to a probability before it takes the logarithm that it sums and ranks by.
LOG_FLOOR = np.float32(1e-5)
SIGMOID_STEPS = 512  # fastText's `ova` reads its sigmoid from a table over -8..8
SIGMOID_BOUND = np.float32(8.0)
_MIX = (-0x61C8864680B583EB, -0x3D4D51C2D82B14B1, 0x165667B19E3779F9, 0x27D4EB2F165667C5)  # odd, as random
_PREFIX = np.frombuffer(LABEL_PREFIX.encode(), np.uint8).copy()
_END = np.frombuffer(END_OF_LINE, np.uint8).copy()


@nb.njit(cache=True, nogil=True)
def _is_break(byte: Int) -> bool | np.bool_:
    return byte <= 32 and (byte == 32 or 9 <= byte <= 13 or byte == 0)


@nb.njit(cache=True, nogil=True)
def _begins(data: npt.NDArray[np.uint8], start: Int, end: Int, what: npt.NDArray[np.uint8]) -> bool | np.bool_:
    same = end - start >= what.size
    for k in range(what.size if same else 0):
        same = same and data[start + k] == what[k]
    return same


@nb.njit(cache=True, nogil=True)
def _is_kept(bucket: Int, kept: npt.NDArray[np.uint64]) -> Int:
    """Gives 1 if the model has a row for an n-gram's bucket, else 0."""
    if kept.size == 0:
        return 1
    return np.int64((kept[bucket >> 6] >> np.uint64(bucket & 63)) & np.uint64(1))


@nb.njit(cache=True, nogil=True)
def _row_of(bucket: Int, kept: npt.NDArray[np.uint64], ranks: npt.NDArray[np.int32], num_words: int) -> Int:
    """Gives the row of a bucket that is kept."""
    if kept.size == 0:
        return num_words + bucket
    bits = kept[bucket >> 6] & ((np.uint64(1) << np.uint64(bucket & 63)) - np.uint64(1))
    # The number of bits: two, four, eight at a time.
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    before: Int = num_words + ranks[bucket >> 6]
    return before + np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@nb.njit(cache=True, nogil=True)
def _add(values: npt.NDArray[np.float32], row: Int, total: npt.NDArray[np.float32], into: Int, width: int) -> None:
    # All are read before one is written: only so does the compiler see that it may add them at once, which halves the time.
    for k in range(0, width, LANES):
        a = total[into, k] + values[row, k]
        b = total[into, k + 1] + values[row, k + 1]
        c = total[into, k + 2] + values[row, k + 2]
        d = total[into, k + 3] + values[row, k + 3]
        e = total[into, k + 4] + values[row, k + 4]
        f = total[into, k + 5] + values[row, k + 5]
        g = total[into, k + 6] + values[row, k + 6]
        h = total[into, k + 7] + values[row, k + 7]
        total[into, k] = a
        total[into, k + 1] = b
        total[into, k + 2] = c
        total[into, k + 3] = d
        total[into, k + 4] = e
        total[into, k + 5] = f
        total[into, k + 6] = g
        total[into, k + 7] = h


@nb.njit(cache=True, nogil=True)
def _find_entry(
    data: npt.NDArray[np.uint8],
    start: Int,
    end: Int,
    value: Int,
    starts: npt.NDArray[np.int64],
    spelling: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int32],
) -> Int:
    """Finds a token in the dictionary by its hash and bytes; -1 for none."""
    mask = table.size - 1
    slot = value & mask
    while table[slot] >= 0:
        entry = np.int64(table[slot])
        begin = starts[entry]
        if starts[entry + 1] - 1 - begin == end - start:
            k = 0
            while k < end - start and spelling[begin + k] == data[start + k]:
                k += 1
            if k == end - start:
                return entry
        slot = (slot + 1) & mask
    return -1


@nb.njit(cache=True, nogil=True)
def _sum_token(
    data: npt.NDArray[np.uint8],
    start: Int,
    end: Int,
    inputs: npt.NDArray[np.float32],
    starts: npt.NDArray[np.int64],
    spelling: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int32],
    kept: npt.NDArray[np.uint64],
    ranks: npt.NDArray[np.int32],
    num_words: int,
    min_chars: int,
    max_chars: int,
    buckets: np.uint32,
    padded: npt.NDArray[np.uint8],
    found: npt.NDArray[np.int64],
    total: npt.NDArray[np.float32],
    into: Int,
) -> tuple[Int, int]:
    """Writes the sum of a token's vectors to `total[into]`: its own, and those of the character n-grams of `<token>`.

    `padded`, at least two bytes longer than the token, and `found` are scratch; more n-grams than it holds are added in turns.

    Returns:
        fastText's hash of the token, -1 if it is a label and no word, and how many vectors were added.
    """
    for k in range(inputs.shape[1]):
        total[into, k] = 0
    value = np.int64(hash_bytes(data, start, end))
    entry = _find_entry(data, start, end, value, starts, spelling, table)
    if entry >= num_words or (entry < 0 and _begins(data, start, end, _PREFIX)):
        return -1, 0
    size = 0
    if entry >= 0:
        _add(inputs, entry, total, into, inputs.shape[1])
        size = 1
    if max_chars <= 0 or (end - start == _END.size and _begins(data, start, end, _END)):
        return value, size
    length = end - start + 2
    padded[0], padded[length - 1] = 60, 62  # < and >
    for k in range(end - start):
        padded[k + 1] = data[start + k]
    num_found = 0
    for first in range(length):
        if (padded[first] & 0xC0) == 0x80:
            continue
        hashed = np.uint32(2166136261)  # grows with its n-gram
        at = first
        for chars in range(1, max_chars + 1):
            hashed = np.uint32(np.uint32(hashed ^ np.uint32(np.int8(padded[at]))) * np.uint32(16777619))
            at += 1
            while at < length and (padded[at] & 0xC0) == 0x80:
                hashed = np.uint32(np.uint32(hashed ^ np.uint32(np.int8(padded[at]))) * np.uint32(16777619))
                at += 1
            if chars >= min_chars and not (chars == 1 and (first == 0 or at == length)):
                # Division by a number that the compiler knows takes a fifth of the time, and this is fastText's default.
                usual = hashed % np.uint32(_USUAL_BUCKETS)
                bucket = np.int64(usual if buckets == _USUAL_BUCKETS else hashed % buckets)
                # Written always and counted sometimes: a branch here would be guessed wrong for every n-gram that is kept.
                found[num_found] = bucket
                num_found += _is_kept(bucket, kept)
            if at == length:
                break
        if num_found > found.size - max_chars or first == length - 1:
            for k in range(num_found):
                _add(inputs, _row_of(found[k], kept, ranks, num_words), total, into, inputs.shape[1])
            size += num_found
            num_found = 0
    return value, size


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def _dot(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> np.float32:
    total = np.float32(0)
    for k in range(left.size):
        total += left[k] * right[k]
    return total


@nb.njit(cache=True, nogil=True)
def _output(
    hidden: npt.NDArray[np.float32],
    outputs: npt.NDArray[np.float32],
    tree: npt.NDArray[np.int32],
    sigmoid: npt.NDArray[np.float32],
    loss: int,
    nodes: npt.NDArray[np.float32],
    least: np.float32,
) -> None:
    """Writes the probability of each label to the beginning of `nodes`; hierarchical softmax needs the rest for inner nodes."""
    num_labels = outputs.shape[0]
    if loss == 0:
        nodes[2 * num_labels - 2] = 1
        for node in range(2 * num_labels - 2, num_labels - 1, -1):
            if nodes[node] < least:  # fastText goes no deeper there
                nodes[tree[node - num_labels, 0]] = 0
                nodes[tree[node - num_labels, 1]] = 0
                continue
            right = np.float32(1.0 / (1.0 + np.exp(-np.float64(_dot(outputs[node - num_labels], hidden)))))
            nodes[tree[node - num_labels, 0]] = nodes[node] * (np.float32(1) - right + LOG_FLOOR)
            nodes[tree[node - num_labels, 1]] = nodes[node] * (right + LOG_FLOOR)
        return
    for label in range(num_labels):
        nodes[label] = _dot(outputs[label], hidden)
    if loss == 1:
        highest = nodes[:num_labels].max()
        total = np.float32(0)
        for label in range(num_labels):
            nodes[label] = np.exp(nodes[label] - highest)
            total += nodes[label]
        for label in range(num_labels):
            nodes[label] = nodes[label] / total + LOG_FLOOR
        return
    for label in range(num_labels):
        value = nodes[label]
        if value < -SIGMOID_BOUND:
            nodes[label] = LOG_FLOOR
        elif value > SIGMOID_BOUND:
            nodes[label] = 1
        else:
            step = np.int64((value + SIGMOID_BOUND) * np.float32(SIGMOID_STEPS) / SIGMOID_BOUND / np.float32(2))
            nodes[label] = sigmoid[step] + LOG_FLOOR


@nb.njit(cache=True, nogil=True)
def score(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    inputs: npt.NDArray[np.float32],
    starts: npt.NDArray[np.int64],
    spelling: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int32],
    kept: npt.NDArray[np.uint64],
    ranks: npt.NDArray[np.int32],
    outputs: npt.NDArray[np.float32],
    tree: npt.NDArray[np.int32],
    sigmoid: npt.NDArray[np.float32],
    dim: int,
    word_ngrams: int,
    min_chars: int,
    max_chars: int,
    buckets: int,
    num_words: int,
    loss: int,
    sums: npt.NDArray[np.float32],
    facts: npt.NDArray[np.int64],
    group_of: npt.NDArray[np.int64],
    found: npt.NDArray[np.float32],
    least: np.float32,
) -> None:
    """Writes the sum of the probabilities of each group's labels, for each text; leaves texts without a vector alone."""
    num_labels = outputs.shape[0]
    width = inputs.shape[1]
    key = width // 2
    longest = 0
    for i in range(offsets.size - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    padded = np.empty(max(longest, _END.size) + 2, np.uint8)
    buffer = np.empty(_GRAMS_AT_ONCE + max_chars, np.int64)
    # The sums of a whole text, of its end, and of a word too long to remember.
    own = np.zeros((3, width), np.float32)
    few = np.uint32(max(1, buckets))
    many = np.uint64(few)
    end_value, end_size = _sum_token(
        _END, 0, _END.size, inputs, starts, spelling, table, kept, ranks, num_words, min_chars, max_chars, few, padded,
        buffer, own, 1,
    )  # fmt: skip
    # The hashes of the runs of words that end with the word before, the longest first.
    open_hashes = np.empty(max(1, word_ngrams), np.uint64)
    nodes = np.empty(2 * num_labels, np.float32)
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        own[0] = 0
        size, num_open = 0, 0
        ended = False
        while not ended:
            while at < end and _is_break(data[at]):
                at += 1
            begin = at
            first, second, third, fourth = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
            while at < end and not _is_break(data[at]):
                byte = np.int64(data[at])
                if at - begin < 8:
                    first = (first << 8) | byte
                elif at - begin < 16:
                    second = (second << 8) | byte
                elif at - begin < 24:
                    third = (third << 8) | byte
                elif at - begin < 32:
                    fourth = (fourth << 8) | byte
                at += 1
            if begin == at or (at - begin == _END.size and _begins(data, begin, at, _END)):
                ended = True
                value, size = end_value, size + end_size
                _add(own, 1, own, 0, width)
            elif at - begin <= _LONGEST_KEPT:
                mixed = first * _MIX[0] ^ second * _MIX[1] ^ third * _MIX[2] ^ fourth * _MIX[3]
                slot = ((mixed >> 32) ^ mixed) & (len(facts) - 1)
                if (
                    facts[slot, key] != first
                    or facts[slot, key + 1] != second
                    or facts[slot, key + 2] != third
                    or facts[slot, key + 3] != fourth
                ):
                    facts[slot, key], facts[slot, key + 1] = first, second
                    facts[slot, key + 2], facts[slot, key + 3] = third, fourth
                    facts[slot, key + 4], facts[slot, key + 5] = _sum_token(
                        data, begin, at, inputs, starts, spelling, table, kept, ranks, num_words, min_chars, max_chars,
                        few, padded, buffer, sums, slot,
                    )  # fmt: skip
                value, size = facts[slot, key + 4], size + facts[slot, key + 5]
                _add(sums, slot, own, 0, width)
            else:
                value, added = _sum_token(
                    data, begin, at, inputs, starts, spelling, table, kept, ranks, num_words, min_chars, max_chars, few,
                    padded, buffer, own, 2,
                )  # fmt: skip
                size += added
                _add(own, 2, own, 0, width)
            if word_ngrams > 1 and value >= 0:
                signed = np.uint64(
                    np.int64(np.int32(value))
                )  # fastText keeps the hash as a signed number, and widens it so
                for k in range(num_open):
                    open_hashes[k] = open_hashes[k] * np.uint64(116049371) + signed
                    bucket = np.int64(open_hashes[k] % many)
                    if _is_kept(bucket, kept):
                        _add(inputs, _row_of(bucket, kept, ranks, num_words), own, 0, width)
                        size += 1
                if num_open == word_ngrams - 1:
                    for k in range(num_open - 1):
                        open_hashes[k] = open_hashes[k + 1]
                    num_open -= 1
                open_hashes[num_open] = signed
                num_open += 1
        if size == 0:
            continue
        own[0] *= np.float32(1.0 / size)
        _output(own[0, :dim], outputs, tree, sigmoid, loss, nodes, least)
        for label in range(num_labels):
            if group_of[label] >= 0:
                found[i, group_of[label]] += nodes[label]
