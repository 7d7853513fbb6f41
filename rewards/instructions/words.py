"""Cuts text into words, and knows of a word its syllables. Pure rules; no word list but a few dozen exceptions.

The published checks cut in three ways, and which one is meant decides many verdicts, so all three are here: runs of word
characters (`count_words` of IFEval), stretches between white space less punctuation, and tokens as the Penn Treebank has them
(NLTK's `word_tokenize`), where marks stand alone and `it's` is `it` and `'s`.
"""

import re
import string
from typing import Final

PUNCTUATION: Final = string.punctuation
"""ASCII punctuation: what the published checks strip from words."""

_WORD: Final = re.compile(r"\w+")
_UNPUNCTUATED: Final = str.maketrans("", "", PUNCTUATION)
_TOKEN: Final = re.compile(
    r"\.{2,}|-{2,}|(?:[^\s?!;@#$%&*()\[\]{}<>\"“”«»…—–`,:.\-]|[,:](?=\d)|\.(?!\.)|-(?!-))+|\S",
)
_ENCLITIC: Final = re.compile(r"(n['’]t|['’](?:s|m|d|ll|re|ve)?)$", re.IGNORECASE)
_FUSED: Final = {
    "cannot": 3, "gonna": 3, "gotta": 3, "gimme": 3, "lemme": 3, "wanna": 3, "'tis": 2, "'twas": 2, "d'ye": 2,
}  # fmt: skip
_LAST_STOP: Final = re.compile(r"(?<=[^.])\.(?=[\])}>\"'”»’ ]*$)")


_TAIL: Final = 32
"""The last full stop of a sentence, with closing characters after it, is looked for in so many characters."""


def word_runs(text: str) -> list[str]:
    r"""Gives the runs of letters, digits and underscores (`\w+`): what IFEval counts as words."""
    return _WORD.findall(text)


def without_punctuation(text: str) -> str:
    """Gives the text less ASCII punctuation: `well-known` becomes one word."""
    return text.translate(_UNPUNCTUATED)


def stands_alone(word: str, text: str) -> bool:
    """Says whether a word stands somewhere in the text by itself, in large or small letters; `C++` too, which ends in no letter."""
    return re.search(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE) is not None


def bare(word: str) -> str:
    """Gives a word less the punctuation around it."""
    return word.strip(PUNCTUATION + " ")


def tokens(sentences: list[str]) -> list[str]:
    """Gives the tokens of sentences: words, marks alone, and the second half of `it's`, `don't` and `cannot` apart."""
    found: list[str] = []
    for sentence in sentences:
        head, tail = sentence[:-_TAIL], sentence[-_TAIL:]
        for match in _TOKEN.finditer(head + _LAST_STOP.sub(" . ", tail)):
            _add_token(found, match[0])
    return found


def _add_token(found: list[str], token: str) -> None:
    if len(token) == 1:
        found.append(token)
        return
    if token[0] == "'" and not _ENCLITIC.fullmatch(token) and token.lower() not in _FUSED:
        found.append("'")
        token = token[1:]
    cut = _FUSED.get(token.lower())
    if cut is not None:
        found += [token[:cut], token[cut:]]
        return
    tail = _ENCLITIC.search(token, max(0, len(token) - 3))
    if tail and tail.start() > 0:
        found += [token[: tail.start()], tail[0]]
    else:
        found.append(token)


_VOWELS: Final = re.compile(r"[aeiouy]+")
_SILENT: Final = re.compile(
    r"(?<=[^aeiouy])e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouyszxgc])(?<!sh)(?<!ch)es$|(?<=[gq])ue$"
    r"|(?<=[aeiouy][^aeiouyl])e(?=(?:ment|ful|ness|ly|less|work|thing|time|fore|where|land|scape)[a-z]{0,5}$)"
)
_SYLLABIC_END: Final = re.compile(r"[^aeiouylrw]le[sd]?$")
_HIATUS: Final = re.compile(
    r"(?<![tcsgxv])i[ao]|[ct]ia(?=t)|(?<![tc])ie(?=nc|nt|t)|sci(?=e)|iety$|eo(?!u)|crea(?=t)|rea(?=l(?!m))|[aeiouy]ing|(?<![qg])u[ao]"
    r"|(?<![qg])ue(?=nc|nt)|[aeou]y(?=[aeiou])|ao|coo(?=p|rd)|[^aeiouy]sms?$"
)
_SYLLABLES: Final = {
    "area": 3, "being": 2, "business": 2, "different": 3, "every": 2, "evening": 2, "everything": 3, "eyes": 1, "everyone": 3, "idea": 3,
    "ideas": 3, "linear": 3, "nuclear": 3, "people": 2, "poem": 2, "poet": 2, "someone": 2, "therefore": 2,
}  # fmt: skip


def count_syllables(word: str) -> int:
    """Gives the syllables of an English word in small letters by its groups of vowels; 0 for a word without any letter.

    A rule, not a dictionary: about nine of ten common words are right. A word of another script counts as one.
    """
    if not any(map(str.isalpha, word)):
        return 0
    known = _SYLLABLES.get(word)
    if known is not None:
        return known
    groups = len(_VOWELS.findall(word)) + len(_HIATUS.findall(word))
    if not _SYLLABIC_END.search(word):
        groups -= len(_SILENT.findall(word))
    return max(1, groups)
