"""What the command shows: progress bars on a terminal, plain lines elsewhere, one JSON object with `--json`.

Everything for people goes to stderr; stdout holds results only, so that it can be piped.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_PLAIN_INTERVAL_SECONDS = 5.0


class Bar(Protocol):
    """One task's progress."""

    def update(self, done: int, total: int, note: str = "") -> None:
        """Says that `done` of `total` pieces are finished."""


class Terminal:
    """The command's voice: `quiet` when the result is JSON, bars when stderr is a terminal."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.interactive = sys.stderr.isatty() and not as_json

    @property
    def console(self) -> "Console":
        """A rich console on stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    @property
    def results(self) -> "Console":
        """A rich console on stdout."""
        from rich.console import Console

        return Console(highlight=False)

    def say(self, message: str) -> None:
        """Writes a line for people."""
        print(message, file=sys.stderr, flush=True)  # noqa: T201 - this is the door

    def result(self, value: Any, *, title: str = "", rows: Sequence[tuple[str, str]] = ()) -> None:
        """Gives the command's result: the value as JSON, or a table of `rows` for people."""
        if self.as_json:
            print(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str), flush=True)  # noqa: T201
            return
        self.table(title, rows)

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """Shows name and value pairs."""
        from rich.box import SIMPLE
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(title), show_header=False, title_justify="left", title_style="bold", box=SIMPLE)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(escape(name), escape(value))
        self.results.print(table)

    def grid(
        self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[int] = ()
    ) -> None:
        """Shows a table with a header; the columns at the positions `numeric` are right-aligned."""
        from rich.box import SIMPLE_HEAD
        from rich.markup import escape
        from rich.table import Table

        # Narrow gaps, and numbers in one piece: a table of ten measures fits a terminal of 80 columns.
        table = Table(
            title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for position, name in enumerate(header):
            is_number = position in numeric
            justify: Literal["left", "right"] = "right" if is_number else "left"
            table.add_column(escape(name), justify=justify, overflow="fold", no_wrap=is_number)
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self.results.print(table)

    @contextmanager
    def bars(self) -> Iterator["Bars"]:
        """Gives named progress bars that end with the block."""
        if not self.interactive:
            yield _PlainBars(silent=self.as_json)
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        with Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
        ) as progress:
            yield _RichBars(progress)


class Bars(Protocol):
    """A set of named bars."""

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        """Moves the bar of this name, and makes it if it is new."""


class _RichBars:
    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, note=note)
        self._progress.update(self._tasks[name], completed=done, total=total, note=note)


class _PlainBars:
    """A line when a bar starts, every few seconds, and when it ends."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._last: dict[str, tuple[float, int, int]] = {}

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        said, last_done, last_total = self._last.get(name, (float("-inf"), -1, -1))
        finished = done >= total
        if (done, total) == (last_done, last_total) or (now - said < _PLAIN_INTERVAL_SECONDS and not finished):
            return
        self._last[name] = (now, done, total)
        if not self._silent:
            print(f"{name}: {done:,} of {total:,} {note}".rstrip(), file=sys.stderr, flush=True)  # noqa: T201


def human_bytes(count: float) -> str:
    """Gives a size with a decimal unit, for example ``1.2 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError  # the last unit always returns


def share(part: float, whole: float) -> str:
    """Gives a share in percent, or a dash when there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def flat_rows(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Gives a nested mapping as rows of dotted name and value."""
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        if isinstance(item, Mapping):
            rows += flat_rows(item, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", f"{item:,}" if isinstance(item, int) else str(item)))
    return rows
