"""The job with exact deduplication by URL and by text, chained in both orders, against plain Python."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from job_kit import HERE, rows_of

from curation.dedup.exact import url_hashes
from curation.job.driver import run_job
from curation.urls import normalise_url
from schemas.recipe import CurateRecipe, parse_recipe

#: Dump -> (URL, text).
DOCUMENTS = {
    "2024-10": [
        ("https://a.example/1", "alpha"),
        ("https://a.example/2?utm_source=x", "beta"),
        ("", "gamma"),
        ("", "delta"),
        ("https://www.a.example/3", "epsilon"),
    ],
    "2024-05": [
        ("http://a.example/1/", "alpha, an older version"),
        ("https://a.example/2", "epsilon"),
        ("https://a.example/9", " gamma\n"),
        ("https://a.example/3#part", "alpha"),
        (None, "gamma"),
    ],
}


def _recipe(folder, steps):
    for dump, rows in DOCUMENTS.items():
        lines = [json.dumps({"text": text} | ({} if url is None else {"url": url})) for url, text in rows]
        (folder / f"{dump}.jsonl").write_text("\n".join(lines))
    inputs = [{"source": "web", "path": f"{dump}.jsonl", "dump": dump} for dump in DOCUMENTS]
    return parse_recipe({"name": "exact", "inputs": inputs, "steps": steps}, CurateRecipe, "test")


def _key(row, by):
    if by == "url":
        return normalise_url(row["url"]) if row["url"] else None
    return " ".join(row["text"].split())


@pytest.mark.parametrize("order", [("url", "text"), ("text", "url"), ("url",)])
def test_exact_steps_chain(tmp_path, order):
    steps = [{"name": f"by_{by}", "exact_dedup": {"by": by}} for by in order]
    manifest = run_job(_recipe(tmp_path, steps), tmp_path, tmp_path / "out", beam_options=HERE)
    rejects, evidence = rows_of(tmp_path / "out", "rejects"), rows_of(tmp_path / "out", "duplicates")
    left = sorted(rows_of(tmp_path / "out", "kept") + rejects, key=lambda row: (row["dump"], row["id"]))
    assert len(left) == 10
    expected, entered = {}, []
    for by in order:
        entered.append(len(left))
        first, stay = {}, []
        for row in left:
            key = _key(row, by)
            if key is None or first.setdefault(key, row) is row:
                stay.append(row)
            else:
                expected[row["id"]] = (f"by_{by}", first[key]["id"], first[key]["dump"])
        left = stay
    assert {row["id"]: (row["step"], row["kept_id"], row["kept_dump"]) for row in evidence} == expected
    assert {row["id"] for row in rows_of(tmp_path / "out", "kept")} == {row["id"] for row in left}
    reason = {"by_url": ["same_url"], "by_text": ["exact_duplicate"]}
    assert all(row["reasons"] == reason[row["step"]] for row in rejects)
    assert [step.documents_in for step in manifest.funnel] == entered
    counts = Counter(step for step, _, _ in expected.values())
    assert [step.documents_rejected for step in manifest.funnel] == [counts[f"by_{by}"] for by in order]
    names = {"url": "url_dedup", "text": "exact_dedup"}
    assert [item.name for item in manifest.stages] == ["measure", *(names[by] for by in order), "write", "index"]


def test_documents_without_a_url_have_no_hash():
    found = url_hashes(pa.array(["HTTP://Example.org:80/a/", None, "", "  ", "https://example.org/a"], pa.string()))
    assert found.there.to_pylist() == [True, False, False, False, True]
    assert (found.high[0], found.low[0]) == (found.high[4], found.low[4])
    assert found.high[1] == found.low[3] == 0
