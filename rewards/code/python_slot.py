"""One slot of the Python server: runs one test at a time and says what it showed. Touches the processes of its interpreter only.

What runs inside is `rewards.code.inside`. The host talks with three kinds of processes: the zygotes, whom it tells to end and to make
forks (`rewards.code.python_zygotes`); the judge's fork, from which it gets verdicts and values; and the program's fork, to which it gives the
program and from which it believes nothing but bytes. The host alone keeps the clocks (`rewards.code.python_watch`).
"""

import contextlib
import dataclasses
import json
import marshal
import math
import os
import signal
import socket
import time
from typing import Any, Final

from rewards.code.inside.channel import Channel, TooLongError
from rewards.code.inside.codec import HANDLE, Codec, CodecError, one_line
from rewards.code.inside.judge import USED
from rewards.code.inside.zygote import CLEAN, REPLACE
from rewards.code.jobs import NO_ARGUMENTS, AssertTest, Budget, CallTest, NotData, RunResult, RunStatus, StdinTest, Test
from rewards.code.python_prefix import PythonPrefix
from rewards.code.python_watch import Watch
from rewards.code.python_zygotes import KILL_SECONDS, End, HostZygote, Interpreter, SlotError

FRAME_BYTES: Final = 64 << 20
"""The longest message that is read of a judge, whose values are bounded by the budget."""

END_BYTES: Final = 4096
"""How much is read of what a program says of its own end."""

JUDGE_BYTES: Final = 1 << 30
"""Address space of a judge beyond what it starts with: test code may hold large expectations."""

TESTS_PER_JUDGE: Final = 500
"""A judge is replaced after so many tests, so that what the interpreter keeps does not add up."""

