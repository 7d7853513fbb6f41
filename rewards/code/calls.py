"""Data that crosses to a program of another language and back: arguments of a call and its value, as JSON that keeps what JSON cannot say. Pure.

The other side is `rewards/code/support/run.js` and what stands in `rewards/code/support/calls`.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from rewards.code.jobs import CallTest, NotData

_SAFE_INTEGER: Final = 2**53 - 1
_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?", re.ASCII)
_SCRIPT_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)?", re.ASCII)
_NAMES_ITS_ARGUMENTS: Final = frozenset({"javascript", "typescript"})
_MAX_DEPTH: Final = 200


class CallValueError(Exception):
    """An argument has no counterpart in the program's language, or the function's name is none; the text names it."""


class CallFault(Exception):  # noqa: N818 - what a program did, not an error of ours
    """The function could not be called with the test's arguments; the text says why."""


def is_function_name(name: str, language: str) -> bool:
    """Says whether it is an identifier, or `Class.method`."""
    return (_SCRIPT_NAME if language in _NAMES_ITS_ARGUMENTS else _NAME).fullmatch(name) is not None


def call_request(language: str, token: str, test: CallTest) -> bytes:
    """Gives what a program is given on stdin to make one call.

    Tuples become lists, dicts are marked, and so are sets and integers beyond 2**53; what they become in the program is for its
    signature to say, or for its language (`Set`, `Map` where a key is no text, `BigInt`). Named arguments are one object behind the
    others in JavaScript, and not to be had elsewhere. In bash arguments are words.

    Raises:
        CallValueError: for other data, or a name that is not an identifier or `Class.method`.
    """
    if not is_function_name(test.function, language):
        raise CallValueError(f"{test.function!r} is not the name of a function")
    if test.kwargs and language not in _NAMES_ITS_ARGUMENTS:
        raise CallValueError(f"kwargs: functions of {language} take no arguments by name")
    begin = f"{token}\n{test.function}\n".encode()
    if language == "bash":
        return begin + b"".join(word + b"\0" for word in _words(test.args))
    args = [_named_encode(value, f"args[{place}]") for place, value in enumerate(test.args)]
    if language in _NAMES_ITS_ARGUMENTS:
        kwargs = {name: _named_encode(value, f"kwargs.{name}") for name, value in test.kwargs.items()}
        return (
            json.dumps({"token": token, "call": {"function": test.function, "args": args, "kwargs": kwargs}}).encode()
            + b"\n"
        )
    return begin + json.dumps(args).encode() + b"\n"


def read_answer(language: str, answer: bytes, token: str) -> Any:
    """Reads what a call returned, of all that came through its channel.

    null and its kin are None, whole numbers int, sets a set, maps and objects dicts, other objects `NotData`; of bash a text.

    Raises:
        CallFault: if the function could not be called so.
        ValueError: if it is not one answer with that token.
    """
    text = answer.decode("utf-8", "replace")
    if not text.startswith(token) or text.count(token) > 1:
        raise ValueError("not one answer")
    text = text.removeprefix(token)
    if language == "bash":
        return text
    try:
        value = json.loads(text)
        if isinstance(value, dict) and "$fault" in value:
            raise CallFault(str(value["$fault"]))
        return _decode(value)
    except (KeyError, TypeError, RecursionError) as failure:
        raise ValueError("not a value") from failure


def _words(args: list[Any]) -> list[bytes]:
    """Gives the arguments of a bash function."""
    words = []
    for place, value in enumerate(args):
        if isinstance(value, bool):
            word = str(value).lower()
        elif isinstance(value, int | float | str) and "\0" not in str(value):
            word = str(value)
        else:
            raise CallValueError(f"args[{place}]: a {type(value).__name__} like this cannot be a word of bash")
        words.append(word.encode("utf-8", "replace"))
    return words


def _named_encode(value: Any, name: str) -> Any:
    try:
        return _encode(value, 0)
    except CallValueError as refused:
        raise CallValueError(f"{name}: {refused}") from refused


def _encode(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise CallValueError("nested too deeply")
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
    raise CallValueError(f"a {type(value).__name__} cannot be given to a function of another language")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return _DECODERS[kind](inner)


def _key(value: Any) -> Any:
    """Gives a value as the member of a set: what is a list on the way is a tuple."""
    return tuple(map(_key, value)) if isinstance(value, list) else value


_DECODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$int": int,
    "$float": float,
    "$set": lambda items: {_key(_decode(item)) for item in items},
    "$dict": lambda pairs: {key: _decode(item) for key, item in pairs},
    "$map": lambda pairs: {_key(_decode(key)): _decode(item) for key, item in pairs},
    "$other": NotData,
}
