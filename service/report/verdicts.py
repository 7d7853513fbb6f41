"""What the store says of prompts, generations and verdicts: counts, scores and pass rates. SQL that only reads, no text.

Every number is one grouped statement over the runs of the report, on SQLite and PostgreSQL alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from rewards.intervals import wilson
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
LANGUAGE_VERIFIERS = ("mixing",)

#: The status of a generation that passes: some verifiers score a share and draw the line below 1.
PASSED = "correct"

Key = tuple[str, int, str]  # verifier, version, settings hash


@dataclass
class _Domain:
    label: str
    passed: int = 0
    scored: int = 0
    unscored: int = 0


@dataclass
class _Counts:
    statuses: Counter[str] = field(default_factory=Counter)
    domains: dict[str, _Domain] = field(default_factory=dict)
    bins: list[int] = field(default_factory=lambda: [0] * NUM_SCORE_BINS)
    passed: int = 0
    scored: int = 0
    score_sum: float = 0.0
    elapsed_sum: float = 0.0
    low: float = 0.0
    high: float = 1.0
    last_run: Any = None


def rate_interval(passed: int, scored: int) -> tuple[float, float]:
    """Gives the 95 % Wilson score interval of a rate; (0, 1) where nothing was scored."""
    return wilson(passed / scored, scored) if scored else (0.0, 1.0)


def rate_fact(label: str, passed: int, scored: int, unscored: int) -> RateFact:
    """Gives a rate with its interval."""
    low, high = rate_interval(passed, scored)
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
    facts = []
    for key, counts in sorted(counted.items(), key=lambda item: (item[0][0], item[0] != latest[item[0][0]], item[0])):
        edges, bins = _unit_edges(), counts.bins
        if counts.low < 0.0 or counts.high > 1.0:
            edges, bins = _wide_bins(connection, runs, key, counts)
        total = counts.statuses.total()
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
                all_or_nothing=_all_or_nothing(counts),
                score_edges=edges,
                score_counts=bins,
                domains=_domain_facts(counts.domains.values()),
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
    """Counts by verifier, status, domain and score bin in one pass: the join is what takes the time, not the groups."""
    domain = sa.func.coalesce(Prompt.domain, Prompt.source)
    place = _bin(_unit_edges())
    groups = (VerdictRow.verifier, VerdictRow.version, VerdictRow.settings_hash, VerdictRow.status, domain, place)
    labelled: list[sa.Label[Any]] = [column.label(f"g{number}") for number, column in enumerate(groups)]
    rows = connection.execute(
        sa.select(
            *labelled,
            sa.func.count(),
            sa.func.sum(VerdictRow.score),
            sa.func.sum(VerdictRow.elapsed_ms),
            sa.func.min(VerdictRow.score),
            sa.func.max(VerdictRow.score),
            sa.func.max(Run.started_at),
        )
        .join(Artifact, Artifact.id == VerdictRow.artifact_id)
        .join(Run, Run.id == Artifact.run_id)
        .join(Generation, Generation.id == VerdictRow.generation_id)
        .join(Prompt, Prompt.id == Generation.prompt_id)
        .where(Run.id.in_(runs))
        .group_by(*(sa.text(label.name) for label in labelled))
    )
    counted: dict[Key, _Counts] = {}
    for name, version, settings, status, label, number, rows_, score_sum, elapsed, low, high, started in rows:
        counts = counted.setdefault((name, version, settings), _Counts())
        of_domain = counts.domains.setdefault(label, _Domain(label))
        counts.statuses[status] += int(rows_)
        counts.elapsed_sum += float(elapsed or 0.0)
        counts.last_run = started if counts.last_run is None else max(counts.last_run, started)
        if number is None:
            of_domain.unscored += int(rows_)
            continue
        passed = int(rows_) if status == PASSED else 0
        counts.bins[int(number)] += int(rows_)
        counts.scored += int(rows_)
        counts.passed += passed
        counts.score_sum += float(score_sum)
        counts.low, counts.high = min(counts.low, float(low)), max(counts.high, float(high))
        of_domain.scored += int(rows_)
        of_domain.passed += passed
    return counted


def _all_or_nothing(counts: _Counts) -> bool:
    # What is in the last bin is 1 and what is in the first is 0 exactly when the sum is the number of the former.
    return (
        sum(counts.bins[1:-1]) == 0 and counts.low == 0.0 and counts.high == 1.0 and counts.score_sum == counts.bins[-1]
    )


def _unit_edges() -> list[float]:
    return [number / NUM_SCORE_BINS for number in range(NUM_SCORE_BINS + 1)]


def _bin(edges: Sequence[float]) -> sa.ColumnElement[int | None]:
    # Comparisons, not arithmetic: a cast to a whole number truncates on one database and rounds on the other.
    inner = ((VerdictRow.score < edge, sa.literal(number)) for number, edge in enumerate(edges[1:-1]))
    return sa.case((VerdictRow.score.is_(None), sa.null()), *inner, else_=sa.literal(len(edges) - 2))


def _latest(counted: Mapping[Key, _Counts]) -> dict[str, Key]:
    latest: dict[str, Key] = {}
    for key in sorted(counted, key=lambda key: (key[0], key[1], counted[key].last_run, key[2])):
        latest[key[0]] = key
    return latest


def _wide_bins(
    connection: sa.Connection, runs: Sequence[str], key: Key, counts: _Counts
) -> tuple[list[float], list[int]]:
    """Gives the histogram of scores that leave 0 to 1, as a reward model's do."""
    width = (counts.high - counts.low) / NUM_SCORE_BINS
    edges = [counts.low + width * number for number in range(NUM_SCORE_BINS + 1)]
    place = _bin(edges).label("place")
    rows = connection.execute(
        sa.select(place, sa.func.count())
        .join(Artifact, Artifact.id == VerdictRow.artifact_id)
        .where(Artifact.run_id.in_(runs), in_keys([key]), VerdictRow.score.is_not(None))
        .group_by(sa.text("place"))
    )
    bins = [0] * NUM_SCORE_BINS
    for number, count in rows:
        bins[int(number or 0)] = int(count)
    return edges, bins


def _domain_facts(domains: Iterable[_Domain]) -> list[RateFact]:
    ordered = sorted(domains, key=lambda row: (-row.scored - row.unscored, row.label))
    shown, others = ordered[:MAX_DOMAINS], ordered[MAX_DOMAINS:]
    if others:
        rest = _Domain(f"{len(others)} other domains")
        for row in others:
            rest.passed, rest.scored, rest.unscored = (
                rest.passed + row.passed,
                rest.scored + row.scored,
                rest.unscored + row.unscored,
            )
        shown.append(rest)
    return [rate_fact(row.label, row.passed, row.scored, row.unscored) for row in shown]
