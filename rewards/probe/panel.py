"""A rubric before its prompts: scores outputs as training would. Pure but for what the verifiers themselves use."""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rewards.registry import Verifier
from rewards.rubric import Rubric
from rewards.verdict import Verdict
from schemas.ids import canonical_json

REWARD: Final = "reward"
"""The name under which the rubric as a whole stands beside its verifiers."""


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt as a probe needs it.

    Attributes:
        prompt_id: names it in a report.
        question: its last message.
        golds: verifier -> what it is passed as gold.
        sample: an honest completion, where one is known.
    """

    prompt_id: str
    question: str
    golds: Mapping[str, Any]
    sample: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What one scorer made of one output for every prompt.

    Attributes:
        mean: of the scores, unscored prompts left out; of a reward as a share of the full one. None where none is scored.
        paid: share of all prompts with a score over the threshold.
        unscored: share of all prompts without a score.
        statuses: status -> prompts; empty for the reward.
        seconds: elapsed, all prompts together; equal pairs of output and gold are judged once.
        slowest_ms: of one prompt, as the verifier says; work that is shared by a batch is shared out.
    """

    mean: float | None
    paid: float
    unscored: float
    statuses: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    slowest_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Scorer:
    """A verifier of the rubric, or the whole, as a report shows it.

    Attributes:
        name: the verifier's, or `REWARD`.
        version: the verifier's; 0 for the whole.
        settings_hash: the verifier's, or the rubric's.
        weight: in the reward; 1.0 for the whole.
        gate: the least score that lets a reward be; None where it is no gate.
        by_gold: whether it knows the right answer. What judges form alone pays any text of that form, and is meant to.
        base: share of the prompts that have the commonest gold: so often a constant is right by chance.
        with_gold: share of the prompts that have a gold for it.
        honest_gold: mean score of the completion that a verifier writes for each gold; None where none is written.
        honest_sample: mean score of the samples that came with the prompts; None without any.
    """

    name: str
    version: int
    settings_hash: str
    weight: float
    gate: float | None
    by_gold: bool
    base: float
    with_gold: float
    honest_gold: float | None
    honest_sample: float | None


