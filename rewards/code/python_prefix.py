"""Which Python programs run under, and what of this machine it needs. Reads paths; may make a folder of links (see `rewards.sandbox.reach`)."""

import dataclasses
import functools
import importlib.util
import sys
from pathlib import Path
from typing import Final

from rewards.sandbox.command import SYSTEM_FOLDERS, Bind
from rewards.sandbox.reach import reachable_copy

_LEFT_OUT: Final = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "include", "share"}
)
_PACKAGES: Final = "/run/packages"


@dataclasses.dataclass(frozen=True, slots=True)
class PythonPrefix:
    """The base interpreter of this one: no virtual environment, the standard library alone.

    Attributes:
        executable: its path, the same inside.
        packages: folders of further modules that programs may import, by name.
    """

    executable: str
    packages: tuple[Path, ...]

    def binds(self) -> list[Bind]:
        """Gives the folders to be seen in the sandbox. Raises UnreachableError (see `rewards.sandbox.reach`)."""
        prefix = Path(sys.base_prefix)
        found = [Bind(reachable_copy(package), f"{_PACKAGES}/{package.name}") for package in self.packages]
        if not any(prefix == Path(top) or Path(top) in prefix.parents for top in SYSTEM_FOLDERS):
            # At its own place: an interpreter's libraries are looked for by whole paths.
            found.append(Bind(reachable_copy(prefix, leave_out=_LEFT_OUT), str(prefix)))
        return found

    def inside(self) -> Path:
        """Gives the folder `rewards/code/inside`, for the sandbox's user. Raises UnreachableError."""
        return reachable_copy(Path(__file__).parent / "inside")

    def packages_path(self, *, isolated: bool) -> str:
        """Gives the folder that holds the further modules, empty if there are none."""
        if not self.packages:
            return ""
        return _PACKAGES if isolated else str(self.packages[0].parent)


@functools.cache
def find_python(packages: tuple[str, ...] = ()) -> PythonPrefix:
    """Finds the base interpreter and the named packages of this environment.

    Raises:
        ValueError: for a package that is not installed here, or is a single file.
    """
    folders: list[Path] = []
    for name in packages:
        found = importlib.util.find_spec(name)
        if found is None or not found.submodule_search_locations:
            raise ValueError(f"packages: {name!r} is not installed as a package")
        folder = Path(next(iter(found.submodule_search_locations)))
        folders.append(folder)
        libraries = folder.parent / f"{folder.name}.libs"
        if libraries.is_dir():
            folders.append(libraries)
    executable = getattr(sys, "_base_executable", "") or sys.executable
    return PythonPrefix(str(Path(executable).resolve()), tuple(folders))
