"""Runs one program to its end or to its first limit, and says which. Starts processes by `rewards.sandbox.launch`; keeps no state."""

import contextlib
import dataclasses
import os
import selectors
import time
from pathlib import Path
from typing import Final, Literal

from rewards.sandbox.clock import ProgramClock
from rewards.sandbox.command import SandboxError, SandboxSpec
from rewards.sandbox.launch import Limits, Started, start
from rewards.sandbox.tree import TreeUse, measure_tree, proportional_bytes

Ending = Literal["exit", "time_limit", "memory_limit", "output_limit"]

LOOK_SECONDS: Final = (0.005, 0.02)
"""How often the tree of processes is looked at: at first, and at most. In between a program can take what it likes."""

DRAIN_SECONDS: Final = 2.0
"""How long output is awaited after the last process has ended."""

BYTES_PER_FILE: Final = 4096
"""A writable folder may hold one file for so many of its bytes: names cost the kernel memory that its size does not count."""

_CHUNK: Final = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a program.

    Attributes:
        ending: `exit` when it ended by itself, else the limit for which it was killed.
        exit_code: of an `exit`: negative for a signal.
        stdout: at most `Limits.output_bytes`.
        stderr: its first `Limits.output_bytes`.
        cpu_seconds: processor time of the whole tree; without control groups the last few milliseconds of it may be missing.
        wall_seconds: from the moment its limits were set.
        peak_bytes: the most memory the tree was seen to use at one time.
    """

    ending: Ending
    exit_code: int | None
    stdout: bytes
    stderr: bytes
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


def run_program(spec: SandboxSpec, limits: Limits, *, stdin: bytes = b"", isolated: bool = True) -> Outcome:
    """Runs a program; when this returns, none of its processes is left.

    Args:
        spec: the sandbox and the command.
        limits: of the program and all its children.
        stdin: what it may read.
        isolated: see `rewards.sandbox.launch.start`.

    Raises:
        SandboxError: if it could not be started; nothing that the program does raises.
    """
    with start(spec, limits, isolated=isolated) as started:
        return _Watch(started, limits, spec, stdin).finish()


class _Watch:
    """Feeds, reads and measures one program until it ends or must be ended."""

    def __init__(self, started: Started, limits: Limits, spec: SandboxSpec, stdin: bytes) -> None:
        self._started = started
        self._limits = limits
        self._max_files = {
            f"/proc/{started.root}/root{path}": max(64, size // BYTES_PER_FILE) for path, size in spec.tmpfs.items()
        }
        self._shared = [bind.source for bind in spec.binds if bind.writable]
        self._to_write = memoryview(stdin)
        self._output = {"out": bytearray(), "err": bytearray()}
        self._open = 0
        self._clock = ProgramClock(limits.wall_seconds, lambda: [started.root])
        self._cpu = 0.0
        self._peak = 0
        self._ending: Ending = "exit"
        self._selector = selectors.DefaultSelector()

    def finish(self) -> Outcome:
        process = self._started.process
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - `launch` made them all pipes
        with self._selector, contextlib.closing(_PidFile(process.pid)) as ended:
            for stream, name, events in (
                (process.stdout, "out", selectors.EVENT_READ),
                (process.stderr, "err", selectors.EVENT_READ),
                (process.stdin, "in", selectors.EVENT_WRITE),
            ):
                os.set_blocking(stream.fileno(), False)
                self._selector.register(stream, events, name)
            self._open = 2
            self._selector.register(ended, selectors.EVENT_READ, "end")
            self._watch()
            wall = time.monotonic() - self._clock.began
            self._selector.unregister(ended)
            self._started.kill()
            self._drain()
        return self._outcome(wall)

    def _watch(self) -> None:
        """Returns when the program has ended or a limit is passed."""
        pause, longest = LOOK_SECONDS
        look_at = self._clock.began + pause
        while self._ending == "exit":
            if time.monotonic() >= look_at:
                self._look()
                pause = min(longest, pause * 1.25)
                look_at = time.monotonic() + pause
            if self._clock.is_over():
                self._ending = "time_limit"
                return
            events = self._selector.select(max(0.0, look_at - time.monotonic()))
            for key, _ in events:
                if key.data == "end":
                    return
                self._move(key)

    def _move(self, key: selectors.SelectorKey) -> None:
        try:
            if key.data == "in":
                self._to_write = self._to_write[os.write(key.fd, self._to_write[:_CHUNK]) if self._to_write else 0 :]
                if not self._to_write:
                    self._close(key)
                return
            part = os.read(key.fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # the program closed its stdin
            self._close(key)
            return
        kept = self._output[key.data]
        room = self._limits.output_bytes - len(kept)
        kept += part[:room]
        if len(part) > room and key.data == "out":
            self._ending = "output_limit"
        if not part:
            self._open -= 1
            self._close(key)

    def _close(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr] # only streams and a _PidFile are registered

    def _look(self) -> None:
        used = measure_tree(self._started.root)
        group = self._started.group
        exact = group.cpu_seconds() if group is not None else None
        self._cpu = max(self._cpu, used.cpu_seconds if exact is None else exact)
        if self._cpu > self._limits.cpu_seconds:
            self._ending = "time_limit"
        memory = self._memory(used)
        self._peak = max(self._peak, memory)
        # The kernel may have killed a child for want of memory; its parent would wait for the limit on the clock.
        out_of_memory = group is not None and group.ran_out_of_memory()
        if memory > self._limits.memory_bytes or out_of_memory or self._too_many_files():
            self._ending = "memory_limit"
        if any(_folder_bytes(folder) > self._limits.file_bytes for folder in self._shared):
            self._ending = "output_limit"

    def _memory(self, used: TreeUse) -> int:
        if used.memory_bytes > self._limits.memory_bytes and len(used.pids) > 1:
            shared_once = proportional_bytes(used.pids)
            return used.memory_bytes if shared_once is None else shared_once
        return used.memory_bytes

    def _too_many_files(self) -> bool:
        for folder, most in self._max_files.items() if self._started.isolated else ():
            with contextlib.suppress(OSError):  # not to be seen from here, or the program has ended
                numbers = os.statvfs(folder)
                if (
                    0 < numbers.f_files - numbers.f_ffree > most
                    and numbers.f_blocks * numbers.f_frsize <= most * BYTES_PER_FILE
                ):
                    return True
        return False

    def _drain(self) -> None:
        """Reads what is still in the pipes; all who could write are being killed."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._open and time.monotonic() < deadline:
            for key, _ in self._selector.select(max(0.0, deadline - time.monotonic())):
                if key.data == "in":
                    self._close(key)
                else:
                    self._move(key)

    def _outcome(self, wall: float) -> Outcome:
        booked = self._started.close()
        exit_code = self._started.exit_code()
        group = self._started.group
        cpu = max(self._cpu, booked)
        if group is not None:
            cpu = group.cpu_seconds() or cpu
            self._peak = max(self._peak, group.peak_bytes() or 0)
            if group.ran_out_of_memory() and self._ending == "exit":
                self._ending = "memory_limit"
        if self._ending == "exit" and cpu > self._limits.cpu_seconds:
            self._ending = "time_limit"
        if self._ending == "exit" and exit_code is None:
            raise SandboxError("the sandbox ended without a word")
        return Outcome(
            self._ending,
            exit_code if self._ending == "exit" else None,
            bytes(self._output["out"]),
            bytes(self._output["err"]),
            cpu,
            wall,
            self._peak,
        )


def _folder_bytes(folder: Path) -> int:
    """Gives what the files of a folder take on disk; follows no link, since a program wrote there."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_blocks * 512  # noqa: PTH118 - many times a second
    return total


class _PidFile:
    """A descriptor that can be read when a process has ended."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        os.close(self._descriptor)
