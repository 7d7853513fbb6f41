"""The value of a scalar tree: an exact fraction where it is one, else a number with a bound on its error.

Two number systems serve the same evaluator: machine floats, which may only refute (they run in the caller's process, in
microseconds), and long floats, which run in the killable process and may also confirm. Nothing here simplifies or solves.
"""

import cmath
import dataclasses
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from rewards.math.tree import Node, TooComplexError

MAX_BITS: Final = 40_000
"""Exact values are kept up to this size (12,000 digits; 2006! has 5,765): beyond it only a float is computed."""

MAX_TOTAL_BITS: Final = 1_000_000
"""All exact values within one tree together; the greatest common divisors of long fractions cost the square of their length."""

MAX_SUM_BITS: Final = 8_000
"""The terms of one exact sum together: every partial sum of fractions needs the greatest common divisor of all so far."""

MAX_EXPONENT_BITS: Final = 64
"""An exponent is looked at exactly up to this size, to see an odd root or a whole power."""

MAX_EXACT_FACTORIAL: Final = 3_000
MAX_FACTORIAL: Final = 10**7
"""The largest argument of a factorial or binomial whose size is computed at all."""

MAX_LOG2: Final = 1e10
"""The largest binary logarithm of a power: 7^{10^8} is within, a tower of three levels is not."""

_ROUNDINGS: Final = frozenset({"abs", "floor", "ceil"})
_FLOAT_LOG: Final = 1000
_FLOAT_FACTORIAL: Final = 200
"""A power of e, and a factorial, far beyond the largest machine float (e^709, 170!)."""

APPROXIMATION_DIGITS: Final = 6
"""So many significant digits a decimal needs to stand for an exact gold that no decimal equals, such as 1/3 or the root of 2."""


class UndecidedError(Exception):
    """This number system cannot tell: a pole, a branch that is not defined, or too little precision."""


class BeyondFloatsError(UndecidedError):
    """A power or factorial is larger than every machine float, whatever it is exactly.

    Attributes:
        node: that power or factorial.
    """

    def __init__(self, node: Node) -> None:
        super().__init__("beyond machine floats")
        self.node = node


def exact_value(node: Node, max_bits: int = MAX_BITS) -> Fraction | None:
    """Gives the rational value of a tree, None when it has none by construction or when a part of it would pass the bounds."""
    return _exact(node, max_bits, [MAX_TOTAL_BITS])


def _exact(node: Node, max_bits: int, left: list[int]) -> Fraction | None:
    if node.kind == "number":
        return Fraction(node.value)
    if node.kind not in {
        "negate",
        "add",
        "multiply",
        "divide",
        "power",
        "factorial",
        "binomial",
        "percent",
        "root",
        "call",
    }:
        return None
    values: list[Fraction] = []
    for child in node.children:
        value = _exact(child, max_bits, left)
        if value is None:
            return None
        values.append(value)
    result = _combine(node, values)
    if result is None:
        return None
    left[0] -= _bits(result)
    return None if left[0] < 0 or _bits(result) > max_bits else result


def _combine(node: Node, values: list[Fraction]) -> Fraction | None:  # noqa: C901, PLR0911, PLR0912 - one line an operation
    first = values[0]
    match node.kind:
        case "negate":
            return -first
        case "add":
            return sum(values, Fraction(0)) if sum(map(_bits, values)) <= MAX_SUM_BITS else None
        case "multiply":
            return first * values[1]
        case "divide":
            return first / values[1] if values[1] else None
        case "percent":
            return first / 100
        case "power":
            return _exact_power(first, values[1])
        case "root":
            return _exact_power(first, 1 / values[1]) if values[1] else None
        case "factorial":
            return Fraction(math.factorial(int(first))) if _is_count(first, MAX_EXACT_FACTORIAL) else None
        case "binomial":
            if not (_is_count(first, MAX_EXACT_FACTORIAL) and _is_count(values[1], MAX_EXACT_FACTORIAL)):
                return None
            return Fraction(math.comb(int(first), int(values[1])))
        case "call" if node.value == "abs":
            return abs(first)
        case "call" if node.value == "floor":
            return Fraction(math.floor(first))
        case "call" if node.value == "ceil":
            return Fraction(math.ceil(first))
    return None


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if base == 0:
        return Fraction(0) if exponent > 0 else None
    if exponent.denominator > 64 or abs(exponent.numerator) * max(1, _bits(base)) > MAX_BITS:
        return base if base == 1 else None
    if exponent.denominator != 1:
        roots = [_exact_root(part, exponent.denominator) for part in (base.numerator, base.denominator)]
        if roots[0] is None or roots[1] is None:
            return None
        base = Fraction(roots[0], roots[1])
    return base**exponent.numerator


