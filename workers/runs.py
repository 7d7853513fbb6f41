"""Opens and closes runs and stages in the store. Touches the tables `runs` and `stages` only."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from schemas.ids import canonical_json, digest
from schemas.tables import Base, Run, Stage
from schemas.version import code_version


def open_run(
    engine: sa.Engine,
    *,
    kind: str,
    name: str,
    out: Path,
    recipe: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Any]] = (),
    identity: Mapping[str, Any] | None = None,
) -> str:
    """Opens the run of this recipe and these inputs under `out`, new or to go on with, and gives its id.

    Args:
        engine: the store.
        kind: sample, verify or import.
        name: for people.
        out: the run's folder; artifact paths are relative to it.
        recipe: resolved, without secrets.
        inputs: what it reads.
        identity: what makes it the same run, where that is less than the recipe: how work is cut is no part of it.
    """
    folder = str(out.resolve())
    run_id = digest(
        "run",
        kind,
        name,
        folder,
        canonical_json(dict(recipe if identity is None else identity)),
        canonical_json(list(inputs)),
    )
    fresh = {
        "id": run_id,
        "kind": kind,
        "name": name,
        "out": folder,
        "recipe": dict(recipe),
        "inputs": list(inputs),
        "code_version": code_version(),
        "status": "running",
        "counts": {},
        "started_at": datetime.now(UTC),
    }
    with engine.begin() as connection:
        statement = _insert(connection, Run).values(fresh)
        again = {"status": "running", "recipe": dict(recipe), "code_version": code_version(), "finished_at": None}
        connection.execute(statement.on_conflict_do_update(index_elements=[Run.id], set_=again))
    return run_id


def open_stage(engine: sa.Engine, run_id: str, *, name: str, kind: str, ordinal: int = 0) -> int:
    """Opens the run's stage of that name, new or to go on with, and gives its id."""
    with engine.begin() as connection:
        connection.execute(
            _insert(connection, Stage)
            .values(run_id=run_id, ordinal=ordinal, name=name, kind=kind, num_shards=0, status="running", counts={})
            .on_conflict_do_nothing()
        )
        stage_id: int = connection.execute(
            sa.select(Stage.id).where(Stage.run_id == run_id, Stage.name == name)
        ).scalar_one()
    return stage_id


def close_stage(engine: sa.Engine, stage_id: int, counts: Mapping[str, Any]) -> None:
    """Marks the stage done, with its counts."""
    with engine.begin() as connection:
        connection.execute(sa.update(Stage).where(Stage.id == stage_id).values(status="done", counts=dict(counts)))


def close_run(engine: sa.Engine, run_id: str, *, status: str, counts: Mapping[str, Any] | None = None) -> None:
    """Marks the run `done` or `failed`."""
    values: dict[str, Any] = {"status": status, "finished_at": datetime.now(UTC)}
    if counts is not None:
        values["counts"] = dict(counts)
    with engine.begin() as connection:
        connection.execute(sa.update(Run).where(Run.id == run_id).values(values))


def _insert(connection: sa.Connection, model: type[Base]) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(model)


@contextlib.contextmanager
def marked_failed_on_error(engine: sa.Engine, run_id: str) -> Iterator[None]:
    """Marks the run `failed` when the body raises anything, an interrupt included, and lets it pass."""
    try:
        yield
    except BaseException:
        close_run(engine, run_id, status="failed")
        raise
