"""Reads the texts of evaluation sets, and passages that are no contamination, from the files that a recipe names."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from columnar.clean import clean_text
from curation.readers.streams import InputStream
from curation.step_files import step_files
from schemas.errors import UserError
from schemas.steps import BenchmarkRecipe

#: An evaluation file beyond this, decompressed, is taken for a mistake in the recipe.
MAX_FILE_BYTES = 2 << 30
_CSV_FIELD_CHARS = 1 << 24
_TABLES = {".csv": ",", ".tsv": "\t"}
_COMPRESSED = (".gz", ".zst")
_NAMED_FIELDS = 12


class ItemText(NamedTuple):
    """One text of one item of an evaluation set."""

    item: str
    text: str


def read_items(recipe: BenchmarkRecipe, base: Path) -> list[ItemText]:
    """Reads the texts of an evaluation set, in the order of its files and rows.

    A field that a row lacks, or that is null there, is left out; a list gives the text of each of its elements. An item is named
    by `id_field`, or else by its row from 1; with several files the file's name stands before it.

    Raises:
        UserError: a file that cannot be read, a field that no row of a file has, or one whose value is no text. It names the
            file, and the row or field.
    """
    files = step_files(recipe.path, base)
    found: list[ItemText] = []
    for path in files:
        prefix = f"{path.name}:" if len(files) > 1 else ""
        unseen, names = set(recipe.fields), dict[str, None]()
        for number, row in enumerate(_rows(path, recipe.fields), 1):
            name = None if recipe.id_field is None else next(_values(row, recipe.id_field), None)
            if recipe.id_field is not None and name is None:
                raise UserError(f"benchmark {recipe.name!r}: {path}: row {number} has no field {recipe.id_field!r}")
            names.update(dict.fromkeys(row))
            for field in recipe.fields:
                for value in _values(row, field):
                    unseen.discard(field)
                    found.append(
                        ItemText(f"{prefix}{number if name is None else name}", _text(value, path, number, field))
                    )
        if unseen:
            there = ", ".join(list(names)[:_NAMED_FIELDS]) or "no rows"
            raise UserError(f"benchmark {recipe.name!r}: {path}: no row has a field {min(unseen)!r}; it has {there}")
    return found


def read_excluded(path: str, base: Path) -> list[str]:
    """Reads passages that are no contamination: a JSONL of ``{"text": ..., "reason": ...}``, both needed.

    Raises:
        UserError: the file cannot be read, or a line has no text or no reason.
    """
    texts = []
    for file in step_files(path, base):
        for number, row in enumerate(_json_rows(file), 1):
            for field in ("text", "reason"):
                if not isinstance(row.get(field), str) or not row[field].strip():
                    raise UserError(f"{file}: row {number} needs a text {field!r}")
            texts.append(clean_text(row["text"])[0])
    return texts


def _text(value: Any, path: Path, number: int, field: str) -> str:
    if isinstance(value, dict | list):
        raise UserError(f"{path}: row {number}: field {field!r} is no text: name what is inside it, as {field}.name")
    return clean_text(str(value))[0]


def _values(row: Any, field: str) -> Iterator[Any]:
    """Gives the values of a dotted field: lists on the way are gone through, nulls left out."""
    if isinstance(row, list):
        yield from chain.from_iterable(_values(item, field) for item in row)
    elif not field:
        if row is not None:
            yield row
    elif isinstance(row, dict):
        if field in row:  # a name with a dot in it
            yield from _values(row[field], "")
        else:
            name, _, rest = field.partition(".")
            if name in row:
                yield from _values(row[name], rest)


def _rows(path: Path, fields: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Gives the rows of a file, told apart by its name: Parquet, CSV, TSV, else JSON Lines or one JSON list."""
    suffix = next((end for end in reversed(path.suffixes) if end not in _COMPRESSED), "")
    if suffix == ".parquet":
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path}: cannot be read: {error}") from None
        yield from table.to_pylist()
    elif suffix in _TABLES:
        yield from _table_rows(path, _TABLES[suffix], numbered=all(field.isdecimal() for field in fields))
    else:
        yield from _json_rows(path)


def _table_rows(path: Path, delimiter: str, *, numbered: bool) -> Iterator[dict[str, Any]]:
    """Gives the rows of a CSV or TSV. With fields that are numbers the file has no header, and columns count from 1.

    Quotation marks are ordinary characters in a TSV.
    """
    csv.field_size_limit(_CSV_FIELD_CHARS)
    content = io.StringIO(_content(path), newline="")
    if delimiter == "\t":
        lines = csv.reader(content, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        lines = csv.reader(content, delimiter=delimiter)
    try:
        header = None if numbered else next(lines, None)
        for line in lines:
            yield dict(zip(header or map(str, range(1, len(line) + 1)), line, strict=False))
    except csv.Error as error:
        raise UserError(f"{path}: line {lines.line_num}: {error}") from None


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    content = _content(path)
    if content.lstrip()[:1] == "[":
        rows = _decoded(content, path, "")
        yield from (_row(row, path, f"element {number}") for number, row in enumerate(rows, 1))
        return
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield _row(_decoded(line, path, f"line {number}: "), path, f"line {number}")


def _decoded(content: str, path: Path, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: {where}no JSON: {error}") from None


def _row(value: Any, path: Path, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{path}: {where}: an object is needed, not {type(value).__name__}")
    return value


def _content(path: Path) -> str:
    """Reads a plain, gzip or zstd file whole."""
    chunks, size = [], 0
    try:
        with InputStream(path) as stream:
            while chunk := stream.read():
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    raise UserError(f"{path}: larger than {MAX_FILE_BYTES} bytes: no evaluation set")
                chunks.append(chunk)
            if stream.fault:
                raise UserError(f"{path}: {stream.fault}")
        return b"".join(chunks).decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8") from None
