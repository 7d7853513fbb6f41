"""The form of a `code` gold: a language, tests with what is expected of them, and how to compare. Reads and refuses it; runs nothing.

docs/verifiers.md, section `code`, is the manual of the form. Every refusal is one line that names the place.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from rewards.code.compare import OutputMode, Rules
from rewards.code.jobs import AssertTest, Budget, CallTest, StdinTest, Test
from rewards.code.languages import find_language
from rewards.code.values import ValueFormError, from_json

MAX_TESTS: Final = 2_000
"""A gold with more tests is refused."""

_KEYS: Final = frozenset(
    {"language", "tests", "entry_point", "prompt", "prelude", "compare", "checker", "limits", "solution", "exit_code"}
)
_TEST_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "stdin": frozenset({"stdin", "stdout", "accepts"}),
    "args": frozenset({"args", "kwargs", "function", "returns", "accepts"}),
    "assert": frozenset({"assert"}),
}
_LIMITS: Final[Mapping[str, tuple[str, int]]] = {
    "cpu_seconds": ("cpu_seconds", 1),
    "wall_seconds": ("wall_seconds", 1),
    "memory_mib": ("memory_bytes", 1 << 20),
    "output_kib": ("output_bytes", 1 << 10),
    "disk_mib": ("disk_bytes", 1 << 20),
    "processes": ("processes", 1),
}


class GoldError(ValueError):
    """A gold that is none. The message is one clear line that names the place."""


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A test with what is accepted of it.

    Attributes:
        test: what is run.
        accepts: the outputs (text) or values of which any will do; None where nothing is compared: an assertion, or a checker that needs no
            expectation.
    """

    test: Test
    accepts: tuple[Any, ...] | None


@dataclasses.dataclass(frozen=True, slots=True)
class CodeGold:
    """A gold that was read and found well formed.

    Attributes:
        language: a name of the language table, in small letters.
        cases: the tests, in order; at least one.
        entry_point: the function that is asked for; `Class.method` for a method.
        prompt: what a base model continues, and whose header belongs to the program; may be empty.
        prelude: Python that runs before the program, instead of what the prompt gives.
        rules: how outputs and values are compared.
        checker: Python source with `check(input, output, expected)`, for problems with many answers; empty where there is none.
        limits: fields of `Budget` that the gold sets.
        solution: a program that is known to be right; may be empty.
        any_exit_code: a program that reads stdin may end with any exit code.
        key: 32 hex digits; equal golds have equal keys.
    """

    language: str
    cases: tuple[Case, ...]
    entry_point: str | None
    prompt: str
    prelude: str | None
    rules: Rules
    checker: str
    limits: Mapping[str, float]
    solution: str
    any_exit_code: bool
    key: str

    def budget(self, default: Budget) -> Budget:
        """Gives the budget of each test: the gold's limits over the default. A longer processor time lengthens the clock time too."""
        limits = dict(self.limits)
        if "cpu_seconds" in limits and "wall_seconds" not in limits:
            limits["wall_seconds"] = max(
                default.wall_seconds, limits["cpu_seconds"] * default.wall_seconds / default.cpu_seconds
            )
        integers = {name: int(value) for name, value in limits.items() if not name.endswith("seconds")}
        return dataclasses.replace(default, **(limits | integers))  # type: ignore[arg-type] # the names are Budget's


def read_gold(gold: Any) -> CodeGold:
    """Reads a gold, an object or its JSON text.

    Raises:
        GoldError: it is no gold; the message is one line.
    """
    if isinstance(gold, str):
        try:
            gold = json.loads(gold)
        except (ValueError, RecursionError) as failure:
            raise GoldError(f"the gold is no JSON: {failure}"[:300]) from failure
    if not isinstance(gold, Mapping):
        raise GoldError(f"the gold is an object with language and tests, not {type(gold).__name__}")
    unknown = sorted(str(key) for key in gold.keys() - _KEYS)
    if unknown:
        raise GoldError(f"the gold has no field {unknown[0]!r}; its fields: {', '.join(sorted(_KEYS))}")
    entry_point = _text(gold, "entry_point") or None
    checker = _text(gold, "checker")
    return CodeGold(
        language=_read_language(gold),
        cases=_read_cases(gold.get("tests"), entry_point, has_checker=bool(checker)),
        entry_point=entry_point,
        prompt=_text(gold, "prompt"),
        prelude=_text(gold, "prelude") if gold.get("prelude") is not None else None,
        rules=_read_rules(gold.get("compare")),
        checker=checker,
        limits=_read_limits(gold.get("limits")),
        solution=_text(gold, "solution"),
        any_exit_code=_read_exit_code(gold.get("exit_code")),
        key=gold_key(gold),
    )


