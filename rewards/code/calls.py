"""Data that crosses to a JavaScript program and back: arguments of a call and its value, as JSON that keeps what JSON cannot say. Pure.

The other side is `rewards/code/support/run.js`.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from rewards.code.jobs import CallTest, NotData

_SAFE_INTEGER: Final = 2**53 - 1
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)?", re.ASCII)
_MAX_DEPTH: Final = 200


class CallValueError(Exception):
    """An argument has no counterpart in JavaScript, or the function's name is none; the text says which."""


def call_request(token: str, test: CallTest) -> bytes:
    """Gives the line that asks for one call.

    Tuples become arrays, sets `Set`, dicts objects (`Map` where a key is no text), integers beyond 2**53 `BigInt`; named arguments are
    one object behind the others.

    Raises:
        CallValueError: for other data, or a name that is not an identifier or `Class.method`.
    """
    if _NAME.fullmatch(test.function) is None:
        raise CallValueError(f"{test.function!r} is not the name of a function")
    call = {
        "function": test.function,
        "args": [_encode(value, 0) for value in test.args],
        "kwargs": {name: _encode(value, 0) for name, value in test.kwargs.items()},
    }
    return json.dumps({"token": token, "call": call}).encode("ascii") + b"\n"


def read_value(text: bytes) -> Any:
    """Reads what a call returned: null and undefined are None, whole numbers int, `Set` a set, `Map` and objects dicts, other objects `NotData`.

    Raises:
        ValueError: if it is not such a value.
    """
    try:
        return _decode(json.loads(text))
    except (KeyError, TypeError, RecursionError) as failure:
        raise ValueError("not a value") from failure


def _encode(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise CallValueError("an argument is nested too deeply")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _SAFE_INTEGER else {"$int": str(value)}
    if isinstance(value, float):
        return (
            value if math.isfinite(value) else {"$float": str(value).replace("inf", "Infinity").replace("nan", "NaN")}
        )
    if isinstance(value, list | tuple):
        return [_encode(item, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return {"$set": [_encode(item, depth + 1) for item in value]}
    if isinstance(value, dict):
        kind = "$dict" if all(isinstance(key, str) for key in value) else "$map"
        return {kind: [[_encode(key, depth + 1), _encode(item, depth + 1)] for key, item in value.items()]}
    raise CallValueError(f"a {type(value).__name__} cannot be given to a JavaScript function")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return _DECODERS[kind](inner)


_DECODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$int": int,
    "$float": float,
    "$set": lambda items: {_decode(item) for item in items},
    "$dict": lambda pairs: {key: _decode(item) for key, item in pairs},
    "$map": lambda pairs: {_decode(key): _decode(item) for key, item in pairs},
    "$other": NotData,
}
