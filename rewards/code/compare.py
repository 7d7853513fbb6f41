"""What a program wrote or returned against what was expected. It runs outside of the sandbox, on plain data. Pure.

Nothing of the program takes part: its values arrive as data, so an object that calls itself equal to everything does not exist here. An
output is compared whole: a missing or an extra line is a difference, and an empty expectation is met by an empty output alone.
"""

import dataclasses
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, Literal

from rewards.code.jobs import NotData

OutputMode = Literal["lines", "tokens", "exact"]

_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,4})?\Z", re.ASCII)
_NAN: Final = re.compile(r"[+-]?nan\Z", re.ASCII | re.IGNORECASE)
_DECIMAL_MARKS: Final = frozenset(".eE")


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """How outputs and values of one gold are compared.

    Attributes:
        output: `lines` compares line by line without the white space at the end of each, and without blank lines at both ends;
            `tokens` compares what white space parts; `exact` every character.
        numbers: tokens that are numbers are compared as such, exactly: `1.0` is `1`, `+3` is `3`.
        abs_tol: a float may be off by so much; in an output only where the expected token is written as one (`.` or an exponent).
        rel_tol: or by this share of the expected one.
        ignore_case: of outputs: `YES` is `yes`.
        list_is_tuple: a tuple will do for a list and a list for a tuple, at any depth.
        as_set: the items of the outermost list, tuple or set are compared without order and number.
        nan_is_nan: NaN meets NaN, in values and outputs.
    """

    output: OutputMode = "lines"
    numbers: bool = False
    abs_tol: float = 0.0
    rel_tol: float = 0.0
    ignore_case: bool = False
    list_is_tuple: bool = True
    as_set: bool = False
    nan_is_nan: bool = True


def same_output(given: bytes, expected: str, rules: Rules) -> bool:
    """Says whether a program's stdout is the expected one. Bytes that are no UTF-8 equal nothing."""
    try:
        text = given.decode()
    except UnicodeDecodeError:
        return False
    if rules.output == "exact":
        return _fold(text, rules) == _fold(expected, rules)
    if rules.output == "tokens":
        return _same_tokens(text.split(), expected.split(), rules)
    ours, theirs = _lines(text), _lines(expected)
    if len(ours) != len(theirs):
        return False
    return all(
        _fold(one, rules) == _fold(other, rules)
        or (_is_numeric(rules) and _same_tokens(one.split(), other.split(), rules))
        for one, other in zip(ours, theirs, strict=True)
    )


def plain_output(text: str, rules: Rules) -> str:
    """Gives an output without what the rules take no notice of; numbers with six digits where they allow a tolerance.

    Outputs that are the same by the rules and differ here are off by a rounding: no test of equality, for that is `same_output`.
    """
    if rules.output == "exact":
        return _fold(text, rules)
    if rules.output == "tokens" or _is_numeric(rules):
        lines = [" ".join(_plain_token(token, rules) for token in line.split()) for line in _lines(text)]
        return (" " if rules.output == "tokens" else "\n").join(lines)
    return _fold("\n".join(_lines(text)), rules)


def _plain_token(token: str, rules: Rules) -> str:
    if not _is_numeric(rules) or not _NUMBER.match(token):
        return _fold(token, rules)
    exact = not (rules.abs_tol or rules.rel_tol)
    return str(Decimal(token).normalize()) if exact else f"{float(token):.6g}"


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    begin, end = 0, len(lines)
    while begin < end and not lines[begin]:
        begin += 1
    while end > begin and not lines[end - 1]:
        end -= 1
    return lines[begin:end]


def _same_tokens(given: list[str], expected: list[str], rules: Rules) -> bool:
    return len(given) == len(expected) and all(
        _same_token(one, other, rules) for one, other in zip(given, expected, strict=True)
    )


def _same_token(given: str, expected: str, rules: Rules) -> bool:
    if _fold(given, rules) == _fold(expected, rules):
        return True
    if not _is_numeric(rules):
        return False
    if _NAN.match(given) and _NAN.match(expected):
        return rules.nan_is_nan
    if not (_NUMBER.match(given) and _NUMBER.match(expected)):
        return False
    if (rules.abs_tol or rules.rel_tol) and not _DECIMAL_MARKS.isdisjoint(expected):
        return _close(float(given), float(expected), rules)
    return rules.numbers and Decimal(given) == Decimal(expected)


def _is_numeric(rules: Rules) -> bool:
    return rules.numbers or rules.abs_tol > 0 or rules.rel_tol > 0


def _fold(text: str, rules: Rules) -> str:
    return text.casefold() if rules.ignore_case else text


def same_value(given: Any, expected: Any, rules: Rules) -> bool:
    """Says whether a returned value is the expected one, as Python's `==` on plain data has it, but for what the rules say.

    Values nested deeper than Python's stack are not the same, nor is what cannot be compared at all, as a signaling NaN. `NotData`
    equals nothing.
    """
    try:
        if rules.as_set and _is_collection(given) and _is_collection(expected):
            return _same_members(given, expected)
        return _same(given, expected, rules)
    except (RecursionError, ArithmeticError, TypeError, ValueError):
        return False


def _is_collection(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset)


def _same_members(given: Any, expected: Any) -> bool:
    try:
        return _same_sets(given, set(expected))
    except TypeError:  # items that have no hash: lists of lists
        return _same_sets(map(_frozen, given), set(map(_frozen, expected)))


def _same_sets(given: Iterable[Any], expected: set[Any]) -> bool:
    """Puts no item into a set but those that are expected: others may be made to have one hash, which takes quadratic time."""
    found = set()
    for item in given:
        if item not in expected:
            return False
        found.add(item)
    return len(found) == len(expected)


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(_frozen(item) for item in value)
    if isinstance(value, dict):
        return frozenset((_frozen(key), _frozen(inner)) for key, inner in value.items())
    return value


def _same(given: Any, expected: Any, rules: Rules) -> bool:
    if isinstance(given, NotData) or isinstance(expected, NotData):
        return False
    if isinstance(expected, list | tuple):
        alike = isinstance(given, list | tuple) and (rules.list_is_tuple or type(given) is type(expected))
        return (
            alike
            and len(given) == len(expected)
            and all(_same(one, other, rules) for one, other in zip(given, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(given, dict)
            and given.keys() == expected.keys()
            and all(_same(given[key], value, rules) for key, value in expected.items())
        )
    if isinstance(given, float) or isinstance(expected, float):
        return _same_float(given, expected, rules)
    return bool(given == expected)


def _same_float(given: Any, expected: Any, rules: Rules) -> bool:
    if given == expected:
        return True
    if not _is_real(given) or not _is_real(expected):
        return False
    try:
        if math.isnan(given) or math.isnan(expected):
            return rules.nan_is_nan and math.isnan(given) and math.isnan(expected)
        return _close(given, expected, rules)
    except OverflowError:  # an int beyond the range of floats
        return False


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _close(given: float, expected: float, rules: Rules) -> bool:
    return math.isclose(given, expected, rel_tol=0.0, abs_tol=max(rules.abs_tol, rules.rel_tol * abs(expected)))
