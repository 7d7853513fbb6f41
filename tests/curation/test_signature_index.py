"""Dumps one after the other through an index end as all of them at once: whole jobs over made-up text."""

import json
import random

import pytest
from job_kit import HERE, rows_of, words

from curation.job import signature_index
from curation.job.driver import plan_job, run_job
from curation.job.plan import load_plan
from curation.job.signature_index import publish_segment, read_segments
from schemas.errors import UserError
from schemas.recipe import CurateRecipe, parse_recipe
from service.explained.documents import explain_document

DUMPS = ("2024-05", "2024-10", "2025-02")


def write_dumps(folder, seed, rows=40):
    """Three dumps: texts of their own, chains of near copies within and across dumps, copies, texts without words, same URLs."""
    rng = random.Random(seed)
    earlier = []
    for dump in DUMPS:
        for part in range(2):
            lines = []
            for number in range(rows):
                kind = rng.random()
                if kind < 0.1:
                    text = ["..."] * rng.randint(1, 3)
                elif kind < 0.3 and earlier:
                    text = rng.choice(earlier)
                elif kind < 0.7 and earlier:
                    text = list(rng.choice(earlier[-40:]))
                    for _ in range(rng.randint(1, 5)):
                        text[rng.randrange(len(text))] = rng.choice(words(rng, 4))
                    earlier.append(text)
                else:
                    text = words(rng, rng.randint(40, 90))
                    earlier.append(text)
                url = f"https://example.org/{rng.randint(0, 400)}"
                lines.append({"text": rng.choice(["  ", " "]).join(text), "url": url, "n": number})
            path = folder / dump / f"{part}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def recipe(folder, dumps=DUMPS, *, steps=None, **near):
    settings = {"threshold": 0.7, "bands": 20, "rows": 4, "partitions": 3, **near}
    value = {
        "name": "dumps",
        "inputs": [{"source": "web", "path": str(folder / dump), "dump": dump} for dump in dumps],
        "steps": [*([{"exact_dedup": {}}] if steps is None else steps), {"near_dedup": settings}],
        "output": {"input_shard_bytes": 4000},
    }
    return parse_recipe(value, CurateRecipe, "test recipe")


def one_by_one(folder, out, **settings):
    """Curates each dump alone; gives each run's manifest."""
    return [
        run_job(recipe(folder, [dump], index=str(out / "index"), **settings), folder, out / dump, beam_options=HERE)
        for dump in DUMPS
    ]


def kept_and_evidence(outs):
    kept = {row["id"] for out in outs for row in rows_of(out, "kept")}
    evidence = {
        row["id"]: (row["kept_id"], row["kept_dump"], row["similarity"], row["step"])
        for out in outs
        for row in rows_of(out, "duplicates")
    }
    return kept, evidence


BY_URL = {"name": "by_url", "exact_dedup": {"by": "url"}}
CASES = [
    pytest.param(1, {}, id="exact"),
    pytest.param(2, {"bucket_leaders": 2}, id="few leaders"),
    pytest.param(3, {"steps": [], "bucket_leaders": 1}, id="near alone", marks=pytest.mark.slow),
    pytest.param(4, {"steps": [{"exact_dedup": {}}, BY_URL]}, id="by URL too", marks=pytest.mark.slow),
    pytest.param(
        5, {"steps": [BY_URL, {"exact_dedup": {}}], "threshold": 0.5}, id="by URL first", marks=pytest.mark.slow
    ),
]


@pytest.mark.parametrize(("seed", "settings"), CASES)
def test_one_by_one_is_as_all_at_once(tmp_path, seed, settings):
    folder = write_dumps(tmp_path / "in", seed)
    run_job(recipe(folder, **settings), folder, tmp_path / "together", beam_options=HERE)
    manifests = one_by_one(folder, tmp_path, **settings)
    together = kept_and_evidence([tmp_path / "together"])
    assert kept_and_evidence([tmp_path / dump for dump in DUMPS]) == together
    across = [row for row in rows_of(tmp_path / DUMPS[-1], "duplicates") if row["kept_dump"] != DUMPS[-1]]
    assert len(across) > 5
    assert {row["kept_dump"] for row in across} == set(DUMPS[:2])
    assert [stage.name for stage in manifests[0].stages][-1] == "signature_index"
    if not settings:  # a copy of what an earlier run has removed for another
        assert any(row["similarity"] < 1.0 and row["step"] == "exact_dedup" for row in across)


