"""Which part of this machine's processors belongs to one worker process. Touches nothing."""

import os


class _Sharing:
    """How many worker processes there are beside each other, as far as this one was told."""

    processes = 1


def share_processors(processes: int) -> None:
    """Tells a worker, before it forks its children, how many of them there will be."""
    _Sharing.processes = processes


def usable_processors() -> int:
    """Gives how many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def program_slots() -> int:
    """Gives how many programs a worker process runs at once, for all of them together to keep every processor busy.

    One more than its share of the processors: a slot waits a fifth of its time, for a fork that begins or ends. 1 where processes are more
    than processors.
    """
    share = usable_processors() // _Sharing.processes
    return share + 1 if share else 1
