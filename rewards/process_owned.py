"""What belongs to the process that made it: closed when that process exits, let go of in a fork of it. Touches nothing else.

For whatever holds child processes or connections, which a fork would otherwise close under its parent.
"""

import atexit
import os
import weakref
from typing import Protocol


class Owned(Protocol):
    """Something that this process alone may close; both calls may come more than once."""

    def close(self) -> None:
        """Ends what it holds."""

    def after_fork(self) -> None:
        """In a forked child: lets go of the parent's without a word to it."""


_OWNED: "weakref.WeakSet[Owned]" = weakref.WeakSet()


def own(thing: Owned) -> None:
    """Calls `close` at this process's exit and `after_fork` in its forks, for as long as anybody else holds the thing."""
    _OWNED.add(thing)


def _after_fork_in_child() -> None:
    for thing in list(_OWNED):
        thing.after_fork()


@atexit.register
def _close_all() -> None:
    for thing in list(_OWNED):
        thing.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
