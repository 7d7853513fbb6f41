"""`tamis verify`: gives every generation in scope a verdict of every verifier of a rubric, through the queue of shards.

Touches the store, and files by way of the modules that import and land. What a shard's work is stands in `workers.scoring`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from rewards.verdict import STATUSES
from schemas.errors import UserError
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading
from schemas.tables import Generation, Prompt, VerdictRow
from workers import runs
from workers.imports import ImportResult, ImportSource, import_rows
from workers.resources import build_verifier
from workers.stages import OnProgress, Quarantined, quarantined_shards, run_stage
from workers.verdict_plan import Scope, VerdictKey, plan_shards, preview


@dataclass(frozen=True)
class VerifyResult:
    """What a verification came to.

    Attributes:
        run_id: the run in the store.
        planned: generations that this call put into new shards.
        shards: shards of the stage now, of all calls.
        statuses: verifier -> status -> generations, over the whole scope.
        mean_scores: verifier -> mean over the scored generations; None where none is scored.
        quarantined: what was given up.
        imported: what came in from files, if any.
    """

    run_id: str
    planned: int
    shards: int
    statuses: Mapping[str, Mapping[str, int]]
    mean_scores: Mapping[str, float | None]
    quarantined: Sequence[Quarantined] = ()
    imported: ImportResult | None = None

    @property
    def exit_code(self) -> int:
        """0, or 3 where rows or shards are quarantined."""
        bad_rows = self.imported.bad_rows if self.imported is not None else 0
        return 3 if self.quarantined or bad_rows else 0


def verify(
    store_url: str,
    out: Path,
    generations: Sequence[ImportSource],
    recipe: VerifyRecipe,
    *,
    broker_url: str | None = None,
    concurrency: int | None = None,
    on_progress: OnProgress | None = None,
    retry_status: Collection[str] = (),
    limit: int | None = None,
    max_bad: int | None = None,
) -> VerifyResult:
    """Gives every generation in scope a verdict of every verifier of the rubric; goes on where an earlier call stopped.

    Args:
        store_url: the store.
        out: folder of the run's files, `verdicts/` below it.
        generations: others' files to import first; the scope is then theirs. None given means all that the store has.
        recipe: the rubric and the size of a shard.
        broker_url: a broker that others run; None starts one.
        concurrency: worker processes to start here (see `workers.stages.run_stage`).
        on_progress: called when something has changed.
        retry_status: score again the verdicts of these statuses, instead of scoring what has none.
        limit: at most so many generations are newly planned.
        max_bad: more quarantined rows or shards than this end the work.

    Raises:
        UserError: for a rubric, a status, a store or files that are refused before any work.
        ResumableError: when the work stopped half way.
    """
    unknown = sorted(set(retry_status) - set(STATUSES))
    if unknown:
        raise UserError(f"no verdict has status {unknown[0]!r}; there are: {', '.join(STATUSES)}")
    keys = verdict_keys(recipe)
    engine = open_store(store_url)
    try:
        imported = import_rows(engine, out, generations, max_bad=max_bad) if generations else None
        sources = frozenset(item.source for item in generations) if generations else None
        scope = Scope(sources, frozenset(retry_status), limit)
        run_id = _open_run(engine, out, recipe, sources)
        stage_id = runs.open_stage(engine, run_id, name="verify", kind="verify")
        with runs.marked_failed_on_error(engine, run_id):
            plan = plan_shards(engine, stage_id, keys, scope, recipe.shard_generations)
            tally = run_stage(
                engine,
                store_url,
                stage_id,
                broker_url=broker_url,
                workers=concurrency,
                on_progress=on_progress,
                max_bad=max_bad,
            )
        statuses, means = _summarise(engine, keys, scope)
        result = VerifyResult(
            run_id, plan.items, tally.total, statuses, means, quarantined_shards(engine, stage_id), imported
        )
        counts = {"statuses": result.statuses, "quarantined": len(result.quarantined)}
        runs.close_stage(engine, stage_id, counts)
        runs.close_run(engine, run_id, status="done", counts=counts)
        return result
    finally:
        engine.dispose()


def verdict_keys(recipe: VerifyRecipe) -> list[VerdictKey]:
    """Gives what names the rubric's verdicts; refuses a rubric of which no worker could make the verifiers.

    Raises:
        UserError: for a verifier or setting that is not known, or what a verifier needs and is not to be had here.
    """
    keys = []
    for item in recipe.verifiers:
        verifier = build_verifier(item.name, item.settings)
        keys.append(VerdictKey.of(verifier))
        verifier.close()
    return keys


def preview_verify(
    store_url: str, recipe: VerifyRecipe, *, retry_status: Collection[str] = (), limit: int | None = None
) -> Mapping[str, int]:
    """Says what `verify` would do with what the store has: generations, shards. Writes nothing but the store's upgrade."""
    keys = verdict_keys(recipe)
    engine = open_store(store_url)
    try:
        plan = preview(engine, keys, Scope(retry=frozenset(retry_status), limit=limit), recipe.shard_generations)
    finally:
        engine.dispose()
    return {"generations": plan.items, "shards": len(plan.payloads)}


def _open_run(engine: sa.Engine, out: Path, recipe: VerifyRecipe, sources: frozenset[str] | None) -> str:
    resolved = recipe.model_dump(mode="json")
    rubric = {key: value for key, value in resolved.items() if key != "shard_generations"}
    inputs = [{"source": source} for source in sorted(sources)] if sources is not None else []
    return runs.open_run(
        engine, kind="verify", name=recipe.name, out=out, recipe=resolved, inputs=inputs, identity=rubric
    )


def _summarise(
    engine: sa.Engine, keys: Sequence[VerdictKey], scope: Scope
) -> tuple[dict[str, dict[str, int]], dict[str, float | None]]:
    """Gives verifier -> status -> count, and verifier -> mean score of what is scored."""
    statuses: dict[str, dict[str, int]] = {}
    means: dict[str, float | None] = {}
    with reading(engine) as connection:
        for key in keys:
            rows = connection.execute(
                sa.select(
                    VerdictRow.status,
                    sa.func.count(),
                    sa.func.sum(VerdictRow.score),
                    sa.func.count(VerdictRow.score),
                )
                .join(Generation, Generation.id == VerdictRow.generation_id)
                .join(Prompt, Prompt.id == Generation.prompt_id)
                .where(scope.generations(), key.matches())
                .group_by(VerdictRow.status)
                .order_by(VerdictRow.status)
            ).all()
            statuses[key.name] = {row[0]: row[1] for row in rows}
            scored = sum(row[3] for row in rows)
            means[key.name] = sum(row[2] or 0.0 for row in rows) / scored if scored else None
    return statuses, means
