"""The parent of the worker processes on this machine, and its children: starts, is told of their ends, and ends them.

Imports nothing but Python's own library, so that a command can start the parent while it still imports Beam. Touches processes and
their log files.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
EXIT_SECONDS = 10.0
#: One thread a worker: there is a worker for every core already.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class Worker:
    """A worker process, which is the nursery's child: its pid, and its exit code once the nursery has told it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self._ended = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until the process has ended; says whether it has."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """Ends the process at once, if it still runs."""
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def end(self, code: int) -> None:
        """Notes that it has ended."""
        self.code = code
        self._ended.set()


class Nursery:
    """Forks workers for one pipeline after the other; see `curation.job.sdk_worker`. Started with the first worker.

    Args:
        log_directory: folder for the nursery's own output; None for nowhere.
        stands: outlive the jobs that use it; see `standing_nursery`.
    """

    def __init__(self, log_directory: Path | None = None, *, stands: bool = False) -> None:
        self.log_directory = log_directory
        self.stands = stands
        self._used = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._born: queue.SimpleQueue[Worker | None] = queue.SimpleQueue()
        self._workers: dict[int, Worker] = {}

    def start(self) -> None:
        """Starts the nursery now, which takes seconds, and does not wait for it."""
        with self._lock:
            self._running()

    def start_worker(self, variables: dict[str, str], log: Path) -> Worker:
        """Forks a worker with this process's environment and folder of now, and `variables`; its output goes to `log`.

        Raises:
            RuntimeError: the nursery has ended; the next call starts another.
        """
        with self._lock:
            process = self._running()
            self._used = True
            log.parent.mkdir(parents=True, exist_ok=True)
            request = {"env": {**_environment(), **variables}, "folder": str(Path.cwd()), "log": str(log.absolute())}
            try:
                process.stdin.write((json.dumps(request) + "\n").encode())  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
            except OSError:
                raise RuntimeError("the parent of the worker processes has ended") from None
            worker = self._born.get()
            if worker is None:
                raise RuntimeError("the parent of the worker processes has ended")
            return worker

    def close(self) -> None:
        """Ends the nursery, and what is left of its workers; one that stands goes on."""
        if self.stands:
            return
        with self._lock:
            process, self._process = self._process, None
            for worker in list(self._workers.values()):
                worker.kill()
            if process is not None and not self._used:
                process.kill()  # it may be importing still, and has no children
            if process is not None:
                process.stdin.close()  # type: ignore[union-attr]
                try:
                    process.wait(EXIT_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._born, self._used = queue.SimpleQueue(), False
            with self._open_log() as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "curation.job.sdk_worker"],
                    env=_environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            listener = threading.Thread(
                target=self._listen, args=(self._process, self._born), name="nursery", daemon=True
            )
            listener.start()
        return self._process

    def _open_log(self) -> BinaryIO:
        if self.log_directory is None:
            return Path(os.devnull).open("ab")
        self.log_directory.mkdir(parents=True, exist_ok=True)
        return (self.log_directory / "nursery.log").open("ab")

    def _listen(self, process: subprocess.Popen[bytes], born: "queue.SimpleQueue[Worker | None]") -> None:
        mine: dict[int, Worker] = {}
        for line in process.stdout:  # type: ignore[union-attr]
            answer = json.loads(line)
            if "exit" in answer:
                mine.pop(answer["pid"]).end(answer["exit"])
                self._workers.pop(answer["pid"], None)
            else:
                worker = self._workers[answer["pid"]] = mine[answer["pid"]] = Worker(answer["pid"])
                born.put(worker)
        process.stdout.close()  # type: ignore[union-attr]
        # Nobody can tell any more how these end.
        for worker in mine.values():
            worker.kill()
            worker.end(-signal.SIGKILL)
            self._workers.pop(worker.pid, None)
        born.put(None)


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}


_standing: list[Nursery] = []


def nursery_for_job(log_directory: Path) -> Nursery:
    """Gives the nursery that stands, or a new one; its output goes to this folder from its next start on. Close it after the job."""
    if not _standing:
        return Nursery(log_directory)
    _standing[-1].log_directory = log_directory
    return _standing[-1]


@contextlib.contextmanager
def standing_nursery(*, at_once: bool = False) -> Iterator[None]:
    """Lets the jobs of this process share one nursery until the block ends, where each would start its own.

    Args:
        at_once: start it now, and not with the first worker: a command that has yet to import Beam itself saves these seconds.
    """
    nursery = Nursery(stands=True)
    _standing.append(nursery)
    try:
        if at_once:
            nursery.start()
        yield
    finally:
        _standing.remove(nursery)
        nursery.stands = False
        nursery.close()
