"""The interpreter of a slot, as the host holds it: starts it in a sandbox, talks with its two zygotes, ends it. Starts and kills processes.

The other side is `rewards.code.inside.zygote`.
"""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from rewards.code.inside.channel import receive_handed
from rewards.code.inside.zygote import COMMAND, EARLY_LINKING, ENDED, NEXT
from rewards.code.python_prefix import PythonPrefix
from rewards.sandbox.command import DEFAULT_ENVIRONMENT, Bind, SandboxError, SandboxSpec, prepare_launch
from rewards.sandbox.reach import UnreachableError
from rewards.sandbox.seccomp import AF_UNIX, build_filter

START_SECONDS: Final = 60.0
"""How long an interpreter may take to start on a busy machine."""

KILL_SECONDS: Final = 20.0
"""How long a zygote may take to end a fork and all it has started; a slot that takes longer is given up."""

SCRATCH: Final = "/tmp"  # noqa: S108 - the sandbox's own
"""The writable folder inside a sandbox."""

_INSIDE: Final = "/run/tamis"
_BOOT: Final = (
    "import json,sys;hello=json.loads(sys.argv[1]);sys.path.insert(0,hello.pop('path'));"
    "from inside.zygote import main;main(**hello)"
)
_FLAGS: Final = ("-S", "-s", "-P", "-B")
_CREDENTIALS: Final = struct.Struct("=iII")


class SlotError(Exception):
    """The slot is of no more use; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """How a fork ended: wait status, processor seconds, greatest resident memory, and was the writable folder used."""

    status: int
    cpu_seconds: float
    peak_bytes: int
    used_folder: bool


class HostZygote:
    """The host's end of one zygote: its socket, its process, and the fork that waits. Every method raises OSError when it is stuck.

    Attributes:
        pid: of the process, as it is outside of the sandbox.
    """

    def __init__(self, control: socket.socket) -> None:
        self.pid = 0
        self._control = control
        # The kernel signs the first word with the number of the process that sent it.
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def wait_ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Waits for the first word. Raises SlotError, with what `process` complained of."""
        self._control.settimeout(START_SECONDS)
        word, ancillary, _, _ = self._control.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
        signed = [content for _, kind, content in ancillary if kind == socket.SCM_CREDENTIALS]
        if word != b"R" or not signed:
            process.kill()
            _, said = process.communicate()
            lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise SlotError(f"the interpreter of the sandbox ended at once: {lines[-1]}")
        self.pid = _CREDENTIALS.unpack(signed[0])[0]
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        self._control.settimeout(KILL_SECONDS)

    def take(self) -> tuple[socket.socket, int]:
        """Gives the socket and the pidfd of the fork that waits; the caller closes both."""
        word, handed = receive_handed(self._control, 1)
        if word != b"F" or len(handed) != 2:
            for descriptor in handed:
                os.close(descriptor)
            raise SlotError("a zygote is gone")
        return socket.socket(fileno=handed[0]), handed[1]

    def order_next(self) -> None:
        """Orders the end of the fork that was taken; `ended` tells how it went."""
        self._control.sendall(COMMAND.pack(NEXT, 0))

    def ended(self) -> End:
        """Waits until the fork and all that it has started are dead."""
        data = self._control.recv(ENDED.size, socket.MSG_WAITALL)
        if len(data) != ENDED.size:
            raise SlotError("a zygote is gone")
        status, cpu, peak, used = ENDED.unpack(data)
        return End(status, cpu, peak, bool(used))

    def order(self, command: bytes, number: int = 0) -> None:
        """Gives another command and waits for it to be done; the fork that waits must have been taken."""
        self._control.sendall(COMMAND.pack(command, number))
        if self._control.recv(1) != command:
            raise SlotError("a zygote is gone")

    def close(self) -> None:
        """Lets go; the zygote ends when nobody holds its socket."""
        self._control.close()


