"""Reads pieces of input into raw batches: picks the reader of a piece's format and packs documents into bounded batches.

Opens input files and nothing else. A thing that cannot be read becomes a `Fault`; nothing is left out in silence: what is not
a document (a picture in a crawl, a binary file in a source tree) is counted by kind.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from curation.model import Fault, Piece
from curation.readers.batches import BatchBuilder, Document, read_fault
from curation.readers.html import read_html
from curation.readers.jsonl import read_jsonl
from curation.readers.parquet import read_parquet
from curation.readers.source import read_source
from curation.readers.warc import read_warc
from schemas.recipe import OutputRecipe
from schemas.storage import Location, StorageError, location

_Reader = Callable[[Piece, Location, OutputRecipe, Counter[str]], Iterator[Document | pa.RecordBatch | Fault]]

READERS: dict[str, _Reader] = {
    "warc": read_warc,
    "html": read_html,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "source": read_source,
}


def read_pieces(
    pieces: Iterable[Piece], output: OutputRecipe, counts: Counter[str]
) -> Iterator[pa.RecordBatch | Fault]:
    """Reads pieces one after the other; small files share a batch, so a source tree does not become one-row batches.

    Ids and texts do not depend on the batch bounds, nor on how files were cut into pieces.

    Args:
        pieces: what to read, in this order.
        output: `batch_rows`, `batch_bytes` (of document text or page bytes; one larger document is a batch by itself),
            `max_line_bytes`, `max_document_bytes`.
        counts: is added to while reading: `files`, `input_bytes` (as stored), `documents`, `text_bytes` (text or page, as
            read), `faults`, `replaced_characters`, `unreadable_timestamps`, and `skipped_<why>` for what is no document.

    Yields:
        Batches of schema `curation.model.RAW`, and faults (stage ``read``) as they are met.
    """
    builder = BatchBuilder(output.batch_rows, output.batch_bytes)
    for piece in pieces:
        counts["files"] += piece.start == 0  # further parts of a file are the same file
        counts["input_bytes"] += piece.num_bytes
        for found in _read(piece, output, counts):
            ready: pa.RecordBatch | None
            if isinstance(found, Fault):
                counts["faults"] += 1
                yield found
                continue
            if isinstance(found, pa.RecordBatch):
                _count(found, counts)
                pending = builder.flush()
                if pending is not None:
                    yield pending
                ready = found
            else:
                counts["documents"] += 1
                counts["text_bytes"] += found.num_bytes
                counts["replaced_characters"] += found.replaced
                ready = builder.add(piece, found)
            if ready is not None:
                yield ready
    last = builder.flush()
    if last is not None:
        yield last


def read_piece(piece: Piece, output: OutputRecipe, counts: Counter[str]) -> Iterator[pa.RecordBatch | Fault]:
    """Reads one piece; see `read_pieces`."""
    return read_pieces([piece], output, counts)


def place_of(piece: Piece) -> Location:
    """Gives where the piece's file is."""
    return location(piece.root) / piece.path


def _read(piece: Piece, output: OutputRecipe, counts: Counter[str]) -> Iterator[Document | pa.RecordBatch | Fault]:
    """Reads one piece with the reader of its format; a file that cannot be opened, is empty or trips its reader is one fault."""
    path = place_of(piece)
    try:
        # An empty module is a usual thing in a source tree; elsewhere an empty file is a transfer that went wrong.
        if path.stat().st_size == 0 and piece.format != "source":
            yield read_fault(piece, "", "empty file", 0, 0)
            return
        before = counts.total()
        found_any = False
        for found in READERS[piece.format](piece, path, output, counts):
            found_any = True
            yield found
        # A compressed file of nothing. Parquet is told apart: its schema says that no rows are meant.
        if not found_any and counts.total() == before and piece.format in ("jsonl", "warc"):
            yield read_fault(piece, "", "empty file", 0, piece.num_bytes)
    except OSError as error:
        yield read_fault(piece, "", f"cannot be read: {error.strerror or error}")
    except (MemoryError, StorageError):
        raise
    except Exception as error:  # noqa: BLE001 - what a hostile file sets off in a library must stay with that file
        yield read_fault(piece, "", f"reading stopped: {type(error).__name__}: {error}")


def _count(batch: pa.RecordBatch, counts: Counter[str]) -> None:
    counts["documents"] += batch.num_rows
    for name in ("text", "html"):
        counts["text_bytes"] += pc.sum(pc.binary_length(batch.column(name))).as_py() or 0
    counts["replaced_characters"] += pc.sum(batch.column("replaced_characters")).as_py() or 0
