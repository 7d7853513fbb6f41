"""The verifiers of one process, made once for each of their settings and closed when they must go: some hold sandboxes or connections."""

import weakref
from collections import OrderedDict
from collections.abc import Callable

from rewards.process_owned import own
from rewards.registry import Verifier

MAX_HELD = 32
"""So many verifiers are held; the one asked for longest ago is closed for the next."""


class HeldVerifiers:
    """Makes verifiers and holds them. For one thread; a fork of the process starts with none, and closes none of its parent's.

    Args:
        make: name and settings (JSON text) to a verifier.
    """

    def __init__(self, make: Callable[[str, str], Verifier]) -> None:
        self._make = make
        self._held: OrderedDict[tuple[str, str], Verifier] = OrderedDict()
        _ALL.add(self)
        own(self)

    def get(self, name: str, settings: str) -> Verifier:
        """Gives the verifier with these settings (JSON text). Raises what `make` does."""
        key = name, settings
        if key not in self._held:
            self._held[key] = self._make(name, settings)
        self._held.move_to_end(key)
        if len(self._held) > MAX_HELD:
            self._held.popitem(last=False)[1].close()
        return self._held[key]

    def close(self) -> None:
        """Closes them all. What is asked for later is made anew."""
        while self._held:
            self._held.popitem()[1].close()

    def after_fork(self) -> None:
        """Lets go of them without closing: they are another process's."""
        self._held.clear()


_ALL: "weakref.WeakSet[HeldVerifiers]" = weakref.WeakSet()


def close_held() -> None:
    """Closes every verifier that this process holds: before a worker's child ends, which runs no exit handlers."""
    for held in list(_ALL):
        held.close()
