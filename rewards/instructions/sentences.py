"""Cuts English text into sentences as NLTK's Punkt does, with its abbreviations and opening words but without its model. Pure.

IFEval and IFBench count and number sentences with Punkt. The rules, in the order in which they are asked:

- A candidate is a `.`, `?` or `!` that a closing character follows, or white space and more text; of several in one stretch of
  text without white space, the last. Line breaks end nothing.
- `?` and `!` end a sentence. A full stop does, too, unless it follows an abbreviation or stands in a row of dots, and no usual
  opening word with a capital comes next; or follows a number, and a small letter comes next; or follows an initial and a name
  comes next. A letter at the begin of a line is a label, no initial.
- Closing quotes and brackets belong to the sentence that they close.

Each stretch is looked at once, so the time grows with the length of the text alone.
"""

import re
from typing import Final

from columnar.punkt_words import PUNKT_ABBREVIATIONS, PUNKT_OPENERS

_STRETCH: Final = re.compile(r"\S+")
_CLOSERS: Final = ")\";}]*:@'({[!?\u2018\u2019\u201c\u201d\u00ab\u00bb"
_CLOSING: Final = re.compile("[\"')\\]}\u2018\u2019\u201c\u201d\u00ab\u00bb]+?(?:\\s+|(?=--)|$)", re.MULTILINE)
_BEFORE_TOKEN: Final = re.compile("(?=')|[" + re.escape(_CLOSERS.replace("'", "")) + r"]|--|,(?!\d)")
_NUMBER: Final = re.compile(r"-?[.,]?\d[\d,.-]*")
_ABBREVIATIONS: Final = frozenset(PUNKT_ABBREVIATIONS.split())
_OPENERS: Final = frozenset(PUNKT_OPENERS.split())
_NAME_INITIALS: Final = frozenset("cdefghklmnprstvw")
"""Letters that Punkt knows as abbreviations: a full stop after one never ends a sentence."""

_LONGEST_TOKEN: Final = 64
"""No abbreviation or number that matters is longer; a longer stretch is not copied to look for one."""


def split_sentences(text: str) -> list[str]:
    """Gives the sentences in order, without the white space between them; none for white space alone."""
    bounds = _bounds(text)
    sentences = []
    pending = 0  # closing characters of this sentence that belong to the one before
    for place, (begin, end) in enumerate(bounds):
        start = begin + pending
        pending = 0
        stop = end
        if place + 1 < len(bounds):
            following, until = bounds[place + 1]
            closing = _CLOSING.match(text, following, until)
            if closing:
                stop = following + len(closing[0].rstrip())
                pending = closing.end() - following
        if start < stop:
            sentences.append(text[start:stop])
    return sentences


def _bounds(text: str) -> list[tuple[int, int]]:
    """Gives begin and end of each sentence before closing characters are put where they belong."""
    bounds = []
    begin = len(text) - len(text.lstrip())
    waiting: tuple[int, int] | None = (
        None  # a stretch whose last character may end a sentence: its start and that character
    )
    for stretch in _STRETCH.finditer(text):
        start, end = stretch.span()
        if waiting is not None and _ends(text, *waiting, start, end):
            bounds.append((begin, waiting[1] + 1))
            begin = start
        waiting = None
        place = _candidate(text, start, end)
        if place + 1 == end:
            waiting = (start, place)
        elif place >= 0 and _ends(text, start, place, place + 1, end):
            bounds.append((begin, place + 1))
            begin = place + 1
    stop = len(text.rstrip())
    if begin < stop:
        bounds.append((begin, stop))
    return bounds


def _candidate(text: str, start: int, end: int) -> int:
    """Gives the place of the last mark of a stretch that may end a sentence, -1 for none."""
    place = max(text.rfind(".", start, end), text.rfind("?", start, end), text.rfind("!", start, end))
    while place >= start:
        if place + 1 == end or text[place + 1] in _CLOSERS:
            return place
        before = place
        place = max(text.rfind(mark, max(start, before - _LONGEST_TOKEN), before) for mark in ".?!")
    return -1


def _ends(text: str, start: int, place: int, following: int, until: int) -> bool:
    """Says whether the mark at `place`, in the stretch from `start`, ends a sentence when `text[following:until]` comes next."""
    near = text[max(start, place - _LONGEST_TOKEN) : place + 1]
    if "?" in near or "!" in near:
        return True
    token = _BEFORE_TOKEN.split(near[:-1])[-1]
    after = text[following : min(until, following + _LONGEST_TOKEN)]
    word = token.lower()
    if len(word) == 1 and word.isalpha():
        name = after[0].isupper() and not _opens(after) and not _begins_line(text, place - 1)
        return word not in _NAME_INITIALS and not name and not after[0].islower()
    if token.endswith(".") or word in _ABBREVIATIONS or word.rpartition("-")[2] in _ABBREVIATIONS:
        return _opens(after)
    return not (_NUMBER.fullmatch(word) and after[0].islower())


def _begins_line(text: str, place: int) -> bool:
    """Says whether only spaces and list marks stand before `text[place]` in its line."""
    before = text[max(0, place - _LONGEST_TOKEN) : place].rstrip(" \t*_#>-(")
    return not before or before[-1] == "\n"


def _opens(stretch: str) -> bool:
    word = re.match(r"[^\W\d_]+", stretch)
    return word is not None and stretch[0].isupper() and word[0].lower() in _OPENERS
