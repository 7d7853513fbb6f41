"""The `mixing` verifier: R1's ratio over planted mixtures, thinking and answer apart, in both modes, alone and in batches."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from columnar.mixing import consistency as count
from columnar.mixing import spans
from rewards import get_verifier
from rewards.language import MAX_LISTED, MAX_SPANS, consistency
from rewards.thinking import cut
from schemas.errors import UserError
from schemas.ids import canonical_json

CHINESE = "首先计算正方形的面积,然后减去圆的面积。"
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
    mixed = get_verifier("mixing")(ENGLISH + CHINESE * 5, "en")
    assert mixed.status == "partial"
    assert 0.2 < mixed.score < 0.8
    wrong = get_verifier("mixing")(CHINESE, "en")
    assert (wrong.score, wrong.status) == (0.0, "incorrect")
    assert get_verifier("mixing")(CHINESE, "zh").status == "correct"


def test_threshold_and_span_limit_decide_the_status_and_leave_the_score():
    text = ENGLISH + "成的"
    default = get_verifier("mixing")(text, "en")
    strict = get_verifier("mixing", max_off_script_spans=0)(text, "en")
    exact = get_verifier("mixing", threshold=1.0)(text, "en")
    assert (default.status, strict.status, exact.status) == ("correct", "partial", "partial")
    assert default.score == strict.score == exact.score < 1.0


@pytest.mark.parametrize("gold", [None, "", "  ", 5, "no such language", ["en"], "und"])
def test_a_language_that_is_none_is_our_failure(gold):
    verdict = get_verifier("mixing")(ENGLISH, gold)
    assert (verdict.score, verdict.status) == (None, "bad_gold")


def test_a_fixed_target_replaces_the_gold():
    assert get_verifier("mixing", target="en")(ENGLISH, None).status == "correct"


def test_an_empty_completion_is_the_models_failure():
    assert get_verifier("mixing")(" \n", "en").status == "unparseable"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": 1.5}, "threshold must be between 0 and 1, not 1.5"),
        ({"threshold": -0.1}, "threshold"),
        ({"max_off_script_spans": -1}, "max_off_script_spans"),
        ({"mode": "loose"}, "mode must be one of strict, lenient, not 'loose'"),
        ({"part": "end"}, "part must be one of all, thinking, answer, not 'end'"),
        ({"target": "English"}, "ISO 639 code"),
        ({"target": "und"}, "ISO 639 code"),
        ({"candidates": "en"}, "candidates must be a list"),
        ({"candidates": []}, "candidates must be a list"),
        ({"candidates": ["en", "no such"]}, "ISO 639 code"),
    ],
)
def test_bad_settings_are_one_line_before_any_work(wrong, message):
    with pytest.raises(UserError, match=message) as caught:
        get_verifier("mixing", **wrong)
    assert "\n" not in str(caught.value)


def test_name_version_and_settings_are_the_key_of_a_verdict():
    plain = get_verifier("mixing")
    assert (plain.name, plain.version, plain.gold_key) == ("mixing", 1, "language")
    assert plain.settings == {
        "threshold": 0.95,
        "mode": "strict",
        "max_off_script_spans": None,
        "target": None,
        "candidates": None,
        "part": "all",
    }
    others = [
        {"mode": "lenient"},
        {"part": "answer"},
        {"target": "en"},
        {"candidates": ["en", "fr"]},
        {"threshold": 0.9},
    ]
    hashes = {get_verifier("mixing", **other).settings_hash for other in others}
    assert len(hashes | {plain.settings_hash}) == len(others) + 1
    assert get_verifier("mixing", mode="strict", threshold=0.95).settings_hash == plain.settings_hash


@pytest.mark.parametrize(
    ("completion", "parts"),
    [
        ("<think>a</think>b", ("a", "b")),
        ("a</think>b", ("a", "b")),
        ("\n<think>a</think>b</think>c", ("a</think>b", "c")),
        ("<think>a", ("a", None)),
        ("a", (None, "a")),
        ("</think>", ("", "")),
    ],
)
def test_thinking_and_answer_are_cut_apart(completion, parts):
    assert cut(completion) == parts


@pytest.mark.parametrize(
    ("completion", "parts"),
    [
        ("so <think>a", ("so <think>a", None)),
        ("<think>a</think>b<think>c", ("<think>a</think>b<think>c", None)),
        ("<think>a</think>b", ("a", "b")),
        ("a", (None, "a")),
    ],
)
def test_thinking_that_opens_anywhere_and_never_closes_leaves_no_answer(completion, parts):
    assert cut(completion, anywhere=True) == parts
    assert cut("the tag `<think>` opens it") == (None, "the tag `<think>` opens it")


def test_chinese_thinking_and_an_english_answer_are_told_apart():
    text = f"<think>{CHINESE * 5}</think>\n{ENGLISH}"
    of = {part: get_verifier("mixing", part=part)(text, "en") for part in ("all", "thinking", "answer")}
    assert (of["answer"].score, of["answer"].status) == (1.0, "correct")
    assert (of["thinking"].score, of["thinking"].status) == (0.0, "incorrect")
    assert of["all"].status == "partial"
    assert 0.2 < of["all"].score < 0.6
    assert of["all"].detail == of["answer"].detail == of["thinking"].detail
    told = consistency(text, "en")
    assert told.answer == count(f"\n{ENGLISH}", "en")
    assert told.thinking == count(CHINESE * 5, "en")
    assert told.whole == count(text, "en-GB")
    assert of["all"].detail["spans"][0]["start"] == len("<think>")
    assert spans(text, target="en") == told.whole.spans


def test_a_clause_of_the_same_script_is_found_by_its_words():
    french = "nous calculons ensuite la surface du carré et nous en retranchons celle du cercle"
    text = f"{ENGLISH} Then {french}. {ENGLISH}"
    verdict = get_verifier("mixing", max_off_script_spans=0)(text, "en")
    (span,) = verdict.detail["spans"]
    assert (span["language"], span["severity"]) == ("fr", "same_script")
    assert span["text"] in text
    assert "calculons ensuite la surface du carré et nous en retranchons celle" in span["text"]
    assert verdict.score == pytest.approx(1 - 14 / verdict.detail["strict"]["words"], abs=0.01)
    assert verdict.detail["num_off_script_spans"] == 0
    assert get_verifier("mixing", candidates=["de"])(text, "en").detail["strict"]["shares"].keys() <= {"en", "de"}


def test_a_part_that_is_not_there_is_the_models_failure():
    unended = get_verifier("mixing", part="answer")(f"<think>{ENGLISH}", "en")
    assert (unended.score, unended.status, unended.detail["reason"]) == (0.0, "unparseable", "no_answer")
    plain = get_verifier("mixing", part="thinking")(ENGLISH, "en")
    assert (plain.score, plain.status, plain.detail["reason"]) == (0.0, "unparseable", "no_thinking")
    assert get_verifier("mixing", part="answer")(ENGLISH, "en").status == "correct"


def test_lenient_forgives_names_and_terms_and_strict_does_not():
    text = "我们用 Python 写了这个程序，然后在 Google Colab 上运行它，得到了正确的结果。"
    strict = get_verifier("mixing")(text, "zh")
    lenient = get_verifier("mixing", mode="lenient")(text, "zh")
    assert strict.score == strict.detail["ratio"] < lenient.score == lenient.detail["lenient_ratio"]
    assert strict.detail == lenient.detail
    assert {span["severity"] for span in strict.detail["spans"]} == {"minor"}
    assert get_verifier("mixing", max_off_script_spans=0)(text, "zh").status == strict.status


def test_code_and_latex_have_no_language():
    outside = ENGLISH + "```python\n# 计算面积\nx = 面积\n```\n" + r"So $S = \pi r^2$ and \[ \sin x \] holds."
    assert get_verifier("mixing", threshold=1.0)(outside, "en").score == 1.0
    chinese = CHINESE * 3 + r" $\text{if } x = \frac{a}{b}$ `print(x)` [asy] draw((0,0)); [/asy]"
    assert get_verifier("mixing", threshold=1.0)(chinese, "zh").score == 1.0
    nothing = get_verifier("mixing")("$1 + 1$", "en")
    assert (nothing.score, nothing.status, nothing.detail["strict"]["words"]) == (1.0, "correct", 0)


def test_the_detail_is_bounded_json():
    verdict = get_verifier("mixing")("so 成 " * 20_000, "en")
    assert verdict.detail["num_spans"] > len(verdict.detail["spans"]) == MAX_SPANS
    assert len(canonical_json(dict(verdict.detail))) < 50_000
    for mode in ("strict", "lenient"):
        assert len(verdict.detail[mode]["transitions"]) <= MAX_LISTED


_PIECES = [
    "<think>",
    "</think>",
    "the area ",
    "成的",
    "пр",
    "の",
    "ok ",
    "$x$",
    "```",
    "\u202e",
    "\ud800",
    "\x00",
    "\u0301",
    "한",
    "IT ",
    ". ",
]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(_PIECES), max_size=12).map("".join), st.sampled_from(["en", "zh", "und", None])
        ),
        max_size=6,
    )
)
def test_a_batch_says_what_one_by_one_says_of_anything(rows):
    for part in ("all", "answer"):
        verifier = get_verifier("mixing", part=part)
        rows = rows + rows  # equal completions are read once
        completions, golds = [text for text, _ in rows], [gold for _, gold in rows]
        together = verifier.verify_batch(completions, golds)
        alone = [verifier(text, gold) for text, gold in rows]
        assert [verdict.timed(0.0) for verdict in together] == [verdict.timed(0.0) for verdict in alone]
        for (text, gold), verdict in zip(rows, together, strict=True):
            assert (verdict.score is None) == (gold in {"und", None})
            assert (verdict.status == "error") is False
            if verdict.score is not None and text.strip():
                assert 0.0 <= verdict.score <= 1.0


def test_equal_completions_are_read_once(monkeypatch):
    read = []

    def counting(texts, targets, candidates=None):
        read.extend(texts)
        return [count(text, target, candidates) for text, target in zip(texts, targets, strict=True)]

    monkeypatch.setattr("rewards.language.consistency_batch", counting)
    verdicts = get_verifier("mixing").verify_batch([ENGLISH, CHINESE] * 8 + [" "], ["en"] * 16 + ["en"])
    assert sorted(read) == sorted([ENGLISH, CHINESE])
    assert [verdict.status for verdict in verdicts] == ["correct", "incorrect"] * 8 + ["unparseable"]
