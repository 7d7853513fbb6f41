"""The `judge` verifier: a served language model says whether an answer is right, how good it is, or whether it beats another.

The endpoint is a resource, handed in by whoever makes the verifier; without one, what needs a vote is an `error`. Nothing else is touched.
The prompt stands in `rewards.judge.prompts`, what no model is asked about in `rewards.judge.guard`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rewards.dialogue import BadDialogueError, Dialogue, read_dialogue
from rewards.endpoints import ChatEndpoint
from rewards.judge.guard import has_own_content, take_answer
from rewards.judge.pairwise import BEST, failure_reason, pair_asks, settle
from rewards.judge.panel import Ask, Ballot, JudgeModel, Panel, Structured
from rewards.judge.prompts import Form, Mode, build_messages
from rewards.registry import Check, verifier
from rewards.setting_types import check_choice
from rewards.verdict import Verdict
from schemas.ids import digest

Reference = Literal["auto", "required", "optional", "none"]

MAX_VOTES: Final = 64
MAX_SCALE: Final = 100
VOTING_TEMPERATURE: Final = 0.7
"""The temperature of several votes on one answer, unless the setting says another: at 0 they would all be the same."""

_PAIRWISE_VOTES: Final = 4


@dataclass(slots=True)
class _Case:
    """An answer to be voted on, and its votes so far."""

    dialogue: Dialogue
    answer: str
    seed: str
    ballots: list[Ballot] = field(default_factory=list)

    def count(self, value: str) -> int:
        return sum(ballot.value == value for ballot in self.ballots)

    def lost(self) -> dict[str, int]:
        return dict(Counter(ballot.lost for ballot in self.ballots if ballot.lost))


class JudgeCheck:
    """Judges many answers at once: equal ones once, all votes of a round in one call of the endpoint.

    Attributes:
        endpoint: where the judge is served.
    """

    def __init__(
        self,
        endpoint: ChatEndpoint | None,
        judge: JudgeModel,
        form: Form,
        *,
        votes: int,
        reference: Reference,
        max_answer_chars: int,
    ) -> None:
        self.endpoint = endpoint
        self._panel = None if endpoint is None else Panel(endpoint, judge, form)
        self._form = form
        self._votes = votes
        self._reference = reference
        self._max_answer_chars = max_answer_chars

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        """Judges one completion."""
        return self.verify_batch([completion], [gold])[0]

    def answer_keys(self, completions: Sequence[str], /) -> list[str | None]:
        """Gives the answer after the thinking, which alone is judged; None where there is none."""
        return [answer or None for answer, _ in map(take_answer, completions)]

    def gold_completion(self, gold: Any, /) -> str | None:
        """Gives the first reference, in mode `correctness`."""
        try:
            dialogue = read_dialogue(gold)
        except BadDialogueError:
            return None
        shown = self._form.mode == "correctness" and self._reference != "none"
        return dialogue.references[0] if shown and dialogue.references else None

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each completion against the gold at the same place."""
        dialogues: dict[int, Dialogue | Verdict] = {}  # a prompt's samples share its gold
        cases: dict[str, _Case] = {}
        settled: list[Verdict | str] = []
        for completion, gold in zip(completions, golds, strict=True):
            if id(gold) not in dialogues:
                dialogues[id(gold)] = self._read(gold)
            found = self._prepare(completion, dialogues[id(gold)])
            if isinstance(found, _Case):
                cases.setdefault(found.seed, found)
                settled.append(found.seed)
            else:
                settled.append(found)
        voted = self._vote(cases)
        return [verdict if isinstance(verdict, Verdict) else voted[verdict] for verdict in settled]

    def _read(self, gold: Any) -> Dialogue | Verdict:
        try:
            dialogue = read_dialogue(gold)
        except BadDialogueError as failure:
            return Verdict(None, "bad_gold", {"reason": str(failure)})
        if self._reference == "required" and not dialogue.references:
            return Verdict(None, "bad_gold", {"reason": "no_reference"})
        if self._form.mode == "pairwise" and not dialogue.baseline.strip():
            return Verdict(None, "bad_gold", {"reason": "no_baseline"})
        return dialogue

    def _prepare(self, completion: str, dialogue: Dialogue | Verdict) -> _Case | Verdict:
        """Settles what needs no vote."""
        if isinstance(dialogue, Verdict):
            return dialogue
        answer, missing = take_answer(completion)
        if len(answer) > self._max_answer_chars:
            return Verdict(0.0, "too_complex", {"reason": "answer_too_long", "characters": len(answer)})
        if self._form.mode == "correctness" and self._reference != "none" and _is_reference(answer, dialogue):
            return Verdict(1.0, "correct", {"rule": "equals_reference"})
        if missing or not has_own_content(answer):
            return Verdict(0.0, "unparseable", {"reason": missing or "no_content"})
        if self._panel is None:
            return Verdict(None, "error", {"reason": "no_endpoint"})
        texts = (dialogue.question, *dialogue.references, dialogue.rubric, dialogue.baseline, answer)
        return _Case(dialogue, answer, digest("judge", *texts))

    def _vote(self, cases: Mapping[str, _Case]) -> dict[str, Verdict]:
        if self._form.mode != "correctness":
            self._ask((case, self._votes) for case in cases.values())
            decide = self._compared if self._form.mode == "pairwise" else self._graded
            return {seed: decide(case) for seed, case in cases.items()}
        while more := [(case, needed) for case in cases.values() if (needed := self._needed(case))]:
            self._ask(more)
        return {seed: self._majority(case) for seed, case in cases.items()}

    def _ask(self, wanted: Iterable[tuple[_Case, int]]) -> None:
        """Asks for so many more votes on each case, all in one call."""
        planned = [(case, ask) for case, number in wanted for ask in self._asks(case, number)]
        if planned and self._panel is not None:
            ballots = self._panel.ask([ask for _, ask in planned])
            for (case, _), ballot in zip(planned, ballots, strict=True):
                case.ballots.append(ballot)

    def _asks(self, case: _Case, number: int) -> list[Ask]:
        shown = self._reference != "none"
        if self._form.mode == "pairwise":
            return pair_asks(
                self._form, case.dialogue, (case.answer, case.dialogue.baseline), number, show_reference=shown
            )
        messages = build_messages(self._form, case.dialogue, [case.answer], show_reference=shown)
        begun = len(case.ballots)
        return [Ask(messages, [case.answer], f"{case.seed} {begun + vote}") for vote in range(number)]

    def _needed(self, case: _Case) -> int:
        """Gives the least number of further votes that can settle a majority; 0 where it is settled or no vote is left."""
        to_win = self._votes // 2 + 1 - case.count("correct")
        to_lose = self._votes - self._votes // 2 - case.count("incorrect")
        if min(to_win, to_lose) <= 0 or "budget_spent" in case.lost():
            return 0
        return min(to_win, to_lose, self._votes - len(case.ballots))

    def _majority(self, case: _Case) -> Verdict:
        """Right with more than half of all votes, wrong with half of them; unscored where lost votes could turn it."""
        right, wrong = case.count("correct"), case.count("incorrect")
        if 2 * right > self._votes:
            return Verdict(1.0, "correct", self._detail(case, "correct"))
        if 2 * wrong >= self._votes:
            return Verdict(0.0, "incorrect", self._detail(case, "incorrect"))
        return self._failed(case)

    def _graded(self, case: _Case) -> Verdict:
        grades = [int(ballot.value) for ballot in case.ballots if ballot.value is not None]
        if 2 * len(grades) <= self._votes:
            return self._failed(case)
        score = (sum(grades) / len(grades) - 1) / (self._form.scale - 1)
        return _scored(score, self._detail(case, None))

    def _compared(self, case: _Case) -> Verdict:
        preference = settle(case.ballots)
        if preference.value is None:
            return Verdict(None, "error", {"reason": failure_reason(preference.lost), **preference.detail()})
        return _scored((preference.value + BEST) / (2 * BEST), preference.detail())

    def _failed(self, case: _Case) -> Verdict:
        return Verdict(None, "error", {"reason": failure_reason(case.lost()), **self._detail(case, None)})

    def _detail(self, case: _Case, winner: str | None) -> dict[str, Any]:
        """Lists the votes, lost ones by their reason, with the first analysis on the winning side."""
        votes = [ballot.lost or ballot.value for ballot in case.ballots]
        sides = (ballot for ballot in case.ballots if not ballot.lost and winner in {None, ballot.value})
        detail: dict[str, Any] = {"votes": votes, "analysis": next((ballot.analysis for ballot in sides), "")}
        error = next((ballot.error for ballot in case.ballots if ballot.error), "")
        return {**detail, "error": error} if error else detail


