"""Writes files that are whole or not there: content in the name, data and folder flushed before anybody is told.

The only place that knows how a part gets onto storage: a rename on a local one, and one put of the whole object on an object store.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.failpoints import failpoint
from schemas.storage import Location, ObjectPath, PreconditionError, fetch_ranges

#: A row group closes at this many rows, or sooner at this many bytes of Arrow data, which bounds what a writer holds.
ROW_GROUP_ROWS = 8192
ROW_GROUP_BYTES = 64 << 20
#: Begins the names of files that are being written; what has one belongs to a living writer or to a killed one.
TEMPORARY_PREFIX = ".tmp-"
#: What a request for a Parquet file's bytes fetches at least: column chunks that stand together come together.
_PARQUET_READ_BYTES = 256 << 10
_READERS = 16
_PLAIN_MODE = 0o644  # temporary files are made for their owner alone


@dataclass(frozen=True)
class Part:
    """A file that has landed. `name` ends in 16 hex digits of `sha256`; `bytes` is the size on storage."""

    name: str
    sha256: str
    rows: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Gives the fields as a JSON object."""
        return asdict(self)


def write_part(
    directory: Location, stem: str, batches: pa.Table | Iterable[pa.RecordBatch], schema: pa.Schema | None = None
) -> Part:
    """Writes batches as one zstd Parquet file ``<stem>-<hash>.parquet`` and flushes the file and its folder.

    Writing the same rows again gives the same name and the same bytes, so two writers of one shard never disagree.

    Args:
        directory: made if missing.
        stem: first part of the file's name, for example ``part-00012``.
        batches: a table, or batches that are written as they come (memory: one row group, see `ROW_GROUP_BYTES`).
        schema: the file's schema with its contract metadata; by default the table's. Needed for batches.

    Raises:
        ValueError: if batches come without a schema.
    """
    if isinstance(batches, pa.Table):
        schema = schema or batches.schema
        batches = batches.to_batches(max_chunksize=ROW_GROUP_ROWS)
    if schema is None:
        raise ValueError("write_part: batches need a schema")
    with open_part(directory, stem, schema) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.part


class PartWriter:
    """Takes the batches of a part that is being written; see `open_part`. Holds at most one row group."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._landed: Part | None = None
        self.rows = 0

    @property
    def part(self) -> Part:
        """The part, once it has landed."""
        if self._landed is None:
            raise ValueError("the part has not landed yet")
        return self._landed

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a batch of the part's schema."""
        self.rows += batch.num_rows
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        self._pending_bytes += batch.nbytes
        while self._pending_rows >= ROW_GROUP_ROWS or (self._pending_rows and self._pending_bytes >= ROW_GROUP_BYTES):
            self._write_row_group()

    def finish(self) -> None:
        """Writes the last row group."""
        if self._pending_rows:
            self._write_row_group()

    def land(self, part: Part) -> None:
        """Notes that the file is there."""
        self._landed = part

    def _write_row_group(self) -> None:
        table = pa.Table.from_batches(self._pending, self._schema)
        self._writer.write_table(table.slice(0, ROW_GROUP_ROWS), row_group_size=ROW_GROUP_ROWS)
        rest = table.slice(ROW_GROUP_ROWS)
        self._pending, self._pending_rows, self._pending_bytes = rest.to_batches(), rest.num_rows, rest.nbytes


def _repeating(schema: pa.Schema) -> list[str]:
    """Names the columns whose values are worth a dictionary: texts, ids, addresses and hashes are as good as unique.

    Parquet begins a dictionary of texts, and gives it up for its size: writing takes a fifth longer, reading nearly twice as long.
    """
    unique = {"id", "url", "path", "meta", "kept_id", "cluster_id"}
    names = []
    for field in schema:
        is_bulk = pa.types.is_large_string(field.type) or pa.types.is_large_binary(field.type)
        is_hash = field.type == pa.uint64() or (
            pa.types.is_fixed_size_list(field.type) and field.type.value_type == pa.uint64()
        )
        if field.name not in unique and not is_bulk and not is_hash:
            names += [field.name, f"{field.name}.list.element", f"{field.name}.list.item"]
    return names


@contextlib.contextmanager
def open_part(directory: Location, stem: str, schema: pa.Schema) -> Iterator[PartWriter]:
    """Opens a part that lands when the block ends, like `write_part`; an error in the block leaves nothing."""
    with (
        _landing(directory, f"{stem}-{{}}.parquet") as landing,
        pq.ParquetWriter(
            landing.handle, schema, compression="zstd", use_dictionary=_repeating(schema), write_statistics=True
        ) as parquet,
    ):
        writer = PartWriter(parquet, schema)
        yield writer
        writer.finish()
    writer.land(Part(landing.name, landing.sha256, writer.rows, landing.size))


def write_blob(directory: Location, stem: str, suffix: str, chunks: Iterable[bytes | memoryview]) -> Part:
    """Writes raw bytes as ``<stem>-<hash>.<suffix>``, flushed like `write_part`; `rows` of the part is the number of chunks."""
    rows = 0
    with _landing(directory, f"{stem}-{{}}.{suffix}") as landing:
        for chunk in chunks:
            landing.handle.write(chunk)
            rows += 1
    return Part(landing.name, landing.sha256, rows, landing.size)


