"""Which language a document is in: several engines behind one name. Pure: no I/O but an engine's model file.

Engines are `py3langid` (the default: 139 languages, its model comes with the package), `langdetect` and `fasttext` (any model by its path,
lid.176 for one). All read the same beginning of a document, are given the same folding of near languages, and answer `zxx`,
"no linguistic content", for text with too few letters.

A document-level label cannot measure mixing: `columnar.mixing` does, and its names stand here too.
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
from columnar.mixing import LanguageCounts, Severity, Span, consistency, foreign_spans
from columnar.text import buffers, decode

__all__ = [
    "ENGINES",
    "FOLDED",
    "NO_LANGUAGE",
    "PREFIX_CHARS",
    "LanguageCounts",
    "LanguageLabels",
    "Severity",
    "Span",
    "consistency",
    "foreign_spans",
    "identify",
]

PREFIX_CHARS = 2048  # characters of a document that are looked at; its language shows long before
NO_LANGUAGE = "zxx"
# Fewer letters than this, or a smaller share of the visible characters, is no language. A letter of a script without spaces
# counts for two, as two of them make a word.
MIN_LETTERS = 3
MIN_LETTER_SHARE = 0.1
# Languages that are told apart by few and used as one by most, and other spellings of a label.
FOLDED = {"wuu": "zh", "yue": "zh", "zh-cn": "zh", "zh-tw": "zh", "arz": "ar", "ary": "ar", "pcm": "en"}


class LanguageLabels(NamedTuple):
    """What `identify` says of each document: a label (ISO 639) and its probability among the languages asked for."""

    languages: pa.StringArray
    scores: pa.FloatArray


_Detect = Callable[[list[str], frozenset[str] | None], tuple[list[str], list[float]]]


def identify(
    texts: pa.LargeStringArray,
    engine: str = "py3langid",
    languages: Collection[str] | None = None,
    model_path: str | Path | None = None,
) -> LanguageLabels:
    """Identifies the language of each document by its first `PREFIX_CHARS` characters.

    Args:
        texts: the documents; slices are honoured.
        engine: one of `ENGINES`.
        languages: the only labels to choose among, folded (`zh` covers `wuu` and `yue`); by default all that the engine knows.
            Fewer languages make fewer mistakes.
        model_path: the model file of `fasttext`; the other engines take none.

    Returns:
        Labels (folded by `FOLDED`; `zxx` where letters are too few) and scores 0..1 (1 for such a `zxx`); no nulls. The same
        text gets the same answer in any batch.

    Raises:
        ValueError: an unknown engine or language, or `model_path` missing or not asked for.
        TypeError: see `columnar.text.buffers`.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if (model_path is None) == (engine == "fasttext"):
        raise ValueError(
            "engine 'fasttext' needs model_path" if model_path is None else f"engine {engine!r} takes no model_path"
        )
    wanted = None if languages is None else frozenset(languages)
    if wanted is not None and not wanted:
        raise ValueError("languages is empty: leave it out to choose among all")
    buffers(texts)  # refuses what no engine could read
    prefixes = pc.utf8_slice_codeunits(texts, 0, PREFIX_CHARS)
    spoken = _has_language(prefixes)
    labels = np.full(len(texts), NO_LANGUAGE, object)
    scores = np.ones(len(texts), np.float32)
    detect = ENGINES[engine](None if model_path is None else str(model_path))
    found, found_scores = detect(prefixes.filter(pa.array(spoken)).to_pylist(), wanted)
    labels[spoken] = found
    scores[spoken] = found_scores
    return LanguageLabels(pa.array(labels, pa.string()), pa.array(scores, pa.float32()))


def _py3langid(_: str | None) -> _Detect:
    def detect(texts: list[str], languages: frozenset[str] | None) -> tuple[list[str], list[float]]:
        return langid.classify(texts, languages, FOLDED)

    return detect


def _langdetect(_: str | None) -> _Detect:
    def detect(texts: list[str], languages: frozenset[str] | None) -> tuple[list[str], list[float]]:
        from langdetect.lang_detect_exception import LangDetectException  # noqa: PLC0415 - only who asks for an engine loads it

        factory = _langdetect_profiles()
        _check_known("langdetect", languages, {_label(name) for name in factory.langlist})
        ranked = []
        for text in texts:
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
    model = _fasttext_model(str(path))

    def detect(texts: list[str], languages: frozenset[str] | None) -> tuple[list[str], list[float]]:
        _check_known(f"the model {Path(str(path)).name}", languages, {_label(name) for name in model.labels})
        if not texts:
            return [], []
        # All labels, since near ones are added up; a line break would end the text.
        names, probabilities = model.predict([text.replace("\n", " ") for text in texts], k=-1)
        ranked = []
        for row_names, row_probabilities in zip(names, probabilities, strict=True):
            row = [(n, float(p)) for n, p in zip(row_names, row_probabilities, strict=True)]
            if languages is not None:
                row = [(n, p) for n, p in row if _label(n) in languages]
                total = sum(p for _, p in row) or 1.0
                row = [(n, p / total) for n, p in row]
            ranked.append(row)
        return _best(ranked)

    return detect


def _label(name: str) -> str:
    label = name.removeprefix("__label__")
    return FOLDED.get(label, label)


@lru_cache(maxsize=2)
def _fasttext_model(path: str) -> Any:
    import fasttext  # noqa: PLC0415 - as above

    if not Path(path).is_file():
        raise ValueError(f"model_path {path!r} is not a file")
    return fasttext.load_model(path)


ENGINES: dict[str, Callable[[str | None], _Detect]] = {
    "py3langid": _py3langid,
    "langdetect": _langdetect,
    "fasttext": _fasttext,
}


def _check_known(engine: str, languages: frozenset[str] | None, known: set[str]) -> None:
    unknown = sorted((languages or frozenset()) - known)
    if unknown:
        raise ValueError(f"{engine} does not know the language(s) {', '.join(unknown)}")


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
    """Says for each text whether it holds letters enough to be in a language."""
    offsets, data = buffers(texts)
    letters = np.zeros(len(texts), np.int64)
    ink = np.zeros(len(texts), np.int64)
    _count_letters(offsets, data, properties(), letters, ink)
    return (letters >= MIN_LETTERS) & (letters >= MIN_LETTER_SHARE * ink)


@nb.njit(cache=True, nogil=True)
def _count_letters(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    letters: npt.NDArray[np.int64],
    ink: npt.NDArray[np.int64],
) -> None:
    """Counts letters (those of scripts without spaces twice) and visible characters of each document."""
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        while at < end:
            if data[at] < 0x80:
                point, size = np.int64(data[at]), 1
            else:
                point, size = decode(data, at, end)
            at += size
            bits = table[point]
            ink[i] += (bits & SPACE) == 0
            letters[i] += ((bits & LETTER) != 0) + ((bits & UNSPACED) != 0)
