"""Lands what a shard brought home, exactly once in effect: files first, then one transaction that makes them and their rows true.

Touches files below the run's folder and the store. A reader learns of a file from the table `artifacts` alone, so a file whose
transaction never came is nothing but an orphan, which `workers.check` collects. Whoever finds the shard settled by another
deletes its own file, unless that is the very file that was committed: equal content has an equal name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from schemas.arrow import CONTRACTS
from schemas.failpoints import failpoint
from schemas.files import Part, write_part
from schemas.ids import settings_hash
from schemas.tables import Artifact, Base, Generation, Prompt, Shard, VerdictRow
from workers.bulk_insert import bulk_insert
from workers.queue import Claim, add_shards

#: A kill at any of these leaves a state from which the same work lands once. In the order in which they are passed.
FAILPOINTS = (
    "files.after_write",
    "files.after_rename",
    "landing.after_files",
    "landing.after_lock",
    "landing.after_artifact",
    "landing.after_rows",
    "landing.before_commit",
    "landing.after_commit",
)


@dataclass(frozen=True)
class Cargo:
    """One file's worth of rows: the artifact's kind, which names its folder, and a table of that contract."""

    kind: str
    table: pa.Table


@dataclass(frozen=True)
class FollowUp:
    """A shard to add when this one lands, for items that are to be tried again."""

    payload: Mapping[str, Any]
    attempts: int = 0
    wait_seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a shard.

    Attributes:
        cargo: tables to land, in the order of their foreign keys: prompts before generations.
        counts: what the stage's counts are summed from.
        follow_ups: shards to add in the same transaction.
        replace: rows that are there already take the new values (a verdict that was scored again), else they stay.
        status: how the shard ends.
        error: why it was quarantined.
    """

    cargo: Sequence[Cargo] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    follow_ups: Sequence[FollowUp] = ()
    replace: bool = False
    status: Literal["done", "quarantined"] = "done"
    error: str | None = None


@dataclass(frozen=True)
class Landed:
    """Whether this landing was the one that counts, and the shards it added, to enqueue now that they are committed."""

    committed: bool
    added: Sequence[int] = ()


class LostFileError(Exception):
    """A file vanished between its writing and its commit; the shard must be done again."""


def land(engine: sa.Engine, claim: Claim, outcome: Outcome) -> Landed:
    """Makes the outcome of a shard true, or finds that another has done so.

    Raises:
        LostFileError: when a file of ours was collected as an orphan meanwhile.
        sqlalchemy.exc.SQLAlchemyError: when the store fails; the files stay as orphans and the shard can be done again.
    """
    out = Path(claim.out)
    stem = f"{claim.run_id[:8]}-{claim.number:05d}"
    parts = [write_part(out / cargo.kind, stem, cargo.table, cargo.table.schema) for cargo in outcome.cargo]
    paths = [f"{cargo.kind}/{part.name}" for cargo, part in zip(outcome.cargo, parts, strict=True)]
    failpoint("landing.after_files")
    with engine.begin() as connection:
        landed = _commit(connection, claim, outcome, list(zip(outcome.cargo, paths, parts, strict=True)))
        failpoint("landing.before_commit")
    failpoint("landing.after_commit")
    if not landed.committed:
        _delete_own(engine, claim, paths)
    return landed


def _commit(
    connection: sa.Connection, claim: Claim, outcome: Outcome, cargo: Sequence[tuple[Cargo, str, Part]]
) -> Landed:
    status = connection.execute(sa.select(Shard.status).where(Shard.id == claim.shard_id).with_for_update()).scalar()
    failpoint("landing.after_lock")
    if status is None or status in ("done", "quarantined"):
        return Landed(committed=False)
    for item, path, part in cargo:
        artifact_id = insert_artifact(connection, claim.run_id, claim.shard_id, kind=item.kind, path=path, part=part)
        if artifact_id is None:
            raise AssertionError(f"shard {claim.shard_id} is {status} but has {item.kind} already")
        failpoint("landing.after_artifact")
        # Whoever collects orphans locks the table that we have just written to: from here on nobody deletes the file.
        if not (Path(claim.out) / path).exists():
            raise LostFileError(f"{path} was deleted before it was committed")
        insert_rows(connection, item.kind, item.table, artifact_id, replace=outcome.replace)
    failpoint("landing.after_rows")
    added = [
        shard_id
        for follow_up in outcome.follow_ups
        for shard_id in add_shards(
            connection,
            claim.stage_id,
            [follow_up.payload],
            attempts=follow_up.attempts,
            wait_seconds=follow_up.wait_seconds,
            error=follow_up.error,
        )
    ]
    connection.execute(
        sa.update(Shard)
        .where(Shard.id == claim.shard_id)
        .values(
            status=outcome.status, counts=dict(outcome.counts), error=outcome.error, worker=None, lease_expires_at=None
        )
    )
    return Landed(committed=True, added=added)


