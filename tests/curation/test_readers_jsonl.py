"""JSON Lines: every line is a document or a fault that names it."""

import gzip
import json
import tracemalloc
import zlib
from pathlib import Path

import pytest
import zstandard
from reading_kit import read, read_input

from curation.meta import META_BYTES
from curation.model import Piece


def write_lines(path: Path, *lines: bytes | dict) -> None:
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )


def test_fields_come_by_name_or_mapping_and_the_rest_goes_into_meta(tmp_path):
    write_lines(
        tmp_path / "a.jsonl",
        {"content": "one", "url": "http://x/1", "created": "2024-05-17T23:31:22Z", "stars": 7, "tags": ["a"]},
        {"content": "two", "created": 1_700_000_000, "url": 5},
        {"content": "three", "created": "soon"},
    )
    found = read_input(tmp_path, "a.jsonl", columns={"text": "content", "timestamp": "created"})
    one, two, three = found.rows
    assert (one["text"], one["url"], one["timestamp"].isoformat()) == ("one", "http://x/1", "2024-05-17T23:31:22+00:00")
    assert json.loads(one["meta"]) == {"locator": "a.jsonl#1", "stars": 7, "tags": ["a"]}
    assert two["timestamp"].isoformat() == "2023-11-14T22:13:20+00:00"
    assert two["url"] is None
    assert json.loads(two["meta"]) == {"locator": "a.jsonl#2", "url": 5}
    assert three["timestamp"] is None
    assert json.loads(three["meta"]) == {"locator": "a.jsonl#3", "timestamp": "soon"}
    assert found.counts["unreadable_timestamps"] == 1


def test_bad_lines_are_faults_that_name_line_and_reason_and_the_others_are_read(tmp_path):
    write_lines(
        tmp_path / "a.jsonl",
        {"text": "first"},
        b'{"text": "half',
        b"[1, 2]",
        {"body": "no text"},
        {"text": 5},
        {"text": None},
        b'{"text": "\xff"}',
        b"",
        b"[" * 100_000,
        b'{"text": ' + b"9" * 5000 + b"}",
        {"text": "last"},
    )
    found = read_input(tmp_path, "a.jsonl")
    assert found.texts == ["first", "last"]
    assert [fault.locator for fault in found.faults] == [f"a.jsonl#{line}" for line in (2, 3, 4, 5, 6, 7, 9, 10)]
    said = dict(zip(("cut", "array", "missing", "number", "null", "utf", "deep", "digits"), found.errors, strict=True))
    assert said["cut"].startswith("line 2: not JSON: Unterminated string")
    assert said["array"] == "line 3: not a JSON object but an array"
    assert said["missing"] == "line 4: column 'text' is missing; the keys there are 'body'"
    assert said["number"] == "line 5: 'text' is a number, not a string"
    assert said["null"] == "line 6: 'text' is null, not a string"
    assert said["utf"] == "line 7: not UTF-8: byte 0xff at 10 of the line"
    assert "nested too deeply" in said["deep"]
    assert "line 10: " in said["digits"]
    assert found.counts["skipped_blank_line"] == 1
    assert found.counts["faults"] == 8
    first = found.faults[0]
    assert (first.source, first.stage, first.pointer) == ("s", "read", "a.jsonl@18+14")


def test_nul_and_lone_surrogates_become_replacement_characters_and_are_counted(tmp_path):
    write_lines(
        tmp_path / "a.jsonl",
        b'{"text": "a\\u0000b\\ud800c", "note": "x\\udfff"}',
        b'{"text": "\\ud83d\\ude00", "url": "u\\u0000"}',
    )
    found = read_input(tmp_path, "a.jsonl")
    assert found.texts == ["a\ufffdb\ufffdc", "😀"]
    assert [row["replaced_characters"] for row in found.rows] == [2, 0]
    assert found.counts["replaced_characters"] == 2
    assert json.loads(found.rows[0]["meta"])["note"] == "x\ufffd"
    assert found.rows[1]["url"] == "u\ufffd"


def test_nan_is_null_and_a_byte_order_mark_is_none_of_the_text(tmp_path):
    write_lines(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"text": "a", "loss": NaN, "deep": {"x": Infinity}}')
    found = read_input(tmp_path, "a.jsonl")
    assert json.loads(found.rows[0]["meta"]) == {"deep": {"x": None}, "locator": "a.jsonl#1"}


def test_meta_is_bounded_and_names_what_it_left_out(tmp_path):
    write_lines(tmp_path / "a.jsonl", {"text": "a", "huge": "ü" * META_BYTES, "small": 1})
    meta = read_input(tmp_path, "a.jsonl").rows[0]["meta"]
    assert json.loads(meta) == {"left_out": ["huge"], "locator": "a.jsonl#1", "small": 1}


