"""The processes in which Beam runs our transforms on this machine: a nursery that imports everything once, and its forks.

Started by `curation.job.nursery` alone. The nursery reads one JSON object a line from its input, ``{"env": ..., "folder":
..., "log": ...}``, forks a worker for it, and answers ``{"pid": ...}``; when a worker ends it says ``{"pid": ..., "exit": ...}``. Its end
of input is its end. Forking makes a worker in milliseconds where a new process imports for seconds.
"""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from typing import Any, NoReturn

_POLL_SECONDS = 0.5


def die_with(driver: int) -> None:
    """Ends this process as soon as the process `driver` has ended: a worker left behind would go on writing for nobody."""
    watched: int | None = None
    with contextlib.suppress(AttributeError):  # not Linux
        try:
            watched = os.pidfd_open(driver)
        except ProcessLookupError:
            os._exit(1)
    threading.Thread(target=_wait_for, args=(driver, watched), name="die-with-driver", daemon=True).start()


def _wait_for(driver: int, watched: int | None) -> None:
    if watched is not None:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll()
    else:
        with contextlib.suppress(OSError):
            while True:
                os.kill(driver, 0)
                time.sleep(_POLL_SECONDS)
    os._exit(1)


def _work(request: dict[str, Any], driver: int) -> NoReturn:
    """Becomes a worker: its own log, the environment and folder that the driver has now, and Beam's harness until the pipeline ends."""
    code = 1
    try:
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, target)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["env"])
        die_with(driver)
        from apache_beam.runners.worker import sdk_worker_main  # noqa: PLC0415 - imported by the nursery already

        sdk_worker_main.main(sys.argv)
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not return into the nursery's loop
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class _Nursery:
    """The nursery's loop. It has one thread, so that forking is safe."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._driver = os.getppid()
        self._rest = b""

    def run(self) -> None:
        wakeup, ring = os.pipe()
        os.set_blocking(ring, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(ring)
        while True:
            ready, _, _ = select.select([0, wakeup], [], [])
            if wakeup in ready:
                os.read(wakeup, 4096)
                self._reap()
            if 0 in ready and not self._serve():
                return

    def _serve(self) -> bool:
        """Answers the requests that have come; says whether more may come."""
        chunk = os.read(0, 1 << 16)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                os.close(self._answers)  # or the driver would not see the nursery's end while a worker lives
                _work(json.loads(line), self._driver)
            self._answer({"pid": pid})
        return bool(chunk)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._answer({"pid": pid, "exit": os.waitstatus_to_exitcode(status)})

    def _answer(self, value: dict[str, Any]) -> None:
        os.write(self._answers, (json.dumps(value) + "\n").encode())


def main() -> None:
    """Runs the nursery until its input ends."""
    # Ctrl-C reaches the whole group; the driver alone decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    from apache_beam.runners.worker import sdk_worker_main  # noqa: F401, PLC0415 - after the streams are in order

    import curation.job.stages  # noqa: F401, PLC0415

    _load_compiler()
    _Nursery(answers).run()


def _load_compiler() -> None:
    """Calls one small kernel: at a process's first call Numba loads its types and functions, for a second, and forks have them."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    from columnar.hashing import content_hashes  # noqa: PLC0415

    content_hashes(pa.array(["a"], pa.large_string()))


if __name__ == "__main__":
    main()
