"""The clock of a program: time that passes, less time in which it was ready to run and had no processor. Reads /proc; ends nothing.

Without that a busy machine would take honest programs for slow ones. A limit of processor time stands beside it, and a program may
take at most `MOST_STRETCH` times its time, so that one that lowers its own priority gains nothing but a late end.
"""

import os
import time
from collections.abc import Callable, Iterable
from typing import Final

from rewards.sandbox.tree import descendants

MOST_STRETCH: Final = 4.0
"""The most that passes on the clock, in times of the limit."""

_LEAST_WAIT: Final = 0.02
"""Seconds between two looks at who waited."""

_NANOSECONDS: Final = 1e9


class ProgramClock:
    """Says when a program has had its time. Begins when it is made.

    Args:
        seconds: the limit.
        roots: gives the processes of the program and of what it waits for; each with all its descendants.
    """

    def __init__(self, seconds: float, roots: Callable[[], Iterable[int]]) -> None:
        self.began = time.monotonic()
        self._seconds = seconds
        self._roots = roots
        self._deadline = self.began + seconds

    def left(self) -> float:
        """Seconds until `is_over` may say yes; not below 0."""
        return max(0.0, self._deadline - time.monotonic())

    def is_over(self) -> bool:
        """Says whether the limit is passed."""
        now = time.monotonic()
        if now < self._deadline:
            return False
        last = self.began + MOST_STRETCH * self._seconds
        deadline = self.began + self._seconds + sum(waited_seconds(root) for root in self._roots())
        if now >= min(deadline, last):
            return True
        self._deadline = min(max(deadline, now + _LEAST_WAIT), last)
        return False


def waited_seconds(root: int) -> float:
    """Gives how long a process and its descendants were ready to run and did not: of the thread that waited longest.

    0.0 where the kernel does not count it. What ended processes waited is not known.
    """
    return max((_waited_nanoseconds(pid) for pid in descendants(root)), default=0) / _NANOSECONDS


def _waited_nanoseconds(pid: int) -> int:
    longest = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as file:  # noqa: PTH123
                longest = max(longest, int(file.read().split()[1]))
    except (OSError, ValueError, IndexError):
        pass
    return longest
