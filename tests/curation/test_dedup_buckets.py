"""Candidates from buckets: each document meets the bucket's first documents before it, and no pair is lost or invented."""

import numpy as np
import pyarrow as pa
import pytest
from dedup_kit import bucket_candidates, bucket_rows, group, spread
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.buckets import LINKS, MEMBERS, bucket_keys, bucket_links
from curation.dedup.keys import unpack
from curation.dedup.verify import candidate_pairs

ENTRIES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 30)), max_size=80, unique=True
)  # (bucket, document); a document's dump, shard and row follow from its number


def _document(number):
    return number % 3, number, number % 4, number // 4


def pairs_of(links, pairs_at_once=1 << 16):
    found = []
    table = pa.Table.from_batches([links])
    for shard in sorted(set(links["shard"].to_pylist())):
        for pairs in candidate_pairs(table.filter(pa.compute.equal(table["shard"], shard)), pairs_at_once):
            shards, rows = unpack(pairs.earlier)
            found += [
                ((a, b), (shard, c))
                for a, b, c in zip(shards.tolist(), rows.tolist(), pairs.rows.tolist(), strict=True)
            ]
    return found


@settings(max_examples=300, deadline=None)
@given(ENTRIES, st.integers(1, 5), st.integers(0, 5), st.integers(0, 100), st.integers(1, 20))
def test_links_stand_for_the_reference_pairs(entries, leaders, cuts, seed, pairs_at_once):
    table = bucket_rows([(bucket << 60, *_document(number)) for bucket, number in entries])
    links, members = bucket_links(spread(table, cuts, seed), leaders)
    assert links.schema.equals(LINKS)
    assert members.schema.equals(MEMBERS)
    buckets = {
        bucket: sorted(numbers, key=lambda number: _document(number)[:2]) for bucket, numbers in group(entries).items()
    }
    expected = {
        (_document(earlier)[2:], _document(later)[2:]) for earlier, later in bucket_candidates(buckets, leaders)
    }
    found = pairs_of(links, pairs_at_once)
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert links["shard"].to_pylist() == sorted(links["shard"].to_pylist())
    shared = {_document(number)[2:] for numbers in buckets.values() if len(numbers) > 1 for number in numbers}
    assert [tuple(row.values()) for row in members.to_pylist()] == sorted(shared)


def test_bands_do_not_meet_each_other():
    keys = bucket_keys(np.full((3, 14), 5, np.uint64))
    assert len(set(keys[0].tolist())) == 14
    assert (keys == keys[0]).all()


@pytest.mark.parametrize("copies", [100_000])
def test_a_bucket_of_many_copies_stays_small(copies):
    columns = {
        "bucket": np.zeros(copies, np.uint64),
        "order": np.zeros(copies, np.uint64),
        "id_hi": np.random.default_rng(1).permutation(copies).astype(np.uint64),
        "shard": np.repeat(np.arange(10, dtype=np.uint32), copies // 10),
        "row": np.tile(np.arange(copies // 10, dtype=np.uint32), 10),
    }
    links, members = bucket_links([pa.RecordBatch.from_pydict(columns, bucket_rows([]).schema)], 32)
    assert members.num_rows == copies
    assert links.nbytes < 20 * copies  # 1.2 MB a hundred thousand and not the 25 MB of spelt-out pairs
    compared = sum(int(np.asarray(before).sum()) for before in links["before"].to_pylist())
    assert compared == 32 * copies - 32 * 33 // 2
