"""What a scorer of reasoning-gym may be given. Pure.

Nine of its scorers hand the answer to Python's `eval` or to SymPy's `parse_expr`, which evaluates too; one does so with the gold. What
is a plain list or a plain formula is harmless there; all else never reaches them.
"""

import ast
import re
from collections.abc import Collection
from fractions import Fraction
from typing import Final

LISTS: Final = frozenset({"string_insertion", "spiral_matrix", "binary_matrix", "n_queens", "number_sorting"})
"""Their scorers call `eval`, meant for lists of characters or numbers; `number_sorting` with the gold alone."""

FORMULAS: Final = frozenset({"simple_integration", "intermediate_integration", "polynomial_multiplication"})
"""Their scorers call `parse_expr`, with the answer and with the gold."""

MAX_FORMULA_CHARS: Final = 2_000

# Neither a call, nor an attribute, nor a comprehension's condition can be written with these: `eval` makes a list or fails.
_LIST: Final = re.compile(r"[\w\s\[\],'\"+-]*|[\s\d.,\[\]'\"+-]*", re.ASCII)
_FORMULA: Final = re.compile(
    r"(?:\s|[-+*/^(),]|\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?|\.\d+"
    r"|(?:sqrt|exp|log|ln|sin|cos|tan|sec|csc|cot|asin|acos|atan|sinh|cosh|tanh|asinh|acosh|atanh|Abs|erf|Ei|Si|Ci|li|pi"
    r"|[A-Za-z])(?![A-Za-z0-9_]))*"
)
_MAX_NUMBER: Final = 10**9
_MAX_NODES: Final = 200


def is_plain_list(text: str) -> bool:
    """Says whether a text holds only what lists of words and numbers are written with."""
    return _LIST.fullmatch(text) is not None


def is_plain_formula(text: str) -> bool:
    """Says whether a text holds only numbers, operators, single letters and names of elementary functions."""
    return len(text) <= MAX_FORMULA_CHARS and _FORMULA.fullmatch(text) is not None


def may_be_scored(dataset: str, text: str) -> bool:
    """Says whether the scorer of a dataset may be given a text."""
    if dataset in LISTS:
        return is_plain_list(text)
    return dataset not in FORMULAS or is_plain_formula(text)


def arithmetic(text: str) -> tuple[Fraction, list[int]] | None:
    """Computes a text of whole numbers, `+ - * /` and parentheses exactly; `×`, `÷` and `−` are read too.

    Returns:
        The value and the numbers as they stand; None for anything else, for division by zero, and for texts of great size.
    """
    text = text.strip().translate(str.maketrans("×·÷−", "**/-"))
    if len(text) > MAX_FORMULA_CHARS or re.fullmatch(r"[\d\s()+*/-]+", text, re.ASCII) is None:
        return None
    numbers: list[int] = []
    try:
        tree = ast.parse(text, mode="eval")
        if sum(1 for _ in ast.walk(tree)) > _MAX_NODES:
            return None
        return _value(tree.body, numbers), numbers
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, numbers: list[int]) -> Fraction:
    match node:
        case ast.Constant(value=int(number)) if 0 <= number <= _MAX_NUMBER:
            numbers.append(number)
            return Fraction(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, numbers)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as operator, right=right):
            first, second = _value(left, numbers), _value(right, numbers)
            if isinstance(operator, ast.Add):
                return first + second
            if isinstance(operator, ast.Sub):
                return first - second
            return first * second if isinstance(operator, ast.Mult) else first / second
    raise ValueError("not arithmetic")


def uses_exactly(text: str, numbers: Collection[int], target: Fraction) -> bool:
    """Says whether a text computes the target from exactly these numbers, each once."""
    found = arithmetic(text)
    return found is not None and found[0] == target and sorted(found[1]) == sorted(numbers)
