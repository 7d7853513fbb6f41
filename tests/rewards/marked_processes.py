"""Processes that one test alone started, found by a mark among their arguments: tests run side by side on one machine."""

import itertools
import os
import time
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


def wait_until_gone(mark: str, seconds: float = 60.0) -> list[Path]:
    """Waits until no process with `mark` runs, since those that were killed need their time; gives the folders of those that still do."""
    deadline = time.monotonic() + seconds
    while (left := processes_with(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left
