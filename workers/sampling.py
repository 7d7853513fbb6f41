"""`tamis sample`: asks an endpoint for n samples of each prompt through the queue of shards. The stage kind "sample".

What has landed is never sampled again; a sample's seed follows from its prompt and number, so it comes out the same in whatever
order and shard it is asked for. Touches the store, landed files and the endpoint. The endpoint's key is known here by the name
of its environment variable alone.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from columnar.clean import clean_text
from schemas.arrow import GENERATIONS
from schemas.errors import UserError
from schemas.ids import canonical_json, generation_id, sample_seed, settings_hash
from schemas.store import open_store, reading
from schemas.tables import Artifact, Generation, Prompt, Run, Shard
from workers import queue, runs
from workers.endpoint import Completion, Endpoint, EndpointError, SampleRequest, Sampling, sample_many
from workers.imports import ImportResult, ImportSource, import_prompts, import_rows
from workers.landing import Cargo, FollowUp, Outcome, contract_table
from workers.lookup import Pointer, fetch
from workers.queue import Claim
from workers.row_files import find_files, read_rows
from workers.rows import artifact_file, batched
from workers.stages import OnProgress, Quarantined, quarantined_shards, run_stage

#: How often a sample is asked for in all (each with the endpoint's own retries) before it is quarantined, and how long it waits
#: before it is asked for again, twice as long each time. The variable sets it for the workers that a command starts.
MAX_TRIES = 3
RETRY_SECONDS = 10.0
RETRY_VARIABLE = "TAMIS_SAMPLE_RETRY_SECONDS"
_FETCH_ROWS = 10_000
_IDS_A_QUERY = 5000
_FINISH_REASON_CHARACTERS = 32


@dataclass(frozen=True)
class SampleResult:
    """What a sampling came to.

    Attributes:
        run_id: the run in the store.
        planned: samples that this call put into new shards.
        generations: samples of this model and these settings that the store has for the prompts now.
        prompts: prompts in scope.
        quarantined: samples that were given up; the same command tries them again.
        imported: what came in from files, if any.
    """

    run_id: str
    planned: int
    generations: int
    prompts: int
    quarantined: Sequence[Quarantined] = ()
    imported: ImportResult | None = None

    @property
    def exit_code(self) -> int:
        """0, or 3 where rows or samples are quarantined."""
        return 3 if self.quarantined or (self.imported is not None and self.imported.bad_rows) else 0


def sample(
    store_url: str,
    out: Path,
    prompts: Sequence[ImportSource] | pa.Table | None,
    endpoint: Endpoint,
    sampling: Sampling,
    *,
    n: int,
    name: str = "sample",
    shard_samples: int = 16,
    parallel: int = 8,
    broker_url: str | None = None,
    concurrency: int | None = None,
    on_progress: OnProgress | None = None,
    limit: int | None = None,
    max_bad: int | None = None,
) -> SampleResult:
    """Makes the store hold samples 0 to n-1 of every prompt in scope; goes on where an earlier call stopped.

    Args:
        store_url: the store.
        out: folder of the run's files, `generations/` below it.
        prompts: files or a table (prompts contract) to land first; the scope is then their sources' prompts. None means
            every prompt that the store has.
        endpoint: whom to ask. Its address may change between calls; its model may not.
        sampling: how to sample.
        n: samples a prompt; a later call with more adds the missing ones.
        name: of the run.
        shard_samples: samples a shard, which is what a kill can cost.
        parallel: requests under way at a time in each worker process.
        broker_url: a broker that others run; None starts one.
        concurrency: worker processes to start here; for a model with one slot, 1.
        on_progress: called when something has changed.
        limit: only the first so many prompts.
        max_bad: more quarantined rows or samples than this end the work.

    Raises:
        UserError: for what is refused before any work: a store, files, or an endpoint's key that is not set.
        ResumableError: when the work stopped half way.
    """
    if n < 1:
        raise UserError(f"{n} samples a prompt; at least 1 is needed")
    if broker_url is None:
        endpoint.api_key()
    engine = open_store(store_url)
    try:
        imported, sources = _land_prompts(engine, out, prompts, name, max_bad)
        run_id = _open_run(engine, out, endpoint, sampling, name=name, parallel=parallel, sources=sources)
        stage_id = runs.open_stage(engine, run_id, name="sample", kind="sample")
        scope = _Scope(sources, endpoint.model, sampling.record(), n, limit)
        with runs.marked_failed_on_error(engine, run_id):
            planned = _plan(engine, stage_id, scope, shard_samples)
            queue.revive(engine, stage_id)
            run_stage(
                engine,
                store_url,
                stage_id,
                broker_url=broker_url,
                workers=concurrency,
                on_progress=on_progress,
                max_bad=max_bad,
            )
        with reading(engine) as connection:
            wanted, there = len(list(scope.prompts(connection))), len(scope.landed(connection))
        result = SampleResult(run_id, planned, there, wanted, quarantined_shards(engine, stage_id), imported)
        counts = {"generations": there, "prompts": wanted, "quarantined": len(result.quarantined)}
        runs.close_stage(engine, stage_id, counts)
        runs.close_run(engine, run_id, status="done", counts=counts)
        return result
    finally:
        engine.dispose()


def preview_sample(
    store_url: str, prompts: Path | None, model: str, sampling: Sampling, *, n: int, limit: int | None = None
) -> Mapping[str, int]:
    """Says what `sample` would do: prompts, samples wanted, samples that have landed. Asks nobody and lands nothing.

    Args:
        store_url: the store.
        prompts: a file of prompts that the store need not have; None means those that it has.
        model: the model's name.
        sampling: how it would be sampled.
        n: samples a prompt.
        limit: only the first so many prompts.
    """
    if prompts is not None:
        rows = sum(1 for file in find_files(prompts) for row in read_rows(file) if row.value is not None)
        rows = min(rows, limit or rows)
        return {"prompts": rows, "samples": rows * n}
    engine = open_store(store_url)
    try:
        scope = _Scope(None, model, sampling.record(), n, limit)
        with reading(engine) as connection:
            wanted = set(scope.prompts(connection))
            landed = sum(prompt in wanted for prompt, _ in scope.landed(connection))
    finally:
        engine.dispose()
    return {"prompts": len(wanted), "samples": len(wanted) * n, "landed": landed}


def _land_prompts(
    engine: sa.Engine, out: Path, prompts: Sequence[ImportSource] | pa.Table | None, name: str, max_bad: int | None
) -> tuple[ImportResult | None, frozenset[str] | None]:
    if prompts is None:
        return None, None
    if isinstance(prompts, pa.Table):
        imported = import_prompts(engine, out, prompts, name)
        return imported, frozenset(prompts.column("source").to_pylist())
    imported = import_rows(
        engine, out, [dataclasses.replace(source, prompts_only=True) for source in prompts], max_bad=max_bad
    )
    return imported, frozenset(source.source for source in prompts)


def _open_run(
    engine: sa.Engine,
    out: Path,
    endpoint: Endpoint,
    sampling: Sampling,
    *,
    name: str,
    parallel: int,
    sources: frozenset[str] | None,
) -> str:
    recipe = {
        "endpoint": dataclasses.asdict(endpoint),
        "sampling": sampling.model_dump(mode="json"),
        "parallel": parallel,
    }
    # The address is no part of it: a local model's port is another one each time.
    identity = {"model": endpoint.model, "sampling": sampling.record()}
    inputs = [{"source": source} for source in sorted(sources)] if sources is not None else []
    return runs.open_run(engine, kind="sample", name=name, out=out, recipe=recipe, inputs=inputs, identity=identity)


@dataclass(frozen=True)
class _Scope:
    """Which samples are wanted."""

    sources: frozenset[str] | None
    model: str
    sampling: Mapping[str, Any]
    n: int
    limit: int | None

    def prompts(self, connection: sa.Connection) -> Iterator[str]:
        """Gives the prompts in the order of their files."""
        query = sa.select(Prompt.id).order_by(Prompt.artifact_id, Prompt.row).limit(self.limit)
        if self.sources is not None:
            query = query.where(Prompt.source.in_(sorted(self.sources)))
        yield from connection.execute(query.execution_options(yield_per=_FETCH_ROWS)).scalars()

    def landed(self, connection: sa.Connection) -> set[tuple[str, int]]:
        """Gives the samples that the store has: (prompt, number)."""
        query = (
            sa.select(Generation.prompt_id, Generation.sample_index)
            .join(Prompt, Prompt.id == Generation.prompt_id)
            .where(
                Generation.model == self.model,
                Generation.sampling_hash == settings_hash(dict(self.sampling)),
                Generation.sample_index < self.n,
            )
        )
        if self.sources is not None:
            query = query.where(Prompt.source.in_(sorted(self.sources)))
        rows = connection.execute(query.execution_options(yield_per=_FETCH_ROWS))
        return {(prompt, index) for prompt, index in rows}


def _plan(engine: sa.Engine, stage_id: int, scope: _Scope, shard_samples: int) -> int:
    """Appends shards for the samples that neither the store nor an unfinished or quarantined shard has; gives how many."""
    with engine.begin() as connection:
        queue.lock_stage(connection, stage_id)
        query = sa.select(Shard.payload).where(Shard.stage_id == stage_id, Shard.status != "done")
        there = scope.landed(connection)
        there.update(
            (prompt, index) for payload in connection.execute(query).scalars() for prompt, index in payload["items"]
        )
        missing = [
            [prompt, index]
            for prompt in scope.prompts(connection)
            for index in range(scope.n)
            if (prompt, index) not in there
        ]
        payloads = [{"items": items, "tries": 0} for items in batched(missing, shard_samples)]
        queue.add_shards(connection, stage_id, payloads)
    return len(missing)


def perform(engine: sa.Engine, claim: Claim) -> Outcome:
    """Samples a shard. What succeeds lands; what fails becomes a shard of its own for later, or is quarantined."""
    endpoint = Endpoint(**claim.recipe["endpoint"])
    sampling = Sampling.model_validate(claim.recipe["sampling"])
    items: list[tuple[str, int]] = [(prompt, index) for prompt, index in claim.payload["items"]]
    messages = _messages(engine, Path(claim.out), sorted({prompt for prompt, _ in items}))
    items = [item for item in items if item[0] in messages]
    requests = [SampleRequest(messages[prompt], sampling, sample_seed(prompt, index)) for prompt, index in items]
    answers = dict(sample_many(endpoint, requests, claim.recipe["parallel"]))
    columns: dict[str, list[Any]] = {name: [] for name in GENERATIONS.names}
    failed: list[tuple[tuple[str, int], EndpointError]] = []
    for position, item in enumerate(items):
        answer = answers[position]
        if isinstance(answer, EndpointError):
            failed.append((item, answer))
        else:
            _append(columns, item, answer, endpoint.model, sampling.record())
    return _outcome(claim, columns, failed)


def _append(
    columns: dict[str, list[Any]], item: tuple[str, int], answer: Completion, model: str, sampling: Mapping[str, Any]
) -> None:
    prompt, index = item
    reason = answer.finish_reason
    row = {
        "id": generation_id(prompt, model, sampling, index),
        "prompt_id": prompt,
        "sample_index": index,
        "text": clean_text(answer.text)[0],
        "model": model,
        "sampling": canonical_json(dict(sampling)),
        "finish_reason": None if reason is None else clean_text(reason)[0][:_FINISH_REASON_CHARACTERS],
        "tokens": answer.completion_tokens,
    }
    for name, value in row.items():
        columns[name].append(value)


def _outcome(
    claim: Claim, columns: Mapping[str, Sequence[Any]], failed: Sequence[tuple[tuple[str, int], EndpointError]]
) -> Outcome:
    table = contract_table("generations", columns)
    cargo = [Cargo("generations", table)] if table.num_rows else []
    counts = {"generations": table.num_rows, "failed": len(failed)}
    tries = claim.payload["tries"] + 1
    if failed and not cargo and len(failed) == 1 and tries >= MAX_TRIES:
        return Outcome(counts=counts, status="quarantined", error=queue.describe(failed[0][1]))
    wait = float(os.environ.get(RETRY_VARIABLE, RETRY_SECONDS)) * 2.0 ** (tries - 1)
    follow_ups = [
        FollowUp({"items": [list(item)], "tries": tries}, wait_seconds=wait, error=queue.describe(error))
        for item, error in failed
    ]
    return Outcome(cargo=cargo, counts=counts, follow_ups=follow_ups)


def give_up(_engine: sa.Engine, claim: Claim) -> Outcome:
    """Quarantines the one sample whose attempts all ended in the death of the worker or an exception."""
    return Outcome(counts={"failed": 1}, status="quarantined", error=claim.error or "no attempt ended")


def _messages(engine: sa.Engine, out: Path, prompts: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    query = (
        sa.select(Prompt.id, Run.out, Artifact.path, Prompt.row)
        .join(Artifact, Artifact.id == Prompt.artifact_id)
        .join(Run, Run.id == Artifact.run_id)
    )
    pointers = {}
    file_of = functools.cache(functools.partial(artifact_file, out))
    with reading(engine) as connection:
        for chunk in batched(prompts, _IDS_A_QUERY):
            for key, run_out, path, row in connection.execute(query.where(Prompt.id.in_(chunk))):
                pointers[key] = Pointer(file_of(run_out, path), row)
    return {key: json.loads(row["messages"]) for key, row in fetch(pointers, ["messages"]).items()}
