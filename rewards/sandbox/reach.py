"""Makes files reachable for the sandbox's user. Reads modes; makes folders of links in the temporary folder, and removes them.

Where we are root the sandbox is somebody else (`rewards.sandbox.isolation`), who cannot enter /root. A toolchain that was installed there
is given as a tree of hard links in an open folder: no bytes are copied, and the folder above stays closed.
"""

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

MAX_COPIED_BYTES: Final = 256 * 1024 * 1024
"""The largest tree that is copied where hard links are impossible (another file system)."""

STALE_SECONDS: Final = 60.0
"""A tree that nobody holds is another's who was killed; a younger one may not be held yet."""

_PREFIX: Final = "tamis-reach-"


class UnreachableError(Exception):
    """The sandbox's user cannot be given a folder; the text says which and why."""


def is_reachable(path: Path) -> bool:
    """Says whether the sandbox's user may read `path` (a file, or a folder and what it lists). Always true where we are not root."""
    if os.geteuid() != 0:
        return True
    real = path.resolve()
    needed = stat.S_IROTH | (stat.S_IXOTH if real.is_dir() else 0)
    try:
        return real.stat().st_mode & needed == needed and all(
            parent.stat().st_mode & stat.S_IXOTH for parent in real.parents
        )
    except OSError:
        return False


@functools.cache
def public_folder() -> Path:
    """Gives the first temporary folder that the sandbox's user can enter.

    Raises:
        UnreachableError: if there is none.
    """
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - each use makes a folder of its own inside
        path = Path(folder)
        if path.is_dir() and os.access(path, os.W_OK) and _can_enter(path):
            return path
    raise UnreachableError("no temporary folder can be entered by the sandbox's user: set TMPDIR to one with mode 1777")


@functools.cache
def reachable_copy(
    folder: Path, *, leave_out: frozenset[str] = frozenset(), only: frozenset[str] | None = None
) -> Path:
    """Gives a folder with the same content that the sandbox's user can read: `folder` itself, or a tree of links to it.

    The tree is made once a process and removed at its end. Modes are those of the originals.

    Args:
        folder: what is to be read.
        leave_out: names of subfolders that a tree of links does without, at any depth.
        only: names of the entries at its top that a tree of links holds; None for all.

    Raises:
        UnreachableError: if `folder` is not there, or can neither be linked nor (up to `MAX_COPIED_BYTES`) copied.
    """
    real = folder.resolve()
    if is_reachable(real):
        return real
    if not real.is_dir():
        raise UnreachableError(f"{folder} is not a folder")
    try:
        top = _tree_home(real)
        _build_tree(real, top, leave_out, only)
    except OSError as failure:
        raise UnreachableError(f"{folder} cannot be given to the sandbox's user: {failure}") from failure
    return top


def _can_enter(folder: Path) -> bool:
    if os.geteuid() != 0:
        return True
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder.resolve(), *folder.resolve().parents))


def _tree_home(real: Path) -> Path:
    """Makes the folder for a tree, on the file system of `real` if that can be had."""
    _remove_stale()
    homes = [public_folder(), Path("/var/tmp")]  # noqa: S108 - mkdtemp makes a folder of its own inside
    device = real.stat().st_dev
    fitting = [home for home in homes if home.is_dir() and home.stat().st_dev == device and _can_enter(home)]
    home = (fitting or homes)[0]
    top = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
    top.chmod(0o755)
    held = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(held, fcntl.LOCK_SH)  # for as long as this process or a fork of it lives
    _TREES.add((os.getpid(), top))
    return top


def _build_tree(real: Path, top: Path, leave_out: frozenset[str], only: frozenset[str] | None) -> None:
    links = real.stat().st_dev == top.stat().st_dev
    copied = 0
    for where, folders, files in os.walk(real):
        if only is not None and Path(where) == real:
            folders[:] = [name for name in folders if name in only]
            files = [name for name in files if name in only]  # noqa: PLW2901 - the walk does not look at it again
        folders[:] = [name for name in folders if name not in leave_out]
        target = top / Path(where).relative_to(real)
        target.mkdir(mode=0o755, exist_ok=True)
        for name in [*files, *(name for name in folders if Path(where, name).is_symlink())]:
            source = Path(where, name)
            if links or source.is_symlink():
                _link(source, target / name)
                continue
            copied += source.stat().st_size
            if copied > MAX_COPIED_BYTES:
                raise UnreachableError(
                    f"{real} is closed to the sandbox's user and too large to copy: install it under /usr/local"
                )
            shutil.copy2(source, target / name)


def _link(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_file():
        os.link(source, target)


_TREES: set[tuple[int, Path]] = set()


@atexit.register
def _remove_trees() -> None:
    for owner, top in _TREES:
        if owner == os.getpid():
            shutil.rmtree(top, ignore_errors=True)


def _remove_stale() -> None:
    """Removes trees of processes that were killed."""
    for home in {public_folder(), Path("/var/tmp")}:  # noqa: S108 - looked at; only what is ours is removed
        for top in home.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):  # another process may do the same
                known = top.lstat()
                if (
                    not stat.S_ISDIR(known.st_mode)
                    or known.st_uid != os.geteuid()
                    or time.time() - known.st_mtime < STALE_SECONDS
                ):
                    continue
                held = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(top, ignore_errors=True)
                finally:
                    os.close(held)
