"""The options that completions name: known forms, known ways to fool a checker, and whatever else is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import get_verifier
from rewards.choice import read_letters

OPTIONS = {"letter": "C", "options": ["10 m", "11 m", "12 m", "An apple", "10 m"]}


@pytest.mark.parametrize(
    "answer",
    [
        "C", "(C)", "c", "(c)", "**C**", "C.", "\\text{C}", "$\\mathrm{C}$", "Option C", "option (C)", "选项C", "C. 12 m", "(C) 12 m",
        "C: 12 m", "C) 12 m", "C because the others are odd", "C, since it is even", "C、因为", "The answer is C",
        "Ｃ", "（Ｃ）", "C\u200b", "C. (A) and (B)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["\\boxed{%s}", "<answer>%s</answer>", "So the answer is %s", "#### %s", "thus\n\n%s"])
def test_the_same_letter_in_any_dress(form, answer):
    if form.startswith("\\boxed") and "\n" in answer:
        return
    assert get_verifier("choice")(f"<think>A or B? (D)</think>{form % answer}", "C").score == 1.0


@pytest.mark.parametrize(
    ("completion", "status"),
    [
        ("The answer is A", "incorrect"),
        ("The answer is (A), (B), (C) or (D)", "incorrect"),
        ("\\boxed{A, B, C, D}", "incorrect"),
        ("\\boxed{ABCD}", "incorrect"),
        ("\\boxed{A}, \\boxed{B}, \\boxed{C}", "incorrect"),
        ("<answer></answer> C", "unparseable"),
        ("A man came. I think that he left.", "unparseable"),
        ("The answer is a certain thing", "unparseable"),
        ("The answer is I think", "unparseable"),
        ("", "unparseable"),
        ("<think>The answer is C", "unparseable"),
        ("<think>The answer is C</think>I do not know", "unparseable"),
        ("CABBAGE", "unparseable"),
        ("C. A. B. D.", "incorrect"),
        ("\\boxed{(C) (D)}", "incorrect"),
        ("A) right\nC) Incorrect.", "unparseable"),
        ("B\n\n(C) is not the right answer", "unparseable"),
        ("\\boxed{}", "unparseable"),
    ],
)
def test_what_names_another_option_or_none(completion, status):
    verdict = get_verifier("choice")(completion, "C")
    assert (verdict.score, verdict.status) == (0.0, status)


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        ("The answer is 12 m.", 1.0),
        ("\\boxed{12\\text{ m}}", 1.0),
        ("The answer is an apple", 0.0),
        ("The answer is 10 m", 0.0),
    ],
)
def test_an_option_may_be_named_by_its_text(completion, score):
    assert get_verifier("choice")(completion, OPTIONS).score == score
    assert get_verifier("choice")(completion, "C").score == 0.0


@pytest.mark.parametrize(
    ("answer", "score"),
    [("A, C", 1.0), ("CA", 0.0), ("AC", 1.0), ("A and C", 1.0), ("A", 0.5), ("ABCD", 0.5), ("A、C", 1.0), ("B", 0.0)],
)
def test_several_options(answer, score):
    assert get_verifier("choice", multiple=True)(f"The answer is {answer}", "A, C").score == score


@pytest.mark.parametrize(
    "gold",
    [None, 3, "", "cabbage", "A, C", {"letter": "F", "options": ["x", "y"]}, {"letter": "A"}, {"letter": "A", "options": []},
     {"options": ["x"]}],
)  # fmt: skip
def test_a_bad_gold_is_not_the_models_fault(gold):
    verdict = get_verifier("choice")("The answer is C", gold)
    assert (verdict.score, verdict.status) == (None, "bad_gold")
    assert verdict.detail["error"]


@given(st.text(max_size=200), st.sampled_from("ABCD"))
def test_any_text_gets_a_verdict(text, gold):
    verdict = get_verifier("choice")(text, gold)
    assert verdict.score in (0.0, 1.0)
    assert (verdict.score == 1.0) == (verdict.detail.get("letters") == [gold])


@given(
    st.lists(
        st.sampled_from(["A", "B", "(", ")", ",", " ", ".", "and", "\n", "*", "、", "answer is "]), max_size=400
    ).map("".join)
)
def test_reading_ends_soon(text):
    assert read_letters(text * 50) <= {"A", "B"} | set("NDISWERSTHEOP")


def test_a_batch_says_what_one_by_one_does():
    completions = ["The answer is C", "The answer is D", "?"] * 5
    check = get_verifier("choice")
    one_by_one = [check(completion, "C").timed(0) for completion in completions]
    assert [verdict.timed(0) for verdict in check.verify_batch(completions, ["C"] * 15)] == one_by_one


@pytest.mark.parametrize("answer", ["B) C)", "(B)(C)", "B. or C.", "B. A. C. D."])
def test_math_takes_no_list_of_letters_for_one(answer):
    assert get_verifier("math")(f"\\boxed{{{answer}}}", "B").score == 0.0
    assert get_verifier("math")("\\boxed{B. (A) and (C)}", "B").score == 1.0


def test_a_long_row_of_letters_ends_soon():
    assert get_verifier("choice")("C) " * 600 + "!", "C").score is not None
