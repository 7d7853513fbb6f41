"""The id of a document comes from the input alone: not from batches, pieces, the root folder or the order of reading."""

import gzip
import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_kit import Everything, read, recipe_of

from curation.readers.listing import list_pieces
from schemas.ids import document_id

TEXTS = st.lists(st.text(max_size=40), min_size=1, max_size=12)


def write_inputs(root: Path, texts: list[str], group_rows: int) -> None:
    lines = b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)
    (root / "sub").mkdir(parents=True)
    (root / "a.jsonl").write_bytes(lines)
    (root / "sub" / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    clean = [text.replace("\0", "") for text in texts]
    pq.write_table(pa.table({"text": pa.array(clean, pa.string())}), root / "a.parquet", row_group_size=group_rows)
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>page"
    head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:1>\r\n"
    head += f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    (root / "a.warc.gz").write_bytes(gzip.compress((head.encode() + http + b"\r\n\r\n") * len(texts)))


def everything(root: Path, **output: int) -> Everything:
    recipe = recipe_of({"source": "s", "dump": "d", "path": "."}, **output)
    pieces, faults = list_pieces(recipe, root)
    assert not faults
    return read(pieces, **output)


@settings(max_examples=25, deadline=None)
@given(
    texts=TEXTS,
    group_rows=st.integers(1, 5),
    batch_rows=st.integers(1, 20),
    batch_bytes=st.integers(1, 400),
    shard_bytes=st.integers(1, 2000),
)
def test_ids_and_texts_are_the_same_for_other_bounds_cuts_and_roots(
    texts, group_rows, batch_rows, batch_bytes, shard_bytes
):
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        here, there = Path(first, "in"), Path(second, "another", "clone")
        write_inputs(here, texts, group_rows)
        shutil.copytree(here, there)
        plain = everything(here)
        cut = everything(there, batch_rows=batch_rows, batch_bytes=batch_bytes, input_shard_bytes=shard_bytes)
        assert not plain.faults
        assert cut.rows == plain.rows
        assert len({row["id"] for row in plain.rows}) == len(plain.rows) == 4 * len(texts)
        assert all(batch.num_rows <= batch_rows for batch in cut.batches)


def test_known_ids(tmp_path):
    write_inputs(tmp_path / "in", ["x", "y"], 1)
    rows = everything(tmp_path / "in").rows
    locators = [json.loads(row["meta"])["locator"] for row in rows]
    assert locators[:4] == ["a.jsonl#1", "a.jsonl#2", "a.parquet#0", "a.parquet#1"]
    assert locators[4] == "a.warc.gz#0"
    assert locators[6:] == ["sub/a.jsonl.gz#1", "sub/a.jsonl.gz#2"]
    assert [row["id"] for row in rows] == [document_id("s", "d", locator) for locator in locators]
    assert rows[0]["id"] == "1020d5f97e9ba712b38a83913335ee19"


def test_source_and_dump_are_part_of_the_id(tmp_path):
    (tmp_path / "a.py").write_text("x")
    ids = set()
    for source, dump in (("s", ""), ("s", "d"), ("sd", "")):
        pieces, _ = list_pieces(recipe_of({"source": source, "dump": dump, "path": ".", "format": "source"}), tmp_path)
        ids.update(row["id"] for row in read(pieces).rows)
    assert len(ids) == 3
