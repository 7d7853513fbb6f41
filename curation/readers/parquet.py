"""Reads Parquet by columns: row groups to raw batches, without a Python object a text."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from columnar.clean import clean_text
from curation.meta import meta_json
from curation.model import RAW, Fault, Piece
from curation.readers.batches import read_fault
from curation.readers.columns import ColumnMap, map_columns
from schemas.errors import UserError
from schemas.files import open_parquet
from schemas.ids import document_id
from schemas.recipe import OutputRecipe
from schemas.storage import Location

_REPLACEMENT = "\ufffd"


def read_parquet(
    piece: Piece, path: Location, output: OutputRecipe, counts: Counter[str]
) -> Iterator[pa.RecordBatch | Fault]:
    """Reads the piece's row groups; the locator ends in the row's number in the file, from 0.

    A row group that cannot be decoded is one fault, and the next ones are read.
    """
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(open_parquet(path))
            columns = check_columns(file.schema_arrow, piece.columns, piece.path)
        except (pa.ArrowException, OSError, UserError) as error:
            yield read_fault(piece, "", f"not a readable Parquet file: {one_line(error)}", 0, piece.num_bytes)
            return
        names = [columns.content_column, *_meta_columns(file.schema_arrow, columns)]
        stop = file.num_row_groups if piece.stop < 0 else piece.stop
        row = sum(file.metadata.row_group(group).num_rows for group in range(piece.start))
        for group in range(piece.start, stop):
            about = file.metadata.row_group(group)
            start = row
            try:
                for batch in file.iter_batches(_batch_rows(about, output), row_groups=[group], columns=names):
                    yield from _RowReader(piece, columns, output, counts).read(batch, row)
                    row += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                message = (
                    f"row group {group}, rows {row} to {start + about.num_rows - 1}, cannot be read: {one_line(error)}"
                )
                yield read_fault(
                    piece, f"{row}-{start + about.num_rows - 1}", message, _group_offset(about), about.total_byte_size
                )
            row = start + about.num_rows


def check_columns(schema: pa.Schema, columns: tuple[tuple[str, str], ...], where: str) -> ColumnMap:
    """Resolves the mapping against a Parquet schema.

    Raises:
        UserError: a column is missing, or the content's column is no text; names `where`, the column and its type.
    """
    found = map_columns(columns, schema.names, where)
    kind = schema.field(found.content_column).type
    if not _is_text(kind):
        raise UserError(f"{where}: column {found.content_column!r} for {found.content!r} is {kind}, not text")
    return found


def one_line(error: Exception) -> str:
    """Gives an error's message as one short line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


class _RowReader:
    """Makes raw batches of decoded Parquet rows."""

    def __init__(self, piece: Piece, columns: ColumnMap, output: OutputRecipe, counts: Counter[str]) -> None:
        self._piece = piece
        self._columns = columns
        self._output = output
        self._counts = counts

    def read(self, batch: pa.RecordBatch, first_row: int) -> Iterator[pa.RecordBatch | Fault]:
        """Reads decoded rows, of which the first is row `first_row` of the file."""
        column = batch.column(self._columns.content_column)
        is_html = self._columns.content == "html"
        content, replaced, refused = _pages(column) if is_html else _texts(column)
        sizes = pc.fill_null(pc.binary_length(content), 0).to_numpy(zero_copy_only=False)
        for index in np.flatnonzero(sizes > self._output.max_document_bytes).tolist():
            refused.setdefault(index, f"{sizes[index]} bytes, max_document_bytes is {self._output.max_document_bytes}")
        for index, error in sorted(refused.items()):
            row = first_row + index
            yield read_fault(self._piece, str(row), f"row {row}: {self._columns.content_column!r}: {error}")
        rows = _python_rows(batch.drop_columns([self._columns.content_column]))
        kept = np.array([index for index in range(batch.num_rows) if index not in refused], np.int64)
        if refused:
            content = content.take(pa.array(kept))
        for start, stop in _cuts(sizes[kept], self._output.batch_bytes):
            part = kept[start:stop]
            fields = self._fields([rows[index] for index in part.tolist()], (first_row + part).tolist())
            fields[self._columns.content] = content.slice(start, stop - start)
            fields["replaced_characters"] = replaced[part]
            if is_html and not _is_binary(column.type):
                fields["html_encoding"] = ["utf-8"] * len(part)
            yield _raw_batch(fields, len(part))

    def _fields(self, rows: list[dict[str, Any]], numbers: list[int]) -> dict[str, Any]:
        """Gives our columns, the content apart, of rows with these numbers in the file."""
        piece = self._piece
        found = [self._columns.values(row, self._counts) for row in rows]
        locators = [f"{piece.path}#{number}" for number in numbers]
        fields: dict[str, Any] = {
            "id": [document_id(piece.source, piece.dump, locator) for locator in locators],
            "meta": [meta_json(locator, rest) for locator, (_, rest) in zip(locators, found, strict=True)],
        }
        for name in ("url", "path", "repo", "timestamp"):
            fields[name] = [ours.get(name) for ours, _ in found]
        fields["source"] = [piece.source] * len(rows)
        fields["dump"] = [piece.dump or None] * len(rows)
        return fields


