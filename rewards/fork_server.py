"""The pool's side of a zygote: starts it, asks it for workers, ends it. Touches child processes only.

The other side, in the child, is `rewards.zygote`.
"""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rewards.frames import FrameError, receive_frame, send_frame
from rewards.zygote import FORK, REAP

START_SECONDS: Final = 120.0
"""How long a zygote may take to import what it needs, on a busy machine."""

_KEPT_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_BOOT: Final = (
    "import json,sys;sys.path[:]=json.loads(sys.argv[2]);from rewards.zygote import main;main(int(sys.argv[1]))"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one request may use.

    Attributes:
        cpu_seconds: processor time; more is `time_limit`, whatever else the machine is doing.
        wall_seconds: elapsed time; more is `time_limit` too, and the reply's `cpu_seconds` tells a hang or a busy machine
            from hard work.
        memory_bytes: address space beyond what a fresh worker has.
    """

    cpu_seconds: float = 3.0
    wall_seconds: float = 30.0
    memory_bytes: int = 512 * 1024 * 1024


class StartError(Exception):
    """No zygote or worker could be started; the text says why."""


@dataclasses.dataclass(eq=False, slots=True)
class Zygote:
    """A started zygote; not for several threads at once."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    def fork_worker(self) -> "Worker":
        """Gives a fresh worker. Raises StartError or OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [FORK + bytes(8)], [theirs.fileno()])
            pid = self._answer()
        return Worker(self, pid, ours)

    def reap(self, pid: int) -> int:
        """Kills the worker if it still lives and gives its wait status."""
        self.control.sendall(REAP + pid.to_bytes(8, "big"))
        return self._answer()

    def _answer(self) -> int:
        reply = self.control.recv(8)
        if len(reply) != 8:
            raise StartError("the zygote is gone")
        return int.from_bytes(reply, "big")


@dataclasses.dataclass(eq=False, slots=True)
class Worker:
    """A fork of a zygote that answers requests on `peer`; `served` counts them."""

    zygote: Zygote
    pid: int
    peer: socket.socket
    served: int = 0

    def cpu_used(self) -> float:
        """Gives the processor seconds the worker has used so far, 0.0 where the system does not say."""
        try:
            fields = (
                Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            )
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return 0.0


def start_zygote(target: str, limits: Limits) -> Zygote:
    """Starts a zygote that has imported `target`, with a small environment. Raises StartError or OSError."""
    ours, theirs = socket.socketpair()
    path = [entry or str(Path.cwd()) for entry in sys.path]
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    # The order of a library's sets must not decide a verdict.
    environment["PYTHONHASHSEED"] = "0"
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-c", _BOOT, str(theirs.fileno()), json.dumps(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,  # Ctrl-C on the terminal is the caller's to handle
            )
    except OSError:
        ours.close()
        raise
    zygote = Zygote(process, ours)
    ours.settimeout(START_SECONDS)
    try:
        send_frame(ours, {"target": target, "memory_bytes": limits.memory_bytes, "cpu_seconds": limits.cpu_seconds})
        answer: Mapping[str, Any] = receive_frame(ours)
    except (EOFError, FrameError, OSError) as failure:
        end_zygote(zygote)
        raise StartError(f"the zygote of {target} did not start: {failure or 'it ended at once'}") from failure
    if "error" in answer:
        end_zygote(zygote)
        raise StartError(f"the zygote of {target} did not start: {answer['error']}")
    return zygote


def end_zygote(zygote: Zygote) -> None:
    """Kills the zygote; its workers die with it."""
    zygote.control.close()
    zygote.process.kill()
    zygote.process.wait()
