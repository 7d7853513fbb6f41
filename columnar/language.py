"""Which language a document is in: several engines behind one name. Pure: no I/O but an engine's model file.

Engines are `py3langid` (the default: 139 languages, its model comes with the package), `langdetect` and `fasttext` (any model by its path,
lid.176 for one). All are given the same folding of near languages, and answer `zxx`, "no linguistic content", for text with too
few letters outside formulas and addresses.

A document-level label cannot measure mixing: `columnar.mixing` does.
"""

from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from columnar import langid
from columnar.codepoints import LETTER, SPACE, UNSPACED, properties
from columnar.fasttext_classifier import Classifier, load_classifier
from columnar.fasttext_model import read_labels
from columnar.masking import find_masks
from columnar.text import buffers, decode
from columnar.writing import FOLDED, NO_LANGUAGE

__all__ = [
    "ENGINES",
    "FOLDED",
    "NO_LANGUAGE",
    "LanguageLabels",
    "check_engine",
    "identify",
]

# Fewer letters than this, or a smaller share of the visible characters, is no language. A letter of a script without spaces
# counts for two, as two of them make a word.
MIN_LETTERS = 3
MIN_LETTER_SHARE = 0.1
MASKED_CHARS = 1 << 16  # so much of a text that may be formulas or addresses alone is looked at for them
_AFTER_HEBREW = "\u0600"
_MARKS = np.zeros(128, np.bool_)
_MARKS[np.frombuffer(b"0123456789\\$^_{}=/@<>|~`#[]+*%", np.uint8)] = True


class LanguageLabels(NamedTuple):
    """What `identify` says of each document: a label (ISO 639) and its probability among the languages asked for."""

    languages: pa.StringArray
    scores: pa.FloatArray


_Detect = Callable[[pa.LargeStringArray, frozenset[str] | None], tuple[list[str], list[float]]]


def identify(
    texts: pa.LargeStringArray,
    engine: str = "py3langid",
    languages: Collection[str] | None = None,
    model_path: str | Path | None = None,
    max_chars: int | None = None,
) -> LanguageLabels:
    """Identifies the language of each document.

    Args:
        texts: the documents; slices are honoured.
        engine: one of `ENGINES`.
        languages: the only labels to choose among, folded (`zh` covers `wuu` and `yue`); by default all that the engine knows.
            Fewer languages make fewer mistakes. The score is then the label's share of the probability of these: a text of
            another language gets one of them all the same, so keep a language that takes in what else there is.
        model_path: the model file of `fasttext`; the other engines take none.
        max_chars: look only at so many characters from the start; by default at the whole text. langdetect never looks at
            more than 10,000.

    Returns:
        Labels (folded by `FOLDED`; `zxx` where letters are too few) and scores 0..1 (1 for such a `zxx`; 0 for a `zxx` of a
        text in which the engine knows nothing); no nulls. The same text gets the same answer in any batch.

    Raises:
        ValueError: see `check_engine`.
        TypeError: see `columnar.text.buffers`.
    """
    _check_settings(engine, languages, model_path)
    buffers(texts)  # refuses what no engine could read
    looked_at = texts if max_chars is None else pc.utf8_slice_codeunits(texts, 0, max_chars)
    spoken = _has_language(looked_at)
    labels = np.full(len(texts), NO_LANGUAGE, object)
    scores = np.ones(len(texts), np.float32)
    detect = ENGINES[engine](None if model_path is None else str(model_path))
    wanted = None if languages is None else frozenset(languages)
    found, found_scores = detect(looked_at if spoken.all() else looked_at.filter(pa.array(spoken)), wanted)
    labels[spoken] = found
    scores[spoken] = found_scores
    return LanguageLabels(pa.array(labels, pa.string()), pa.array(scores, pa.float32()))


def check_engine(engine: str, languages: Collection[str] | None = None, model_path: str | Path | None = None) -> None:
    """Checks settings of `identify` before there is a text. Of a fastText model only the labels are read.

    Raises:
        ValueError: an unknown engine; a language that the engine does not know, with those that it knows; `model_path` missing,
            not asked for, or no model.
    """
    _check_settings(engine, languages, model_path)
    if engine == "fasttext":
        _check_known(
            f"the model {Path(str(model_path)).name}", languages, {_label(n) for n in read_labels(str(model_path))}
        )
    elif languages is not None:
        ENGINES[engine](None)(pa.array([], pa.large_string()), frozenset(languages))


def _check_settings(engine: str, languages: Collection[str] | None, model_path: str | Path | None) -> None:
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if (model_path is None) == (engine == "fasttext"):
        raise ValueError(
            "engine 'fasttext' needs model_path" if model_path is None else f"engine {engine!r} takes no model_path"
        )
    if languages is not None and not languages:
        raise ValueError("languages is empty: leave it out to choose among all")


def _py3langid(_: str | None) -> _Detect:
    def detect(texts: pa.LargeStringArray, languages: frozenset[str] | None) -> tuple[list[str], list[float]]:
        _check_known("py3langid", languages, {_label(name) for name in langid.classes()})
        return langid.classify(texts.to_pylist(), languages, FOLDED)

    return detect


def _langdetect(_: str | None) -> _Detect:
    def detect(texts: pa.LargeStringArray, languages: frozenset[str] | None) -> tuple[list[str], list[float]]:
        from langdetect.lang_detect_exception import LangDetectException  # noqa: PLC0415 - only who asks for an engine loads it

        factory = _langdetect_profiles()
        _check_known("langdetect", languages, {_label(name) for name in factory.langlist})
        ranked = []
        for text in texts.to_pylist():
            detector = factory.create()
            if languages is not None:
                detector.set_prior_map({name: 1.0 for name in factory.langlist if _label(name) in languages})
            detector.append(text)
            try:
                ranked.append([(found.lang, found.prob) for found in detector.get_probabilities()])
            except LangDetectException:  # nothing in the text that any profile knows, a rare script say
                ranked.append([])
        return _best(ranked)

    return detect