class Panel:
    """Verifiers and their rubric before the prompts of a probe.

    Args:
        verifiers: all that the rubric names, and perhaps more, which are shown and do not count.
        rubric: how their verdicts make one reward.
        cases: the prompts.
        threshold: a score above it counts as paid; for the reward, that share of what form alone cannot earn (`form_share`), and
            all of the form's.

    Raises:
        ValueError: without any prompt; where the rubric names a verifier that is not there, has no positive weight, or has a
            verifier for which no prompt has a gold, so that nothing could be scored.
    """

    def __init__(
        self, verifiers: Sequence[Verifier], rubric: Rubric, cases: Sequence[Case], threshold: float = 0.5
    ) -> None:
        missing = sorted(set(rubric.names) - {verifier.name for verifier in verifiers})
        if missing:
            raise ValueError(f"the rubric weighs {missing[0]!r}, which is no verifier of it")
        if not cases:
            raise ValueError("a probe needs at least one prompt")
        for verifier in verifiers:
            if not verifier.knows_answer or verifier.name not in rubric.names:
                continue
            if all(case.golds.get(verifier.name) is None for case in cases):
                raise ValueError(f"no prompt has what {verifier.name!r} judges by, a gold under {verifier.gold_key!r}")
        self.full = sum(weight for weight in rubric.weights.values() if weight > 0)
        if self.full <= 0:
            raise ValueError("a rubric whose weights are none above 0 rewards nothing")
        self.verifiers = list(verifiers)
        self.rubric = rubric
        self.cases = list(cases)
        self.threshold = threshold

    @property
    def form_share(self) -> float:
        """What form alone can earn of the full reward: the weights of verifiers that know no gold, unless a gate knows it."""
        by_gold = {verifier.name for verifier in self.verifiers if verifier.knows_answer}
        if by_gold & self.rubric.gates.keys():
            return 0.0
        return (
            sum(weight for name, weight in self.rubric.weights.items() if weight > 0 and name not in by_gold)
            / self.full
        )

    def score(self, outputs: Sequence[str], places: Sequence[int] | None = None) -> dict[str, Tally]:
        """Gives what every verifier and the reward make of one output a prompt, which stand at `places` (all by default)."""
        cases = self.cases if places is None else [self.cases[place] for place in places]
        tallies, verdicts = {}, {}
        for verifier in self.verifiers:
            begun = time.perf_counter()
            found = _verify_distinct(verifier, outputs, [case.golds.get(verifier.name) for case in cases])
            seconds = time.perf_counter() - begun
            verdicts[verifier.name] = found
            statuses: Counter[str] = Counter(verdict.status for verdict in found)
            slowest = max(verdict.elapsed_ms for verdict in found)
            scores = [verdict.score for verdict in found]
            tallies[verifier.name] = _tally(scores, self.threshold, dict(statuses), seconds, slowest)
        rewards = self._rewards(verdicts, len(cases))
        seconds = math.fsum(tally.seconds for tally in tallies.values())
        slowest = sum(tally.slowest_ms for tally in tallies.values())
        form = self.form_share if self.form_share < 1 else 0.0
        tallies[REWARD] = _tally(rewards, form + (1 - form) * self.threshold, {}, seconds, slowest)
        return tallies

    def _rewards(self, verdicts: Mapping[str, Sequence[Verdict]], num_cases: int) -> list[float | None]:
        """The reward of each prompt as a share of the full one."""
        found = []
        for place in range(num_cases):
            reward = self.rubric.score({name: given[place] for name, given in verdicts.items()})
            found.append(None if reward is None else reward / self.full)
        return found

    def scorers(self) -> list[Scorer]:
        """Describes every verifier and the whole, with what honest completions earn. Scores those, so it takes time."""
        honest = self._honest_samples()
        described, keys = [], []
        for verifier in self.verifiers:
            golds = [case.golds.get(verifier.name) for case in self.cases]
            written = [None if gold is None else verifier.gold_completion(gold) for gold in golds]
            by_gold = verifier.knows_answer
            texts = [
                text if text is not None else canonical_json(gold) for text, gold in zip(written, golds, strict=True)
            ]
            if by_gold and verifier.name in self.rubric.names:
                keys.append(texts)
            described.append(
                Scorer(
                    name=verifier.name,
                    version=verifier.version,
                    settings_hash=verifier.settings_hash,
                    weight=self.rubric.weights.get(verifier.name, 0.0),
                    gate=self.rubric.gates.get(verifier.name),
                    by_gold=by_gold,
                    base=_commonest(texts) if by_gold else 1.0,
                    with_gold=sum(gold is not None for gold in golds) / len(golds),
                    honest_gold=self._honest_golds(verifier, written, golds),
                    honest_sample=honest.get(verifier.name),
                )
            )
        together = [" ".join(row) for row in zip(*keys, strict=True)]
        whole = Scorer(
            name=REWARD,
            version=0,
            settings_hash=self.rubric.settings_hash,
            weight=1.0,
            gate=None,
            by_gold=bool(keys),
            base=_commonest(together) if keys else 1.0,
            with_gold=min((one.with_gold for one in described if one.by_gold), default=1.0),
            honest_gold=None,
            honest_sample=honest.get(REWARD),
        )
        return [whole, *described]

    def _honest_golds(self, verifier: Verifier, written: Sequence[str | None], golds: Sequence[Any]) -> float | None:
        pairs = [(text, gold) for text, gold in zip(written, golds, strict=True) if text is not None]
        if not pairs:
            return None
        verdicts = verifier.verify_batch([text for text, _ in pairs], [gold for _, gold in pairs])
        scores = [verdict.score for verdict in verdicts if verdict.score is not None]
        return math.fsum(scores) / len(scores) if scores else None

    def _honest_samples(self) -> dict[str, float | None]:
        places = [place for place, case in enumerate(self.cases) if case.sample is not None]
        if not places:
            return {}
        samples = [self.cases[place].sample or "" for place in places]
        return {name: tally.mean for name, tally in self.score(samples, places).items()}


def _tally(
    scores: Sequence[float | None], threshold: float, statuses: Mapping[str, int], seconds: float, slowest_ms: float
) -> Tally:
    scored = [score for score in scores if score is not None]
    return Tally(
        mean=math.fsum(scored) / len(scored) if scored else None,
        paid=sum(score > threshold for score in scored) / len(scores),
        unscored=1 - len(scored) / len(scores),
        statuses=statuses,
        seconds=seconds,
        slowest_ms=slowest_ms,
    )


def _verify_distinct(verifier: Verifier, outputs: Sequence[str], golds: Sequence[Any]) -> list[Verdict]:
    """Judges equal pairs of output and gold once: a constant before a verifier without gold is one text."""
    keys = [
        (output, gold if gold is None or isinstance(gold, str) else id(gold))
        for output, gold in zip(outputs, golds, strict=True)
    ]
    places = {key: place for place, key in reversed(list(enumerate(keys)))}
    firsts = sorted(places.values())
    verdicts = verifier.verify_batch([outputs[place] for place in firsts], [golds[place] for place in firsts])
    told = {keys[place]: verdict for place, verdict in zip(firsts, verdicts, strict=True)}
    return [told[key] for key in keys]


def _commonest(keys: Sequence[str]) -> float:
    return Counter(keys).most_common(1)[0][1] / len(keys)
