"""Local copies of small objects of a store, for what can read plain files only: models, word lists, evaluation sets.

Copies are kept under the temporary folder, in a folder of this user alone, so that the processes of one machine fetch an object once.
Touches that folder and reads the objects.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import UserError
from schemas.storage import ObjectPath

_CHUNK_BYTES = 8 << 20


def local_copies(places: Mapping[str, ObjectPath]) -> Path:
    """Gives a folder that holds copies of objects as they are now: an object that changes gets another folder.

    Args:
        places: name in the folder, which may have slashes -> the object.

    Raises:
        UserError: an object is not there, or the folder is not this user's.
        StorageError: the store does not answer.
    """
    about = []
    for name, place in sorted(places.items()):
        try:
            info = place.info()
        except FileNotFoundError:
            raise UserError(f"{place}: no such file") from None
        about.append(f"{name}\0{place}\0{info.size}\0{info.etag}\0")
    folder = _own_folder() / hashlib.sha256("".join(about).encode()).hexdigest()[:32]
    if folder.is_dir():
        return folder
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        for name, place in places.items():
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with place.open("rb", at_least=_CHUNK_BYTES) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, _CHUNK_BYTES)
        made.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _own_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"tamis-copies-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if folder.is_symlink() or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise UserError(f"{folder}: is not a folder of this user alone; set TMPDIR to another place")
    return folder
