"""Runs one Beam pipeline: on this machine in our own worker processes, or on the runner that Beam options name.

The pipeline runs in a thread, so that the command can report progress, stop at Ctrl-C, and end workers that hang on.
"""

import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from curation.job.local_workers import LocalRunner, quiet_connections
from curation.job.nursery import Nursery, nursery_for_job
from schemas.errors import UserError

_POLL_SECONDS = 0.2
_STOP_SECONDS = 15.0
_LOCAL_RUNNERS = ("", "DirectRunner", "FnApiRunner")
#: How Beam wraps the error of a transform: ``RuntimeError: <error> [while running '<transform>']``.
_WRAPPED = re.compile(r"^RuntimeError: (.*) \[while running '.*'\]$")
# WARN, which is also how Java runners spell it: Flink refuses WARNING.
_QUIET = ("--default_sdk_harness_log_level=WARN",)


class PipelineError(Exception):
    """A pipeline failed; the message is its last line. The stage may be tried again."""


@dataclass(frozen=True)
class Runtime:
    """Where pipelines run.

    Attributes:
        options: ordinary Beam options. Without ``--runner``, or with DirectRunner, the pipeline runs in processes of ours.
        num_workers: worker processes here; None for all cores.
        nursery: forks them.
        log_directory: folder for their output.
    """

    options: tuple[str, ...]
    num_workers: int | None
    nursery: Nursery
    log_directory: Path

    @classmethod
    def make(cls, options: Sequence[str], num_workers: int | None, log_directory: Path) -> "Runtime":
        """Checks the options. Starts nothing yet; close `nursery` in the end.

        Raises:
            UserError: the number of workers is not positive, or an option is none of Beam's. On a runner elsewhere, options that
                Beam does not know are left to its job server.
        """
        if num_workers is not None and num_workers < 1:
            raise UserError(f"--workers must be at least 1, not {num_workers}")
        made = cls(tuple(options), num_workers, nursery_for_job(log_directory), log_directory)
        if made.is_local and (unknown := _unknown(options)):
            raise UserError(f"{unknown}: neither an option of this command nor one of Beam")
        return made

    @property
    def is_local(self) -> bool:
        """Whether the workers are processes of this command."""
        return (self._pipeline_options().view_as(StandardOptions).runner or "") in _LOCAL_RUNNERS

    def _pipeline_options(self) -> PipelineOptions:
        return PipelineOptions([*_QUIET, *self.options])

    def pipeline(self) -> tuple[Any, LocalRunner | None]:
        """Makes an empty pipeline, and gives its runner if that is ours."""
        options = self._pipeline_options()
        if not self.is_local:
            return beam.Pipeline(options=options), None
        direct = options.view_as(DirectOptions)
        asked = direct.direct_num_workers if direct.direct_num_workers != 1 else 0
        # Mode and workers are ours to set: Beam's own multi-processing mode would put its environment in the place of ours.
        direct.direct_running_mode, direct.direct_num_workers = "in_memory", 1
        runner = LocalRunner(options, self.num_workers or asked or _cores(), self.nursery, self.log_directory)
        return beam.Pipeline(runner=runner, options=options), runner


def run_pipeline(runtime: Runtime, build: Callable[[Any], None], poll: Callable[[], None]) -> None:
    """Builds a pipeline and runs it to its end.

    Args:
        runtime: where.
        build: wires the transforms into the pipeline it is given.
        poll: is called several times a second, in this thread. What it raises stops the pipeline and is raised here.

    Raises:
        PipelineError: the pipeline failed, or one of its workers ended.
    """
    pipeline, runner = runtime.pipeline()
    build(pipeline)
    outcome: list[BaseException] = []
    running: list[Any] = []

    def run() -> None:
        try:
            running.append(pipeline.run())
            running[0].wait_until_finish()
        except BaseException as error:  # noqa: BLE001 - handed over to the command's thread
            outcome.append(error)

    thread = threading.Thread(target=run, name="pipeline", daemon=True)
    quiet_connections()
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            poll()
    except BaseException:
        _stop(thread, runner, running)
        raise
    if outcome:
        logging.getLogger(__name__).debug("pipeline failed", exc_info=outcome[0])
        raise PipelineError(last_line(outcome[0])) from outcome[0]


def _unknown(options: Sequence[str]) -> str | None:
    """Gives the first argument that Beam's options do not take."""
    parsers: list[Any] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    return next(iter(parsers[0].parse_known_args(list(options))[1]), None)


def _cores() -> int:
    """Gives the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _stop(thread: threading.Thread, runner: LocalRunner | None, running: list[Any]) -> None:
    if runner is not None:
        runner.crew.fail("stopped")
    elif running:
        running[0].cancel()
    thread.join(_STOP_SECONDS)


def last_line(error: BaseException) -> str:
    """Gives the line of an error that says what happened: Beam packs a worker's whole traceback into the message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith(" ")]
    return _WRAPPED.sub(r"\1", lines[-1]) if lines else type(error).__name__
