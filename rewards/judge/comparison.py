"""What the labelled pairs of two systems come to: wins, ties and losses, with what place and length had to do with them. Pure numbers.

Each pair is one prompt's answer of A and its answer of B. The unit of chance is the prompt: its pairs are averaged first.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rewards.intervals import bootstrap_mean
from rewards.judge.pairs import PairLabel

MIN_PAIRS_FOR_LENGTH: Final = 30
"""With fewer pairs no effect of length is told from chance."""

_SEED: Final = 20240404
_PERCENTILES: Final = (2.5, 97.5)
_REPLICATES: Final = 200  # each is a fit
_AT_A_TIME: Final = 10
_STEPS: Final = 25
_STEPS_FROM_NEAR: Final = 6
_MOST_LOGIT: Final = 10.0  # where all pairs are won, the fit has no end

_Floats = npt.NDArray[np.float64]


class Judged(NamedTuple):
    """A pair with its label, the prompt it belongs to, and how long the two answers are, in characters."""

    prompt: str
    label: PairLabel
    chars: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pairs come to, seen from A.

    Attributes:
        pairs: all of them.
        wins: A is better.
        ties: neither is, by the margin.
        losses: B is better.
        unjudged: why there is no label -> how many; in no share.
        by_rule: pairs among the judged that no model was asked about.
        win_rate: wins and half the ties of the judged pairs, mean over prompts; None where nothing is judged.
        rounds: rounds of both orders in which both votes came.
        conflicts: rounds among them in which the two orders contradict each other: the place decided, not the answers.
        pairs_in_conflict: pairs with such a round.
        chars: mean length of the answers of A and of B, in characters.
        longer_wins: of the pairs that one side won, the share won by the longer answer; None where there is none.
        length_controlled: what `win_rate` would be of answers of equal length; see `length_controlled`.
    """

    pairs: int
    wins: int
    ties: int
    losses: int
    unjudged: Mapping[str, int]
    by_rule: int
    win_rate: Share | None
    rounds: int
    conflicts: int
    pairs_in_conflict: int
    chars: tuple[float, float]
    longer_wins: float | None
    length_controlled: Share | None


def outcome_of(label: PairLabel) -> float | None:
    """Gives what a pair is worth to A: 1.0 won, 0.5 tied, 0.0 lost; None for one that was not judged."""
    if label.status in ("error", "bad_gold"):
        return None
    return 0.5 if label.chosen is None else 1.0 - label.chosen


def compare(judged: Sequence[Judged]) -> Comparison:
    """Adds up pairs; their order is of no account."""
    known = [(one, outcome) for one in judged if (outcome := outcome_of(one.label)) is not None]
    by_prompt: dict[str, list[float]] = defaultdict(list)
    for one, outcome in known:
        by_prompt[one.prompt].append(outcome)
    means = Counter(math.fsum(values) / len(values) for values in by_prompt.values())
    interval = bootstrap_mean(means)
    asked = [one.label.detail for one, _ in known if "rounds" in one.label.detail]
    decided = [(one.chars, outcome) for one, outcome in known if outcome != 0.5 and one.chars[0] != one.chars[1]]
    unjudged = [_reason(one.label) for one in judged if outcome_of(one.label) is None]
    outcomes = Counter(outcome for _, outcome in known)
    return Comparison(
        pairs=len(judged),
        wins=outcomes[1.0],
        ties=outcomes[0.5],
        losses=outcomes[0.0],
        unjudged=dict(Counter(unjudged)),
        by_rule=sum("rule" in one.label.detail for one, _ in known),
        win_rate=None if interval is None else Share(_mean(means), *interval),
        rounds=sum(sum(value is not None for value in detail["rounds"]) for detail in asked),
        conflicts=sum(int(detail["conflicts"]) for detail in asked),
        pairs_in_conflict=sum(detail["conflicts"] > 0 for detail in asked),
        chars=(_average([one.chars[0] for one in judged]), _average([one.chars[1] for one in judged])),
        longer_wins=_average([float((a > b) == (outcome == 1.0)) for (a, b), outcome in decided]) if decided else None,
        length_controlled=length_controlled(
            [one.chars[0] - one.chars[1] for one, _ in known],
            [outcome for _, outcome in known],
            [one.prompt for one, _ in known],
        ),
    )


def length_controlled(differences: Sequence[float], outcomes: Sequence[float], prompts: Sequence[str]) -> Share | None:
    """Gives the win rate that A would have if its answers were as long as B's.

    After length-controlled AlpacaEval (2404.04475): a logistic regression of the outcome on tanh(d / std(d)), d the difference in
    length, read off at d = 0. Its term for the difficulty of a prompt needs other models' answers, and is left out. It tells what
    goes along with length, which need not be the judge's taste for it: the better answer may need more words.

    Args:
        differences: length of A's answer less that of B's, of each pair.
        outcomes: 1.0, 0.5 or 0.0, seen from A.
        prompts: whose pair it is; prompts are drawn for the interval.

    Returns:
        None for fewer than `MIN_PAIRS_FOR_LENGTH` pairs, and where all differences are the same.
    """
    if len(outcomes) < MIN_PAIRS_FOR_LENGTH or len(set(differences)) < 2:
        return None
    apart = np.asarray(differences, np.float64)
    lean = np.tanh(apart / apart.std())
    won = np.asarray(outcomes, np.float64)
    _, place = np.unique(np.asarray(prompts, object).astype(str), return_inverse=True)
    number = int(place.max()) + 1
    draws = np.random.default_rng(_SEED).multinomial(number, np.full(number, 1 / number), _REPLICATES)
    whole = _fit(lean, won, np.ones((1, len(won))), np.zeros((2, 1)), _STEPS)
    near = [
        _fit(lean, won, draws[start : start + _AT_A_TIME, place].astype(np.float64), whole, _STEPS_FROM_NEAR)[0]
        for start in range(0, _REPLICATES, _AT_A_TIME)
    ]
    value = float(_logistic(whole[0, 0]))
    low, high = map(float, np.percentile(_logistic(np.concatenate(near)), _PERCENTILES))
    return Share(value, min(low, value), max(high, value))


def _fit(lean: _Floats, won: _Floats, weights: _Floats, start: _Floats, steps: int) -> _Floats:
    """Gives logit at no difference and slope (2, rows), for each row of weights; Newton's method, the slope held by a weak prior."""
    base, slope = (np.repeat(one, len(weights) // len(one)) for one in start)
    for _ in range(steps):
        rate = _logistic(base[:, None] + slope[:, None] * lean)
        left, spread = weights * (won - rate), weights * rate * (1 - rate)
        push, turn = left.sum(1), left @ lean - slope
        one, mixed, other = spread.sum(1) + 1e-9, spread @ lean, spread @ (lean * lean) + 1
        scale = one * other - mixed * mixed
        base = np.clip(base + (other * push - mixed * turn) / scale, -_MOST_LOGIT, _MOST_LOGIT)
        slope = np.clip(slope + (one * turn - mixed * push) / scale, -_MOST_LOGIT, _MOST_LOGIT)
    return np.stack([base, slope])


def _logistic(value: _Floats) -> _Floats:
    result: _Floats = 1 / (1 + np.exp(-value))
    return result


def _reason(label: PairLabel) -> str:
    return str(label.detail.get("reason", label.status))


def _mean(values: Mapping[float, int]) -> float:
    return math.fsum(value * count for value, count in values.items()) / sum(values.values())


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
