"""The job with span deduplication, from files to files, against plain Python."""

import json
import random
import sys
from pathlib import Path

import pytest
from job_kit import HERE, rows_of

from curation.dedup import spans
from curation.job import stages
from curation.job.driver import run_job
from schemas.errors import RecipeError
from schemas.recipe import CurateRecipe, parse_recipe

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "columnar"))
from span_oracle import deduplicated

WORDS = ["tea", "salt", "Water", "boils.", "cup!", "leaf", "水", "茶", "it's", "7", "\u00e9t\u00e9", "(hot)"]


def _passage(rng, unit):
    words = [rng.choice(WORDS) + str(rng.randint(0, 10_000)) for _ in range(rng.randint(3, 30))]
    between = "\n" if unit == "line" else "\n\n" if unit == "paragraph" else " "
    if unit == "sentence":
        words.insert(2, "stop.")
    return " ".join(words) + rng.choice([".", "?", "。", ""]) + between


def _corpus(folder, unit, seed, files=6, rows=5):
    """Documents of passages, some of which other documents have too, in two dumps."""
    rng = random.Random(seed)
    pool = [_passage(rng, unit) for _ in range(30)]
    for number in range(files):
        lines = []
        for _ in range(rows):
            parts = [rng.choice(pool) if rng.random() < 0.35 else _passage(rng, unit) for _ in range(rng.randint(1, 8))]
            if rng.random() < 0.15:
                parts = rng.choices(pool, k=rng.randint(1, 5))
            if rng.random() < 0.1:
                parts = ["ha " * 70]
            lines.append(json.dumps({"text": "".join(parts)}))
        path = folder / ("late" if number % 2 else "early") / f"{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))


def _recipe(folder, step, shard_bytes=1, before=(), sources=("web", "web"), **more):
    inputs = [
        {"source": source, "path": str(folder / dump), "dump": dump}
        for source, dump in zip(sources, ("early", "late"), strict=True)
        if (folder / dump).exists()
    ]
    steps = [*before, {"span_dedup": step, **more}]
    value = {"name": "spans", "inputs": inputs, "steps": steps, "output": {"input_shard_bytes": shard_bytes}}
    return parse_recipe(value, CurateRecipe, "test")


def _outcome(out):
    kept = {row["id"]: row["text"] for row in rows_of(out, "kept")}
    return kept, {row["id"]: row["reasons"] for row in rows_of(out, "rejects")}


def _uncut(folder):
    """The documents as they went in, in the order (dump, id)."""
    run_job(_recipe(folder, {"min_chars": 10**9}), folder, folder / "plain", beam_options=HERE)
    return sorted(rows_of(folder / "plain", "kept"), key=lambda row: (row["dump"], row["id"]))


def _check_cuts(out, texts):
    """Every cut document is told with its passages in order, each as it stands in its text and, for the most part, in the first's."""
    told = {}
    for row in rows_of(out, "cuts"):
        passage = texts[row["id"]][row["start"] : row["end"]]
        assert row["text"] == passage[:200] != ""
        assert row["key"] == int(row["id"][:16], 16)
        assert passage.strip()[:12].lower() in texts[row["kept_id"]].lower()
        assert row["start"] >= told.get(row["id"], 0)
        told[row["id"]] = row["start"]
    touched = [row["id"] for kind in ("kept", "rejects") for row in rows_of(out, kind) if row["span_cuts"]]
    assert sorted(told) == sorted(touched)


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ({"unit": "line", "min_chars": 12}, 1),
        ({"unit": "paragraph", "min_copies": 3, "max_cut_share": 0.5}, 1),
        ({"unit": "sentence", "sentences": 2, "max_cut_share": 1.0}, 2),
        ({"unit": "ngram", "ngram": 7}, 7),
    ],
    ids=lambda value: value["unit"] if isinstance(value, dict) else "",
)
def test_cut_texts_are_those_of_plain_python(tmp_path, monkeypatch, step, size):
    _corpus(tmp_path, step["unit"], seed=size)
    rows = _uncut(tmp_path)
    monkeypatch.setattr(stages, "LOCAL_SHUFFLE_BYTES", 4096)  # several passes
    manifest = run_job(_recipe(tmp_path, step), tmp_path, tmp_path / "out", num_workers=2)
    kept, rejects = _outcome(tmp_path / "out")
    least = 1 if step["unit"] == "ngram" else step.get("min_chars", 20)
    texts = [row["text"] for row in rows]
    left = deduplicated(texts, step["unit"], size, least, step.get("min_copies", 2))
    evidence = {row["id"]: row for row in rows_of(tmp_path / "out", "duplicates")}
    lost = 0
    for row, (text, owners) in zip(rows, left, strict=True):
        share = (len(row["text"]) - len(text)) / len(row["text"])
        if share > step.get("max_cut_share", 0.8) or (share and not text):
            assert rejects.pop(row["id"]) == ["mostly_copied"]
            others = {rows[owner]["id"] for owner in owners} - {row["id"]}
            assert ({evidence.pop(row["id"])["kept_id"]} <= others) if others else row["id"] not in evidence
        else:
            assert kept.pop(row["id"]) == text
            lost += len(row["text"]) - len(text)
    assert kept == rejects == evidence == {}
    _check_cuts(tmp_path / "out", {row["id"]: row["text"] for row in rows})
    assert lost > 100
    assert manifest.stats["cuts"]["web"]["characters"] == lost
    stages_run = [item.name for item in manifest.stages]
    assert stages_run == ["measure", "span_repeats", "span_firsts", "write", "index"]