class Interpreter:
    """A started interpreter: two zygotes in one sandbox, or without one.

    Attributes:
        programs: makes the processes of programs.
        judges: makes those of test code.
        folder: where programs may write, as they see it.
        mapped_bytes: address space of a zygote, from which each fork begins.
        resident_bytes: what of that is in memory.

    Args:
        prefix: what runs.
        disk_bytes: size of the writable folder.
        isolated: False starts it without a sandbox.

    Raises:
        SlotError: where it cannot be started.
    """

    def __init__(self, prefix: PythonPrefix, *, disk_bytes: int, isolated: bool) -> None:
        self._root: int | None = None
        self._outside = None if isolated else tempfile.TemporaryDirectory(prefix="tamis-python-")
        self.folder = SCRATCH if self._outside is None else self._outside.name
        pairs = [socket.socketpair() for _ in range(2)]
        self.programs, self.judges = (HostZygote(ours) for ours, _ in pairs)
        try:
            self._process = self._start(prefix, [theirs.fileno() for _, theirs in pairs], disk_bytes, isolated=isolated)
        except (OSError, SandboxError, UnreachableError) as failure:
            self._let_go()
            raise SlotError(f"no sandbox: {failure}") from failure
        finally:
            for _, theirs in pairs:
                theirs.close()
        try:
            self.programs.wait_ready(self._process)
            self.judges.wait_ready(self._process)
            self._root = os.pidfd_open(self.programs.pid)
            self.mapped_bytes, self.resident_bytes = _measure(self.programs.pid)
        except (SlotError, OSError) as failure:
            self.close()
            raise SlotError(f"no sandbox: {failure}") from failure

    def close(self) -> None:
        """Kills all of it."""
        if self._root is None:
            self._process.kill()
        else:  # the sandbox ends with its first program
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._root, signal.SIGKILL)
        self._let_go()
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._outside is not None:
            self._outside.cleanup()

    def forget(self) -> None:
        """In a forked child: lets go of the parent's interpreter without a word to it."""
        self._let_go()
        self._process.returncode = 0  # it is not this process's child: nothing to wait for
        if self._outside is not None:
            self._outside._finalizer.detach()  # type: ignore[attr-defined]  # noqa: SLF001 - the folder is the parent's

    def _let_go(self) -> None:
        self.programs.close()
        self.judges.close()
        if self._root is not None:
            os.close(self._root)
            self._root = None
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is not None and process.stderr is not None:
            process.stderr.close()

    def _start(
        self, prefix: PythonPrefix, controls: list[int], disk_bytes: int, *, isolated: bool
    ) -> "subprocess.Popen[bytes]":
        rules = build_filter(families=(AF_UNIX,), for_zygote=True) if isolated else None
        hello = {
            "roles": dict(zip(("candidate", "judge"), controls, strict=True)),
            "isolated": isolated,
            "rules": {"candidate": (rules or b"").hex(), "judge": ""},
            "disk_bytes": disk_bytes,
            "packages": prefix.packages_path(isolated=isolated),
            "path": _INSIDE if isolated else str(Path(__file__).parent),
        }
        command = [prefix.executable, *_FLAGS, "-c", _BOOT, json.dumps(hello)]
        # The order of a set must not decide a verdict.
        environment = {
            **DEFAULT_ENVIRONMENT,
            "HOME": self.folder,
            "TMPDIR": self.folder,
            "PYTHONHASHSEED": "0",
            **EARLY_LINKING,
        }
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        if not isolated:
            return subprocess.Popen(command, **streams, pass_fds=controls, env=environment, start_new_session=True)
        spec = SandboxSpec(
            command=command,
            binds=[*prefix.binds(), Bind(prefix.inside(), f"{_INSIDE}/inside")],
            tmpfs={SCRATCH: disk_bytes},
            environment=environment,
            folder="/",
            capabilities=("CAP_SYS_ADMIN",),
            filter_calls=False,
            has_proc=False,
            dies_with_thread=False,
            # One user namespace, which owns the others: for another user inside, bubblewrap makes a second one that owns nothing.
            options=("--uid", "0", "--gid", "0"),
        )
        with prepare_launch(spec, pass_fds=controls) as launch:
            return subprocess.Popen(launch.argv, **streams, **launch.options)


def _measure(pid: int) -> tuple[int, int]:
    """Gives the address space and the resident memory of a process; zeros where the system does not say."""
    try:
        total, resident = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[:2]
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGESIZE")
    return int(total) * page, int(resident) * page
