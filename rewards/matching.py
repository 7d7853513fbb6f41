"""The verifiers `exact` and `regex`: the text itself against the gold, with no reading of what it means.

`exact` is pure; patterns are searched for in killable processes (`rewards.rule_pool`).

What is compared is chosen by `part`: the final `answer` (found as `rewards.math.extract` finds it, announced answers only), all that
follows the thinking (`response`), or the `whole` completion.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from rewards.math.extract import extract_answer
from rewards.registry import Check, CheckWithGold, verifier
from rewards.rule_pool import apply_rules
from rewards.setting_types import check_choice
from rewards.thinking import cut
from rewards.verdict import Verdict

Part = Literal["answer", "response", "whole"]
Anchor = Literal["full", "search"]

MAX_GOLDS: Final = 1_000
"""So many texts may be accepted for one prompt."""

REGEX_SECONDS: Final = 2.0
"""Patterns that take longer on one completion are stopped: their backtracking is what the completion has caused."""

_SHOWN_CHARS: Final = 300


def take_part(completion: str, part: Part) -> tuple[str, str]:
    """Gives the part of a completion that is compared, or an empty one and the reason why there is none."""
    if part == "whole":
        return completion, "" if completion.strip() else "empty_completion"
    if part == "answer":
        found = extract_answer(completion, prose=False)
        return found.answer, "" if found.answer else found.source
    thinking, rest = cut(completion, anywhere=True)
    if rest is None:
        return "", "thinking_not_closed"
    return rest, "" if rest.strip() else "empty_completion" if thinking is None else "empty_answer"


@verifier("exact", version=2, gold_key="answer")
def exact(
    *, part: Part = "answer", ignore_case: bool = False, ignore_punctuation: bool = False, ignore_articles: bool = False
) -> Check:
    """Scores 1.0 where the part is one of the golds, else 0.0. Unicode is composed (NFKC), white space counts as one space.

    Args:
        part: what is compared, see the module.
        ignore_case: compare case-folded.
        ignore_punctuation: leave out punctuation on both sides; where nothing else stands there, it is compared.
        ignore_articles: leave out the English a, an, the, as SQuAD's exact match does.

    The gold is a text, a number, or a list of them any of which will do.
    """
    check_choice("part", part, Part)

    def fold(text: str) -> str:
        text = unicodedata.normalize("NFKC", text)
        text = text.casefold() if ignore_case else text
        if ignore_punctuation:
            bare = "".join(" " if unicodedata.category(char)[0] == "P" else char for char in text)
            text = bare if bare.strip() else text
        words = text.split()
        if ignore_articles and len(words) > 1:
            words = [word for word in words if word.casefold() not in {"a", "an", "the"}] or words
        return " ".join(words)

    def check(completion: str, gold: Any, /) -> Verdict:
        accepted = {fold(text) for text in _texts(gold)}
        if not accepted:
            return Verdict(None, "bad_gold", {"reason": "no_text"})
        given, missing = take_part(completion, part)
        if missing:
            return Verdict(0.0, "unparseable", {"reason": missing})
        same = fold(given) in accepted
        return Verdict(float(same), "correct" if same else "incorrect", {"answer": given[:_SHOWN_CHARS]})

    def write(gold: Any) -> str | None:
        texts = _texts(gold)
        return (f"<answer>{texts[0]}</answer>" if part == "answer" else texts[0]) if texts else None

    return CheckWithGold(check, write)


@verifier("regex", version=3, gold_key="answer")
def regex_match(*, part: Part = "response", anchor: Anchor = "search", all_of: bool = False) -> Check:
    """Scores 1.0 where the gold's pattern matches the part, else 0.0.

    Args:
        part: what is searched, see the module.
        anchor: `full`: the pattern takes the whole part, less white space around it; `search`: it stands somewhere.
        all_of: of a list of patterns all must match, and the share that does is the score; otherwise any of them will do.

    The gold is a pattern of Python's `regex` module, flags inside (`(?i)`), or a list of them. Patterns that together run longer than
    `REGEX_SECONDS` on a completion are stopped: status `time_limit`, score 0.0.
    """
    check_choice("part", part, Part)
    check_choice("anchor", anchor, Anchor)
    return _RegexCheck(part, anchor == "full", all_of)


class _RegexCheck(NamedTuple):
    """The check `regex`, with its settings."""

    part: Part
    full: bool
    all_of: bool

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each; equal texts by equal patterns once."""
        works = []
        for completion, gold in zip(completions, golds, strict=True):
            given, missing = take_part(completion, self.part)
            works.append((tuple(_texts(gold)), given.strip() if self.full else given, missing))
        asked = list(dict.fromkeys((patterns, given) for patterns, given, _ in works if patterns))
        requests = [{"patterns": patterns, "text": given, "full": self.full} for patterns, given in asked]
        replies = dict(zip(asked, apply_rules(requests, REGEX_SECONDS), strict=True))
        return [self._judge(replies.get(work[:2]), *work) for work in works]

    def _judge(
        self, reply: Verdict | dict[str, Any] | None, patterns: Sequence[str], _given: str, missing: str
    ) -> Verdict:
        if reply is None:
            return Verdict(None, "bad_gold", {"reason": "no_pattern"})
        if isinstance(reply, Verdict) and reply.score is None:
            return reply
        if missing:
            return Verdict(0.0, "unparseable", {"reason": missing})
        if isinstance(reply, Verdict):
            return reply
        missed = [pattern for pattern, matched in zip(patterns, reply["matched"], strict=True) if not matched]
        share = 1 - len(missed) / len(patterns) if self.all_of else float(len(missed) < len(patterns))
        detail = {"unmatched": [pattern[:_SHOWN_CHARS] for pattern in missed[:10]]} if missed else {}
        return Verdict(share, "correct" if share == 1 else "partial" if share > 0 else "incorrect", detail)


def _texts(gold: Any) -> list[str]:
    """Reads a gold: a text or number, or a list of them; empty where it is anything else."""
    golds = gold if isinstance(gold, list | tuple) else [gold]
    if len(golds) > MAX_GOLDS or not all(
        isinstance(one, str | int | float) and not isinstance(one, bool) for one in golds
    ):
        return []
    try:
        texts = [one if isinstance(one, str) else repr(one) for one in golds]
    except ValueError:  # a whole number of more digits than Python writes
        return []
    return texts if all(text.strip() for text in texts) else []
