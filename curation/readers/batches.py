"""Packs the documents that readers find into raw batches bounded by rows and bytes. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from curation.meta import meta_json
from curation.model import RAW, Fault, Piece
from schemas.ids import document_id

READ_STAGE = "read"

#: Epoch numbers from here on are milliseconds (as seconds this would be the year 5138), then microseconds.
_MILLISECONDS_FROM = 1e11
_MICROSECONDS_FROM = 1e14


class Document(NamedTuple):
    """One document as a reader found it. Exactly one of `text` and `html` is set.

    Attributes:
        locator: path relative to the input's root, then ``#`` and the record, line or row.
        meta: JSON values that go into `meta` beside the locator.
        replaced: characters of `text` that became U+FFFD.
    """

    locator: str
    text: str | None = None
    html: bytes | None = None
    html_encoding: str | None = None
    url: str | None = None
    path: str | None = None
    repo: str | None = None
    timestamp: datetime | None = None
    meta: dict[str, Any] | None = None
    replaced: int = 0

    @property
    def num_bytes(self) -> int:
        """Bytes of the text in UTF-8, or of the page."""
        if self.text is None:
            return len(self.html or b"")
        return len(self.text) if self.text.isascii() else len(self.text.encode())


class BatchBuilder:
    """Collects documents until a batch is full. One builder serves many pieces."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        """Takes the bounds of a batch; a document beyond `max_bytes` makes a batch by itself."""
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._rows: list[tuple[Any, ...]] = []
        self._bytes = 0

    def add(self, piece: Piece, document: Document) -> pa.RecordBatch | None:
        """Adds a document; gives the batch before it when the document does not fit any more."""
        size = document.num_bytes
        full = None
        if self._rows and (len(self._rows) >= self._max_rows or self._bytes + size > self._max_bytes):
            full = self.flush()
        self._rows.append(
            (
                document_id(piece.source, piece.dump, document.locator),
                piece.source,
                document.url,
                document.path,
                document.repo,
                piece.dump or None,
                document.timestamp,
                meta_json(document.locator, document.meta),
                document.text,
                document.html,
                document.html_encoding,
                document.replaced,
            )
        )
        self._bytes += size
        return full

    def flush(self) -> pa.RecordBatch | None:
        """Gives what has been collected as a batch of schema `RAW`; None if that is nothing."""
        if not self._rows:
            return None
        columns = [
            pa.array(values, field.type) for values, field in zip(zip(*self._rows, strict=True), RAW, strict=True)
        ]
        self._rows, self._bytes = [], 0
        return pa.RecordBatch.from_arrays(columns, schema=RAW)


def parse_timestamp(value: Any) -> datetime | None:
    """Reads ISO 8601 text, or an epoch number in seconds, milliseconds or microseconds by its size; None if it is neither.

    A time without a zone is taken as UTC.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value.strip())
            except ValueError:
                return _from_epoch(float(value))
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _from_epoch(value)
    except (ValueError, OverflowError):
        pass
    return None


def _from_epoch(number: float) -> datetime:
    size = abs(number)
    scale = 1.0 if size < _MILLISECONDS_FROM else 1e3 if size < _MICROSECONDS_FROM else 1e6
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / scale)


def read_fault(piece: Piece, where: str, error: str, offset: int | None = None, length: int | None = None) -> Fault:
    """Makes a fault of stage ``read``; `where` is what follows ``#`` in the locator, empty for the whole file."""
    pointer = piece.path
    if offset is not None:
        pointer += f"@{offset}" + (f"+{length}" if length is not None else "")
    return Fault(f"{piece.path}#{where}" if where else piece.path, piece.source, READ_STAGE, error, pointer)
