"""The result of a probe as JSON: every number of the page. Pure. Texts are cut and hold no control that a terminal or page obeys."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rewards.probe.attack import KINDS
from rewards.probe.panel import REWARD, Tally
from rewards.probe.probe import AttackOutcome, ProbeResult
from schemas.version import code_version
from service.report.highlight import plain_marks

MAX_EXCERPT: Final = 400
"""Characters that are shown of an output."""

NUM_SLOWEST: Final = 12


def summarise(result: ProbeResult, *, name: str, seed: int) -> dict[str, Any]:
    """Gives the whole result as one JSON object."""
    worst = result.worst
    numbers = {id(outcome): number for number, outcome in enumerate(result.outcomes)}
    slowest = sorted(result.outcomes, key=lambda outcome: -outcome.tallies[REWARD].seconds)[:NUM_SLOWEST]
    return {
        "rubric": name,
        "code_version": code_version(),
        "prompts": result.num_cases,
        "threshold": result.threshold,
        "max_share": result.max_share,
        "seed": seed,
        "max_reward": result.max_reward,
        "form_share": result.form_share,
        "never_scored": result.never_scored,
        "worst": numbers[id(worst)],
        "scorers": [_plain(scorer) for scorer in result.scorers],
        "kinds": _kinds(result),
        "attacks": [_attack(outcome) for outcome in result.outcomes],
        "findings": [
            {
                "attack": numbers[id(finding.outcome)],
                "scorer": finding.scorer,
                "way": finding.way,
                "share": finding.share,
                "by_gold": finding.by_gold,
            }
            for finding in result.findings
        ],
        "slowest": [numbers[id(outcome)] for outcome in slowest],
        "search": None if result.trace is None else _plain(result.trace),
    }


def excerpt(text: str, limit: int = MAX_EXCERPT) -> str:
    """Gives the beginning of a text with its controls made visible."""
    cut = plain_marks(text[:limit].encode("utf-8", "replace").decode())
    return cut if len(text) <= limit else cut + "…"


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _attack(outcome: AttackOutcome) -> dict[str, Any]:
    attack = outcome.attack
    return {
        "name": excerpt(attack.name),
        "kind": attack.kind,
        "source": attack.source,
        "constant": attack.is_constant,
        "output": excerpt(outcome.output),
        "characters": len(outcome.output),
        "scores": {name: _tally(tally) for name, tally in outcome.tallies.items()},
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "mean": tally.mean,
        "paid": tally.paid,
        "unscored": tally.unscored,
        "statuses": dict(tally.statuses),
        "seconds": round(tally.seconds, 4),
        "slowest_ms": round(tally.slowest_ms, 2),
    }


def _kinds(result: ProbeResult) -> list[dict[str, Any]]:
    """For each kind of attack the worst mean score that it got from each scorer."""
    by_kind: Mapping[str, list[AttackOutcome]] = defaultdict(list)
    for outcome in result.outcomes:
        by_kind[outcome.attack.kind].append(outcome)
    names = [scorer.name for scorer in result.scorers]
    return [
        {"kind": kind, "attacks": len(by_kind[kind]), "worst": {name: _worst(by_kind[kind], name) for name in names}}
        for kind in KINDS
        if kind in by_kind
    ]


def _worst(outcomes: Sequence[AttackOutcome], scorer: str) -> float | None:
    means = [mean for outcome in outcomes if (mean := outcome.tallies[scorer].mean) is not None]
    return max(means) if means else None
