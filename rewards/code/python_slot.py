"""One slot of the Python server: a sandbox with two zygotes, and one test at a time in it. Starts, watches and kills processes.

What runs inside is `rewards.code.inside`. The host talks with three kinds of processes: the zygotes, whom it tells to end and to
make forks; the judge's fork, from which it gets verdicts and values; and the program's fork, to which it gives the program and from which
it believes nothing but bytes. The host alone keeps the clocks.
"""

import contextlib
import dataclasses
import json
import math
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rewards.code.inside.channel import Channel, TooLongError
from rewards.code.inside.codec import HANDLE, Codec, CodecError
from rewards.code.inside.zygote import CLEAN, COMMAND, ENDED, NEXT, REPLACE
from rewards.code.jobs import AssertTest, Budget, CallTest, NotData, RunResult, RunStatus, StdinTest, Test
from rewards.code.python_prefix import PythonPrefix
from rewards.sandbox.command import DEFAULT_ENVIRONMENT, Bind, SandboxError, SandboxSpec, prepare_launch
from rewards.sandbox.seccomp import AF_UNIX, build_filter
from rewards.sandbox.tree import measure_tree, proportional_bytes

START_SECONDS: Final = 60.0
"""How long a slot may take to start on a busy machine."""

KILL_SECONDS: Final = 20.0
"""How long a zygote may take to end a fork and all it has started; a slot that takes longer is given up."""

TICK_SECONDS: Final = 0.1
"""How often a test that runs longer than this is looked at."""

FRAME_BYTES: Final = 64 << 20
"""The longest message that is read of a judge, whose own values are bounded by the budget."""

END_BYTES: Final = 4096
JUDGE_BYTES: Final = 1 << 30
"""Address space of a judge beyond what it starts with: test code may hold large expectations."""

TESTS_PER_JUDGE: Final = 500
"""A judge is replaced after so many tests, so that what the interpreter keeps does not add up."""

SPARE_PROCESSES: Final = 8
"""The sandbox's own processes, which a limit on processes counts too."""

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
class _End:
    """How a fork ended."""

    status: int
    cpu_seconds: float
    peak_bytes: int
    used_folder: bool


@dataclasses.dataclass(slots=True)
class _Watch:
    """What the clocks showed of one test."""

    began: float
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    stopped: RunStatus | None = None


@dataclasses.dataclass(slots=True)
class _Judge:
    """The host's end of a judge that waits for its next test; `cpu_seconds` is what it has used so far."""

    channel: Channel
    end: int
    cpu_seconds: float = 0.0
    served: int = 0

    def close(self) -> None:
        self.channel.peer.close()
        os.close(self.end)


@dataclasses.dataclass(frozen=True, slots=True)
class _Reply:
    """What a judge said; `keep` if it can judge the next test too."""

    status: RunStatus
    error: str
    cpu_seconds: float
    _: dataclasses.KW_ONLY
    keep: bool
    value: Any = None


