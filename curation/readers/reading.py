"""Reads pieces of input into raw batches: picks the reader of a piece's format and packs documents into bounded batches.

Opens input files and nothing else. A thing that cannot be read becomes a `Fault`; nothing is left out in silence: what is not
a document (a picture in a crawl, a binary file in a source tree) is counted by kind.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa

from curation.model import Fault, Piece
from schemas.recipe import OutputRecipe


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
    raise NotImplementedError


def read_piece(piece: Piece, output: OutputRecipe, counts: Counter[str]) -> Iterator[pa.RecordBatch | Fault]:
    """Reads one piece; see `read_pieces`."""
    return read_pieces([piece], output, counts)
