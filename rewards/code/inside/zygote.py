"""Makes the processes of one slot by forking: a warm interpreter that never sees a program or a test itself.

Two of them live in a slot, `candidate` and `judge`. Each keeps one fork waiting, and has given the host a socket to it: what the host
says to the fork, the zygote never reads, so no later fork can find it in memory. On a command of the host a zygote kills its fork,
tells how it ended, and makes the next one. It ends when the host closes its control socket.
"""

import _socket
import contextlib
import gc
import importlib
import marshal
import os
import resource
import signal
import site
import socket
import struct
import sys
import time
from typing import Any, Final, NoReturn

from . import candidate, judge, kernel
from .channel import Channel, handing

NEXT: Final = b"N"
REPLACE: Final = b"T"
CLEAN: Final = b"C"
COMMAND: Final = struct.Struct("=cq")
"""A command and its number: `NEXT` ends the fork and makes another, `REPLACE` (for the judge's zygote) mounts an empty
writable folder, whose size it names, and `CLEAN` (for the program's) tells that this was done."""

ENDED: Final = struct.Struct("=idqi")
"""How a fork ended: wait status, its processor seconds with its children's, peak bytes, is the writable folder used."""

EARLY_LINKING: Final = {"LD_BIND_NOW": "1"}
"""In a zygote's environment, taken out before any fork: what of the C library a fork is the first to use, it need not look up by name."""

WARM: Final = [
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "json",
    "math",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "struct",
    "time",
    "typing",
]
"""What programs import most. Each module here saves the time of its import and costs every fork a little."""

_SEED: Final = 0


def main(roles: dict[str, int], *, isolated: bool, rules: dict[str, str], disk_bytes: int, packages: str) -> NoReturn:
    """Starts both zygotes and becomes the one of the programs.

    Args:
        roles: the control socket of `candidate` and of `judge`.
        isolated: this is a sandbox: its namespaces and rights can be used.
        rules: the system-call filter of each role in hexadecimal digits, empty for none.
        disk_bytes: size of the writable folder.
        packages: a folder of further modules for programs, empty for none.
    """
    for name in EARLY_LINKING:
        os.environ.pop(name, None)
    kernel.limit(((resource.RLIMIT_CORE, 0),))
    _warm_up(packages)
    if isolated:
        kernel.forbid_new_rights()
        kernel.Scratch.replace(disk_bytes)
    other_zygote = os.fork()
    role = "candidate" if other_zygote else "judge"
    if not isolated:
        kernel.adopt_orphans()
    control = socket.socket(fileno=roles.pop(role))
    for other in roles.values():
        os.close(other)
    with contextlib.suppress(EOFError, OSError):
        Zygote(role, control, other_zygote, isolated=isolated, rules=bytes.fromhex(rules[role])).serve()
    os._exit(0)


def _warm_up(packages: str) -> None:
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    try:
        for name in WARM:
            importlib.import_module(name)  # `random` would draw a new seed in each fork
    finally:
        os.register_at_fork = register
    sys.modules["random"].seed(_SEED)  # the same program does the same twice
    standard = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib would cost every fork
    sys.path[:] = [path for path in sys.path if path.startswith(standard) and not path.endswith("-packages")]
    if packages:
        sys.path.append(packages)
    site.setquit()  # what `-S` leaves out, beside folders that are not to be seen here
    site.sethelper()
    site.setcopyright()
    _rehearse()
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # the forks share these pages for as long as no collection touches them


