"""Teaches Beam to move `pyarrow.RecordBatch` as Arrow IPC. Importing this module registers the coder.

Without it Beam pickles a batch with all its buffers: a one-row slice of a 10,000-row batch then costs a megabyte. The
transform that yields batches must be annotated, or Beam infers `Any` and pickles all the same.
"""

from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders.coder_impl import CoderImpl, StreamCoderImpl
from apache_beam.coders.coders import FastCoder


class RecordBatchCoder(FastCoder):
    """Encodes a RecordBatch as one Arrow IPC stream: schema, metadata and only the rows of the slice.

    Not deterministic: a batch is a value here, never a key to group by.
    """

    def _create_impl(self) -> CoderImpl:
        return _RecordBatchCoderImpl()

    def is_deterministic(self) -> bool:
        """Says that no batch may be a key."""
        return False

    def to_type_hint(self) -> Any:
        """Gives the type that this coder serves, from which Beam infers the coder of typed transforms."""
        return pa.RecordBatch

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class _RecordBatchCoderImpl(StreamCoderImpl):
    def encode_to_stream(self, value: pa.RecordBatch, stream: Any, nested: bool) -> None:  # noqa: FBT001 - Beam's signature
        stream.write(encode(value), nested)

    def decode_from_stream(self, stream: Any, nested: bool) -> pa.RecordBatch:  # noqa: FBT001 - Beam's signature
        return decode(stream.read_all(nested))


def encode(batch: pa.RecordBatch) -> bytes:
    """Gives the batch as the bytes of an Arrow IPC stream with exactly one batch in it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def decode(encoded: bytes) -> pa.RecordBatch:
    """Gives the batch back.

    Raises:
        ValueError: if the bytes do not hold exactly one batch.
    """
    with pa.ipc.open_stream(encoded) as reader:
        batches = list(reader)
    if len(batches) != 1:
        raise ValueError(f"an encoded RecordBatch holds one batch, this one holds {len(batches)}")
    return batches[0]


beam.coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
