"""Numbers that stand for documents: nothing is lost between an id and its halves, and ranges keep the order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup import keys
from schemas.ids import document_id

IDS = st.lists(st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}"), max_size=50)


@settings(deadline=None)
@given(IDS)
def test_ids_survive_and_sort_alike(ids):
    array = pa.array(["f" * 32, *ids, "0" * 32], pa.string()).slice(1, len(ids))
    high, low = keys.split_ids(array)
    assert keys.join_ids(high, low).to_pylist() == ids
    assert [ids[at] for at in np.lexsort([low, high])] == sorted(ids)


def test_an_id_of_ours_is_taken_and_another_is_named():
    high, low = keys.split_ids(pa.array([document_id("web", "", "a#1")]))
    assert f"{high[0]:016x}{low[0]:016x}" == document_id("web", "", "a#1")
    for wrong in ("ABC", "g" * 32, "0" * 31, "F" * 32, "é" * 16):
        with pytest.raises(ValueError, match=wrong):
            keys.split_ids(pa.array(["0" * 32, wrong]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1), st.integers(1, 4096))
def test_ranges_are_in_the_order_of_hashes_and_all_used(hashes, ranges):
    found = keys.hash_range(np.sort(np.array(hashes, np.uint64)), ranges)
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0
    assert found.max() < ranges
    assert keys.hash_range(np.array([0, 2**64 - 1], np.uint64), ranges).tolist() == [0, ranges - 1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))))
def test_pointers_survive_and_sort_alike(pointers):
    shard = np.array([pointer[0] for pointer in pointers], np.uint32)
    row = np.array([pointer[1] for pointer in pointers], np.uint32)
    packed = keys.pack(shard, row)
    assert list(zip(*(part.tolist() for part in keys.unpack(np.sort(packed))), strict=True)) == sorted(pointers)
