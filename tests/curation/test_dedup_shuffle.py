"""What passes a shuffle: numbers only, in batches, by the registered coder."""

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.shuffle import GroupByRange, KeyedBatch, check_narrow, cut, gather

SCHEMA = pa.schema([pa.field("hash", pa.uint64(), nullable=False), pa.field("n", pa.uint32(), nullable=False)])


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.large_binary(),
        pa.list_(pa.uint64()),
        pa.dictionary(pa.int8(), pa.string()),
    ],
)
def test_text_is_refused(kind):
    with pytest.raises(TypeError, match="only numbers"):
        check_narrow(pa.schema([("hash", pa.uint64()), ("wide", kind)]))
    with pytest.raises(TypeError, match="wide"):
        GroupByRange(pa.schema([("wide", kind)]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 7)), st.integers(0, 7), st.integers(0, 8))
def test_cut_loses_nothing_and_keeps_the_order(ranges, start, length):
    wanted = range(start, start + length)
    batch = pa.RecordBatch.from_pydict({"n": list(range(len(ranges)))})
    found = {number: rows["n"].to_pylist() for number, rows in cut(batch, np.array(ranges, np.int64), wanted)}
    assert found == {
        number: rows for number in wanted if (rows := [at for at, where in enumerate(ranges) if where == number])
    }


def test_a_range_comes_together_and_another_schema_is_refused():
    def batches(pipeline, schema):
        rows = [
            (number % 3, pa.RecordBatch.from_pydict({"hash": [number], "n": [number]}, schema)) for number in range(9)
        ]
        return pipeline | beam.Create(rows, reshuffle=False).with_output_types(KeyedBatch) | GroupByRange(SCHEMA)

    with beam.Pipeline("FnApiRunner") as pipeline:
        sums = batches(pipeline, SCHEMA) | beam.MapTuple(
            lambda number, found: (number, int(gather(found, SCHEMA)["n"].sum()))
        )
        assert_that(sums, lambda found: sorted(found) == [(0, 9), (1, 12), (2, 15)] or pytest.fail(str(found)))
    with pytest.raises(Exception, match="in a shuffle of"), beam.Pipeline("FnApiRunner") as pipeline:
        batches(pipeline, pa.schema([("hash", pa.uint64()), ("n", pa.int64())]))
