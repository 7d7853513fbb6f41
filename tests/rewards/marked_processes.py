"""Processes that one test alone started, found by a mark among their arguments: tests run side by side on one machine."""

import itertools
import os
from pathlib import Path

_numbers = itertools.count()


def new_mark() -> str:
    """Seconds to `sleep` (over two months) that no other test and no other run of the tests sleeps."""
    return f"{6_000_000 + os.getpid()}.{next(_numbers)}"


def processes_with(mark: str) -> list[Path]:
    """Folders below /proc of the processes that have `mark` within their arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(folder)
            except OSError:
                continue
    return found
