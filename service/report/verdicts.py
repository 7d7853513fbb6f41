"""What the store says of prompts, generations and verdicts: counts, scores and pass rates. SQL that only reads, no text.

Every number is one grouped statement over the runs of the report, on SQLite and PostgreSQL alike.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from rewards.verdict import STATUSES
from schemas.tables import Artifact, Generation, Prompt, Run, VerdictRow
from service.report.facts import GenerationFact, RateFact, VerifierFact

#: Bins of the score histogram.
NUM_SCORE_BINS = 20
#: Domains that are listed; the others are summed up in one row.
MAX_DOMAINS = 20
MAX_MODELS = 12
#: What a verifier's score is about: these two judge the form, every other one whether the answer is right.
FORMAT_VERIFIERS = ("format",)
LANGUAGE_VERIFIERS = ("language",)
#: z of a two-sided 95 % interval.
_Z95 = 1.959963984540054

#: A generation passes when the verifier calls it correct: some score a share and draw the line below 1.
_PASSED = sa.func.sum(sa.case((VerdictRow.status == "correct", 1), else_=0))

Key = tuple[str, int, str]  # verifier, version, settings hash


class _Domain(NamedTuple):
    label: str
    passed: int
    scored: int
    unscored: int


@dataclass
class _Counts:
    statuses: dict[str, int] = field(default_factory=dict)
    passed: int = 0
    scored: int = 0
    score_sum: float = 0.0
    elapsed_sum: float = 0.0
    low: float = 0.0
    high: float = 1.0
    last_run: Any = None


def wilson(passed: int, scored: int) -> tuple[float, float]:
    """Gives the 95 % Wilson score interval of a rate (Wilson 1927); (0, 1) where nothing was scored."""
    if scored == 0:
        return 0.0, 1.0
    rate = passed / scored
    spread = _Z95 * math.sqrt(rate * (1 - rate) / scored + _Z95**2 / (4 * scored**2))
    middle = rate + _Z95**2 / (2 * scored)
    scale = 1 + _Z95**2 / scored
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def rate_fact(label: str, passed: int, scored: int, unscored: int) -> RateFact:
    """Gives a rate with its interval."""
    low, high = wilson(passed, scored)
    return RateFact(label, passed, scored, unscored, low, high)


def generation_fact(connection: sa.Connection, runs: Sequence[str]) -> GenerationFact | None:
    """Counts prompts and generations of the runs; None where there is none."""
    rows = connection.execute(
        sa.select(Generation.model, sa.func.count())
        .join(Artifact, Artifact.id == Generation.artifact_id)
        .where(Artifact.run_id.in_(runs))
        .group_by(Generation.model)
        .order_by(sa.func.count().desc(), Generation.model)
    ).all()
    if not rows:
        return None
    prompts = connection.scalar(
        sa.select(sa.func.count(sa.distinct(Generation.prompt_id)))
        .join(Artifact, Artifact.id == Generation.artifact_id)
        .where(Artifact.run_id.in_(runs))
    )
    models = [(str(model), int(count)) for model, count in rows]
    shown = models[:MAX_MODELS]
    if len(models) > MAX_MODELS:
        shown.append((f"{len(models) - MAX_MODELS} other models", sum(count for _, count in models[MAX_MODELS:])))
    return GenerationFact(int(prompts or 0), sum(count for _, count in models), shown)


def verifier_facts(connection: sa.Connection, runs: Sequence[str]) -> list[VerifierFact]:
    """Gives every verifier, version and settings that the runs hold verdicts of, by name, the latest first."""
    counted = _count(connection, runs)
    latest = _latest(counted)
    domains = _domains(connection, runs)
    facts = []
    for key, counts in sorted(counted.items(), key=lambda item: (item[0][0], item[0] != latest[item[0][0]], item[0])):
        edges, bins = _score_bins(connection, runs, key, counts)
        total = sum(counts.statuses.values())
        facts.append(
            VerifierFact(
                name=key[0],
                version=key[1],
                settings_hash=key[2],
                latest=latest[key[0]] == key,
                statuses={name: counts.statuses[name] for name in _ordered(counts.statuses)},
                total=rate_fact(key[0], counts.passed, counts.scored, total - counts.scored),
                mean=counts.score_sum / counts.scored if counts.scored else None,
                mean_ms=counts.elapsed_sum / total if total else None,
                score_edges=edges,
                score_counts=bins,
                domains=domains.get(key, []),
            )
        )
    return facts


def latest_keys(facts: Sequence[VerifierFact]) -> list[Key]:
    """Gives the key of each verifier's latest verdicts: the newest version, under the settings of the run that started last."""
    return [(fact.name, fact.version, fact.settings_hash) for fact in facts if fact.latest]


