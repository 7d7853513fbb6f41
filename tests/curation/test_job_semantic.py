"""The job with semantic deduplication and the real model, from files to files."""

import json

import numpy as np
import pyarrow as pa
import pytest
from dedup_kit import stay
from job_kit import HERE, end_commands, finish_with_kills, outcome, rows_of

from curation.dedup.spans import MOSTLY_COPIED
from curation.embedding import Encoder, find_model
from curation.job.driver import run_job
from curation.job.removals import SEMANTIC_DUPLICATE
from schemas.errors import UserError
from schemas.recipe import CurateRecipe, parse_recipe
from service.report import curated

SAYINGS = [
    ("Water for green tea should not boil.", "The water for green tea should not be boiling."),
    ("The stock market fell sharply on Monday.", "On Monday, the stock market dropped sharply."),
    ("Our cat sleeps on the sofa all day.", "All day long our cat is sleeping on the sofa."),
    ("The train to Lyon leaves at nine.", "Photosynthesis turns light into sugar."),
]


def _recipe(folder, **settings):
    for dump in (0, 1):
        path = folder / str(dump)
        path.mkdir(exist_ok=True)
        for number, pair in enumerate(SAYINGS):
            rows = [{"text": pair[dump]}, {"text": "" if dump else " "}] if number == 0 else [{"text": pair[dump]}]
            (path / f"{number}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    value = {
        "name": "semantic",
        "inputs": [{"source": "web", "path": str(folder / str(dump)), "dump": str(dump)} for dump in (0, 1)],
        "steps": [{"exact_dedup": {"by": "url"}}, {"semantic_dedup": settings}, {"span_dedup": {"unit": "line"}}],
        "output": {"input_shard_bytes": 1},
    }
    return parse_recipe(value, CurateRecipe, "test")


def test_paraphrases_of_earlier_documents_go(tmp_path):
    job = _recipe(tmp_path, threshold=0.8, clusters=1)
    manifest = run_job(job, tmp_path, tmp_path / "out", beam_options=HERE)
    kept, rejects = rows_of(tmp_path / "out", "kept"), rows_of(tmp_path / "out", "rejects")
    rows = sorted(kept + rejects, key=lambda row: (row["dump"], row["id"]))
    texts = [row["text"] for row in rows]
    vectors = Encoder(find_model(None), 256).embed(pa.array(texts, pa.large_string()))
    cosines = vectors @ vectors.T
    close = {frozenset((i, j)) for i in range(len(rows)) for j in range(i) if cosines[i, j] >= 0.8}
    expected = {rows[i]["id"]: other for i, other in stay(list(range(len(rows))), close).items() if other is not None}
    assert len(expected) == 3
    assert {row["id"]: row["reasons"] for row in rejects} == {name: ["semantic_duplicate"] for name in expected}
    for row in rows_of(tmp_path / "out", "duplicates"):
        other = expected[row["id"]]
        assert (row["kept_id"], row["step"], row["kept_dump"]) == (rows[other]["id"], "semantic_dedup", "0")
        assert row["similarity"] == pytest.approx(
            float(cosines[[r["id"] for r in rows].index(row["id"]), other]), abs=2e-3
        )
    assert [step.documents_in for step in manifest.funnel] == [10, 10, 7]
    names = ["measure", "url_dedup", "embed", "semantic_dedup", "span_repeats", "span_firsts", "write", "index"]
    assert [item.name for item in manifest.stages] == names


def test_a_missing_model_is_refused_before_any_work(tmp_path):
    with pytest.raises(UserError, match="no such file; model_path is a folder"):
        run_job(_recipe(tmp_path, model_path="nowhere"), tmp_path, tmp_path / "out")
    assert not (tmp_path / "out" / "curate" / "plan.json").exists()


def test_clusters_part_what_is_compared(tmp_path):
    """As many clusters as documents: hardly a pair meets, and nothing breaks."""
    run_job(_recipe(tmp_path, threshold=0.8, clusters=50), tmp_path, tmp_path / "out", beam_options=HERE)
    rejects = rows_of(tmp_path / "out", "rejects")
    assert len(rejects) <= 3
    assert len(rejects) + len(rows_of(tmp_path / "out", "kept")) == 10
    assert np.all([row["similarity"] >= 0.8 for row in rows_of(tmp_path / "out", "duplicates")])


@pytest.mark.slow
def test_a_kill_between_two_steps_changes_nothing(tmp_path):
    job = _recipe(tmp_path, threshold=0.8, clusters=1)
    run_job(job, tmp_path, tmp_path / "undisturbed", beam_options=HERE)
    try:
        finish_with_kills(job, tmp_path / "out", ["curate.between_vectors_and_rows", "curate.after_places"])
    finally:
        end_commands()
    assert outcome(tmp_path / "out") == outcome(tmp_path / "undisturbed")


def test_the_report_names_reasons_as_the_job_does():
    assert (curated.SEMANTIC_DUPLICATE, curated.MOSTLY_COPIED) == (SEMANTIC_DUPLICATE, MOSTLY_COPIED)
