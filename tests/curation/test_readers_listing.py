"""Listing: which files an input holds, in which order, and what is refused before any work."""

import gzip
import json
import os
from collections import Counter

import pytest
from reading_kit import recipe_of

from curation.model import Piece
from curation.readers.listing import format_of, list_pieces
from schemas.errors import UserError


def paths(base, *inputs, steps=None, counts=None):
    return [piece.path for piece in list_pieces(recipe_of(*inputs, steps=steps), base, counts)[0]]


@pytest.fixture
def tree(tmp_path):
    for path in ("b/2.jsonl", "b/10.jsonl.gz", "a/x.json", "Ä.ndjson", "Z.jsonl", "b/skip.me", "a/README"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        content = b'{"text": "x"}\n'
        (tmp_path / path).write_bytes(gzip.compress(content) if path.endswith(".gz") else content)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.warc", "warc"),
        ("CC-MAIN.warc.gz", "warc"),
        ("a.warc.wet.gz", "warc"),
        ("a.HTML", "html"),
        ("a.htm.gz", "html"),
        ("a.jsonl.zst", "jsonl"),
        ("a.json", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.parquet.gz", None),
        ("a.py", None),
        ("a.gz", None),
        ("jsonl", None),
    ],
)
def test_formats_go_by_name(name, kind):
    assert format_of(name) == kind


def test_a_folder_is_listed_by_the_bytes_of_its_paths(tree):
    counts = Counter()
    assert paths(tree, {"source": "s", "path": "."}, counts=counts) == [
        "Z.jsonl",
        "a/x.json",
        "b/10.jsonl.gz",
        "b/2.jsonl",
        "Ä.ndjson",
    ]
    assert counts == {"skipped_unknown_format": 2}


def test_globs_and_patterns_select(tree):
    assert paths(tree, {"source": "s", "path": "b/*.jsonl*"}) == ["10.jsonl.gz", "2.jsonl"]
    assert paths(tree, {"source": "s", "path": "**/*.json*"}) == ["Z.jsonl", "a/x.json", "b/10.jsonl.gz", "b/2.jsonl"]
    assert paths(tree, {"source": "s", "path": ".", "include": ["b/*"], "exclude": ["*.gz"]}) == ["b/2.jsonl"]
    assert paths(tree, {"source": "s", "path": str(tree / "b" / "2*")}) == ["2.jsonl"]


def test_ids_do_not_depend_on_what_a_glob_happens_to_match(tree):
    few = paths(tree, {"source": "s", "path": "*/*.json"})
    assert few == ["a/x.json"]


def test_a_file_named_by_itself_must_have_a_known_format(tree):
    with pytest.raises(UserError, match="README: unknown format; say `format:`"):
        paths(tree, {"source": "s", "path": "a/README"})
    assert paths(tree, {"source": "s", "path": "a/README", "format": "jsonl"}) == ["README"]


def test_an_input_that_finds_nothing_is_refused_by_name(tree):
    for path in ("nowhere", "*.warc", "b/skip.me*"):
        with pytest.raises(UserError, match="input 's': nothing to read at"):
            paths(tree, {"source": "s", "path": path})


def test_a_missing_column_is_refused_with_what_is_there(tree):
    (tree / "Z.jsonl").write_text('not json\n\n{"body": "x", "n": 1}\n')
    with pytest.raises(
        UserError, match=r"Z\.jsonl: column 'text' for 'text' is missing; the columns there are 'body', 'n'; say"
    ):
        paths(tree, {"source": "s", "path": "Z.jsonl"})
    assert paths(tree, {"source": "s", "path": "Z.jsonl", "columns": {"text": "body"}}) == ["Z.jsonl"]
    with pytest.raises(UserError, match="'txt' is no field of a document"):
        paths(tree, {"source": "s", "path": "Z.jsonl", "columns": {"txt": "body"}})
    with pytest.raises(UserError, match="map either text or html"):
        paths(tree, {"source": "s", "path": "Z.jsonl", "columns": {"text": "body", "html": "n"}})


def test_the_first_line_is_not_looked_for_beyond_the_head_of_a_file(tree):
    (tree / "Z.jsonl").write_text("x" * (2 << 20) + "\n" + json.dumps({"body": 1}))
    assert paths(tree, {"source": "s", "path": "Z.jsonl"}) == ["Z.jsonl"]


def test_two_inputs_of_one_source_must_not_share_a_path(tree):
    with pytest.raises(UserError, match=r"another input of this source has a file 2\.jsonl"):
        paths(tree, {"source": "s", "path": "b"}, {"source": "s", "path": "b/2.jsonl"})
    both = paths(tree, {"source": "s", "path": "b", "dump": "1"}, {"source": "s", "path": "b", "dump": "2"})
    assert len(both) == 4


def test_pages_need_an_extract_step_first(tmp_path):
    (tmp_path / "a.html").write_text("<p>x")
    item = {"source": "web", "path": "a.html"}
    for steps in ([{"language": {}}], [{"language": {}}, {"extract": {}}]):
        with pytest.raises(UserError, match="input 'web' holds pages \\(html\\): its first step must be `extract`"):
            paths(tmp_path, item, steps=steps)
    assert paths(tmp_path, item, steps=[{"extract": {}}, {"language": {}}]) == ["a.html"]


def test_what_folders_hold_beside_input_is_counted(tree):
    os.mkfifo(tree / "pipe.jsonl")
    (tree / "again.jsonl").symlink_to(tree / "Z.jsonl")
    (tree / "loop").symlink_to(tree)
    (tree / ".git").mkdir()
    counts = Counter()
    assert len(paths(tree, {"source": "s", "path": ".", "exclude": ["a/*"]}, counts=counts)) == 4
    assert counts == {
        "skipped_special_file": 1,
        "skipped_symlink": 2,
        "skipped_hidden": 1,
        "skipped_by_pattern": 2,
        "skipped_unknown_format": 1,
    }


def test_a_name_that_is_not_utf8_is_a_fault(tree):
    (tree / "Z.jsonl").rename(tree / os.fsdecode(b"\xff.jsonl"))
    pieces, faults = list_pieces(recipe_of({"source": "s", "path": "."}), tree)
    assert len(pieces) == 4
    assert [(fault.locator, fault.error) for fault in faults] == [("\ufffd.jsonl", "the file's name is not UTF-8")]


def test_a_piece_survives_the_shard_plan(tree):
    pieces, _ = list_pieces(recipe_of({"source": "s", "path": "b", "columns": {"text": "text"}}), tree)
    for piece in pieces:
        assert Piece.from_json(json.loads(json.dumps(piece.to_json()))) == piece
