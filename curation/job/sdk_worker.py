"""The process in which Beam runs our transforms on this machine: Beam's own worker, which here dies with the command.

Started by `curation.job.local_workers` alone. Touches its own signals and its parent's process handle.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time

DRIVER_PID = "TAMIS_DRIVER_PID"
_POLL_SECONDS = 0.5


def die_with(driver: int) -> None:
    """Ends this process as soon as `driver`, its parent, has ended: a worker left behind would go on writing for nobody."""
    watcher: int | None = None
    with contextlib.suppress(OSError, AttributeError):  # not Linux, or the driver has gone already
        watcher = os.pidfd_open(driver)
    if os.getppid() != driver:
        os._exit(1)
    threading.Thread(target=_wait_for, args=(driver, watcher), name="die-with-driver", daemon=True).start()


def _wait_for(driver: int, watcher: int | None) -> None:
    if watcher is not None:
        poll = select.poll()
        poll.register(watcher, select.POLLIN)
        poll.poll()
    else:
        while os.getppid() == driver:
            time.sleep(_POLL_SECONDS)
    os._exit(1)


def main() -> None:
    """Runs Beam's worker until its pipeline ends."""
    # Ctrl-C reaches the whole group; the driver alone decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(int(os.environ[DRIVER_PID]))
    from apache_beam.runners.worker import sdk_worker_main  # noqa: PLC0415 - the watch begins before a second of imports

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
