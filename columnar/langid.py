"""py3langid's model in a compiled loop: the library's own answers, for a batch at once. Pure: no I/O but the package's model.

The library walks a finite automaton over the bytes in Python and multiplies its sparse counts with a table of log probabilities a
document at a time; the same arithmetic here takes a small part of the time. What is read are the public attributes of its
`LanguageIdentifier` (py3langid 0.4); tests/columnar/test_identify.py compares with `classify`.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple
from unicodedata import normalize

import numba as nb
import numpy as np
import numpy.typing as npt


class Automaton(NamedTuple):
    """Next states (rows of 256, shared), the row of each state, and the feature that ends in each state (-1: none)."""

    moves: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint32]
    features: npt.NDArray[np.int32]


class _Model(NamedTuple):
    automaton: Automaton
    weights: npt.NDArray[np.float16]  # [features, classes]: log probabilities
    priors: npt.NDArray[np.float32]
    classes: tuple[str, ...]  # a label may stand for several columns


class _Choice(NamedTuple):
    """The columns of the model that are chosen among, and the label of each."""

    weights: npt.NDArray[np.float32]
    priors: npt.NDArray[np.float32]
    label_of: npt.NDArray[np.int64]
    labels: tuple[str, ...]


@cache
def _model() -> _Model:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - only who asks for an engine loads it

    loaded = LanguageIdentifier.from_model_file(MODEL_FILE)
    states = Automaton(
        np.asarray(loaded.tk_nextmove, np.uint32),
        np.asarray(loaded.tk_row, np.uint32),
        np.asarray(loaded.tk_output, np.int32),
    )
    return _Model(states, loaded.nb_ptc, loaded.nb_pc, tuple(loaded.nb_classes))


@lru_cache(maxsize=4)
def _choice(languages: frozenset[str] | None, folded: tuple[tuple[str, str], ...]) -> _Choice:
    fold = dict(folded)
    labels = [fold.get(name, name) for name in _model().classes]
    columns = [i for i, label in enumerate(labels) if languages is None or label in languages]
    chosen = tuple(dict.fromkeys(labels[i] for i in columns))
    label_of = np.array([chosen.index(labels[i]) for i in columns], np.int64)
    weights = np.ascontiguousarray(_model().weights[:, columns], np.float32)
    return _Choice(weights, np.ascontiguousarray(_model().priors[columns], np.float32), label_of, chosen)


def classes() -> tuple[str, ...]:
    """Gives the labels that the model knows, before folding."""
    return _model().classes


def automaton() -> Automaton:
    """Gives the automaton that finds the model's features in bytes; read only."""
    return _model().automaton


@lru_cache(maxsize=8)
def columns(languages: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """Gives the log probability of each feature in each of these labels, float32[features, languages]; the best of several columns.

    Raises:
        ValueError: the model does not know one of them.
    """
    weights = []
    for language in languages:
        at = [i for i, name in enumerate(_model().classes) if name == language]
        if not at:
            raise ValueError(f"the model does not know the language {language!r}")
        weights.append(_model().weights[:, at].max(axis=1))
    return np.ascontiguousarray(np.stack(weights, axis=1), np.float32)


def classify(
    texts: list[str], languages: frozenset[str] | None, folded: Mapping[str, str]
) -> tuple[list[str], list[float]]:
    """Gives the most probable label of each text and its probability, as py3langid with `norm_probs=True` does.

    Args:
        texts: any strings; all of each is read.
        languages: the labels to choose among, after folding, all of them known; None for all.
        folded: labels that are counted as another.

    """
    choice = _choice(languages, tuple(sorted(folded.items())))
    if not texts:
        return [], []
    # The library's own preparation: capitals alone are lowered; composed.
    encoded = [
        normalize("NFC", text.lower() if text.isupper() else text).encode("utf-8", "surrogatepass") for text in texts
    ]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    best = np.empty(len(texts), np.int64)
    scores = np.empty(len(texts), np.float32)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    states = _model().automaton
    _classify(
        offsets,
        data,
        states.moves,
        states.rows,
        states.features,
        choice.weights,
        choice.priors,
        choice.label_of,
        best,
        scores,
    )
    return [choice.labels[i] for i in best.tolist()], scores.tolist()


@nb.njit(cache=True, nogil=True)
def _classify(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    moves: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.uint32],
    features: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    priors: npt.NDArray[np.float32],
    label_of: npt.NDArray[np.int64],
    best: npt.NDArray[np.int64],
    best_scores: npt.NDArray[np.float32],
) -> None:
    """Naive Bayes over the features that the automaton finds: writes the best label of each text and its probability."""
    counts = np.zeros(weights.shape[0], np.int32)
    found = np.empty(weights.shape[0], np.int64)
    scores = np.empty(priors.size, np.float32)
    totals = np.empty(label_of.max() + 1, np.float32)
    for i in range(offsets.size - 1):
        state = np.int64(0)
        num_found = 0
        for at in range(offsets[i], offsets[i + 1]):
            state = np.int64(moves[(np.int64(rows[state]) << 8) + data[at]])
            feature = features[state]
            if feature >= 0:
                if counts[feature] == 0:
                    found[num_found] = feature
                    num_found += 1
                counts[feature] += 1
        scores[:] = 0
        if num_found:
            scores += priors
        for k in range(num_found):
            weight = np.float32(np.log1p(np.float32(counts[found[k]])))
            counts[found[k]] = 0
            row = weights[found[k]]
            for c in range(scores.size):
                scores[c] += weight * row[c]
        # The library's temperature: the square root of the length in bytes keeps the probabilities calibrated.
        scale = np.float32(1.0 / np.sqrt(max(1, offsets[i + 1] - offsets[i])))
        highest = scores.max()
        totals[:] = 0
        for c in range(scores.size):
            totals[label_of[c]] += np.exp((scores[c] - highest) * scale)
        best[i] = totals.argmax()
        best_scores[i] = totals[best[i]] / totals.sum()
