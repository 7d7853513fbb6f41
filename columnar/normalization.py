"""The published text normalisation of near-duplicate search, as one table by code point. Pure: no I/O.

It is datatrove 0.10.1's default, which FineWeb was deduplicated with, in its order: lower case; each decimal number, with at
most one decimal separator inside, becomes `0`; its list of punctuation and control characters becomes spaces; white space
collapses; NFD; nonspacing marks (category Mn) go.

It works character by character, so it differs from the string functions where these look around: a final sigma is a sigma
(as if text were folded), and two spacing marks in an unusual order stay in it.
"""

from functools import cache
from typing import NamedTuple
from unicodedata import category, decomposition, normalize

import numpy as np
import numpy.typing as npt

from columnar.codepoints import DECIMAL, NUM_CODE_POINTS, SPACE, properties

# Facts of datatrove 0.10.1: what it replaces by a space beside control characters, and what may stand inside a number.
PUNCTUATION = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»" + "".join(
    chr(c) for c in (*range(9), 11, 12, *range(13, 32), *range(127, 160))
)
DECIMAL_SEPARATORS = ".,،٫⎖⎗⎘"

# What the table says of a code point: zero or more is the character that it becomes.
DROPPED = -1
BLANK = -2
DIGIT = -3
HANGUL = -4  # decomposed by arithmetic: U+AC00 + (lead * 21 + vowel) * 28 + tail
SEQUENCE = -16  # -16 - k: the characters pool[starts[k]:starts[k + 1]]

_RULED = frozenset(PUNCTUATION + "ς")
_HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)
# Nothing at or above has a lower case, a decomposition or a mark, but the compatibility ideographs and tags below.
_PLAIN_BLOCKS = ((0x3400, 0xA000), (0xE000, 0xF900), (0x20000, 0x2F800), (0x2FA20, 0xE0100), (0xE01F0, NUM_CODE_POINTS))


class NormalForms(NamedTuple):
    """`forms` int32[0x110000] by code point; `starts` and `pool` hold the sequences."""

    forms: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    pool: npt.NDArray[np.int32]


def normal_form(character: str) -> str:
    """Gives the characters that one character becomes, numbers and white space apart."""
    lower = "σ" if character in "Σς" else character.lower()
    spaced = "".join(" " if c in PUNCTUATION else c for c in lower)
    return "".join(c for c in normalize("NFD", spaced) if category(c) != "Mn")


@cache
def normal_forms() -> NormalForms:
    """Builds the table, once a process, in about 0.1 s."""
    forms = np.arange(NUM_CODE_POINTS, dtype=np.int32)
    pool: list[int] = []
    starts = [0]
    number: dict[str, int] = {}
    plain = dict(_PLAIN_BLOCKS)
    point = 0
    while point < NUM_CODE_POINTS:
        if point in plain:
            point = plain[point]
            continue
        if point == _HANGUL_SYLLABLES.start:
            point = _HANGUL_SYLLABLES.stop
            continue
        character = chr(point)
        point += 1
        decomposed = decomposition(character)
        if character.lower() == character and (not decomposed or decomposed[0] == "<") and character not in _RULED:
            if category(character) == "Mn":
                forms[ord(character)] = DROPPED
            continue
        form = normal_form(character)
        if len(form) == 1:
            forms[ord(character)] = BLANK if form == " " else ord(form)
        elif not form:
            forms[ord(character)] = DROPPED
        else:
            if form not in number:
                number[form] = len(number)
                pool.extend(map(ord, form))
                starts.append(len(pool))
            forms[ord(character)] = SEQUENCE - number[form]
    bits = properties()
    forms[(bits & SPACE) > 0] = BLANK
    forms[(bits & DECIMAL) > 0] = DIGIT
    forms[_HANGUL_SYLLABLES.start : _HANGUL_SYLLABLES.stop] = HANGUL
    tables = NormalForms(forms, np.array(starts, np.int32), np.array(pool, np.int32))
    for table in tables:
        table.flags.writeable = False
    return tables
