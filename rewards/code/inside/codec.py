"""Python data as JSON that keeps its types. Pure; used on both sides of the sandbox, so it trusts no text that it reads.

None, booleans, numbers, strings and lists stand for themselves. Everything else is an object with one key that names its type:
`{"t": [1, 2]}` is a tuple. A value of a subclass becomes its base's data. What is no data is left to the caller's hooks.
"""

import builtins
import collections
import datetime as dt
import decimal
import fractions
import json
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any, Final

MAX_DECIMAL_BITS: Final = 10_000
"""An integer beyond this goes as hexadecimal digits, whose reading takes linear time."""

DECIMAL_DIGITS: Final = sys.int_info.default_max_str_digits
"""How many digits of an integer are read and written as such, unless a program changes it."""

MAX_FRACTION_BITS: Final = 1 << 16
"""A fraction with longer parts is refused: reducing it takes quadratic time."""

MIN_HASHES: Final = 64
"""Sets and mappings of more keys than this must have enough different hashes: else inserting them takes quadratic time."""

HANDLE: Final = "h"
"""An object that stays in the program: its number and the name of its type."""

CALLBACK: Final = "f"
"""A function that stays in the judge: its number."""

BUILTIN: Final = "B"
"""A function or type of the module `builtins`, by name: one of `SHARED`."""

_ACTING: Final = frozenset(
    [
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "getattr",
        "globals",
        "input",
        "locals",
        "open",
        "setattr",
        "vars",
    ]
)

SHARED: Final = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type | types.BuiltinFunctionType) and not name.startswith("_") and name not in _ACTING
}
"""What each side has of its own under the same name. Left out is what acts on who calls it: a program that names `quit` or `exec`
as its function must not have the judge's called."""


class CodecError(ValueError):
    """A text that is no data, or data that cannot be sent."""


_SCALARS: Final = frozenset({type(None), bool, int, float, str})


