"""A batch crosses Beam as Arrow IPC: only its own rows, and not pickled."""

import apache_beam as beam
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.coder import RecordBatchCoder, decode, encode


def test_a_one_row_slice_is_small():
    batch = pa.record_batch({"text": pa.array(["x" * 100] * 10_000)})
    assert len(encode(batch.slice(5_000, 1))) < 600


@given(st.lists(st.one_of(st.none(), st.text())), st.data())
def test_round_trip_of_slices(values, data):
    start = data.draw(st.integers(0, len(values)))
    batch = pa.record_batch({"t": pa.array(values, pa.large_string())}).slice(start)
    assert decode(encode(batch)).equals(batch)


def test_two_batches_are_refused():
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"a": [1]})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
        writer.write_batch(batch)
    with pytest.raises(ValueError, match="holds 2"):
        decode(sink.getvalue().to_pybytes())


def test_beam_uses_it_for_typed_transforms():
    assert isinstance(beam.coders.registry.get_coder(pa.RecordBatch), RecordBatchCoder)
    pair = beam.coders.registry.get_coder(beam.typehints.Tuple[int, pa.RecordBatch])
    batch = pa.record_batch({"text": pa.array(["x" * 100] * 10_000)}).slice(0, 1)
    assert len(pair.encode((1, batch))) < 700
    assert pair.decode(pair.encode((1, batch)))[1].equals(batch)
