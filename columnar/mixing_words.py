"""Tells the language of each word where its script leaves several: the likeliest sequence of languages. Pure: no I/O.

The words' scores (`columnar.word_language`) and a cost for each change of language make a hidden Markov model; Viterbi's algorithm finds its best
sequence. A change costs less where a sentence ends. With more than two languages a first pass, in which changes cost more, finds those that
occur at all: a language that explains too little of the text is left out, and its words go to the others.
"""

from typing import Final

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.mixing_tokens import BORROWED, CAPITAL, SENTENCE_START
from columnar.word_language import WordTables, score_words

SWITCH_NATS: Final = (4.0, 3.0, 2.5, 2.0, 2.0)
"""What a change of language costs by the gap before the word: none, comma, colon, sentence, line."""

SURVEY_SWITCH_NATS: Final = (9.0, 7.0, 6.0, 5.0, 5.0)
"""The same in the first pass."""

TARGET_NATS: Final = 0.1
"""What each word has more for the target."""

FAVOURITE_NATS: Final = 2.0
"""What each Latin word in a text of another script has more for English: most are terms and names."""

NAME_NATS: Final = 4.0
"""So much can a capitalised word inside a sentence speak against the target: it may be a name. A borrowed word or a letter, a quarter."""

MIN_GAIN: Final = 12.0
"""Nats by which a language must explain its words better than any other does, to occur in the text at all."""

CHUNK: Final = 1 << 14
"""Words that are decoded together: the memory of a text of any size."""

Settings = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float, float]


def default_settings() -> Settings:
    """Gives the constants of this module as the kernel takes them."""
    return np.array(SWITCH_NATS), np.array(SURVEY_SWITCH_NATS), NAME_NATS, MIN_GAIN


@nb.njit(_nrt=False)
def _adjust(
    scores: npt.NDArray[np.float32], n: int, flags: npt.NDArray[np.uint8], target: int, name_nats: float
) -> None:
    """Holds back what names and borrowed words say against the target."""
    for i in range(n):
        flag = flags[i]
        if flag & BORROWED or (flag & CAPITAL and not flag & SENTENCE_START):
            if target >= 0:
                most = name_nats if flag & CAPITAL else name_nats / 4
                scores[i, target] = max(scores[i, target], -np.float32(most))
            elif flag & BORROWED:
                for c in range(scores.shape[1]):
                    scores[i, c] *= np.float32(0.3)


@nb.njit(_nrt=False, fastmath={"nnan", "nsz"})
def _decode(
    scores: npt.NDArray[np.float32],
    n: int,
    gaps: npt.NDArray[np.uint8],
    flags: npt.NDArray[np.uint8],
    costs: npt.NDArray[np.float64],
    bonus: npt.NDArray[np.float64],
    totals: npt.NDArray[np.float64],
    came: npt.NDArray[np.bool_],
    best_before: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
) -> None:
    """Finds the best sequence of `n` words; `totals` goes in as the scores of the languages so far, and out as those at the end."""
    k = scores.shape[1]
    best = 0
    for c in range(1, k):
        if totals[c] > totals[best]:
            best = c
    for i in range(n):
        switched = totals[best] - costs[1 if gaps[i] == 0 and flags[i] & CAPITAL else gaps[i]]
        best_before[i] = best
        # Apart from the search for the best, so that the compiler takes several languages at once.
        for c in range(k):
            came[i, c] = totals[c] < switched
            totals[c] = max(totals[c], switched) + scores[i, c] + bonus[c]
        highest = totals[0]
        for c in range(1, k):
            highest = max(highest, totals[c])
        best = 0
        while totals[best] != highest:
            best += 1
    top = totals[best]
    for i in range(n - 1, -1, -1):
        labels[i] = best
        if came[i, best]:
            best = best_before[i]
    for c in range(k):
        totals[c] -= top  # a long text must not use the numbers up


