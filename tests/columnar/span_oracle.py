"""Passages found and cut in plain Python over strings, for tests of `columnar.spans` and of the job. Shares no code with them."""

import re
from collections import Counter

from columnar.codepoints import UNSPACED, properties

_WIDE = "。！？｡"
_TERMINAL = ".?!…" + _WIDE
_CLOSER = "\"')]}»”’』」】）》›"


def _lines(text):
    at = 0
    for line in text.splitlines(keepends=True):
        yield at, line
        at += len(line)


def _sentences(text):
    for begin, line in _lines(text):
        start, end = None, 0
        for at, char in enumerate(line):
            if start is not None:
                said = line[start:at].rstrip(_CLOSER)
                tail = re.search(f"[{re.escape(_TERMINAL + _CLOSER)}]*$", line[start:at])[0]
                wide = any(other in _WIDE for other in tail) and said[-1:] in _TERMINAL and said
                if (char.isspace() and said and said[-1] in _TERMINAL) or (
                    wide and not char.isspace() and char not in _TERMINAL + _CLOSER
                ):
                    yield begin + start, line[start:at]
                    start = None
            if start is None and not char.isspace():
                start = at
            end = at + 1
        if start is not None:
            yield begin + start, line[start:end]


def _words(text):
    """As `columnar.words`, by its words: unspaced letters stand alone with what follows them that is no letter or digit."""
    table = properties()
    start, kind = None, ""
    for at, char in enumerate(text):
        if char.isspace():
            now = ""
        elif table[ord(char)] & UNSPACED:
            now = "unspaced"
        elif char.isalnum():
            now = "spaced"
        else:
            now = kind or "bare"
        begins = now != "" and (
            kind == ""
            or (now == "unspaced" and char.isalnum() and kind != "bare" and table[ord(char)] & UNSPACED)
            or (kind == "unspaced" and now == "spaced")
        )
        if start is not None and (begins or now == ""):
            yield start, text[start:at]
            start = None
        if begins:
            start = at
        kind = now
    if start is not None:
        yield start, text[start:]


def atoms(text, unit):
    """(character where it begins, what it says with white space collapsed) of each."""
    if unit == "line":
        found = [(at, line) for at, line in _lines(text) if line.strip()]
    elif unit == "paragraph":
        found, is_open = [], False
        for at, line in _lines(text):
            if not line.strip():
                is_open = False
            elif is_open:
                found[-1] = (found[-1][0], found[-1][1] + line)
            else:
                found.append((at, line))
                is_open = True
    else:
        found = list(_sentences(text) if unit == "sentence" else _words(text))
    return [(at, " ".join(said.split())) for at, said in found]


def spans(text, unit, size=1, min_chars=1):
    """(start, end, what it says as a tuple of atoms)."""
    found = atoms(text, unit)
    starts = [at for at, _ in found] + [len(text)]
    said = [tuple(what for _, what in found[at : at + size]) for at in range(len(found) - size + 1)]
    return [
        (starts[at], starts[at + size], words)
        for at, words in enumerate(said)
        if unit == "ngram" or len(" ".join(words)) >= min_chars
    ]


def cut(text, intervals):
    gone = {at for start, end in intervals for at in range(start, end)}
    left = "".join(char for at, char in enumerate(text) if at not in gone)
    return left.rstrip() if len(text) - 1 in gone else left


def deduplicated(texts, unit, size=1, min_chars=1, min_copies=2):
    """Texts in their order -> (what is left of each, for each the set of earlier texts that its cut passages first stood in)."""
    found = [spans(text, unit, size, min_chars) for text in texts]
    copies = Counter(what for each in found for _, _, what in each)
    first, left = {}, []
    for number, (text, each) in enumerate(zip(texts, found, strict=True)):
        gone, owners = [], set()
        for start, end, what in each:
            owner = first.setdefault(what, (number, start))
            if owner != (number, start) and copies[what] >= min_copies:
                gone.append((start, end))
                owners.add(owner[0])
        left.append((cut(text, gone), owners))
    return left