def _delete_own(engine: sa.Engine, claim: Claim, paths: Sequence[str]) -> None:
    with engine.connect() as connection:
        committed = set(
            connection.execute(
                sa.select(Artifact.path).where(Artifact.run_id == claim.run_id, Artifact.path.in_(paths))
            )
            .scalars()
            .all()
        )
    for path in paths:
        if path not in committed:
            (Path(claim.out) / path).unlink(missing_ok=True)


def insert_artifact(
    connection: sa.Connection, run_id: str, shard_id: int | None, *, kind: str, path: str, part: Part
) -> int | None:
    """Inserts the artifact's row and gives its id; None when its path, or its shard's artifact of that kind, is there."""
    statement = (
        _insert(connection, Artifact)
        .values(
            run_id=run_id,
            shard_id=shard_id,
            kind=kind,
            path=path,
            sha256=part.sha256,
            num_rows=part.rows,
            num_bytes=part.bytes,
        )
        .on_conflict_do_nothing()
        .returning(Artifact.id)
    )
    inserted: int | None = connection.execute(statement).scalar()
    return inserted


def _insert(connection: sa.Connection, model: type[Base]) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(model)


#: The narrow table of each contract that has one, and its columns in the order in which `narrow_rows` gives them.
NARROW: Mapping[str, tuple[type[Base], tuple[str, ...]]] = {
    "prompts": (Prompt, ("id", "task", "language", "domain", "source", "artifact_id", "row")),
    "generations": (
        Generation,
        (
            "id",
            "prompt_id",
            "sample_index",
            "model",
            "sampling_hash",
            "finish_reason",
            "tokens",
            "artifact_id",
            "row",
        ),
    ),
    "verdicts": (
        VerdictRow,
        (
            "generation_id",
            "verifier",
            "version",
            "settings_hash",
            "score",
            "status",
            "elapsed_ms",
            "artifact_id",
            "row",
        ),
    ),
}


def narrow_rows(kind: str, table: pa.Table, artifact_id: int, first_row: int = 0) -> Iterator[tuple[Any, ...]]:
    """Gives the SQL rows of a contract table, each with its pointer; nothing for contracts without a narrow table."""
    if kind not in NARROW:
        return
    columns = NARROW[kind][1][:-2]
    values = [
        _sampling_hashes(table.column("sampling")) if name == "sampling_hash" else table.column(name).to_pylist()
        for name in columns
    ]
    for row, fields in enumerate(zip(*values, strict=True), first_row):
        yield (*fields, artifact_id, row)


def _sampling_hashes(column: pa.ChunkedArray) -> list[str]:
    known: dict[str, str] = {}
    hashes = []
    for text in column.to_pylist():
        if text not in known:
            known[text] = settings_hash(json.loads(text))
        hashes.append(known[text])
    return hashes


def insert_rows(
    connection: sa.Connection, kind: str, table: pa.Table, artifact_id: int, *, replace: bool = False
) -> None:
    """Inserts the narrow rows of a contract table in bulk: COPY on PostgreSQL, one prepared statement on SQLite.

    Rows whose key is there stay as they are, or with `replace` take the new values and the new pointer.
    """
    if kind not in NARROW or table.num_rows == 0:
        return
    upsert_rows(connection, kind, narrow_rows(kind, table, artifact_id), replace=replace)


def upsert_rows(connection: sa.Connection, kind: str, rows: Iterator[tuple[Any, ...]], *, replace: bool) -> None:
    """Does the work of `insert_rows` for rows that are made already."""
    model, columns = NARROW[kind]
    bulk_insert(connection, model, columns, rows, replace=replace)


def contract_table(contract: str, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Makes a table of a contract from Python lists, with its metadata."""
    schema = CONTRACTS[contract]
    return pa.table([pa.array(columns[item.name], item.type) for item in schema], schema=schema)
