"""The `json_schema` verifier: is the response one JSON value, and does it fit the gold's schema? Pure."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import regex
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend

from rewards.matching import REGEX_SECONDS, Part, compiled, take_part
from rewards.registry import Check, CheckWithGold, verifier
from rewards.verdict import Verdict

MAX_CHARS: Final = 1_000_000
"""A longer response is not read."""

MAX_SHOWN: Final = 10
"""So many violations are listed; `num_violations` counts up to `MAX_VIOLATIONS`."""

MAX_VIOLATIONS: Final = 1_000

_FENCED: Final = regex.compile(r"\A\s*+```(?:json|JSON)?[ \t]*+\n(.*)\n[ \t]*+```\s*+\Z", regex.DOTALL)


class _NotStrictError(ValueError):
    """What Python's reader takes and RFC 8259 does not, or what two readers read differently."""


@verifier("json_schema", version=1, gold_key="schema")
def json_schema(*, part: Part = "response", fence: bool = True) -> Check:
    """Scores 1.0 where the part is one JSON value that the schema accepts, else 0.0, with every violation by its path.

    NaN, Infinity and a key twice in one object are refused. Patterns of a schema are stopped after `REGEX_SECONDS`.

    Args:
        part: `response` (all after the thinking), `answer` or `whole`, see `rewards.matching`.
        fence: the value may stand in one fenced block, and nothing beside it.

    The gold is a JSON Schema (draft 2020-12) as an object or its text; references go inside it only.
    """
    if part not in ("response", "answer", "whole"):
        raise ValueError(f"part must be one of answer, response, whole, not {part!r}")

    def check(completion: str, gold: Any, /) -> Verdict:
        try:
            validator = _validator(gold if isinstance(gold, str) else json.dumps(gold))
        except (ValueError, TypeError, RecursionError) as failure:
            return Verdict(None, "bad_gold", {"reason": "bad_schema", "error": str(failure)[:300]})
        given, missing = take_part(completion, part)
        if missing:
            return Verdict(0.0, "unparseable", {"reason": missing})
        if len(given) > MAX_CHARS:
            return Verdict(0.0, "too_complex", {"reason": "too_long", "chars": len(given)})
        fenced = _FENCED.match(given) if fence else None
        try:
            value = read_strictly(fenced[1] if fenced else given)
        except (ValueError, RecursionError) as failure:
            return Verdict(0.0, "unparseable", {"reason": "not_json", "error": str(failure)[:300]})
        return _judge(validator, value)

    def write(gold: Any) -> str | None:
        value = _example(gold)
        return None if value is None else f"<answer>{value}</answer>" if part == "answer" else value

    return CheckWithGold(check, write)


def read_strictly(text: str) -> Any:
    """Reads one JSON value as RFC 8259 has it.

    Raises:
        ValueError: no JSON, a constant such as NaN, or a key twice in one object.
        RecursionError: nested deeper than Python's stack.
    """
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins)


def _example(gold: Any) -> str | None:
    """Gives a value that the schema itself names, as JSON text: its `const`, or the first of its `examples` or its `enum`."""
    try:
        schema = json.loads(gold) if isinstance(gold, str) else gold
        if not isinstance(schema, dict):
            return None
        named = [[schema["const"]] if "const" in schema else [], schema.get("examples"), schema.get("enum")]
        first = next((values for values in named if isinstance(values, list) and values), None)
        return None if first is None else json.dumps(first[0])
    except (ValueError, TypeError, RecursionError):
        return None


def _judge(validator: Any, value: Any) -> Verdict:
    violations = []
    try:
        for violation in validator.iter_errors(value):
            violations.append(f"{violation.json_path}: {violation.message[:200]}")
            if len(violations) == MAX_VIOLATIONS:
                break
    except TimeoutError:
        return Verdict(0.0, "time_limit", {"reason": "pattern_took_too_long"})
    except RecursionError:
        return Verdict(0.0, "too_complex", {"reason": "nested_too_deep"})
    if not violations:
        return Verdict(1.0, "correct")
    return Verdict(0.0, "incorrect", {"num_violations": len(violations), "violations": sorted(violations)[:MAX_SHOWN]})


def _refuse_constant(name: str) -> Any:
    raise _NotStrictError(f"{name} is no JSON number")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in found if keys.count(key) > 1)
        raise _NotStrictError(f"key {twin[:100]!r} stands twice in one object")
    return found


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compiled(pattern).search(value, timeout=REGEX_SECONDS):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, subschema in patterns.items():
            for key, inner in value.items():
                if compiled(pattern).search(key, timeout=REGEX_SECONDS):
                    yield from validator.descend(inner, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, inner in value.items():
        if key not in named and not any(compiled(p).search(key, timeout=REGEX_SECONDS) for p in patterns):
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


# The library's own rules for these search without a limit of time, or compare every item with every other.
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    },
)


@lru_cache(maxsize=1024)
def _validator(schema: str) -> Any:
    """Makes the validator of a schema.

    Raises:
        ValueError: no JSON, no schema, a pattern that is none, or a reference out of the schema.
    """
    read = json.loads(schema)
    if not isinstance(read, dict | bool):
        raise ValueError(f"a schema is an object or a boolean, not {type(read).__name__}")  # noqa: TRY004 - a bad gold, whatever it is
    try:
        _Validator.check_schema(read)
    except SchemaError as failure:
        raise ValueError(f"{failure.json_path}: {failure.message}") from failure
    _check_parts(read)
    return _Validator(read)


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
