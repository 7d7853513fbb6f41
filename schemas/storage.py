"""Places of files: local paths as they are, and objects of a store (``s3://``, ``gs://``) behind the part of the same methods that is used.

Nothing of a store is imported before a path of it is used. Touches objects only where a method says so.
"""

import io
import re
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TypeVar, cast

from schemas.errors import ResumableError, UserError

#: Bytes that a file of an object fetches at least at a time: a request costs about as much as a megabyte does.
READ_BYTES = 1 << 20
#: Requests that are under way at a time where many are wanted.
_REQUESTS = 8
#: ``scheme://bucket/key``.
_URL = re.compile(r"^([a-z0-9]+)://([^/]*)(?:/(.*))?$", re.DOTALL)


class StorageError(ResumableError):
    """An object store that does not answer, refuses, or cannot be reached. Nothing that it says of credentials is in the text.

    Not an OSError: a file that cannot be read is the input's fault and goes to quarantine, a store that fails stops the work.
    """


class PreconditionError(StorageError):
    """An object that should not be there is, or one that should be as it was has changed."""


class ObjectInfo(NamedTuple):
    """What a store says of an object.

    Attributes:
        key: its name in the bucket.
        size: its bytes.
        etag: changes with the content; "" where the store does not tell.
        age_seconds: since it was written, by the store's own clock where it tells; None if unknown.
    """

    key: str
    size: int
    etag: str = ""
    age_seconds: float | None = None


