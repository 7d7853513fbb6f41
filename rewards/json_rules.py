"""JSON values against JSON Schemas (draft 2020-12): strict reading, and validation by the library with rules of ours where it errs.

Pure, and without a bound of its own on time: it runs in the processes of `rewards.text_rules`. Nothing is ever fetched.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from rewards.patterns import compiled

MAX_SHOWN: Final = 10
"""So many violations are listed; `num_violations` counts up to `MAX_VIOLATIONS`."""

MAX_VIOLATIONS: Final = 1_000

SHALLOW: Final = 100
"""A value that is nested less than this takes no stack: what overflows it is a schema that refers to itself without end."""


class BadSchemaError(ValueError):
    """A gold that is no schema. The message says why."""


class _NotStrictError(ValueError):
    """What Python's reader takes and RFC 8259 does not, or what two readers read differently."""


def check(validator: Any, text: str) -> dict[str, Any]:
    """Reads a text as JSON and validates it.

    Returns:
        `{"not_json": why}`, `{"too_deep": True}`, or `num_violations` with the first `violations`, each by its path.

    Raises:
        BadSchemaError: the schema names a part that it does not have, or refers to itself without end.
    """
    try:
        value = read_strictly(text)
    except (ValueError, RecursionError) as failure:
        return {"not_json": str(failure)[:300]}
    violations = []
    try:
        for violation in validator.iter_errors(value):
            violations.append(f"{violation.json_path}: {violation.message[:200]}")
            if len(violations) == MAX_VIOLATIONS:
                break
    except Unresolvable as failure:
        raise BadSchemaError(f"a reference leads nowhere: {failure}"[:300]) from failure
    except RecursionError:
        if _depth(value) < SHALLOW:
            raise BadSchemaError("the schema refers to itself without end") from None
        return {"too_deep": True}
    return {"num_violations": len(violations), "violations": sorted(violations)[:MAX_SHOWN]}


def read_strictly(text: str) -> Any:
    """Reads one JSON value as RFC 8259 has it.

    Raises:
        ValueError: no JSON, a constant such as NaN, a number that no float holds, or a key twice in one object.
        RecursionError: nested deeper than Python's stack.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_refuse_twins)


def _depth(value: Any) -> int:
    """Gives how deep a value is nested, without recursion; no more than `SHALLOW`."""
    level, depth = [value], 0
    while level and depth < SHALLOW:
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level, depth = [part for parts in inner for part in parts], depth + 1
    return depth


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise _NotStrictError(f"{written[:40]} is beyond what readers hold")
    return number


def _refuse_constant(name: str) -> Any:
    raise _NotStrictError(f"{name} is no JSON number")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twin = next(key for key, count in counts.items() if count > 1)
        raise _NotStrictError(f"key {twin[:100]!r} stands twice in one object")
    return found


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compiled(pattern).search(value):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, subschema in patterns.items():
            for key, inner in value.items():
                if compiled(pattern).search(key):
                    yield from validator.descend(inner, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, inner in value.items():
        if key not in named and not any(compiled(p).search(key) for p in patterns):
            if isinstance(rule, dict):
                yield from validator.descend(inner, rule, path=key)
            elif not rule:
                yield ValidationError(f"has {key[:100]!r}, which is not among its properties")


def _unique_items(_validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list) and len({_canonical(item) for item in value}) < len(value):
        yield ValidationError("has the same item twice")


def _canonical(value: Any) -> str:
    """One spelling for each value: 1 and 1.0 are one number, the order of keys does not matter."""

    def plain(part: Any) -> Any:
        if isinstance(part, float) and part.is_integer():
            return int(part)
        if isinstance(part, list):
            return [plain(item) for item in part]
        return {key: plain(inner) for key, inner in part.items()} if isinstance(part, dict) else part

    return json.dumps(plain(value), sort_keys=True)


def _multiple_of(validator: Any, step: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    try:
        yield from Draft202012Validator.VALIDATORS["multipleOf"](validator, step, value, schema)
    except OverflowError:  # a whole number that no float holds
        if (Fraction(value) / Fraction(step)).denominator != 1:
            yield ValidationError(f"is not a multiple of {step}")


# The library's own rules for these search by another engine, compare every item with every other, or fail for large numbers.
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    },
)


@lru_cache(maxsize=1024)
def make_validator(schema: str) -> Any:
    """Makes the validator of a schema, and tries it on values that hold nothing: what fails there fails everywhere.

    Raises:
        BadSchemaError: no JSON, no schema, a pattern that is none, or a reference to what is not in the schema.
    """
    try:
        read = json.loads(schema)
        if not isinstance(read, dict | bool):
            raise BadSchemaError(f"a schema is an object or a boolean, not {type(read).__name__}")
        _Validator.check_schema(read)
        _check_parts(read)
        validator = _Validator(read, registry=Registry())
        for value in ("null", "{}", "[]"):
            next(validator.iter_errors(json.loads(value)), None)
    except SchemaError as failure:
        raise BadSchemaError(f"{failure.json_path}: {failure.message}"[:300]) from failure
    except Unresolvable as failure:
        raise BadSchemaError(f"a reference leads nowhere: {failure}"[:300]) from failure
    except (ValueError, RecursionError) as failure:
        raise BadSchemaError(f"{type(failure).__name__}: {failure}"[:300]) from failure
    return validator


def _check_parts(schema: Any) -> None:
    """Refuses references to elsewhere, which would be fetched, and patterns that `regex` cannot read."""
    if isinstance(schema, list):
        for part in schema:
            _check_parts(part)
    elif isinstance(schema, dict):
        for key, part in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(part, str) and not part.startswith("#"):
                raise ValueError(f"{key} {part[:100]!r} leads out of the schema")
            if key == "pattern" and isinstance(part, str):
                compiled(part)
            elif key == "patternProperties" and isinstance(part, dict):
                for pattern in part:
                    compiled(pattern)
            _check_parts(part)
        if {"unevaluatedProperties", "patternProperties"} <= schema.keys():
            raise ValueError("patternProperties beside unevaluatedProperties is not supported")
