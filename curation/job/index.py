"""The index of a run: every id with its outcome, file and row, sorted by id in files by id range; and the search in it.

Touches the run's files only. A search opens the manifest and one row group of one file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from curation.dedup.keys import hash_range, join_ids, split_ids
from curation.dedup.shuffle import GroupByRange, KeyedBatch, cut, gather
from curation.job.layout import INDEX as INDEX_FOLDER
from curation.job.layout import Layout
from curation.job.units import RunRanges, numbers
from schemas.arrow import INDEX
from schemas.files import open_parquet, read_json, write_part
from schemas.storage import Location

KEPT = "kept"
#: About how many ids an index file holds.
ROWS_A_FILE = 1 << 20
_NAMED_TWINS = 5

#: One row a document: its id, the number of its outcome and of its file, and its row there.
INDEX_SHUFFLE = pa.schema(
    [
        pa.field("id_hi", pa.uint64(), nullable=False),
        pa.field("id_lo", pa.uint64(), nullable=False),
        pa.field("outcome", pa.uint16(), nullable=False),
        pa.field("file", pa.uint32(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class IndexEntry:
    """Where a document ended up.

    Attributes:
        id: the document.
        outcome: ``kept``, or the name of the step that rejected it.
        file: path relative to the run's folder.
        row: its row there.
    """

    id: str
    outcome: str
    file: str
    row: int


class _ReadIds(beam.DoFn):
    """Reads the ids of one output file as numbers, cut by range. Every range gets a batch, maybe without rows."""

    def __init__(self, layout: Layout, files: list[str], outcomes: list[str], num_ranges: int, wanted: range) -> None:
        self._layout = layout
        self._files = files
        self._outcomes = outcomes
        self._num_ranges = num_ranges
        self._wanted = wanted

    def process(self, number: int) -> Iterator[KeyedBatch]:
        if number == 0:
            empty = pa.RecordBatch.from_pylist([], schema=INDEX_SHUFFLE)
            yield from ((wanted, empty) for wanted in self._wanted)
        if not self._files:
            return
        first = 0
        with open_parquet(self._layout.root / self._files[number]) as file:
            columns = [name for name in ("id", "step") if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=columns):
                high, low = split_ids(batch["id"])
                outcome = np.zeros(batch.num_rows, np.uint16)
                if "step" in columns:
                    steps = batch["step"].dictionary_encode()
                    codes = np.array([self._outcomes.index(name) for name in steps.dictionary.to_pylist()], np.uint16)
                    outcome = codes[steps.indices.to_numpy()]
                rows = np.arange(first, first + batch.num_rows, dtype=np.uint32)
                first += batch.num_rows
                arrays = [high, low, outcome, np.full(rows.size, number, np.uint32), rows]
                numbered = pa.RecordBatch.from_arrays([pa.array(array) for array in arrays], schema=INDEX_SHUFFLE)
                yield from cut(numbered, hash_range(high, self._num_ranges), self._wanted)


@dataclass
class IndexTask:
    """Sorts one range of ids and writes its index file.

    Args:
        layout: the run.
        files: output files by number, relative to the run's folder.
        outcomes: names of outcomes by number.
    """

    layout: Layout
    files: list[str]
    outcomes: list[str]

    def __call__(self, number: int, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """Writes the file; gives the marker's body. Ids that occur twice are named there: they fail the run."""
        rows = gather(batches, INDEX_SHUFFLE)
        order = np.lexsort([rows[name] for name in ("row", "file", "id_lo", "id_hi")])
        high, low = rows["id_hi"][order], rows["id_lo"][order]
        twice = np.flatnonzero((high[1:] == high[:-1]) & (low[1:] == low[:-1]))
        ids = join_ids(high, low)
        file, row = rows["file"][order], rows["row"][order]
        twins = [
            [ids[at].as_py(), *(f"{self.files[file[place]]} row {row[place]}" for place in (at, at + 1))]
            for at in twice[:_NAMED_TWINS].tolist()
        ]
        columns = [
            ids,
            pa.array(self.outcomes, pa.string()).take(pa.array(rows["outcome"][order])),
            pa.array(self.files, pa.string()).take(pa.array(file)),
            pa.array(row.astype(np.int64)),
        ]
        table = pa.Table.from_arrays(columns, schema=INDEX)
        part = write_part(self.layout.root / "index", f"part-{number:05d}", table)
        return {"parts": {"index": part.to_json()}, "rows": len(ids), "twins": twins}


def build_index(pipeline: Any, task: IndexTask, num_ranges: int, wanted: range) -> None:
    """Wires the index of some id ranges into a pipeline."""
    layout, files = task.layout, task.files
    read = beam.ParDo(_ReadIds(layout, files, task.outcomes, num_ranges, wanted)).with_output_types(KeyedBatch)
    grouped = (
        numbers(pipeline, range(max(len(files), 1))) | beam.Reshuffle() | "Ids" >> read | GroupByRange(INDEX_SHUFFLE)
    )
    _ = grouped | "Index" >> RunRanges(layout, INDEX_FOLDER, task)


def find_in_index(directory: Location, document_id: str) -> IndexEntry | None:
    """Finds a document of a finished run.

    Args:
        directory: the run's folder, ``<out>/curate``.
        document_id: 32 hex digits.

    Returns:
        Where the document is; None if the run has no such id.

    Raises:
        FileNotFoundError: the run has no manifest: it is not finished.
        ValueError: the id is not 32 hex digits.
    """
    high, _ = split_ids(pa.array([document_id], pa.string()))
    parts = [item["path"] for item in read_json(directory / "manifest.json")["artifacts"] if item["kind"] == "index"]
    if not parts:
        return None
    with open_parquet(directory / sorted(parts)[int(hash_range(high, len(parts))[0])]) as file:
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group).column(0).statistics
            if about.min <= document_id <= about.max:
                table = file.read_row_group(group)
                at = int(np.searchsorted(table["id"].to_numpy(), document_id))
                if at < table.num_rows and table["id"][at].as_py() == document_id:
                    return IndexEntry(**table.slice(at, 1).to_pylist()[0])
    return None


def read_row(directory: Location, entry: IndexEntry) -> dict[str, Any]:
    """Reads the row that an index entry points to: only its row group. Gives its columns as Python values."""
    with open_parquet(directory / entry.file) as file:
        left = entry.row
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if left < rows:
                row: dict[str, Any] = file.read_row_group(group).slice(left, 1).to_pylist()[0]
                return row
            left -= rows
    raise IndexError(f"{entry.file} has no row {entry.row}")
