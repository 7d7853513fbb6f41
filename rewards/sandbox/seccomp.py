"""Builds the system-call filter of sandboxed programs, as the bytes of a classic BPF program. Pure.

A deny-list: the namespaces already hide files, processes and the network, so the filter only takes away kernel interfaces that
no test program needs and that past kernel defects lived in. What is denied gets an error number, not a signal, because runtimes probe
for system calls that they can do without.
"""

import errno
import functools
import platform
import struct
from typing import Final

_DENIED: Final[dict[str, tuple[int, int]]] = {
    # name: number on x86_64, number on aarch64 (which shares the kernel's generic table)
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Memory that belongs to no process and to no tmpfs of a fixed size.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    # What the kernel hands out in a fixed number to a user or to the whole machine.
    "inotify_init1": (294, 26),
    "io_setup": (206, 0),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "vhangup": (153, 58),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
}
_DENIED_X86_64_ONLY: Final = (
    172,  # iopl
    173,  # ioperm
    154,  # modify_ldt
    139,  # sysfs
    136,  # ustat
    134,  # uselib
    253,  # inotify_init
)
_SHARED_IPC: Final[dict[str, tuple[int, int]]] = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
"""What outlives a process of an IPC namespace, and memory that no limit of a process counts."""

_NAMESPACE_CALLS: Final[dict[str, int]] = {"unshare": 16, "setns": 24}
"""Where their flags stand among the arguments."""

_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_SOCKET: Final = (41, 198)
_SETSOCKOPT: Final = (54, 208)
_BUFFER_OPTIONS: Final = (7, 32)
"""SO_SNDBUF and SO_SNDBUFFORCE: what waits in a socket is memory that no limit of a process counts."""

_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine name to the column of the tables above and the kernel's AUDIT_ARCH number."""

_X32_BIT: Final = 0x40000000
_NEW_PID_NAMESPACE: Final = 0x20000000
_NAMESPACE_FLAGS: Final = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME. The last shares its bit with clone's exit signal,
whose low byte never holds 0x80."""

AF_UNIX: Final = 1
AF_INET: Final = 2
AF_INET6: Final = 10
AF_NETLINK: Final = 16

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 4, 16, 32
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000
_KILL: Final = 0x80000000


@functools.cache
def build_filter(
    *, families: tuple[int, ...] = (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK), for_zygote: bool = False
) -> bytes | None:
    """Gives the filter for this machine, ready for `bwrap --seccomp` or, behind a `sock_fprog`, for prctl; None for other machines.

    Denied with EPERM: tracing and reading other processes, memory that nobody accounts for, mounts, new namespaces, keys, BPF, io_uring, modules, clocks, handles.
    `clone3` gives ENOSYS, since its flags are out of a filter's reach; the C libraries then use `clone`.

    Args:
        families: the address families that `socket` may use, whatever the network namespace holds. Runtimes look at AF_INET ones when
            they start; AF_VSOCK and others, which a network namespace does not always hold back, are never needed.
        for_zygote: for a process whose forks each get a new PID namespace, but share the IPC namespace one after another: `unshare`
            and `setns` may be used for that alone (and by who has the right), and no memory or queue may outlive its process.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return None
    column, arch = machine
    names = {**_DENIED, **_SHARED_IPC} if for_zygote else _DENIED
    denied = [numbers[column] for name, numbers in names.items() if not (for_zygote and name in _NAMESPACE_CALLS)]
    if column == 0:
        denied.extend(_DENIED_X86_64_ONLY)
    code = [
        _step(_LOAD, _ARCH_AT),
        _step(_JUMP_EQUAL, arch, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        # A second table of numbers for the same calls, on x86_64.
        _step(_JUMP_AT_LEAST, _X32_BIT, 0, 1),
        _step(_RETURN, _FAIL | errno.ENOSYS),
    ]
    for number in sorted(denied):
        code += [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _FAIL | errno.EPERM)]
    if for_zygote:
        for name, flags_at in _NAMESPACE_CALLS.items():
            code += [
                _step(_JUMP_EQUAL, _DENIED[name][column], 0, 4),
                _step(_LOAD, flags_at),
                _step(_JUMP_EQUAL, _NEW_PID_NAMESPACE, 0, 1),
                _step(_RETURN, _ALLOW),
                _step(_RETURN, _FAIL | errno.EPERM),
            ]
    code += [
        _step(_JUMP_EQUAL, _CLONE3[column], 0, 1),
        _step(_RETURN, _FAIL | errno.ENOSYS),
        _step(_JUMP_EQUAL, _CLONE[column], 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_JUMP_ANY_BIT, _NAMESPACE_FLAGS, 0, 1),
        _step(_RETURN, _FAIL | errno.EPERM),
        _step(_RETURN, _ALLOW),
        _step(_JUMP_EQUAL, _SETSOCKOPT[column], 0, 5),
        _step(_LOAD, _THIRD_ARGUMENT_AT),
        _step(_JUMP_EQUAL, _BUFFER_OPTIONS[0], 1, 0),
        _step(_JUMP_EQUAL, _BUFFER_OPTIONS[1], 0, 1),
        _step(_RETURN, _FAIL | errno.EPERM),
        _step(_RETURN, _ALLOW),
        _step(_JUMP_EQUAL, _SOCKET[column], 0, len(families) + 2),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
    ]
    for place, family in enumerate(families):
        code.append(_step(_JUMP_EQUAL, family, len(families) - place, 0))
    code += [_step(_RETURN, _FAIL | errno.EAFNOSUPPORT), _step(_RETURN, _ALLOW)]
    return b"".join(code)


def _step(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)
