"""What a program does, as a text that is equal for programs that do the same: votes on code count such texts. Pure.

Programs are put together by their outputs on the gold's inputs, as AlphaCode clustered its samples (2203.07814). What the gold's comparison
takes for right is one output, whatever its form; other outputs are the same where their texts are, after what the gold says about white
space, letter case and numbers.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from rewards.code.compare import Rules, plain_output
from rewards.code.gold_form import CodeGold
from rewards.code.jobs import OURS, AssertTest
from rewards.code.values import ValueFormError, to_json
from schemas.ids import canonical_json, digest

_RIGHT: Final = "="
_DIGITS: Final = 16


def name_output(stdout: bytes, rules: Rules) -> str:
    """Gives a short name of an output; empty where it is no text."""
    try:
        return digest("output", plain_output(stdout.decode(), rules))[:_DIGITS]
    except UnicodeDecodeError:
        return ""


def name_value(value: Any, rules: Rules) -> str:
    """Gives a short name of a returned value; empty where it is no plain data."""
    try:
        return digest("value", canonical_json(to_json(_rounded(value, rules))))[:_DIGITS]
    except (ValueFormError, ValueError, TypeError, RecursionError, OverflowError):
        return ""


def behaviour_of(gold: CodeGold, shown: Sequence[tuple[str, str]]) -> str | None:
    """Gives what a program did, from each test's status and the name of its output.

    Returns:
        None where that is not to be said or is no vote: the gold has assertions, which show no output, a checker, or several outputs that
        will do, so that programs which are both right need not do the same; an output is no data; a test could not be run, or none ended.
    """
    if gold.checker or any(isinstance(case.test, AssertTest) or len(case.accepts or ()) != 1 for case in gold.cases):
        return None
    marks = []
    for status, name in shown:
        if status in OURS or (status == "wrong" and not name):
            return None
        marks.append(_RIGHT if status == "passed" else name or status)
    ended = any(status in ("passed", "wrong") for status, _ in shown)
    return digest("behaviour", *marks)[:_DIGITS] if ended else None


def _rounded(value: Any, rules: Rules) -> Any:
    """Gives one value for those that Python has equal: 3 for 3.0 and 1 for True. Floats have six digits where the gold has a tolerance."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        value = float(f"{value:.6g}") if rules.abs_tol or rules.rel_tol else value
        return int(value) if value.is_integer() else value
    if isinstance(value, list | tuple):
        items = [_rounded(item, rules) for item in value]
        return items if isinstance(value, list) or rules.list_is_tuple else tuple(items)
    if isinstance(value, dict):
        return {key: _rounded(item, rules) for key, item in value.items()}
    return value
