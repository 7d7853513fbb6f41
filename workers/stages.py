"""Drives a stage to its end: starts broker and workers if they are ours, enqueues, reconciles, restarts what dies, reports.

The loop is a reconciler: everything it does follows from the shards' rows, so it may be killed and started at any time, run twice
at once, and meet a broker that has forgotten everything. Touches the store, the broker and the processes it starts.
"""

import contextlib
import importlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import sqlalchemy as sa
from kombu.exceptions import KombuError

from schemas.errors import ResumableError, UserError
from schemas.store import reading, redacted
from schemas.tables import Run, Shard, Stage
from workers import landing, queue
from workers.app import RUN_SHARD, TamisApp, make_app, queue_name
from workers.broker import EmbeddedBroker, EmbeddedWorkers

logger = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
#: The broker is looked at when something has changed, and else so often.
_LOOK_SECONDS = 1.0
#: The broker holds about this many hints ahead of the workers, whatever the stage's size.
_QUEUE_WINDOW = 1024
_LOW_WATER = 64
#: Shards that were enqueued, are still pending while the queue is empty for so long, are enqueued again.
_RESEND_SECONDS = 2.0
_IDLE_HINT_SECONDS = 15.0
_BROKER_TIMEOUT_SECONDS = 5.0

# Each kind's module is loaded on first use: sampling's imports this one to run its stage.
_HANDLERS = {"verify": "workers.scoring", "sample": "workers.sampling"}


class Handler(Protocol):
    """What a stage kind's module offers. Both functions read the store and write nothing."""

    def perform(self, engine: sa.Engine, claim: queue.Claim) -> landing.Outcome:
        """Does the shard's work."""

    def give_up(self, engine: sa.Engine, claim: queue.Claim) -> landing.Outcome:
        """Says what is to land for a single item that lost all its attempts."""


@dataclass(frozen=True)
class Progress:
    """Where a stage stands. `note` is a sentence for the user when something needs one."""

    stage: str
    shards_done: int
    shards_total: int
    quarantined: int
    note: str | None = None


@dataclass(frozen=True)
class Quarantined:
    """A shard that was given up: its items (one generation) and why."""

    shard_id: int
    items: Sequence[Any]
    error: str


OnProgress = Callable[[Progress], None]


def handler(kind: str) -> Handler:
    """Gives the module that does the work of a stage kind."""
    return cast("Handler", importlib.import_module(_HANDLERS[kind]))


def run_stage(
    engine: sa.Engine,
    store_url: str,
    stage_id: int,
    *,
    broker_url: str | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    max_bad: int | None = None,
) -> queue.Tally:
    """Runs until every shard of the stage is done or quarantined.

    Args:
        engine: the store, open.
        store_url: the same store, for worker processes.
        stage_id: the stage; its shards are planned already, or come from others while it runs.
        broker_url: a broker that others run; None starts one.
        workers: child processes of a worker that is started here; None means all cores when the broker is ours, and 0
            (others run `tamis worker`) when it is not.
        on_progress: called from this thread when something has changed.
        max_bad: more quarantined shards than this end the work.

    Raises:
        UserError: when a broker that was given does not answer.
        ResumableError: when `max_bad` is exceeded, or broker or workers cannot be kept running.
        KeyboardInterrupt: as it comes; what was in hand is given back.
    """
    before = queue.tally(engine, stage_id)
    if before.settled == before.total:
        return before
    cores = os.cpu_count() or 1
    processes = workers if workers is not None else (cores if broker_url is None else 0)
    processes = min(processes, before.total - before.settled)
    try:
        with contextlib.ExitStack() as stack:
            broker = stack.enter_context(EmbeddedBroker()) if broker_url is None else None
            url = broker.url if broker is not None else cast("str", broker_url)
            app = make_app(store_url, url, queue_name(engine))
            stack.callback(app.close)
            if broker is None:
                _check_broker(app)
            own = None
            if processes:
                log = Path(_out_of(engine, stage_id)) / "logs" / "worker.log"
                own = stack.enter_context(EmbeddedWorkers(store_url, url, processes, log))
            drive = _Drive(engine, stage_id, app, broker=broker, workers=own, on_progress=on_progress, max_bad=max_bad)
            return drive.to_the_end()
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        raise ResumableError(f"store {redacted(store_url)}: {reason}") from None
    finally:
        with contextlib.suppress(sa.exc.SQLAlchemyError):  # a store that is away: the leases will expire
            queue.release_interrupted(engine, stage_id)


def _check_broker(app: TamisApp) -> None:
    """Refuses a broker that does not answer now; one that goes away later is waited for."""
    try:
        with app.connection_for_write() as connection:
            where = connection.as_uri()  # without its password
            connection.ensure_connection(max_retries=2, interval_start=0.5, timeout=_BROKER_TIMEOUT_SECONDS)
    except (KeyError, ImportError):
        raise UserError("broker: not a URL of Valkey, Redis or RabbitMQ (redis://host:6379/0, amqp://host)") from None
    except (KombuError, OSError) as error:
        raise UserError(f"broker {where}: no answer: {error}") from None


def _out_of(engine: sa.Engine, stage_id: int) -> str:
    with reading(engine) as connection:
        out: str = connection.execute(
            sa.select(Run.out).join(Stage, Stage.run_id == Run.id).where(Stage.id == stage_id)
        ).scalar_one()
    return out


