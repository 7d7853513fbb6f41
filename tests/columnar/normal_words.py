"""The published normalisation on whole strings, and plain Python sets of word n-grams: the oracle of the shingle kernel."""

import re
import unicodedata

from test_signals import plain_words

from columnar.normalization import DECIMAL_SEPARATORS, PUNCTUATION


def simplified(text: str) -> str:
    text = text.lower().replace("ς", "σ")
    text = re.sub(rf"\d+(?:[{DECIMAL_SEPARATORS}]\d+)?", "0", text)
    text = " ".join(text.translate(dict.fromkeys(map(ord, PUNCTUATION), " ")).split())
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")


def plain_shingles(text: str, ngram: int) -> set[tuple[str, ...]]:
    words = plain_words(simplified(text))
    if 0 < len(words) < ngram:
        return {tuple(words)}
    return {tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)}


def plain_jaccard(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    return len(left & right) / len(left | right) if left or right else 0.0
