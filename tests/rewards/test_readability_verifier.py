"""Which thinking reads well: the reasons one by one, and texts that have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import get_verifier
from schemas.errors import UserError

GOOD = "Let me see. There are 3 apples and 4 pears.\n\nSo 3 + 4 = 7. Hmm, wait: one is rotten.\n\n7 - 1 = 6, so the answer is 6."
CODE = "```python\nprint(3 + 4)\n```"


@pytest.mark.parametrize(
    ("completion", "settings", "reasons"),
    [
        (f"<think>{GOOD}</think>6", {}, []),
        (GOOD, {}, []),
        (f"<think>{GOOD}</think># Answer\n\n- 6\n\n{CODE}", {}, []),
        (f"<think>{'word ' * 301}</think>6", {}, ["long_paragraph"]),
        (f"<think>{'word ' * 300}</think>6", {}, []),
        (f"<think>{'字' * 301}</think>6", {}, ["long_paragraph"]),
        (f"<think>{GOOD}</think>{'word ' * 301}", {}, []),
        (f"<think>{GOOD}</think>{'word ' * 301}", {"answer_too": True}, ["long_paragraph"]),
        (f"<think>{GOOD}\n\n{CODE}\n\nSo 7.</think>6", {}, ["code_block"]),
        (f"<think>{GOOD}\n\n{CODE}\n\nSo 7.</think>6", {"allow_code": True}, []),
        (f"<think>{GOOD}\n\n```\nnever closed {'word ' * 400}", {}, ["code_block"]),
        ("<think># Plan\n\n- add\n- take away\n\nSo 6.</think>6", {}, ["markdown"]),
        ("<think>**Step 1:**\nadd\n\n**Step 2:**\ntake away</think>6", {}, ["markdown"]),
        ("<think>We add\n| 1 | 2 |\n|---|---|\n| 3 | 4 |</think>6", {}, ["markdown"]),
        ("<think>3 - 4 is -1\n-1 + 2 is 1\n2 * 3 = 6 and **bold** words</think>6", {}, []),
        ("<think># Plan\n\n- add</think>6", {"max_markdown_share": 1.0}, []),
        (f"<think># Plan\n\n{CODE}\n\n{'word ' * 301}</think>6", {}, ["long_paragraph", "code_block", "markdown"]),
    ],
)
def test_reasons(completion, settings, reasons):
    verdict = get_verifier("readability", **settings)(completion)
    assert verdict.detail.get("reasons", []) == reasons
    assert (verdict.score, verdict.status) == ((0.0, "incorrect") if reasons else (1.0, "correct"))


@pytest.mark.parametrize(("completion", "reason"), [("", "empty_completion"), ("<think> </think>6", "no_thinking")])
def test_nothing_to_read(completion, reason):
    verdict = get_verifier("readability")(completion)
    assert (verdict.status, verdict.detail["reason"]) == ("unparseable", reason)


@given(
    st.lists(
        st.sampled_from(["```", "~~~", "\n", "\n\n", "# ", "- ", "a", "<think>", "</think>", "\ud800", "\0"]),
        max_size=30,
    ).map("".join)
)
def test_any_text_gets_a_verdict(completion):
    assert get_verifier("readability")(completion).score in (0.0, 1.0)


def test_long_lines_of_marks_end_soon():
    check = get_verifier("readability")
    for hostile in (
        "```\n" * 200_000,
        "*" * 1_000_000,
        ("**a" * 300 + "\n") * 1_000,
        " " * 1_000_000 + "#",
        "\n \n" * 300_000,
    ):
        assert check(hostile).score in (0.0, 1.0)


@pytest.mark.parametrize("settings", [{"max_paragraph_words": 0}, {"max_markdown_share": 2}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(UserError, match="readability"):
        get_verifier("readability", **settings)