class _Drive:
    """The reconciler's loop over one stage."""

    def __init__(
        self,
        engine: sa.Engine,
        stage_id: int,
        app: TamisApp,
        *,
        broker: EmbeddedBroker | None,
        workers: EmbeddedWorkers | None,
        on_progress: OnProgress | None,
        max_bad: int | None,
    ) -> None:
        self._engine = engine
        self._stage_id = stage_id
        self._app = app
        self._broker = broker
        self._workers = workers
        self._on_progress = on_progress
        self._max_bad = max_bad
        self._sent: set[int] = set()
        self._tally = queue.Tally()
        self._changed_at = time.monotonic()
        self._look_again_at = 0.0
        self._reported: Progress | None = None
        transport = app.connection_for_write()  # not connected: it knows what its library raises
        self._broker_errors = (KombuError, OSError, *transport.connection_errors, *transport.channel_errors)
        with reading(engine) as connection:
            self._kind, self._name = connection.execute(
                sa.select(Stage.kind, Stage.name).where(Stage.id == stage_id)
            ).one()

    def to_the_end(self) -> queue.Tally:
        """Loops until nothing is left to do."""
        while True:
            self._keep_processes()
            self._reconcile()
            tally = queue.tally(self._engine, self._stage_id)
            if tally != self._tally:
                self._tally, self._changed_at = tally, time.monotonic()
                self._look_again_at = 0.0
            self._report()
            if self._max_bad is not None and tally.quarantined > self._max_bad:
                raise ResumableError(
                    f"{tally.quarantined} items of {self._name} are quarantined, more than the {self._max_bad} allowed"
                )
            if tally.settled == tally.total:
                return tally
            if tally.pending:
                self._fill_queue()
            time.sleep(_TICK_SECONDS)

    def _keep_processes(self) -> None:
        if self._broker is not None and self._broker.ensure():
            self._sent.clear()
        if self._workers is not None:
            self._workers.ensure()

    def _reconcile(self) -> None:
        found = queue.reclaim(self._engine, self._stage_id)
        for lost in found.exhausted:
            logger.warning("item_quarantined shard=%s error=%s", lost.shard_id, lost.error)
            landing.land(self._engine, lost, handler(self._kind).give_up(self._engine, lost))
        self._sent.difference_update(found.requeue)

    def _fill_queue(self) -> None:
        now = time.monotonic()
        if now < self._look_again_at:
            return
        self._look_again_at = now + _LOOK_SECONDS
        try:
            # A connection for each look: one that a dying broker has broken is never met again.
            with self._app.connection_for_write() as connection:
                self._send(connection, self._unsent(self._queue_length(connection)))
        except self._broker_errors as error:
            logger.warning("broker_unreachable error=%s", type(error).__name__)

    def _unsent(self, waiting: int) -> list[int]:
        """Gives the pending shards to tell workers of, when about `waiting` hints are on the broker."""
        quiet = time.monotonic() - self._changed_at
        if waiting >= _LOW_WATER and quiet < queue.lease_seconds():
            return []
        pending = queue.pending_ids(self._engine, self._stage_id)
        self._sent.intersection_update(pending)
        unsent = [shard_id for shard_id in pending if shard_id not in self._sent]
        if not unsent and quiet > (_RESEND_SECONDS if waiting == 0 else queue.lease_seconds()):
            # Told, but nobody came: the hints were lost. Twice told is harmless.
            self._sent.clear()
            self._changed_at = time.monotonic()
            unsent = pending
        return unsent[:_QUEUE_WINDOW]

    def _send(self, connection: Any, shard_ids: Sequence[int]) -> None:
        if not shard_ids:
            return
        producer = self._app.amqp.Producer(connection, auto_declare=False)
        for shard_id in shard_ids:
            self._app.send_task(RUN_SHARD, (shard_id,), queue=self._app.queue, producer=producer, retry=False)
            self._sent.add(shard_id)

    def _queue_length(self, connection: Any) -> int:
        with connection.channel() as channel:
            try:
                return int(channel.queue_declare(self._app.queue, passive=True).message_count)
            except connection.channel_errors:  # no such queue: nothing was sent yet, or all is taken
                return 0

    def _report(self) -> None:
        if self._on_progress is None:
            return
        tally = self._tally
        note = None
        idle = time.monotonic() - self._changed_at
        if self._workers is None and not tally.leased and tally.pending and idle > _IDLE_HINT_SECONDS:
            note = "no worker takes the work; start one with `tamis worker`"
        progress = Progress(self._name, tally.settled, tally.total, tally.quarantined, note)
        if progress != self._reported:
            self._reported = progress
            self._on_progress(progress)


def quarantined_shards(engine: sa.Engine, stage_id: int) -> list[Quarantined]:
    """Lists the shards of a stage that were given up, with their errors."""
    query = (
        sa.select(Shard.id, Shard.payload, Shard.error)
        .where(Shard.stage_id == stage_id, Shard.status == "quarantined")
        .order_by(Shard.number)
    )
    with reading(engine) as connection:
        return [
            Quarantined(number, payload["items"], error or "") for number, payload, error in connection.execute(query)
        ]
