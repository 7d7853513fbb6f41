"""Gathers the facts of a report: the runs under one `--out`, and what each room's files and rows say of them. Reads only."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.errors import UserError
from schemas.store import reading
from schemas.tables import Run
from service.report.curated import curation_fact
from service.report.estimate_facts import EstimateFact
from service.report.estimated import estimate_facts
from service.report.facts import (
    CurationFact,
    GenerationFact,
    RateFact,
    ReportFacts,
    RunFact,
    SelectionFact,
    Tile,
    VerifierFact,
)
from service.report.formats import format_bytes, format_number, format_percent
from service.report.samples import ArtifactFiles, sample_facts
from service.report.selected import selection_facts
from service.report.verdicts import (
    FORMAT_VERIFIERS,
    LANGUAGE_VERIFIERS,
    generation_fact,
    latest_keys,
    rate_fact,
    verifier_facts,
)

MAX_RUNS = 50


def gather(engine: sa.Engine, out: Path) -> ReportFacts:
    """Gathers everything that stands under `out`.

    Args:
        engine: the store.
        out: the folder that the commands were given as `--out`.

    Raises:
        UserError: if the store knows no run under `out`.
    """
    out = out.resolve()
    with reading(engine) as connection:
        runs = _runs(connection, out)
        if not runs:
            raise UserError(
                f"{out}: the store knows no run under this folder: run `tamis curate` or `tamis verify` first"
            )
        ids = [run.id for run in runs]
        curation = curation_fact(out)
        generations = generation_fact(connection, ids)
        verifiers = verifier_facts(connection, ids)
        estimates = estimate_facts(connection, ids)
        samples = sample_facts(connection, ArtifactFiles(connection, out), ids, latest_keys(verifiers))
        selections = selection_facts(connection, out, ids)
    # An estimate says something of a run's verdicts; the page goes by the name of what made them.
    made = [run for run in runs if run.kind != "estimate"] or runs
    newest = max(made, key=lambda run: (run.started_at is not None, run.started_at, run.id))
    tiles = _tiles(curation, generations, verifiers, selections)
    return ReportFacts(
        title=curation.name if curation else newest.name,
        code_version=newest.code_version,
        runs=runs[:MAX_RUNS],
        tiles=tiles,
        curation=curation,
        generations=generations,
        verifiers=verifiers,
        estimates=estimates,
        samples=samples,
        selections=selections,
        numbers=_numbers(runs, curation, verifiers, estimates, selections),
    )


def _runs(connection: sa.Connection, out: Path) -> list[RunFact]:
    rows = connection.execute(sa.select(Run).order_by(Run.started_at, Run.id)).all()
    under = [row for row in rows if Path(row.out).is_relative_to(out)]
    if not under and _store_folder(connection) == out:
        under = list(rows)  # the folder was moved together with its store
    return [
        RunFact(row.id, row.kind, row.name, row.status, row.code_version, row.started_at, row.finished_at)
        for row in under
    ]


def _store_folder(connection: sa.Connection) -> Path | None:
    url = connection.engine.url
    return Path(url.database).resolve().parent if url.get_backend_name() == "sqlite" and url.database else None


def _tiles(
    curation: CurationFact | None,
    generations: GenerationFact | None,
    verifiers: Sequence[VerifierFact],
    selections: Sequence[SelectionFact],
) -> list[list[Tile]]:
    tiles: list[Tile] = []
    if curation and curation.funnels:
        whole = curation.funnels[0]
        tiles += [
            Tile("Documents in", format_number(whole.docs_in), format_bytes(whole.bytes_in)),
            Tile(
                "Documents kept",
                format_number(whole.docs_out),
                f"{format_percent(whole.docs_out / whole.docs_in)} of all" if whole.docs_in else "",
            ),
            Tile(
                "Text kept",
                format_bytes(whole.bytes_out),
                f"{format_percent(whole.bytes_out / whole.bytes_in)} of all" if whole.bytes_in else "",
            ),
        ]
    if curation and curation.num_near_duplicates:
        tiles.append(Tile("Near-duplicates", format_number(curation.num_near_duplicates), "removed, each verified"))
    answers: list[Tile] = []
    if generations:
        prompts = f"of {format_number(generations.prompts)} prompts"
        answers.append(Tile("Generations", format_number(generations.generations), prompts))
    answers += _verdict_tiles(verifiers)
    if selections:
        newest = selections[0]
        answers.append(Tile("Selected", format_number(newest.items), f"of {format_number(newest.prompts)} prompts"))
    return [tiles, answers]


def _verdict_tiles(verifiers: Sequence[VerifierFact]) -> list[Tile]:
    latest = [fact for fact in verifiers if fact.latest]
    forms = (*FORMAT_VERIFIERS, *LANGUAGE_VERIFIERS)
    groups = (
        ("Right answers", [fact.total for fact in latest if fact.name not in forms]),
        ("Well-formed", [fact.total for fact in latest if fact.name in FORMAT_VERIFIERS]),
        ("One language", [fact.total for fact in latest if fact.name in LANGUAGE_VERIFIERS]),
    )
    return [_rate_tile(label, rates) for label, rates in groups if rates]


def _rate_tile(label: str, rates: Sequence[RateFact]) -> Tile:
    total = rate_fact(
        label,
        sum(rate.passed for rate in rates),
        sum(rate.scored for rate in rates),
        sum(rate.unscored for rate in rates),
    )
    note = f"{format_percent(total.rate)} of {format_number(total.scored)} scored"
    if total.unscored:
        note += f", {format_number(total.unscored)} without"
    return Tile(label, format_number(total.passed), note)


def _numbers(
    runs: Sequence[RunFact],
    curation: CurationFact | None,
    verifiers: Sequence[VerifierFact],
    estimates: Sequence[EstimateFact],
    selections: Sequence[SelectionFact],
) -> dict[str, Any]:
    """Gives the page's numbers for machines; no text of a document or generation is in them."""
    return {
        "runs": [{"id": run.id, "kind": run.kind, "name": run.name, "status": run.status} for run in runs[:MAX_RUNS]],
        "funnel": [
            {
                "source": funnel.source or None,
                "docs_in": funnel.docs_in,
                "docs_out": funnel.docs_out,
                "bytes_in": funnel.bytes_in,
                "bytes_out": funnel.bytes_out,
                "steps": [
                    {
                        "step": step.name,
                        "docs_in": step.docs_in,
                        "docs_out": step.docs_out,
                        "bytes_in": step.bytes_in,
                        "bytes_out": step.bytes_out,
                        "reasons": {
                            reason.reason: {"first": reason.first, "any": reason.any} for reason in step.reasons
                        },
                    }
                    for step in funnel.steps
                ],
            }
            for funnel in (curation.funnels if curation else ())
        ],
        "verifiers": [
            {
                "verifier": fact.name,
                "version": fact.version,
                "settings_hash": fact.settings_hash,
                "statuses": dict(fact.statuses),
                "passed": fact.total.passed,
                "scored": fact.total.scored,
                "unscored": fact.total.unscored,
            }
            for fact in verifiers
        ],
        "estimates": [
            {
                "id": fact.id,
                "name": fact.name,
                "settings": [
                    {
                        "source": setting.source,
                        "model": setting.model,
                        "prompts": setting.prompts,
                        "generations": setting.generations,
                        "pass_at": [asdict(point) for point in setting.pass_at],
                        "cons_at": [asdict(point) for point in setting.cons_at],
                        "bands": dict(setting.bands),
                    }
                    for setting in fact.settings
                ],
            }
            for fact in estimates
        ],
        "selections": [
            {"id": fact.id, "name": fact.name, "items": fact.items, "prompts": fact.prompts} for fact in selections
        ],
    }