def _exact_root(value: int, degree: int) -> int | None:
    if value < 0:
        positive = _exact_root(-value, degree) if degree % 2 else None
        return None if positive is None else -positive
    if value.bit_length() > 1000:
        return None
    guess = math.isqrt(value) if degree == 2 else round(value ** (1 / degree))
    return next((root for root in (guess - 1, guess, guess + 1) if root >= 0 and root**degree == value), None)


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _is_count(value: Fraction, limit: int) -> bool:
    return value.denominator == 1 and 0 <= value <= limit


@dataclasses.dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal literal as it was written.

    Attributes:
        value: its exact value.
        unit: one in its last written place.
        digits: how many significant digits were written.
    """

    value: Fraction
    unit: Fraction
    digits: int


def decimal_literal(node: Node) -> Decimal | None:
    r"""Gives the decimal that a node is as written (`3.140`, `-2.5`, `6.02 \times 10^{23}`), None for anything else."""
    if node.kind == "negate":
        inner = decimal_literal(node.children[0])
        return inner and dataclasses.replace(inner, value=-inner.value)
    if node.kind == "multiply" and node.children[1].kind == "power":
        base, exponent = node.children[1].children
        power = exact_value(exponent)
        mantissa = _written(node.children[0])
        if mantissa and base.value == "10" and power is not None and power.denominator == 1 and abs(power) < 10_000:
            scale = Fraction(10) ** int(power)
            return Decimal(mantissa.value * scale, mantissa.unit * scale, mantissa.digits)
        return None
    return _written(node) if node.kind == "number" and not node.value.isdecimal() else None


def _written(node: Node) -> Decimal | None:
    if node.kind != "number":
        return None
    mantissa, _, exponent = node.value.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    unit = Fraction(10) ** (int(exponent or 0) - places)
    return Decimal(Fraction(node.value), unit, len(mantissa.replace(".", "").lstrip("0")))


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A number system: machine floats or long floats behind one face.

    Attributes:
        epsilon: the relative error of one operation.
        lift: makes its number from an exact fraction; may raise OverflowError.
        constants: pi, e, i.
        functions: the functions of one argument, and `pow` and `gamma`.
        real: the real part, and `imag` the imaginary part of a number.
        confirms: whether agreement within the error bound is proof enough to accept.
    """

    epsilon: Any
    lift: Callable[[Fraction], Any]
    constants: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    confirms: bool


def _lift_float(value: Fraction) -> complex:
    return complex(value.numerator / value.denominator)


def _float_gamma(value: complex) -> complex:
    if value.imag:
        raise UndecidedError("gamma of a complex number")
    return complex(math.gamma(value.real))


FLOATS: Final = Field(
    epsilon=2e-16,
    lift=_lift_float,
    constants={"pi": complex(math.pi), "e": complex(math.e), "i": 1j},
    functions={
        "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
        "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "exp": cmath.exp, "log": cmath.log, "sqrt": cmath.sqrt,
        "pow": pow, "gamma": _float_gamma, "floor": math.floor, "ceil": math.ceil,
    },
    confirms=False,
)  # fmt: skip
"""Machine floats, which refute only."""

Bounded = tuple[Any, Any]
"""A number and a bound on its absolute error."""


