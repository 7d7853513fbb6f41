"""What the groups of one setting add up to: pass@k, cons@k, bands, rewards, with intervals. Pure counting.

Memory grows with the distinct pairs (samples scored, samples right) and distinct shares, not with prompts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rewards.estimates import (
    Majority,
    advantages,
    cons_in_blocks,
    difficulty,
    find_majority,
    pass_probability,
    pass_rate_bands,
)
from rewards.intervals import bootstrap_mean
from rewards.rubric import Rubric
from rewards.verdict import Verdict
from schemas.recipe import EstimateRecipe
from workers.estimate_groups import Group, Setting, SettingSize, answer_classes

UNSCORED: Final = "unscored"
"""The band of a prompt of which no sample is scored."""

HISTOGRAM_EDGES: Final = tuple(number / 10 for number in range(11))
MAX_ANSWER_CHARS: Final = 300
_CORRECT: Final = "correct"


@dataclass(frozen=True)
class Measured:
    """What one group says.

    Attributes:
        scores: of each sample 1.0 for right, 0.0 for wrong, None for one that is not scored.
        rewards: of each sample; None where it cannot be known.
        advantages: of each sample over its group.
        band: a `Difficulty`, or `UNSCORED`.
        classes: of each sample the class of its answer.
        majority: the answer with most votes.
    """

    scores: Sequence[float | None]
    rewards: Sequence[float | None]
    advantages: Sequence[float | None]
    band: str
    classes: Sequence[int | str | None]
    majority: Majority | None

    @property
    def scored(self) -> int:
        """How many samples are scored."""
        return sum(score is not None for score in self.scores)

    @property
    def correct(self) -> int:
        """How many samples are right."""
        return sum(score == 1.0 for score in self.scores)


class Measurer:
    """Measures groups by a recipe; see `Measured`."""

    def __init__(self, recipe: EstimateRecipe, names: Sequence[str], main: int, rubric: Rubric) -> None:
        self._recipe = recipe
        self._names = names
        self._main = main
        self._rubric = rubric

    def measure(self, group: Group) -> Measured:
        """Measures a group."""
        scores = [self._right(sample.verdicts[self._main]) for sample in group.samples]
        rewards = [
            self._rubric.score({n: v for n, v in zip(self._names, sample.verdicts, strict=True) if v is not None})
            for sample in group.samples
        ]
        known = [score for score in scores if score is not None]
        band: str = UNSCORED
        if known:
            band = difficulty(sum(known) / len(known), self._recipe.too_hard, self._recipe.too_easy)
        classes = answer_classes(self._names[self._main], [sample.answer for sample in group.samples])
        gained = advantages(rewards, self._recipe.advantage)
        return Measured(scores, rewards, gained, band, classes, find_majority(classes, scores))

    def _right(self, verdict: Verdict | None) -> float | None:
        if verdict is None or verdict.score is None:
            return None
        least = self._recipe.min_score
        return float(verdict.status == _CORRECT if least is None else verdict.score >= least)


@dataclass
class Totals:
    """Sums over the groups of one setting."""

    size: SettingSize
    ks: Sequence[int]
    _pairs: Counter[tuple[int, int]] = field(default_factory=Counter)  # (scored, right) -> prompts
    _votes: dict[int, Counter[float | None]] = field(default_factory=dict)  # k -> value -> prompts
    _statuses: Counter[str] = field(default_factory=Counter)
    _bands: Counter[str] = field(default_factory=Counter)
    _rewards: Counter[str] = field(default_factory=Counter)
    _reward_sum: float = 0.0

    def add(self, group: Group, measured: Measured, main: int) -> None:
        """Adds a group of this setting, measured."""
        self._pairs[measured.scored, measured.correct] += 1
        self._bands[measured.band] += 1
        for sample in group.samples:
            verdict = sample.verdicts[main]
            self._statuses["not_verified" if verdict is None else verdict.status] += 1
        known = [reward for reward in measured.rewards if reward is not None]
        self._reward_sum += sum(known)
        self._rewards["scored"] += len(known)
        self._rewards["unscored"] += len(group.samples) - len(known)
        self._rewards["prompts_without_signal"] += len(set(known)) < 2
        if measured.majority is None and not measured.scored:
            return
        for k in self.ks:
            if 1 < k <= len(group.samples):
                value = cons_in_blocks(measured.classes, measured.scores, k).value
                self._votes.setdefault(k, Counter())[value] += 1
        self._rewards["prompts_with_answers"] += measured.majority is not None

    def to_json(self, too_hard: float, too_easy: float, sampling: Mapping[str, Any] | None) -> dict[str, Any]:
        """Gives the setting's estimates as a JSON object; docs/estimates.md has the meaning of each field."""
        setting = self.size.setting
        scored = sum(pair[0] * prompts for pair, prompts in self._pairs.items())
        has_answers = bool(self._rewards["prompts_with_answers"])
        bands = {name: self._bands[name] for name in ("too_hard", "learnable", "too_easy", UNSCORED)}
        rates = [(right / all_ if all_ else None, prompts) for (all_, right), prompts in self._pairs.items()]
        return {
            **setting._asdict(),
            "sampling": None if sampling is None else dict(sampling),
            "prompts": self.size.prompts,
            "generations": self.size.generations,
            "samples_a_prompt": {"fewest": self.size.fewest, "most": self.size.most},
            "scored": scored,
            "unscored": self.size.generations - scored - self._statuses["not_verified"],
            "not_verified": self._statuses["not_verified"],
            "statuses": dict(sorted(self._statuses.items())),
            "pass_at": [self._pass_at(k) for k in self.ks if k <= self.size.most],
            "cons_at": [self._cons_at(k) for k in self.ks if 1 < k <= self.size.most] if has_answers else [],
            "bands": bands,
            "thresholds": {"too_hard": too_hard, "too_easy": too_easy},
            "histogram": dict(pass_rate_bands(rates, HISTOGRAM_EDGES)),
            "reward": {
                "mean": self._reward_sum / self._rewards["scored"] if self._rewards["scored"] else None,
                "scored": self._rewards["scored"],
                "unscored": self._rewards["unscored"],
                "prompts_without_signal": self._rewards["prompts_without_signal"],
            },
        }

    def _pass_at(self, k: int) -> dict[str, Any]:
        values: Counter[float] = Counter()
        left_out = 0
        for (scored, right), prompts in self._pairs.items():
            value = pass_probability(scored, right, k)
            if value is None:
                left_out += prompts
            else:
                values[value] += prompts
        return _mean(k, values, left_out)

    def _cons_at(self, k: int) -> dict[str, Any]:
        votes = self._votes.get(k, Counter())
        values = Counter({value: prompts for value, prompts in votes.items() if value is not None})
        return _mean(k, values, self.size.prompts - values.total())


def _mean(k: int, values: Counter[float], left_out: int) -> dict[str, Any]:
    prompts = values.total()
    interval = bootstrap_mean(values) or (None, None)
    mean = sum(value * count for value, count in sorted(values.items())) / prompts if prompts else None
    return {"k": k, "value": mean, "low": interval[0], "high": interval[1], "prompts": prompts, "left_out": left_out}


def default_ks(most: int) -> list[int]:
    """Gives 1, 4, 16, ... below the most samples that a prompt has, and that number."""
    ks = [1]
    while ks[-1] * 4 < most:
        ks.append(ks[-1] * 4)
    return sorted({*ks, most})


def totals_of(sizes: Iterable[SettingSize], ks: Sequence[int]) -> dict[Setting, Totals]:
    """Gives empty sums for each setting; without `ks` each setting has its own (`default_ks`)."""
    return {size.setting: Totals(size, ks or default_ks(size.most)) for size in sizes}
