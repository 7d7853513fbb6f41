"""Patterns and JSON schemas applied to texts that nobody vouches for, in a killable process of `rewards.pool` and nowhere else.

A short pattern or schema can take time and memory without end: backtracking, recursion, references that double, and library code
that compares every item with every other. The pool's budget ends all of them.
"""

from collections.abc import Callable
from typing import Any, Final

from rewards import json_rules
from rewards.patterns import compiled

_SHOWN_CHARS: Final = 300


def handle(request: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """Applies a gold to a text.

    Args:
        request: `text`, and `schema` (JSON text), or `patterns` with `full`: whether each must take the whole text.
        note: told `gold` and `text` as work on each begins, so that a limit is blamed on the right one.

    Returns:
        `{"bad_gold": why}`; for patterns `{"matched": [bool, ...]}`; for a schema what `rewards.json_rules.check` gives.
    """
    note("gold")
    try:
        if "schema" in request:
            validator = json_rules.make_validator(request["schema"])
            note("text")
            return json_rules.check(validator, request["text"])
        patterns = [compiled(pattern) for pattern in request["patterns"]]
    except json_rules.BadSchemaError as failure:
        return {"bad_gold": str(failure)}
    except (ValueError, RecursionError) as failure:
        return {"bad_gold": f"{type(failure).__name__}: {failure}"[:_SHOWN_CHARS]}
    note("text")
    finders = [pattern.fullmatch if request["full"] else pattern.search for pattern in patterns]
    return {"matched": [find(request["text"]) is not None for find in finders]}
