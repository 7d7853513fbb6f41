"""`tamis curate`: the Beam job, its rows in the store, the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.job.driver import plan_job, run_job
from curation.job.manifest import Manifest
from curation.job.stages import Progress
from schemas.recipe import CurateRecipe, load_recipe
from schemas.storage import Location
from schemas.store import open_store
from service.commands.common import exit_code, open_for_writing, refresh_report, store_url
from service.console import Terminal, human_bytes, share

_SHOWN_FAULTS = 10
_SHOWN_REASONS = 4


@dataclass(frozen=True)
class CurateRequest:
    """What the command line asked for; see `tamis curate --help`."""

    recipe: CurateRecipe
    base: Path
    fresh: bool = False
    limit: int | None = None
    max_bad: int | None = None
    workers: int | None = None
    beam_options: tuple[str, ...] = ()


def curate(
    recipe: Path,
    out: Location,
    store: str | None,
    workers: int | None,
    limit: int | None,
    max_bad: int | None,
    beam_options: Sequence[str],
    *,
    fresh: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    asked = load_recipe(recipe, CurateRecipe)
    request = CurateRequest(asked, recipe.resolve().parent, fresh, limit, max_bad, workers, tuple(beam_options))
    if dry_run:
        return _show_plan(request, terminal)
    open_for_writing(out, store).dispose()  # a wrong store is refused before hours of work, not after
    manifest = run_curation(request, out, store_url(out, store), terminal)
    show_corpus(manifest, terminal)
    if isinstance(out, Path):
        engine = open_for_writing(out, store)
        try:
            refresh_report(engine, out, terminal)
        finally:
            engine.dispose()
    else:
        terminal.say(f"no report is made in an object store; `tamis report` reads a copy of {out} in a local folder")
    return exit_code(manifest.quarantined)


def run_curation(request: CurateRequest, out: Location, store: str, terminal: Terminal) -> Manifest:
    """Runs the job with progress bars and brings its manifest into the store."""
    from workers.ingest import ingest_curation

    with terminal.bars() as bars:

        def move(progress: Progress) -> None:
            note = f"{progress.documents:,} documents, {human_bytes(progress.bytes)}" if progress.documents else ""
            bars.update(progress.stage, progress.done, progress.total, note)

        manifest = run_job(
            request.recipe,
            request.base,
            out,
            fresh=request.fresh,
            limit=request.limit,
            max_bad=request.max_bad,
            beam_options=request.beam_options,
            num_workers=request.workers,
            on_progress=move,
        )
    engine = open_store(store)
    try:
        ingest_curation(engine, manifest.to_json(), out)
    finally:
        engine.dispose()
    return manifest


def show_corpus(manifest: Manifest, terminal: Terminal) -> None:
    """Gives the funnel as the command's result, and says aloud what looks wrong."""
    if terminal.as_json:
        terminal.result(manifest.to_json())
    else:
        terminal.grid(
            f"{manifest.name}: {manifest.documents_read:,} documents came in, {manifest.documents_kept:,} are kept",
            ["step", "in", "removed", "share", "why (a document counts under its first reason)"],
            _funnel_rows(manifest),
            numeric=[1, 2, 3],
        )
    for warning in manifest.warnings:
        terminal.say(f"warning: {warning}")
    if manifest.quarantined:
        terminal.say(f"{manifest.quarantined:,} rows or files are in quarantine:")
        for fault in manifest.quarantine_head[:_SHOWN_FAULTS]:
            terminal.say(f"  {fault['locator']}: {fault['error']}")


def _funnel_rows(manifest: Manifest) -> list[list[str]]:
    rows = []
    for step in manifest.funnel:
        reasons = sorted(step.first_reasons.items(), key=lambda item: -item[1]["documents"])
        shown = ", ".join(f"{name} {numbers['documents']:,}" for name, numbers in reasons[:_SHOWN_REASONS])
        more = len(reasons) - _SHOWN_REASONS
        removed = share(step.documents_rejected, step.documents_in)
        rows.append(
            [
                step.step,
                f"{step.documents_in:,}",
                f"{step.documents_rejected:,}",
                removed,
                shown + (f", {more} more" if more > 0 else ""),
            ]
        )
    return rows


def _show_plan(request: CurateRequest, terminal: Terminal) -> int:
    plan = plan_job(request.recipe, request.base, limit=request.limit)
    by_source: dict[str, dict[str, int]] = {}
    for item in plan.inputs:
        numbers = by_source.setdefault(item.source, {"files": 0, "bytes": 0})
        numbers["files"] += 1
        numbers["bytes"] += item.bytes
    value: dict[str, Any] = {
        "run": plan.run_id,
        "inputs": by_source,
        "shards": len(plan.shards),
        "steps": [step.title for step in request.recipe.steps],
        "faults": [vars(fault) for fault in plan.faults],
        "skipped": dict(plan.skipped),
    }
    rows = [
        ("run", plan.run_id),
        *((source, f"{n['files']:,} files, {human_bytes(n['bytes'])}") for source, n in by_source.items()),
        ("shards", f"{len(plan.shards):,}"),
        ("steps", " -> ".join(value["steps"])),
        *((fault.locator, f"to quarantine: {fault.error}") for fault in plan.faults),
        *((name, f"{count:,}") for name, count in plan.skipped.items()),
    ]
    terminal.result(value, title="plan (nothing is read or written)", rows=rows)
    return 0
