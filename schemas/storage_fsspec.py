"""Any store that has an fsspec file system, for `gs://`. It can create an object once, but not replace one only if unchanged."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from schemas.errors import UserError
from schemas.storage import ObjectInfo, PreconditionError, StorageError

_COPY_BYTES = 8 << 20


class FsspecStore:
    """See `schemas.storage.ObjectStore`.

    Args:
        scheme: for messages.
        system: the fsspec file system.
    """

    def __init__(self, scheme: str, system: Any) -> None:
        self._scheme = scheme
        self._system = system

    @classmethod
    def connect(cls, scheme: str, extra: str) -> "FsspecStore":
        """Makes a file system from the environment, without a listing cache.

        Raises:
            UserError: fsspec or the scheme's library is not installed.
        """
        try:
            import fsspec  # noqa: PLC0415 - optional

            return cls(scheme, fsspec.filesystem(scheme, use_listings_cache=False))
        except ImportError:
            raise UserError(f"{scheme}:// needs a library: pip install 'tamis[{extra}]'") from None

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Tells about an object."""
        path = f"{bucket}/{key}"
        with self._told(path):
            return self._about(key, self._info(path))

    def read(self, bucket: str, key: str, start: int | None, length: int, etag: str) -> tuple[bytes, ObjectInfo]:
        """Reads a range, or the end of an object."""
        info = self.head(bucket, key)
        if etag and info.etag != etag:
            raise PreconditionError(f"{self._scheme}://{bucket}/{key}: it has changed meanwhile")
        begin = max(0, info.size - length) if start is None else min(start, info.size)
        with self._told(f"{bucket}/{key}"):
            end = min(info.size, begin + length)
            content = self._system.cat_file(f"{bucket}/{key}", start=begin, end=end) if end > begin else b""
        return content, info

    def put(self, bucket: str, key: str, content: bytes, *, absent: bool = False, etag: str = "") -> str:
        """Writes an object. `etag` is compared before, not by the store: a writer in between is not noticed."""
        path = f"{bucket}/{key}"
        if etag:
            try:
                unchanged = self.head(bucket, key).etag == etag
            except FileNotFoundError:
                unchanged = False
            if not unchanged:
                raise PreconditionError(f"{self._scheme}://{path}: it has changed meanwhile")
        with self._told(path):
            self._system.pipe_file(path, content, mode="create" if absent else "overwrite")
        return self.head(bucket, key).etag

    def upload(self, bucket: str, key: str, handle: BinaryIO, size: int) -> None:  # noqa: ARG002 - the protocol's
        """Writes an object from a file."""
        with self._told(f"{bucket}/{key}"), self._system.open(f"{bucket}/{key}", "wb") as target:
            while chunk := handle.read(_COPY_BYTES):
                target.write(chunk)

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Lists objects by key."""
        folder = f"{bucket}/{prefix}".rpartition("/")[0]
        with self._told(folder):
            try:
                found = self._system.find(folder, detail=True)
            except FileNotFoundError:
                return
        for item in sorted(found.values(), key=lambda item: str(item["name"])):
            key = str(item["name"]).lstrip("/").removeprefix(f"{bucket}/")
            if key.startswith(prefix):
                yield self._about(key, item)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Deletes objects."""
        for key in keys:
            with self._told(f"{bucket}/{key}"), contextlib.suppress(FileNotFoundError):
                self._system.rm_file(f"{bucket}/{key}")

    def abort_uploads(self, bucket: str, prefix: str) -> int:  # noqa: ARG002 - the protocol's
        """Does nothing: fsspec has no such call, and stores of this kind drop what was not ended by themselves."""
        return 0

    def _info(self, path: str) -> Any:
        info = self._system.info(path)
        if info.get("type") == "directory":
            raise FileNotFoundError(path)
        return info

    def _about(self, key: str, info: Any) -> ObjectInfo:
        mark = next((info[name] for name in ("etag", "ETag", "generation", "created", "mtime") if info.get(name)), "")
        return ObjectInfo(key, int(info["size"]), str(mark))

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(f"{self._scheme}://{path}: no such object") from None
        except FileExistsError:
            raise PreconditionError(f"{self._scheme}://{path}: it is there already") from None
        except OSError as error:
            raise StorageError(f"{self._scheme}://{path}: {type(error).__name__}: {error}") from None
