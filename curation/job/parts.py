"""Reading and writing the Parquet parts of a run: parts that open with their first row, and slices of sorted parts.

Touches the run's folders only.
"""

import contextlib
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from schemas.files import Part, PartWriter, open_parquet, open_part
from schemas.storage import Location


class LazyPart:
    """A part that is opened when its first row comes, so that a shard without such rows leaves no file.

    Args:
        directory: the part's folder.
        stem: the beginning of its name.
        schema: of every batch.
    """

    def __init__(self, directory: Location, stem: str, schema: pa.Schema) -> None:
        self.schema = schema
        self._directory = directory
        self._stem = stem
        self._stack = contextlib.ExitStack()
        self._writer: PartWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a batch; one without rows does nothing."""
        if batch.num_rows == 0:
            return
        if self._writer is None:
            self._writer = self._stack.enter_context(open_part(self._directory, self._stem, self.schema))
        self._writer.write(batch)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return 0 if self._writer is None else self._writer.rows

    @property
    def part(self) -> Part | None:
        """The part, after the block has ended; None if it had no row."""
        return None if self._writer is None else self._writer.part

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Gives a batch the columns of `schema`, in its order: casts what differs in type, fills what is missing with nulls.

    A missing text becomes an empty one where the schema wants a text: a rejected page that was never extracted has none.
    """
    columns = []
    for field in schema:
        position = batch.schema.get_field_index(field.name)
        column = pa.nulls(batch.num_rows, field.type) if position < 0 else batch.column(position)
        if column.type != field.type:
            column = column.cast(field.type)
        if not field.nullable and column.null_count and pa.types.is_large_string(field.type):
            column = pc.fill_null(column, "")
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def read_shard_rows(
    paths: Iterable[Location], shard: int, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table:
    """Reads the rows of one shard from parts that are sorted by `shard`: only the row groups that may hold them.

    Args:
        paths: the parts.
        shard: value of the column `shard`.
        schema: of the parts.
        columns: which to read; by default all.
    """
    names = list(columns or schema.names)
    wanted = list(dict.fromkeys(["shard", *names]))
    found = []
    for path in paths:
        with open_parquet(path) as file:
            groups = [group for group in range(file.num_row_groups) if _may_hold(file, group, shard)]
            if groups:
                table = file.read_row_groups(groups, columns=wanted)
                found.append(table.filter(pc.equal(table["shard"], shard)).select(names))
    if not found:
        return pa.schema([schema.field(name) for name in names]).empty_table()
    return pa.concat_tables(found)


def _may_hold(file: Any, group: int, shard: int) -> bool:
    about = file.metadata.row_group(group).column(file.schema_arrow.get_field_index("shard")).statistics
    return about is None or not about.has_min_max or about.min <= shard <= about.max
