"""The files that a recipe's steps name: a path, a glob or a URL each. Lists them, and fetches those of an object store."""

from glob import glob, has_magic
from pathlib import Path
from typing import cast

from curation.readers.listing import find_objects
from schemas.errors import UserError
from schemas.local_copies import local_copies
from schemas.steps import StepRecipe, replace_step_paths
from schemas.storage import ObjectPath, joined


def step_files(path: str, base: Path) -> list[Path]:
    """Gives the files of a path, glob or URL, sorted; local copies of what is in an object store.

    Raises:
        UserError: there is none.
    """
    target = joined(base, path)
    if isinstance(target, ObjectPath):
        folder = _copied(path, target)
        return sorted(found for found in folder.rglob("*") if found.is_file())
    found = sorted(glob(str(target), recursive=True)) if has_magic(path) else [str(target)]  # noqa: PTH207 - absolute patterns
    files = [Path(name) for name in found if Path(name).is_file()]
    if not files:
        raise UserError(f"{path}: no such file")
    return files


def model_folder(path: str | None, base: Path, names: tuple[str, ...]) -> Path | None:
    """Gives the folder of a model that has these files; a local copy where it is in an object store; None for no path."""
    target = None if path is None else joined(base, path)
    if isinstance(target, ObjectPath):
        return local_copies({name: target / name for name in names})
    return target


def with_local_files(step: StepRecipe, base: Path) -> StepRecipe:
    """Gives the step with the URLs among its paths replaced by those of local copies; a step without any as it is.

    Raises:
        UserError: an object is not there.
    """

    def localised(path: str) -> str:
        target = joined(base, path)
        if not isinstance(target, ObjectPath):
            return path
        folder = _copied(path, target)
        # Of a pattern, copies stand in numbered folders, in the order of their keys.
        return f"{folder}/*/*" if has_magic(target.key) else str(folder / target.name)

    return replace_step_paths(step, localised)


def _copied(path: str, target: ObjectPath) -> Path:
    if not has_magic(target.key):
        return local_copies({target.name: target})
    places = [cast("ObjectPath", found.root / found.path) for _, found in sorted(find_objects(target).items())]
    if not places:
        raise UserError(f"{path}: no such file")
    return local_copies({f"{number:06d}/{place.name}": place for number, place in enumerate(places)})
