"""Exact deduplication keeps the first in (dump, id), whatever the batches."""

import pyarrow as pa
from dedup_kit import exact_rows, group, spread
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.exact import REMOVALS, exact_removals

DOCUMENTS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 30), st.integers(0, 3), st.integers(0, 5)),
    max_size=40,
    unique_by=(lambda document: document[2], lambda document: document[3:]),
)


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.integers(0, 5), st.integers(0, 100))
def test_the_first_of_each_content_stays(documents, cuts, seed):
    found = exact_removals(spread(exact_rows(documents), cuts, seed))
    assert found.schema.equals(REMOVALS)
    expected = []
    for same in group((document[0], document) for document in documents).values():
        first, *others = sorted(same, key=lambda document: document[1:3])
        expected += [
            {
                "shard": other[3], "row": other[4], "kept_shard": first[3], "kept_row": first[4], "kept_dump": first[1],
                "kept_hi": 7, "kept_lo": first[2], "similarity": 1.0, "cluster_hi": 7, "cluster_lo": first[2], "moved": False,
            }
            for other in others
        ]  # fmt: skip
    assert found.to_pylist() == sorted(expected, key=lambda row: (row["shard"], row["row"]))


def test_nothing_gives_nothing():
    assert exact_removals([]).num_rows == 0
    assert exact_removals([pa.RecordBatch.from_pylist([], exact_rows([]).schema)]).num_rows == 0
