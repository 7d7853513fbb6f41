"""The work queue whose truth is the table `shards`: plans, claims, leases, failures, and what gives lost work back.

Touches the store only. The broker carries nothing but shard ids, and may lose or repeat them: a claim is one transaction on the
shard's row, so a shard has one holder at a time; what lands is decided by `workers.landing`, not here.

States of a shard: `pending` (nobody works on it), `leased` (a worker does until `lease_expires_at`; without a worker: it failed
and waits so long before its next attempt), `done`, `quarantined`. `attempts` counts claims. A payload is a JSON object whose
`items` are what the shard is to do, one by one or together; a shard that keeps killing its workers is split along them.
"""

import contextlib
import functools
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import sqlalchemy as sa

from schemas.store import reading
from schemas.tables import Run, Shard, Stage

#: A claim holds so long unless it is renewed, which a heartbeat does three times as often.
LEASE_SECONDS = 60.0
LEASE_VARIABLE = "TAMIS_LEASE_SECONDS"
#: A shard of several items is split after so many lost attempts, and a single item is given up.
MAX_ATTEMPTS = 3
SPLIT_INTO = 16
#: After a failure that was not a death: wait 2, 4, 8 ... seconds before the next attempt.
BACKOFF_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 60.0
_ERROR_CHARACTERS = 2000
_START_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Claim:
    """A shard that this process holds: what to do, for which run, as which attempt (from 1)."""

    shard_id: int
    stage_id: int
    number: int
    kind: str
    run_id: str
    out: str
    recipe: Mapping[str, Any]
    payload: Mapping[str, Any]
    attempt: int
    worker: str
    error: str | None = None


@dataclass(frozen=True)
class Tally:
    """How many shards of a stage are in which state."""

    pending: int = 0
    leased: int = 0
    done: int = 0
    quarantined: int = 0

    @property
    def total(self) -> int:
        """All shards of the stage."""
        return self.pending + self.leased + self.done + self.quarantined

    @property
    def settled(self) -> int:
        """Shards that need no more work."""
        return self.done + self.quarantined


@dataclass
class Reclaimed:
    """What a pass of the reconciler found: shards to enqueue again, and claims on single items to give up."""

    requeue: list[int] = field(default_factory=list)
    exhausted: list[Claim] = field(default_factory=list)


def lease_seconds() -> float:
    """How long a claim holds; `TAMIS_LEASE_SECONDS` sets it for this process and the workers it starts."""
    return float(os.environ.get(LEASE_VARIABLE, LEASE_SECONDS))


def store_now(connection: sa.Connection) -> datetime:
    """Gives the store's own clock, so that hosts whose clocks differ agree on leases."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)


def worker_name() -> str:
    """Names this process so that another on the same host can tell whether it lives: ``host/pid/start``."""
    return _name_of(os.getpid())


@functools.lru_cache(maxsize=4)  # by pid: a forked child must not answer with its parent's name
def _name_of(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{psutil.Process(pid).create_time():.2f}"


def is_dead(worker: str) -> bool:
    """Says whether a worker of this host is certainly gone. Of another host nothing is known: its lease must expire."""
    host, pid, started = worker.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        reused = abs(process.create_time() - float(started)) > _START_TOLERANCE_SECONDS
        return bool(reused or process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def add_shards(
    connection: sa.Connection,
    stage_id: int,
    payloads: Sequence[Mapping[str, Any]],
    *,
    attempts: int = 0,
    wait_seconds: float = 0.0,
    error: str | None = None,
) -> list[int]:
    """Appends shards to a stage in the caller's transaction, and gives their ids, to enqueue after its commit.

    Args:
        connection: in a transaction; the stage's row is locked until it ends, so that numbers never clash.
        stage_id: the stage.
        payloads: one for each shard.
        attempts: what the shards' count starts at.
        wait_seconds: they are not claimed sooner.
        error: what went wrong before, if they are second tries.
    """
    lock_stage(connection, stage_id)
    if not payloads:
        return []
    last = connection.execute(sa.select(sa.func.max(Shard.number)).where(Shard.stage_id == stage_id)).scalar()
    first = 0 if last is None else last + 1
    waits = wait_seconds > 0.0
    rows = [
        {
            "stage_id": stage_id,
            "number": number,
            "status": "leased" if waits else "pending",
            "payload": dict(payload),
            "attempts": attempts,
            "lease_expires_at": store_now(connection) + timedelta(seconds=wait_seconds) if waits else None,
            "worker": None,
            "error": error,
            "counts": {},
        }
        for number, payload in enumerate(payloads, first)
    ]
    ids = connection.execute(sa.insert(Shard).returning(Shard.id, sort_by_parameter_order=True), rows).scalars().all()
    connection.execute(
        sa.update(Stage).where(Stage.id == stage_id).values(num_shards=first + len(rows), status="running")
    )
    return list(ids)


def lock_stage(connection: sa.Connection, stage_id: int) -> None:
    """Holds the stage's row until the transaction ends: planners of one stage go one after the other."""
    connection.execute(sa.select(Stage.id).where(Stage.id == stage_id).with_for_update()).one()


