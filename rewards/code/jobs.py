"""The contract between running a program and judging what it did. Plain data: nothing is run, read or written here.

A `Job` is one program with its tests; an `Executor` runs jobs in a sandbox and says what each test showed. No expected output is part of a
job, so none can be read by the program: outputs and values are compared by the caller. Only the code of an `AssertTest` holds
expectations, and the executor keeps that apart from the program.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, get_args

RunStatus = Literal[
    "ok",
    "failed",
    "compile_error",
    "time_limit",
    "memory_limit",
    "output_limit",
    "crash",
    "unsupported",
    "error",
]
"""What running one test showed.

`ok`: ran to its end (exit code 0, a value came back, the assertions held). `failed`: an assertion did not hold, or the exit code of a
program that reads stdin is not 0 (its `stdout` is given). `compile_error`: the program is no program. `time_limit`, `memory_limit`,
`output_limit`: it used more than its budget. `crash`: an exception, a signal, an exit in the middle of a call, no result at all.
`unsupported`: no toolchain for the language here; `error` names what is missing. `error`: the sandbox or a worker of ours failed.
"""

RUN_STATUSES: Final[tuple[str, ...]] = get_args(RunStatus)
"""Every status, in the order of the contract."""

OURS: Final[frozenset[str]] = frozenset({"unsupported", "error"})
"""The statuses that say nothing about the program."""

NO_ARGUMENTS: Final = "the arguments of the test are no data"
"""How the error of a test begins whose arguments cannot be sent, such as lists in lists without end."""

_MIB: Final = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """What one test may use; a compilation has a budget of its own.

    Attributes:
        cpu_seconds: processor time of the program and all its children together.
        wall_seconds: time on the clock, for a program that sleeps or waits.
        memory_bytes: memory of the program alone, whatever the process around it already holds.
        output_bytes: bytes that are read of its stdout, or of a value as it is sent.
        disk_bytes: size of the writable folder.
        processes: processes and threads at one time.
    """

    cpu_seconds: float = 5.0
    wall_seconds: float = 15.0
    memory_bytes: int = 512 * _MIB
    output_bytes: int = _MIB
    disk_bytes: int = 64 * _MIB
    processes: int = 64

    def __post_init__(self) -> None:
        """Refuses a budget that nothing can run in.

        Raises:
            ValueError: for a limit that is not positive.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"budget: {field.name} must be positive, not {value!r}")


@dataclasses.dataclass(frozen=True, slots=True)
class StdinTest:
    """Runs the whole program with `stdin`; the result is its stdout."""

    stdin: str


@dataclasses.dataclass(frozen=True, slots=True)
class CallTest:
    """Calls a function of the program; the result is the value that it returned.

    Attributes:
        function: a name of the program's top level; `Class.method` makes an object of the class without arguments and calls its method.
        args: positional arguments: data only (see `RunResult.value`).
        kwargs: named arguments.
    """

    function: str
    args: list[Any]
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class AssertTest:
    """Runs test code against the program; the result is whether it ran to its end.

    Attributes:
        code: either defines `check(candidate)`, which is called with the program's `entry_point`, or holds bare assertions. In a language
            other than Python it is appended to the program.
        entry_point: the function under test, for `check`; None for bare assertions.
        prelude: trusted code that runs before `code` (a prompt's imports and helpers).
    """

    code: str
    entry_point: str | None
    prelude: str


Test = StdinTest | CallTest | AssertTest


@dataclasses.dataclass(frozen=True, slots=True)
class NotData:
    """Stands for a returned value that is no data (an object of the program's own class); equal to nothing but itself."""

    type_name: str

    def __eq__(self, other: object) -> bool:
        """Says whether it is the very same object."""
        return self is other

    def __hash__(self) -> int:
        """Goes with equality by identity."""
        return id(self)


@dataclasses.dataclass(frozen=True, slots=True)
class RunResult:
    """What one test of one job showed.

    Attributes:
        status: see `RunStatus`.
        stdout: what the program wrote, at most `Budget.output_bytes`.
        value: what the function of a `CallTest` returned, as plain data: None, bool, int, float, complex, str, bytes, list, tuple, set,
            frozenset, dict, range, Decimal, Fraction and dates, subclasses as their base; `NotData` for anything else.
        error: one line: the exception, the compiler's first message, what is missing.
        cpu_seconds: processor time of the program and its children; 0.0 where it could not be measured.
        wall_seconds: time on the clock.
        peak_bytes: greatest resident memory; 0 where it could not be measured.
        exit_code: of the program, negative for a signal; None where it did not exit by itself.
    """

    status: RunStatus
    stdout: bytes = b""
    value: Any = None
    error: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_bytes: int = 0
    exit_code: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One program with its tests.

    Attributes:
        language: a name of `rewards.code.languages`.
        source: the whole program.
        tests: run in this order, each from the same beginning: nothing that one test leaves is seen by the next.
        budget: of each test.
        stop_at_first_failure: leaves out the tests after the first that did not pass.
        passes: says, outside of the sandbox, whether the result of the test at that place is a pass; asked only with
            `stop_at_first_failure`. Where it is None, status `ok` is a pass. It must not raise.
    """

    language: str
    source: str
    tests: tuple[Test, ...]
    budget: Budget = dataclasses.field(default_factory=Budget)
    stop_at_first_failure: bool = False
    passes: Callable[[int, RunResult], bool] | None = dataclasses.field(default=None, compare=False)


class Executor(Protocol):
    """Runs programs where they can do no harm."""

    def execute(self, jobs: Sequence[Job]) -> list[list[RunResult]]:
        """Runs every job, as many at a time as there are slots.

        Returns:
            One list a job, in order, with one result a test; shorter only where `stop_at_first_failure` ended the job: its last result
            is then the failure. A program that does not compile has one `compile_error` (all of them alike when it does not stop).

        Never raises for what a program does, and a program that breaks a slot costs no other job its results.
        """
