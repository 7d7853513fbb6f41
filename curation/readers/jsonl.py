"""Reads JSON Lines, plain, gzip or zstd: a line is a document or a fault, and no line is held in memory beyond its bound.

Python's own decoder reads each line by itself: a batch decoder drops lone surrogates in silence or refuses a whole file for one.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from columnar.clean import clean_text
from curation.model import Fault, Piece
from curation.readers.batches import Document, read_fault
from curation.readers.columns import ColumnMap, map_columns
from curation.readers.streams import CHUNK_BYTES, InputStream
from schemas.recipe import OutputRecipe
from schemas.storage import Location

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: NaN and infinities, which pandas writes and JSON does not have, are null.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)
#: How much of a damaged line its message quotes.
_QUOTED_CHARS = 40


class Line(NamedTuple):
    """One line of a stream: its number from 1, where it starts and how long it is without its newline; no bytes if too long."""

    number: int
    offset: int
    length: int
    content: bytes | None


def split_lines(stream: InputStream, max_line_bytes: int) -> Iterator[Line]:
    """Splits a stream at newlines. A line over the bound is counted through without being kept."""
    number, offset, length = 1, 0, 0
    parts: list[bytes] = []
    while chunk := stream.read(CHUNK_BYTES):
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            length += end - start
            if length <= max_line_bytes:
                parts.append(chunk[start:end])
                yield Line(number, offset, length, parts[0] if len(parts) == 1 else b"".join(parts))
            else:
                yield Line(number, offset, length, None)
            parts.clear()
            number, offset, length, start = number + 1, offset + length + 1, 0, end + 1
        length += len(chunk) - start
        if length <= max_line_bytes:
            parts.append(chunk[start:])
        else:
            parts.clear()
    # What follows the last newline of a stream that broke is a part of a line, never a line.
    if length and stream.fault is None:
        yield Line(number, offset, length, b"".join(parts) if length <= max_line_bytes else None)


def decode_line(content: bytes) -> dict[str, Any]:
    """Decodes a line into its object.

    Raises:
        ValueError: says why it is none; a message for the user.
    """
    try:
        value = _DECODER.decode(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {error.object[error.start]:#04x} at {error.start} of the line") from None
    except json.JSONDecodeError as error:
        quoted = error.doc[max(0, error.pos - 10) :][:_QUOTED_CHARS]
        raise ValueError(f"not JSON: {error.msg} at character {error.pos} of the line, near {quoted!r}") from None
    except RecursionError:
        raise ValueError("not read: the JSON is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"not a JSON object but {_kind(value)}")  # noqa: TRY004 - a fault of the line
    return value


def read_jsonl(piece: Piece, path: Location, output: OutputRecipe, counts: Counter[str]) -> Iterator[Document | Fault]:
    """Reads every line of a file; the locator ends in the line's number."""
    with InputStream(path) as stream:
        reader = _LineReader(piece, counts)
        for line in split_lines(stream, output.max_line_bytes):
            if line.content is None:
                error = f"line {line.number}: {line.length} bytes, max_line_bytes is {output.max_line_bytes}"
                yield read_fault(piece, str(line.number), error, line.offset, line.length)
                continue
            content = line.content.removeprefix(_BYTE_ORDER_MARK) if line.number == 1 else line.content
            if not content or content.isspace():
                counts["skipped_blank_line"] += 1
                continue
            try:
                yield reader.document(line.number, content)
            except ValueError as error:
                yield read_fault(piece, str(line.number), f"line {line.number}: {error}", line.offset, line.length)
        if stream.fault:
            yield read_fault(piece, "", stream.fault, stream.position)


class _LineReader:
    """Makes documents of one file's lines. Rows of one file mostly have the same keys: the mapping is made once for each set."""

    def __init__(self, piece: Piece, counts: Counter[str]) -> None:
        self._piece = piece
        self._counts = counts
        self._maps: dict[tuple[str, ...], ColumnMap] = {}

    def document(self, number: int, content: bytes) -> Document:
        row = decode_line(content)
        columns = self._columns(row)
        body = row[columns.content_column]
        if not isinstance(body, str):
            raise ValueError(f"{columns.content_column!r} is {_kind(body)}, not a string")  # noqa: TRY004 - a fault of the line
        replaced = 0
        # The line is valid UTF-8 and JSON has no raw NUL: only an escape can bring in what UTF-8 cannot hold.
        if b"\\u" in content:
            body, replaced = clean_text(body)
            for name in row:
                if isinstance(row[name], str):
                    row[name] = clean_text(row[name])[0]
        ours, rest = columns.values(row, self._counts)
        locator = f"{self._piece.path}#{number}"
        if columns.content == "html":
            return Document(locator, html=body.encode(), html_encoding="utf-8", meta=rest, replaced=replaced, **ours)
        return Document(locator, text=body, meta=rest, replaced=replaced, **ours)

    def _columns(self, row: dict[str, Any]) -> ColumnMap:
        keys = tuple(row)
        columns = self._maps.get(keys)
        if columns is None:
            # Optional keys come and go from line to line; only the content is asked of every one.
            wanted = [
                (ours, theirs) for ours, theirs in self._piece.columns if ours in ("text", "html") or theirs in row
            ]
            content = dict(wanted).get("html") or dict(wanted).get("text", "text")
            if content not in row:
                there = ", ".join(repr(name[:_QUOTED_CHARS]) for name in keys[:20]) or "none"
                raise ValueError(f"column {content!r} is missing; the keys there are {there}")
            columns = map_columns(wanted, keys, self._piece.path)
            if len(self._maps) < 1024:  # rows of ever new keys must not fill the memory
                self._maps[keys] = columns
        return columns


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
