"""Preference pairs by a judge: which of two answers is chosen, how clearly, and a set in which length does not tell them apart.

As DeepSeek-R1 (arXiv 2501.12948) labelled 66,000 pairs for its helpful reward model: four votes a pair with A and B in changing order,
only pairs whose mean preference is above 1 kept, and lengths of chosen and rejected balanced over the set. The endpoint is handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rewards.dialogue import BadDialogueError, Dialogue, read_dialogue
from rewards.endpoints import ChatEndpoint
from rewards.judge.guard import has_own_content, take_answer
from rewards.judge.pairwise import BEST, failure_reason, pair_asks, settle
from rewards.judge.panel import JudgeModel, Panel
from rewards.judge.prompts import Form
from rewards.judge.verifier import MAX_VOTES, VOTING_TEMPERATURE

R1_VOTES: Final = 4
R1_MARGIN: Final = 1.0
"""A pair is kept where the mean preference is above this, on Arena-Hard's scale from -2 to 2."""

MAX_ANSWER_CHARS: Final = 100_000

PairStatus = Literal["labelled", "close", "unparseable", "bad_gold", "error"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two completions of one prompt.

    Attributes:
        dialogue: the gold of `rewards.dialogue`; `messages` suffices.
        first: a completion.
        second: another.
    """

    dialogue: Mapping[str, Any]
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class PairLabel:
    """What the judge says of a pair.

    Attributes:
        status: `labelled`: one is clearly better; `close`: neither is by more than the margin; `unparseable`: neither has an answer;
            `bad_gold`, `error`: not judged, through no fault of the two.
        preference: mean over the rounds, 2.0 where the first is far better to -2.0; None where it is not known.
        chosen: 0 for the first, 1 for the second; None unless labelled.
        detail: rounds, orders in conflict, lost votes, or the rule that decided.
    """

    status: PairStatus
    preference: float | None
    chosen: Literal[0, 1] | None
    detail: Mapping[str, Any] = field(default_factory=dict)


def judge_pairs(
    pairs: Sequence[Pair],
    *,
    endpoint: ChatEndpoint,
    model: str,
    votes: int = R1_VOTES,
    margin: float = R1_MARGIN,
    temperature: float | None = None,
    max_tokens: int = 1024,
    show_reference: bool = True,
) -> list[PairLabel]:
    """Labels pairs, in order. An answer without content loses to one with content, and no vote is asked for.

    Args:
        pairs: what to judge.
        endpoint: where the judge is served.
        model: its name there.
        votes: for each pair, half of them in each order; even.
        margin: a pair whose mean preference is not above it is `close`; 0 to below 2.
        temperature: of the judge; by default 0 for two votes, else 0.7.
        max_tokens: of one reply.
        show_reference: whether the judge sees the gold's `answer` where there is one.

    Raises:
        ValueError: for a number that is refused.
    """
    if not 2 <= votes <= MAX_VOTES or votes % 2:
        raise ValueError(f"votes must be even and 2 to {MAX_VOTES}, not {votes}")
    if not 0 <= margin < BEST:
        raise ValueError(f"margin must be at least 0 and below {BEST}, not {margin}")
    heat = temperature if temperature is not None else VOTING_TEMPERATURE if votes > 2 else 0.0
    form = Form("pairwise")
    panel = Panel(endpoint, JudgeModel(model, heat, max_tokens), form)
    prepared = [prepare_pair(pair) for pair in pairs]
    asks = [
        ask
        for one in prepared
        if not isinstance(one, PairLabel)
        for ask in pair_asks(form, one[0], one[1], votes, show_reference=show_reference)
    ]
    ballots = panel.ask(asks)
    labels = []
    at = 0
    for one in prepared:
        if isinstance(one, PairLabel):
            labels.append(one)
            continue
        preference = settle(ballots[at : at + votes])
        at += votes
        labels.append(label_pair(preference.value, margin, preference.detail(), preference.lost))
    return labels


def balance_lengths(lengths: Sequence[tuple[int, int]], *, tolerance: float = 0.05) -> list[int]:
    """Picks labelled pairs such that the chosen are together about as long as the rejected.

    Where the chosen are longer on the whole, the pair in which the chosen is longer by most goes first, and so on; likewise where they
    are shorter. A pair stays whose going would tip the balance farther to the other side; of pairs of the same difference the last
    goes first. So few pairs go, and none is altered.

    Args:
        lengths: (chosen, rejected) of each pair, in characters or tokens.
        tolerance: the sums may differ by this share of the rejected's.

    Returns:
        The places of the pairs that stay, ascending.

    Raises:
        ValueError: for a tolerance below 0.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must be at least 0, not {tolerance}")
    excess = [chosen - rejected for chosen, rejected in lengths]
    rejected_sum, total = sum(rejected for _, rejected in lengths), sum(excess)
    sign = 1 if total > 0 else -1
    gone = set()
    for place in sorted(range(len(lengths)), key=lambda place: (-sign * excess[place], -place)):
        if abs(total) <= tolerance * rejected_sum or sign * excess[place] <= 0:
            break
        if abs(total - excess[place]) < abs(total):
            gone.add(place)
            total -= excess[place]
            rejected_sum -= lengths[place][1]
    return [place for place in range(len(lengths)) if place not in gone]


def prepare_pair(pair: Pair) -> PairLabel | tuple[Dialogue, tuple[str, str]]:
    """Settles what needs no vote; else gives the question and the two answers without their thinking."""
    try:
        dialogue = read_dialogue(pair.dialogue)
    except BadDialogueError as failure:
        return PairLabel("bad_gold", None, None, {"reason": str(failure)})
    first, second = take_answer(pair.first)[0], take_answer(pair.second)[0]
    given = [len(answer) <= MAX_ANSWER_CHARS and has_own_content(answer) for answer in (first, second)]
    if not any(given):
        return PairLabel("unparseable", 0.0, None, {"rule": "neither_has_content"})
    if not all(given):
        chosen: Literal[0, 1] = 0 if given[0] else 1
        return PairLabel("labelled", float(BEST if chosen == 0 else -BEST), chosen, {"rule": "one_has_no_content"})
    if first.split() == second.split():
        return PairLabel("close", 0.0, None, {"rule": "same_answer"})
    return dialogue, (first, second)


def label_pair(preference: float | None, margin: float, detail: Mapping[str, Any], lost: dict[str, int]) -> PairLabel:
    """Labels a pair by its mean preference, None where too many votes were lost."""
    if preference is None:
        return PairLabel("error", None, None, {"reason": failure_reason(lost), **detail})
    if abs(preference) <= margin:
        return PairLabel("close", preference, None, detail)
    return PairLabel("labelled", preference, 0 if preference > 0 else 1, detail)
