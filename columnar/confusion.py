r"""Line and word pass rates of the Language Confusion Benchmark (Marchisio et al. 2024, arXiv 2406.20052). Pure: the model is given.

They are what others publish, so they are here as the benchmark's code has them: a response is cut before "\nQ:", its ASCII punctuation
is removed, a line is judged if it has `MIN_TOKENS` tokens, and passes if fastText's first label (not folded: `yue` is not `zh`) is the
expected one and more probable than `MIN_PROBABILITY`. Tokens are what stands between white space. Neither rate sees mixing inside a
line ("sinh成的"): `columnar.mixing` does.

One thing differs: the benchmark cuts Chinese with jieba and Japanese with MeCab, to tell lines of five tokens and to find Latin words.
Here letters of scripts without spaces count `LETTERS_A_TOKEN` to a token, their mean in its responses, which judges 0.4 % of Chinese
lines and 0.9 % of Japanese ones otherwise.
"""

import re
import string
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from columnar.codepoints import UNSPACED, properties
from columnar.fasttext_classifier import Classifier

MIN_TOKENS = 5
MIN_PROBABILITY = 0.3
MIN_ENGLISH_LETTERS = 4
#: The languages that have a word pass rate: in one of Latin letters an English word may be its own.
WORD_LANGUAGES = frozenset({"ar", "hi", "ja", "ko", "ru", "zh"})
LETTERS_A_TOKEN = 1.8

_UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my"})
_REMOVED = str.maketrans({**dict.fromkeys([*string.punctuation, "،"]), "—": " "})
_LATIN_WORD = re.compile(r"[A-Za-z0-9]+")


class PassRates(NamedTuple):
    """The rates (None where there is nothing to judge) and of how many responses each is."""

    line: float | None
    word: float | None
    num_line_judged: int
    num_word_judged: int


def english_words(lines: Iterable[str]) -> frozenset[str]:
    """Makes a dictionary ready for `word_pass`: words all in small letters, of `MIN_ENGLISH_LETTERS` or more, one a line."""
    words = (line.strip() for line in lines)
    return frozenset(word for word in words if word.islower() and len(word) >= MIN_ENGLISH_LETTERS)


def line_pass(texts: Sequence[str], targets: Sequence[str], classifier: Classifier) -> pa.BooleanArray:
    """Says of each response whether every line of it that is long enough to judge is in the language expected.

    Args:
        texts: responses.
        targets: the language expected of each (ISO 639; a region after it is ignored).
        classifier: a fastText model of languages, lid.176 for one.

    Returns:
        bool[len(texts)], null where no line is long enough: the benchmark leaves such a response out.

    Raises:
        ValueError: as many texts as targets are needed.
    """
    judged = [_judged_lines(text, _code(target)) for text, target in zip(texts, targets, strict=True)]
    # A lone surrogate has no UTF-8; the model knows neither it nor the question mark.
    lines = [line.encode("utf-8", "replace").decode() for of_text in judged for line in of_text]
    probabilities = classifier.probabilities(pa.array(lines, pa.large_string()))
    best = probabilities.argmax(axis=1).tolist() if lines else []
    sure = (probabilities.max(axis=1, initial=0.0) > MIN_PROBABILITY).tolist()
    verdicts: list[bool | None] = []
    at = 0
    for of_text, target in zip(judged, targets, strict=True):
        place = range(at, at + len(of_text))
        at += len(of_text)
        wanted = _code(target)
        verdicts.append(all(sure[i] and classifier.labels[best[i]] == wanted for i in place) if of_text else None)
    return pa.array(verdicts, pa.bool_())


def word_pass(texts: Sequence[str], targets: Sequence[str], words: frozenset[str]) -> pa.BooleanArray:
    """Says of each response whether its long lines are free of English words.

    Args:
        texts: responses.
        targets: the language expected of each.
        words: what `english_words` gives.

    Returns:
        bool[len(texts)], null where there is no line of `MIN_TOKENS` tokens and where the target is none of `WORD_LANGUAGES`.
        The rate is over responses that `line_pass` passes; see `pass_rates`.

    Raises:
        ValueError: as many texts as targets are needed.
    """
    verdicts: list[bool | None] = []
    for text, target in zip(texts, targets, strict=True):
        language = _code(target)
        lines = _judged_lines(text, language) if language in WORD_LANGUAGES else []
        cut = _LATIN_WORD.findall if language in _UNSPACED_LANGUAGES else str.split
        verdicts.append(all(words.isdisjoint(cut(line)) for line in lines) if lines else None)
    return pa.array(verdicts, pa.bool_())


def pass_rates(lines: pa.BooleanArray, words: pa.BooleanArray) -> PassRates:
    """Counts up what `line_pass` and `word_pass` gave for the same responses.

    A benchmark's own figure is the mean over languages of the mean over sources of these rates.
    """
    pairs = list(zip(lines.to_pylist(), words.to_pylist(), strict=True))
    line_verdicts = [line for line, _ in pairs if line is not None]
    word_verdicts = [word for line, word in pairs if line and word is not None]
    return PassRates(_share(line_verdicts), _share(word_verdicts), len(line_verdicts), len(word_verdicts))


def _share(verdicts: list[bool]) -> float | None:
    return sum(verdicts) / len(verdicts) if verdicts else None


def _code(target: str) -> str:
    return re.split(r"[-_]", target, maxsplit=1)[0].lower()


def _judged_lines(response: str, language: str) -> list[str]:
    """Gives the lines of a response that have tokens enough, without punctuation."""
    lines = response.split("\nQ:", 1)[0].strip().translate(_REMOVED).split("\n")
    if language in _UNSPACED_LANGUAGES:
        return [line for line in lines if _num_tokens(line, language) >= MIN_TOKENS]
    return [line for line in lines if len(line.split()) >= MIN_TOKENS]


def _num_tokens(line: str, language: str) -> int:
    """Estimates into how many tokens jieba or MeCab would cut a line; to jieba a space is one."""
    letters, others = _unspaced()
    rest, num_letters = letters.subn(" ", line)
    num_others = len(others.findall(rest)) + (line.count(" ") if language == "zh" else 0)
    return round(num_letters / LETTERS_A_TOKEN) + num_others


@cache
def _unspaced() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Makes the patterns of a letter of a script without spaces, and of any other token."""
    points = np.flatnonzero(properties() & UNSPACED)
    runs = np.split(points, np.flatnonzero(np.diff(points) > 1) + 1)
    ranges = "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
    return re.compile(f"[{ranges}]"), re.compile(r"\w+|[^\w\s]")