def _rehearse() -> None:
    """Does what each fork will do, so often that the interpreter has settled: what it learns now, no fork has to learn."""
    limit, main_module, arguments = sys.getrecursionlimit(), sys.modules["__main__"], sys.argv[:]
    source = 'import math\n\n\nclass A:\n    """A."""\n\n\ndef f(*x: int) -> list[int]:\n    return sorted([y + 1 for y in x])\n'
    for _ in range(3):
        near, far = socket.socketpair()
        peer, channel = Channel(near, 1 << 20), Channel(far, 1 << 20)
        request = {"source": source, "names": ["f", "A"], "limits": {}}
        peer.send(marshal.dumps(request), (0,))
        for _ in range(12):
            peer.send(b'call 0\n[[2,1,0.5],{"d":[]}]')
            peer.send(b'call 0\n[[[1,2],"a"],{"d":[]}]')
        near.shutdown(socket.SHUT_WR)
        body, descriptors = channel.receive_with_descriptors()
        for descriptor in descriptors:
            os.close(descriptor)
        told = marshal.loads(body)  # noqa: S302 - our own
        with contextlib.suppress(EOFError):
            candidate.serve_calls(channel, told["source"], told["names"])
        near.close()
        far.close()
        candidate.OBJECTS.clear()
    sys.setrecursionlimit(limit)
    sys.modules["__main__"] = main_module
    sys.argv[:] = arguments


class Zygote:
    """One of the two; `serve` is its life."""

    def __init__(self, role: str, control: socket.socket, other: int, *, isolated: bool, rules: bytes) -> None:
        self._role = role
        self._control = control
        self._control_number = control.fileno()
        self._other = other
        self._isolated = isolated
        self._namespaces = kernel.PidNamespaces() if isolated and role == "candidate" else None
        if rules:
            kernel.install_filter(rules)
        self._scratch = kernel.Scratch() if isolated else None
        os.dup2(0, 2)  # what kept us from starting was the last thing to be told there
        control.sendall(b"R")

    def serve(self) -> None:
        """Makes forks and ends them until the host is gone."""
        while True:
            pid = self._fork()
            try:
                command, size = self._command()
                while command != NEXT:
                    if command == REPLACE:
                        kernel.Scratch.replace(size)
                    elif self._scratch is not None:
                        self._scratch.note()
                    self._control.sendall(command)
                    command, size = self._command()
            finally:
                status, usage = self._end(pid)
            used = self._scratch is not None and self._scratch.is_used()
            self._control.sendall(ENDED.pack(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, used))

    def _command(self) -> tuple[bytes, int]:
        data = self._control.recv(COMMAND.size, socket.MSG_WAITALL)
        if len(data) != COMMAND.size:
            raise EOFError
        command, size = COMMAND.unpack(data)
        return command, size

    def _fork(self) -> int:
        ours, theirs = _socket.socketpair()  # no wrapper in Python, whose every method costs a fork a page
        if self._namespaces is not None:
            self._namespaces.open()
        pid = os.fork()
        if pid == 0:
            self._become(theirs, ours)
        if self._namespaces is not None:
            self._namespaces.close()
        theirs.close()
        watch = os.pidfd_open(pid)
        self._control.sendmsg([b"F"], [handing(ours.fileno(), watch)])
        os.close(watch)
        ours.close()
        return pid

    def _become(self, peer: _socket.socket, other: _socket.socket) -> NoReturn:
        try:
            other.close()
            os.close(self._control_number)
            if self._namespaces is not None:
                self._namespaces.forget()
            # A signal to the zygote's process group would cross PID namespaces. (A session would do too: one more group of the scheduler.)
            os.setpgid(0, 0)
            run: Any = candidate.main if self._role == "candidate" else judge.main
            run(Channel(peer, candidate.MAX_REQUEST_BYTES), isolated=self._isolated)
        finally:
            os._exit(1)

    def _end(self, pid: int) -> tuple[int, resource.struct_rusage]:
        os.kill(pid, signal.SIGKILL)  # nobody else waits for it: there is such a process
        if not self._isolated:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        if not self._isolated:
            _end_orphans(self._other)
        return status, usage


def _end_orphans(spared: int) -> None:
    """Without a namespace: kills what a program left behind, as far as it is found among our children."""
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        try:
            with open("/proc/thread-self/children", encoding="ascii") as file:  # noqa: PTH123 - pathlib would cost every fork
                text = file.read()
        except OSError:
            return
        orphans = [child for child in map(int, text.split()) if child != spared]
        if not orphans:
            return
        for child in orphans:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