SPARE_PROCESSES: Final = 8
"""The sandbox's own processes, which a limit on processes counts too."""


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
        self._judge: _Judge | None = None
        self._codec = Codec(_refuse, _stand_in)
        self._interpreter = Interpreter(prefix, disk_bytes=self._disk_bytes, isolated=isolated)

    def run(self, source: str, test: Test, budget: Budget) -> RunResult:
        """Runs one test of one program.

        Raises:
            SlotError: when the slot failed, not the program; the slot must be closed then.
        """
        if self._isolated and budget.disk_bytes != self._disk_bytes:
            self._disk_bytes = budget.disk_bytes
            self._renew_folder = True
        try:
            if isinstance(test, StdinTest):
                return self._run_script(source, test, budget)
            return self._run_judged(source, test, budget)
        except OSError as failure:
            raise SlotError(f"the sandbox does not answer: {failure}") from failure

    def pid(self) -> int:
        """Gives the process id of the sandbox's first interpreter, for those who watch or test it."""
        return self._interpreter.programs.pid

    def close(self) -> None:
        """Kills all of it."""
        self._drop_judge()
        self._interpreter.close()

    def forget(self) -> None:
        """In a forked child: lets go of the parent's sandbox without a word to it."""
        self._drop_judge()
        self._interpreter.forget()

    def _drop_judge(self) -> None:
        judge, self._judge = self._judge, None
        if judge is not None:
            judge.close()

    def _limits(self, budget: Budget, own_bytes: int) -> dict[str, Any]:
        return {
            "folder": self._interpreter.folder,
            "file_bytes": max(budget.disk_bytes, budget.output_bytes),
            "address_bytes": self._interpreter.mapped_bytes + own_bytes,
            "cpu_seconds": math.ceil(budget.cpu_seconds) + 1,
            "processes": budget.processes + SPARE_PROCESSES,
        }

    # A judged test ------------------------------------------------------------------------------------------------------

    def _run_judged(self, source: str, test: AssertTest | CallTest, budget: Budget) -> RunResult:
        request: dict[str, Any] = {
            "source": source,
            "limits": self._limits(budget, JUDGE_BYTES),
            "program_limits": self._limits(budget, budget.memory_bytes),
            "reply_bytes": budget.output_bytes,
        }
        if isinstance(test, CallTest):
            try:
                arguments = self._codec.dumps(test.args, dict(test.kwargs))
            except (TypeError, ValueError, RecursionError) as failure:
                return RunResult("error", error=f"{NO_ARGUMENTS}: {failure}")
            request.update(kind="call", function=test.function, arguments=arguments.decode())
        else:
            request.update(kind="assert", code=test.code, entry_point=test.entry_point, prelude=test.prelude)
        with contextlib.ExitStack() as opened:
            program, _ = _taken(self._interpreter.programs, opened)
            judge = self._take_judge()
            self._prepare_folder()
            watch = Watch(self._interpreter, budget, judge.cpu_seconds)
            judge.channel.send(marshal.dumps(request), (program.fileno(),))
            program.close()  # the judge's alone now: it must see the program's end
            watch.wait(judge.channel.peer.fileno(), judge.end)
            reply = self._reply(judge) if watch.stopped is None else None
            self._interpreter.programs.order_next()
            if reply is None or not reply.keep:
                self._end_judge()
            end = self._interpreter.programs.ended()
        self._renew_folder |= end.used_folder
        return self._settle(reply, end, watch)

    def _take_judge(self) -> _Judge:
        """Gives the judge, who serves as long as the test code leaves it as it was."""
        if self._judge is None:
            peer, end = self._interpreter.judges.take()
            peer.settimeout(KILL_SECONDS)
            self._judge = _Judge(Channel(peer, FRAME_BYTES), end)
        return self._judge

    def _end_judge(self) -> None:
        if self._judge is not None:
            self._drop_judge()
            self._interpreter.judges.order_next()
            self._interpreter.judges.ended()

    def _reply(self, judge: _Judge) -> _Reply | None:
        try:
            message = judge.channel.receive()
            cpu, judge.cpu_seconds = USED.unpack_from(message)
            status, error, keep, value = self._codec.loads(message[USED.size :])
        except TooLongError as failure:
            return _Reply("output_limit", f"a value of {failure} bytes", 0.0, keep=False)
        except (EOFError, ConnectionError):
            return None
        except (CodecError, ValueError, TypeError) as failure:
            return _Reply("crash", f"an unreadable value: {failure}", 0.0, keep=False)
        judge.served += 1
        return _Reply(status, error, cpu, keep=keep and judge.served < TESTS_PER_JUDGE, value=value)

    def _settle(self, reply: _Reply | None, end: End, watch: Watch) -> RunResult:
        cpu = max(end.cpu_seconds, watch.cpu_seconds)
        if watch.stopped is not None:
            return self._result(watch.stopped, end, watch)
        if reply is None:
            return self._result("error", end, watch, error="the judge ended without a word")
        if cpu + reply.cpu_seconds > watch.budget.cpu_seconds:
            return self._result("time_limit", end, watch)
        code = os.waitstatus_to_exitcode(end.status) if reply.status == "crash" else None
        return self._result(reply.status, end, watch, error=reply.error, value=reply.value, exit_code=code)

    # A whole program ----------------------------------------------------------------------------------------------------

    def _run_script(self, source: str, test: StdinTest, budget: Budget) -> RunResult:
        with contextlib.ExitStack() as opened:
            stdin, stdout = (os.memfd_create(name, os.MFD_CLOEXEC) for name in ("stdin", "stdout"))
            opened.callback(os.close, stdin)
            opened.callback(os.close, stdout)
            _fill(stdin, test.stdin.encode("utf-8", "surrogateescape" if _is_escaped(test.stdin) else "replace"))
            program, program_end = _taken(self._interpreter.programs, opened)
            self._prepare_folder()
            watch = Watch(self._interpreter, budget)
            request = {"script": True, "source": source, "limits": self._limits(budget, budget.memory_bytes)}
            Channel(program, 0).send(marshal.dumps(request), (stdin, stdout))
            watch.wait(program_end, output=stdout)
            self._interpreter.programs.order_next()
            end = self._interpreter.programs.ended()
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
        return self._result(status, end, watch, error=error, stdout=output, exit_code=code)

    # Both ---------------------------------------------------------------------------------------------------------------

    def _prepare_folder(self) -> None:
        """Gives the next program an empty folder, if the last one left anything in it; the program's fork must have been taken."""
        if not self._renew_folder:
            return
        if self._isolated:
            self._take_judge()  # a zygote takes orders while its fork is out
            self._interpreter.judges.order(REPLACE, self._disk_bytes)
            self._interpreter.programs.order(CLEAN)
        self._renew_folder = False

    def _result(
        self,
        status: RunStatus,
        end: End,
        watch: Watch,
        *,
        error: str = "",
        value: Any = None,
        stdout: bytes = b"",
        exit_code: int | None = None,
    ) -> RunResult:
        peak = max(end.peak_bytes - self._interpreter.resident_bytes, watch.peak_bytes, 0)
        if status == "crash" and exit_code == -signal.SIGKILL and peak > watch.budget.memory_bytes // 2:
            status = "memory_limit"  # nobody but the kernel, short of memory, kills the first process of a namespace
        return RunResult(
            status,
            stdout=stdout,
            value=value,
            error=one_line(error),
            cpu_seconds=max(end.cpu_seconds, watch.cpu_seconds),
            wall_seconds=time.monotonic() - watch.clock.began,
            peak_bytes=peak,
            exit_code=exit_code,
        )


def _taken(zygote: HostZygote, opened: contextlib.ExitStack) -> tuple[socket.socket, int]:
    peer, end = zygote.take()
    opened.callback(peer.close)
    opened.callback(os.close, end)
    return peer, end


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
    return (status, error) if type(status) is str and type(error) is str else None  # type: ignore[return-value]


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
