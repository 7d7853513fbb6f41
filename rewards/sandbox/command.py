"""Builds the bubblewrap command line of one sandbox. Opens files for the launch and closes them; starts nothing.

The root of a sandbox is made of an ALLOW-list: system folders without anybody's data, the folders that the caller names, and tmpfs of a
fixed size. Everything else of this machine is not there: no home folders, no /var, no /tmp, no /run, no /etc but a few named files,
no processes, no network.
"""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rewards.sandbox.isolation import as_sandbox_user, find_isolation
from rewards.sandbox.seccomp import build_filter

SYSTEM_FOLDERS: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Given read-only, or as the symbolic links that they are on systems with one merged /usr."""

SYSTEM_FILES: Final = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/perl", "/etc/mono", "/etc/php")
"""What of /etc a toolchain may need; folders of a Java runtime's settings come with it. No file with names, keys or hosts."""

SYSTEM_FILE_PATTERNS: Final = ("java-*",)
"""Further names in /etc."""

DEFAULT_ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own
    "TMPDIR": "/tmp",  # noqa: S108
    "USER": "sandbox",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
"""All that a program sees of an environment, but for what its language adds."""

MEBIBYTE: Final = 1 << 20

DEFAULT_TMPFS: Final[Mapping[str, int]] = {"/tmp": 64 * MEBIBYTE, "/dev/shm": 16 * MEBIBYTE}  # noqa: S108 - the sandbox's own
"""The writable folders, in bytes."""


class SandboxError(Exception):
    """No sandbox could be started; the text says why, in one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of this machine, to be seen at `target`. The sandbox's user must be able to reach `source` (see `reach`)."""

    source: Path
    target: str
    writable: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SandboxSpec:
    """One sandbox and what runs in it.

    Attributes:
        command: program and arguments, as paths inside the sandbox.
        binds: what is seen of this machine beside the system folders, read-only by default.
        tmpfs: writable folders and their sizes in bytes. /tmp and /dev/shm should be among them; nothing else is writable.
        environment: all of it.
        folder: where the program starts.
        capabilities: such as `CAP_SYS_ADMIN`, kept inside the user namespace: for a process that makes further namespaces for the
            programs that it starts. Programs under test get none.
        filter_calls: install the system-call filter (`rewards.sandbox.seccomp`). Not together with such `capabilities`: the filter
            forbids mounts and namespaces; who keeps them installs it for each program.
        has_proc: mount a /proc of the sandbox's own processes, where that can be had.
        dies_with_thread: the sandbox ends with the thread that started it (which is all that the kernel offers by way of "with its
            parent"). Without, the program itself must notice that its caller is gone.
        options: further options of bubblewrap.
    """

    command: Sequence[str]
    binds: Sequence[Bind] = ()
    tmpfs: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict(DEFAULT_TMPFS))
    environment: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(DEFAULT_ENVIRONMENT))
    folder: str = "/tmp"  # noqa: S108 - the sandbox's own
    capabilities: Sequence[str] = ()
    filter_calls: bool = True
    has_proc: bool = True
    dies_with_thread: bool = True
    options: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Launch:
    """What to start: `subprocess.Popen(launch.argv, stdin=..., **launch.options)`, while the files of `prepare_launch` are open.

    `options` holds executable, env, pass_fds, close_fds, start_new_session and, where we are root, user, group and extra_groups.
    """

    argv: list[str]
    options: dict[str, Any]


@contextlib.contextmanager
def prepare_launch(spec: SandboxSpec, *, pass_fds: Sequence[int] = ()) -> Iterator[Launch]:
    """Gives the command line of a sandbox and the arguments of the `subprocess.Popen` that starts it.

    The process that is started is bubblewrap's; killing it kills all that runs in the sandbox. Popen must be called inside the context;
    afterwards the files are closed here, and the sandbox keeps none of them but `pass_fds`.

    Args:
        spec: the sandbox.
        pass_fds: descriptors that the program inherits, under the same numbers.

    Raises:
        SandboxError: where isolation is not to be had.
    """
    isolation = find_isolation()
    if not isolation.available:
        raise SandboxError(isolation.reason)
    with contextlib.ExitStack() as opened:
        argv = ["bwrap", *_namespace_options(spec), *_root_options(spec, has_proc=spec.has_proc and isolation.has_proc)]
        inherited = [*pass_fds]
        rules = build_filter() if spec.filter_calls else None
        if rules is not None:
            rules_fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
            opened.callback(os.close, rules_fd)
            os.write(rules_fd, rules)
            os.lseek(rules_fd, 0, os.SEEK_SET)
            inherited.append(rules_fd)
            argv += ["--seccomp", str(rules_fd)]
        options: dict[str, Any] = {
            "executable": isolation.bwrap,
            "env": dict(spec.environment),
            "pass_fds": inherited,
            "close_fds": True,
            "start_new_session": True,  # Ctrl-C on the terminal is the caller's to handle
            **as_sandbox_user(),
        }
        yield Launch([*argv, *spec.options, "--", *spec.command], options)


def _namespace_options(spec: SandboxSpec) -> list[str]:
    options = ["--unshare-all", "--new-session", "--hostname", "sandbox", "--cap-drop", "ALL"]
    if spec.dies_with_thread:
        options.append("--die-with-parent")
    for capability in spec.capabilities:
        options += ["--cap-add", capability]
    return [*options, "--chdir", spec.folder]


def _root_options(spec: SandboxSpec, *, has_proc: bool) -> list[str]:
    options = list(_system_options())
    if has_proc:
        options += ["--proc", "/proc"]
    options += ["--dev", "/dev"]
    for target, size in spec.tmpfs.items():
        options += ["--perms", "0700", "--size", str(size), "--tmpfs", target]
    for bind in spec.binds:
        options += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
    # What bubblewrap itself mounts, the root and /dev, is a tmpfs without a size.
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/"]


@functools.cache
def _system_options() -> tuple[str, ...]:
    options: list[str] = []
    for name in SYSTEM_FOLDERS:
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            options += ["--ro-bind", name, name]
    found = [Path(name) for name in SYSTEM_FILES]
    for pattern in SYSTEM_FILE_PATTERNS:
        found += sorted(Path("/etc").glob(pattern))
    for path in found:
        if path.exists():
            options += ["--ro-bind", str(path), str(path)]
    return tuple(options)