class ObjectStore(Protocol):
    """What the project asks of an object store. A missing object or bucket is FileNotFoundError, any other trouble StorageError."""

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Tells about an object."""

    def read(self, bucket: str, key: str, start: int | None, length: int, etag: str) -> tuple[bytes, ObjectInfo]:
        """Reads `length` bytes from `start`, or the last `length` bytes where `start` is None; fewer at the object's end.

        Raises:
            PreconditionError: the object has changed since it had this `etag`; not asked where that is "".
        """

    def put(self, bucket: str, key: str, content: bytes, *, absent: bool = False, etag: str = "") -> str:
        """Writes an object in one step and gives its etag.

        Args:
            bucket: where.
            key: its name.
            content: the whole of it.
            absent: only if there is no such object.
            etag: only if the object that is there has this one.

        Raises:
            PreconditionError: the condition does not hold.
        """

    def upload(self, bucket: str, key: str, handle: BinaryIO, size: int) -> None:
        """Writes an object from a file, large ones in parts; it is there as a whole when the last one is."""

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Lists the objects whose keys start with `prefix`, by key."""

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Deletes objects; one that is not there is no error."""

    def abort_uploads(self, bucket: str, prefix: str) -> int:
        """Drops uploads that were begun under `prefix` and never ended; gives how many."""


class ObjectStat(NamedTuple):
    """The part of `os.stat_result` that an object has."""

    st_size: int


@dataclass(frozen=True, order=True)
class ObjectPath:
    """A place in an object store, with the methods of `pathlib.Path` that the project uses.

    There are no folders: a path "is" one when an object's key goes on after it. Made by `location`.

    Attributes:
        scheme: s3 or gs.
        bucket: the bucket.
        key: without a slash at either end.
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}" if self.key else f"{self.scheme}://{self.bucket}"

    def __truediv__(self, name: str) -> "ObjectPath":
        if name in ("", "."):
            return self
        return ObjectPath(self.scheme, self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The end of the name from its last dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> "ObjectPath":
        """What stands before the last slash."""
        return ObjectPath(self.scheme, self.bucket, self.key.rpartition("/")[0])

    @property
    def store(self) -> ObjectStore:
        """The store; one for this process."""
        from schemas.storage_backends import store_of  # noqa: PLC0415 - its clients cost an import

        return store_of(self.scheme)

    def resolve(self) -> "ObjectPath":
        """Gives itself: there are no links."""
        return self

    def info(self) -> ObjectInfo:
        """Asks for the object's size and etag."""
        return self.store.head(self.bucket, self.key)

    def stat(self) -> ObjectStat:
        """Asks for the object's size."""
        return ObjectStat(self.info().size)

    def is_file(self) -> bool:
        """Asks whether there is such an object."""
        if not self.key:
            return False
        try:
            self.info()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Asks whether the key of an object goes on after this path."""
        return next(self.below(), None) is not None

    def exists(self) -> bool:
        """Asks whether this is an object or a beginning of one."""
        return self.is_file() or self.is_dir()

    def below(self) -> Iterator[tuple[str, ObjectInfo]]:
        """Lists every object under this path as (the rest of its key, what the store says of it), by key."""
        prefix = f"{self.key}/" if self.key else ""
        for item in self.store.list(self.bucket, prefix):
            if rest := item.key.removeprefix(prefix):
                yield rest, item

    def iterdir(self) -> Iterator["ObjectPath"]:
        """Lists the objects right under this path."""
        yield from (self / rest for rest, _ in self.below() if "/" not in rest)

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """Lists the objects right under this path whose names match a pattern without slashes."""
        yield from (path for path in self.iterdir() if fnmatchcase(path.name, pattern))

    def open(self, mode: str = "rb", *, at_least: int = READ_BYTES, from_end: bool = False) -> BinaryIO:
        """Opens the object for reading bytes.

        Args:
            mode: "rb".
            at_least: bytes that each request fetches at least.
            from_end: whether the end is what is read first, as of a Parquet file.

        Raises:
            FileNotFoundError: there is no such object.
        """
        if mode != "rb":
            raise ValueError(f"{self}: objects are opened as 'rb', not {mode!r}")
        return cast("BinaryIO", _ObjectFile(self, at_least, from_end=from_end))

    def read_bytes(self) -> bytes:
        """Reads the whole object."""
        with self.open() as handle:
            return handle.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        """Reads the whole object as text."""
        return self.read_bytes().decode(encoding)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Deletes the object."""
        if not missing_ok:
            self.info()
        self.store.delete(self.bucket, [self.key])


#: Where a file may be. A local path keeps its own type, so that nothing changes for it.
Location = Path | ObjectPath
#: The same, where what comes out is of the kind that went in.
PlaceT = TypeVar("PlaceT", bound=Location)


def location(text: str | Path) -> Location:
    """Reads a path or URL as a user gives it.

    Raises:
        UserError: a URL of another store, or one without a bucket.
    """
    found = _URL.match(str(text))
    if found is None:
        return Path(text)
    scheme, bucket, key = found.groups()
    from schemas.storage_backends import SCHEMES  # noqa: PLC0415 - see `ObjectPath.store`

    if scheme == "file":
        return Path(f"/{key or ''}")
    if scheme not in SCHEMES:
        raise UserError(f"{text}: {scheme}:// is none of the stores known: {', '.join(f'{s}://' for s in SCHEMES)}")
    if not bucket:
        raise UserError(f"{text}: the URL has no bucket")
    return ObjectPath(scheme, bucket, (key or "").strip("/"))


def joined(base: Location, path: str) -> Location:
    """Gives `path` if it is a URL or absolute, else its place under `base`."""
    return location(path) if _URL.match(path) else base / path


def remove_tree(folder: Location) -> None:
    """Deletes a folder with all that is in it, or every object under a path. One that is not there is no error."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
        return
    folder.store.delete(folder.bucket, [item.key for _, item in folder.below()])


def check_access(place: Location) -> None:
    """Asks an object store once for something at `place`, so that a wrong bucket or credential is told before any work.

    Raises:
        UserError: the store refuses, has no such bucket or cannot be reached.
    """
    if isinstance(place, Path):
        return
    try:
        place.is_dir()
    except FileNotFoundError:
        raise UserError(f"{place}: there is no bucket {place.bucket!r}") from None
    except StorageError as error:
        raise UserError(f"{place}: {error}") from None


class _ObjectFile(io.RawIOBase):
    """Reads an object by ranges. Remembers the last one, and notices an object that is replaced meanwhile."""

    def __init__(self, path: ObjectPath, at_least: int, *, from_end: bool) -> None:
        self._path = path
        self._at_least = at_least
        self._window = b""
        self._window_start = 0
        self._position = 0
        self._etag = ""
        self._size = 0
        # The first request tells the size too.
        self._fetch(None if from_end else 0, at_least)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._position, self._size)[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._position)
        size = left if size is None or size < 0 else min(size, left)
        start = self._position - self._window_start
        if not 0 <= start <= start + size <= len(self._window):
            self._fetch(self._position, max(size, self._at_least))
            start = 0
        chunk = self._window[start : start + size]
        self._position += len(chunk)
        return chunk

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        chunk = self.read(view.nbytes)
        view[: len(chunk)] = chunk
        return len(chunk)

    def _fetch(self, start: int | None, length: int) -> None:
        path = self._path
        self._window, info = path.store.read(path.bucket, path.key, start, length, self._etag)
        self._size, self._etag = info.size, info.etag
        self._window_start = info.size - len(self._window) if start is None else start


def fetch_ranges(path: ObjectPath, ranges: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Yields the bytes of each ``(start, stop)`` of an object, with `_REQUESTS` requests under way. Holds as many ranges."""

    def one(start: int, stop: int) -> bytes:
        return path.store.read(path.bucket, path.key, start, stop - start, "")[0] if stop > start else b""

    pending: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(min(_REQUESTS, max(1, len(ranges)))) as pool:
        try:
            for start, stop in ranges:
                pending.append(pool.submit(one, start, stop))
                if len(pending) >= _REQUESTS:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