POLICIES = [("longest", None), ("newest", None), ("best", "words")]


@pytest.mark.parametrize(("keep", "keep_by"), POLICIES)
def test_the_preferred_copy_stays(tmp_path, keep, keep_by):
    """Five near copies over two dumps; exactly the preferred one is kept, and is everybody's twin."""
    rng = random.Random(7)
    text = words(rng, 90)
    for number, extra in enumerate((0, 2, 1, 3, 1)):
        path = tmp_path / "in" / DUMPS[number % 2] / f"{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        copy = " ".join([*text, *words(rng, extra)] if number < 3 else [*words(rng, extra), *text])
        row = {"text": copy, "timestamp": f"2024-0{number + 1}-01T00:00:00Z", "n": number}
        path.write_text(json.dumps(row) + "\n")
    steps = [{"filter": {"rules": "gopher_quality"}}] if keep_by else []
    job = recipe(tmp_path / "in", DUMPS[:2], steps=steps, keep=keep, keep_by=keep_by)
    run_job(job, tmp_path, tmp_path / "out", beam_options=HERE)
    (kept,) = rows_of(tmp_path / "out", "kept")
    evidence = rows_of(tmp_path / "out", "duplicates")
    assert {row["kept_id"] for row in evidence} == {kept["id"]}
    assert len(evidence) == 4
    assert json.loads(kept["meta"])["n"] == 3  # the longest, with most words, and the last of the later dump


@pytest.fixture(scope="module")
def two_dumps(tmp_path_factory):
    """An index of two dumps of three, and the runs' manifests."""
    root = tmp_path_factory.mktemp("index")
    folder = write_dumps(root / "in", 6, rows=15)
    manifests = [_curate(folder, root, dump) for dump in DUMPS[:2]]
    return folder, root, manifests


def _recipe(folder, root, dump, **settings):
    return recipe(folder, [dump], **{"index": str(root / "index"), **settings})


def _curate(folder, root, dump, *, out=None, fresh=False, limit=None, tell=None):
    out = out or root / dump
    job = _recipe(folder, root, dump)
    return run_job(job, folder, out, beam_options=HERE, fresh=fresh, limit=limit, on_progress=tell)


def _state(root):
    return {path.name: path.stat().st_mtime_ns for path in (root / "index").rglob("*") if path.is_file()}


def test_a_run_finds_its_own_segment(two_dumps):
    folder, root, manifests = two_dumps
    before = _state(root)
    segments = read_segments(root / "index")
    assert [segment["dumps"] for segment in segments] == [[DUMPS[0]], [DUMPS[1]]]
    assert [segment["run"] for segment in segments] == [manifest.run_id for manifest in manifests]
    assert _curate(folder, root, DUMPS[0]) == manifests[0]
    kept = rows_of(root / DUMPS[0], "kept")
    assert _curate(folder, root, DUMPS[0], fresh=True).run_id == manifests[0].run_id
    assert rows_of(root / DUMPS[0], "kept") == kept
    assert read_segments(root / "index") == segments
    assert _state(root).keys() == before.keys()
    named = {
        part["name"]
        for s in segments
        for kind in ("entries", *s["standing"])
        for part in s.get(kind, s["standing"].get(kind))
        if part
    }
    named |= {part["name"] for segment in segments for shard in segment["shards"] for part in shard.values() if part}
    assert named | {"segment-00000.json", "segment-00001.json"} == before.keys()