def test_shards_and_workers_change_nothing(tmp_path):
    _corpus(tmp_path, "paragraph", seed=11)
    outcomes = []
    for number, (shard_bytes, workers) in enumerate(((1, 2), (1 << 20, 1))):
        out = tmp_path / f"out{number}"
        run_job(_recipe(tmp_path, {"unit": "paragraph"}, shard_bytes), tmp_path, out, num_workers=workers)
        outcomes.append((_outcome(out), rows_of(out, "duplicates")))
    assert outcomes[0] == outcomes[1]


def test_a_later_dump_changes_nothing_about_an_earlier_one(tmp_path):
    _corpus(tmp_path, "line", seed=3)
    run_job(_recipe(tmp_path, {"unit": "line"}), tmp_path, tmp_path / "both", beam_options=HERE)
    (tmp_path / "late").rename(tmp_path / "gone")
    run_job(_recipe(tmp_path, {"unit": "line"}), tmp_path, tmp_path / "one", beam_options=HERE)
    both, one = _outcome(tmp_path / "both"), _outcome(tmp_path / "one")
    assert one[0]
    assert {name: both[0][name] for name in one[0]} == one[0]
    assert one[1].items() <= both[1].items()


def test_after_whole_documents_and_for_some_sources(tmp_path):
    """What exact deduplication removed is no first place; a document of another source is neither cut nor one."""
    passage = "A passage of some length that many documents have.\n"
    documents = {"early": [passage + "one", passage + "one", passage + "two"], "late": [passage + "three"]}
    for dump, texts in documents.items():
        (tmp_path / dump).mkdir()
        (tmp_path / dump / "x.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    step = {"unit": "line", "min_chars": 5, "max_cut_share": 1.0}
    value = _recipe(tmp_path, step, before=[{"exact_dedup": {}}], sources=("web", "books"))
    value = value.model_dump()
    value["steps"][1] |= {"sources": ["web"], "name": "lines"}
    manifest = run_job(CurateRecipe.model_validate(value), tmp_path, tmp_path / "out", beam_options=HERE)
    rows = rows_of(tmp_path / "out", "kept")
    texts = sorted(row["text"] for row in rows if row["source"] == "web")
    assert len(texts) == 2
    assert sum(passage in text for text in texts) == 1
    (book,) = (row for row in rows if row["source"] == "books")
    assert (book["text"], book["span_cuts"], book["span_cut_chars"]) == (passage + "three", None, None)
    assert sorted(row["span_cuts"] for row in rows if row["source"] == "web") == [0, 1]
    funnel = {step.step: (step.documents_in, step.documents_rejected) for step in manifest.funnel}
    assert funnel == {"exact_dedup": (4, 1), "lines": (2, 0)}


def test_two_span_steps_are_refused(tmp_path):
    (tmp_path / "early").mkdir()
    with pytest.raises(RecipeError, match="one span_dedup step"):
        _recipe(tmp_path, {}, before=[{"span_dedup": {}, "name": "first"}])


def test_nothing_shared_gives_no_parts():
    assert spans.repeated_anchors([], 2).num_rows == 0
    assert spans.first_spans([], 2).num_rows == 0
