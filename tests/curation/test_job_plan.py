"""The plan: the same cut every time, inputs known by content, and a refusal that says what changed."""

import dataclasses
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_kit import recipe, write_corpus

from curation.job import plan as plans
from curation.job.plan import cut_shards, differences, fingerprint, load_plan, make_plan, refusal, save_plan
from curation.model import Piece
from schemas.errors import RecipeError, UserError


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "corpus", num_files=4, rows=2)


@settings(deadline=None)
@given(st.lists(st.integers(0, 50)), st.integers(1, 100))
def test_shards_hold_every_piece_once_in_order(sizes, shard_bytes):
    pieces = [Piece("s", "", "", str(at), "jsonl", num_bytes=size) for at, size in enumerate(sizes)]
    shards = cut_shards(pieces, shard_bytes)
    assert [piece for shard in shards for piece in shard] == pieces
    assert len(shards) >= 1
    for shard in shards:
        assert len(shard) <= 1 or sum(piece.num_bytes for piece in shard) <= shard_bytes
    for shard, after in pairwise(shards):
        assert sum(piece.num_bytes for piece in shard) + after[0].num_bytes > shard_bytes


def test_a_plan_is_the_same_twice_and_survives_the_disk(corpus, tmp_path):
    plan = make_plan(recipe(corpus), corpus)
    assert make_plan(recipe(corpus), corpus) == plan
    save_plan(tmp_path / "plan.json", plan)
    assert load_plan(tmp_path / "plan.json") == plan
    assert load_plan(tmp_path / "none.json") is None
    (tmp_path / "plan.json").write_text(json.dumps({"run_id": "x"}))
    assert load_plan(tmp_path / "plan.json") is None


def test_a_copy_of_the_inputs_is_the_same_inputs(corpus, tmp_path):
    """Another folder, other times: the identity is content. The recipe's own paths are part of it, so they are relative here."""
    value = recipe(corpus).model_dump()
    for item in value["inputs"]:
        item["path"] = item["path"].rsplit("/", 1)[1]
    job = type(recipe(corpus)).model_validate(value)
    copy = write_corpus(tmp_path / "copy", num_files=4, rows=2)
    assert make_plan(job, corpus).run_id == make_plan(job, copy).run_id


def test_large_files_are_known_by_head_and_tail(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "WHOLE_FILE_BYTES", 100)
    path = tmp_path / "big"
    content = bytearray(range(250)) * 2
    seen = set()
    for at in (None, 0, 99, 400, 499, 250):
        changed = bytearray(content)
        if at is not None:
            changed[at] ^= 1
        path.write_bytes(changed)
        seen.add(fingerprint(path))
    assert len(seen) == 5  # a change in the middle is not seen, as the documentation says
    path.write_bytes(content + b"x")
    assert fingerprint(path)[0] == 501
    with pytest.raises(UserError, match="cannot be read"):
        fingerprint(tmp_path / "none")


def test_what_changed_is_named(corpus):
    old = make_plan(recipe(corpus), corpus)
    (corpus / "early" / "00.jsonl").unlink()
    (corpus / "late" / "01.jsonl").write_text('{"text": "other"}\n')
    (corpus / "late" / "77.jsonl").write_text('{"text": "new"}\n')
    changed = recipe(corpus, threshold=0.9, output={"batch_rows": 7})
    new = make_plan(changed, corpus, limit=2)
    assert old.run_id != new.run_id
    assert differences(old, new) == [
        "recipe output.batch_rows: 2048 -> 7",
        "recipe steps[2].near_dedup.threshold: 0.7 -> 0.9",
        "--limit: nothing -> 2",
        "input 00.jsonl is gone",
        "input 77.jsonl is new",
        "input 01.jsonl has other content",
    ]
    assert str(refusal(old, new, corpus)).endswith("and 3 more. Use --fresh to start over, or another --out")
    assert differences(old, dataclasses.replace(old, code_version="other")) == []


@pytest.mark.parametrize(("limit", "quotas"), [(1, [1]), (3, [1, 1, 1]), (6, [2, 2, 1, 1]), (None, [None] * 4)])
def test_a_limit_is_shared_out(corpus, limit, quotas):
    plan = make_plan(recipe(corpus), corpus, limit)
    assert [plan.quota(shard) for shard in range(len(plan.shards))] == quotas


def test_bad_wishes_are_refused_before_any_work(corpus):
    with pytest.raises(UserError, match="--limit must be at least 1"):
        make_plan(recipe(corpus), corpus, 0)
    with pytest.raises(RecipeError, match="nonsense"):
        make_plan(recipe(corpus, steps=[{"filter": {"rules": "gopher_quality", "disable": ["nonsense"]}}]), corpus)
    with pytest.raises(RecipeError, match=r"no number 'mean_word_lenght' \(did you mean 'mean_word_length'\?\)"):
        make_plan(recipe(corpus, keep="best", keep_by="mean_word_lenght"), corpus)
    with pytest.raises(UserError):
        make_plan(recipe(corpus / "nowhere"), corpus)


def test_the_newest_dump_comes_first_where_the_newest_stays(corpus):
    assert make_plan(recipe(corpus), corpus).dumps == ["2024-05", "2024-10"]
    assert make_plan(recipe(corpus, keep="newest"), corpus).dumps == ["2024-10", "2024-05"]
    make_plan(recipe(corpus, keep="best", keep_by="mean_word_length"), corpus)