def _is_reference(answer: str, dialogue: Dialogue) -> bool:
    return any(answer.split() == reference.split() for reference in dialogue.references)


def _scored(score: float, detail: Mapping[str, Any]) -> Verdict:
    return Verdict(score, "correct" if score == 1 else "incorrect" if score == 0 else "partial", detail)


@verifier("judge", version=2, gold_key="dialogue", resources=("endpoint",), cached=True)
def judge(
    *,
    model: str = "",
    mode: Mode = "correctness",
    reference: Reference = "auto",
    votes: int | None = None,
    temperature: float | None = None,
    max_tokens: int = 1024,
    scale: int = 10,
    structured: Structured = "auto",
    system_role: bool = True,
    max_answer_chars: int = 100_000,
    extra: Mapping[str, Any] | None = None,
    endpoint: ChatEndpoint | None = None,
) -> Check:
    """Asks a model about the answer of a completion, the thinking left out.

    Args:
        model: the judge's name at its server.
        mode: `correctness`: right or wrong, 1.0 or 0.0; `grade`: 1 to `scale`, as a share; `pairwise`: against the gold's `baseline`,
            from 0.0 (far worse) over 0.5 (as good) to 1.0 (far better).
        reference: `required`: a gold without an answer is bad; `optional`: shown where there is one; `none`: never shown.
            `auto` requires one for `correctness` and shows one otherwise.
        votes: asked for one answer; by default 1, for `pairwise` 4, which must be even: each order the same number of times.
        temperature: of the judge; by default 0 where each prompt is asked once, else 0.7.
        max_tokens: of one reply, the judge's own thinking included.
        scale: the best grade.
        structured: see `rewards.judge.panel.JudgeModel`.
        system_role: False for models that take no system message.
        max_answer_chars: a longer answer is `too_complex`, 0.0.
        extra: further fields of a request's body (`chat_template_kwargs`, `reasoning_effort`).
        endpoint: where the judge is served.
    """
    check_choice("mode", mode, Mode)
    check_choice("reference", reference, Reference)
    pairwise = mode == "pairwise"
    number = (_PAIRWISE_VOTES if pairwise else 1) if votes is None else votes
    if not 1 <= number <= MAX_VOTES or (pairwise and number % 2):
        raise ValueError(f"votes must be 1 to {MAX_VOTES}, and even for mode pairwise; not {number}")
    if not 2 <= scale <= MAX_SCALE:
        raise ValueError(f"scale must be 2 to {MAX_SCALE}, not {scale}")
    if max_answer_chars < 1:
        raise ValueError(f"max_answer_chars must be at least 1, not {max_answer_chars}")
    if endpoint is not None and not isinstance(endpoint, ChatEndpoint):
        raise ValueError("endpoint must be an object with a `chat` method; `workers.resources` makes one from a URL")
    several = number > (2 if pairwise else 1)
    heat = temperature if temperature is not None else VOTING_TEMPERATURE if several else 0.0
    if several and heat == 0:
        raise ValueError("several votes at temperature 0 are one vote; raise the temperature or lower votes")
    return JudgeCheck(
        endpoint,
        JudgeModel(model, heat, max_tokens, structured, extra),
        Form(mode, scale, system_role),
        votes=number,
        reference=reference if reference != "auto" else "required" if mode == "correctness" else "optional",
        max_answer_chars=max_answer_chars,
    )
