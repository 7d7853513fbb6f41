"""Which of a file's columns feed our fields, as several commands ask for it on the command line."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from schemas.arrow import TASKS
from schemas.errors import UserError
from workers.imports import ImportSource

_DEFAULT_TASK = "math"


@dataclass(frozen=True)
class ColumnRequest:
    """Preset and columns of a file of prompts or generations, and the task of rows that do not say it."""

    preset: str | None = None
    columns: tuple[str, ...] = ()
    task: str | None = None
    language: str | None = None

    def source(self, path: Path, *, prompts_only: bool = False) -> ImportSource:
        """Gives what to import; the source is called as the file is.

        Raises:
            UserError: names the option that does not fit.
        """
        if self.task is not None and self.task not in TASKS:
            raise UserError(f"--task {self.task}: there are {', '.join(TASKS)}")
        return ImportSource(
            path,
            path.stem if prompts_only else path.name.split(".")[0] or "generations",
            preset=self.preset or "auto",
            columns=read_columns(self.columns),
            task=self.task or _DEFAULT_TASK,
            language=self.language,
            prompts_only=prompts_only,
        )


def read_columns(pairs: Iterable[str]) -> dict[str, str]:
    """Gives our field -> their column.

    Raises:
        UserError: a pair is not OURS=THEIRS.
    """
    columns: dict[str, str] = {}
    for pair in pairs:
        ours, separator, theirs = pair.partition("=")
        if not separator:
            raise UserError(f"--column {pair}: OURS=THEIRS is needed, for example generation=completion")
        columns[ours] = theirs
    return columns
