"""IFBench's checks of counts and ratios: how many words, names, numbers, sentences of a kind. Pure.

As all checks: a `Response` and the instruction's arguments; None when it is followed, else why it is not.
"""

import re
from collections import Counter
from typing import Final

from rewards.instructions import lexicon
from rewards.instructions.ifeval import compare
from rewards.instructions.response import Response
from rewards.instructions.sentences import split_sentences
from rewards.instructions.words import bare, tokens, without_punctuation, word_runs

_DIGITS: Final = re.compile(r"\d+")
_JAPANESE: Final = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
_MARKS: Final = ".,!?;:"
_INTERROBANGS: Final = ("?!", "!?", "\u203d")
_CLOSING: Final = "\"')]}*_\u2019\u201d\u00bb"
_KEYWORD_TIMES: Final = (1, 2, 3, 5, 7)
_OVERLAP_MARGIN: Final = 2


def at_least(what: str, found: int, wanted: int) -> str | None:
    """Says why a count is too small; None when it is not."""
    return compare(what, found, "at least", wanted)


def word_count_range(response: Response, low: int, high: int) -> str | None:
    """From `low` to `high` runs of word characters."""
    found = response.num_word_runs
    return None if low <= found <= high else f"{found} words, wanted {low} to {high}"


def unique_words(response: Response, wanted: int) -> str | None:
    """At least so many different words, less the punctuation around them, whatever their case."""
    found = {word for stretch in response.text.lower().split() if (word := bare(stretch))}
    return at_least("different words", len(found), wanted)


def stop_words(response: Response, percentage: int) -> str | None:
    """At most so many of a hundred words are stop words."""
    if not response.num_word_runs:
        return "no words"
    share = 100 * sum(word.lower() in lexicon.STOP_WORDS for word in response.word_runs) / response.num_word_runs
    return None if share <= percentage else f"{share:.1f} % stop words, wanted at most {percentage}"


def sentence_type_ratio(response: Response) -> str | None:
    """Twice as many sentences end in `.` as in `?`, and some do: none of either is no ratio."""
    ends = _ends(response)
    return None if ends["."] == 2 * ends["?"] > 0 else f"{ends['.']} declarative, {ends['?']} interrogative"


def sentence_balance(response: Response) -> str | None:
    """As many sentences end in `.` as in `?` and in `!`, and some do."""
    ends = _ends(response)
    if ends["."] == ends["?"] == ends["!"] > 0:
        return None
    return f"{ends['.']} declarative, {ends['?']} interrogative, {ends['!']} exclamatory"


def conjunctions(response: Response, wanted: int) -> str | None:
    """At least so many different coordinating conjunctions."""
    found = {word for stretch in response.stretches if (word := bare(stretch).lower()) in lexicon.CONJUNCTIONS}
    return at_least("conjunctions", len(found), wanted)


def person_names(response: Response, wanted: int) -> str | None:
    """At least so many different names of the fifty, each as a word."""
    found = set(response.word_runs).intersection(lexicon.PERSON_NAMES)
    return at_least("names", len(found), wanted)


def overlap(response: Response, reference: str, percentage: int) -> str | None:
    """So many of a hundred different runs of three characters stand in the reference, too, give or take two."""
    found, known = _trigrams(response.text), _trigrams(reference)
    if not found:
        return "shorter than three characters"
    share = 100 * len(found & known) / len(found)
    return None if abs(share - percentage) <= _OVERLAP_MARGIN else f"{share:.1f} % overlap, wanted {percentage}"


def numbers(response: Response, wanted: int) -> str | None:
    """Exactly so many runs of digits once punctuation is gone: `1,234.5` is one."""
    found = len(_DIGITS.findall(without_punctuation(response.text)))
    return None if found == wanted else f"{found} numbers, wanted {wanted}"


def pronouns(response: Response, wanted: int) -> str | None:
    """At least so many pronouns; `she/her` is two, `it's` one."""
    words = tokens(split_sentences(response.text.replace("/", " ").lower()))
    return at_least("pronouns", sum(word in lexicon.PRONOUNS for word in words), wanted)


def punctuation(response: Response) -> str | None:
    """Each of `. , ! ? ; :` beside an interrobang: `?!`, `!?` or `‽`."""
    mark = next((mark for mark in _INTERROBANGS if mark in response.text), None)
    if mark is None:
        return "no interrobang"
    rest = response.text.replace(mark, "", 1)
    missing = [mark for mark in _MARKS if mark not in rest]
    return f"no {' '.join(missing)}" if missing else None


def japanese_words(response: Response, every: int) -> str | None:
    """Every nth stretch holds a kana or a kanji; bare numbers and marks are let be, but not all may be such."""
    found = 0
    for place in range(every - 1, len(response.stretches), every):
        word = bare(response.stretches[place])
        if word and not word.isdigit() and not _JAPANESE.search(word):
            return f"word {place + 1} is {word[:40]!r}"
        found += _JAPANESE.search(word) is not None
    return None if found else "no Japanese word"


def keywords_multiple(response: Response, *keywords: str) -> str | None:
    """Five keywords stand once, twice, three, five and seven times, in large or small letters, inside longer words too."""
    text = response.text.lower()
    for keyword, wanted in zip(keywords, _KEYWORD_TIMES, strict=True):
        found = text.count(keyword.strip().lower())
        if found != wanted:
            return f"{found} times {keyword!r}, wanted {wanted}"
    return None


def repeats(response: Response, wanted: int) -> str | None:
    """No word stands more often than that."""
    most = Counter(response.plain_words).most_common(1)
    return f"{most[0][1]} times {most[0][0][:40]!r}, wanted at most {wanted}" if most and most[0][1] > wanted else None


def equal_sentences(response: Response) -> str | None:
    """Three sentences of as many characters each, and no word twice."""
    sentences = response.sentences
    if len(sentences) != 3:
        return f"{len(sentences)} sentences, wanted 3"
    lengths = [len(sentence.strip()) for sentence in sentences]
    if len(set(lengths)) > 1:
        return f"sentences of {lengths[0]}, {lengths[1]} and {lengths[2]} characters"
    words = [word for sentence in sentences for word in word_runs(sentence.lower())]
    twice = next((word for word, found in Counter(words).items() if found > 1), None)
    return None if twice is None else f"{twice!r} stands twice"


def _ends(response: Response) -> Counter[str]:
    """Counts sentences by their last character; a closing quote, bracket or Markdown mark hides none: `"Why?"` is a question."""
    return Counter(sentence.rstrip(_CLOSING)[-1:] for sentence in response.sentences)


def _trigrams(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)}
