"""WARC: pages and texts by record, exact offsets, and one fault where a file breaks."""

import gzip
import io
import json
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from reading_kit import Everything, read_input


def record(kind: str, content: bytes, **headers: str) -> bytes:
    lines = ["WARC/1.0", f"WARC-Type: {kind}", "WARC-Date: 2024-05-17T23:31:22Z", "WARC-Record-ID: <urn:uuid:1>"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


def response(url: str, body: bytes, content_type: str = "text/html", status: str = "200 OK", extra: str = "") -> bytes:
    http = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return record("response", http, WARC_Target_URI=url, Content_Type="application/http; msgtype=response")


RECORDS = [
    record("warcinfo", b"software: test\r\n", Content_Type="application/warc-fields"),
    response("http://a/", b"<p>caf\xe9</p>", "text/html; charset=iso-8859-1"),
    record(
        "request",
        b"GET / HTTP/1.1\r\n\r\n",
        WARC_Target_URI="http://a/",
        Content_Type="application/http; msgtype=request",
    ),
    response("http://b/", "plain naïve".encode(), "text/plain; charset=utf-8"),
    response("http://c/", b"\x89PNG", "image/png"),
    response("http://d/", b"<p>gone</p>", status="404 Not Found"),
    record("conversion", b"WET text \0", WARC_Target_URI="http://e/", Content_Type="text/plain"),
    response("http://f/", gzip.compress(b"<p>packed</p>"), extra="Content-Encoding: gzip\r\n"),
]


def written(tmp_path: Path, *, packed: str, cut: int | None = None) -> Everything:
    if packed == "records":
        content, name = b"".join(gzip.compress(item) for item in RECORDS), "a.warc.gz"
    elif packed == "whole":
        content, name = gzip.compress(b"".join(RECORDS)), "a.warc.gz"
    else:
        content, name = b"".join(RECORDS), "a.warc"
    (tmp_path / name).write_bytes(content[:cut])
    return read_input(tmp_path, name)


@pytest.mark.parametrize("packed", ["records", "whole", "plain"])
def test_pages_and_texts_are_read_and_the_rest_is_counted(tmp_path, packed):
    found = written(tmp_path, packed=packed)
    assert not found.faults
    assert [(row["url"], row["text"], row["html"], row["html_encoding"]) for row in found.rows] == [
        ("http://a/", None, b"<p>caf\xe9</p>", "iso-8859-1"),
        ("http://b/", "plain naïve", None, None),
        ("http://e/", "WET text \ufffd", None, None),
        ("http://f/", None, b"<p>packed</p>", None),
    ]
    assert {row["timestamp"].isoformat() for row in found.rows} == {"2024-05-17T23:31:22+00:00"}
    skipped = {name: count for name, count in found.counts.items() if name.startswith("skipped")}
    assert skipped == {
        "skipped_warc_warcinfo": 1,
        "skipped_warc_request": 1,
        "skipped_content_type": 1,
        "skipped_http_status": 1,
    }


def test_locators_are_offsets_in_the_file_and_unique_in_one_gzip_member(tmp_path):
    starts = [sum(len(gzip.compress(item)) for item in RECORDS[:index]) for index in (1, 3, 6, 7)]
    plain = [sum(map(len, RECORDS[:index])) for index in (1, 3, 6, 7)]

    def locators(found):
        return [json.loads(row["meta"])["locator"] for row in found.rows]

    assert locators(written(tmp_path, packed="records")) == [f"a.warc.gz#{start}" for start in starts]
    assert locators(written(tmp_path, packed="plain")) == [f"a.warc#{start}" for start in plain]
    assert locators(written(tmp_path, packed="whole")) == [f"a.warc.gz#0+{start}" for start in plain]


@pytest.mark.parametrize("packed", ["records", "whole", "plain"])
def test_every_cut_keeps_what_came_before_and_gives_one_fault(tmp_path, packed):
    whole = written(tmp_path, packed=packed)
    size = next(tmp_path.iterdir()).stat().st_size
    plain_ends = [sum(map(len, RECORDS[:index])) for index in range(1, len(RECORDS) + 1)]
    ends = {
        "plain": {at for end in plain_ends for at in range(end - 4, end + 1)},  # the closing line breaks are no loss
        "records": {sum(len(gzip.compress(item)) for item in RECORDS[:index]) for index in range(1, len(RECORDS) + 1)},
        "whole": {size},
    }[packed]
    for cut in range(3, size, 7):
        found = written(tmp_path, packed=packed, cut=cut)
        assert found.rows == whole.rows[: len(found.rows)], cut
        assert len(found.faults) == (0 if cut in ends else 1), (cut, found.errors)
    assert found.rows


def test_a_damaged_header_stops_the_file_with_one_fault(tmp_path):
    (tmp_path / "a.warc").write_bytes(RECORDS[1] + b"garbage\r\n" * 5 + RECORDS[3])
    found = read_input(tmp_path, "a.warc")
    assert len(found.rows) == 1
    assert found.errors == ["after the record at byte 0 comes no other: Invalid WARC header"]


def test_large_records_and_bombs_are_faults(tmp_path):
    bomb = response("http://x/", gzip.compress(bytes(1 << 20)), extra="Content-Encoding: gzip\r\n")
    (tmp_path / "a.warc").write_bytes(response("http://y/", b"y" * 9000) + bomb + RECORDS[1])
    found = read_input(tmp_path, "a.warc", output={"max_document_bytes": 4096})
    assert [row["url"] for row in found.rows] == ["http://a/"]
    assert len(found.faults) == 2
    assert "max_document_bytes is 4096" in found.errors[0]
    assert found.errors[1] == "expands to more than max_document_bytes, 4096"


def test_an_archive_of_the_older_kind_is_refused_by_name(tmp_path):
    (tmp_path / "a.arc").write_bytes(b"filedesc://a.arc 0.0.0.0 20240101000000 text/plain 1\n")
    found = read_input(tmp_path, "a.arc", format="warc")
    assert "this is an ARC file" in found.errors[0]


def test_real_crawls_give_every_page_that_the_library_sees(reference_data):
    folder = reference_data("warc")
    for path in sorted(folder.glob("*.warc.gz")):
        pages = 0
        for item in ArchiveIterator(io.BytesIO(path.read_bytes()), record_types=WarcRecordType.response):
            pages += item.http_headers.status_code == 200 and item.http_content_type in {"text/html", "text/plain"}
        found = read_input(folder, path.name)
        assert not found.faults
        assert len(found.rows) == pages
        assert all(row["url"].startswith("http") and row["timestamp"] for row in found.rows)
    wet = read_input(folder, "whirlwind.warc.wet.gz")
    assert "Escopete" in wet.texts[0]


def test_malformed_archives_are_read_or_refused_clearly(reference_data):
    folder = reference_data("warc_edgecases")
    rows = {}
    for path in sorted(folder.glob("*arc*")):
        found = read_input(folder, path.name, format="warc")
        assert len(found.faults) <= 1
        if ".arc" in path.name:
            assert "ARC file" in found.errors[0]
        else:
            rows[path.name] = (len(found.rows), len(found.faults))
    assert rows == {
        "example-bad-non-chunked.warc.gz": (1, 0),
        "example-digest.warc": (0, 0),  # requests only
        "example-iana.org-chunked.warc": (1, 0),
        "example-resource.warc.gz": (1, 0),
        "example-space-in-target-uri.warc.gz": (0, 0),  # a picture
        "example-trunc.warc": (1, 1),
        "example-wget-bad-target-uri.warc.gz": (1, 0),
        "example-wrong-chunks.warc.gz": (1, 0),
        "example.warc": (1, 0),
        "example.warc.gz": (1, 0),
        "post-test.warc.gz": (0, 0),  # JSON answers
    }
