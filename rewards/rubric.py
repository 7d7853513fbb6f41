"""A rubric: one reward out of several verdicts. Weights are summed, gates must be passed, metrics are only recorded."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rewards.verdict import Verdict
from schemas.ids import settings_hash

if TYPE_CHECKING:
    from schemas.recipe import VerifyRecipe


@dataclasses.dataclass(frozen=True, slots=True)
class Rubric:
    """How verdicts make one reward.

    Attributes:
        weights: what each named verdict's score is multiplied by in the sum. May be negative, for a penalty.
        gates: the least score of each named verdict; below it nothing is earned. Penalties stand: no sample is better off for failing.
        metrics: names that are recorded beside the reward and never enter it.
    """

    weights: Mapping[str, float]
    gates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks the names and numbers.

        Raises:
            ValueError: for no weight at all, a number that is not finite, or a metric that is also a weight or gate.
        """
        if not self.weights:
            raise ValueError("a rubric needs at least one weight")
        for name, number in (*self.weights.items(), *self.gates.items()):
            if not math.isfinite(number):
                raise ValueError(f"rubric: {name!r} has {number!r}, which is not a finite number")
        both = sorted(set(self.metrics) & (self.weights.keys() | self.gates.keys()))
        if both:
            raise ValueError(f"rubric: {both[0]!r} is a metric, which never counts, and also a weight or gate")

    @classmethod
    def of(cls, recipe: "VerifyRecipe") -> "Rubric":
        """Gives the rubric of a recipe: what has neither a weight nor a gate is a metric.

        Raises:
            ValueError: as the rubric itself does.
        """
        gates = {item.name: item.least_score for item in recipe.verifiers if item.least_score is not None}
        weights = {item.name: item.weight for item in recipe.verifiers if item.weight}
        return cls(weights, gates, tuple(item.name for item in recipe.verifiers if item.name not in {*gates, *weights}))

    @property
    def names(self) -> list[str]:
        """The verdicts that the reward needs, sorted; metrics are not needed."""
        return sorted(self.weights.keys() | self.gates.keys())

    @property
    def settings_hash(self) -> str:
        """16 hex digits that name this rubric beside a stored reward."""
        return settings_hash(
            {"rule": 2, "weights": dict(self.weights), "gates": dict(self.gates), "metrics": sorted(self.metrics)}
        )

    def score(self, verdicts: Mapping[str, Verdict]) -> float | None:
        """Gives the reward, None when it cannot be known.

        A gate that is known to have failed leaves the penalties alone, terms below 0: mostly that is 0.0, whatever else is unknown, for
        what has a positive weight is taken to be none. Otherwise, and for a negative weight, a verdict that is missing or was not
        scored makes the reward None: nothing is summed past our own failure.
        """
        scores = {name: verdicts[name].score if name in verdicts else None for name in self.names}
        failed = any(score is not None and score < self.gates.get(name, -math.inf) for name, score in scores.items())
        total = 0.0
        for name, score in scores.items():
            weight = self.weights.get(name, 0.0)
            if score is None:
                if failed and weight >= 0.0:
                    continue
                return None
            total += min(0.0, weight * score) if failed else weight * score
        return total


@dataclasses.dataclass(frozen=True, slots=True)
class Aggregate:
    """A mean that says what it left out.

    Attributes:
        mean: over the scored verdicts; None when there are none.
        num_scored: how many those are.
        num_unscored: how many had no score: our failures, never counted as 0.0.
        statuses: how many verdicts had each status.
    """

    mean: float | None
    num_scored: int
    num_unscored: int
    statuses: Mapping[str, int]


def aggregate(verdicts: Iterable[Verdict]) -> Aggregate:
    """Counts verdicts and gives the mean of those that have a score."""
    statuses: Counter[str] = Counter()
    scores = []
    for verdict in verdicts:
        statuses[verdict.status] += 1
        if verdict.score is not None:
            scores.append(verdict.score)
    mean = math.fsum(scores) / len(scores) if scores else None
    return Aggregate(mean, len(scores), statuses.total() - len(scores), dict(statuses))