def write_lines(directory: Location, stem: str, lines: Iterable[str]) -> Part:
    """Writes text lines as ``<stem>-<hash>.jsonl``, UTF-8, each ended by a newline, flushed like `write_part`."""
    rows = 0
    with _landing(directory, f"{stem}-{{}}.jsonl") as landing:
        for line in lines:
            landing.handle.write(line.encode("utf-8") + b"\n")
            rows += 1
    return Part(landing.name, landing.sha256, rows, landing.size)


def write_bytes_durably(path: Location, content: bytes) -> None:
    """Replaces `path` by `content` in one step: a reader sees the old file or the new, never a part."""
    if isinstance(path, ObjectPath):
        failpoint("files.before_rename")
        path.store.put(path.bucket, path.key, content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        failpoint("files.before_rename")
        Path(temporary).chmod(_PLAIN_MODE)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_json_durably(path: Location, value: Any) -> None:
    """Replaces `path` by the value as indented JSON with sorted keys, in one step."""
    write_bytes_durably(path, _indented(value))


def create_json(path: Location, value: Any) -> bool:
    """Creates `path` with the value as indented JSON, in one step, unless it is there. Says whether this call has created it.

    Of several processes that try, one succeeds; nobody ever sees a part of the file.
    """
    if isinstance(path, ObjectPath):
        try:
            path.store.put(path.bucket, path.key, _indented(value), absent=True)
        except PreconditionError:
            return False
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(_indented(value))
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(_PLAIN_MODE)
        failpoint("files.before_link")
        path.hardlink_to(temporary)  # unlike a rename, it fails when somebody was first
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def _indented(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_json(path: Location) -> Any:
    """Reads a JSON file. Raises FileNotFoundError or json.JSONDecodeError as they come."""
    return json.loads(path.read_text(encoding="utf-8"))


@contextlib.contextmanager
def open_parquet(path: Location) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file for reading by row groups. Of an object, what is asked for is fetched by ranges."""
    if isinstance(path, ObjectPath):
        with path.open(at_least=_PARQUET_READ_BYTES, from_end=True) as handle, pq.ParquetFile(handle) as file:
            yield file
        return
    with pq.ParquetFile(path) as file:
        yield file


def read_parquet(path: Location, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads a Parquet file of a run, or some of its columns, whole."""
    with open_parquet(path) as file:
        return file.read(columns=None if columns is None else list(columns))


def read_ranges(path: Location, ranges: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Yields the bytes of each ``(start, stop)`` of a file, in the order given; of an object with several requests at a time."""
    if isinstance(path, ObjectPath):
        yield from fetch_ranges(path, ranges)
        return
    with path.open("rb") as handle:
        for start, stop in ranges:
            handle.seek(start)
            yield handle.read(stop - start)


def read_jsons(paths: Sequence[Location]) -> Iterator[Any]:
    """Reads JSON files, in their order; None for one that is not there or is no JSON. Objects are asked for several at a time."""
    remote = any(isinstance(path, ObjectPath) for path in paths)
    with ThreadPoolExecutor(_READERS) if remote and len(paths) > 1 else contextlib.nullcontext() as pool:
        yield from (map if pool is None else pool.map)(_json_or_none, paths)


def _json_or_none(path: Location) -> Any:
    try:
        return read_json(path)
    except (FileNotFoundError, ValueError):  # a torn file cannot be, but a file of somebody else can
        return None


def sync_directory(directory: Path) -> None:
    """Flushes a folder's entries, so that a rename in it survives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(directory: Location) -> int:
    """Deletes what killed writers left half written below `directory`; gives how many. Call only under the run's lock."""
    if isinstance(directory, ObjectPath):
        return directory.store.abort_uploads(directory.bucket, f"{directory.key}/" if directory.key else "")
    removed = 0
    for path in directory.rglob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)
        removed += 1
    return removed


def sha256_of(path: Location) -> str:
    """Gives the SHA-256 of a file as hex, read in chunks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(cast("BufferedReader", handle), "sha256").hexdigest()


@dataclass
class _Landing:
    handle: BinaryIO
    name: str = ""
    sha256: str = ""
    size: int = 0


@contextlib.contextmanager
def _landing(directory: Location, pattern: str) -> Iterator[_Landing]:
    """Gives a temporary file; on success hashes, flushes and renames it to `pattern` with the hash filled in."""
    if isinstance(directory, ObjectPath):
        with _uploading(directory, pattern) as landing:
            yield landing
        return
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, temporary_name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=directory)
    temporary = Path(temporary_name)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            landing = _Landing(handle)
            yield landing
            handle.flush()
            os.fsync(handle.fileno())
        failpoint("files.after_write")
        temporary.chmod(_PLAIN_MODE)
        landing.sha256 = sha256_of(temporary)
        landing.size = temporary.stat().st_size
        landing.name = pattern.format(landing.sha256[:16])
        temporary.replace(directory / landing.name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    failpoint("files.after_rename")
    sync_directory(directory)


@contextlib.contextmanager
def _uploading(directory: ObjectPath, pattern: str) -> Iterator[_Landing]:
    """Gives a temporary file on this machine; on success puts it under `pattern` with the hash filled in."""
    with tempfile.TemporaryFile() as handle:
        landing = _Landing(cast("BinaryIO", handle))
        yield landing
        failpoint("files.after_write")
        landing.size = handle.tell()
        handle.seek(0)
        landing.sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        landing.name = pattern.format(landing.sha256[:16])
        handle.seek(0)
        target = directory / landing.name
        target.store.upload(target.bucket, target.key, landing.handle, landing.size)
    failpoint("files.after_rename")
