"""Starts one program, in a sandbox or (when told to) without one, and holds it until its limits are set. Starts and kills processes."""

import contextlib
import dataclasses
import functools
import io
import json
import os
import re
import resource
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rewards.sandbox.cgroups import Group, make_group
from rewards.sandbox.command import Launch, SandboxError, SandboxSpec, prepare_launch

START_SECONDS: Final = 30.0
"""How long bubblewrap may take to build a sandbox on a busy machine."""

OPEN_FILES: Final = 1024
STACK_BYTES: Final = 64 << 20

GROUP_SLACK_BYTES: Final = 32 << 20
"""What a control group's limit is above the budget: it also counts file pages and kernel memory, and is the second line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a program and all its children may use together.

    Attributes:
        cpu_seconds: processor time.
        wall_seconds: elapsed time.
        memory_bytes: resident memory, its runtime's own included.
        output_bytes: of stdout; stderr is cut at the same length.
        file_bytes: of any one file it writes, and of all in a folder of this machine that it may write to. The sizes of its tmpfs stand in
            the `SandboxSpec`.
        processes: processes and threads.
    """

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    output_bytes: int
    file_bytes: int
    processes: int


@dataclasses.dataclass(eq=False, slots=True)
class Started:
    """A program that runs. `root` is the process that all others descend from; `root_fd` names it for good."""

    process: subprocess.Popen[bytes]
    root: int
    root_fd: int
    group: Group | None
    isolated: bool
    status: io.FileIO

    def kill(self) -> None:
        """Kills the whole tree: the end of a PID namespace's first process is the end of all. Without one, as many as are found."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self.root_fd, signal.SIGKILL)
        if not self.isolated:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> float:
        """Kills what is left, waits for it and gives the processor time that the system booked for it."""
        self.kill()
        with selectors.DefaultSelector() as selector:
            selector.register(self.root_fd, selectors.EVENT_READ)
            selector.select(START_SECONDS)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        os.close(self.root_fd)
        return used.ru_utime + used.ru_stime

    def exit_code(self) -> int | None:
        """Gives the program's own exit code, negative for a signal; None where it was killed before. Only after `close`."""
        if not self.isolated:
            return self.process.returncode
        for line in self.status.readall().splitlines():
            code: int | None = json.loads(line).get("exit-code")
            if code is not None:
                # bubblewrap says 128 + N, as a shell does.
                return -(code - 128) if 128 < code <= 128 + signal.SIGRTMAX else code
        return None


@contextlib.contextmanager
def start(spec: SandboxSpec, limits: Limits, *, isolated: bool = True) -> Iterator[Started]:
    """Starts a program under its limits; at the end of the context nothing of it is left.

    Its stdin, stdout and stderr are pipes of `Started.process`.

    Args:
        spec: the sandbox and the command.
        limits: those that the kernel holds (processes, file size, processor time of one process) are set here; watching the others is
            `rewards.sandbox.run`'s.
        isolated: False runs the command as it is, in a temporary folder, for who accepts that a program may do anything we may.

    Raises:
        SandboxError: if it cannot be started.
    """
    with contextlib.ExitStack() as held:
        status_read, status_write = _pipe(held)
        hold_read, hold_write = _pipe(held)
        group = make_group(memory_bytes=limits.memory_bytes + GROUP_SLACK_BYTES, processes=limits.processes + 2)
        if group is not None:
            held.callback(group.remove)
        if isolated:
            options = [
                *spec.options,
                "--json-status-fd",
                str(status_write.fileno()),
                "--block-fd",
                str(hold_read.fileno()),
            ]
            command = _limited(spec.command, limits, isolated=True)
            watched = dataclasses.replace(spec, command=command, options=options)
            launch = held.enter_context(prepare_launch(watched, pass_fds=[status_write.fileno(), hold_read.fileno()]))
        else:
            launch = _bare_launch(spec, limits, held)
        started = _open(launch, group, isolated=isolated, status=status_read, status_end=status_write)
        try:
            _limit(started)
            hold_write.write(b"\n")
            yield started
        finally:
            if started.process.returncode is None:
                started.close()


