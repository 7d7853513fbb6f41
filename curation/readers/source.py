"""Reads files of source trees: a text file is a document, a binary file is counted and left out."""

from collections import Counter
from collections.abc import Iterator

from columnar.clean import clean_text
from curation.model import Fault, Piece
from curation.readers.batches import Document, read_fault
from schemas.recipe import OutputRecipe
from schemas.storage import Location

#: A NUL in this many first bytes tells a binary file, as git does it.
SNIFF_BYTES = 8 << 10
_BYTE_ORDER_MARK = "\ufeff"


def read_source(piece: Piece, path: Location, output: OutputRecipe, counts: Counter[str]) -> Iterator[Document | Fault]:
    """Reads a file as one document; the locator is the path alone. What is not UTF-8 text is counted as `skipped_binary_file`."""
    with path.open("rb") as file:
        content = file.read(SNIFF_BYTES)
        if b"\0" not in content:
            content += file.read(max(0, output.max_document_bytes + 1 - len(content)))
    if b"\0" in content[:SNIFF_BYTES]:
        counts["skipped_binary_file"] += 1
        return
    if len(content) > output.max_document_bytes:
        size = path.stat().st_size
        yield read_fault(piece, "", f"{size} bytes, max_document_bytes is {output.max_document_bytes}", 0, size)
        return
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        counts["skipped_binary_file"] += 1
        return
    text, replaced = clean_text(text.removeprefix(_BYTE_ORDER_MARK))
    yield Document(piece.path, text=text, path=piece.path, repo=piece.repo or None, replaced=replaced)
