"""The one Celery task, and the base that owns what every task needs: its store, its timing, its counters, its log context.

Thin: what a shard's work is stands in the module of its stage's kind (see `workers.stages.handler`).
"""

import collections
import contextvars
import functools
import logging
import os
import time
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from celery import Task

from schemas.store import connect
from workers import landing, queue, stages
from workers.app import RUN_SHARD

if TYPE_CHECKING:
    from workers.app import TamisApp

logger = logging.getLogger(__name__)

#: The shard that this process works on, for log records of whatever it calls.
current_shard: contextvars.ContextVar[int | None] = contextvars.ContextVar("current_shard", default=None)


class ShardTask(Task):
    """Base of our tasks: counts how each call ended, times it, and says so in one log line with the shard's id."""

    abstract = True
    counters: ClassVar[collections.Counter[str]] = collections.Counter()

    def __call__(self, shard_id: int) -> str:
        """Runs the task's body, which gives one word for how it ended."""
        begun = time.perf_counter()
        context = current_shard.set(shard_id)
        ending = "failed"
        try:
            ending = str(super().__call__(shard_id))
        finally:
            self.counters[ending] += 1
            milliseconds = round((time.perf_counter() - begun) * 1000)
            logger.info("shard_%s ms=%s counters=%s", ending, milliseconds, dict(self.counters))
            current_shard.reset(context)
        return ending

    @property
    def engine(self) -> sa.Engine:
        """The store, opened once in each process."""
        return _engine(self.app.store_url, os.getpid())

    def enqueue(self, shard_ids: list[int]) -> None:
        """Tells workers of shards; call only after the transaction that made them has been committed."""
        for shard_id in shard_ids:
            self.apply_async((shard_id,), queue=self.app.queue)


@functools.lru_cache(maxsize=2)  # by pid: connections must not cross a fork
def _engine(store_url: str, _pid: int) -> sa.Engine:
    return connect(store_url)


def run_shard(task: ShardTask, shard_id: int) -> str:
    """Does one shard's work, once in effect however often it is delivered; says how it ended."""
    claim = queue.claim(task.engine, shard_id)
    if claim is None:
        return "skipped"
    try:
        with queue.heartbeat(task.engine, claim):
            outcome = stages.handler(claim.kind).perform(task.engine, claim)
        landed = landing.land(task.engine, claim, outcome)
    except Exception as error:
        queue.fail(task.engine, claim, error)
        raise
    task.enqueue([*landed.added])
    return "landed" if landed.committed else "lost"


def register(app: "TamisApp") -> Any:
    """Binds the task to an app."""
    return app.task(run_shard, base=ShardTask, bind=True, name=RUN_SHARD)
