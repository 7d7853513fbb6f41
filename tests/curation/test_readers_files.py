"""Pages and source files: one document a file; and how a page's bytes become characters."""

import gzip

import pytest
from reading_kit import read, read_input, recipe_of

from curation.readers.html import decode_page
from curation.readers.listing import list_pieces
from curation.readers.reading import READERS
from curation.readers.source import read_source
from curation.steps.extract import extract_page


def test_a_page_a_file_compressed_or_not(tmp_path):
    (tmp_path / "a.html").write_bytes(b"<p>one")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.HTM.gz").write_bytes(gzip.compress(b"<p>two"))
    (tmp_path / "cut.html.gz").write_bytes(gzip.compress(b"<p>three")[:-9])
    (tmp_path / "notes.md").write_text("no page")
    found = read_input(tmp_path, ".")
    assert [(row["path"], row["html"]) for row in found.rows] == [("a.html", b"<p>one"), ("sub/b.HTM.gz", b"<p>two")]
    assert [(fault.locator, fault.error[:27]) for fault in found.faults] == [
        ("cut.html.gz", "the gzip stream is cut: the")
    ]


def test_large_and_empty_pages_are_faults(tmp_path):
    (tmp_path / "a.html").write_bytes(b"x" * 3000)
    (tmp_path / "b.html").touch()
    (tmp_path / "c.html.gz").write_bytes(gzip.compress(bytes(1 << 20)))
    found = read_input(tmp_path, ".", output={"max_document_bytes": 2048})
    assert not found.rows
    assert found.errors == ["more than max_document_bytes, 2048", "empty file", "more than max_document_bytes, 2048"]


def test_a_source_tree_gives_its_text_files_with_path_and_repository(tmp_path):
    (tmp_path / "one" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "one" / "deep" / "er" / "a.py").write_bytes("\ufeffprint('é')\n".encode())
    (tmp_path / "one" / "b.bin").write_bytes(b"text \0 more")
    (tmp_path / "one" / "latin.c").write_bytes(b"/* caf\xe9 */")
    (tmp_path / "one" / "late.txt").write_bytes(b"x" * 9000 + b"\0" + b"y")
    (tmp_path / "one" / "empty.py").touch()
    (tmp_path / "one" / ".hidden").write_text("secret")
    (tmp_path / "top.py").write_text("top")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    (tmp_path / "link.py").symlink_to(tmp_path / "top.py")
    found = read_input(tmp_path, ".", format="source", repo_depth=2)
    assert [(row["path"], row["repo"]) for row in found.rows] == [
        ("one/deep/er/a.py", "one/deep"),
        ("one/empty.py", "one"),
        ("one/late.txt", "one"),
        ("top.py", None),
    ]
    assert found.texts[0] == "print('é')\n"
    assert found.rows[2]["replaced_characters"] == 1
    assert found.counts["skipped_binary_file"] == 2
    assert not found.faults


def test_a_large_source_file_is_a_fault(tmp_path):
    (tmp_path / "a.py").write_bytes(b"x" * 3000)
    (tmp_path / "a.bin").write_bytes(b"\0" * 3000)
    found = read_input(tmp_path, ".", format="source", output={"max_document_bytes": 2048})
    assert found.errors == ["3000 bytes, max_document_bytes is 2048"]
    assert found.faults[0].pointer == "a.py@0+3000"


def test_a_file_that_vanished_is_a_fault(tmp_path):
    (tmp_path / "a.html").write_text("<p>x")
    pieces, _ = list_pieces(recipe_of({"source": "s", "path": "a.html"}), tmp_path)
    (tmp_path / "a.html").unlink()
    assert read(pieces).errors == ["cannot be read: No such file or directory"]


def test_small_files_share_batches(tmp_path):
    for index in range(50):
        (tmp_path / f"{index:02}.py").write_text(f"x = {index}")
    found = read_input(tmp_path, ".", format="source", output={"batch_rows": 20})
    assert [batch.num_rows for batch in found.batches] == [20, 20, 10]


@pytest.mark.parametrize(
    ("page", "declared", "text"),
    [
        ("<p>日本".encode("shift_jis"), "Shift_JIS", "日本"),
        ("<p>привет".encode("cp1251"), "windows-1251", "привет"),
        (b"<meta charset='windows-1251'><p>" + "привет".encode("cp1251"), None, "привет"),
        ("\ufeff<p>é".encode("utf-16-le"), "utf-8", "é"),
        ("\ufeff<p>é".encode(), "iso-8859-1", "é"),
        ("<p>naïve café".encode(), "no-such-charset", "naïve café"),
        ("<p>café".encode(), None, "café"),
        (b"<p>caf\xe9 \x93quoted\x94", "iso-8859-1", "café “quoted”"),  # as browsers take Latin-1
    ],
)
def test_pages_are_decoded_by_mark_transport_page_or_bytes(page, declared, text):
    assert extract_page(decode_page(page, declared), main_content=False).text == text


def test_no_bytes_make_decoding_raise():
    for declared in (None, "utf-8", "utf-16", "gbk", "x"):
        assert isinstance(decode_page(bytes(range(256)) * 3, declared), str)
        assert decode_page(b"", declared) == ""


def test_a_file_that_trips_its_reader_is_a_fault_and_the_next_one_is_read(tmp_path, monkeypatch):
    def tripping(piece, path, output, counts):
        if piece.path == "b.py":
            raise RuntimeError("tripped")
        yield from read_source(piece, path, output, counts)

    monkeypatch.setitem(READERS, "source", tripping)
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(name)
    found = read_input(tmp_path, ".", format="source")
    assert found.texts == ["a.py", "c.py"]
    assert found.errors == ["reading stopped: RuntimeError: tripped"]