def _raw_batch(fields: dict[str, Any], num_rows: int) -> pa.RecordBatch:
    columns = []
    for field in RAW:
        values = fields.get(field.name)
        if values is None:
            columns.append(pa.nulls(num_rows, field.type))
        else:
            columns.append(values.cast(field.type) if isinstance(values, pa.Array) else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=RAW)


def _texts(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32], dict[int, str]]:
    """Gives (texts as large_string, characters replaced in each, why rows are refused); refused rows hold null."""
    column = column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
    refused = dict.fromkeys(
        np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist(), "is null, not text"
    )
    try:
        texts = column.cast(pa.large_string())
        texts.validate(full=True)  # Arrow takes a file's word for its UTF-8
    except pa.ArrowInvalid:
        return _texts_by_row(column, refused)
    if not _holds_nul(texts):
        return texts, np.zeros(len(texts), np.int32), refused
    nuls = pc.fill_null(pc.count_substring(texts, "\0"), 0).to_numpy(zero_copy_only=False).astype(np.int32)
    return pc.replace_substring(texts, "\0", _REPLACEMENT), nuls, refused


def _holds_nul(texts: pa.LargeStringArray) -> bool:
    """Says whether a zero byte is anywhere in the column's bytes: a look at memory, where counting them searches each text."""
    data = texts.buffers()[2]
    return data is not None and data.size > 0 and not np.frombuffer(data, np.uint8).all()


def _texts_by_row(column: pa.Array, refused: dict[int, str]) -> tuple[pa.Array, npt.NDArray[np.int32], dict[int, str]]:
    texts: list[str | None] = []
    replaced = np.zeros(len(column), np.int32)
    for index, value in enumerate(column.cast(pa.large_binary()).to_pylist()):
        text = None
        if value is not None:
            try:
                text, replaced[index] = clean_text(value.decode("utf-8", "surrogatepass"))
            except UnicodeDecodeError as error:
                refused[index] = f"not UTF-8: byte {value[error.start]:#04x} at {error.start}"
        texts.append(text)
    return pa.array(texts, pa.large_string()), replaced, refused


def _pages(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32], dict[int, str]]:
    """Gives pages as bytes; what they hold is the decoder's matter."""
    column = column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
    refused = dict.fromkeys(
        np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist(), "is null, not a page"
    )
    return column.cast(pa.large_binary()), np.zeros(len(column), np.int32), refused


def _python_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    values = [_python_values(column) for column in batch.columns]
    if not values:
        return [{} for _ in range(batch.num_rows)]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _python_values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError):  # bytes that are no UTF-8, dates beyond Python's years
        if _is_text(column.type):
            values = column.cast(pa.large_binary()).to_pylist()
            return [None if value is None else value.decode("utf-8", "replace") for value in values]
        return column.cast(pa.large_string()).to_pylist()  # type: ignore[no-any-return]


def _meta_columns(schema: pa.Schema, columns: ColumnMap) -> list[str]:
    """Names the columns to read beside the content: those of our fields, and others unless they hold bytes or vectors."""
    mapped = {column for _, column in columns.fields}
    names = []
    for field in schema:
        bulky = _is_binary(field.type) or pa.types.is_fixed_size_list(field.type)
        if field.name != columns.content_column and (field.name in mapped or not bulky):
            names.append(field.name)
    return names


def _batch_rows(row_group: Any, output: OutputRecipe) -> int:
    """Gives how many rows to decode at once, so that about `batch_bytes` are held, by the row group's average row."""
    average = max(1, row_group.total_byte_size // max(1, row_group.num_rows))
    return int(min(output.batch_rows, max(1, output.batch_bytes // average)))


def _cuts(sizes: npt.NDArray[np.int64], max_bytes: int) -> Iterator[tuple[int, int]]:
    """Cuts rows into runs of at most `max_bytes`; a larger row is a run by itself."""
    start = total = 0
    for index, size in enumerate(sizes.tolist()):
        if index > start and total + size > max_bytes:
            yield start, index
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield start, len(sizes)


def _group_offset(row_group: Any) -> int:
    column = row_group.column(0)
    dictionary = column.dictionary_page_offset
    return int(column.data_page_offset if dictionary is None else min(dictionary, column.data_page_offset))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or _is_binary(kind)
    )