def gold_key(gold: Any) -> str:
    """Gives 32 hex digits of a gold's JSON, the same whatever the order of its fields.

    Raises:
        GoldError: for what JSON cannot hold.
    """
    try:
        text = json.dumps(gold, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as failure:
        raise GoldError(f"the gold is no JSON: {failure}"[:300]) from failure
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _text(gold: Mapping[str, Any], key: str) -> str:
    value = gold.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise GoldError(f"{key} is a text, not {type(value).__name__}")
    return value


def _required(gold: Mapping[str, Any], key: str) -> str:
    value = _text(gold, key).strip()
    if not value:
        raise GoldError(f"the gold has no {key}")
    return value


def _read_language(gold: Mapping[str, Any]) -> str:
    """Gives the name of the language table, for any of its names; an unknown language stays as it is written."""
    name = _required(gold, "language").lower()
    found = find_language(name)
    return found.name if found else name


def _read_cases(tests: Any, entry_point: str | None, *, has_checker: bool) -> tuple[Case, ...]:
    if not isinstance(tests, Sequence) or isinstance(tests, str) or not tests:
        raise GoldError("tests is a list of at least one test")
    if len(tests) > MAX_TESTS:
        raise GoldError(f"{len(tests)} tests; at most {MAX_TESTS} are run")
    return tuple(
        _read_case(test, f"tests[{place}]", entry_point, has_checker=has_checker) for place, test in enumerate(tests)
    )


def _read_case(test: Any, place: str, entry_point: str | None, *, has_checker: bool) -> Case:
    kind = next((kind for kind in _TEST_KEYS if isinstance(test, Mapping) and kind in test), None)
    if kind is None:
        raise GoldError(f"{place} is an object with stdin, args or assert")
    unknown = sorted(str(key) for key in test.keys() - _TEST_KEYS[kind])
    if unknown:
        raise GoldError(f"{place} has {unknown[0]!r} beside {kind!r}; allowed: {', '.join(sorted(_TEST_KEYS[kind]))}")
    if kind == "assert":
        if not _text(test, "assert").strip():
            raise GoldError(f"{place}.assert is empty")
        return Case(AssertTest(test["assert"], entry_point, ""), None)
    try:
        if kind == "stdin":
            return Case(StdinTest(_text(test, "stdin")), _accepted(test, "stdout", place, has_checker=has_checker))
        return Case(_read_call(test, place, entry_point), _accepted(test, "returns", place, has_checker=has_checker))
    except ValueFormError as failure:
        raise GoldError(f"{place}: {failure}") from failure


def _read_call(test: Mapping[str, Any], place: str, entry_point: str | None) -> CallTest:
    function = _text(test, "function") or entry_point
    if not function:
        raise GoldError(f"{place} has no function, and the gold no entry_point")
    args, kwargs = from_json(test["args"]), test.get("kwargs") or {}
    if not isinstance(args, list):
        raise GoldError(f"{place}.args is a list of the arguments, not {type(args).__name__}")
    if not isinstance(kwargs, Mapping):
        raise GoldError(f"{place}.kwargs is an object, not {type(kwargs).__name__}")
    return CallTest(function, args, {str(name): from_json(value) for name, value in kwargs.items()})


def _accepted(test: Mapping[str, Any], key: str, place: str, *, has_checker: bool) -> tuple[Any, ...] | None:
    if key in test and "accepts" in test:
        raise GoldError(f"{place} has both {key} and accepts")
    if key not in test and "accepts" not in test:
        if has_checker:
            return None
        raise GoldError(
            f"{place} has no {key}: what is expected is not known; `tamis rewards expect` computes it from a solution"
        )
    values = [test[key]] if key in test else test["accepts"]
    if not isinstance(values, list) or not values:
        raise GoldError(f"{place}.accepts is a list of at least one")
    if key == "stdout" and not all(isinstance(value, str) for value in values):
        raise GoldError(f"{place}.stdout is a text")
    return tuple(values) if key == "stdout" else tuple(from_json(value) for value in values)


def _read_rules(compare: Any) -> Rules:
    if compare is None:
        return Rules()
    if not isinstance(compare, Mapping):
        raise GoldError(f"compare is an object, not {type(compare).__name__}")
    fields = {field.name: field for field in dataclasses.fields(Rules)}
    for name, value in compare.items():
        if name not in fields:
            raise GoldError(f"compare has no {str(name)!r}; it has: {', '.join(fields)}")
        if name == "output":
            if value not in get_args(OutputMode):
                raise GoldError(f"compare.output is one of {', '.join(get_args(OutputMode))}, not {value!r}")
        elif name in ("abs_tol", "rel_tol"):
            if not _is_number(value) or value < 0:
                raise GoldError(f"compare.{name} is a number, 0 or more, not {value!r}")
        elif not isinstance(value, bool):
            raise GoldError(f"compare.{name} is true or false, not {value!r}")
    return Rules(**compare)


def _read_limits(limits: Any) -> Mapping[str, float]:
    if limits is None:
        return {}
    if not isinstance(limits, Mapping):
        raise GoldError(f"limits is an object, not {type(limits).__name__}")
    for name, value in limits.items():
        if name not in _LIMITS:
            raise GoldError(f"limits has no {str(name)!r}; it has: {', '.join(_LIMITS)}")
        if not _is_number(value) or value <= 0:
            raise GoldError(f"limits.{name} is a number above 0, not {value!r}")
    return {_LIMITS[name][0]: value * _LIMITS[name][1] for name, value in limits.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_exit_code(value: Any) -> bool:
    if value not in (None, "zero", "any"):
        raise GoldError(f"exit_code is 'zero' or 'any', not {value!r}")
    return bool(value == "any")
