"""Which copy stays: order numbers sort as the policy's words say."""

import math
import struct
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.dedup.policy import order_numbers, sortable

DAY = datetime(2024, 5, 1, tzinfo=UTC)


def _order(keep, dumps, *, texts=None, times=None, values=None):
    rows = len(dumps)
    batch = pa.RecordBatch.from_pydict(
        {
            "text": pa.array(texts or ["x"] * rows, pa.large_string()),
            "timestamp": pa.array(times or [None] * rows, pa.timestamp("us", tz="UTC")),
            "value": pa.array(values or [0.0] * rows, pa.float64()),
        }
    )
    numbers = order_numbers(batch, np.array(dumps, np.uint32), keep, "value" if keep == "best" else None)
    return np.argsort(numbers, kind="stable").tolist()


def test_each_policy_in_its_own_words():
    assert _order("first", [2, 0, 1, 0]) == [1, 3, 2, 0]
    assert _order("longest", [0, 1, 0], texts=["ab", "abc", "éüñ"]) == [2, 1, 0]
    times = [DAY, None, DAY.replace(year=2025), datetime(1960, 1, 1, tzinfo=UTC)]
    assert _order("newest", [0, 0, 0, 0], times=times) == [2, 0, 1, 3]
    assert _order("newest", [1, 0, 0, 2], times=times) == [2, 1, 0, 3]
    assert _order("best", [0, 0, 0, 1, 0], values=[0.5, None, -3.0, 0.5, math.nan]) == [0, 3, 2, 1, 4]


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_sort_as_the_values_do(values):
    """To 28 binary digits: cut off, a value is never above another that is greater."""
    cut = [
        struct.unpack("<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", v))[0] >> 24 << 24))[0]
        for v in values
    ]
    numbers = sortable(pa.array(values, pa.float64())).tolist()
    for one, a in zip(values, numbers, strict=True):
        for other, b in zip(values, numbers, strict=True):
            assert one == other or (a <= b) == (one < other) or a == b
    assert len(set(numbers)) >= len({abs(value) for value in cut})
    assert min(numbers) > 0
    assert max(numbers) < 1 << 40


def test_too_many_dumps_are_refused():
    batch = pa.RecordBatch.from_pydict({"text": pa.array(["x"], pa.large_string())})
    with pytest.raises(ValueError, match="dumps"):
        order_numbers(batch, np.array([1 << 24], np.uint32), "first", None)
