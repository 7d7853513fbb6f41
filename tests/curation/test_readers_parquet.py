"""Parquet: read by columns, cut by row groups, with damage confined to where it is."""

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading_kit import read, read_input, recipe_of

from curation.readers.listing import list_pieces
from schemas.errors import UserError


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)


def invalid_strings(*values: bytes) -> pa.Array:
    raw = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2])


def test_fields_and_meta(tmp_path):
    when = datetime(2024, 5, 1, 12, tzinfo=UTC)
    write(
        tmp_path / "a.parquet",
        {
            "content": ["one", "two"],
            "url": ["http://x/1", None],
            "timestamp": pa.array([when, None], pa.timestamp("ns", "UTC")),
            "score": [0.5, float("nan")],
            "info": [{"a": 1, "b": "x"}, None],
            "vector": pa.array([[1.0, 2.0]] * 2, pa.list_(pa.float32(), 2)),
            "raw": pa.array([b"\x00", b"\x01"]),
        },
    )
    found = read_input(tmp_path, "a.parquet", columns={"text": "content"})
    one, two = found.rows
    assert (one["text"], one["url"], one["timestamp"], one["path"]) == ("one", "http://x/1", when, None)
    assert json.loads(one["meta"]) == {"locator": "a.parquet#0", "score": 0.5, "info": {"a": 1, "b": "x"}}
    assert json.loads(two["meta"]) == {"locator": "a.parquet#1", "score": None}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_every_type_of_text_is_read(tmp_path, kind):
    values = ["é", "b", "é"]
    column = (
        pa.array([value.encode() for value in values], kind) if kind == pa.binary() else pa.array(values).cast(kind)
    )
    write(tmp_path / "a.parquet", {"text": column})
    assert read_input(tmp_path, "a.parquet").texts == values


def test_a_row_without_text_or_utf8_is_a_fault_alone(tmp_path):
    texts = invalid_strings(b"a\x00b", b"\xff\xfe", b"x\xed\xa0\x80y", b"last")
    write(tmp_path / "a.parquet", {"text": texts, "n": [0, 1, 2, 3]})
    found = read_input(tmp_path, "a.parquet")
    assert found.texts == ["a\ufffdb", "x\ufffdy", "last"]
    assert [row["replaced_characters"] for row in found.rows] == [1, 1, 0]
    assert [(fault.locator, fault.error) for fault in found.faults] == [
        ("a.parquet#1", "row 1: 'text': not UTF-8: byte 0xff at 0")
    ]
    write(tmp_path / "b.parquet", {"text": pa.array([None, "x\x00"])})
    found = read_input(tmp_path, "b.parquet")
    assert (found.texts, found.errors) == (["x\ufffd"], ["row 0: 'text': is null, not text"])
    assert found.counts["replaced_characters"] == 1
    assert json.loads(found.rows[0]["meta"])["locator"] == "b.parquet#1"


def test_other_columns_may_hold_bytes_that_are_no_text(tmp_path):
    write(tmp_path / "a.parquet", {"text": ["a"], "url": invalid_strings(b"http://\xff")})
    assert read_input(tmp_path, "a.parquet").rows[0]["url"] == "http://\ufffd"


def test_a_text_beyond_the_bound_is_a_fault(tmp_path):
    write(tmp_path / "a.parquet", {"text": ["a", "b" * 2000, "c"]})
    found = read_input(tmp_path, "a.parquet", output={"max_document_bytes": 1500})
    assert found.texts == ["a", "c"]
    assert found.errors == ["row 1: 'text': 2000 bytes, max_document_bytes is 1500"]


def test_a_corrupt_footer_is_a_fault_of_the_listing_and_other_files_are_read(tmp_path):
    write(tmp_path / "good.parquet", {"text": ["a"]})
    whole = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    (tmp_path / "footer.parquet").write_bytes(whole[:-208] + bytes(200) + whole[-8:])
    (tmp_path / "empty.parquet").touch()
    found = read_input(tmp_path, ".")
    assert found.texts == ["a"]
    assert sorted((fault.locator, fault.stage) for fault in found.faults) == [
        ("cut.parquet", "list"),
        ("empty.parquet", "read"),
        ("footer.parquet", "list"),
    ]
    assert all(error.startswith("cannot be opened as parquet: ") or error == "empty file" for error in found.errors)


def test_a_damaged_row_group_is_one_fault_and_the_next_group_is_read(tmp_path):
    rng = np.random.default_rng(1)
    texts = [rng.bytes(40).hex() for _ in range(300)]
    write(tmp_path / "a.parquet", {"text": texts}, row_group_size=100, use_dictionary=False, compression="zstd")
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    start = metadata.row_group(1).column(0).data_page_offset
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[start : start + 400] = bytes(400)
    (tmp_path / "a.parquet").write_bytes(content)
    found = read_input(tmp_path, "a.parquet")
    assert found.texts == texts[:100] + texts[200:]
    assert len(found.faults) == 1
    assert found.faults[0].locator == "a.parquet#100-199"
    assert "row group 1" in found.errors[0]
    assert json.loads(found.rows[100]["meta"])["locator"] == "a.parquet#200"


def test_a_missing_column_or_one_that_is_no_text_is_refused_before_work(tmp_path):
    write(tmp_path / "a.parquet", {"body": ["a"], "n": [1]})
    with pytest.raises(
        UserError, match=r"a\.parquet: column 'text' for 'text' is missing; the columns there are 'body', 'n'"
    ):
        read_input(tmp_path, "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: column 'n' for 'text' is int64, not text"):
        read_input(tmp_path, "a.parquet", columns={"text": "n"})
    with pytest.raises(UserError, match="column 'link' for 'url' is missing"):
        read_input(tmp_path, "a.parquet", columns={"text": "body", "url": "link"})


def test_a_large_file_is_cut_by_row_groups(tmp_path):
    rng = np.random.default_rng(2)
    texts = [rng.bytes(500).hex() for _ in range(400)]
    write(tmp_path / "a.parquet", {"text": texts}, row_group_size=50)
    whole = read_input(tmp_path, "a.parquet")
    recipe = recipe_of({"source": "s", "path": "a.parquet"}, input_shard_bytes=100_000)
    pieces, _ = list_pieces(recipe, tmp_path)
    assert len(pieces) > 3
    assert [piece.start for piece in pieces[1:]] == [piece.stop for piece in pieces[:-1]]
    parts = read(pieces)
    assert parts.rows == whole.rows
    assert parts.counts["files"] == 1