def test_what_does_not_fit_is_refused_before_any_work(two_dumps, tmp_path, monkeypatch):
    folder, root, _ = two_dumps
    later = tmp_path / "in" / "2030"
    later.mkdir(parents=True)
    (later / "a.jsonl").write_text('{"text": "some words of another dump"}\n')
    with pytest.raises(UserError, match=r"threshold is 0.7, here 0.9; bucket_leaders is 32, here 3$"):
        plan_job(_recipe(tmp_path / "in", root, "2030", threshold=0.9, bucket_leaders=3), tmp_path)
    with pytest.raises(UserError, match=r"exact_dedup is \['text'\], here \[\]"):
        plan_job(_recipe(tmp_path / "in", root, "2030", steps=[]), tmp_path)
    with pytest.raises(UserError, match=f"dump '{DUMPS[0]}' does not come after dump '{DUMPS[1]}'"):
        plan_job(_recipe(folder, root, DUMPS[0], partitions=4), folder)
    assert plan_job(_recipe(tmp_path / "in", root, "2030"), tmp_path).dumps == [*DUMPS[:2], "2030"]
    monkeypatch.setattr(signature_index, "_PROBE", ("other",))
    with pytest.raises(UserError, match="signatures is"):
        plan_job(_recipe(tmp_path / "in", root, "2030"), tmp_path)


def test_a_limited_run_reads_the_index_and_adds_nothing(two_dumps, tmp_path):
    folder, root, _ = two_dumps
    before = _state(root)
    manifest = _curate(folder, root, DUMPS[2], out=tmp_path / "out", limit=25)
    assert any(row["kept_dump"] != DUMPS[2] for row in rows_of(tmp_path / "out", "duplicates"))
    assert manifest.documents_read == 25
    assert _state(root) == before


def test_who_comes_second_is_told_and_adds_nothing(two_dumps, tmp_path):
    folder, root, _ = two_dumps
    number = len(read_segments(root / "index"))
    path = root / "index" / f"segment-{number:05d}.json"

    def somebody_else(progress):
        if progress.stage == "write" and not path.exists():
            first = read_segments(root / "index")[0]
            publish_segment(root / "index", number, {**first, "run": "other", "dumps": ["2025-01"], "number": number})

    try:
        with pytest.raises(UserError, match="dump '2025-01' was added by another run"):
            _curate(folder, root, DUMPS[2], out=tmp_path / "out", tell=somebody_else)
        assert len(read_segments(root / "index")) == number + 1
        assert not (tmp_path / "out" / "curate" / "manifest.json").exists()
        with pytest.raises(UserError, match=r"dumps of the signature index: .* -> .*2025-01.*--fresh"):
            _curate(folder, root, DUMPS[2], out=tmp_path / "out")
        publish_segment(root / "index", number, {"run": "other"})  # the same run again: nothing happens
    finally:
        path.unlink()


def test_an_index_that_was_thrown_away_is_noticed(two_dumps):
    folder, root, _ = two_dumps
    last = root / "index" / "segment-00001.json"
    away = last.rename(root / "away.json")
    try:
        with pytest.raises(UserError, match="no longer holds it; --fresh"):
            _curate(folder, root, DUMPS[1])
    finally:
        away.rename(last)
    written = last.read_text()
    try:
        last.write_text(written[:100])
        with pytest.raises(UserError, match=r"segment-00001.json: no segment"):
            _curate(folder, root, DUMPS[1])
    finally:
        last.write_text(written)


def test_a_twin_of_an_earlier_run_is_named(two_dumps):
    _, root, _ = two_dumps
    out = root / DUMPS[1]
    row = next(row for row in rows_of(out, "duplicates") if row["kept_dump"] == DUMPS[0] and row["similarity"] < 1)
    told = explain_document(out, row["id"])
    assert (told["twin"]["kept_id"], told["twin"]["kept_dump"]) == (row["kept_id"], DUMPS[0])
    assert told["twin"]["where"] == "of an earlier run, by the signature index"
    assert load_plan(out / "curate" / "plan.json").index.dumps == (DUMPS[0],)
