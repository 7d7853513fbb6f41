"""`exact`, `regex` and `json_schema`: what they accept, what they refuse, and that no text holds them up."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import get_verifier
from schemas.errors import UserError


@pytest.mark.parametrize(
    ("settings", "completion", "gold", "score"),
    [
        ({}, "The answer is Paris.", "Paris", 1.0),
        ({}, "The answer is paris.", "Paris", 0.0),
        ({"ignore_case": True}, "The answer is PARIS.", "Paris", 1.0),
        ({}, "<answer>New   York</answer>", "New York", 1.0),
        ({}, "<answer>４２</answer>", 42, 1.0),
        ({}, "<answer>42</answer>", ["41", 42], 1.0),
        ({}, "<answer>the Seine</answer>", "Seine", 0.0),
        ({"ignore_articles": True}, "<answer>the Seine</answer>", "Seine", 1.0),
        ({"ignore_punctuation": True}, "<answer>don't stop!</answer>", "don t stop", 1.0),
        ({"ignore_punctuation": True}, "<answer>!</answer>", "?", 0.0),
        ({"ignore_articles": True}, "<answer>the</answer>", "a", 0.0),
        ({"part": "response"}, "<think>42</think> 42 ", "42", 1.0),
        ({"part": "response"}, "<think>42</think> It is 42", "42", 0.0),
        ({"part": "whole"}, "42", "42", 1.0),
        ({}, "Paris or London: Paris, London", "Paris", 0.0),
    ],
)
def test_exact(settings, completion, gold, score):
    assert get_verifier("exact", **settings)(completion, gold).score == score


@pytest.mark.parametrize(
    ("settings", "completion", "gold", "score"),
    [
        ({}, "<think>no</think>It is 12 m", r"\b\d+ m\b", 1.0),
        ({}, "<think>12 m</think>It is far", r"\b\d+ m\b", 0.0),
        ({"anchor": "full"}, "<think></think> 12 m ", r"\d+ m", 1.0),
        ({"anchor": "full"}, "about 12 m", r"\d+ m", 0.0),
        ({}, "It is 12 m", ["x+", r"\d"], 1.0),
        ({"all_of": True}, "It is 12 m", ["x+", r"\d"], 0.5),
        ({"all_of": True}, "xx 12", ["x+", r"\d"], 1.0),
        ({}, "ÄRGER", "(?i)ärger", 1.0),
    ],
)
def test_regex(settings, completion, gold, score):
    assert get_verifier("regex", **settings)(completion, gold).score == score


def test_a_pattern_that_would_run_for_ever_is_stopped():
    begun = time.monotonic()
    verdict = get_verifier("regex")("a" * 5_000 + "!", r"(a|a|aa|a?)+$")
    assert (verdict.score, verdict.status) == (0.0, "time_limit")
    assert time.monotonic() - begun < 30


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "ages": {"type": "array", "uniqueItems": True}},
    "patternProperties": {"^x-": {"type": "integer"}},
    "additionalProperties": False,
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ('{"name": "Ann"}', "correct"),
        (' {"name": "Ann", "ages": [1, "1", [1], true, {"a": 1, "b": 2}], "x-a": 3} ', "correct"),
        ('```json\n{"name": "Ann"}\n```', "correct"),
        ('{"name": "ann"}', "incorrect"),
        ('{"name": "Ann", "ages": [1, 1.0]}', "incorrect"),
        ('{"name": "Ann", "ages": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]}', "incorrect"),
        ('{"name": "Ann", "x-a": "3"}', "incorrect"),
        ('{"name": "Ann", "more": 1}', "incorrect"),
        ("[]", "incorrect"),
        ('{"name": "Ann"} is it', "unparseable"),
        ('Here: ```json\n{"name": "Ann"}\n```', "unparseable"),
        ('{"name": "Ann", "name": "Bob"}', "unparseable"),
        ('{"name": NaN}', "unparseable"),
        ("{'name': 'Ann'}", "unparseable"),
        ("", "unparseable"),
        ("[" * 100_000, "unparseable"),
    ],
)
def test_json_schema(response, status):
    for gold in (SCHEMA, json.dumps(SCHEMA)):
        verdict = get_verifier("json_schema")(f"<think>{{}}</think>{response}", gold)
        assert (verdict.status, verdict.score) == (status, float(status == "correct"))


def test_every_violation_is_named_by_its_path():
    verdict = get_verifier("json_schema")('{"name": "ann", "more": 1, "x-b": "c"}', SCHEMA)
    assert verdict.detail["num_violations"] == 3
    assert any(line.startswith("$.name: ") for line in verdict.detail["violations"])


@pytest.mark.parametrize(
    "schema",
    [None, 3, "{", {"type": "nothing"}, {"$ref": "http://example.com/s.json"}, {"pattern": "("}, {"properties": {"a": {"pattern": "["}}},
     {"patternProperties": {"(": {}}}, {"patternProperties": {"a": {}}, "unevaluatedProperties": False}, {"$ref": "#"},
     {"$ref": "#/nowhere"}, {"$dynamicRef": "#nowhere"}, {"properties": {"a": {"$ref": "#/properties/a"}}}, "[" * 9_999],
)  # fmt: skip
def test_a_bad_schema_is_not_the_models_fault(schema):
    verdict = get_verifier("json_schema")('{"a": 1}', schema)
    assert (verdict.score, verdict.status) == (None, "bad_gold")


@pytest.mark.parametrize(
    ("response", "schema", "status"),
    [
        ("1e999", {"multipleOf": 0.5}, "unparseable"),
        ("1" + "0" * 400, {"multipleOf": 0.5}, "correct"),
        ("1" + "0" * 400, {"multipleOf": 0.3}, "incorrect"),
        ("[" * 900 + "]" * 900, {"items": {"$ref": "#"}}, "too_complex"),
        ("[[[]]]", {"items": {"$ref": "#"}}, "correct"),
    ],
)
def test_no_value_escapes_its_verdict(response, schema, status):
    assert get_verifier("json_schema")(response, schema).status == status


def test_a_hostile_value_ends_soon():
    begun = time.monotonic()
    slow = {"type": "array", "uniqueItems": True, "items": {"type": "object"}}
    assert get_verifier("json_schema")(json.dumps([{"a": n} for n in range(50_000)]), slow).status == "correct"
    twins = "{" + ",".join(f'"{n}":0' for n in range(100_000)) + ',"99999":1}'
    assert get_verifier("json_schema")(twins, {}).status == "unparseable"
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    "gold",
    ["a{1000000000}", "(?R)", "(" * 4_000 + ")" * 4_000, 10**5000],
    ids=["repeat", "recursion", "nested", "number"],
)
def test_a_pattern_that_fails_on_nothing_is_a_bad_gold(gold):
    assert get_verifier("regex")("abc", gold).status == "bad_gold"


@pytest.mark.parametrize("gold", [None, "", {}, [], [[]], True, "("])
def test_golds_that_are_none(gold):
    assert get_verifier("regex")("a", gold).status == "bad_gold"
    if gold != "(":
        assert get_verifier("exact")("a", gold).status == "bad_gold"


@pytest.mark.parametrize(
    ("name", "settings"),
    [("exact", {"part": "x"}), ("regex", {"anchor": "x"}), ("regex", {"part": "x"}), ("json_schema", {"part": "x"})],
)
def test_bad_settings_are_refused(name, settings):
    with pytest.raises(UserError, match=name):
        get_verifier(name, **settings)


@given(st.text(max_size=60), st.text(min_size=1, max_size=10))
def test_any_text_gets_a_verdict(completion, gold):
    for part in ("answer", "response", "whole"):
        verdict = get_verifier("exact", part=part)(completion, gold)
        assert verdict.score in ((0.0, 1.0) if gold.strip() else (None,))
    if gold.strip() and completion.strip() and completion.isprintable() and "think" not in completion:
        assert get_verifier("exact", part="whole")(gold, gold).score == 1.0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    )
)
def test_every_value_fits_the_schema_that_names_it(value):
    assert get_verifier("json_schema", part="whole")(json.dumps(value), {"const": value}).score == 1.0


@pytest.mark.parametrize(
    "gold", ["the 4th of July", "World War 2 ended", "Boeing 747 and Airbus", "Catch 22 by Heller"]
)
@pytest.mark.parametrize("form", ["<answer>{}</answer>", "The answer is {}.", '{{"answer": "{}"}}'])
def test_no_number_is_taken_out_of_a_text(gold, form):
    assert get_verifier("exact")(form.format(gold), gold).score == 1.0
