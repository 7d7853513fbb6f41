"""What every step does with its batch: picks the rows of its sources, puts columns in, and parts kept rows from rejects. Pure."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.model import StepOutput
from schemas.arrow import REJECTS

Mask = npt.NDArray[np.bool_]

#: The columns that a rejected row has beside its document's.
REJECT_FIELDS = (REJECTS.field("step"), REJECTS.field("reasons"))


def rows_of(batch: pa.RecordBatch, sources: Collection[str]) -> Mask:
    """Marks the rows of these sources; none means all."""
    if not sources:
        return np.ones(batch.num_rows, np.bool_)
    wanted = pa.array(sorted(sources), batch.schema.field("source").type)
    return as_mask(pc.is_in(batch.column("source"), value_set=wanted))


def as_mask(marks: pa.BooleanArray) -> Mask:
    """Gives a NumPy mask; null is False."""
    return np.asarray(pc.fill_null(marks, fill_value=False).to_numpy(zero_copy_only=False), np.bool_)


def put_column(batch: pa.RecordBatch, field: pa.Field, rows: Mask, values: pa.Array) -> pa.RecordBatch:
    """Gives the batch with `values` in the marked rows of a column; other rows keep what they had, or get null.

    Args:
        batch: the rows.
        field: the column; it is added at the end if it is not there.
        rows: which rows get a value, bool[num_rows].
        values: one value a marked row.
    """
    values = values.cast(field.type)
    position = batch.schema.get_field_index(field.name)
    if not rows.all():
        before = pa.nulls(batch.num_rows, field.type) if position < 0 else batch.column(position).cast(field.type)
        values = pc.replace_with_mask(before, pa.array(rows), values)
    if position < 0:
        return batch.append_column(field, values)
    return batch.set_column(position, field, values)


def part(batch: pa.RecordBatch, step: str, reasons: Sequence[str], failing: Mask) -> StepOutput:
    """Parts the rows: one that fails any reason is rejected, with every reason that it fails.

    Args:
        batch: the rows, with the step's columns.
        step: name of the step.
        reasons: the reasons in the order in which they are listed.
        failing: bool[len(reasons), num_rows].
    """
    rejected = failing.any(axis=0)
    if not rejected.any():
        return StepOutput(batch)
    # Row by row of the transposed matrix: a row's reasons stand together, in the table's order.
    rows, which = np.nonzero(failing[:, rejected].T)
    offsets = np.searchsorted(rows, np.arange(int(rejected.sum()) + 1)).astype(np.int32)
    names = pa.array(list(reasons), pa.string()).take(pa.array(which))
    kind = REJECT_FIELDS[1].type
    dropped = batch.filter(pa.array(rejected))
    dropped = dropped.append_column(REJECT_FIELDS[0], pa.array([step] * dropped.num_rows, pa.string()))
    dropped = dropped.append_column(REJECT_FIELDS[1], pa.ListArray.from_arrays(pa.array(offsets), names, type=kind))
    return StepOutput(batch.filter(pa.array(~rejected)), dropped)
