"""The staying rule against its own words, on random graphs, and the evidence of exact duplicates whose twin goes."""

import numpy as np
import pytest
from dedup_kit import components, stay
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.decide import Documents, decide, moved_removals, near_removals
from curation.dedup.keys import pack

EDGES = st.sets(st.frozensets(st.integers(0, 14), min_size=2, max_size=2), max_size=40)


def _documents(numbers, dumps):
    """Documents whose place is their number turned round, so that place and order differ."""
    places = np.array(sorted(99 - number for number in numbers), np.uint64)
    found = [99 - int(place) for place in places]
    return Documents(
        places,
        np.array([dumps[number] for number in found], np.uint64),
        np.array([dumps[number] for number in found], np.uint32),
        np.array(found, np.uint64),
        np.zeros(len(found), np.uint64),
    )


@settings(max_examples=500, deadline=None)
@given(EDGES, st.lists(st.integers(0, 2), min_size=15, max_size=15), st.randoms())
def test_a_document_goes_iff_similar_to_an_earlier_one_that_stays(similar, dumps, random):
    numbers = sorted({number for pair in similar for number in pair})
    order = sorted(numbers, key=lambda number: (dumps[number], number))
    pairs = [tuple(sorted(pair, key=order.index)) for pair in similar]
    random.shuffle(pairs)
    similarity = {pair: 0.8 + 0.01 * (sum(pair) % 7) for pair in pairs}
    documents = _documents(numbers, dumps)
    decision = decide(
        documents,
        np.array([99 - later for _, later in pairs], np.uint64),
        np.array([99 - earlier for earlier, _ in pairs], np.uint64),
        np.array([similarity[pair] for pair in pairs]),
    )
    kept, first = stay(order, similar), components(order, similar)
    names = [99 - int(place) for place in documents.place]
    for at, number in enumerate(names):
        twin = kept[number]
        assert (names[decision.kept[at]] if decision.kept[at] >= 0 else None) == twin
        assert decision.similarity[at] == (1.0 if twin is None else similarity[(twin, number)])
        assert names[decision.cluster[at]] == first[number]
    removals = near_removals(documents, decision)
    assert removals["row"].to_pylist() == sorted(99 - number for number in names if kept[number] is not None)


def test_no_pairs_no_removals():
    documents = _documents([], [])
    nothing = np.empty(0, np.uint64)
    decision = decide(documents, nothing, nothing, np.empty(0))
    assert near_removals(documents, decision).num_rows == 0
    assert moved_removals(documents, decision, nothing, nothing).num_rows == 0


def test_a_pair_the_wrong_way_round_is_refused():
    documents = _documents([1, 2], [0] * 15)
    with pytest.raises(ValueError, match="after"):
        decide(documents, np.array([98], np.uint64), np.array([97], np.uint64), np.ones(1))


def test_an_exact_duplicate_of_a_document_that_goes_points_to_the_one_that_stays():
    # 1 stays, 2 goes for it; 5 and 6 are exact duplicates of 2 and of 9, which has no near-duplicate.
    documents = _documents([1, 2], [0] * 15)
    decision = decide(documents, np.array([97], np.uint64), np.array([98], np.uint64), np.array([0.9]))
    copies, twins = pack(np.array([3, 3], np.uint32), np.array([5, 6], np.uint32)), np.array([97, 90], np.uint64)
    moved = moved_removals(documents, decision, copies, twins).to_pylist()
    assert len(moved) == 1
    assert (
        moved[0]
        | {"shard": 3, "row": 5, "kept_row": 98, "kept_hi": 1, "similarity": 0.9, "cluster_hi": 1, "moved": True}
        == moved[0]
    )
