"""The rule tables say what the papers say, and judge at the threshold as the papers do."""

import math

import numpy as np
import pytest

from columnar.signals import SIGNALS
from curation.rules.model import FILE_KINDS
from curation.rules.tables import RULE_SETS, failing_rules, file_kind, resolve_rules
from curation.steps.measures import MEASURED
from schemas.errors import RecipeError
from schemas.steps import FilterRecipe

#: The papers' tables: (signal, the document is dropped when the value is ... than the number).
PUBLISHED = {
    # Rae et al. 2021, A.1.1
    "gopher_quality": {
        ("words", "<", 50),
        ("words", ">", 100_000),
        ("mean_word_length", "<", 3),
        ("mean_word_length", ">", 10),
        ("hash_to_word_ratio", ">", 0.1),
        ("ellipsis_to_word_ratio", ">", 0.1),
        ("bullet_line_share", ">", 0.9),
        ("ellipsis_line_share", ">", 0.3),
        ("alpha_word_share", "<", 0.8),
        ("stop_words", "<", 2),
    },
    # Guo et al. 2024, 2.1
    "deepseek_coder": {
        ("mean_line_length", ">", 100),
        ("max_line_length", ">", 1000),
        ("alpha_char_share", "<", 0.25),
        ("xml_declaration", ">", 0),
        ("visible_char_share", "<", 0.2),
        ("visible_chars", "<", 100),
        ("chars", "<", 50),
        ("chars", ">", 5000),
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_tables_are_the_published_ones(name):
    rules = RULE_SETS[name].rules
    assert {(rule.signal, rule.operator, rule.threshold) for rule in rules} == PUBLISHED[name]
    assert len({rule.reason for rule in rules}) == len(rules) == len(PUBLISHED[name])
    assert all(rule.signal in SIGNALS or rule.signal in MEASURED for rule in rules)
    assert RULE_SETS[name].source.count("arXiv") == 1


def test_every_table_is_one_that_a_recipe_may_name():
    for name in RULE_SETS:
        assert FilterRecipe.model_validate({"rules": name}).rules == name


def test_a_value_at_the_threshold_passes_and_an_unmeasured_one_too():
    for table in RULE_SETS.values():
        for rule in table.rules:
            step = 1e-9 if rule.operator == ">" else -1e-9
            assert not rule.fails(rule.threshold)
            assert rule.fails(rule.threshold + step)
            assert not rule.fails(None)
            values = np.array([rule.threshold, rule.threshold + step, math.nan])
            kinds = {kind: np.full(3, kind in rule.only) for kind in FILE_KINDS}
            flags = {flag: np.full(3, flag == rule.when) for flag in (rule.when, rule.unless) if flag}
            found = failing_rules((rule,), {rule.signal: values, **flags}, kinds, 3)
            assert found.tolist() == [[False, True, False]]


def test_conditions_are_for_their_files_only():
    rules = {rule.reason: rule for rule in RULE_SETS["deepseek_coder"].rules}
    judged = {reason: {kind for kind in ("", *FILE_KINDS) if rule.applies_to(kind)} for reason, rule in rules.items()}
    everything = {"", *FILE_KINDS}
    assert judged == {
        "lines_too_long": everything,
        "longest_line_too_long": everything,
        "too_few_letters": everything,
        "xml_declaration": everything - {"xslt"},
        "too_small_visible_share": {"html"},
        "too_little_visible_text": {"html"},
        "data_file_too_short": {"json", "yaml"},
        "data_file_too_long": {"json", "yaml"},
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.JSON", "json"),
        ("x.yml", "yaml"),
        ("x.xsl", "xslt"),
        ("i.htm", "html"),
        ("a.json.py", "python"),
        ("", ""),
        (None, ""),
    ],
)
def test_kinds_of_files(path, kind):
    assert file_kind(path) == kind


def test_thresholds_and_disabled_reasons_are_taken():
    rules = resolve_rules("gopher_quality", {"too_few_words": 10}, ["too_few_stop_words"])
    assert len(rules) == 9
    assert next(rule.threshold for rule in rules if rule.reason == "too_few_words") == 10
    assert RULE_SETS["gopher_quality"].rules[0].threshold == 50


@pytest.mark.parametrize(
    ("name", "thresholds", "disable", "message"),
    [
        (
            "gopher_quality",
            {"to_few_words": 1},
            [],
            "step 'q': thresholds: gopher_quality has no reason 'to_few_words'; did you mean 'too_few_words'?",
        ),
        (
            "gopher_quality",
            {},
            ["xml_declaration"],
            "step 'q': disable: gopher_quality has no reason 'xml_declaration'; there are",
        ),
        ("gopher", {}, [], "step 'q': rules: no table 'gopher'; did you mean 'gopher_quality'?"),
    ],
)
def test_what_does_not_exist_is_refused_with_a_hint(name, thresholds, disable, message):
    with pytest.raises(RecipeError) as error:
        resolve_rules(name, thresholds, disable, "step 'q'")
    assert str(error.value).startswith(message)
