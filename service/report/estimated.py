"""What the store says of estimates: the latest of each name, as `tamis estimate` has written it. SQL that only reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from schemas.tables import Artifact, Run
from service.report.estimate_facts import EstimateFact, KFact, SettingFact

MAX_ESTIMATES = 8
#: Settings of one estimate that are drawn; those with most prompts.
MAX_SETTINGS = 12
MAX_WARNINGS = 20


def estimate_facts(connection: sa.Connection, runs: Sequence[str]) -> list[EstimateFact]:
    """Gives the estimates of the runs, the newest first, of each name the latest."""
    rows = connection.execute(
        sa.select(Run.id, Run.name, Run.counts)
        .where(Run.id.in_(runs), Run.kind == "estimate")
        .order_by(Run.finished_at.desc(), Run.id)
    ).all()
    latest: dict[str, Any] = {}
    for row in rows:
        latest.setdefault(row.name, row)
    return [_fact(connection, row) for row in list(latest.values())[:MAX_ESTIMATES]]


def _fact(connection: sa.Connection, row: Any) -> EstimateFact:
    counts: Mapping[str, Any] = row.counts
    groups = sorted(counts["groups"], key=lambda group: -group["prompts"])
    files = connection.execute(
        sa.select(Artifact.path, Artifact.num_rows, Artifact.num_bytes)
        .where(Artifact.run_id == row.id)
        .order_by(Artifact.path)
    )
    thresholds = groups[0]["thresholds"]
    return EstimateFact(
        id=row.id,
        name=row.name,
        right=_right(counts["verifier"]),
        reward=_reward(counts["rubric"]),
        advantage=counts["advantage"],
        too_hard=thresholds["too_hard"],
        too_easy=thresholds["too_easy"],
        settings=[_setting(group) for group in groups[:MAX_SETTINGS]],
        more_settings=max(0, len(groups) - MAX_SETTINGS),
        warnings=counts["warnings"][:MAX_WARNINGS],
        files=[(str(path), int(rows), int(size)) for path, rows, size in files],
    )


def _right(verifier: Mapping[str, Any]) -> str:
    least = verifier["min_score"]
    what = "its status is correct" if least is None else f"its score is at least {least:g}"
    return f"{verifier['name']} version {verifier['version']}: {what}"


def _reward(rubric: Mapping[str, Any]) -> str:
    parts = [name if weight == 1 else f"{weight:g} x {name}" for name, weight in sorted(rubric["weights"].items())]
    gates = "".join(f", nothing earned with {name} below {least:g}" for name, least in sorted(rubric["gates"].items()))
    return " + ".join(parts) + gates


def _setting(group: Mapping[str, Any]) -> SettingFact:
    samples = group["samples_a_prompt"]
    fewest, most = samples["fewest"], samples["most"]
    sampling = group["sampling"]
    return SettingFact(
        source=group["source"],
        model=group["model"],
        sampling="" if not sampling else ", ".join(f"{key} {value}" for key, value in sorted(sampling.items())),
        prompts=group["prompts"],
        generations=group["generations"],
        samples=str(most) if fewest == most else f"{fewest} to {most}",
        unscored=group["unscored"],
        not_verified=group["not_verified"],
        pass_at=[KFact(**item) for item in group["pass_at"]],
        cons_at=[KFact(**item) for item in group["cons_at"]],
        bands=group["bands"],
        histogram=_histogram(group),
        without_signal=group["reward"]["prompts_without_signal"],
        mean_reward=group["reward"]["mean"],
        rewards_unscored=group["reward"]["unscored"],
    )


def _histogram(group: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    low, high = group["thresholds"]["too_hard"], group["thresholds"]["too_easy"]
    bars = []
    for label, prompts in group["histogram"].items():
        if label == "unscored":
            continue
        start, _, end = label.partition("-")
        band = "band-hard" if float(end or start) <= low else "band-easy" if float(start) >= high else "band-learnable"
        name = f"{100 * float(start):.0f}" + (f"\u2013{100 * float(end):.0f}" if end else "")
        bars.append((name, prompts, band))
    return bars
