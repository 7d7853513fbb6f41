"""Patterns of golds, compiled once. Without a bound of its own on time or memory: for the processes of `rewards.text_rules`."""

from functools import lru_cache
from typing import Any, Final

import regex

MAX_PATTERN_CHARS: Final = 10_000

_SHOWN_CHARS: Final = 300


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Compiles a pattern of the `regex` module once, and tries it on nothing: one that fails there fails everywhere.

    Raises:
        ValueError: it is none, or longer than `MAX_PATTERN_CHARS`.
        RecursionError: it is nested too deep.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"a pattern of {len(pattern)} characters; at most {MAX_PATTERN_CHARS} are read")
    try:
        made = regex.compile(pattern)
    except regex.error as failure:
        raise ValueError(f"{pattern[:_SHOWN_CHARS]!r}: {failure}") from failure
    made.search("")
    return made
