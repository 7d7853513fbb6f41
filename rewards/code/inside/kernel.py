"""What a process of the sandbox asks of the Linux kernel beyond the standard library: namespaces, mounts, rights, limits.

Each function works on the calling process. Call numbers are looked up by name in the C library, so none is written down here.
"""

import ctypes
import os
import resource
import struct
import time
from typing import Final

SCRATCH: Final = "/tmp"  # noqa: S108 - the sandbox's own
"""The one folder that can be written to."""

SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108
"""Another name of the same folder: where the C library keeps named semaphores."""

_CLONE_NEWPID: Final = 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_NOATIME, _MS_BIND = 2, 4, 8, 1024, 4096
_MNT_DETACH: Final = 2
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 22, 38, 36
_SECCOMP_MODE_FILTER: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522
_TICK_SECONDS: Final = 0.02
"""Longer than the grain of a file system's clock: after it, each change of a folder shows in its time of change."""

_libc = ctypes.CDLL(None, use_errno=True)
_capset, _unshare, _setns = _libc.capset, _libc.unshare, _libc.setns
_CAPSET_HEADER: Final = struct.pack("@Ii", _CAPABILITY_VERSION_3, 0)
_NO_CAPABILITIES: Final = bytes(24)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class PidNamespaces:
    """Gives each next child of this process a process namespace of its own, in which it is number 1.

    Needs CAP_SYS_ADMIN. When such a child ends or is killed, the kernel kills all that it has started.
    """

    def __init__(self) -> None:
        self._own = os.pidfd_open(os.getpid())

    def open(self) -> None:
        """The next fork begins a new namespace."""
        result = _unshare(_CLONE_NEWPID)
        if result != 0:
            _check(result, "unshare")

    def close(self) -> None:
        """Back to ordinary forks, which is what `open` needs."""
        result = _setns(self._own, _CLONE_NEWPID)
        if result != 0:
            _check(result, "setns")

    def forget(self) -> None:
        """In a child: lets go of what points at the parent."""
        os.close(self._own)


def install_filter(rules: bytes) -> None:
    """Installs a system-call filter, a classic BPF program, for this process and all its children, for good."""
    code = ctypes.create_string_buffer(rules, len(rules))
    program = struct.pack("@HP", len(rules) // 8, ctypes.addressof(code))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0), "seccomp")


def forbid_new_rights() -> None:
    """No program that this process starts may ever have more rights than it has."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parent ended."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "child_subreaper")


def drop_rights() -> None:
    """Gives up all capabilities, and with `forbid_new_rights` the way back."""
    result = _capset(_CAPSET_HEADER, _NO_CAPABILITIES)
    if result != 0:
        _check(result, "capset")


def limit(limits: tuple[tuple[int, int], ...]) -> None:
    """Sets limits of the `resource` module, kind and value, soft and hard, as low as asked or as they already are."""
    for kind, value in limits:
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY or value < hard else hard
        resource.setrlimit(kind, (most, most))


class Scratch:
    """The writable folder: tells whether a program left anything there, and gives the next one a fresh one.

    A folder's time of change cannot be set back, so any file, mode or attribute shows in it.
    """

    def __init__(self) -> None:
        self.note()

    def note(self) -> None:
        """Takes the folder as it is for unused."""
        self._seen = self._look()

    def is_used(self) -> bool:
        """Says whether anything has changed since `note`."""
        return self._look() != self._seen

    @staticmethod
    def replace(size_bytes: int) -> None:
        """Mounts an empty file system of that size over the folder; needs CAP_SYS_ADMIN and nobody at work in it."""
        target, alias = SCRATCH.encode(), SHARED_MEMORY.encode()
        _libc.umount2(alias, _MNT_DETACH)
        _libc.umount2(target, _MNT_DETACH)
        flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_NOATIME
        options = f"size={size_bytes},nr_inodes={max(1024, size_bytes // 4096)},mode=0700".encode()
        _check(_libc.mount(b"tmpfs", target, b"tmpfs", flags, options), "mount")
        _check(_libc.mount(target, alias, None, _MS_BIND, None), "mount")
        time.sleep(_TICK_SECONDS)

    @staticmethod
    def _look() -> tuple[int, ...]:
        status, space = os.stat(SCRATCH), os.statvfs(SCRATCH)  # noqa: PTH116 - pathlib would cost every fork
        return status.st_ctime_ns, status.st_mode, status.st_dev, space.f_bfree, space.f_ffree
