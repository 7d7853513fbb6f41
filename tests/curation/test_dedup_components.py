"""Components against their own words, and a decision that is the same however components are dealt out."""

import numpy as np
import pyarrow as pa
from dedup_kit import components as reference
from dedup_kit import spread, stay
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.components import components, spanning_forest
from curation.dedup.decide import DECISION_SHUFFLE, near_decision
from curation.dedup.keys import hash_range

PAIRS = st.sets(st.frozensets(st.integers(0, 20), min_size=2, max_size=2), max_size=40)


def _ends(pairs):
    ends = np.array([sorted(pair, reverse=True) for pair in pairs], np.uint64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.integers(1, 4), st.randoms())
def test_forests_of_parts_hold_the_whole_together(similar, parts, random):
    pairs = list(similar)
    random.shuffle(pairs)
    kept = []
    for part in range(parts):
        mine = pairs[part::parts]
        joins = spanning_forest(*_ends(mine))
        assert joins.sum() < max(len({node for pair in mine for node in pair}), 1)
        kept += [pair for pair, joined in zip(mine, joins, strict=True) if joined]
    found = components(*_ends(kept))
    numbers = sorted({number for pair in similar for number in pair})
    expected = reference(numbers, similar)
    assert dict(zip(found.place.tolist(), found.component.tolist(), strict=True)) == expected


def decision_rows(pairs, dumps, similarity, copies=()):
    """pairs of (earlier, later) numbers; a document's packed pointer, id and order follow from its number."""
    rows = []
    for earlier, later in pairs:
        row = {"place": later, "earlier": earlier, "similarity": similarity[earlier, later], "copy": 0}
        for side, number in (("", later), ("earlier_", earlier)):
            row |= {f"{side}order": dumps[number], f"{side}dump": dumps[number]}
            row |= {f"{side}id_hi" if not side else "earlier_hi": number, "id_lo" if not side else "earlier_lo": 0}
        rows.append(row)
    zeros = dict.fromkeys(DECISION_SHUFFLE.names, 0)
    rows += [zeros | {"place": copy, "earlier": twin, "copy": 1} for copy, twin in copies]
    return pa.Table.from_pylist(rows, DECISION_SHUFFLE)


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.lists(st.integers(0, 2), min_size=21, max_size=21), st.integers(1, 5), st.randoms())
def test_components_are_decided_apart_as_together(similar, dumps, ranges, random):
    numbers = sorted({number for pair in similar for number in pair})
    order = sorted(numbers, key=lambda number: (dumps[number], number))
    pairs = [tuple(sorted(pair, key=order.index)) for pair in similar]
    similarity = {pair: 0.8 + 0.01 * (sum(pair) % 7) for pair in pairs}
    copies = [(100 + number, number) for number in range(21) if random.random() < 0.3]
    table = decision_rows(pairs, dumps, similarity, copies)
    together = near_decision(spread(table, 3, random.randint(0, 99))).to_pylist()
    found = components(*_ends(similar))
    component = dict(zip(found.place.tolist(), found.component.tolist(), strict=True))
    names = [component.get(max(row["place"] if not row["copy"] else 0, row["earlier"]), 0) for row in table.to_pylist()]
    dealt = hash_range(np.array(names, np.uint64) * np.uint64(0x9E3779B97F4A7C15), ranges)
    apart = [
        row
        for part in range(ranges)
        for row in near_decision(table.filter(pa.array(dealt == part)).to_batches()).to_pylist()
    ]
    assert sorted(apart, key=lambda row: row["row"]) == together
    kept, first = stay(order, similar), reference(order, similar)
    for row in together:
        number = row["row"] % 100 if row["moved"] else row["row"]
        twin = number if kept[number] is None else kept[number]
        assert row["moved"] == (row["row"] >= 100)
        assert (row["kept_row"], row["kept_hi"], row["cluster_hi"]) == (twin, twin, first[number])
        assert row["kept_dump"] == dumps[twin]
        assert row["similarity"] == (1.0 if twin == number else similarity[twin, number])
    assert {row["row"] for row in together if not row["moved"]} == {n for n in numbers if kept[n] is not None}
    assert {row["row"] for row in together if row["moved"]} == {copy for copy, twin in copies if twin in numbers}


@settings(max_examples=300, deadline=None)
@given(PAIRS, st.lists(st.integers(0, 3), min_size=21, max_size=21))
def test_dumps_one_after_the_other_keep_what_all_at_once_do(similar, dumps):
    """An earlier dump's documents that went are not met again: an index has no shingles of them."""
    order = sorted(range(21), key=lambda number: (dumps[number], number))
    pairs = [tuple(sorted(pair, key=order.index)) for pair in similar]
    similarity = {pair: 0.8 + 0.01 * (sum(pair) % 7) for pair in pairs}

    def removals(chosen):
        rows = near_decision(decision_rows(chosen, dumps, similarity).to_batches()).to_pylist()
        return {row["row"]: (row["kept_row"], row["kept_dump"], row["similarity"]) for row in rows}

    gone = {}
    for dump in range(4):
        mine = [
            (one, other) for one, other in pairs if dumps[other] == dump and (dumps[one] == dump or one not in gone)
        ]
        gone |= removals(mine)
    assert gone == removals(pairs)
