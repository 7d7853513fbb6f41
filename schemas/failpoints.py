"""Places where a test may kill the process, to show that landing survives a death between any two of its steps.

A failpoint costs one look into the environment. With `TAMIS_FAILPOINT` set to its name, or to several with commas between, the
process gets SIGKILL there. With `TAMIS_FAILPOINT_ONCE` set to a path, only the first process to create that file dies, so that
the work can be taken up again; with several names each has a file of its own, ``<path>.<name>``.
With `TAMIS_FAILPOINT_HOLD` set to a path the process waits there as long as that file exists instead, so that a test finds it there
however busy the machine is. With `TAMIS_FAILPOINT_PASS` set to a number each process passes by so many times first.
"""

import collections
import os
import signal
import time
from pathlib import Path
from typing import Final

_LOOK_SECONDS: Final = 0.02
_passed: "collections.Counter[str]" = collections.Counter()


def failpoint(name: str) -> None:
    """Kills or holds this process when the environment says so; does nothing otherwise."""
    asked = os.environ.get("TAMIS_FAILPOINT")
    if asked is None or (asked != name and name not in asked.split(",")):
        return
    if _passed[name] < int(os.environ.get("TAMIS_FAILPOINT_PASS", "0")):
        _passed[name] += 1
        return
    once = os.environ.get("TAMIS_FAILPOINT_ONCE")
    if once is not None:
        once = once if asked == name else f"{once}.{name}"
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
    hold = os.environ.get("TAMIS_FAILPOINT_HOLD")
    if hold is not None:
        while Path(hold).exists():
            time.sleep(_LOOK_SECONDS)
        return
    os.kill(os.getpid(), signal.SIGKILL)
