"""The Celery app: how messages travel, and a worker's life. Touches the broker; the tasks are in `workers.tasks`.

Settings that matter for not losing work: a message is acknowledged when its task ends (`acks_late`), goes back when a child
dies (`task_reject_on_worker_lost`), one at a time is fetched a child, and a silent worker's messages come back after
`VISIBILITY_TIMEOUT_SECONDS`. None of this is relied on: the reconciler in `workers.stages` enqueues from the store.
"""

import hashlib
import logging
import os
import signal
from typing import Any

import sqlalchemy as sa
from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown, worker_ready

from schemas.errors import UserError
from schemas.store import open_store
from workers.processes import die_with_parent
from workers.processors import share_processors

VISIBILITY_TIMEOUT_SECONDS = 600
RUN_SHARD = "tamis.run_shard"


class TamisApp(Celery):
    """A Celery app that knows its store. `queue` is the store's own queue on the broker."""

    store_url: str
    queue: str


def make_app(store_url: str, broker_url: str, queue: str) -> TamisApp:
    """Makes the app of one store and one broker, to send with or to work with."""
    from workers.tasks import register  # noqa: PLC0415 - the tasks need this module's app

    app = TamisApp("tamis", broker=broker_url, set_as_current=False)
    app.store_url = store_url
    app.queue = queue
    app.conf.update(
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=queue,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=True,  # for `tamis worker --ping`
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(broker_url),
    )
    register(app)
    return app


def _transport_options(broker_url: str) -> dict[str, Any]:
    if not broker_url.startswith(("redis", "valkey", "sentinel")):
        return {}
    return {"visibility_timeout": VISIBILITY_TIMEOUT_SECONDS, "socket_connect_timeout": 5}


def queue_name(engine: sa.Engine) -> str:
    """Names the store's queue, the same from every host, so that several stores can share a broker."""
    url = engine.url
    identity = f"sqlite:{os.path.realpath(url.database or '')}"
    if url.get_backend_name() == "postgresql":
        with engine.connect() as connection:
            cluster, database, schema = connection.execute(
                sa.text(
                    "SELECT (SELECT system_identifier FROM pg_control_system()), current_database(), current_schema()"
                )
            ).one()
        identity = f"postgresql:{cluster}:{database}:{schema}"
    return f"tamis.{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _log_with_shard(**_: Any) -> None:
    """Sets logging up in Celery's place: one line a record, with the shard that the process works on."""
    from workers.tasks import current_shard  # noqa: PLC0415 - the tasks need this module's app

    def add_shard(record: logging.LogRecord) -> bool:
        record.shard = current_shard.get()
        return True

    handler = logging.StreamHandler()
    handler.addFilter(add_shard)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s pid=%(process)d shard=%(shard)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("workers").setLevel(logging.INFO)


def _end_on_hang_up(**_: Any) -> None:
    """Lets a closed terminal end the worker as SIGTERM does; Celery would start it anew, as a program that it is not."""
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


def _close_verifiers(**_: Any) -> None:
    """Lets a child's verifiers end their sandboxes and connections."""
    from workers.held_verifiers import close_held  # noqa: PLC0415 - the parent needs no verifier

    close_held()


def run_worker(store_url: str, broker_url: str, concurrency: int) -> int:
    """Works on the store's shards until it is told to stop; gives the exit code.

    SIGTERM or Ctrl-C finishes the shards in hand first; a second one does not. Its children die with it.

    Args:
        store_url: the store, as the command that plans the work has it.
        broker_url: Valkey, Redis or RabbitMQ.
        concurrency: child processes.

    Raises:
        UserError: for a store or broker URL that does not work.
    """
    if concurrency < 1:
        raise UserError(f"concurrency is {concurrency}; a worker needs at least 1 process")
    engine = open_store(store_url)
    app = make_app(store_url, broker_url, queue_name(engine))
    engine.dispose()  # children open their own connections
    share_processors(concurrency)
    parent = os.getpid()

    def follow_parent(**_: Any) -> None:
        die_with_parent(parent)

    worker_process_init.connect(follow_parent, weak=False)
    worker_process_shutdown.connect(_close_verifiers, weak=False)
    worker_ready.connect(_end_on_hang_up, weak=False)
    setup_logging.connect(_log_with_shard, weak=False)
    worker = app.Worker(
        concurrency=concurrency,
        pool="prefork",
        queues=[app.queue],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)
