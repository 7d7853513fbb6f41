"""Reads texts against a plan: cuts them into tokens, and gives each a language. Pure: no I/O but the model of words.

Many texts are read at once, one after the other with a line break between; each is labelled by itself, as if alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import code_points
from columnar.masking import find_masks
from columnar.mixing_han import label_han, simplified
from columnar.mixing_plan import BY_RUNS, BY_WORDS, Group, Plan
from columnar.mixing_tokens import HOMOGLYPHS, ZXX, Tokens, tokenise
from columnar.mixing_words import FAVOURITE_NATS, TARGET_NATS, default_settings, label_words
from columnar.word_language import word_tables


class Reading(NamedTuple):
    """Labelled tokens of several texts.

    Attributes:
        points: the code points of the texts, joined by line breaks.
        tokens: see `columnar.mixing_tokens`; places are in the joined texts.
        offsets: int64[texts + 1], where each text begins in them; the last is one beyond the end.
        bounds: int64[texts + 1]: the tokens of text i are `bounds[i]` to `bounds[i + 1]`.
        language: int16[n], place in the plan's `names`.
        evidence: float32[n], where words told: how many nats better their language explains the token than the target; else 0.
    """

    points: npt.NDArray[np.uint32]
    tokens: Tokens
    offsets: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    language: npt.NDArray[np.int16]
    evidence: npt.NDArray[np.float32]


def read(texts: Sequence[str], plan: Plan) -> Reading:
    """Labels every token of every text."""
    points = code_points("\n".join(texts))
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) + 1 for text in texts], out=offsets[1:])
    tokens = tokenise(points, _masks(texts, offsets), plan.home)
    bounds = np.searchsorted(tokens.start, offsets)
    languages = plan.of_script[tokens.script]
    languages[tokens.flags & ZXX != 0] = plan.none
    evidence = np.zeros(len(languages), np.float32)
    # Homoglyphs are no words: the script that hides tells what there is to tell.
    _label_homoglyphs(tokens.flags, tokens.script, plan.hidden, languages)
    if (languages == BY_RUNS).any():
        found = np.full(len(languages), plan.none, np.int16)
        label_han(points, tokens, bounds, simplified(), plan.han, plan.chinese, plan.japanese, plan.target, found)
        languages = np.where(languages == BY_RUNS, found, languages)
    for i, group in enumerate(plan.groups):
        chosen = np.flatnonzero(languages == BY_WORDS - i)
        if chosen.size:
            labels, nats = _by_words(points, tokens, chosen, np.searchsorted(chosen, bounds), group)
            languages[chosen] = group.names[labels]
            evidence[chosen] = nats
    return Reading(points, tokens, offsets, bounds, languages, evidence)


def _masks(texts: Sequence[str], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    found = [
        (at + mask.start, at + mask.end, mask.kind == "math")
        for text, at in zip(texts, offsets.tolist(), strict=False)
        for mask in find_masks(text)
    ]
    return np.array(found, np.int64).reshape(-1, 3)


@nb.njit(cache=True, nogil=True)
def _label_homoglyphs(
    flags: npt.NDArray[np.uint8],
    scripts: npt.NDArray[np.uint8],
    hidden: npt.NDArray[np.int16],
    languages: npt.NDArray[np.int16],
) -> None:
    for i in range(flags.size):
        if flags[i] & HOMOGLYPHS and not flags[i] & ZXX:
            languages[i] = hidden[scripts[i]]


def _by_words(
    points: npt.NDArray[np.uint32],
    tokens: Tokens,
    chosen: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.int64],
    group: Group,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Labels the tokens `chosen` by the columns of a group, and gives the evidence of each."""
    labels = np.empty(chosen.size, np.uint8)
    evidence = np.zeros(chosen.size, np.float32)
    bonus = np.zeros(len(group.languages))
    if group.target >= 0:
        bonus[group.target] = TARGET_NATS
    if group.favourite >= 0:
        bonus[group.favourite] = FAVOURITE_NATS
    gaps = tokens.gap[chosen]
    label_words(
        points,
        tokens.start[chosen],
        tokens.end[chosen],
        tokens.flags[chosen],
        gaps,
        bounds,
        word_tables(group.languages),
        group.target,
        bonus,
        default_settings(),
        labels,
        evidence,
    )
    return labels, evidence
