"""The process that forks a pool's workers, and the worker's loop. Runs outside the caller's process; see `rewards.pool`.

The zygote imports the costly libraries once; a fork of it is a warm worker in a few milliseconds, so killing one is cheap.
It does only what its control socket says (`fork`, `reap`) and ends, with all its workers, when that socket closes. It
collects a dead worker only when told to, so a process id that the pool still holds never names another process.
"""

import ctypes
import gc
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rewards.frames import FrameError, receive_frame, send_frame

COMMAND_BYTES: Final = 9
"""A command is one letter and eight bytes of process id; so is its answer, less the letter."""

FORK: Final = b"F"
REAP: Final = b"R"

Handler = Callable[[Any, Callable[[str], None]], Any]
"""A worker's job: (request, note) -> answer, all JSON values. `note(phase)` says how far it has come, in case it is killed."""

_PR_SET_PDEATHSIG: Final = 1


def main(control_fd: int) -> None:
    """Serves one pool until its control socket closes."""
    control = socket.socket(fileno=control_fd)
    hello = receive_frame(control)
    libc = ctypes.CDLL(None)
    try:
        module, _, function = hello["target"].partition(":")
        handler: Handler = getattr(importlib.import_module(module), function)
    except Exception as failure:  # noqa: BLE001 - whatever the import raises, the pool must hear of it
        send_frame(control, {"error": f"{type(failure).__name__}: {failure}"})
        return
    gc.collect()
    gc.freeze()  # the workers share these pages for as long as no collection touches them
    send_frame(control, {"ready": True})
    children: set[int] = set()
    while True:
        try:
            command, handed, _, _ = socket.recv_fds(control, COMMAND_BYTES, 1)
        except OSError:
            command, handed = b"", []
        if len(command) != COMMAND_BYTES:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            return
        if command[:1] == FORK:
            pid = os.fork()
            if pid == 0:
                control.close()
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no orphan outlives a killed zygote
                _work(socket.socket(fileno=handed[0]), handler, hello["memory_bytes"], hello["cpu_seconds"])
            children.add(pid)
            os.close(handed[0])
            control.sendall(pid.to_bytes(8, "big"))
        else:
            pid = int.from_bytes(command[1:], "big")
            status = 0
            if pid in children:
                children.discard(pid)
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
            control.sendall(status.to_bytes(8, "big"))


def _work(peer: socket.socket, handler: Handler, memory_bytes: int, cpu_seconds: float) -> None:
    """Answers requests until the pool closes the socket. Never returns."""
    try:
        _limit_memory(memory_bytes)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPROF])  # a mask set by the caller survives exec
        sys.setrecursionlimit(2000)
        while True:
            request = receive_frame(peer)
            # The default action of SIGPROF ends the process: nothing in Python can swallow it, in any thread or library.
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            answer = _answer(handler, request, peer)
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            send_frame(peer, answer)
            if answer.get("failed") == "memory_limit":
                break
    except (EOFError, FrameError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _answer(handler: Handler, request: Any, peer: socket.socket) -> dict[str, Any]:
    try:
        return {"ok": handler(request, lambda phase: send_frame(peer, {"phase": phase}))}
    except MemoryError:
        return {"failed": "memory_limit"}
    except RecursionError:
        return {"failed": "too_complex", "error": "recursion"}
    except Exception as failure:  # noqa: BLE001 - a defect of the handler is an answer, not a dead worker
        return {"failed": "error", "error": f"{type(failure).__name__}: {failure}"[:300]}


def _limit_memory(memory_bytes: int) -> None:
    """Grants the worker `memory_bytes` beyond what the zygote already maps; a total would mean less the more is imported."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return  # not Linux: the CPU and wall-clock limits stand alone
    limit = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