def in_keys(keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    """Gives the condition that a verdict is one of these verifiers' in these versions and settings."""
    return sa.or_(
        sa.false(),
        *(
            sa.and_(VerdictRow.verifier == name, VerdictRow.version == version, VerdictRow.settings_hash == settings)
            for name, version, settings in keys
        ),
    )


def _ordered(statuses: Mapping[str, int]) -> list[str]:
    known = [status for status in STATUSES if status in statuses]
    return known + sorted(set(statuses) - set(known))


def _count(connection: sa.Connection, runs: Sequence[str]) -> dict[Key, _Counts]:
    rows = connection.execute(
        sa.select(
            VerdictRow.verifier,
            VerdictRow.version,
            VerdictRow.settings_hash,
            VerdictRow.status,
            sa.func.count(),
            sa.func.count(VerdictRow.score),
            _PASSED,
            sa.func.sum(VerdictRow.score),
            sa.func.sum(VerdictRow.elapsed_ms),
            sa.func.min(VerdictRow.score),
            sa.func.max(VerdictRow.score),
            sa.func.max(Run.started_at),
        )
        .join(Artifact, Artifact.id == VerdictRow.artifact_id)
        .join(Run, Run.id == Artifact.run_id)
        .where(Run.id.in_(runs))
        .group_by(VerdictRow.verifier, VerdictRow.version, VerdictRow.settings_hash, VerdictRow.status)
    )
    counted: dict[Key, _Counts] = {}
    for name, version, settings, status, rows_, scored, passed, score_sum, elapsed, low, high, started in rows:
        counts = counted.setdefault((name, version, settings), _Counts())
        counts.statuses[status] = int(rows_)
        counts.scored += int(scored)
        counts.passed += int(passed or 0)
        counts.score_sum += float(score_sum or 0.0)
        counts.elapsed_sum += float(elapsed or 0.0)
        counts.low = min(counts.low, counts.low if low is None else float(low))
        counts.high = max(counts.high, counts.high if high is None else float(high))
        counts.last_run = started if counts.last_run is None else max(counts.last_run, started)
    return counted


def _latest(counted: Mapping[Key, _Counts]) -> dict[str, Key]:
    latest: dict[str, Key] = {}
    for key in sorted(counted, key=lambda key: (key[0], key[1], counted[key].last_run, key[2])):
        latest[key[0]] = key
    return latest


def _score_bins(
    connection: sa.Connection, runs: Sequence[str], key: Key, counts: _Counts
) -> tuple[list[float], list[int]]:
    width = (counts.high - counts.low) / NUM_SCORE_BINS
    edges = [counts.low + width * number for number in range(NUM_SCORE_BINS + 1)]
    # Comparisons, not arithmetic: a cast to a whole number truncates on one database and rounds on the other.
    number = sa.case(
        *((VerdictRow.score < edge, index) for index, edge in enumerate(edges[1:-1])), else_=NUM_SCORE_BINS - 1
    ).label("bin")
    rows = connection.execute(
        sa.select(number, sa.func.count())
        .join(Artifact, Artifact.id == VerdictRow.artifact_id)
        .where(Artifact.run_id.in_(runs), in_keys([key]), VerdictRow.score.is_not(None))
        .group_by(sa.text("bin"))
    )
    bins = [0] * NUM_SCORE_BINS
    for index, count in rows:
        bins[int(index)] = int(count)
    return edges, bins


def _domains(connection: sa.Connection, runs: Sequence[str]) -> dict[Key, list[RateFact]]:
    domain = sa.func.coalesce(Prompt.domain, Prompt.source).label("of")
    rows = connection.execute(
        sa.select(
            VerdictRow.verifier,
            VerdictRow.version,
            VerdictRow.settings_hash,
            domain,
            _PASSED,
            sa.func.count(VerdictRow.score),
            sa.func.count(),
        )
        .join(Artifact, Artifact.id == VerdictRow.artifact_id)
        .join(Generation, Generation.id == VerdictRow.generation_id)
        .join(Prompt, Prompt.id == Generation.prompt_id)
        .where(Artifact.run_id.in_(runs))
        .group_by(VerdictRow.verifier, VerdictRow.version, VerdictRow.settings_hash, sa.text("of"))
    ).all()
    by_key: dict[Key, list[_Domain]] = {}
    for name, version, settings, label, passed, scored, total in rows:
        counted = _Domain(str(label), int(passed or 0), int(scored), int(total) - int(scored))
        by_key.setdefault((name, version, settings), []).append(counted)
    facts = {}
    for key, found in by_key.items():
        found.sort(key=lambda row: (-row.scored - row.unscored, row.label))
        shown, others = found[:MAX_DOMAINS], found[MAX_DOMAINS:]
        if others:
            label = f"{len(others)} other domains"
            sums = (
                sum(row.passed for row in others),
                sum(row.scored for row in others),
                sum(row.unscored for row in others),
            )
            shown.append(_Domain(label, *sums))
        facts[key] = [rate_fact(*row) for row in shown]
    return facts
