"""Tells what span deduplication cuts out of documents, passage by passage, and who has each first. Pure."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.keys import join_ids, split_ids
from curation.job.span_stages import Cuts
from schemas.arrow import CUTS

#: Passages of one document that are told; a document of copied lines has thousands. All are counted in its signals.
MAX_CUTS = 20
#: Characters of a passage that are told.
MAX_CHARACTERS = 200
# Bytes between lines that are cut one after the other.
_GAP = 1

Int64s = npt.NDArray[np.int64]


def cut_evidence(batch: pa.RecordBatch, at: Int64s, cuts: Cuts, step: str, dumps: list[str]) -> pa.RecordBatch | None:
    """Gives the evidence of a batch's cuts: at most `MAX_CUTS` a document, in the order of documents and places.

    Passages that overlap or follow one another, and stand first in one document, are one.

    Args:
        batch: the documents, with their texts whole.
        at: the row of the batch that each cut is of, ascending.
        cuts: as `Cuts` sorts them.
        step: name of the step.
        dumps: names of dumps by rank.

    Returns:
        Rows of schema `CUTS`; None for none.
    """
    if at.size == 0:
        return None
    first, ends = _merged(at, cuts)
    documents = at[first]
    begins = np.flatnonzero(np.concatenate(([True], documents[1:] != documents[:-1])))
    rank = np.arange(first.size) - np.repeat(begins, np.diff(np.append(begins, first.size)))
    told = np.flatnonzero(rank < MAX_CUTS)
    first, ends, documents = first[told], ends[told], documents[told]
    starts, stops, passages = _passages(batch["text"], documents, cuts.starts[first], ends)
    ids = batch["id"].take(pa.array(documents))
    dump = [dumps[rank] or None for rank in cuts.kept_dump[first].tolist()]
    columns = [
        ids,
        pa.repeat(pa.scalar(step), first.size),
        pa.array(starts, pa.int64()),
        pa.array(stops, pa.int64()),
        pa.array(passages, pa.large_string()),
        join_ids(cuts.kept_hi[first], cuts.kept_lo[first]),
        pa.array(dump, pa.string()),
        pa.array(split_ids(ids)[0]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=CUTS)


def _merged(at: Int64s, cuts: Cuts) -> tuple[Int64s, Int64s]:
    """Gives the first cut of each passage, and the byte after the passage's end."""
    same = (at[1:] == at[:-1]) & (cuts.kept[1:] == cuts.kept[:-1]) & (cuts.starts[1:] <= cuts.ends[:-1] + _GAP)
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    return first, np.maximum.reduceat(cuts.ends, first)


def _passages(
    texts: pa.LargeStringArray, documents: Int64s, starts: Int64s, ends: Int64s
) -> tuple[list[int], list[int], list[str]]:
    """Gives where passages begin and end in characters, and their beginnings; places are counted on from the one before."""
    found: tuple[list[int], list[int], list[str]] = ([], [], [])
    text, last, octets, chars = b"", -1, 0, 0
    for document, start, end in zip(documents.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if document != last:
            text, last, octets, chars = texts[document].as_buffer().to_pybytes(), document, 0, 0
        chars += len(text[octets:start].decode("utf-8", "replace"))
        passage = text[start:end].decode("utf-8", "replace")
        octets = start
        found[0].append(chars)
        found[1].append(chars + len(passage))
        found[2].append(passage[:MAX_CHARACTERS])
    return found
