"""Counts that merge exactly, parts that open late, and slices of sorted parts."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.buckets import MEMBERS
from curation.job.funnel import funnel_warnings
from curation.job.index import INDEX_SHUFFLE, IndexTask
from curation.job.layout import Layout
from curation.job.manifest import FunnelStep
from curation.job.parts import LazyPart, conform, read_shard_rows
from curation.job.tally import LENGTH_EDGES, Tally, document_sizes
from curation.job.writing import group_shards
from schemas.files import write_part
from schemas.ids import document_id

ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 10**9), st.lists(st.sampled_from("xyz"), min_size=1, unique=True)),
    min_size=1,
)


def _tally(rows):
    tally = Tally()
    if rows:
        sources, sizes = pa.array([row[0] for row in rows]), pa.array([row[1] for row in rows], pa.int64())
        tally.add_documents(sources, sizes, "read")
        tally.add_lengths(sources, sizes)
        tally.add_languages(sources, pa.array([row[2][0] if row[1] % 2 else None for row in rows], pa.string()))
        tally.add_reasons("step", sources, sizes, pa.array([row[2] for row in rows]))
    return tally


@settings(deadline=None)
@given(ROWS, st.data())
def test_counts_are_the_same_however_they_are_merged(rows, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    parts = [_tally(rows[a:b]) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    merged = Tally()
    for part in data.draw(st.permutations(parts)):
        merged.merge(part.tree)
    assert merged.tree == _tally(rows).tree
    nested = Tally(parts[0].tree)
    rest = Tally()
    for part in parts[1:]:
        rest.merge(part.tree)
    nested.merge(rest.tree)
    assert nested.tree == merged.tree


@settings(deadline=None)
@given(ROWS)
def test_counts_are_right(rows):
    tree = _tally(rows).tree
    for source in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == source]
        assert tree["read"][source] == {"documents": len(mine), "bytes": sum(row[1] for row in mine)}
        first = tree["first_reasons"]["step"][source]
        assert {reason: found["documents"] for reason, found in first.items()} == {
            reason: sum(row[2][0] == reason for row in mine) for reason in {row[2][0] for row in mine}
        }
        assert sum(tree["all_reasons"]["step"][source].values()) == sum(len(row[2]) for row in mine)
        for edge, count in tree["lengths"][source].items():
            above = LENGTH_EDGES[int(edge) < LENGTH_EDGES]
            assert count == sum(int(edge) <= max(row[1], 1) < (above[0] if above.size else 2**63) for row in mine)


def test_sizes_are_of_text_or_page():
    batch = pa.RecordBatch.from_pydict(
        {"text": ["é", None, ""], "html": [None, b"<p>", None]},
        pa.schema([("text", pa.large_string()), ("html", pa.large_binary())]),
    )
    assert document_sizes(batch).to_pylist() == [2, 3, 0]
    assert document_sizes(batch.slice(0, 1).select(["text"])).to_pylist() == [2]


def test_a_part_without_rows_is_no_file_and_a_broken_one_neither(tmp_path):
    schema = pa.schema([("n", pa.int64())])
    with LazyPart(tmp_path, "part", schema) as part:
        part.write(pa.RecordBatch.from_pydict({"n": []}, schema))
    assert part.part is None
    with pytest.raises(pa.ArrowInvalid), LazyPart(tmp_path, "part", schema) as part:  # noqa: PT012
        part.write(pa.RecordBatch.from_pydict({"n": [1]}, schema))
        part.write(pa.RecordBatch.from_pydict({"other": ["x"]}))
    assert list(tmp_path.iterdir()) == []
    with LazyPart(tmp_path, "part", schema) as part:
        part.write(pa.RecordBatch.from_pydict({"n": [1, 2]}, schema))
    assert part.part.rows == part.rows == 2
    assert pq.read_table(tmp_path / part.part.name)["n"].to_pylist() == [1, 2]


def test_conform_casts_fills_and_orders():
    schema = pa.schema([pa.field("text", pa.large_string(), nullable=False), ("n", pa.float64()), ("new", pa.int8())])
    batch = pa.RecordBatch.from_pydict({"n": [1, 2], "text": ["a", None], "old": [1, 2]})
    assert conform(batch, schema).to_pylist() == [
        {"text": "a", "n": 1.0, "new": None},
        {"text": "", "n": 2.0, "new": None},
    ]


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9))), max_size=3))
def test_a_shard_is_read_out_of_sorted_parts(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("sorted")
    paths = []
    for number, rows in enumerate(parts):
        table = pa.Table.from_pylist([{"shard": shard, "row": row} for shard, row in sorted(rows)], MEMBERS)
        part = write_part(folder, f"members-{number}", table)
        paths.append(folder / part.name)
    for shard in range(6):
        expected = [row for rows in parts for found, row in sorted(rows) if found == shard]
        table = read_shard_rows(paths, shard, MEMBERS, ["row"])
        assert table.column_names == ["row"]
        assert table["row"].to_pylist() == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1), st.integers(1, 60))
def test_output_groups_hold_every_shard_in_order(sizes, target):
    groups = group_shards(sizes, target)
    assert [shard for group in groups for shard in group] == list(range(len(sizes)))
    assert all(
        len(group) == 1
        or sum(sizes[shard] for shard in group) <= target
        or sum(map(bool, (sizes[shard] for shard in group))) == 1
        for group in groups
    )


def test_a_small_corpus_is_written_by_several_workers():
    mebibyte = 1 << 20
    assert len(group_shards([16 * mebibyte] * 64, 256 * mebibyte)) == 8
    assert len(group_shards([16 * mebibyte] * 6, 256 * mebibyte)) == 3
    assert len(group_shards([16 * mebibyte] * 6, 16 * mebibyte)) == 6
    assert len(group_shards([16 * mebibyte] * 640, 256 * mebibyte)) == 40


def test_two_documents_of_one_id_are_named(tmp_path):
    name = document_id("web", "", "a#1")
    high, low = int(name[:16], 16), int(name[16:], 16)
    rows = [{"id_hi": high, "id_lo": low, "outcome": at, "file": at, "row": 7} for at in (0, 1)]
    task = IndexTask(Layout(tmp_path, "run"), ["kept/a", "rejects/b"], ["kept", "step"])
    body = task(0, [pa.RecordBatch.from_pylist(rows, INDEX_SHUFFLE)])
    assert body["twins"] == [[name, "kept/a row 7", "rejects/b row 7"]]


def _step(documents, removed):
    return FunnelStep("rule", documents, 0, removed, 0, {}, {})


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (_step(1000, 0), "needed"),
        (_step(1000, 901), "thresholds"),
        (_step(1000, 900), None),
        (_step(1000, 1), None),
        (_step(100, 100), None),
    ],
)
def test_a_step_that_removes_nothing_or_nearly_all_warns(step, word):
    lines = funnel_warnings([step])
    assert len(lines) == (word is not None)
    assert not lines or (word in lines[0] and "step rule" in lines[0])


def test_a_step_that_extracts_or_labels_may_remove_nothing():
    assert funnel_warnings([_step(1000, 0)], {"rule"}) == []
    assert len(funnel_warnings([_step(1000, 950)], {"rule"})) == 1
