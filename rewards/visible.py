"""What of a text can be seen. Pure.

Characters that show nothing make an empty answer look like one, two equal texts like two, and one word like several.
"""

import unicodedata
from typing import Final

_VISIBLE: Final = frozenset("LNPS")

_BLANKS: Final = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs by their category, drawn as a space: fillers of Hangul, the empty pattern of Braille."""

_INVISIBLE: Final = (0xAD, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
"""Soft hyphen, spaces of no width, marks of direction. Joiners are not among them: words and emoji are spelt with those."""

_SEEN: Final = {**dict.fromkeys(_INVISIBLE), **dict.fromkeys(map(ord, _BLANKS), " ")}


def has_content(text: str) -> bool:
    """Says whether a text holds anything to see: a letter, digit, sign or symbol. Spaces of zero width are nothing."""
    return any(unicodedata.category(char)[0] in _VISIBLE and char not in _BLANKS for char in text)


def seen(text: str) -> str:
    """Gives a text as it is seen: without what shows nothing, and with spaces where blanks are drawn."""
    return text if text.isascii() else text.translate(_SEEN)
