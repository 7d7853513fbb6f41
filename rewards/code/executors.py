"""One executor for all languages: Python by its warm server, the others by their own commands. Starts the processes that those start."""

from collections.abc import Sequence

from rewards.code.commands import CommandExecutor
from rewards.code.jobs import Executor, Job, RunResult
from rewards.code.python_server import PythonServer
from rewards.sandbox.isolation import find_isolation
from schemas.errors import UserError


class OwnExecutor:
    """Runs programs of every language; see `own_executor`."""

    def __init__(self, python: PythonServer, others: CommandExecutor) -> None:
        self._python = python
        self._others = others

    def execute(self, jobs: Sequence[Job]) -> list[list[RunResult]]:
        """Runs the jobs: see `rewards.code.jobs.Executor`. Those in Python go first."""
        results: list[list[RunResult]] = [[] for _ in jobs]
        for executor, mine in (
            (self._python, [place for place, job in enumerate(jobs) if job.language == "python"]),
            (self._others, [place for place, job in enumerate(jobs) if job.language != "python"]),
        ):
            _run_on(executor, jobs, mine, results)
        return results

    def close(self) -> None:
        """Ends the processes that wait for programs. A later `execute` starts new ones."""
        self._python.close()


def _run_on(executor: Executor, jobs: Sequence[Job], mine: Sequence[int], results: list[list[RunResult]]) -> None:
    if mine:
        for place, found in zip(mine, executor.execute([jobs[place] for place in mine]), strict=True):
            results[place] = found


def own_executor(*, slots: int = 1, packages: Sequence[str] = (), unsafe_no_sandbox: bool = False) -> OwnExecutor:
    """Makes an executor; its processes start with the first program.

    Args:
        slots: programs that run at once.
        packages: installed packages that Python programs may import.
        unsafe_no_sandbox: run them without isolation, as this user.

    Raises:
        ValueError: a package that is not installed here.
        UserError: programs cannot be isolated on this machine, and `unsafe_no_sandbox` is not set.
    """
    isolation = find_isolation()
    if not isolation.available and not unsafe_no_sandbox:
        raise UserError(
            f"programs cannot be isolated here: {isolation.reason}; or run them as yourself, isolated by nothing: --unsafe-no-sandbox"
        )
    isolated = not unsafe_no_sandbox
    return OwnExecutor(
        PythonServer(size=slots, packages=packages, isolated=isolated), CommandExecutor(slots=slots, isolated=isolated)
    )
