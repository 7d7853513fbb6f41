"""The `instructions` verifier: the share of a prompt's instructions that the completion follows, with the reason for each it does not."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from rewards.instructions.response import Response
from rewards.instructions.table import BadGoldError, Instruction, read_gold
from rewards.registry import Check, verifier
from rewards.setting_types import check_choice
from rewards.thinking import cut
from rewards.verdict import Status, Verdict
from rewards.visible import has_content, seen

Mode = Literal["strict", "loose"]

MAX_CHARS: Final = 200_000
"""A longer answer is `too_complex`, about 50,000 tokens: no instruction asks for one, and below it a check takes under a second."""


def loose_forms(text: str) -> list[str]:
    """Gives the eight forms of IFEval's loose verdict: with and without the first and the last line, and the asterisks."""
    lines = text.split("\n")
    forms = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys(form for whole in forms for form in (whole, whole.replace("*", "")) if has_content(form)))


class _Instructions:
    def __init__(self, *, mode: Mode, all_or_nothing: bool, answer_only: bool) -> None:
        self._mode = mode
        self._all_or_nothing = all_or_nothing
        self._answer_only = answer_only

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        instructions = _read(gold)
        return instructions if isinstance(instructions, Verdict) else self._judge(completion, instructions)

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each pair of completion and gold once; each distinct gold is read once."""
        read: dict[str, tuple[Instruction, ...] | Verdict] = {}
        judged: dict[tuple[str, str], Verdict] = {}
        verdicts = []
        for completion, gold in zip(completions, golds, strict=True):
            key = _key(gold)
            if key not in read:
                read[key] = _read(gold)
            instructions = read[key]
            if isinstance(instructions, Verdict):
                verdicts.append(instructions)
                continue
            if (key, completion) not in judged:
                judged[key, completion] = self._judge(completion, instructions)
            verdicts.append(judged[key, completion])
        return verdicts

    def answer_keys(self, completions: Sequence[str], /) -> list[str | None]:
        """Gives what is judged of each completion; None where there is nothing to judge."""
        return [self._answer(completion) for completion in completions]

    def _answer(self, completion: str) -> str | None:
        if not self._answer_only:
            return completion
        thinking, rest = cut(completion)
        if rest is None:
            return None
        return completion if thinking is None else rest.lstrip()

    def _judge(self, completion: str, instructions: Sequence[Instruction]) -> Verdict:
        answer = self._answer(completion)
        if answer is None:
            return Verdict(0.0, "unparseable", {"reason": "unfinished_thinking"})
        answer = seen(answer)
        if not has_content(answer):
            return Verdict(0.0, "unparseable", {"reason": "empty_answer"})
        if len(answer) > MAX_CHARS:
            return Verdict(0.0, "too_complex", {"reason": "too_long", "chars": len(answer), "limit": MAX_CHARS})
        forms = [Response(form) for form in (loose_forms(answer) if self._mode == "loose" else [answer])]
        results = [_result(instruction, forms) for instruction in instructions]
        followed = sum(result["followed"] for result in results)
        share = followed / len(results)
        if self._all_or_nothing:
            share = float(share == 1.0)
        status: Status = "correct" if share == 1.0 else "partial" if share > 0.0 else "incorrect"
        return Verdict(share, status, {"followed": followed, "instructions": results})


def _read(gold: Any) -> tuple[Instruction, ...] | Verdict:
    try:
        return read_gold(gold)
    except BadGoldError as failure:
        return Verdict(None, "bad_gold", {"reason": "bad_gold", "error": str(failure)})


def _key(gold: Any) -> str:
    return gold if isinstance(gold, str) else json.dumps(gold, sort_keys=True, default=repr)


def _result(instruction: Instruction, forms: Sequence[Response]) -> Mapping[str, Any]:
    """Says whether one of the forms follows the instruction; the reason is that of the text as it is."""
    first: str | None = None
    for place, form in enumerate(forms):
        reason = instruction.why_not(form)
        if reason is None:
            return {"id": instruction.id, "followed": True}
        if place == 0:
            first = reason
    return {"id": instruction.id, "followed": False, "reason": first}


@verifier("instructions", version=2, gold_key="instructions", cached=True)
def instructions(*, mode: Mode = "strict", all_or_nothing: bool = False, answer_only: bool = True) -> Check:
    """Scores the share of instructions followed: 1.0 `correct`, 0.0 `incorrect`, between them `partial`.

    The gold is `{"instruction_id_list": [...], "kwargs": [...]}`, as rows of IFEval and IFBench have it, or its JSON as text. Each
    instruction stands in `detail["instructions"]` with `followed` and, if not, `reason`.

    Args:
        mode: `strict` judges the answer as it is; `loose` as IFEval's loose verdict: an instruction is followed when it is in one
            of eight forms of the answer (less the first line, the last, both; each also less asterisks).
        all_or_nothing: 1.0 when all are followed, else 0.0.
        answer_only: what stands before the last `</think>` is not judged; a thinking that never ends has no answer.
    """
    check_choice("mode", mode, Mode)
    return _Instructions(mode=mode, all_or_nothing=all_or_nothing, answer_only=answer_only)
