"""Gives the golds of some prompts to the verifiers of a rubric, each as the completion that the verifier writes for it. Touches nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rewards.registry import Verifier
from rewards.subject import Subject
from rewards.verdict import Verdict
from schemas.arrow import CONTRACTS
from schemas.ids import canonical_json
from workers.scoring import with_detail

_NO_GOLDS: Final = (None, "language", "tokens")  # what these verifiers are passed is not the gold of a prompt


@dataclass
class GoldTally:
    """What one verifier made of the golds.

    Attributes:
        accepted: it scores 1.0 the completion that it writes for the gold.
        refused: it does not, or the gold is a bad one.
        unwritten: it can write no completion for the gold, which was read and is not a bad one.
        without: prompts that have no gold for it.
        written: completions that it wrote and judged.
    """

    accepted: int = 0
    refused: int = 0
    unwritten: int = 0
    without: int = 0
    written: int = 0

    def add(self, other: "GoldTally") -> None:
        """Adds another's counts."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)


class PromptGold(NamedTuple):
    """A prompt, for which `subject` says what each verifier is passed."""

    prompt_id: str
    source: str
    subject: Subject


class _Asked(NamedTuple):
    """What one verifier is passed of a prompt."""

    prompt_id: str
    source: str
    gold: Any


@dataclass
class GoldPage:
    """What the verifiers made of some prompts.

    Attributes:
        prompts: how many.
        tallies: verifier -> its counts.
        columns: the golds that are not accepted, rows of the contract `refused_golds`.
        listed: the same without completion and detail.
    """

    prompts: int
    tallies: dict[str, GoldTally] = field(default_factory=dict)
    columns: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in CONTRACTS["refused_golds"].names}
    )
    listed: list[dict[str, Any]] = field(default_factory=list)

    def add(self, asked: _Asked, verifier: Verifier, completion: str | None, verdict: Verdict) -> None:
        """Adds a gold that is not accepted."""
        verdict, detail = with_detail(verdict)
        row = {
            "prompt_id": asked.prompt_id,
            "source": asked.source,
            "verifier": verifier.name,
            "version": verifier.version,
            "settings_hash": verifier.settings_hash,
            "gold": _writable(canonical_json(asked.gold)),
            "score": verdict.score,
            "status": verdict.status,
            "reason": _reason(verdict),
            "completion": None if completion is None else _writable(completion),
            "detail": detail,
        }
        for name, value in row.items():
            self.columns[name].append(value)
        shown = ("prompt_id", "source", "verifier", "gold", "score", "status", "reason")
        self.listed.append({name: row[name] for name in shown})


def judges_gold(verifier: Verifier) -> bool:
    """Whether a verifier judges by the gold of a prompt."""
    return verifier.gold_key not in _NO_GOLDS


def check_page(verifiers: Sequence[Verifier], prompts: Sequence[PromptGold]) -> GoldPage:
    """Checks the golds of some prompts by verifiers of `judges_gold`."""
    page = GoldPage(len(prompts))
    for verifier in verifiers:
        page.tallies[verifier.name] = _check(verifier, prompts, page)
    return page


def _check(verifier: Verifier, prompts: Sequence[PromptGold], page: GoldPage) -> GoldTally:
    passed = [_Asked(one.prompt_id, one.source, one.subject.gold_for(verifier.gold_key)) for one in prompts]
    asked = [one for one in passed if one.gold is not None]
    tally = GoldTally(without=len(prompts) - len(asked))
    completions = [verifier.gold_completion(one.gold) for one in asked]
    tally.written = sum(completion is not None for completion in completions)
    # Where none can be written, an empty completion still shows whether the gold can be read.
    verdicts = verifier.verify_batch([text or "" for text in completions], [one.gold for one in asked])
    for one, completion, first in zip(asked, completions, verdicts, strict=True):
        # A machine that is busy with others may be what took the time: a gold is not refused for that.
        verdict = first if first.status != "time_limit" else verifier(completion or "", one.gold)
        if completion is None and verdict.status != "bad_gold":
            tally.unwritten += 1
        elif completion is not None and verdict.score == 1.0:
            tally.accepted += 1
        else:
            tally.refused += 1
            page.add(one, verifier, completion, verdict)
    return tally


def _reason(verdict: Verdict) -> str | None:
    """Gives the reason that the verifier names, else the answer that it has read, which then is not the gold."""
    if "reason" in verdict.detail:
        return _writable(str(verdict.detail["reason"]))
    return _writable(f"read {verdict.detail['answer']!r}") if "answer" in verdict.detail else None


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
