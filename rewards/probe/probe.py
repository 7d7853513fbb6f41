"""The probe: every attack of the bank and of the search against a rubric, and what got through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from rewards.probe.attack import Attack
from rewards.probe.bank import bank
from rewards.probe.panel import REWARD, Panel, Scorer, Tally
from rewards.probe.search import DEFAULT_BUDGET, SearchTrace, search

MAX_SHARE: Final = 0.05
"""An attack that is paid on a larger share of the prompts, and on more than chance, got through."""

OnAttack = Callable[[int, int], None]
"""Called with the attacks that are done and all of them."""


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """An attack, an example of its output, and what each scorer made of it."""

    attack: Attack
    output: str
    tallies: dict[str, Tally]


@dataclass(frozen=True, slots=True)
class Finding:
    """What got through.

    Attributes:
        outcome: the attack.
        scorer: who let it: a verifier, or `REWARD`.
        way: `paid`: its score is over the threshold on too many prompts; `unscored`: it leaves prompts without a score that
            honest outputs have.
        share: of the prompts.
        by_gold: whether that scorer knows the right answer; where not, to be paid may be what it is for.
    """

    outcome: AttackOutcome
    scorer: str
    way: Literal["paid", "unscored"]
    share: float
    by_gold: bool


@dataclass(frozen=True)
class ProbeResult:
    """Everything that a report shows.

    Attributes:
        num_cases: prompts.
        threshold: a score above it is paid.
        max_share: see `MAX_SHARE`.
        scorers: the reward first, then the verifiers.
        outcomes: the bank's, in its order, then those that were found.
        findings: the worst first: of the reward before those of verifiers.
        trace: how the search went; None where none was asked for.
        form_share: see `Panel.form_share`.
    """

    num_cases: int
    threshold: float
    max_share: float
    scorers: Sequence[Scorer]
    outcomes: Sequence[AttackOutcome]
    findings: Sequence[Finding] = field(default_factory=list)
    trace: SearchTrace | None = None
    form_share: float = 0.0

    @property
    def never_scored(self) -> float:
        """The share of the prompts that have no reward whatever is answered: golds that are bad, or tools that are not here."""
        return min((outcome.tallies[REWARD].unscored for outcome in self.outcomes), default=1.0)

    @property
    def worst(self) -> AttackOutcome:
        """The attack with the highest mean reward; of equal ones the first."""
        return max(self.outcomes, key=lambda outcome: outcome.tallies[REWARD].mean or 0.0)

    @property
    def max_reward(self) -> float:
        """The mean reward of the worst attack, as a share of the full one."""
        return self.worst.tallies[REWARD].mean or 0.0


def probe(
    panel: Panel,
    *,
    attacks: Sequence[Attack] | None = None,
    max_share: float = MAX_SHARE,
    budget: int = DEFAULT_BUDGET,
    seed: int = 0,
    on_attack: OnAttack | None = None,
) -> ProbeResult:
    """Scores every attack on every prompt, then searches for more.

    Args:
        panel: the rubric before its prompts.
        attacks: the whole bank by default.
        max_share: see `MAX_SHARE`.
        budget: outputs that the search may try; 0 for no search.
        seed: of the search.
        on_attack: called after each attack.
    """
    known = list(bank() if attacks is None else attacks)
    scorers = panel.scorers()
    total = len(known)
    outcomes: list[AttackOutcome] = []

    def run(attack: Attack) -> None:
        outputs = [attack.output(case.question) for case in panel.cases]
        outcomes.append(AttackOutcome(attack, outputs[0], panel.score(outputs)))
        if on_attack is not None:
            on_attack(len(outcomes), max(total, len(outcomes)))

    for attack in known:
        run(attack)
    trace = None
    if budget > 0:
        earned = {one.output: one.tallies[REWARD].mean or 0.0 for one in outcomes if one.attack.is_constant}
        found, trace = search(panel, earned, budget=budget, seed=seed)
        total += len(found)
        for attack in found:
            run(attack)
    findings = find(scorers, outcomes, max_share)
    return ProbeResult(
        num_cases=len(panel.cases),
        threshold=panel.threshold,
        max_share=max_share,
        scorers=scorers,
        outcomes=outcomes,
        findings=findings,
        trace=trace,
        form_share=panel.form_share,
    )


def find(scorers: Sequence[Scorer], outcomes: Sequence[AttackOutcome], max_share: float) -> list[Finding]:
    """Gives what got through: an outcome that a scorer pays, or leaves unscored, on more prompts than it may."""
    findings = []
    for scorer in scorers:
        allowed = max(max_share, scorer.base) if scorer.by_gold else max_share
        # Prompts without a gold, or with a bad one, have no score whatever is answered.
        never_scored = min((outcome.tallies[scorer.name].unscored for outcome in outcomes), default=0.0)
        for outcome in outcomes:
            tally = outcome.tallies[scorer.name]
            if tally.paid > allowed:
                findings.append(Finding(outcome, scorer.name, "paid", tally.paid, scorer.by_gold))
            if tally.unscored - never_scored > max_share:
                findings.append(Finding(outcome, scorer.name, "unscored", tally.unscored, scorer.by_gold))
    order = {scorer.name: place for place, scorer in enumerate(scorers)}
    return sorted(findings, key=lambda one: (not one.by_gold, order[one.scorer], -one.share))
