"""Columnar shuffles: (hash range, whole RecordBatch) through GroupByKey. Only batches of numbers may pass.

An object for each (band, hash) is what makes a deduplication slow; text in a shuffle is what makes it large. Beam only.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

import schemas.coder  # noqa: F401 - registers the coder of RecordBatch

KeyedBatch = tuple[int, pa.RecordBatch]


def check_narrow(schema: pa.Schema) -> None:
    """Raises TypeError if a column is anything but a number of fixed width: no text, no bytes, no list passes a shuffle."""
    for field in schema:
        if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
            raise TypeError(f"column {field.name!r} is {field.type}: only numbers pass a shuffle")


def row_bytes(schema: pa.Schema) -> int:
    """Gives the bytes that a row of a shuffle takes."""
    check_narrow(schema)
    return sum(field.type.bit_width // 8 for field in schema)


def cut(batch: pa.RecordBatch, ranges: npt.NDArray[np.int64], wanted: range) -> Iterator[KeyedBatch]:
    """Cuts a batch by range; rows of ranges outside `wanted` are left out.

    Args:
        batch: rows in any order.
        ranges: one range number a row.
        wanted: consecutive range numbers.

    Yields:
        Each range of `wanted` that has rows, with its rows in their order.
    """
    inside = np.flatnonzero((ranges >= wanted.start) & (ranges < wanted.stop))
    # NumPy sorts numbers of 16 bits by digits, wider ones by comparing.
    place = (ranges[inside] - wanted.start).astype(np.uint16 if len(wanted) <= 1 << 16 else np.int64)
    bounds = np.concatenate(([0], np.cumsum(np.bincount(place, minlength=len(wanted)))))
    rows = batch.take(pa.array(inside[np.argsort(place, kind="stable")]))
    for number, start, end in zip(wanted, bounds[:-1], bounds[1:], strict=True):
        if end > start:
            yield number, rows.slice(int(start), int(end - start))


@dataclasses.dataclass
class GroupByRange(beam.PTransform):
    """Brings all batches of a range together.

    Takes PCollection[tuple[int, RecordBatch]], gives PCollection[tuple[int, Iterable[RecordBatch]]]. Costs the batches' bytes
    over the network once; Beam's local runner holds them in memory about three times.

    Args:
        schema: the schema of every batch; numbers only.
    """

    schema: pa.Schema

    def __post_init__(self) -> None:
        super().__init__()
        check_narrow(self.schema)

    def _check(self, element: KeyedBatch) -> Iterator[KeyedBatch]:
        if not element[1].schema.equals(self.schema):
            raise TypeError(f"a batch of {element[1].schema.names} in a shuffle of {self.schema.names}")
        yield element

    def expand(self, batches: Any) -> Any:
        """Wires the transform."""
        return (
            batches
            | "Check" >> beam.FlatMap(self._check).with_input_types(KeyedBatch).with_output_types(KeyedBatch)
            | "Group" >> beam.GroupByKey()
        )


def gather(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> dict[str, npt.NDArray[Any]]:
    """Puts the batches of one range one after the other; gives its columns by name as arrays without nulls."""
    table = pa.Table.from_batches(list(batches), schema)
    return {name: table[name].to_numpy() for name in schema.names}
