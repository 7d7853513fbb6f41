"""Reads little of much Parquet: single rows by number, and row groups spread evenly over files. Reads only; never a whole table.

The same files give the same rows each time: what is looked at depends on row counts alone.
"""

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from service.report.facts import Sampled

#: Rows of one decoding batch; bounds memory for columns of text.
_BATCH_ROWS = 1024


def read_rows(path: Path, rows: Iterable[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Reads single rows of a file; only the row groups that hold them are read, a batch at a time.

    Args:
        path: a Parquet file. A missing file, column or row is left out of the answer: a report shows what there is.
        rows: row numbers from 0.
        columns: what to read.

    Returns:
        Row number -> column -> value.
    """
    wanted = sorted(set(rows))
    found: dict[int, dict[str, Any]] = {}
    if not wanted or not path.is_file():
        return found
    with pq.ParquetFile(path, memory_map=True) as file:
        known = [name for name in columns if name in file.schema_arrow.names]
        starts = _starts(file)
        for group, members in itertools.groupby(wanted, key=lambda row: bisect.bisect_right(starts, row) - 1):
            if group >= file.metadata.num_row_groups or group < 0:
                continue
            local = [row - starts[group] for row in members]
            for offset, batch in _batches(file, group, known):
                inside = [row for row in local if offset <= row < offset + batch.num_rows]
                for row in inside:
                    found[starts[group] + row] = batch.slice(row - offset, 1).to_pylist()[0]
    return found


def _starts(file: pq.ParquetFile) -> list[int]:
    sizes = (file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups))
    return list(itertools.accumulate(sizes, initial=0))


def _batches(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    offset = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], columns=list(columns)):
        yield offset, batch
        offset += batch.num_rows


class Scan:
    """Row groups of some files, all of them or evenly spread ones that hold about `max_rows`.

    Attributes:
        sampled: how many rows are read of how many.
    """

    def __init__(self, files: Sequence[Path], max_rows: int) -> None:
        """Reads the footers and chooses; files that are not there are left out."""
        groups: list[tuple[Path, int, int]] = []
        for path in files:
            if path.is_file():
                metadata = pq.read_metadata(path)
                groups.extend((path, n, metadata.row_group(n).num_rows) for n in range(metadata.num_row_groups))
        total = sum(rows for _, _, rows in groups)
        if total > max_rows:
            stride = total / max_rows
            count = max(1, int(len(groups) / stride))
            groups = [groups[int(number * len(groups) / count)] for number in range(count)]
        self._groups = [(path, number) for path, number, _ in groups]
        self.sampled = Sampled(sum(rows for _, _, rows in groups), total)

    def batches(
        self, columns: Sequence[str], fill: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Path, pa.RecordBatch]]:
        """Gives the file and the wanted columns, as far as the file has them, batch by batch.

        Args:
            columns: what to read.
            fill: column -> another one that is read too where the first is missing or has nulls, by the footer's statistics.
        """
        for path, numbers in itertools.groupby(self._groups, key=lambda group: group[0]):
            with pq.ParquetFile(path, memory_map=True) as file:
                present = set(file.schema_arrow.names)
                for _, number in numbers:
                    wanted = list(columns)
                    wanted += [other for column, other in (fill or {}).items() if not _is_full(file, number, column)]
                    for _, batch in _batches(file, number, [name for name in wanted if name in present]):
                        yield path, batch


def _is_full(file: pq.ParquetFile, group: int, column: str) -> bool:
    if column not in file.schema_arrow.names:
        return False
    metadata = file.metadata.row_group(group)
    chunks = (metadata.column(number) for number in range(metadata.num_columns))
    statistics = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == column), None)
    return statistics is not None and statistics.has_null_count and statistics.null_count == 0


def find_in_index(files: Sequence[Path], ids: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Looks ids up in files of the index contract; only row groups whose range holds a wanted id are read.

    Returns:
        id -> (file relative to the run's folder, row); ids that are not there are left out.
    """
    wanted = sorted(set(ids))
    found: dict[str, tuple[str, int]] = {}
    for path in files:
        if not wanted or not path.is_file():
            continue
        with pq.ParquetFile(path, memory_map=True) as file:
            for group in range(file.metadata.num_row_groups):
                low, high = _id_range(file, group)
                inside = wanted[bisect.bisect_left(wanted, low) : bisect.bisect_right(wanted, high)]
                if not inside:
                    continue
                table = file.read_row_group(group, columns=["id", "file", "row"])
                matched = table.filter(pc.is_in(table["id"], pa.array(inside)))
                found.update({row["id"]: (row["file"], row["row"]) for row in matched.to_pylist()})
    return found


def _id_range(file: pq.ParquetFile, group: int) -> tuple[str, str]:
    metadata = file.metadata.row_group(group)
    for number in range(metadata.num_columns):
        column = metadata.column(number)
        if column.path_in_schema == "id" and column.statistics is not None and column.statistics.has_min_max:
            return str(column.statistics.min), str(column.statistics.max)
    return "", "\U0010ffff"