def test_pages_in_a_column_come_as_pages(tmp_path):
    write_lines(tmp_path / "a.jsonl", {"page": "<p>é</p>", "text": "kept in meta"})
    row = read_input(tmp_path, "a.jsonl", columns={"html": "page"}).rows[0]
    assert (row["text"], row["html"], row["html_encoding"]) == (None, "<p>é</p>".encode(), "utf-8")
    assert json.loads(row["meta"])["text"] == "kept in meta"


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst", ".jsonl"])
def test_a_compressed_file_gives_the_same_texts(tmp_path, ending):
    plain = b"".join(json.dumps({"text": f"document {i}"}).encode() + b"\n" for i in range(500))
    half = len(plain) // 2
    packed = {
        ".jsonl": plain,
        ".jsonl.gz": gzip.compress(plain[:half]) + gzip.compress(b"") + gzip.compress(plain[half:]) + bytes(100),
        ".jsonl.zst": zstandard.compress(plain[:half]) + zstandard.compress(plain[half:]),
    }
    (tmp_path / f"a{ending}").write_bytes(packed[ending])
    found = read_input(tmp_path, f"a{ending}")
    assert not found.faults
    assert found.texts == [f"document {i}" for i in range(500)]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_truncated_file_keeps_the_rows_before_the_cut_and_gives_one_fault(tmp_path, ending):
    lines = [json.dumps({"text": f"{i} {zlib.crc32(b'%d' % i)}"}).encode() + b"\n" for i in range(60_000)]
    whole = gzip.compress(b"".join(lines)) if ending == ".gz" else zstandard.compress(b"".join(lines))
    (tmp_path / f"a.jsonl{ending}").write_bytes(whole[: len(whole) // 2])
    found = read_input(tmp_path, f"a.jsonl{ending}")
    assert len(found.faults) == 1
    assert "stream is cut" in found.errors[0]
    assert str(len(whole) // 2) in found.errors[0]
    assert 10_000 < len(found.rows) < 60_000
    assert found.texts == [json.loads(line)["text"] for line in lines[: len(found.rows)]]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_damage_in_the_middle_is_one_fault(tmp_path, ending):
    lines = b"".join(json.dumps({"text": f"{i} {zlib.crc32(b'%d' % i)}"}).encode() + b"\n" for i in range(60_000))
    whole = bytearray(gzip.compress(lines) if ending == ".gz" else zstandard.compress(lines))
    middle = len(whole) // 2
    whole[middle : middle + 64] = bytes(64)
    (tmp_path / f"a.jsonl{ending}").write_bytes(whole)
    found = read_input(tmp_path, f"a.jsonl{ending}")
    assert found.rows
    assert [error for error in found.errors if "stream is damaged" in error] == found.errors[-1:]


def test_what_follows_a_compressed_stream_is_a_fault(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n') + b"and then some")
    found = read_input(tmp_path, "a.jsonl.gz")
    assert found.texts == ["a"]
    assert len(found.faults) == 1


def test_an_empty_file_is_a_fault_compressed_or_not(tmp_path):
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b""))
    assert read_input(tmp_path, "a.jsonl").errors == ["empty file"]
    assert read_input(tmp_path, "b.jsonl.gz").errors == ["empty file"]


def test_a_line_over_the_bound_is_a_fault_and_the_next_line_is_read(tmp_path):
    write_lines(tmp_path / "a.jsonl", {"text": "first"}, {"text": "x" * 5000}, {"text": "last"})
    found = read_input(tmp_path, "a.jsonl", output={"max_line_bytes": 2000})
    assert found.texts == ["first", "last"]
    assert found.errors == ["line 2: 5012 bytes, max_line_bytes is 2000"]
    assert found.faults[0].pointer == "a.jsonl@18+5012"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_line_of_200_megabytes_is_never_held(tmp_path, ending):
    path = tmp_path / f"a.jsonl{ending}"
    million = b"x" * 1_000_000
    with gzip.open(path, "wb", compresslevel=1) if ending else path.open("wb") as file:
        file.write(b'{"text": "first"}\n{"text": "')
        for _ in range(200):
            file.write(million)
        file.write(b'"}\n{"text": "last"}\n')
    piece = Piece(
        source="s", dump="", root=str(tmp_path), path=path.name, format="jsonl", num_bytes=path.stat().st_size
    )
    tracemalloc.start()
    found = read([piece], max_line_bytes=8 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.texts == ["first", "last"]
    assert found.errors == [f"line 2: {200_000_012} bytes, max_line_bytes is {8 << 20}"]
    assert peak < 32 << 20


def test_batches_are_bounded_by_rows_and_bytes(tmp_path):
    write_lines(tmp_path / "a.jsonl", *({"text": "é" * 500} for _ in range(20)), {"text": "y" * 10_000}, {"text": "z"})
    found = read_input(tmp_path, "a.jsonl", output={"batch_rows": 3, "batch_bytes": 2500})
    assert max(batch.num_rows for batch in found.batches) == 2
    assert [batch.num_rows for batch in found.batches[-2:]] == [1, 1]
    assert len(found.rows) == 22
