"""The jobs of one call of the Python server, as its slots take them. For several threads; touches nothing else."""

import collections
import threading
from collections.abc import Sequence

from rewards.code.jobs import AssertTest, Job


class JobQueue:
    """Hands out each job once, those with the same test code to the same slot as far as that keeps no slot waiting.

    A judge keeps what it has compiled: a test that goes round all slots is compiled by each of them.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        groups: dict[object, collections.deque[int]] = {}
        for index, job in enumerate(jobs):
            groups.setdefault(_test_code(job), collections.deque()).append(index)
        self._lock = threading.Lock()
        self._untouched = collections.deque(groups.values())
        self._begun: dict[int, collections.deque[int]] = {}  # slot -> what it works on, perhaps with others

    def take(self, slot: int) -> int | None:
        """Gives the place of the next job for a slot; None when there are no more."""
        with self._lock:
            group = self._begun.get(slot)
            if not group:
                if self._untouched:
                    group = self._untouched.popleft()
                else:
                    group = max(self._begun.values(), key=len, default=None)
                if not group:
                    return None
                self._begun[slot] = group
            return group.popleft()

    def clear(self) -> None:
        """Hands out no more."""
        with self._lock:
            self._untouched.clear()
            for group in self._begun.values():
                group.clear()


def _test_code(job: Job) -> object:
    first = job.tests[0] if job.tests else None
    return (first.prelude, first.code) if isinstance(first, AssertTest) else None
