import json

import pytest

from rewards import get_verifier
from schemas.errors import UserError

ENGLISH = "We first compute the area of the square and then subtract the area of the circle. " * 5


def test_the_planted_fragment_is_found_with_its_place():
    text = f"<think>{ENGLISH} The function sinh成的 is odd.</think> The answer is $5$."
    verdict = get_verifier("mixing")(text, "en")
    (span,) = verdict.detail["spans"]
    assert text[span["start"] : span["end"]] == span["text"] == "成的"
    assert (span["language"], span["severity"]) == ("zh", "off_script")
    assert 0.9 < verdict.score < 1.0
    assert verdict.detail["thinking"]["ratio"] < 1.0 == verdict.detail["answer"]["ratio"]
    json.dumps(verdict.detail)


def test_clean_text_scores_one_and_formulas_do_not_count():
    verdict = get_verifier("mixing")(ENGLISH + r" $\alpha + \beta = \text{x}$ and `code 代码`", "en")
    assert (verdict.score, verdict.status, verdict.detail["num_spans"]) == (1.0, "correct", 0)


def test_half_in_another_language_is_partial_and_all_of_it_incorrect():
    chinese = "首先计算正方形的面积,然后减去圆的面积。"
    mixed = get_verifier("mixing")(ENGLISH + chinese * 5, "en")
    assert mixed.status == "partial"
    assert 0.2 < mixed.score < 0.8
    wrong = get_verifier("mixing")(chinese, "en")
    assert (wrong.score, wrong.status) == (0.0, "incorrect")
    assert get_verifier("mixing")(chinese, "zh").status == "correct"


def test_threshold_and_span_limit_decide_the_status_and_leave_the_score():
    text = ENGLISH + "成的"
    default = get_verifier("mixing")(text, "en")
    strict = get_verifier("mixing", max_off_script_spans=0)(text, "en")
    exact = get_verifier("mixing", threshold=1.0)(text, "en")
    assert (default.status, strict.status, exact.status) == ("correct", "partial", "partial")
    assert default.score == strict.score == exact.score < 1.0


@pytest.mark.parametrize("gold", [None, "", "  ", 5, "no such language", ["en"]])
def test_a_language_that_is_none_is_our_failure(gold):
    verdict = get_verifier("mixing")(ENGLISH, gold)
    assert (verdict.score, verdict.status) == (None, "bad_gold")


def test_a_fixed_target_replaces_the_gold():
    assert get_verifier("mixing", target="en")(ENGLISH, None).status == "correct"


def test_an_empty_completion_is_the_models_failure():
    assert get_verifier("mixing")(" \n", "en").status == "unparseable"


@pytest.mark.parametrize("settings", [{"threshold": 1.5}, {"threshold": -0.1}, {"max_off_script_spans": -1}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(UserError):
        get_verifier("mixing", **settings)
