"""Child processes that the command starts by itself: they die with it, are started again when they die, and leave a log.

Touches processes, their log files and nothing else.
"""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from schemas.errors import ResumableError

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

#: A child that lived shorter than this after its start counts as failed, and so many failures in a row end the command.
QUICK_DEATH_SECONDS = 5.0
MAX_QUICK_DEATHS = 5
_READY_TIMEOUT_SECONDS = 60.0
_LOG_TAIL_BYTES = 2000


def die_with_parent(parent: int) -> None:
    """Asks the kernel to SIGKILL this process when the thread that started it ends; does nothing elsewhere than on Linux.

    Args:
        parent: the parent's pid as read before the fork, to notice a parent that died in between.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class ChildProcess:
    """A command that is kept running from `start` to `stop`.

    Started from the thread that lives as long as the work does, since a child dies with its starting thread.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._argv = list(argv)
        self._environment = dict(os.environ) if environment is None else dict(environment)
        self._log = log
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._quick_deaths = 0

    @property
    def pid(self) -> int | None:
        """The running process's id, or None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the process and waits until it is ready.

        Raises:
            ResumableError: if it ends or is not ready in time; the message ends in the last words of its log.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        with self._log.open("ab") as log:
            self._process = self._spawn(log, parent)
        self._started_at = time.monotonic()
        deadline = self._started_at + _READY_TIMEOUT_SECONDS
        while self._ready is not None and not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ResumableError(f"{self.name} did not start: {self._last_words()}")
            time.sleep(0.02)

    def _spawn(self, log: IO[bytes], parent: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is the command's to handle; it then stops its children in order
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - one system call through a handle made before
        )

    def ensure(self) -> bool:
        """Starts the process again if it has died; says whether it had.

        Raises:
            ResumableError: when it keeps dying right after its start.
        """
        if self._process is None or self._process.poll() is None:
            return False
        lived = time.monotonic() - self._started_at
        self._quick_deaths = self._quick_deaths + 1 if lived < QUICK_DEATH_SECONDS else 0
        if self._quick_deaths >= MAX_QUICK_DEATHS:
            raise ResumableError(f"{self.name} keeps ending right after its start: {self._last_words()}")
        logger.warning("child_restarted name=%s exit=%s", self.name, self._process.returncode)
        self.restarts += 1
        self.start()
        return True

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ends the process: SIGTERM, then SIGKILL after the grace time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
            if lines:
                return " | ".join(lines[-3:])
        return "it left no log"
