"""Places for a fixed number of costly things, workers or sandboxes, lent to the threads that ask. Touches nothing else."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")


class Places(Generic[_Thing]):
    """As many places as may be in use at once, and the things that wait in some of them.

    Args:
        size: how many, at least 1.

    Attributes:
        changed: the lock around all of it, for owners who guard more by it; may be taken again by who holds it.
        idle: the things that wait. Under `changed` only.
    """

    def __init__(self, size: int) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.idle: list[_Thing] = []
        self._size = size
        self._live = 0  # waiting and lent places together; never above the size

    @contextlib.contextmanager
    def lend(self, wanted: int, keep: Callable[[_Thing], bool] = lambda _thing: True) -> Iterator[list[_Thing | None]]:
        """Lends up to `wanted` places, at least one: a thing that waits, or None for one yet to be made.

        The borrower puts things into the list and takes them out; what stands in it at the end comes back, if `keep` says so under the
        lock. It ends what it does not keep.
        """
        wanted = max(wanted, 1)
        with self.changed:
            self.changed.wait_for(lambda: self.idle or self._live < self._size)
            lent: list[_Thing | None] = []
            while len(lent) < wanted and self.idle:
                lent.append(self.idle.pop())
            fresh = min(wanted - len(lent), self._size - self._live)
            lent.extend([None] * fresh)
            self._live += fresh
        try:
            yield lent
        finally:
            with self.changed:
                back = [thing for thing in lent if thing is not None and keep(thing)]
                self.idle.extend(back)
                self._live -= len(lent) - len(back)
                self.changed.notify_all()

    def take_idle(self) -> list[_Thing]:
        """Empties the places that nobody has, and gives what stood there."""
        with self.changed:
            idle, self.idle = self.idle, []
            self._live -= len(idle)
            return idle
