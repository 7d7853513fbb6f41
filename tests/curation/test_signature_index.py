"""Dumps one after the other through an index end as all of them at once: whole jobs over made-up text."""

import json
import random

import pytest
from job_kit import rows_of, words

from curation.job.driver import run_job
from schemas.recipe import CurateRecipe, parse_recipe

DUMPS = ("2024-05", "2024-10", "2025-02")
#: Beam's oldest runner works in this process: quick for small jobs.
HERE = ("--runner=BundleBasedDirectRunner",)


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