def _claims() -> sa.Select[Any]:
    return (
        sa.select(
            Shard.id,
            Shard.stage_id,
            Shard.number,
            Shard.status,
            Shard.payload,
            Shard.attempts,
            Shard.lease_expires_at,
            Shard.worker,
            Shard.error,
            Stage.kind,
            Run.id.label("run_id"),
            Run.out,
            Run.recipe,
        )
        .join(Stage, Stage.id == Shard.stage_id)
        .join(Run, Run.id == Stage.run_id)
    )


def _as_claim(row: Any, *, attempt: int, worker: str) -> Claim:
    return Claim(
        shard_id=row.id,
        stage_id=row.stage_id,
        number=row.number,
        kind=row.kind,
        run_id=row.run_id,
        out=row.out,
        recipe=row.recipe,
        payload=row.payload,
        attempt=attempt,
        worker=worker,
        error=row.error,
    )


def claim(engine: sa.Engine, shard_id: int) -> Claim | None:
    """Takes the shard for this process, counting the attempt; None when it is gone, settled, held, waiting or given up."""
    me = worker_name()
    with engine.begin() as connection:
        row = connection.execute(_claims().where(Shard.id == shard_id).with_for_update(of=Shard)).one_or_none()
        if row is None or row.status in ("done", "quarantined") or row.attempts >= MAX_ATTEMPTS:
            return None
        now = store_now(connection)
        if row.status == "leased" and row.worker != me and not _is_lost(row, now):
            return None
        connection.execute(
            sa.update(Shard)
            .where(Shard.id == shard_id)
            .values(
                status="leased",
                attempts=row.attempts + 1,
                worker=me,
                lease_expires_at=now + timedelta(seconds=lease_seconds()),
            )
        )
    return _as_claim(row, attempt=row.attempts + 1, worker=me)


def _is_lost(row: Any, now: datetime) -> bool:
    expires: datetime | None = row.lease_expires_at
    if expires is None:
        return True
    if expires.tzinfo is None:  # SQLite keeps no zone; all our times are UTC
        expires = expires.replace(tzinfo=UTC)
    return expires <= now or (row.worker is not None and is_dead(row.worker))


def _held(claim: Claim) -> sa.ColumnElement[bool]:
    return sa.and_(
        Shard.id == claim.shard_id,
        Shard.status == "leased",
        Shard.worker == claim.worker,
        Shard.attempts == claim.attempt,
    )


def renew(engine: sa.Engine, claim: Claim) -> bool:
    """Extends the lease by `lease_seconds`; False when another has taken the shard, or it is settled."""
    with engine.begin() as connection:
        until = store_now(connection) + timedelta(seconds=lease_seconds())
        result = connection.execute(sa.update(Shard).where(_held(claim)).values(lease_expires_at=until))
        return result.rowcount == 1


