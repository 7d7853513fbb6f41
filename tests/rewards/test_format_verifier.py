import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import get_verifier
from schemas.errors import UserError
from tests.rewards.case_tables import cases

PIECES = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "a",
    " ",
    "\n",
    "<Think>",
    "|special_token|",
    "\ud800",
    "\u200b",
]


@pytest.mark.parametrize("case", cases("format"), ids=lambda case: f"{case['source']}-{case['output'][:20]!r}")
def test_case(case):
    verdict = get_verifier("format", **case["settings"])(case["output"])
    assert verdict.detail.get("reasons", []) == case["reasons"]
    assert (verdict.score, verdict.status) == ((0.0, "incorrect") if case["reasons"] else (1.0, "correct"))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.booleans(), st.booleans())
def test_what_passes_can_be_taken_apart_and_put_together_again(text, prefilled, answer_tags):
    verdict = get_verifier("format", prefilled=prefilled, answer_tags=answer_tags)(text)
    assert verdict.score in (0.0, 1.0)
    if verdict.score == 1.0:
        assert text.count("<think>") == (0 if prefilled else 1)
        assert text.count("</think>") == 1
        thinking, answer = text.split("</think>")
        assert thinking.removeprefix("<think>").strip()
        assert answer.strip()
        assert ("<answer>" in answer) == answer_tags
        # Anything more, on either side, is refused.
        for tag in ("<think>", "</think>", "<answer>", "</answer>"):
            assert get_verifier("format", prefilled=prefilled, answer_tags=answer_tags)(text + tag).score == 0.0


@pytest.mark.parametrize(
    "settings", [{"style": "r2"}, {"special_token": " "}, {"style": "cold_start", "answer_tags": True}, {"no_such": 1}]
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(UserError):
        get_verifier("format", **settings)
