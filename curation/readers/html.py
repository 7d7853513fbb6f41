"""Reads a page a file (.html, .htm, also compressed), and tells the encoding of pages' bytes."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

from curation.model import Fault, Piece
from curation.readers.batches import Document, read_fault
from curation.readers.streams import InputStream
from schemas.recipe import OutputRecipe
from schemas.storage import Location

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def decode_page(page: bytes, declared: str | None) -> str:
    """Decodes a page much as browsers do: by a byte order mark, the transport's charset, the page's own, or its bytes.

    Without a charset from the transport, a page that is valid UTF-8 is UTF-8 whatever it says of itself. Never raises: bytes
    that fit no encoding become U+FFFD.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if page.startswith(mark):
            return page[len(mark) :].decode(encoding, "replace")
    known: str | None = map_encoding_to_html5(declared, fallback_utf8=False) if declared else None
    # An escape or a NUL is a sign of encodings that look like ASCII: ISO-2022-JP, UTF-16 without its mark.
    if known is None and b"\x1b" not in page and b"\0" not in page:
        with contextlib.suppress(UnicodeDecodeError):
            return page.decode("utf-8")
    try:
        return bytes_to_str(page, known or detect_encoding(page, from_html_meta=True) or "utf-8", "replace")
    except (LookupError, UnicodeError):  # an encoding that Python does not have
        return page.decode("utf-8", "replace")


def read_html(piece: Piece, path: Location, output: OutputRecipe, counts: Counter[str]) -> Iterator[Document | Fault]:  # noqa: ARG001 - the readers' one signature
    """Reads a file as one page; the locator is the path alone. A page whose compressed file is cut is a fault."""
    with InputStream(path) as stream:
        page = read_whole(stream, output.max_document_bytes)
        if stream.fault:
            yield read_fault(piece, "", stream.fault, stream.position)
        elif page is None:
            yield read_fault(piece, "", f"more than max_document_bytes, {output.max_document_bytes}", 0)
        else:
            yield Document(piece.path, html=page, path=piece.path)


def read_whole(stream: InputStream, max_bytes: int) -> bytes | None:
    """Gives the rest of a stream, or None if that is more than `max_bytes`."""
    parts: list[bytes] = []
    size = 0
    while chunk := stream.read():
        size += len(chunk)
        if size > max_bytes:
            return None
        parts.append(chunk)
    return b"".join(parts)
