"""What the repetition verifier calls a loop, and what it lets pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import get_verifier
from schemas.errors import UserError

PROSE = " ".join(f"Step {n}: we add {n * 7} to {n * 3} and then divide the sum by {n + 2}." for n in range(1, 60))


@pytest.mark.parametrize(
    "turn",
    ["Wait, let me check again. ", "哈", "等等，让我再想想。", "x", "\\frac{1}{2} + ", "ha ", "อีกครั้ง", "\n\n| 1 | 2 |"],
)
def test_a_loop_until_the_tokens_run_out(turn):
    verdict = get_verifier("repetition")(PROSE + turn * 2_000 + turn[: len(turn) // 2])
    assert verdict.status == "partial"
    assert verdict.score < 0.7
    assert verdict.detail["reason"] == "loop"
    assert verdict.detail["loop"]["turns"] >= 1_000
    assert len(verdict.detail["loop"]["text"]) <= len(turn)


@pytest.mark.parametrize(
    "completion",
    [
        PROSE,
        "The answer is 4.",
        "a",
        f"<think>{PROSE}</think>\n" + "-" * 200,
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        "You ask: how many apples are left? " + PROSE + " So to your question: how many apples are left? 12.",
    ],
)
def test_honest_text_passes(completion):
    verdict = get_verifier("repetition")(completion)
    assert (verdict.status, verdict.score) == ("correct", pytest.approx(1.0, abs=0.05))


def test_paragraphs_said_again_in_another_order():
    paragraphs = [PROSE[n * 500 : (n + 1) * 500] for n in range(5)]
    verdict = get_verifier("repetition")("\n\n".join(paragraphs + paragraphs[::-1]))
    assert (verdict.status, verdict.detail["reason"]) == ("partial", "repeats")
    assert 0.4 < verdict.score < 0.65


def test_nothing_said_is_nothing_found():
    assert get_verifier("repetition")("  \n").status == "unparseable"


@pytest.mark.parametrize("settings", [{"ngram": 1}, {"max_share": 1.0}, {"max_share": -0.1}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(UserError, match="repetition"):
        get_verifier("repetition", **settings)


@given(st.lists(st.text(max_size=30), max_size=6))
def test_a_batch_says_what_one_by_one_does(completions):
    check = get_verifier("repetition", ngram=2)
    one_by_one = [check(completion).timed(0) for completion in completions]
    assert [verdict.timed(0) for verdict in check.verify_batch(completions, [None] * len(completions))] == one_by_one
