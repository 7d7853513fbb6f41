"""Control groups for a sandbox, where this machine lets us make them. Makes and removes folders under /sys/fs/cgroup.

They are exact where looking at processes is not (a burst between two looks, memory of ended processes, files in a tmpfs), but few
machines give them to an unprivileged process and many CI machines have none: every limit also holds without them.
"""

import contextlib
import dataclasses
import functools
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_NUMBERS: Final = itertools.count()


@dataclasses.dataclass(frozen=True, slots=True)
class _Files:
    """Where a version of control groups keeps what: (controller, file). The controller is a folder in version 1 and nothing in version 2."""

    memory_limit: tuple[str, str]
    process_limit: tuple[str, str]
    peak: tuple[str, str]
    events: tuple[str, str]
    cpu: tuple[str, str]


_VERSION_1: Final = _Files(
    ("memory", "memory.limit_in_bytes"),
    ("pids", "pids.max"),
    ("memory", "memory.max_usage_in_bytes"),
    ("memory", "memory.oom_control"),
    ("cpuacct", "cpuacct.usage"),
)
_VERSION_2: Final = _Files(
    ("", "memory.max"),
    ("", "pids.max"),
    ("", "memory.peak"),
    ("", "memory.events"),
    ("", "cpu.stat"),
)


@functools.cache
def cgroup_version() -> int:
    """Gives the version of control groups that we may make here: 1, 2, or 0 for none."""
    for version in (2, 1):
        group = _make(version, memory_bytes=64 << 20, processes=16)
        if group is not None:
            group.remove()
            return version
    return 0


def make_group(*, memory_bytes: int, processes: int) -> "Group | None":
    """Makes a group for one sandbox; None where that is not to be had.

    Args:
        memory_bytes: of all its processes and their files in a tmpfs together; a process is killed when it is passed.
        processes: processes and threads.
    """
    version = cgroup_version()
    return _make(version, memory_bytes=memory_bytes, processes=processes) if version else None


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """One control group: one folder in version 2, one a controller in version 1."""

    files: _Files
    folders: Mapping[str, Path]

    def add(self, pid: int) -> None:
        """Moves a process in; its children to come follow. Raises OSError."""
        for folder in self.folders.values():
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def cpu_seconds(self) -> float | None:
        """Gives the processor time of all processes that were in it, None if it is not told."""
        text = self._read(self.files.cpu)
        with contextlib.suppress(ValueError, IndexError):
            if self.files is _VERSION_1:
                return int(text) / 1e9
            return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6
        return None

    def peak_bytes(self) -> int | None:
        """Gives the greatest use of memory, None if it is not told (version 2 before Linux 5.19)."""
        text = self._read(self.files.peak).strip()
        return int(text) if text.isdigit() else None

    def ran_out_of_memory(self) -> bool:
        """Says whether a process was killed for the group's memory limit."""
        fields = dict(line.split() for line in self._read(self.files.events).splitlines())
        return fields.get("oom_kill", "0") != "0"

    def remove(self) -> None:
        """Removes it; its processes must have ended."""
        for folder in self.folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _read(self, place: tuple[str, str]) -> str:
        folder = self.folders.get(place[0])
        if folder is None:
            return ""
        try:
            return (folder / place[1]).read_text(encoding="ascii")
        except OSError:
            return ""


def _make(version: int, *, memory_bytes: int, processes: int) -> Group | None:
    files = _VERSION_1 if version == 1 else _VERSION_2
    name = f"tamis-{os.getpid()}-{next(_NUMBERS)}"
    group = Group(files, {controller: base / name for controller, base in _own_folders(version).items()})
    if files.memory_limit[0] not in group.folders or files.process_limit[0] not in group.folders:
        return None
    try:
        for folder in group.folders.values():
            folder.mkdir()
        for (controller, file), value in ((files.memory_limit, memory_bytes), (files.process_limit, processes)):
            (group.folders[controller] / file).write_text(str(value), encoding="ascii")
        with contextlib.suppress(OSError):  # no swap on top
            (
                group.folders[files.memory_limit[0]]
                / ("memory.swap.max" if version == 2 else "memory.memsw.limit_in_bytes")
            ).write_text("0" if version == 2 else str(memory_bytes), encoding="ascii")
    except OSError:
        group.remove()
        return None
    return group


@functools.cache
def _own_folders(version: int) -> dict[str, Path]:
    """Gives the folder of the group that this process began in, by controller ("" in version 2); only those we may write to."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if version == 2 and not controllers:
            folder = _ROOT / place.lstrip("/")
            if (folder / "cgroup.controllers").is_file() and os.access(folder, os.W_OK):
                found[""] = folder
        for controller in controllers.split(",") if version == 1 else ():
            if controller in {"memory", "pids", "cpuacct"}:
                folder = _ROOT / controller / place.lstrip("/")
                folder = folder if folder.is_dir() else _ROOT / controller  # a container sees its own group as the root
                if folder.is_dir() and os.access(folder, os.W_OK):
                    found[controller] = folder
    return found
