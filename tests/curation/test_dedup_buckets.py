"""Candidates from buckets: each document meets the bucket's first documents before it, and no pair is lost or invented."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dedup_kit import bucket_candidates, bucket_rows, group, spread
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.buckets import ENTRIES, LINKS, MEMBERS, bucket_keys, bucket_links
from curation.dedup.keys import unpack
from curation.dedup.verify import candidate_pairs

ENTRIES_OF = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 30)), max_size=80, unique=True
)  # (bucket, document); a document's dump, shard and row follow from its number


def _document(number):
    return number % 3, number, number % 4, number // 4


def pairs_of(links, pairs_at_once=1 << 16):
    found = []
    table = pa.Table.from_batches([links])
    for shard in sorted(set(links["shard"].to_pylist())):
        for pairs in candidate_pairs(table.filter(pc.equal(table["shard"], shard)), pairs_at_once):
            shards, rows = unpack(pairs.earlier)
            found += [
                ((a, b), (shard, c))
                for a, b, c in zip(shards.tolist(), rows.tolist(), pairs.rows.tolist(), strict=True)
            ]
    return found


@settings(max_examples=300, deadline=None)
@given(ENTRIES_OF, st.integers(1, 5), st.integers(0, 5), st.integers(0, 100), st.integers(1, 20))
def test_links_stand_for_the_reference_pairs(entries, leaders, cuts, seed, pairs_at_once):
    table = bucket_rows([(bucket << 60, *_document(number)) for bucket, number in entries])
    links, members, kept = bucket_links(spread(table, cuts, seed), leaders)
    assert kept.num_rows == 0
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


@settings(max_examples=300, deadline=None)
@given(ENTRIES_OF, st.integers(1, 4), st.lists(st.integers(0, 30), max_size=3), st.integers(0, 100))
def test_dumps_one_after_the_other_meet_as_together(entries, leaders, cuts, seed):
    """Documents in the order of their numbers, cut into dumps: the index of the earlier ones, then the next."""
    documents = [(bucket << 60, number, 0, number % 4, number // 4) for bucket, number in entries]
    together = bucket_links(spread(bucket_rows(documents), 2, seed), leaders)
    index, found, members = ENTRIES.empty_table(), [], set()
    bounds = [-1, *sorted(cuts), 31]
    for low, high in pairwise(bounds):
        dump = bucket_rows([item for item in documents if low < item[1] <= high])

        def indexed(buckets, held=index):
            assert buckets.tolist() == sorted(set(buckets.tolist()))
            return held.filter(pc.is_in(held["bucket"], pa.array(buckets, pa.uint64()))).sort_by("bucket")

        links, new_members, new = bucket_links(spread(dump, 2, seed), leaders, indexed)
        found += pairs_of(links)
        members |= {tuple(row.values()) for row in new_members.to_pylist()}
        assert new["bucket"].to_pylist() == sorted(new["bucket"].to_pylist())
        index = pa.concat_tables([index, pa.Table.from_batches([new])])
    assert sorted(found) == sorted(pairs_of(together.links))
    assert members <= {tuple(row.values()) for row in together.members.to_pylist()}
    firsts = group((bucket, (number % 4, number // 4)) for bucket, number in sorted(entries))
    held = group((row["bucket"] >> 60, (row["shard"], row["row"])) for row in index.to_pylist())
    assert held == {bucket: places[:leaders] for bucket, places in firsts.items()}


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
    links, members, _ = bucket_links([pa.RecordBatch.from_pydict(columns, bucket_rows([]).schema)], 32)
    assert members.num_rows == copies
    assert links.nbytes < 20 * copies  # 1.2 MB a hundred thousand and not the 25 MB of spelt-out pairs
    compared = sum(int(np.asarray(before).sum()) for before in links["before"].to_pylist())
    assert compared == 32 * copies - 32 * 33 // 2
