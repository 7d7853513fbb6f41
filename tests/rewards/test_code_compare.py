"""Outputs and values against what is expected: every line counts, tolerance where it was asked for, nothing that only looks equal."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.code.compare import Rules, same_output, same_value
from rewards.code.jobs import NotData
from rewards.code.values import ValueFormError, from_json, to_json

LINES, TOKENS, EXACT = Rules(), Rules(output="tokens"), Rules(output="exact")
NUMBERS = Rules(output="tokens", numbers=True)
CLOSE = Rules(output="tokens", abs_tol=1e-6, rel_tol=1e-6)

OUTPUTS: list[tuple[str, str, Rules, bool]] = [
    ("1\n2\n", "1\n2", LINES, True),
    ("1\r\n2\r\n", "1\n2\n", LINES, True),
    ("\n1  \n2\n\n", "1\n2\n", LINES, True),
    ("1\n", "1\n2\n", LINES, False),  # a comparison of pairs of lines would stop at the first
    ("1\n2\n3\n", "1\n2\n", LINES, False),
    ("1\n\n2\n", "1\n2\n", LINES, False),
    ("  1\n", "1\n", LINES, False),
    ("", "", LINES, True),
    ("x", "", LINES, False),
    ("", "x", LINES, False),
    ("1 2\n3", "1\n2 3\n", TOKENS, True),
    ("1 2", "1 2 3", TOKENS, False),
    ("1 2 3", "1 2", TOKENS, False),
    ("1\n", "1", EXACT, False),
    ("YES", "yes", LINES, False),
    ("YES", "yes", Rules(ignore_case=True), True),
    ("1.0", "1", TOKENS, False),
    ("1.0 +3 1e2", "1 3 100", NUMBERS, True),
    ("50000000000000000", "50000000000000001", NUMBERS, False),
    ("50000000000000000", "50000000000000001", CLOSE, False),  # integers are exact whatever the tolerance
    ("0.3333333", "0.33333333", CLOSE, True),
    ("0.34", "0.33333333", CLOSE, False),
    ("nan", "NaN", CLOSE, True),
    ("nan", "1.5", CLOSE, False),
    ("nan", "nan", Rules(output="tokens", numbers=True, nan_is_nan=False), True),  # the same text
    ("1e9999 " * 3, "1e9999 1e9999 1e9999", CLOSE, True),
    ("1_000", "1000", NUMBERS, False),
    ("١", "1", NUMBERS, False),
    ("0x10", "16", NUMBERS, False),
]


@pytest.mark.parametrize(("given_output", "expected", "rules", "same"), OUTPUTS)
def test_outputs(given_output: str, expected: str, rules: Rules, same: bool) -> None:
    assert same_output(given_output.encode(), expected, rules) is same


def test_bytes_that_are_no_text_equal_nothing() -> None:
    assert not same_output(b"\xff", "\ufffd", LINES)


VALUES: list[tuple[Any, Any, Rules, bool]] = [
    ([1, 2], [1, 2], LINES, True),
    ((1, 2), [1, 2], LINES, True),
    ([(1, [2])], [[1, (2,)]], LINES, True),
    ((1, 2), [1, 2], Rules(list_is_tuple=False), False),
    ([1], [1, 2], LINES, False),
    ([1, 2, 3], [1, 2], LINES, False),
    ("12", 12, LINES, False),
    ("12", [1, 2], LINES, False),
    ({1, 2}, [1, 2], LINES, False),
    ({1: [1.0]}, {1: [1]}, LINES, True),
    ({"1": 2}, {1: 2}, LINES, False),
    ({1: 2, 3: 4}, {1: 2}, LINES, False),
    (None, False, LINES, False),
    (0.1 + 0.2, 0.3, LINES, False),
    (0.1 + 0.2, 0.3, CLOSE, True),
    ([0.1 + 0.2], [0.3], CLOSE, True),
    (10**400, 1.5, CLOSE, False),
    (10**400, math.inf, CLOSE, False),
    (math.nan, math.nan, LINES, True),
    ([math.nan], [math.nan], Rules(nan_is_nan=False), False),
    (math.inf, math.inf, CLOSE, True),
    (math.inf, 1e308, CLOSE, False),
    ([2, 1, 1], [1, 2], Rules(as_set=True), True),
    ([[1], [2]], [(2,), (1,)], Rules(as_set=True), True),
    ([1], [1, 2], Rules(as_set=True), False),
    (1, True, LINES, True),  # as Python has it
    (b"a", "a", LINES, False),
]


@pytest.mark.parametrize(("value", "expected", "rules", "same"), VALUES, ids=range(len(VALUES)))
def test_values(value: Any, expected: Any, rules: Rules, same: bool) -> None:
    assert same_value(value, expected, rules) is same


def test_an_object_equals_nothing() -> None:
    thing = NotData("Always")
    assert not same_value(thing, thing, LINES)
    assert not same_value([thing], [thing], LINES)


def test_nesting_beyond_the_stack_is_not_the_same_and_no_crash() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    assert not same_value(deep, [[]], LINES)
    assert not same_value([deep], [deep, 1], Rules(as_set=True))


_DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.just("$tuple"), inner, max_size=3)
        | st.frozensets(st.integers() | st.text(), max_size=3)
        | st.sets(st.integers(), max_size=3)
    ),
    max_leaves=12,
)


@given(_DATA)
def test_a_value_survives_the_form_of_golds_and_equals_itself(value: Any) -> None:
    assert same_value(from_json(to_json(value)), value, Rules(list_is_tuple=False))


@pytest.mark.parametrize(
    "bad", [{"$tupel": []}, {"$tuple": 3}, {"$float": "1"}, {"$bytes": "xyz"}, {"$set": [[1]]}, {"$dict": [1]}]
)
def test_a_mark_that_is_none_is_named(bad: Any) -> None:
    with pytest.raises(ValueFormError, match=r"\$"):
        from_json([bad])


def test_a_value_without_a_form_is_refused() -> None:
    with pytest.raises(ValueFormError, match="object"):
        to_json([object()])
