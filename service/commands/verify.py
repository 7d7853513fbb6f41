"""`tamis verify`: scores by verifiers that run in workers, over what the store has or over others' files."""

from dataclasses import dataclass
from pathlib import Path

from rewards.registry import setting_names
from schemas.recipe import VerifyRecipe, load_recipe
from service.commands.columns import ColumnRequest
from service.commands.common import open_for_reading, refresh_report, store_url
from service.commands.gold import validate_gold
from service.commands.rubrics import named_rubric
from service.commands.sample import show_progress
from service.console import Terminal
from workers.imports import ImportSource
from workers.verify import VerifyResult, preview_verify
from workers.verify import verify as run_verification

_NO_SANDBOX = "unsafe_no_sandbox"


@dataclass(frozen=True)
class VerifyRequest:
    """What the command line asked for; see `tamis verify --help`."""

    generations: Path | None
    recipe: Path | None
    verifiers: str
    preset: str | None
    columns: tuple[str, ...]
    language: str | None
    retry_status: str | None
    limit: int | None
    max_bad: int | None
    validate_gold: bool = False
    unsafe_no_sandbox: bool = False
    task: str | None = None

    def rubric(self) -> VerifyRecipe:
        """Gives the rubric: the recipe file's, or the named verifiers with default settings.

        With `unsafe_no_sandbox` each verifier that has a setting of that name gets it.
        """
        if self.recipe is not None:
            rubric = load_recipe(self.recipe, VerifyRecipe)
        else:
            rubric = named_rubric(self.verifiers, "--verifiers")
        if not self.unsafe_no_sandbox:
            return rubric
        items = [
            item.model_copy(update={"settings": {**item.settings, _NO_SANDBOX: True}})
            if _NO_SANDBOX in setting_names(item.name)
            else item
            for item in rubric.verifiers
        ]
        return rubric.model_copy(update={"verifiers": items})

    def sources(self) -> list[ImportSource]:
        """Gives the files to import first, with their column mapping."""
        if self.generations is None:
            return []
        return [ColumnRequest(self.preset, self.columns, self.task, self.language).source(self.generations)]

    def statuses(self) -> tuple[str, ...]:
        """Gives the statuses to score again."""
        return tuple(status.strip() for status in (self.retry_status or "").split(",") if status.strip())


def verify(
    request: VerifyRequest,
    out: Path,
    store: str | None,
    broker: str | None,
    workers: int | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    rubric, sources = request.rubric(), request.sources()
    if request.validate_gold:
        return validate_gold(rubric, sources, out, store, terminal, request, dry_run=dry_run)
    if dry_run:
        open_for_reading(out, store).dispose()
        plan = preview_verify(store_url(out, store), rubric, retry_status=request.statuses(), limit=request.limit)
        terminal.result(
            dict(plan), title="plan (nothing is scored)", rows=[(key, f"{count:,}") for key, count in plan.items()]
        )
        return 0
    if not sources:
        open_for_reading(out, store).dispose()
    with terminal.bars() as bars:
        result = run_verification(
            store_url(out, store),
            out,
            sources,
            rubric,
            broker_url=broker,
            concurrency=workers,
            on_progress=show_progress("verify", bars),
            retry_status=request.statuses(),
            limit=request.limit,
            max_bad=request.max_bad,
        )
    show_verdicts(result, terminal)
    engine = open_for_reading(out, store)
    try:
        refresh_report(engine, out, terminal)
    finally:
        engine.dispose()
    return result.exit_code


def show_verdicts(result: VerifyResult, terminal: Terminal) -> None:
    """Gives the verdicts' counts as the command's result."""
    value = {
        "run": result.run_id,
        "newly_planned": result.planned,
        "statuses": result.statuses,
        "mean_scores": result.mean_scores,
        "imported": dict(result.imported.counts) if result.imported else None,
        "quarantined": [vars(item) for item in result.quarantined],
    }
    if terminal.as_json:
        terminal.result(value)
        return
    rows = [
        [
            name,
            "-" if result.mean_scores[name] is None else f"{result.mean_scores[name]:.3f}",
            ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items(), key=lambda item: -item[1])),
        ]
        for name, statuses in result.statuses.items()
    ]
    terminal.grid("verdicts", ["verifier", "mean score", "statuses"], rows, numeric=[1])
    if result.imported is not None:
        for place, reason in result.imported.bad:
            terminal.say(f"quarantined: {place}: {reason}")
    for item in result.quarantined:
        terminal.say(f"quarantined: {', '.join(map(str, item.items))}: {item.error}")