@nb.njit(_nrt=False)
def _occurring(
    gains: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    target: int,
    min_gain: float,
    kept: npt.NDArray[np.bool_],
) -> np.uint64:
    """Gives the languages that occur, as bits, by `gains[l, c]`: how much better l explains the words labelled l than c does."""
    k = counts.size
    top = max(0, target)
    for c in range(k):
        kept[c] = counts[c] > 0
        if target < 0 and counts[c] > counts[top]:
            top = c
    kept[top] = True
    while True:
        worst, least = -1, min_gain
        for c in range(k):
            if kept[c] and c != top:
                gain = np.inf
                for other in range(k):
                    if other != c and kept[other]:
                        gain = min(gain, gains[c, other])
                if gain < least:
                    worst, least = c, gain
        if worst < 0:
            break
        kept[worst] = False
    active = np.uint64(0)
    for c in range(k):
        if kept[c]:
            active |= np.uint64(1) << np.uint64(c)
    return active


@nb.njit(cache=True)
def label_words(
    points: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
    gaps: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
    tables: WordTables,
    target: int,
    bonus: npt.NDArray[np.float64],
    settings: Settings,
    labels: npt.NDArray[np.uint8],
    evidence: npt.NDArray[np.float32],
) -> None:
    """Labels the words of several texts: those of text `i` are `bounds[i]` to `bounds[i + 1]`.

    The words are as `columnar.mixing_tokens` gives them. `target` is the column of the target language, or -1; `bonus` float64[k] is what a
    word has more for each language. Out go `labels`, the column of each word's language, and `evidence`, how many nats better that
    explains the word than the target does; without a target, than the best other.
    """
    switch_costs, survey_costs, name_nats, min_gain = settings
    k = tables.weights.shape[1]
    scores = np.empty((min(CHUNK, starts.size), k), np.float32)
    came = np.empty(scores.shape, np.bool_)
    best_before = np.empty(scores.shape[0], np.uint8)
    totals = np.empty(k)
    gains = np.empty((k, k))
    counts = np.empty(k, np.int64)
    kept = np.empty(k, np.bool_)
    allowed = np.empty(k)
    everything = ~np.uint64(0)
    for text in range(bounds.size - 1):
        first, last = bounds[text], bounds[text + 1]
        active = everything
        for survey in (True, False):
            if survey and k == 2:
                continue
            for c in range(k):
                allowed[c] = bonus[c] if active >> np.uint64(c) & np.uint64(1) else -1e12
            totals[:] = 0
            gains[:] = 0
            counts[:] = 0
            for at in range(first, last, CHUNK):
                to = min(last, at + CHUNK)
                n = to - at
                if survey or k == 2 or last - first > CHUNK:
                    score_words(points, starts[at:to], ends[at:to], tables, scores)
                    _adjust(scores, n, flags[at:to], target, name_nats)
                _decode(
                    scores,
                    n,
                    gaps[at:to],
                    flags[at:to],
                    survey_costs if survey else switch_costs,
                    allowed,
                    totals,
                    came,
                    best_before,
                    labels[at:to],
                )
                for i in range(n):
                    label = labels[at + i]
                    if survey:
                        counts[label] += 1
                        if label == target:
                            continue  # kept in any case
                        for c in range(k):
                            gains[label, c] += np.float64(scores[i, label] - scores[i, c]) + bonus[label] - bonus[c]
                    elif target >= 0:
                        evidence[at + i] = scores[i, label] - scores[i, target]
                    else:
                        other = np.float32(-1e9)
                        for c in range(k):
                            if c != label:
                                other = max(other, scores[i, c])
                        evidence[at + i] = scores[i, label] - other
            if survey:
                active = _occurring(gains, counts, target, min_gain, kept)
                if active & (active - np.uint64(1)) == 0:  # one language: no second pass
                    for i in range(first, last):
                        evidence[i] = 0
                    for i in range(first, last):
                        labels[i] = np.uint8(np.log2(np.float64(active)) + 0.5)
                    break
