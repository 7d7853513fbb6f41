"""Runs programs of every language but Python: compiled once, each test in a sandbox of its own. An `Executor` of `rewards.code.jobs`.

A program and what its compiler makes lie in a temporary folder of this machine, which the compiler's sandbox may write to and the tests'
may only read; so nothing that one test leaves is seen by the next. Processes are started by `rewards.sandbox`.
"""

import contextlib
import dataclasses
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from rewards.code.call_programs import call_program
from rewards.code.calls import CallFault, CallValueError, call_request, is_function_name, read_answer
from rewards.code.harness import HarnessError, Sources, java_classes, join, scala_main
from rewards.code.jobs import AssertTest, Budget, CallTest, Job, RunResult, RunStatus, Test
from rewards.code.languages import LANGUAGES, Language
from rewards.code.toolchains import MissingToolError, Toolchain, find_toolchain
from rewards.sandbox.command import DEFAULT_ENVIRONMENT, Bind, SandboxError, SandboxSpec
from rewards.sandbox.isolation import SANDBOX_ID
from rewards.sandbox.launch import Limits
from rewards.sandbox.reach import UnreachableError, public_folder
from rewards.sandbox.run import Outcome, run_program

_MIB: Final = 1 << 20

COMPILE_BUDGET: Final = Budget(
    cpu_seconds=30.0,
    wall_seconds=120.0,
    memory_bytes=2048 * _MIB,
    output_bytes=_MIB,
    disk_bytes=256 * _MIB,
    processes=256,
)
"""What a compiler may use, whatever the test's own budget."""

SHARED_MEMORY_BYTES: Final = 16 * _MIB
"""Size of /dev/shm in a sandbox."""

FUNCTIONS_ALONE: Final = 8
"""So many functions of one program are compiled each for itself where the program lacks one of them."""

ERROR_CHARACTERS: Final = 300
"""The longest error line that a result holds."""

_CHANNEL: Final = ("/bin/sh", "-c", 'exec 3>&1 1>&2; exec "$@"', "sh")
"""Before the command of a call: its value has a descriptor of its own, and what the program prints goes where its errors go."""

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
"""How a shell, and the loader of programs, say that they could not start one."""

_SIGABRT, _SIGXFSZ = -6, -25


class CommandExecutor:
    """Runs jobs in languages that have a compiler or an interpreter on this machine.

    Args:
        slots: how many jobs run at once.
        compile_budget: of each compilation.
        isolated: False runs programs without a sandbox, with the rights of this process; only for who says so.
    """

    def __init__(self, *, slots: int = 1, compile_budget: Budget = COMPILE_BUDGET, isolated: bool = True) -> None:
        if slots < 1:
            raise ValueError(f"at least one slot is needed, not {slots}")
        self._slots = slots
        self._compile_budget = compile_budget
        self._isolated = isolated

    def execute(self, jobs: Sequence[Job]) -> list[list[RunResult]]:
        """Runs every job; see `rewards.code.jobs.Executor.execute`."""
        if self._slots == 1 or len(jobs) < 2:
            return [self._run_job(job) for job in jobs]
        with ThreadPoolExecutor(self._slots, thread_name_prefix="tamis-commands") as threads:
            return list(threads.map(self._run_job, jobs))

    def _run_job(self, job: Job) -> list[RunResult]:
        language = LANGUAGES.get(job.language)
        if language is None or language.name == "python":
            why = "is run by rewards.code.python_server" if language else "is not a known language"
            return _all_alike(job, RunResult("unsupported", error=f"{job.language!r} {why}"))
        try:
            toolchain = find_toolchain(language.name)
            folder = tempfile.TemporaryDirectory(
                prefix="tamis-program-", dir=public_folder(), ignore_cleanup_errors=True
            )
        except MissingToolError as missing:
            return _all_alike(job, RunResult("unsupported", error=str(missing)))
        except (OSError, UnreachableError) as failure:
            return _all_alike(job, RunResult("error", error=_one_line(str(failure))))
        with folder:
            Path(folder.name).chmod(0o711)
            program = _Program(
                job, language, toolchain, Path(folder.name), self._compile_budget, isolated=self._isolated
            )
            return list(self._run_tests(job, program))

    def _run_tests(self, job: Job, program: "_Program") -> Iterator[RunResult]:
        for place, test in enumerate(job.tests):
            try:
                result = program.run(test)
            except (HarnessError, CallValueError) as refused:
                result = RunResult("unsupported", error=_one_line(str(refused)))
            except (OSError, SandboxError) as failure:
                result = RunResult("error", error=_one_line(str(failure)))
            yield result
            passed = job.passes(place, result) if job.passes is not None else result.status == "ok"
            if job.stop_at_first_failure and not passed:
                return


@dataclasses.dataclass(frozen=True, slots=True)
class _Build:
    """A compiled program: its folder and the class that starts it, or why there is none."""

    folder: Path
    main: str
    failure: RunResult | None = None


