"""Reads WARC files: HTML and plain-text responses and resources as documents, and the text of WET conversion records."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType

from columnar.clean import clean_text
from curation.model import Fault, Piece
from curation.readers.batches import Document, parse_timestamp, read_fault
from curation.readers.html import decode_page
from curation.readers.streams import InputStream
from schemas.recipe import OutputRecipe
from schemas.storage import Location

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
TEXT_TYPES = frozenset({"text/plain"})
_WITH_DOCUMENTS = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
_ARC_START = b"filedesc:"
_MAX_URL_CHARS = 4096


def read_warc(piece: Piece, path: Location, output: OutputRecipe, counts: Counter[str]) -> Iterator[Document | Fault]:
    """Reads every record of a file; what came before a cut is kept, and one fault says where it broke.

    The locator ends in the record's offset in the file; where one gzip member holds several records, ``+`` and the record's
    distance from the member's start in the decompressed stream follow.
    """
    with InputStream(path) as stream:
        reader = _RecordReader(piece, stream, output.max_document_bytes, counts)
        # Digests are not asked for: a page whose digest is wrong is still a page. HTTP is parsed for the records that need it.
        records = ArchiveIterator(stream, parse_http=False, stream_detect=False, fsspec_args=False)
        while True:
            try:
                record = next(records, None)
            except OSError as error:
                if stream.fault is None:
                    yield reader.fault(
                        f"after the record at byte {reader.last} comes no other: {_reason(path, error)}", reader.last
                    )
                break
            if record is None:
                break
            found = reader.read(record)
            # A stream that broke cut this very record: the stream's fault, below, tells it better.
            if found is not None and not (reader.cut and stream.fault):
                yield found
            if reader.cut:
                break
        if stream.fault:
            yield read_fault(piece, "", stream.fault, stream.locate(reader.last)[0])


class _RecordReader:
    """Makes documents of one file's records.

    Attributes:
        last: where the record read last starts in the decompressed stream.
        cut: whether the file ended within that record.
    """

    def __init__(self, piece: Piece, stream: InputStream, max_bytes: int, counts: Counter[str]) -> None:
        self._piece = piece
        self._stream = stream
        self._max_bytes = max_bytes
        self._counts = counts
        self.last = 0
        self.cut = False

    def fault(self, error: str, position: int, length: int | None = None) -> Fault:
        offset = self._stream.locate(position)[0] if self._stream.compression else position
        return read_fault(
            self._piece, self._where(position), error, offset, None if self._stream.compression else length
        )

    def read(self, record: Any) -> Document | Fault | None:
        """Gives the record's document or fault; None for a record that holds no document, which is counted."""
        self.last = record.stream_pos
        length = record.content_length
        if not (record.headers.get("Content-Length") or "").strip().isdigit():
            self.cut = True
            return self.fault(
                "the WARC record has no Content-Length: the file is cut or damaged in its header", self.last
            )
        wanted = bool(record.record_type & _WITH_DOCUMENTS)
        large = length > self._max_bytes
        if not wanted or large:
            self.cut = record.consume() < length
        else:
            record.freeze()
            self.cut = record.content_length < length
        if self.cut:
            return self.fault(f"the file ends inside this WARC record of {length} bytes", self.last, length)
        if not wanted:
            self._counts[f"skipped_warc_{record.record_type}"] += 1
            return None
        if large:
            return self.fault(f"{length} bytes, max_document_bytes is {self._max_bytes}", self.last, length)
        try:
            return self._document(record)
        except (OSError, ValueError) as error:
            return self.fault(f"the record's HTTP message cannot be read: {error}", self.last, length)

    def _document(self, record: Any) -> Document | Fault | None:
        url = (record.headers.get("WARC-Target-URI") or "").strip("<> ")[:_MAX_URL_CHARS]
        if record.record_type == WarcRecordType.response and record.is_http:
            record.parse_http(auto_decode="all")
            status = record.http_headers.status_code
            if status is None or not 200 <= status < 300:
                self._counts["skipped_http_status"] += 1
                return None
            kind, charset = record.http_content_type, record.http_charset
        elif record.record_type == WarcRecordType.resource and not url.startswith(("http://", "https://")):
            self._counts["skipped_warc_resource"] += 1  # crawlers keep their own logs and settings as resources
            return None
        else:
            kind, _, rest = (record.headers.get("Content-Type") or "").partition(";")
            charset = rest.partition("charset=")[2].strip(" \"'") or None
        kind = (kind or record.headers.get("WARC-Identified-Payload-Type") or "").strip().lower()
        if kind not in HTML_TYPES and kind not in TEXT_TYPES:
            self._counts["skipped_content_type"] += 1
            return None
        # A compressed HTTP body may be far larger than the record.
        payload = record.reader.read(self._max_bytes + 1)
        if len(payload) > self._max_bytes:
            return self.fault(f"expands to more than max_document_bytes, {self._max_bytes}", self.last)
        common: dict[str, Any] = {
            "locator": f"{self._piece.path}#{self._where(self.last)}",
            "url": url or None,
            "timestamp": parse_timestamp(record.headers.get("WARC-Date")),
        }
        if truncated := record.headers.get("WARC-Truncated"):
            common["meta"] = {"truncated": truncated}
        if kind in HTML_TYPES:
            return Document(html=payload, html_encoding=charset, **common)
        text, replaced = clean_text(decode_page(payload, charset))
        return Document(text=text, replaced=replaced, **common)

    def _where(self, position: int) -> str:
        if self._stream.compression is None:
            return str(position)
        offset, distance = self._stream.locate(position)
        return f"{offset}+{distance}" if distance else str(offset)


def _reason(path: Location, error: OSError) -> str:
    with InputStream(path) as stream:
        if stream.read(len(_ARC_START)) == _ARC_START:
            return "this is an ARC file, the format before WARC; convert it first"
    return str(error)
