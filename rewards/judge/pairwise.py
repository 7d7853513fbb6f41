"""Which of two answers is better, asked in both orders. Pure but for the panel that is handed in.

A round is two votes, A before B and B before A. Where they contradict each other, the place decided and not the answers: the round is a
tie, and is counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rewards.dialogue import Dialogue
from rewards.judge.panel import Ask, Ballot
from rewards.judge.prompts import PREFERENCES, Form, build_messages
from schemas.ids import digest

BEST = max(PREFERENCES.values())
"""The strongest preference; the weakest is its negative."""


@dataclass(frozen=True, slots=True)
class Preference:
    """What a judge says of two answers.

    Attributes:
        value: mean over the rounds, from 2.0 (the first is far better) to -2.0; None where half of the rounds or more are lost.
        rounds: value of each round, None where a vote of it is lost.
        conflicts: rounds whose two orders contradict each other; they count as 0.0.
        lost: why votes were lost -> how many.
        analysis: the beginning of what the judge wrote first.
        error: what the endpoint said of the first vote that it lost.
    """

    value: float | None
    rounds: tuple[float | None, ...]
    conflicts: int
    lost: dict[str, int]
    analysis: str = ""
    error: str = ""

    def detail(self) -> dict[str, Any]:
        """Gives it as a JSON object."""
        shown: dict[str, Any] = {"preference": self.value, "rounds": list(self.rounds), "conflicts": self.conflicts}
        more = {"lost": self.lost, "analysis": self.analysis, "error": self.error}
        return {**shown, **{name: value for name, value in more.items() if value}}


def pair_asks(form: Form, dialogue: Dialogue, pair: tuple[str, str], votes: int, *, show_reference: bool) -> list[Ask]:
    """Gives the votes to ask for: `votes` // 2 rounds of both orders, which `settle` takes in the same order."""
    first, second = pair
    name = digest("pair", dialogue.question, *dialogue.references, first, second)
    asks = []
    for number in range(votes // 2):
        for order, answers in (("AB", (first, second)), ("BA", (second, first))):
            messages = build_messages(form, dialogue, answers, show_reference=show_reference)
            asks.append(Ask(messages, answers, digest(name, str(number), order)))
    return asks


def settle(ballots: Sequence[Ballot]) -> Preference:
    """Gives the preference that the ballots of `pair_asks` come to."""
    rounds: list[float | None] = []
    conflicts = 0
    for there, back in zip(ballots[::2], ballots[1::2], strict=True):
        if there.value is None or back.value is None:
            rounds.append(None)
            continue
        one, other = PREFERENCES[str(there.value)], -PREFERENCES[str(back.value)]
        conflicts += one * other < 0
        rounds.append(0.0 if one * other < 0 else (one + other) / 2)
    known = [value for value in rounds if value is not None]
    mean = sum(known) / len(known) if 2 * len(known) > len(rounds) else None
    lost = dict(Counter(ballot.lost for ballot in ballots if ballot.lost))
    analysis = next((ballot.analysis for ballot in ballots if ballot.analysis), "")
    error = next((ballot.error for ballot in ballots if ballot.error), "")
    return Preference(mean, tuple(rounds), conflicts, lost, analysis, error)


def failure_reason(lost: dict[str, int]) -> str:
    """Names what is to blame where too many votes are lost: the budget before the endpoint before the judge's replies."""
    if "budget_spent" in lost:
        return "budget_spent"
    return "endpoint_failed" if lost.keys() & {"timeout", "http_status", "malformed", "refused"} else "unreadable_votes"
