"""Python values in the JSON of a gold: plain JSON where it can hold them, a marked object where it cannot. Pure.

`{"$tuple": [1, 2]}`, `{"$set": [...]}`, `{"$frozenset": [...]}`, `{"$dict": [[key, value], ...]}` (keys that are no strings, or begin with
`$`), `{"$float": "nan" | "inf" | "-inf"}`, `{"$complex": [re, im]}`, `{"$bytes": "hex"}`. An object with one key that begins with `$` is
a mark, every other object a dict.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

MAX_DEPTH: Final = 100
"""Values nested deeper are refused."""

_FLOATS: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class ValueFormError(ValueError):
    """A value that JSON with marks cannot hold, or a mark that is none. The message is one clear line."""


def from_json(data: Any, depth: int = 0) -> Any:
    """Gives the value that a gold's JSON stands for.

    Raises:
        ValueFormError: for an unknown mark, a mark with the wrong content, or values nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise ValueFormError(f"values are nested deeper than {MAX_DEPTH}")
    if isinstance(data, list | tuple):
        return type(data)(from_json(item, depth + 1) for item in data)
    if not isinstance(data, Mapping):
        return data
    if len(data) == 1:
        ((mark, content),) = data.items()
        if isinstance(mark, str) and mark.startswith("$"):
            return _unmarked(mark, content, depth)
    return {key: from_json(value, depth + 1) for key, value in data.items()}


def _unmarked(mark: str, content: Any, depth: int) -> Any:
    read = _READERS.get(mark)
    if read is None:
        raise ValueFormError(f"{mark!r} is no mark of a value; there are: {', '.join(_READERS)}")
    try:
        return read(from_json(content, depth + 1))
    except (TypeError, ValueError, KeyError) as failure:
        if isinstance(failure, ValueFormError):
            raise
        raise ValueFormError(f"{mark} cannot hold {str(content)[:100]!r}") from failure


def _items(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError
    return content


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$tuple": lambda content: tuple(_items(content)),
    "$set": lambda content: set(_items(content)),
    "$frozenset": lambda content: frozenset(_items(content)),
    "$dict": lambda content: {key: value for key, value in _items(content)},  # noqa: C416 - a pair that is none raises
    "$float": _FLOATS.__getitem__,
    "$complex": lambda content: complex(*_items(content)),
    "$bytes": bytes.fromhex,
}


def to_json(value: Any, depth: int = 0) -> Any:  # noqa: C901, PLR0911 - one answer a type
    """Gives the JSON of a value, so that `from_json` gives it back. Sets are sorted by their text, so that the JSON is always the same.

    Raises:
        ValueFormError: for a type that has no form, or values nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise ValueFormError(f"values are nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"$float": str(value)}
        case list():
            return [to_json(item, depth + 1) for item in value]
        case tuple():
            return {"$tuple": [to_json(item, depth + 1) for item in value]}
        case set() | frozenset():
            mark = "$set" if isinstance(value, set) else "$frozenset"
            return {mark: sorted((to_json(item, depth + 1) for item in value), key=repr)}
        case dict():
            if all(isinstance(key, str) and not key.startswith("$") for key in value):
                return {key: to_json(inner, depth + 1) for key, inner in value.items()}
            return {"$dict": [[to_json(key, depth + 1), to_json(inner, depth + 1)] for key, inner in value.items()]}
        case complex():
            return {"$complex": [to_json(value.real), to_json(value.imag)]}
        case bytes():
            return {"$bytes": value.hex()}
    raise ValueFormError(f"a value of type {type(value).__name__} has no form in a gold")