class _Zygote:
    """The host's end of one zygote: its socket, its process and the fork that waits."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.pid = 0
        self._started = False

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Waits for the first word, which the kernel signs with the process's number as it is here."""
        self.control.settimeout(START_SECONDS)
        space = socket.CMSG_SPACE(_CREDENTIALS.size)
        try:
            word, ancillary, _, _ = self.control.recvmsg(1, space)
        except OSError as failure:
            raise SlotError(f"the interpreter of the sandbox does not answer: {failure}") from None
        if word != b"R":
            process.kill()
            _, said = process.communicate()
            lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise SlotError(f"the interpreter of the sandbox ended at once: {lines[-1]}")
        self.pid = next(
            _CREDENTIALS.unpack(content)[0] for _, kind, content in ancillary if kind == socket.SCM_CREDENTIALS
        )
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        self.control.settimeout(KILL_SECONDS)

    def take(self) -> tuple[socket.socket, int]:
        """Gives the socket and the pidfd of the fork that waits; the caller closes both."""
        word, handed, _, _ = socket.recv_fds(self.control, 1, 2)
        if word != b"F" or len(handed) != 2:
            for descriptor in handed:
                os.close(descriptor)
            raise SlotError("a zygote is gone")
        return socket.socket(fileno=handed[0]), handed[1]

    def order_next(self) -> None:
        """Orders the end of the fork; `ended` tells how it went."""
        self.control.sendall(COMMAND.pack(NEXT, 0))

    def ended(self) -> _End:
        """Waits until the fork and all it has started are dead."""
        data = self.control.recv(ENDED.size, socket.MSG_WAITALL)
        if len(data) != ENDED.size:
            raise SlotError("a zygote is gone")
        status, cpu, peak, used = ENDED.unpack(data)
        return _End(status, cpu, peak, bool(used))

    def order(self, command: bytes, number: int = 0) -> None:
        """Gives another command and waits for it to be done; the fork that waits must have been taken."""
        self.control.sendall(COMMAND.pack(command, number))
        if self.control.recv(1) != command:
            raise SlotError("a zygote is gone")