class Evaluator:
    """Computes trees in one number system with its symbols bound.

    Raises (from `value`):
        UndecidedError: where the tree has no value there.
        TooComplexError: for a number too large to be written even as a float.
    """

    def __init__(self, field: Field, symbols: Mapping[str, Any]) -> None:
        self._field = field
        self._symbols = symbols

    def value(self, node: Node) -> Bounded:
        """Computes a scalar tree; see the class for its errors."""
        try:
            return self._value(node)
        except (ArithmeticError, ValueError) as failure:  # poles and overflows, by whichever name a library calls them
            raise UndecidedError(f"{type(failure).__name__}: {failure}") from failure

    def _value(self, node: Node) -> Bounded:  # noqa: C901, PLR0911 - one case a kind
        field = self._field
        match node.kind:
            case "number":
                return self._rounded(field.lift(Fraction(node.value)))
            case "symbol":
                return self._rounded(self._symbols[node.value])
            case "constant" if node.value in field.constants:
                return self._rounded(field.constants[node.value])
            case "negate":
                value, error = self._value(node.children[0])
                return 0 - value, error  # -value would turn the sign of a zero imaginary part: the root of -1 is i
            case "percent":
                value, error = self._value(node.children[0])
                return self._rounded(value / 100, error / 100)
            case "degree":
                value, error = self._value(node.children[0])
                turn = field.constants["pi"] / 180
                return self._rounded(value * turn, error * abs(turn))
            case "add":
                parts = [self._value(child) for child in node.children]
                largest = max(abs(value) for value, _ in parts)
                return sum(value for value, _ in parts), sum(
                    error for _, error in parts
                ) + largest * field.epsilon * len(parts)
            case "multiply" | "divide" | "power" | "root" | "binomial":
                return self._binary(node)
            case "factorial":
                operand = self._growing(node)
                if field is FLOATS and operand[1] < 1 and _FLOAT_FACTORIAL < complex(operand[0]).real <= MAX_FACTORIAL:
                    raise BeyondFloatsError(node)
                return self._gamma(operand)
            case "call":
                return self._call(node)
        raise UndecidedError(f"{node.kind} {node.value} has no number")

    def _rounded(self, value: Any, error: Any = 0) -> Bounded:
        if not cmath.isfinite(complex(value)) and self._field is FLOATS:
            raise UndecidedError("beyond machine floats")
        return value, error + abs(value) * self._field.epsilon

    def _binary(self, node: Node) -> Bounded:
        left, left_error = self._value(node.children[0])
        towers = node.kind == "power" and abs(left) > 1.5
        right, right_error = self._growing(node) if towers else self._value(node.children[1])
        match node.kind:
            case "multiply":
                return self._rounded(
                    left * right, abs(left) * right_error + abs(right) * left_error + left_error * right_error
                )
            case "divide":
                if abs(right) <= 2 * right_error:
                    raise UndecidedError("division by what may be zero")
                value = left / right
                return self._rounded(value, 2 * (left_error + abs(value) * right_error) / abs(right))
            case "binomial":
                self._refuse_large_binomial(node, (left, left_error), (right, right_error))
                top, low = self._gamma((left, left_error)), self._gamma((right, right_error))
                rest = self._gamma((left - right, left_error + right_error))
                value = top[0] / (low[0] * rest[0])
                relative = top[1] / abs(top[0]) + low[1] / abs(low[0]) + rest[1] / abs(rest[0])
                return self._rounded(value, abs(value) * relative * 2)
            case "power":
                exact = exact_value(node.children[1], MAX_EXPONENT_BITS)
                return self._power(node, (left, left_error), (right, right_error), exact)
        degree = exact_value(node.children[1], MAX_EXPONENT_BITS)
        if not degree:
            raise UndecidedError("a root without a degree")
        return self._power(node, (left, left_error), (self._field.lift(1 / degree), 0), 1 / degree)

    def _power(self, node: Node, base: Bounded, exponent: Bounded, exact: Fraction | None) -> Bounded:
        (left, left_error), (right, right_error) = base, exponent
        if abs(left) <= 2 * left_error:
            if exact is None or exact <= 0 or left != 0:
                raise UndecidedError("a power of what may be zero")
            return left, left_error
        log = self._field.functions["log"](left)
        if abs(right) * abs(log) * 1.45 > MAX_LOG2:
            raise TooComplexError(f"a power of over 2^{MAX_LOG2:.0e}")
        relative = abs(right) * left_error / abs(left) + abs(log) * right_error + abs(right * log) * self._field.epsilon
        if self._field is FLOATS and relative < 1 and (right * log).real > _FLOAT_LOG:
            raise BeyondFloatsError(node)
        if exact is not None and exact.denominator % 2 and exact.denominator > 1 and _is_negative(left):
            value = self._field.functions["pow"](-left, right)  # odd roots of negative numbers are real, as in school
            value = -value if exact.numerator % 2 else value
        else:
            power = int(exact) if exact is not None and exact.denominator == 1 and abs(exact) < 1e6 else right
            value = self._field.functions["pow"](left, power)
        return self._rounded(value, abs(value) * relative * 2)

    def _refuse_large_binomial(self, node: Node, top: Bounded, low: Bounded) -> None:
        """Raises BeyondFloatsError by (n/k)^k, which no binomial of n over k is below."""
        count, chosen = complex(top[0]).real, complex(low[0]).real
        chosen = min(chosen, count - chosen)
        if self._field is not FLOATS or top[1] + low[1] > 0.25 or chosen < 1 or count > MAX_FACTORIAL:
            return
        if chosen * math.log(count / chosen) > _FLOAT_LOG:
            raise BeyondFloatsError(node)

    def _gamma(self, operand: Bounded) -> Bounded:
        value, error = operand
        if abs(value) > MAX_FACTORIAL:
            raise TooComplexError(f"a factorial of over {MAX_FACTORIAL:,}")
        result = self._field.functions["gamma"](value + 1)
        return self._rounded(result, abs(result) * (error + abs(value) * self._field.epsilon) * 20)

    def _growing(self, node: Node) -> Bounded:
        """The last operand of what is as large as it or larger: an operand beyond machine floats settles both, without the engine."""
        operand = node.children[-1]
        try:
            return self._value(operand)
        except BeyondFloatsError as beyond:
            if beyond.node is not operand:
                raise
            if node.kind == "call":
                raise BeyondFloatsError(node) from beyond
            raise TooComplexError(f"a power or factorial of over 2^{MAX_LOG2:.0e}") from beyond

    def _call(self, node: Node) -> Bounded:
        if node.value in {"ln", "log", "lg"}:
            return self._logarithm(node)
        value, error = self._growing(node) if node.value in _ROUNDINGS else self._value(node.children[0])
        call = self._field.functions
        match node.value:
            case "abs":
                return abs(value), error
            case "floor" | "ceil":
                if complex(value).imag or abs(call["floor"](value.real + error) - call["floor"](value.real - error)):
                    raise UndecidedError("a rounding too close to call")
                return self._field.lift(Fraction(int(call[node.value](value.real)))), 0
            case "cot" | "sec" | "csc":
                below = {"cot": "tan", "sec": "cos", "csc": "sin"}[node.value]
                inner = call[below](value)
                return self._rounded(1 / inner, (error + self._field.epsilon) * (2 + 1 / abs(inner) ** 2) * 2)
        result = call[node.value](value)
        # A slope is at most this steep for sin to tanh and exp; next to the poles of arcsin it is not, and the margin covers it.
        slope = 2 + abs(result) + abs(result) ** 2
        return self._rounded(result, (error + abs(value) * self._field.epsilon) * slope)

    def _logarithm(self, node: Node) -> Bounded:
        result, error = self._natural_logarithm(node.children[0])
        if node.value == "lg":
            base: Bounded = (self._field.functions["log"](self._field.lift(Fraction(10))), self._field.epsilon * 3)
        elif len(node.children) == 2:
            inner, inner_error = self._value(node.children[1])
            base = (self._field.functions["log"](inner), 2 * inner_error / abs(inner) + self._field.epsilon)
        else:
            return result, error
        value = result / base[0]
        return self._rounded(value, 2 * (error + abs(value) * base[1]) / abs(base[0]))

    def _natural_logarithm(self, node: Node) -> Bounded:
        log = self._field.functions["log"]
        try:
            value, error = self._value(node)
        except BeyondFloatsError as beyond:  # of a power the product of exponent and logarithm is not beyond them
            if beyond.node is not node or node.kind != "power":
                raise
            (value, error), (exponent, exponent_error) = map(self._value, node.children)
            if complex(value).real <= 0 or complex(value).imag or complex(exponent).imag:
                raise
            return self._rounded(
                exponent * log(value), abs(exponent) * 2 * error / abs(value) + abs(log(value)) * exponent_error
            )
        if abs(value) <= 2 * error:
            raise UndecidedError("a logarithm of what may be zero")
        return self._rounded(log(value), 2 * error / abs(value) + self._field.epsilon)


def _is_negative(value: Any) -> bool:
    number = complex(value)
    return number.imag == 0 and number.real < 0
