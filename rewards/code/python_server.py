"""Runs Python programs in warm sandboxes: the `Executor` of `rewards.code.jobs` for Python. Starts and kills processes of its own.

A slot is one sandbox (`rewards.code.python_slot`); as many jobs run at once as there are slots. It may be used from several threads and
survives a fork of its own process: the child lets go of what it inherited and starts its own slots when it needs them.
"""

import threading
from collections.abc import Sequence
from typing import Final

from rewards.code.jobs import Job, RunResult, Test
from rewards.code.python_prefix import find_python
from rewards.code.python_queue import JobQueue
from rewards.code.python_slot import PythonSlot
from rewards.code.python_zygotes import SlotError
from rewards.places import Places
from rewards.process_owned import own

ATTEMPTS: Final = 2
"""How often a test is tried when its slot fails."""


class PythonServer:
    """An executor for Python programs.

    Args:
        size: slots. Parallelism mostly belongs to the caller's own workers: the default is 1.
        packages: names of installed packages that programs may import beside the standard library, such as `numpy`.
        isolated: False runs programs WITHOUT a sandbox, with nothing between them and this machine but limits.

    Raises:
        ValueError: for a size below 1 or a package that is not there.
    """

    _places: Places[PythonSlot]

    def __init__(self, *, size: int = 1, packages: Sequence[str] = (), isolated: bool = True) -> None:
        if size < 1:
            raise ValueError(f"a server needs at least one slot, not {size}")
        self.size = size
        self.isolated = isolated
        self._prefix = find_python(tuple(packages))
        self._forget()
        own(self)

    def execute(self, jobs: Sequence[Job]) -> list[list[RunResult]]:
        """Runs the jobs: see `rewards.code.jobs.Executor`. Results of a test whose slot failed twice have status `error`."""
        results: list[list[RunResult]] = [[] for _ in jobs]
        waiting = JobQueue(jobs)
        failures: list[BaseException] = []
        with self._places.lend(min(self.size, len(jobs))) as places:

            def work(place: int) -> None:
                try:
                    while (index := waiting.take(place)) is not None:
                        results[index] = self._run_job(places, place, jobs[index])
                except BaseException as failure:  # noqa: BLE001 - a defect of ours, raised by the caller's own thread
                    waiting.clear()
                    failures.append(failure)

            helpers = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(1, len(places))]
            for helper in helpers:
                helper.start()
            try:
                if jobs:
                    work(0)
            finally:
                waiting.clear()  # an interrupt of the caller: what has not begun is of no use to anybody
                for helper in helpers:
                    helper.join()
        if failures:
            raise failures[0]
        return results

    def close(self) -> None:
        """Ends all slots that wait. A later `execute` starts new ones."""
        for slot in self._places.take_idle():
            slot.close()

    def slot_pids(self) -> list[int]:
        """Gives the process ids of the sandboxes that wait for work, for those who watch or test the server."""
        with self._places.changed:
            return [slot.pid() for slot in self._places.idle]

    def _run_job(self, places: list[PythonSlot | None], place: int, job: Job) -> list[RunResult]:
        results: list[RunResult] = []
        for index, test in enumerate(job.tests):
            result = self._run_test(places, place, job, test)
            results.append(result)
            if result.status == "compile_error" and not job.stop_at_first_failure:
                return results + [result] * (len(job.tests) - len(results))
            passed = result.status == "ok" if job.passes is None else job.passes(index, result)
            if job.stop_at_first_failure and not passed:
                break
        return results

    def _run_test(self, places: list[PythonSlot | None], place: int, job: Job, test: Test) -> RunResult:
        error = ""
        for _ in range(ATTEMPTS):
            slot = places[place]
            try:
                if slot is None:
                    slot = places[place] = PythonSlot(self._prefix, isolated=self.isolated)
                return slot.run(job.source, test, job.budget)
            except SlotError as failure:
                error = str(failure)
            except BaseException:
                self._drop(places, place)
                raise
            self._drop(places, place)
        return RunResult("error", error=error)

    @staticmethod
    def _drop(places: list[PythonSlot | None], place: int) -> None:
        slot, places[place] = places[place], None
        if slot is not None:
            slot.close()

    def _forget(self) -> None:
        """Begins with nothing: at construction, and in a forked child, whose inherited lock may be held by nobody."""
        self._places = Places(self.size)

    def after_fork(self) -> None:
        """Lets go of the parent's slots without a word to them: they go on serving the parent."""
        idle = self._places.idle
        self._forget()
        for slot in idle:
            slot.forget()
