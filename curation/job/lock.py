"""The lock of a run: one command at a time works under an `--out`, and whoever comes second is told who was first.

Touches the lock file and the table of processes.
"""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from curation.job.lease import HeldError, Lease
from schemas.errors import UserError
from schemas.storage import Location, ObjectPath

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
#: A process number is not given to another process so soon; a clock that is set may move a start by as much.
_CLOCK_SECONDS = 30.0


@contextlib.contextmanager
def hold(path: Location) -> Iterator[Callable[[], None]]:
    """Holds the lock while the block runs. The kernel lets go of it when the process dies, however it dies.

    A holder on another machine of a shared file system cannot be asked whether it lives: it touches the file every
    `BEAT_SECONDS`, and after `STALE_SECONDS` without that its lock is taken over. In an object store every lock is of that
    kind (`curation.job.lease`), but that of a process of this machine that is gone is taken over at once.

    Yields:
        A function that raises ResumableError once the lock is lost; call it now and then.

    Raises:
        UserError: somebody holds it; names the host, the process and since when.
    """
    me = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "started": _start_of(os.getpid()),
    }
    if isinstance(path, ObjectPath):
        lease = Lease(path, me, BEAT_SECONDS, STALE_SECONDS)
        try:
            lease.take(lambda holder: holder.get("host") == me["host"] and not _runs_here(holder))
        except HeldError as error:
            raise UserError(_refusal(path, error.holder)) from None
        with lease.renewed() as check:
            yield check
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(_refusal(path, _holder(handle))) from None
        holder = _holder(handle)
        if holder and _lives(holder, path):
            raise UserError(_refusal(path, holder))
        _write(handle, me)
        released = threading.Event()
        beat = threading.Thread(target=_beat, args=(path, released), name="lock-beat", daemon=True)
        beat.start()
        try:
            yield lambda: None
        finally:
            released.set()
            beat.join()
            _write(handle, {})


def _beat(path: Path, released: threading.Event) -> None:
    while not released.wait(BEAT_SECONDS):
        with contextlib.suppress(OSError):  # a folder that somebody deletes is the run's own trouble
            os.utime(path)


def _holder(handle: Any) -> dict[str, Any]:
    handle.seek(0)
    try:
        value = json.loads(handle.read() or "{}")
    except ValueError:  # its holder died while it wrote
        return {}
    return value if isinstance(value, dict) else {}


def _write(handle: Any, value: dict[str, Any]) -> None:
    handle.seek(0)
    handle.truncate()
    handle.write(json.dumps(value))
    handle.flush()


def _lives(holder: dict[str, Any], path: Path) -> bool:
    """Says whether a holder still works, for file systems whose locks do not reach over machines."""
    if holder.get("host") != socket.gethostname():
        return time.time() - path.stat().st_mtime < STALE_SECONDS
    return holder.get("pid") != os.getpid() and _runs_here(holder)


def _runs_here(holder: dict[str, Any]) -> bool:
    """Says whether a holder of this machine still runs: a process of its number that was started at another time is another."""
    here, then = _start_of(int(holder.get("pid", -1))), holder.get("started")
    # The start is reckoned from the time of boot, which moves when somebody sets the clock.
    return here is not None and then is not None and abs(here - float(then)) < _CLOCK_SECONDS


def _start_of(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _refusal(path: Location, holder: dict[str, Any]) -> str:
    who = (
        f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        if holder.get("pid")
        else "another process"
    )
    return f"{path.parent}: {who} is working here; wait for it or choose another --out"