def _encoder(encode_text: Callable[[str], str]) -> Callable[[Any], str]:
    """Gives `JSONEncoder.encode` without what it does anew for each text, which is most of the time of a short one."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        plain = encode_text is json.encoder.encode_basestring
        return json.JSONEncoder(ensure_ascii=not plain, check_circular=False, separators=(",", ":")).encode
    encode = make(None, _not_json, encode_text, None, ":", ",", False, False, True)
    return lambda value: "".join(encode(value, 0))


def _not_json(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON")


_dump = _encoder(json.encoder.encode_basestring)
_dump_ascii = _encoder(json.encoder.encode_basestring_ascii)


class Codec:
    """Encodes and decodes; the hooks say what becomes of objects that are no data.

    Args:
        encode_other: gives the JSON form of such an object, or raises TypeError.
        decode_other: gives the object for a tag of the three above and its body, or raises CodecError.
    """

    def __init__(self, encode_other: Callable[[Any], Any], decode_other: Callable[[str, Any], Any]) -> None:
        self._encode_other = encode_other
        self._decode_other = decode_other
        self._strict = False
        decoder: Any = json.JSONDecoder(object_hook=self._untag)
        self._scan = decoder.scan_once

    def dumps(self, *values: Any) -> bytes:
        """Gives the text of a JSON list of the values.

        Raises:
            RecursionError: for data that holds itself or is nested too deeply.
            TypeError: from the hook, for what cannot be sent.
        """
        if sys.get_int_max_str_digits() == DECIMAL_DIGITS:  # a program may set its own
            try:
                return _dump([self._encode(value) for value in values]).encode()
            except ValueError:  # a very long integer, a lone surrogate
                pass
        self._strict = True
        try:
            return _dump_ascii([self._encode(value) for value in values]).encode("ascii")
        finally:
            self._strict = False

    def loads(self, text: bytes) -> Any:
        """Gives the value of a text.

        Raises:
            CodecError: for anything that `dumps` does not write.
        """
        try:
            decoded = text.decode()
            value, end = self._scan(decoded, 0)
        except CodecError:
            raise
        except StopIteration:
            raise CodecError("no JSON") from None
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as failure:
            raise CodecError(f"{type(failure).__name__}: {failure}"[:200]) from None
        if end != len(decoded):
            raise CodecError("more than one value")
        return value

    def _encode(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return _long(value) if self._strict else value
        if kind is list:
            return value if not self._strict and _SCALARS.issuperset(map(type, value)) else self._items(value)
        encode = _ENCODERS.get(kind)
        if encode is not None:
            return encode(self, value)
        for base, encode_base in _BASES:
            if isinstance(value, base):
                return encode_base(self, value)
        return self._encode_other(value)

    def _items(self, values: Iterable[Any]) -> list[Any]:
        return [self._encode(value) for value in values]

    def _untag(self, tagged: dict[str, Any]) -> Any:
        ((tag, body),) = tagged.items()
        decode = _DECODERS.get(tag)
        return decode(body) if decode is not None else self._decode_other(tag, body)


def _long(value: Any) -> Any:
    if type(value) is int and value.bit_length() > MAX_DECIMAL_BITS:
        return {"n": hex(value)}
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return {"u": value.encode("utf-8", "surrogatepass").hex()}
    return value


def _encode_fraction(codec: Codec, value: fractions.Fraction) -> Any:
    return {"F": codec._items([value.numerator, value.denominator])}  # noqa: SLF001 - one module, one class


def _encode_dict(codec: Codec, value: dict[Any, Any]) -> Any:
    encode = codec._encode  # noqa: SLF001
    return {"d": [[encode(key), encode(item)] for key, item in dict.items(value)]}


# Methods of the base types are named in full: those of a subclass may give anything.
_ENCODERS: Final[dict[type, Callable[[Codec, Any], Any]]] = {
    tuple: lambda codec, value: {"t": codec._items(tuple.__iter__(value))},  # noqa: SLF001
    list: lambda codec, value: codec._items(list.__iter__(value)),  # noqa: SLF001
    dict: _encode_dict,
    set: lambda codec, value: {"s": codec._items(set.__iter__(value))},  # noqa: SLF001
    frozenset: lambda codec, value: {"z": codec._items(frozenset.__iter__(value))},  # noqa: SLF001
    bytes: lambda _, value: {"b": bytes.hex(value)},
    bytearray: lambda _, value: {"y": bytearray.hex(value)},
    complex: lambda _, value: {"c": [value.real, value.imag]},
    collections.deque: lambda codec, value: {"q": [codec._items(collections.deque.__iter__(value)), value.maxlen]},  # noqa: SLF001
    range: lambda codec, value: {"r": codec._items([value.start, value.stop, value.step])},  # noqa: SLF001
    decimal.Decimal: lambda _, value: {"D": decimal.Decimal.__str__(value)},
    fractions.Fraction: _encode_fraction,
    dt.datetime: lambda _, value: {"T": [dt.datetime.isoformat(value), value.fold]},
    dt.date: lambda _, value: {"A": dt.date.isoformat(value)},
    dt.time: lambda _, value: {"M": [dt.time.isoformat(value), value.fold]},
    dt.timedelta: lambda _, value: {"L": [value.days, value.seconds, value.microseconds]},
}
_BASES: Final[tuple[tuple[type, Callable[[Codec, Any], Any]], ...]] = (
    (int, lambda codec, value: codec._encode(int.__pos__(value))),  # noqa: SLF001
    (float, lambda codec, value: codec._encode(float.__pos__(value))),  # noqa: SLF001
    (str, lambda codec, value: codec._encode(str.__str__(value))),  # noqa: SLF001
    *_ENCODERS.items(),
)


def _decode_int(body: Any) -> int:
    return int(_text(body), 16)


def _decode_fraction(body: Any) -> fractions.Fraction:
    top, bottom = _numbers(body, 2)
    if max(top.bit_length(), bottom.bit_length()) > MAX_FRACTION_BITS:
        raise CodecError("a fraction of very long integers")
    return fractions.Fraction(top, bottom)


def _decode_complex(body: Any) -> complex:
    real, imaginary = _list(body)
    if type(real) is not float or type(imaginary) is not float:
        raise CodecError("floats are missing")
    return complex(real, imaginary)


def _decode_deque(body: Any) -> collections.deque[Any]:
    items, longest = _list(body)
    return collections.deque(_list(items), longest)  # of a range the items would be more than their text


def _decode_dict(body: Any) -> dict[Any, Any]:
    pairs = _list(body)
    _check_hashes([key for key, _ in pairs])
    return dict(pairs)


def _decode_time(kind: type[dt.datetime] | type[dt.time]) -> Callable[[Any], Any]:
    def decode(body: Any) -> Any:
        text, fold = _list(body)
        return kind.fromisoformat(_text(text)).replace(fold=fold)

    return decode


def _text(body: Any) -> str:
    if type(body) is not str:
        raise CodecError("a text is missing")
    return body


def _list(body: Any) -> list[Any]:
    if type(body) is not list:
        raise CodecError("a list is missing")
    return body


def _numbers(body: Any, count: int) -> list[int]:
    numbers = _list(body)
    if len(numbers) != count or any(type(number) is not int for number in numbers):
        raise CodecError("whole numbers are missing")
    return numbers


def _check_hashes(keys: list[Any]) -> list[Any]:
    if len(keys) > MIN_HASHES and len(set(map(hash, keys))) * 4 < len(set(map(id, keys))):
        raise CodecError("keys made to collide")
    return keys


_DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "t": lambda body: tuple(_list(body)),
    "d": _decode_dict,
    "s": lambda body: set(_check_hashes(_list(body))),
    "z": lambda body: frozenset(_check_hashes(_list(body))),
    "b": lambda body: bytes.fromhex(_text(body)),
    "y": lambda body: bytearray.fromhex(_text(body)),
    "c": _decode_complex,
    "q": _decode_deque,
    "r": lambda body: range(*_numbers(body, 3)),
    "n": _decode_int,
    "u": lambda body: bytes.fromhex(_text(body)).decode("utf-8", "surrogatepass"),
    "D": lambda body: decimal.Decimal(_text(body)),
    "F": _decode_fraction,
    "T": _decode_time(dt.datetime),
    "A": lambda body: dt.date.fromisoformat(_text(body)),
    "M": _decode_time(dt.time),
    "L": lambda body: dt.timedelta(*_numbers(body, 3)),
}


def describe(failure: BaseException) -> str:
    """Gives one line about an exception, whatever its own methods do."""
    try:
        text = str(failure)
    except BaseException:  # noqa: BLE001 - a __str__ of the program's own
        text = ""
    name = type(failure).__name__
    return one_line(f"{name}: {text}" if text else name)


def one_line(text: str) -> str:
    """Gives a text as one line that can be shown and stored anywhere."""
    return " ".join(text[:1000].split())[:300].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
