"""Looks at a tree of processes: processor time, memory, number. Reads /proc of this machine; signals nothing.

In a sandbox every process descends from the namespace's first one, whoever forked it, so the tree under it is all there is.
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_KIBIBYTE: Final = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class TreeUse:
    """What a tree of processes uses.

    Attributes:
        pids: of its processes that live.
        cpu_seconds: of those, and of the ended ones that they waited for.
        memory_bytes: anonymous and shared memory, without files that are only mapped. A page that a fork shares with its
            parent counts for both.
    """

    pids: tuple[int, ...]
    cpu_seconds: float
    memory_bytes: int


def measure_tree(root: int) -> TreeUse:
    """Measures the process `root` and its descendants; one that ends meanwhile is left out."""
    pids: list[int] = []
    cpu = 0.0
    memory = 0
    for pid in descendants(root):
        used = _cpu_seconds(pid)
        if used is None:
            continue
        pids.append(pid)
        cpu += used
        memory += _memory_bytes(pid)
    return TreeUse(tuple(pids), cpu, memory)


def descendants(root: int) -> Iterator[int]:
    """Gives the process `root`, then its descendants; one may have ended by then."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting.extend(children(pid))


def proportional_bytes(pids: tuple[int, ...]) -> int | None:
    """Gives the memory of these processes with each shared page counted once; None where the kernel does not tell."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as lines:  # noqa: PTH123 - many times a second
                fields = dict(line.split(b":", 1) for line in lines.read().splitlines()[1:])
            total += sum(int(fields[name].split()[0]) for name in (b"Pss_Anon", b"Pss_Shmem")) * _KIBIBYTE
        except (FileNotFoundError, ProcessLookupError):
            continue
        except (OSError, KeyError, ValueError):
            return None
    return total


def _cpu_seconds(pid: int) -> float | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    except (OSError, ValueError):
        return None


def _memory_bytes(pid: int) -> int:
    total = 0
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith((b"RssAnon:", b"RssShmem:", b"VmSwap:")):
                    total += int(line.split()[1]) * _KIBIBYTE
    except (OSError, ValueError, IndexError):
        return 0
    return total


def children(pid: int) -> list[int]:
    """Gives the children of all threads of a process; none where it has ended."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found.extend(map(int, file.read().split()))
    except (OSError, ValueError):
        pass
    return found