@lru_cache(maxsize=1)
def _langdetect_profiles() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory  # noqa: PLC0415 - as above

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.seed = 0  # on this factory alone: the class's own seed belongs to whoever else uses the library
    return factory


def _fasttext(path: str | None) -> _Detect:
    model = load_classifier(str(path))

    def detect(texts: pa.LargeStringArray, languages: frozenset[str] | None) -> tuple[list[str], list[float]]:
        chosen, groups = _fasttext_groups(model, languages, Path(str(path)).name)
        shares = model.probabilities(texts, groups, len(chosen), faint=languages is not None)
        if languages is not None:
            totals = shares.sum(axis=1, keepdims=True)
            shares /= np.where(totals > 0, totals, np.float32(1))
        best = shares.argmax(axis=1) if len(texts) else np.empty(0, np.int64)
        scores = shares[np.arange(len(texts)), best]
        labels = [chosen[i] if score > 0 else NO_LANGUAGE for i, score in zip(best.tolist(), scores, strict=True)]
        return labels, scores.tolist()

    return detect


def _fasttext_groups(model: Classifier, languages: frozenset[str] | None, name: str) -> tuple[list[str], list[int]]:
    """Gives the folded labels to choose among, and the place among them of each of the model's labels; -1 for none."""
    folded = [_label(label) for label in model.labels]
    _check_known(f"the model {name}", languages, set(folded))
    chosen = list(dict.fromkeys(label for label in folded if languages is None or label in languages))
    place = {label: i for i, label in enumerate(chosen)}
    return chosen, [place.get(label, -1) for label in folded]


def _label(name: str) -> str:
    return FOLDED.get(name, name)


ENGINES: dict[str, Callable[[str | None], _Detect]] = {
    "py3langid": _py3langid,
    "langdetect": _langdetect,
    "fasttext": _fasttext,
}


def _check_known(engine: str, languages: Collection[str] | None, known: set[str]) -> None:
    unknown = sorted(set(languages or ()) - known)
    if unknown:
        raise ValueError(
            f"{engine} does not know the language(s) {', '.join(unknown)}; it knows {', '.join(sorted(known))}"
        )


def _best(ranked: list[list[tuple[str, float]]]) -> tuple[list[str], list[float]]:
    """Folds each document's ranking and gives its best label and probability; `zxx` and 0 for an empty ranking."""
    labels, scores = [], []
    for row in ranked:
        shares: dict[str, float] = {}
        for name, probability in row:
            shares[_label(name)] = shares.get(_label(name), 0.0) + probability
        label = max(shares, key=shares.__getitem__, default=NO_LANGUAGE)
        labels.append(label)
        scores.append(min(1.0, shares.get(label, 0.0)))
    return labels, scores


def _has_language(texts: pa.LargeStringArray) -> npt.NDArray[np.bool_]:
    """Says for each text whether it holds letters enough, outside formulas and addresses, to be in a language."""
    offsets, data = buffers(texts)
    letters = np.zeros(len(texts), np.int64)
    plain = np.zeros(len(texts), np.int64)
    ink = np.zeros(len(texts), np.int64)
    _count_letters(offsets, data, properties(), letters, plain, ink)
    spoken = _enough(plain, ink)
    # The masks are exact and slow: they are for the few texts in which no plain words show.
    for i in np.flatnonzero(~spoken & _enough(letters, ink)).tolist():
        bare = pa.array([_without_masks(texts[i].as_py()[:MASKED_CHARS])], pa.large_string())
        counts = np.zeros((3, 1), np.int64)
        _count_letters(*buffers(bare), properties(), counts[0], counts[1], counts[2])
        spoken[i] = _enough(counts[0], ink[i : i + 1])[0]
    return spoken


def _enough(letters: npt.NDArray[np.int64], ink: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray((letters >= MIN_LETTERS) & (letters >= MIN_LETTER_SHARE * ink), np.bool_)


def _without_masks(text: str) -> str:
    """Leaves out what is no language; of a formula, letters of scripts that formulas do not use stay."""
    parts, at = [], 0
    for mask in find_masks(text):
        parts.append(text[at : mask.start])
        if mask.kind == "math":
            parts.append("".join(c for c in text[mask.start : mask.end] if c >= _AFTER_HEBREW))
        at = mask.end
    return " ".join([*parts, text[at:]])


@nb.njit(cache=True, nogil=True)
def _count_letters(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    letters: npt.NDArray[np.int64],
    plain: npt.NDArray[np.int64],
    ink: npt.NDArray[np.int64],
) -> None:
    """Counts letters (those of scripts without spaces twice), those of plain words, and visible characters of each document.

    An ASCII letter is of a plain word if its word (between white space) has two letters or more and none of the characters
    that formulas and addresses are made with, nor a digit. Any other letter is.
    """
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        word, marked = 0, False
        while at < end:
            if data[at] < 0x80:
                point, size = np.int64(data[at]), 1
            else:
                point, size = decode(data, at, end)
            at += size
            bits = table[point]
            if bits & SPACE:
                if word > 1 and not marked:
                    plain[i] += word
                word, marked = 0, False
                continue
            ink[i] += 1
            if bits & LETTER:
                weight = 1 + ((bits & UNSPACED) != 0)
                letters[i] += weight
                if point < 0x80:
                    word += 1
                else:
                    plain[i] += weight
            elif point < 0x80:
                marked = marked or _MARKS[point]
        if word > 1 and not marked:
            plain[i] += word
