"""The map steps as Beam transforms over PCollection[RecordBatch]. Beam only; the steps themselves know nothing of it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

import schemas.coder  # noqa: F401 - registers the coder of RecordBatch
from curation.model import Fault, Step
from curation.steps.build import guarded_apply
from schemas.arrow import QUARANTINE

KEPT = "kept"
REJECTS = "rejects"
FAULTS = "faults"


@dataclasses.dataclass
class ApplyStep(beam.PTransform):
    """Applies a map step to batches.

    Takes PCollection[RecordBatch] and gives three by name: `kept`, `rejects` (with `step` and `reasons`) and `faults` (schema
    `QUARANTINE`); empty batches are left out. Counts rows in the namespace of the step's name: `rows`, `rejected`, `faults`,
    and each reason.

    Args:
        step: the step; it is pickled once a worker.
    """

    step: Step

    def __post_init__(self) -> None:
        super().__init__()

    def _apply(self, batch: pa.RecordBatch) -> Iterator[Any]:
        output = guarded_apply(self.step, batch)
        self._count("rows", batch.num_rows)
        if output.kept.num_rows:
            yield output.kept
        if output.rejects is not None and output.rejects.num_rows:
            self._count("rejected", output.rejects.num_rows)
            for reason in pc.value_counts(pc.list_flatten(output.rejects["reasons"])).to_pylist():
                self._count(reason["values"], reason["counts"])
            yield beam.pvalue.TaggedOutput(REJECTS, output.rejects)
        if output.faults:
            self._count("faults", len(output.faults))
            yield beam.pvalue.TaggedOutput(FAULTS, faults_batch(output.faults))

    def _count(self, name: str, amount: int) -> None:
        beam.metrics.Metrics.counter(self.step.name, name).inc(amount)

    def expand(self, batches: Any) -> Any:
        """Wires the transform."""
        apply = beam.FlatMap(self._apply).with_output_types(
            pa.RecordBatch, rejects=pa.RecordBatch, faults=pa.RecordBatch
        )
        return batches | "Apply" >> apply.with_outputs(REJECTS, FAULTS, main=KEPT)


def faults_batch(faults: list[Fault]) -> pa.RecordBatch:
    """Gives faults as rows of the quarantine contract."""
    columns = {name: [getattr(fault, name) for fault in faults] for name in QUARANTINE.names}
    return pa.RecordBatch.from_pydict(columns, schema=QUARANTINE)