class _Program:
    """One program of one job: compiled at most once for each text that is to be compiled."""

    def __init__(
        self,
        job: Job,
        language: Language,
        toolchain: Toolchain,
        folder: Path,
        compile_budget: Budget,
        *,
        isolated: bool,
    ) -> None:
        self._job = job
        self._language = language
        self._toolchain = toolchain
        self._folder = folder
        self._compile_budget = compile_budget
        self._isolated = isolated
        self._builds: dict[tuple[object, ...], _Build] = {}
        self._prefix = f"t{secrets.token_hex(8)}"

    def run(self, test: Test) -> RunResult:
        """Runs one test. Raises HarnessError, CallValueError, SandboxError or OSError."""
        if isinstance(test, AssertTest):
            return self._run_assertions(test)
        if isinstance(test, CallTest):
            return self._run_call(test)
        build = self._build(Sources(self._job.source))
        if build.failure is not None:
            return build.failure
        outcome = self._start(build, self._language.run, test.stdin.encode("utf-8", "replace"))
        return self._result(outcome, outcome.stdout, failing_exit="failed")

    def _run_assertions(self, test: AssertTest) -> RunResult:
        if not self._language.takes_assertions:
            raise HarnessError(f"assertion tests are not supported in {self._language.name}")
        code = f"{test.prelude}\n{test.code}" if test.prelude else test.code
        build = self._build(join(self._language.name, self._job.source, code))
        if build.failure is not None:
            return build.failure
        token = secrets.token_hex(16)
        stdin = json.dumps({"token": token, "call": None}) if self._language.json_requests else token
        outcome = self._start(build, self._language.run_assertions or self._language.run, f"{stdin}\n".encode())
        end = f"\n{token}\n".encode()
        reached = outcome.stdout.endswith(end)
        result = self._result(outcome, outcome.stdout.removesuffix(end), failing_exit="failed")
        if result.status == "ok" and not reached:
            return dataclasses.replace(result, status="crash", error="the program ended before its tests did")
        if result.status == "crash" and outcome.exit_code == _SIGABRT:  # how a failed assert of C ends
            return dataclasses.replace(result, status="failed")
        return result

    def _run_call(self, test: CallTest) -> RunResult:
        if not self._language.run_calls:
            raise HarnessError(
                f"calls of functions are not supported in {self._language.name}: use stdin or assertion tests"
            )
        token = secrets.token_hex(16)
        request = call_request(self._language.name, token, test)
        build = self._build_for_call(test)
        if build.failure is not None:
            return build.failure
        outcome = self._start(build, (*_CHANNEL, *self._language.run_calls), request)
        result = self._result(outcome, b"", failing_exit="crash")
        if result.status != "ok":
            return result
        try:
            return dataclasses.replace(result, value=read_answer(self._language.name, outcome.stdout, token))
        except CallFault as fault:
            return dataclasses.replace(result, status="failed", error=_one_line(str(fault)))
        except ValueError:
            error = "the call gave no readable value" if outcome.stdout else "the call did not return"
            return dataclasses.replace(result, status="crash", error=error)

    def _build_for_call(self, test: CallTest) -> _Build:
        """Compiles one program for all functions that the tests call; where that is none, and they are few, one for this function."""
        name = self._language.name
        asked = dict.fromkeys(other.function for other in self._job.tests if isinstance(other, CallTest))
        functions = [function for function in asked if is_function_name(function, name)]
        build = self._build(call_program(name, self._job.source, functions, self._prefix))
        if build.failure is None or not 1 < len(functions) <= FUNCTIONS_ALONE:
            return build
        return self._build(call_program(name, self._job.source, [test.function], self._prefix))

    def _build(self, sources: Sources) -> _Build:
        key = sources.text, sources.joined, *sources.files.values()
        build = self._builds.get(key)
        if build is None:
            build = self._builds[key] = self._compile(sources)
        return build

    def _compile(self, sources: Sources) -> _Build:
        source, work = (self._folder / f"{kind}{len(self._builds)}" for kind in ("source", "work"))
        for folder in (source, work):
            folder.mkdir()
            folder.chmod(0o755)
        public, main = java_classes(sources.text) if self._language.name == "java" else ("", "")
        if self._language.name == "scala":
            main = scala_main(sources.text)
        main = sources.main or main
        name = self._language.file.format(public=public)
        if not self._language.compile:
            name = name if sources.joined else _module_name(name, sources.text)
            _write(work, {name: sources.text, **sources.files})
            return _Build(work, main)
        _write(source, {name: sources.text, **sources.files})
        if os.geteuid() == 0:
            os.chown(work, SANDBOX_ID, SANDBOX_ID)
        values = {
            "public": public,
            "link": "-Wl,--wrap=main" if sources.joined else "",
            "extra": sources.extra and f"/source/{sources.extra}",
        }
        command = self._fill(self._language.compile, values)
        binds = [Bind(source, "/source"), Bind(work, "/built", writable=True)]
        outcome = run_program(
            self._spec(command, binds, self._compile_budget), _limits(self._compile_budget), isolated=self._isolated
        )
        if outcome.ending == "exit" and outcome.exit_code == 0:
            return _Build(work, main)
        said = _first_error(outcome.stderr or outcome.stdout)
        if outcome.exit_code in {_NOT_EXECUTABLE, _NOT_FOUND}:
            raise SandboxError(f"the compiler did not start: {said}")
        if outcome.ending != "exit":
            said = f"the compiler passed its {outcome.ending.replace('_', ' ')}"
        return _Build(
            work,
            main,
            RunResult("compile_error", error=said, cpu_seconds=outcome.cpu_seconds, exit_code=outcome.exit_code),
        )

    def _start(self, build: _Build, command: Sequence[str], stdin: bytes) -> Outcome:
        budget = self._job.budget
        memory = str(max(16, budget.memory_bytes // _MIB))
        filled = self._fill(command, {"main": build.main, "memory": memory})
        if not self._language.compile and (build.folder / "program.mjs").exists():
            filled = [part.replace("/built/program.js", "/built/program.mjs") for part in filled]
        limits = _limits(budget)
        limits = dataclasses.replace(
            limits,
            memory_bytes=limits.memory_bytes + self._language.overhead_bytes,
            processes=limits.processes + self._language.overhead_processes,
        )
        spec = self._spec(filled, [Bind(build.folder, "/built")], budget)
        return run_program(spec, limits, stdin=stdin, isolated=self._isolated)

    def _spec(self, command: Sequence[str], binds: Sequence[Bind], budget: Budget) -> SandboxSpec:
        return SandboxSpec(
            command,
            binds=[*self._toolchain.binds, *binds],
            tmpfs={"/tmp": budget.disk_bytes, "/dev/shm": min(SHARED_MEMORY_BYTES, budget.disk_bytes)},  # noqa: S108 - the sandbox's own
            environment={**DEFAULT_ENVIRONMENT, **self._language.environment},
        )

    def _fill(self, command: Sequence[str], values: dict[str, str]) -> list[str]:
        filled = []
        for part in command:
            tool = re.search(r"@([\w+-]+)$", part)
            text = (
                part[: tool.start()] + self._toolchain.tools[tool[1]]
                if tool and tool[1] in self._toolchain.tools
                else part
            )
            for name, value in values.items():
                text = text.replace(f"{{{name}}}", value)
            if text:
                filled.append(text)
        return filled

    def _result(self, outcome: Outcome, stdout: bytes, *, failing_exit: RunStatus) -> RunResult:
        status, error = _judge(outcome, self._language, failing_exit)
        return RunResult(
            status,
            stdout=stdout,
            error=error,
            cpu_seconds=outcome.cpu_seconds,
            wall_seconds=outcome.wall_seconds,
            peak_bytes=outcome.peak_bytes,
            exit_code=outcome.exit_code,
        )


def _judge(outcome: Outcome, language: Language, failing_exit: RunStatus) -> tuple[RunStatus, str]:
    """Gives the status and the error line of a run."""
    if outcome.ending != "exit":
        used = f"{outcome.cpu_seconds:.1f} s of processor time in {outcome.wall_seconds:.1f} s, {outcome.peak_bytes // _MIB} MiB"
        return outcome.ending, f"killed at its {outcome.ending.replace('_', ' ')}: {used}"
    if outcome.exit_code == 0:
        return "ok", ""
    said = _first_error(outcome.stderr)
    if outcome.exit_code == _SIGXFSZ:
        return "output_limit", "a file grew over the limit"
    status = failing_exit
    if re.search(language.out_of_memory, outcome.stderr):
        status = "memory_limit"
    elif re.search(language.no_program, outcome.stderr):
        status = "compile_error"
    elif outcome.exit_code is not None and outcome.exit_code < 0:
        status = "crash"
    return status, said or f"exit code {outcome.exit_code}"


def _limits(budget: Budget) -> Limits:
    return Limits(
        budget.cpu_seconds,
        budget.wall_seconds,
        budget.memory_bytes,
        budget.output_bytes,
        budget.disk_bytes,
        budget.processes,
    )


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Writes a program's files, for the sandbox's user to read."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o755)
        path.write_bytes(text.encode("utf-8", "replace"))
        path.chmod(0o644)


def _module_name(name: str, text: str) -> str:
    """Gives a JavaScript program that imports as modules do the name that Node wants for it."""
    is_module = name == "program.js" and re.search(
        r"^\s*(?:import\s[^(]*?from\s|import\s*[\"'{]|export\s)", text, re.MULTILINE
    )
    return "program.mjs" if is_module else name


def _all_alike(job: Job, result: RunResult) -> list[RunResult]:
    return [result] * (1 if job.stop_at_first_failure and job.tests else len(job.tests))


def _first_error(output: bytes) -> str:
    """Gives the line that says most: the first with an error in it, else the last."""
    lines = [line for line in output[:65536].decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|exception|panic|fail|died|limit|not ", line, re.IGNORECASE)]
    return _one_line((telling or lines[-1:] or [""])[0])


def _one_line(text: str) -> str:
    with contextlib.suppress(ValueError):
        text = text.strip().splitlines()[0] if text.strip() else ""
    return "".join(character if character.isprintable() else " " for character in text)[:ERROR_CHARACTERS]
