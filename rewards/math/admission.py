r"""What is worth the engine's time. Cheap text rules, a few passes over a short text; nothing is computed.

SymPy spends seconds and more on what takes ten characters to write (`7^{10^8}`, `10^6!`, sums to a billion), and a tenth of a second
on any sentence. In a batch of thousands that is the time of all other samples, so both are turned away here. The reader's own
grammar (`rewards.math.reader`) computes within bounds and does not ask.
"""

import re
from typing import Final

from rewards.math.latex import normalise
from rewards.math.scalars import CONSTANT_WORDS

MAX_ENGINE_CHARS: Final = 1_000
"""A longer formula is not given to the engine, whose grammar takes a millisecond a character. Golds have under 600."""

MAX_ENGINE_EXPONENT: Final = 50
"""The largest power of a bracket: what a power of a sum expands to."""

MAX_ENGINE_NUMBER_DIGITS: Final = 3
"""How many digits an exponent, a bound of a sum, an argument of a factorial or of a binomial may have."""

_BRACE: Final = re.compile(r"(?<!\\)[{}]")
_OPENING: Final = re.compile(r"[(\[]|\\\{|\\langle(?![A-Za-z])")
_CLOSING: Final = re.compile(r"[)\]]|\\\}|\\rangle(?![A-Za-z])")
_CUT_OFF: Final = re.compile(
    r"(?:[-+*/^_=<>&(\\,]|\\(?:cdot|times|div|le|ge|ne|frac|sqrt|text|begin|end|left|right|pm|in|cup|angle))\s*$|\\frac\s?\{[^{}]*(?:\{[^{}]*\}[^{}]*){0,9}\}\s*$"
)
_DOTS: Final = re.compile(r"\\[lc]?dots(?![A-Za-z])")
_NO_FORMULA: Final = re.compile(r"\\[nrt](?![A-Za-z])|\d:\d\d\s?(?:\\text)?\s?\{?\s?[ap](?![A-Za-z]{2})", re.IGNORECASE)
_FREE_LETTER: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])")
_LONG_WORD: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")

_SMALL_POWER: Final = re.compile(r"(?<![A-Za-z\\])[A-Za-z]\s?\^\s?(?:\{\s?-?\d\s?\}|\d)")
_DEGREES: Final = re.compile(r"\^\s?\\circ")
_SMALL_FACTORIAL: Final = re.compile(r"(?<![\d^{}])(?:\d{1,3}|[a-z])!(?!!)")
_BIG_NUMBER: Final = re.compile(rf"\d{{{MAX_ENGINE_NUMBER_DIGITS + 1},}}")
_COUNTED: Final = re.compile(r"\\(?:binom|gcd|lcm|prod|sum|lim|i{0,3}int|bmod|pmod|mod)(?![A-Za-z])|\^")
_BRACKET_POWER: Final = re.compile(r"[)}\]]\s?\^\s?(?:\{\s?(\d+)\s?\}|(\d+))")
_BARE_TOWER: Final = re.compile(r"\^\s?[A-Za-z0-9]+\s?\^")


def not_mathematics(text: str) -> str:
    """Says why no engine could read a text; empty for what may be a formula."""
    plain = normalise(text)
    if not any(char.isalnum() for char in plain):
        return "no_number_or_letter"
    if not _balanced(plain):
        return "unbalanced"
    if _CUT_OFF.search(plain):
        return "cut_off"
    if "..." in plain or _DOTS.search(plain):
        return "ellipsis"
    if '"' in plain or _NO_FORMULA.search(plain):
        return "prose"
    words = [word for word in _LONG_WORD.findall(plain) if word.lower() not in CONSTANT_WORDS]
    return "prose" if len(words) > 1 or any(len(word) > 3 and not word.isupper() for word in words) else ""


def _balanced(plain: str) -> bool:
    depth = 0
    for brace in _BRACE.findall(plain):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0 and len(_OPENING.findall(plain)) == len(_CLOSING.findall(plain))


def free_letters(text: str) -> bool:
    """Whether a formula has letters that stand for unknowns: any alone but e and i."""
    return any(letter not in "ei" for letter in _FREE_LETTER.findall(normalise(text)))


def too_costly(text: str) -> str:
    """Says why the engine could spend seconds on a formula; empty for one that it may have."""
    plain = _SMALL_POWER.sub("v", _DEGREES.sub("", normalise(text)))
    if len(plain) > MAX_ENGINE_CHARS:
        return f"over {MAX_ENGINE_CHARS} characters"
    if "!" in _SMALL_FACTORIAL.sub("", plain):
        return "a factorial of a large or long argument"
    if _nested_power(plain):
        return "a power in an exponent"
    if _COUNTED.search(plain) and _BIG_NUMBER.search(plain):
        return "a large number beside a power, sum or product"
    powers = [int(braced or bare) for braced, bare in _BRACKET_POWER.findall(plain)]
    return f"a bracket to over {MAX_ENGINE_EXPONENT}" if max(powers, default=0) > MAX_ENGINE_EXPONENT else ""


def _nested_power(plain: str) -> bool:
    """Whether an exponent, or a bound of a sum, holds a power of its own."""
    inside: list[bool] = []  # for each open brace, whether an exponent is open
    after_power = False
    for place, char in enumerate(plain):
        if char == "{":
            inside.append(after_power or bool(inside and inside[-1]))
        elif char == "}" and inside:
            inside.pop()
        elif char == "^" and (any(inside[-1:]) or _BARE_TOWER.match(plain, place)):
            return True
        if not char.isspace():
            after_power = char in "^_"
    return False
