"""Whether two scalars, or two equations, are the same: by their values, within proven error, at fixed points.

`None` means that this number system cannot tell. Two formulas that agree within the error bound at every point, to sixty
digits and more, are the same formula for every purpose of grading.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from rewards.math.tree import GoldTooComplexError, Node, TooComplexError
from rewards.math.values import BeyondFloatsError, Bounded, Evaluator, Field, UndecidedError

_PRIMES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)
_POINTS: Final = 7
_ENOUGH_POINTS: Final = 3
_SLACK: Final = 64


def points(names: frozenset[str]) -> Iterator[dict[str, Fraction]]:
    """Gives the fixed points at which formulas are compared: positive ones first, then with signs mixed.

    Raises:
        UndecidedError: for more symbols than points are made for.
    """
    if len(names) > len(_PRIMES):
        raise UndecidedError(f"{len(names)} symbols")
    count = _POINTS if names else 1
    for turn in range(count):
        point = {}
        for place, name in enumerate(sorted(names)):
            prime = _PRIMES[place]
            value = Fraction((prime * 7919 * (turn + 1) + 104729 * (place + 1)) % 9973 + 1009, 4001)
            negative = turn >= 4 and (turn + place) % 2 == 0
            point[name] = -value if negative else value
        yield point


def _both(evaluator: Evaluator, gold: Node, answer: Node) -> tuple[Bounded, Bounded]:
    try:
        left = evaluator.value(gold)
    except TooComplexError as failure:
        raise GoldTooComplexError(str(failure)) from failure
    return left, evaluator.value(answer)


def same_value(gold: Node, answer: Node, field: Field, tolerance: Fraction | None = None) -> bool | None:
    """Says whether two scalars are equal, or within `tolerance` of each other where one is given.

    Raises:
        TooComplexError: for a number beyond every float.
    """
    names = gold.symbols() | answer.symbols()
    agreed = 0
    for point in points(names):
        lifted = {name: field.lift(value) for name, value in point.items()}
        evaluator = Evaluator(field, lifted)
        try:
            (left, left_error), (right, right_error) = _both(evaluator, gold, answer)
        except BeyondFloatsError as beyond:
            if beyond.node is answer:  # and the gold is a float: they are far apart, and no engine need be asked
                return False
            continue
        except UndecidedError:
            continue
        error = (left_error + right_error) * _SLACK
        distance = abs(left - right)
        allowed: Any = 0 if tolerance is None else abs(field.lift(tolerance))
        if distance > error + allowed:
            return False
        if tolerance is not None and distance + error > allowed:
            continue
        agreed += 1
    enough = agreed >= (_ENOUGH_POINTS if names else 1)
    return True if enough and (field.confirms or tolerance is not None) else None


def proportional(gold: Node, answer: Node, field: Field, *, positive: bool) -> bool | None:
    """Says whether one scalar is a constant multiple of the other: whether `gold = 0` and `answer = 0` are one equation.

    Args:
        gold: the one.
        answer: the other.
        field: the number system.
        positive: the multiple must be positive, as for inequalities.
    """
    names = gold.symbols()
    if names != answer.symbols() or not names:
        return False if names or answer.symbols() else same_value(gold, answer, field)
    first: tuple[Any, Any, Any, Any] | None = None
    agreed = 0
    for point in points(names):
        evaluator = Evaluator(field, {name: field.lift(value) for name, value in point.items()})
        try:
            (left, left_error), (right, right_error) = _both(evaluator, gold, answer)
        except UndecidedError:
            continue
        if abs(left) <= left_error * _SLACK or abs(right) <= right_error * _SLACK:
            continue
        if positive and complex(left / right).real < 0:
            return False
        if first is None:
            first = (left, left_error, right, right_error)
            continue
        one, other = left * first[2], right * first[0]
        error = abs(left) * first[3] + left_error * abs(first[2]) + abs(right) * first[1] + right_error * abs(first[0])
        if abs(one - other) > (error + abs(one) * field.epsilon) * _SLACK:
            return False
        agreed += 1
    return True if agreed >= _ENOUGH_POINTS and field.confirms else None