def _open(launch: Launch, group: Group | None, *, isolated: bool, status: io.FileIO, status_end: io.FileIO) -> Started:
    try:
        process = subprocess.Popen(
            launch.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            **launch.options,
        )
    except OSError as failure:
        raise SandboxError(f"the sandbox did not start: {failure}") from failure
    status_end.close()
    try:
        root = _first_process(status) if isolated else process.pid
        root_fd = os.pidfd_open(root)
    except (OSError, EOFError, ValueError) as failure:
        process.kill()
        _, errors = process.communicate()
        lines = errors.decode(errors="replace").strip().splitlines() or [str(failure)]
        raise SandboxError(f"the sandbox did not start: {lines[-1]}") from failure
    return Started(process, root, root_fd, group, isolated, status)


def _limit(started: Started) -> None:
    with contextlib.suppress(OSError), open(f"/proc/{started.root}/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")  # when the machine runs out of memory, this goes first
    if started.group is not None:
        try:
            started.group.add(started.root)
        except OSError:
            started.group = None


def _limited(command: Sequence[str], limits: Limits, *, isolated: bool) -> list[str]:
    """Gives the command behind a shell that sets its limits.

    From inside, because there the number of processes counts those of the sandbox's own user namespace, and because root in a container
    may not set the limits of another user's process.
    """
    wanted = [
        ("t", resource.RLIMIT_CPU, int(limits.cpu_seconds) + 1, 1),
        ("f", resource.RLIMIT_FSIZE, limits.file_bytes, 512),
        ("c", resource.RLIMIT_CORE, 0, 1),
        ("n", resource.RLIMIT_NOFILE, OPEN_FILES, 1),
        ("s", resource.RLIMIT_STACK, STACK_BYTES, 1024),
        ("l", resource.RLIMIT_MEMLOCK, 1 << 16, 1024),
    ]
    if isolated:  # else it would count every process of this user, on the whole machine
        wanted.append((_process_limit_letter(), resource.RLIMIT_NPROC, limits.processes + 2, 1))  # bubblewrap's own two
    settings = []
    for letter, kind, value, unit in wanted:
        _, most = resource.getrlimit(kind)
        settings.append(f"ulimit -{letter} {(value if most == resource.RLIM_INFINITY else min(value, most)) // unit}")
    return ["/bin/sh", "-c", "; ".join([*settings, 'exec "$@"']), "sh", *command]


@functools.cache
def _process_limit_letter() -> str:
    """Gives the name of the limit of processes in this machine's /bin/sh: `p` in dash and busybox, `u` in bash."""
    for letter in ("u", "p"):
        known = subprocess.run(
            ["/bin/sh", "-c", f"ulimit -{letter} 100 && ulimit -{letter}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if known.stdout.strip() == b"100":
            return letter
    raise SandboxError("/bin/sh cannot limit the number of processes")


def _bare_launch(spec: SandboxSpec, limits: Limits, held: contextlib.ExitStack) -> Launch:
    """Gives the command with the paths of this machine in place of the sandbox's."""
    scratch = held.enter_context(tempfile.TemporaryDirectory(prefix="tamis-bare-"))
    places = {**{bind.target: str(bind.source) for bind in spec.binds}, **dict.fromkeys(spec.tmpfs, scratch)}
    command = [_translate(part, places) for part in spec.command]
    environment: Mapping[str, str] = {name: _translate(value, places) for name, value in spec.environment.items()}
    options: dict[str, Any] = {
        "env": dict(environment),
        "cwd": _translate(spec.folder, places),
        "start_new_session": True,
    }
    return Launch(_limited(command, limits, isolated=False), options)


def _translate(text: str, places: Mapping[str, str]) -> str:
    """Replaces the sandbox's folders in an argument, in one pass: what replaces one may hold the name of another."""
    names = "|".join(re.escape(name) for name in sorted(places, key=len, reverse=True))
    return re.sub(rf"(?<![\w.-])(?:{names})(?![\w.-])", lambda found: places[found[0]], text)


def _first_process(status: io.FileIO) -> int:
    """Waits for bubblewrap to say which process is the first of its namespace."""
    deadline = time.monotonic() + START_SECONDS
    text = b""
    with selectors.DefaultSelector() as selector:
        selector.register(status, selectors.EVENT_READ)
        while b"\n" not in text:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError("bubblewrap gave no answer")
            part = status.read(4096)
            if not part:
                raise EOFError("bubblewrap ended at once")
            text += part
    return int(json.loads(text.splitlines()[0])["child-pid"])


def _pipe(held: contextlib.ExitStack) -> tuple[io.FileIO, io.FileIO]:
    read, write = os.pipe2(os.O_CLOEXEC)
    return held.enter_context(io.FileIO(read, "r")), held.enter_context(io.FileIO(write, "w"))