class PythonSlot:
    """A sandbox in which one test runs at a time. Not for several threads.

    Args:
        prefix: the interpreter, and what else of this machine is seen in the sandbox.
        isolated: False runs the same code without a sandbox: for a machine that has none and a caller who said so.

    Raises:
        SlotError: where it cannot be started.
    """

    def __init__(self, prefix: PythonPrefix, *, isolated: bool = True) -> None:
        self._isolated = isolated
        self._disk_bytes = Budget().disk_bytes
        self._renew_folder = False
        self._root: int | None = None
        self._waiting_judge: _Judge | None = None
        self._folder = None if isolated else tempfile.TemporaryDirectory(prefix="tamis-python-")
        pairs = [socket.socketpair() for _ in range(2)]
        self._program, self._judge = (_Zygote(ours) for ours, _ in pairs)
        theirs = [theirs for _, theirs in pairs]
        for zygote in (self._program, self._judge):
            zygote.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            self._process = self._start(prefix, [end.fileno() for end in theirs])
        except (OSError, SandboxError) as failure:
            self._close_sockets()
            raise SlotError(str(failure)) from failure
        finally:
            for end in theirs:
                end.close()
        try:
            self._program.wait_ready(self._process)
            self._judge.wait_ready(self._process)
            self._base_bytes, self._base_resident = _mapped_bytes(self._program.pid)
            self._root = os.pidfd_open(self._program.pid)
        except (SlotError, OSError) as failure:
            self.close()
            raise SlotError(str(failure)) from failure
        self._codec = Codec(_refuse, _stand_in)

    def run(self, source: str, test: Test, budget: Budget) -> RunResult:
        """Runs one test of one program.

        Raises:
            SlotError: when the slot failed, not the program; the slot must be closed then.
        """
        try:
            self._fit_disk(budget.disk_bytes)
            if isinstance(test, StdinTest):
                return self._run_script(source, test, budget)
            return self._run_judged(source, test, budget)
        except OSError as failure:
            raise SlotError(f"the sandbox does not answer: {failure}") from failure

    def pid(self) -> int:
        """Gives the process id of the sandbox's first interpreter, for those who watch or test it."""
        return self._program.pid

    def close(self) -> None:
        """Kills all of it."""
        self._close_sockets()
        if self._root is None:
            self._process.kill()
        else:  # with it, bubblewrap and all that is in the sandbox
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._root, signal.SIGKILL)
            os.close(self._root)
            self._root = None
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self._folder is not None:
            self._folder.cleanup()

    def forget(self) -> None:
        """In a forked child: lets go of the parent's sandbox without a word to it."""
        self._close_sockets()
        if self._root is not None:
            os.close(self._root)
            self._root = None
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process.returncode = 0  # it is not this process's child: nothing to wait for
        if self._folder is not None:
            self._folder._finalizer.detach()  # type: ignore[attr-defined]  # noqa: SLF001 - the folder is the parent's

    def _close_sockets(self) -> None:
        judge, self._waiting_judge = self._waiting_judge, None
        if judge is not None:
            judge.close()
        self._program.control.close()
        self._judge.control.close()

    def _start(self, prefix: PythonPrefix, controls: list[int]) -> "subprocess.Popen[bytes]":
        rules = build_filter(families=(AF_UNIX,), for_zygote=True) if self._isolated else None
        hello = {
            "roles": dict(zip(("candidate", "judge"), controls, strict=True)),
            "isolated": self._isolated,
            "rules": {"candidate": (rules or b"").hex(), "judge": ""},
            "disk_bytes": self._disk_bytes,
            "packages": prefix.packages_path(isolated=self._isolated),
            "path": _INSIDE if self._isolated else str(Path(__file__).parent),
        }
        command = [prefix.executable, *_FLAGS, "-c", _BOOT, json.dumps(hello)]
        # The order of a set must not decide a verdict.
        environment = {**DEFAULT_ENVIRONMENT, "PYTHONHASHSEED": "0"}
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        if not self._isolated:
            return subprocess.Popen(
                command,
                **quiet,
                pass_fds=controls,
                env={**environment, "TMPDIR": self._scratch()},
                start_new_session=True,
            )
        spec = SandboxSpec(
            command=command,
            binds=[*prefix.binds(), Bind(prefix.inside, f"{_INSIDE}/inside")],
            tmpfs={"/tmp": self._disk_bytes},  # noqa: S108 - the sandbox's own
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
            return subprocess.Popen(launch.argv, **quiet, **launch.options)

    def _scratch(self) -> str:
        return "/tmp" if self._folder is None else self._folder.name  # noqa: S108 - the sandbox's own

    def _limits(self, budget: Budget, own_bytes: int) -> dict[str, Any]:
        return {
            "folder": self._scratch(),
            "file_bytes": max(budget.disk_bytes, budget.output_bytes),
            "address_bytes": self._base_bytes + own_bytes,
            "cpu_seconds": math.ceil(budget.cpu_seconds) + 1,
            "processes": budget.processes + SPARE_PROCESSES,
        }

    def _fit_disk(self, disk_bytes: int) -> None:
        if self._isolated and disk_bytes != self._disk_bytes:
            self._disk_bytes = disk_bytes
            self._renew_folder = True

    # A judged test ------------------------------------------------------------------------------------------------------

    def _run_judged(self, source: str, test: AssertTest | CallTest, budget: Budget) -> RunResult:
        request: dict[str, Any] = {
            "source": source,
            "limits": self._limits(budget, max(JUDGE_BYTES, budget.memory_bytes)),
            "program_limits": self._limits(budget, budget.memory_bytes),
            "reply_bytes": budget.output_bytes,
        }
        if isinstance(test, CallTest):
            try:
                arguments = self._codec.dumps(test.args, dict(test.kwargs))
            except (TypeError, ValueError, RecursionError) as failure:
                return RunResult("error", error=f"the arguments of the test are no data: {failure}")
            request.update(kind="call", function=test.function, arguments=arguments.decode())
        else:
            request.update(kind="assert", code=test.code, entry_point=test.entry_point, prelude=test.prelude)
        with contextlib.ExitStack() as opened:
            program, _ = self._taken(self._program, opened)
            judge = self._take_judge()
            self._prepare_folder()
            watch = _Watch(time.monotonic())
            judge.channel.send(json.dumps(request).encode(), (program.fileno(),))
            program.close()  # the judge's alone now: it must see the program's end
            self._watch(judge.channel.peer.fileno(), judge.end, budget, watch)
            reply = self._reply(judge) if watch.stopped is None else None
            self._program.order_next()
            if reply is None or not reply.keep:
                self._end_judge()
            end = self._program.ended()
        self._renew_folder |= end.used_folder
        return self._settle(reply, end, budget, watch)

    def _take_judge(self) -> _Judge:
        """Gives the judge, who serves as long as the test code leaves it as it was."""
        if self._waiting_judge is None:
            peer, end = self._judge.take()
            peer.settimeout(KILL_SECONDS)
            self._waiting_judge = _Judge(Channel(peer, FRAME_BYTES), end)
        return self._waiting_judge

    def _end_judge(self) -> None:
        judge, self._waiting_judge = self._waiting_judge, None
        if judge is not None:
            judge.close()
            self._judge.order_next()
            self._judge.ended()

    def _reply(self, judge: _Judge) -> _Reply | None:
        try:
            status, error, cpu, keep, value = self._codec.loads(judge.channel.receive())
        except (EOFError, TooLongError, ConnectionError):
            return None
        except (CodecError, ValueError, TypeError) as failure:
            return _Reply("crash", f"an unreadable value: {failure}", 0.0, keep=False)
        judge.cpu_seconds += cpu
        judge.served += 1
        return _Reply(status, error, cpu, keep=keep and judge.served < TESTS_PER_JUDGE, value=value)

    def _settle(self, reply: _Reply | None, end: _End, budget: Budget, watch: _Watch) -> RunResult:
        cpu = max(end.cpu_seconds, watch.cpu_seconds)
        if watch.stopped is not None:
            return self._result(watch.stopped, end, budget, watch)
        if reply is None:
            return self._result("error", end, budget, watch, error="the judge ended without a word")
        if cpu + reply.cpu_seconds > budget.cpu_seconds:
            return self._result("time_limit", end, budget, watch)
        return self._result(reply.status, end, budget, watch, error=reply.error, value=reply.value)

    # A whole program ----------------------------------------------------------------------------------------------------

    def _run_script(self, source: str, test: StdinTest, budget: Budget) -> RunResult:
        with contextlib.ExitStack() as opened:
            stdin, stdout = (os.memfd_create(name, os.MFD_CLOEXEC) for name in ("stdin", "stdout"))
            opened.callback(os.close, stdin)
            opened.callback(os.close, stdout)
            _fill(stdin, test.stdin.encode("utf-8", "surrogateescape" if _is_escaped(test.stdin) else "replace"))
            program, program_end = self._taken(self._program, opened)
            self._prepare_folder()
            watch = _Watch(time.monotonic())
            request = {"script": True, "source": source, "limits": self._limits(budget, budget.memory_bytes)}
            Channel(program, 0).send(json.dumps(request).encode(), (stdin, stdout))
            self._watch(None, program_end, budget, watch, stdout)
            self._program.order_next()
            end = self._program.ended()
            told = _told_end(program)
            size = os.fstat(stdout).st_size
            output = os.pread(stdout, budget.output_bytes, 0)
        self._renew_folder |= end.used_folder
        code = os.waitstatus_to_exitcode(end.status)
        status: RunStatus = "ok" if code == 0 else "failed"
        error = "" if code == 0 else f"exit code {code}"
        if code < 0:
            status, error = "crash", _cause(end.status)
        elif told is not None and told[0] in {"compile_error", "crash", "memory_limit"}:
            status, error = told
        if watch.stopped is not None:
            status, error = watch.stopped, ""
        elif max(end.cpu_seconds, watch.cpu_seconds) > budget.cpu_seconds:
            status, error = "time_limit", ""
        elif size > budget.output_bytes:
            status, error = "output_limit", ""
        return self._result(status, end, budget, watch, error=error, stdout=output)

    # Both ---------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _taken(zygote: _Zygote, opened: contextlib.ExitStack) -> tuple[socket.socket, int]:
        peer, end = zygote.take()
        opened.callback(peer.close)
        opened.callback(os.close, end)
        return peer, end

    def _prepare_folder(self) -> None:
        """Gives the next program an empty folder, if the last one left anything in it."""
        if not self._renew_folder:
            return
        if self._isolated:
            self._take_judge()  # a zygote takes orders while its fork is out
            self._judge.order(REPLACE, self._disk_bytes)
            self._program.order(CLEAN)
        self._renew_folder = False

    def _watch(self, reply: int | None, end: int, budget: Budget, watch: _Watch, output: int | None = None) -> None:
        """Waits for the reply or the end, and stops at the first limit; `watch` holds what was seen."""
        poll = select.poll()
        for descriptor in (reply, end):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        deadline = watch.began + budget.wall_seconds
        while True:
            left = deadline - time.monotonic()
            if poll.poll(max(0, math.ceil(min(TICK_SECONDS, budget.cpu_seconds, left) * 1000))):
                return
            if time.monotonic() >= deadline:
                watch.stopped = "time_limit"
            self._look(budget, watch)
            if output is not None and os.fstat(output).st_size > budget.output_bytes:
                watch.stopped = watch.stopped or "output_limit"
            if watch.stopped is not None:
                return

    def _look(self, budget: Budget, watch: _Watch) -> None:
        """Measures the program's processes and the judge's."""
        children = _children(self._program.pid, but=self._judge.pid)
        judge = self._waiting_judge
        judged = sum(measure_tree(pid).cpu_seconds for pid in _children(self._judge.pid))
        used = [measure_tree(pid) for pid in children]
        cpu = sum(tree.cpu_seconds for tree in used)
        memory = sum(tree.memory_bytes for tree in used)
        if memory > budget.memory_bytes:
            exact = proportional_bytes(tuple(pid for tree in used for pid in tree.pids))
            memory = exact if exact is not None else memory
        watch.cpu_seconds = max(watch.cpu_seconds, cpu)
        watch.peak_bytes = max(watch.peak_bytes, memory)
        if cpu + judged - (judge.cpu_seconds if judge is not None else judged) > budget.cpu_seconds:
            watch.stopped = watch.stopped or "time_limit"
        elif memory > budget.memory_bytes:
            watch.stopped = watch.stopped or "memory_limit"

    def _result(
        self,
        status: RunStatus,
        end: _End,
        budget: Budget,
        watch: _Watch,
        *,
        error: str = "",
        value: Any = None,
        stdout: bytes = b"",
    ) -> RunResult:
        peak = max(end.peak_bytes - self._base_resident, watch.peak_bytes, 0)
        code: int | None = os.waitstatus_to_exitcode(end.status)
        if status == "crash" and code == -9 and peak > budget.memory_bytes // 2:
            status = (
                "memory_limit"  # nobody but the kernel, which ran out of memory, kills the first process of a namespace
            )
        return RunResult(
            status,
            stdout=stdout,
            value=value,
            error=error,
            cpu_seconds=max(end.cpu_seconds, watch.cpu_seconds),
            wall_seconds=time.monotonic() - watch.began,
            peak_bytes=peak,
            exit_code=code if stdout is not None and code != -9 else None,
        )


def _mapped_bytes(pid: int) -> tuple[int, int]:
    """Gives the address space and the resident memory of a process; zeros where the system does not say."""
    try:
        total, resident = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[:2]
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGESIZE")
    return int(total) * page, int(resident) * page


def _children(pid: int, but: int = 0) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [child for child in map(int, text.split()) if child != but]


def _fill(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)


def _told_end(program: socket.socket) -> tuple[RunStatus, str] | None:
    """Reads what the program's process said of its own end: it can only speak against itself."""
    program.setblocking(False)
    try:
        data = program.recv(END_BYTES)
        status, error = json.loads(data[4:])
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return (status, error[:300]) if type(status) is str and type(error) is str else None  # type: ignore[return-value]


def _cause(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _is_escaped(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _refuse(value: Any) -> Any:
    raise TypeError(f"an object of type {type(value).__name__}")


def _stand_in(tag: str, body: Any) -> NotData:
    return NotData(str(body[1]) if tag == HANDLE else "builtin_function_or_method")