@contextlib.contextmanager
def heartbeat(engine: sa.Engine, claim: Claim) -> Iterator[None]:
    """Renews the lease from a thread as long as the body runs, which may be long and hold the interpreter lock at times."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(lease_seconds() / 3):
            with contextlib.suppress(
                sa.exc.SQLAlchemyError
            ):  # a store that is away for a moment costs the lease at worst
                renew(engine, claim)

    thread = threading.Thread(target=beat, name="tamis-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def backoff_seconds(attempt: int) -> float:
    """How long to wait after failed attempt number `attempt` (from 1)."""
    return min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** (attempt - 1))


def fail(engine: sa.Engine, claim: Claim, error: BaseException) -> None:
    """Gives the shard back after an exception, with its text, to wait before the next attempt."""
    with engine.begin() as connection:
        until = store_now(connection) + timedelta(seconds=backoff_seconds(claim.attempt))
        connection.execute(
            sa.update(Shard).where(_held(claim)).values(worker=None, lease_expires_at=until, error=describe(error))
        )


def describe(error: BaseException) -> str:
    """Gives an exception as bounded text that every store can hold."""
    text = f"{type(error).__name__}: {error}".replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode()[:_ERROR_CHARACTERS]


def reclaim(engine: sa.Engine, stage_id: int) -> Reclaimed:
    """Finds shards whose holder died or let its lease expire, and gives them back: as they are, split, or as exhausted.

    Exhausted are single items with `MAX_ATTEMPTS` lost attempts: they stay as they are, for the caller to quarantine.
    """
    found = Reclaimed()
    with reading(engine) as connection:
        now = store_now(connection)
        light = sa.select(Shard.id, Shard.worker, Shard.lease_expires_at).where(
            Shard.stage_id == stage_id, Shard.status == "leased"
        )
        suspects = [row.id for row in connection.execute(light) if _is_lost(row, now)]
    for shard_id in suspects:
        with engine.begin() as connection:
            row = connection.execute(_claims().where(Shard.id == shard_id).with_for_update(of=Shard)).one_or_none()
            if row is None or row.status != "leased" or not _is_lost(row, store_now(connection)):
                continue
            error = row.error
            if row.worker is not None:
                error = f"its worker was lost during attempt {row.attempts}"
            if row.attempts < MAX_ATTEMPTS:
                _give_back(connection, shard_id, error=error)
                found.requeue.append(shard_id)
            elif len(row.payload["items"]) > 1:
                found.requeue.extend(_split(connection, row, error))
            else:
                lost = _as_claim(row, attempt=row.attempts, worker=worker_name())
                found.exhausted.append(Claim(**{**vars(lost), "error": error}))
    return found


def _give_back(connection: sa.Connection, shard_id: int, **values: Any) -> None:
    connection.execute(
        sa.update(Shard)
        .where(Shard.id == shard_id)
        .values(status="pending", worker=None, lease_expires_at=None, **values)
    )


def _split(connection: sa.Connection, row: Any, error: str | None) -> list[int]:
    """Puts new shards in a poison shard's place; it counts as done, so a late zombie of it can land nothing."""
    items = row.payload["items"]
    size = -(-len(items) // SPLIT_INTO)
    parts = [{**row.payload, "items": items[start : start + size]} for start in range(0, len(items), size)]
    connection.execute(
        sa.update(Shard)
        .where(Shard.id == row.id)
        .values(status="done", worker=None, lease_expires_at=None, error=error, counts={"split": len(parts)})
    )
    return add_shards(connection, row.stage_id, parts, error=error)


def release_interrupted(engine: sa.Engine, stage_id: int) -> int:
    """Gives back what dead workers of this host held without counting the attempt: the user stopped them, nothing failed."""
    with engine.begin() as connection:
        held = connection.execute(
            sa.select(Shard.id, Shard.worker, Shard.attempts)
            .where(Shard.stage_id == stage_id, Shard.status == "leased", Shard.worker.is_not(None))
            .with_for_update()
        ).all()
        dead = [row for row in held if is_dead(row.worker)]
        for row in dead:
            _give_back(connection, row.id, attempts=row.attempts - 1)
    return len(dead)


def revive(engine: sa.Engine, stage_id: int) -> int:
    """Makes the quarantined shards of a stage pending again, with all their attempts; says how many."""
    with engine.begin() as connection:
        result = connection.execute(
            sa.update(Shard)
            .where(Shard.stage_id == stage_id, Shard.status == "quarantined")
            .values(status="pending", attempts=0, worker=None, lease_expires_at=None)
        )
        return result.rowcount


def pending_ids(engine: sa.Engine, stage_id: int) -> list[int]:
    """Gives the shards that wait for a worker, in their order."""
    query = sa.select(Shard.id).where(Shard.stage_id == stage_id, Shard.status == "pending").order_by(Shard.number)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def tally(engine: sa.Engine, stage_id: int) -> Tally:
    """Counts the shards of a stage by state."""
    query = sa.select(Shard.status, sa.func.count()).where(Shard.stage_id == stage_id).group_by(Shard.status)
    with reading(engine) as connection:
        return Tally(**{row[0]: row[1] for row in connection.execute(query)})
