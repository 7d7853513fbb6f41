"""Places where a test may kill the process, to show that landing survives a death between any two of its steps.

A failpoint costs one look into the environment. With `TAMIS_FAILPOINT` set to its name, or to several with commas between, the
process gets SIGKILL there. With `TAMIS_FAILPOINT_ONCE` set to a path, only the first process to create that file dies, so that
the work can be taken up again; with several names each has a file of its own, ``<path>.<name>``.
With `TAMIS_FAILPOINT_SLEEP` set to seconds the process sleeps there instead, to make a late zombie.
"""

import os
import signal
import time


def failpoint(name: str) -> None:
    """Kills or delays this process when the environment says so; does nothing otherwise."""
    asked = os.environ.get("TAMIS_FAILPOINT")
    if asked is None or (asked != name and name not in asked.split(",")):
        return
    once = os.environ.get("TAMIS_FAILPOINT_ONCE")
    if once is not None:
        once = once if asked == name else f"{once}.{name}"
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
    delay = os.environ.get("TAMIS_FAILPOINT_SLEEP")
    if delay is not None:
        time.sleep(float(delay))
        return
    os.kill(os.getpid(), signal.SIGKILL)
