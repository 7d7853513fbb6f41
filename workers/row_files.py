"""Reads others' files row by row: JSON Lines (plain, gzip, zstd) and Parquet. A damaged row is a fault, and costs no other row.

Reads files only. The text rule holds for every string: NUL and lone surrogates become U+FFFD.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from columnar.clean import clean_text
from curation.readers.jsonl import decode_line, split_lines
from curation.readers.listing import format_of
from curation.readers.streams import InputStream
from schemas.errors import UserError

#: A longer line of JSON is a fault.
MAX_LINE_BYTES = 64 << 20
_PARQUET_BATCH_ROWS = 512
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOKED_AT_ROWS = 100


@dataclass(frozen=True)
class RawRow:
    """A row of a file. `value` is None where `error` says why it could not be read.

    Attributes:
        locator: line or row, from 1; empty for a fault of the file itself.
        value: the decoded object.
        size: about how many bytes it takes.
        error: why there is no value.
        pointer: where the raw bytes stand: ``file@offset+length`` for lines, ``file#row`` for Parquet.
        replaced: characters that the text rule replaced.
    """

    locator: str
    value: dict[str, Any] | None
    size: int
    error: str | None = None
    pointer: str = ""
    replaced: int = 0


def find_files(path: Path) -> list[Path]:
    """Gives the JSONL and Parquet files of a file, folder or glob, sorted.

    Raises:
        UserError: when there are none.
    """
    if path.is_file():
        if format_of(path.name) not in ("jsonl", "parquet"):
            raise UserError(
                f"{path}: neither JSON Lines nor Parquet by its name (.jsonl, .jsonl.gz, .jsonl.zst, .parquet)"
            )
        return [path]
    found = path.rglob("*") if path.is_dir() else path.parent.glob(path.name)
    files = sorted(file for file in found if file.is_file() and format_of(file.name) in ("jsonl", "parquet"))
    if not files:
        raise UserError(f"{path}: no such file, or no .jsonl, .jsonl.gz, .jsonl.zst or .parquet in it")
    return files


def first_row(path: Path) -> tuple[list[str], dict[str, Any]]:
    """Gives the columns of a file and its first readable row; both empty for a file without rows.

    Raises:
        UserError: for a Parquet file whose footer cannot be read, or a file that cannot be opened.
    """
    columns: list[str] = []
    if _is_parquet(path):
        columns = list(_open_parquet(path).schema_arrow.names)
    for number, row in enumerate(read_rows(path)):
        if row.value is not None:
            return columns or list(row.value), row.value
        if number >= _LOOKED_AT_ROWS:
            break
    return columns, {}


def read_rows(path: Path) -> Iterator[RawRow]:
    """Gives every row of a file in order, faults among them.

    Raises:
        UserError: see `first_row`.
    """
    return _parquet_rows(path) if _is_parquet(path) else _jsonl_rows(path)


def _is_parquet(path: Path) -> bool:
    return format_of(path.name) == "parquet"


def _jsonl_rows(path: Path) -> Iterator[RawRow]:
    try:
        stream = InputStream(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    with stream:
        for line in split_lines(stream, MAX_LINE_BYTES):
            locator, pointer = str(line.number), f"{path.name}@{line.offset}+{line.length}"
            if line.content is None:
                too_long = f"the line has {line.length} bytes, more than {MAX_LINE_BYTES}"
                yield RawRow(locator, None, line.length, too_long, pointer)
                continue
            content = line.content.removeprefix(_BYTE_ORDER_MARK) if line.number == 1 else line.content
            if not content or content.isspace():
                continue
            try:
                value, replaced = decode_line(content), 0
            except ValueError as error:
                yield RawRow(locator, None, line.length, str(error), pointer)
                continue
            if b"\\u" in content:  # UTF-8 holds no surrogate and JSON no raw NUL: only an escape brings them in
                value, replaced = _clean(value)
            yield RawRow(locator, value, line.length, None, pointer, replaced)
        if stream.fault:
            yield RawRow("", None, 0, stream.fault, f"{path.name}@{stream.position}")


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a readable Parquet file: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _parquet_rows(path: Path) -> Iterator[RawRow]:
    with _open_parquet(path) as file:
        number = 0
        for group in range(file.num_row_groups):
            after = number + file.metadata.row_group(group).num_rows
            try:
                for batch in file.iter_batches(_PARQUET_BATCH_ROWS, row_groups=[group]):
                    yield from _batch_rows(path, batch, number)
                    number += batch.num_rows
            except (OSError, pa.ArrowException) as error:
                fault = f"row group {group} cannot be read: {_first_line(error)}"
                yield RawRow(str(number + 1), None, 0, fault, f"{path.name}#{number + 1}-{after}")
            number = after


def _batch_rows(path: Path, batch: pa.RecordBatch, before: int) -> Iterator[RawRow]:
    size = batch.nbytes // max(1, batch.num_rows)
    values: list[dict[str, Any] | None]
    try:
        values = batch.to_pylist()
    except UnicodeDecodeError:
        values = [_one_row(batch, index) for index in range(batch.num_rows)]
    for number, value in enumerate(values, before + 1):
        pointer = f"{path.name}#{number}"
        if value is None:
            yield RawRow(str(number), None, size, "a text of the row is not UTF-8", pointer)
            continue
        cleaned, replaced = _clean(value)
        yield RawRow(str(number), cleaned, size, None, pointer, replaced)


def _one_row(batch: pa.RecordBatch, index: int) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = batch.slice(index, 1).to_pylist()[0]
    except UnicodeDecodeError:
        return None
    return row


def _clean(value: Any) -> tuple[Any, int]:
    """Applies the text rule to every string of a JSON value, keys too; gives how many characters were replaced."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        pairs = [_clean(item) for item in value]
        return [item for item, _ in pairs], sum(count for _, count in pairs)
    if isinstance(value, dict):
        total, cleaned = 0, {}
        for key, item in value.items():
            name, replaced = clean_text(key)
            cleaned[name], inner = _clean(item)
            total += replaced + inner
        return cleaned, total
    return value, 0
