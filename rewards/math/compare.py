"""Whether two trees are the same answer. The rules that settle what is ambiguous stand here, each beside its code.

The gold decides: its brackets say whether order matters, its written digits how exact an answer must be, its unit what an
answer without one means. The comparison is not symmetric.
"""

import dataclasses
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from rewards.math import solutions
from rewards.math.numeric import proportional, same_value
from rewards.math.tree import Kind, Node
from rewards.math.units import read_unit
from rewards.math.values import APPROXIMATION_DIGITS, Decimal, Field, UndecidedError, decimal_literal, exact_value

ROUNDED_GOLD_DIGITS: Final = 3
"""From so many significant digits on, a decimal gold is taken for a rounded value, which any answer that rounds to it meets."""

MAX_UNORDERED: Final = 64
"""Lists and sets up to this length match in any order; longer ones in order."""

_SCALARS: Final[frozenset[Kind]] = frozenset(
    ("number", "symbol", "constant", "negate", "add", "multiply", "divide", "power", "root", "call", "factorial", "binomial",
     "percent", "degree")
)  # fmt: skip


_HOLDERS: Final[tuple[Kind, ...]] = (
    "list",
    "tuple",
    "set",
    "union",
    "intersection",
    "matrix",
    "relation",
    "builder",
    "text",
    "quantity",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an answer may be from a gold that is a decimal, on top of the gold's own precision.

    Attributes:
        relative: as a share of the gold; 0 is the rule of written digits alone.
    """

    relative: float = 0.0


class Comparer:
    """Compares trees in one number system.

    Args:
        field: machine floats (quick, refutes) or long floats (confirms).
        tolerance: see `Tolerance`.
    """

    def __init__(self, field: Field, tolerance: Tolerance) -> None:
        self._field = field
        self._tolerance = tolerance
        self.exact = True
        """Whether everything so far was decided on exact values alone."""

    def same(self, gold: Node, answer: Node, *, member: bool = False) -> bool:
        """Says whether the answer is the gold.

        Args:
            gold: the gold, or a part of it.
            answer: the answer, or a part of it.
            member: they stand in lists, where the names of values count: `x = 1, y = 2` is not `x = 2, y = 1`.

        Raises:
            UndecidedError: when this number system cannot tell.
            TooComplexError: for a number beyond every float.
        """
        if gold == answer:
            return True
        gold, answer = solutions.expand(gold), solutions.expand(answer)
        gold, answer = solutions.unwrap(gold, answer, member=member), solutions.unwrap(answer, gold, member=member)
        if gold == answer:
            return True
        as_sets = solutions.both_as_sets(gold, answer)
        if as_sets is not None:
            return self._same_intervals(*as_sets)
        rule = self._rule(gold, answer)
        return rule(gold, answer) if rule is not None else False

    def _rule(self, gold: Node, answer: Node) -> Callable[[Node, Node], bool] | None:  # noqa: PLR0911 - a table
        kinds = (gold.kind, answer.kind)
        if kinds == ("relation", "relation"):
            return self._same_relation
        if gold.kind in {"list", "set"} and answer.kind in {"list", "set"}:
            return self._same_members
        if gold.kind == "tuple" and answer.kind in {"tuple", "list"}:
            return self._same_sequence
        if "matrix" in kinds and set(kinds) <= {"matrix", "tuple"}:
            return self._same_matrix
        if kinds == ("ratio", "ratio"):
            return self._same_ratio
        if kinds in {("ratio", "divide"), ("divide", "ratio")}:
            return self._ratio_and_fraction
        if set(kinds) <= _SCALARS | {"quantity"}:
            return self._same_quantity
        return None

    # Scalars.

    def _same_quantity(self, gold: Node, answer: Node) -> bool:  # noqa: PLR0911 - a table of cases
        """The question fixes the unit: an answer without one has the gold's. Two units must measure the same thing.

        A percent sign is the factor 1/100 where the gold has it (10 % is 0.1 and not 10); a gold without one leaves open
        whether the question asked for percent, so for the gold 10 both 10 and 10 % are right, and for 0.1 both 0.1 and 10 %.
        """
        (gold_value, gold_unit), (answer_value, answer_unit) = solutions.split_unit(gold), solutions.split_unit(answer)
        if gold_unit == answer_unit:
            return self._same_scalar(gold_value, answer_value)
        if "percent" in {gold_unit, answer_unit}:
            if gold_unit not in {"", "percent"} or answer_unit not in {"", "percent"}:
                return False
            share = Node("percent", "", (gold_value if gold_unit else answer_value,))
            if gold_unit:
                return self._same_scalar(share, answer_value)
            return self._same_scalar(gold_value, answer_value) or self._same_scalar(gold_value, share)
        if not gold_unit or not answer_unit:
            return self._same_scalar(gold_value, answer_value)
        gold_measure, answer_measure = read_unit(gold_unit), read_unit(answer_unit)
        if gold_measure is None or answer_measure is None or gold_measure[0] != answer_measure[0]:
            return False
        factor = answer_measure[1] / gold_measure[1]
        if factor != 1:
            literal = Node(
                "divide", "", (Node("number", str(factor.numerator)), Node("number", str(factor.denominator)))
            )
            answer_value = Node("multiply", "", (answer_value, literal))
        return self._same_scalar(gold_value, answer_value)

    def _same_scalar(self, gold: Node, answer: Node) -> bool:
        if gold == answer:
            return True
        if gold.has("constant") or answer.has("constant"):
            signs = solutions.infinity_sign(gold), solutions.infinity_sign(answer)
            if any(signs):
                return signs[0] == signs[1]
        if gold.has(*_HOLDERS) or answer.has(*_HOLDERS):
            return False  # a set, a word or a number with its own base inside a sum has no value
        gold_decimal, answer_decimal = decimal_literal(gold), decimal_literal(answer)
        left, right = exact_value(gold), exact_value(answer)
        if left is not None and right is not None:
            return left == right or self._close(left, right, gold_decimal, answer_decimal)
        self.exact = False
        allowed = self._allowed(left, gold_decimal, answer_decimal, answer_exact=right is not None)
        if gold.symbols() or answer.symbols():
            allowed = None
        result = same_value(gold, answer, self._field, allowed)
        if result is None:
            raise UndecidedError("no conclusion at this precision")
        return result

    def _close(
        self, gold: Fraction, answer: Fraction, gold_decimal: Decimal | None, answer_decimal: Decimal | None
    ) -> bool:
        allowed = self._allowed(gold, gold_decimal, answer_decimal, answer_exact=True)
        if allowed is None:
            return False
        if gold_decimal and not answer_decimal and gold_decimal.digits < ROUNDED_GOLD_DIGITS and terminates(answer):
            return False  # 0.35 is not 0.354 written as a fraction
        return abs(gold - answer) <= allowed

    def _allowed(
        self, gold: Fraction | None, gold_decimal: Decimal | None, answer_decimal: Decimal | None, *, answer_exact: bool
    ) -> Fraction | None:
        """How far apart the two may be; None for not at all.

        - A decimal gold of three or more digits is met by what rounds to it, and not by a decimal with fewer places.
        - One of two digits is met by an exact form that rounds to it (0.33 by 1/3), not by another decimal.
        - An exact gold that no decimal equals (1/3, the root of 2) is met by its decimal of six or more digits, rounded or cut.
        """
        if self._tolerance.relative and gold is not None:
            return abs(gold) * Fraction(self._tolerance.relative)
        if gold_decimal:
            if answer_decimal and (
                answer_decimal.unit > gold_decimal.unit or gold_decimal.digits < ROUNDED_GOLD_DIGITS
            ):
                return None
            return gold_decimal.unit / 2 if gold_decimal.digits >= 2 else None
        if answer_decimal and answer_decimal.digits >= APPROXIMATION_DIGITS and (gold is None or not terminates(gold)):
            return answer_decimal.unit if answer_exact else None
        return None

    # What holds scalars.

    def _same_members(self, gold: Node, answer: Node) -> bool:
        """Lists and sets: the same members in any order. A set counts equal members once, a list each time."""
        ours, theirs = list(gold.children), list(answer.children)
        if "set" in {gold.kind, answer.kind}:
            ours, theirs = list(dict.fromkeys(ours)), list(dict.fromkeys(theirs))
        return self._match(ours, theirs)

    def _match(self, golds: Sequence[Node], answers: Sequence[Node]) -> bool:
        if len(golds) != len(answers):
            return False
        if len(golds) > MAX_UNORDERED:
            return all(self.same(one, other) for one, other in zip(golds, answers, strict=True))
        left = list(answers)
        undecided = False
        for one in golds:
            for place, other in enumerate(left):
                try:
                    found = self.same(one, other, member=True)
                except UndecidedError:
                    undecided = True
                    continue
                if found:
                    del left[place]
                    break
            else:
                if undecided:
                    raise UndecidedError("a member that may be in the list")
                return False
        return True

    def _same_sequence(self, gold: Node, answer: Node) -> bool:
        """Tuples and intervals: the same members in order, the same brackets; an answer may leave the brackets out."""
        if answer.kind == "tuple" and solutions.brackets(gold) != solutions.brackets(answer):
            return False
        return self._in_order(gold.children, answer.children)

    def _in_order(self, golds: Sequence[Node], answers: Sequence[Node]) -> bool:
        return len(golds) == len(answers) and all(
            self.same(one, other) for one, other in zip(golds, answers, strict=True)
        )

    def _same_matrix(self, gold: Node, answer: Node) -> bool:
        """Matrices by cell. A matrix of one row or column is also the tuple of its cells."""
        left, right = solutions.cells(gold), solutions.cells(answer)
        if left is None or right is None:
            return False
        if gold.kind == answer.kind and left[0] != right[0]:
            return False
        if gold.kind != answer.kind and 1 not in (left[0] or right[0] or ()):
            return False
        return self._in_order(left[1], right[1])

    def _same_intervals(self, gold: Sequence[Node], answer: Sequence[Node]) -> bool:
        if len(gold) == len(answer) == 1:
            return self._one_interval(gold[0], answer[0])
        return len(gold) == len(answer) and all(any(self._one_interval(one, other) for other in answer) for one in gold)

    def _one_interval(self, gold: Node, answer: Node) -> bool:
        if gold.kind != "tuple" or answer.kind != "tuple":
            return self.same(gold, answer)
        return solutions.brackets(gold) == solutions.brackets(answer) and self._in_order(gold.children, answer.children)

    def _same_ratio(self, gold: Node, answer: Node) -> bool:
        """Ratios up to a common factor: 2:4 is 1:2, and 1:4:9 is not 1:2:3."""
        if len(gold.children) != len(answer.children):
            return False
        first, other_first = gold.children[0], answer.children[0]
        return all(
            self.same(Node("multiply", "", (one, other_first)), Node("multiply", "", (other, first)))
            for one, other in zip(gold.children[1:], answer.children[1:], strict=True)
        )

    def _ratio_and_fraction(self, gold: Node, answer: Node) -> bool:
        ratio, fraction = (gold, answer) if gold.kind == "ratio" else (answer, gold)
        return len(ratio.children) == 2 and self._same_ratio(ratio, Node("ratio", "", fraction.children))

    def _same_relation(self, gold: Node, answer: Node) -> bool:
        """Equations and inequalities: the same up to a constant factor and the side things stand on.

        `y = 2x + 1` is `2x - y + 1 = 0`; `3x - y + 13 = 0` is not `3x + 4y + 14 = 0`. Names of variables count.
        """
        left, right = solutions.standard_form(gold), solutions.standard_form(answer)
        if left is None or right is None:
            same_shape = gold.value == answer.value and len(gold.children) == len(answer.children)
            return same_shape and self._in_order(gold.children, answer.children)
        if left[0] != right[0]:
            return False
        self.exact = False
        if not left[1].symbols() and not right[1].symbols():
            return left[1] == right[1]
        result = proportional(left[1], right[1], self._field, positive=left[0] in {"<", "<="})
        if result is None:
            raise UndecidedError("no conclusion about two equations")
        return result


def terminates(value: Fraction) -> bool:
    """Says whether a fraction has a decimal that ends, so that an exact decimal could have been written."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
