"""The slow tiers, run only inside the killable processes of `rewards.pool`: long floats, then latex2sympy with Math-Verify.

Takes and gives JSON values. SymPy and its parsers are imported here and nowhere else; a LaTeX grammar reads the text, and no
parser that evaluates Python (`sympify`, `parse_expr` on a string) is ever given any.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import mpmath  # type: ignore[import-untyped]  # ships none
from latex2sympy2_extended import latex2sympy
from math_verify import verify
from math_verify.grader import should_treat_as_complex

from rewards.math.admission import too_costly
from rewards.math.compare import Comparer, Tolerance
from rewards.math.latex import normalise
from rewards.math.reader import read
from rewards.math.tree import GoldTooComplexError, TooComplexError, UnreadableError
from rewards.math.values import Field, UndecidedError

DIGITS: Final = 120
"""How many digits the long floats carry: an agreement of two formulas to a hundred digits is no accident."""

FLOAT_PLACES: Final = 12
"""To how many places Math-Verify rounds. Its default of six takes 1e-7 for 2e-7."""


def _lift(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / mpmath.mpf(value.denominator)


def long_floats() -> Field:
    """Gives the number system of `DIGITS` digits, which may confirm. Sets mpmath's precision for this process."""
    mpmath.mp.dps = DIGITS
    mp = mpmath.mp
    return Field(
        epsilon=mpmath.mpf(10) ** (1 - DIGITS),
        lift=_lift,
        constants={"pi": +mp.pi, "e": +mp.e, "i": mpmath.mpc(0, 1)},
        functions={
            "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan,
            "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "exp": mp.exp, "log": mp.log, "sqrt": mp.sqrt,
            "pow": mp.power, "gamma": mp.gamma, "floor": mp.floor, "ceil": mp.ceil,
        },
        confirms=True,
    )  # fmt: skip


_FIELD: Final = long_floats()


def handle(request: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """Compares one gold with one answer.

    Args:
        request: `gold` and `answer` texts, `gold_thousands` and `answer_thousands` (how `1,234` reads), `tolerance`, and
            `engine`: `numeric` when both are in the reader's grammar, else `latex`.
        note: told `gold` and `answer` as work on each begins, so that a limit is blamed on the right one.

    Returns:
        `{"same": bool, "tier": str}`, or `{"unreadable": "gold" | "answer"}`, or `{"too_complex": str}`.
    """
    if request["engine"] == "numeric":
        note("answer")
        try:
            gold = read(request["gold"], thousands=request["gold_thousands"])
            answer = read(request["answer"], thousands=request["answer_thousands"])
            same = Comparer(_FIELD, Tolerance(request["tolerance"])).same(gold, answer)
        except GoldTooComplexError as failure:
            return {"gold_too_complex": str(failure)}
        except TooComplexError as failure:
            return {"too_complex": str(failure)}
        except (UndecidedError, UnreadableError):
            cost = too_costly(request["answer"]) or too_costly(request["gold"])
            if cost:
                return {"too_complex": cost}
        else:
            return {"same": same, "tier": "numeric"}
    return _by_latex(request["gold"], request["answer"], note)


def _by_latex(gold_text: str, answer_text: str, note: Callable[[str], None]) -> dict[str, Any]:
    note("gold")
    gold = _parse(gold_text)
    if gold is None:
        return {"unreadable": "gold"}
    note("answer")
    answer = _parse(answer_text)
    if answer is None:
        return {"unreadable": "answer"}
    note("compare")
    # Not symmetric: the gold comes first. Its own alarm-based timeouts are off; the pool's budget is the one that holds.
    same = verify(gold, answer, float_rounding=FLOAT_PLACES, numeric_precision=50, strict=True, timeout_seconds=None)
    return {"same": bool(same), "tier": "symbolic"}


def _parse(text: str) -> Any | None:
    latex = normalise(text)
    try:
        return latex2sympy(latex, is_real=not should_treat_as_complex(latex), convert_degrees=False)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - its grammar, lexer and conversions raise whatever they meet; all mean: not readable
        return None
