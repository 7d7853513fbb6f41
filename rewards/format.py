"""The `format` verifier: is the thinking where it belongs, once, and the answer after it, alone? Pure text rules.

Published format checks accept trailing text and doubled tags, and refuse a `<think>` that the prompt has already opened. Here
the whole completion is accounted for: tags are found in any spelling, each must stand exactly once, and nothing may stand
outside. White space around the parts is free.
"""

import re
from typing import Any, Final, Literal

from rewards.registry import Check, verifier
from rewards.setting_types import check_choice
from rewards.verdict import Verdict
from rewards.visible import has_content

Style = Literal["r1", "cold_start"]

SPECIAL_TOKEN: Final = "|special_token|"  # noqa: S105 - a marker in text, as the R1 paper prints it
"""What parts reasoning and summary in the cold-start form, unless the setting names another."""

_THINK: Final = ("<think>", "</think>")
_ANSWER: Final = ("<answer>", "</answer>")
_TAG: Final = re.compile(r"<\s{0,4}/?\s{0,4}(?:think|answer)\b[^<>]{0,100}>", re.IGNORECASE)
_TEMPLATE_END: Final = re.compile(r"(?:</s>|<[|｜][^<>|｜]{1,60}[|｜]>)\s*$")


def check_r1(completion: str, *, prefilled: bool, answer_tags: bool) -> list[str]:
    """Gives every way in which a completion fails the R1 format, named, in order of reading; empty for none.

    Args:
        completion: what the model wrote.
        prefilled: the prompt ended with `<think>`, so the completion must not open it again.
        answer_tags: the answer must stand in `<answer>...</answer>`; otherwise it is plain and those tags may not appear.
    """
    if not has_content(completion):
        return ["empty_completion"]
    reasons = []
    tags = [match[0] for match in _TAG.finditer(completion)]
    if any(tag not in _THINK + _ANSWER for tag in tags):
        reasons.append("malformed_tag")
    expected_opens = 0 if prefilled else 1
    reasons += _count("think_open", tags.count(_THINK[0]), expected_opens)
    reasons += _count("think_close", tags.count(_THINK[1]), 1)
    for name, tag in zip(("answer_open", "answer_close"), _ANSWER, strict=True):
        reasons += _count(name, tags.count(tag), 1 if answer_tags else 0)
    if _TEMPLATE_END.search(completion):
        reasons.append("template_token_at_end")
    if reasons:
        return reasons
    before, thinking, answer = _split(completion, prefilled=prefilled)
    if thinking is None:
        return ["think_close_before_open"]
    if has_content(before):
        reasons.append("text_before_thinking")
    if not has_content(thinking):
        reasons.append("empty_thinking")
    return reasons + (_check_tagged_answer(thinking, answer) if answer_tags else _check_plain_answer(answer))


def check_cold_start(completion: str, *, prefilled: bool, special_token: str) -> list[str]:
    """Gives every way in which a completion fails the cold-start form `TOKEN reasoning TOKEN summary`; empty for none."""
    if not has_content(completion):
        return ["empty_completion"]
    parts = completion.split(special_token)
    wanted = 1 if prefilled else 2
    reasons = _count("special_token", len(parts) - 1, wanted)
    if reasons:
        return reasons
    if not prefilled and has_content(parts[0]):
        reasons.append("text_before_reasoning")
    if not has_content(parts[-2]):
        reasons.append("empty_reasoning")
    if not has_content(parts[-1]):
        reasons.append("empty_summary")
    return reasons


def _count(name: str, found: int, wanted: int) -> list[str]:
    if found == wanted:
        return []
    if found < wanted:
        return [f"missing_{name}"]
    return [f"repeated_{name}" if wanted else f"unexpected_{name}"]


def _split(completion: str, *, prefilled: bool) -> tuple[str, str | None, str]:
    head, _, answer = completion.partition(_THINK[1])
    if prefilled:
        return "", head, answer
    before, opening, thinking = head.partition(_THINK[0])
    return before, thinking if opening else None, answer


def _check_plain_answer(answer: str) -> list[str]:
    return [] if has_content(answer) else ["empty_answer"]


def _check_tagged_answer(thinking: str, rest: str) -> list[str]:
    if any(tag in thinking for tag in _ANSWER):
        return ["answer_tag_in_thinking"]
    between, _, tail = rest.partition(_ANSWER[0])
    inside, closing, after = tail.partition(_ANSWER[1])
    if not closing:
        return ["answer_close_before_open"]
    reasons = []
    if has_content(between):
        reasons.append("text_before_answer")
    if not has_content(inside):
        reasons.append("empty_answer")
    if has_content(after):
        reasons.append("text_after_answer")
    return reasons


@verifier("format", version=2)
def format(  # noqa: A001 - the verifier's name; nothing here formats
    *,
    style: Style = "r1",
    prefilled: bool = False,
    answer_tags: bool = False,
    special_token: str = SPECIAL_TOKEN,
) -> Check:
    """Scores 1.0 when the whole completion has the form, else 0.0 with every reason in `detail["reasons"]`.

    Args:
        style: `r1`: `<think>` thinking `</think>` answer; `cold_start`: token, reasoning, token, summary.
        prefilled: the prompt has already written the opening tag or token.
        answer_tags: `r1` only: the answer stands in `<answer>...</answer>`.
        special_token: `cold_start` only.
    """
    check_choice("style", style, Style)
    if not special_token.strip():
        raise ValueError("special_token must not be empty")
    if style == "cold_start" and answer_tags:
        raise ValueError("answer_tags belongs to style r1")

    def check(completion: str, _gold: Any, /) -> Verdict:
        if style == "r1":
            reasons = check_r1(completion, prefilled=prefilled, answer_tags=answer_tags)
        else:
            reasons = check_cold_start(completion, prefilled=prefilled, special_token=special_token)
        if reasons:
            return Verdict(0.0, "incorrect", {"reason": reasons[0], "reasons": reasons})
        return Verdict(1.0, "correct")

    return check
