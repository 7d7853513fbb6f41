"""The whole job: what it keeps, rejects and says about it, and that this does not depend on how the work was cut."""

import gzip
import hashlib
import json
import os
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup_kit import components, jaccard, stay, string_shingles
from job_kit import HERE, NUM_FILES, outcome, recipe, rows_of, words, write_corpus

from curation.job import driver
from curation.job.driver import plan_job, run_job
from curation.job.index import IndexEntry, find_in_index, read_row
from curation.job.manifest import load_manifest
from curation.job.pipelines import Runtime
from curation.job.plan import save_plan
from schemas.arrow import check_contract
from schemas.errors import ResumableError, UserError
from schemas.files import sha256_of


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = write_corpus(tmp_path_factory.mktemp("corpus"))
    (folder / "late" / "99.jsonl").write_text('{"text": "so far so good"}\n{not json\n')
    return folder


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    """One undisturbed run."""
    out = tmp_path_factory.mktemp("finished") / "out"
    told = []
    manifest = run_job(recipe(corpus), corpus, out, num_workers=2, on_progress=told.append)
    return out, manifest, told


def _locators(rows):
    return {row["id"]: json.loads(row["meta"])["locator"] for row in rows}


def test_every_document_is_kept_or_rejected_with_a_reason(corpus, finished):
    out, manifest, _ = finished
    kept, rejects = rows_of(out, "kept"), rows_of(out, "rejects")
    written = sum(len(path.read_text().splitlines()) for path in corpus.rglob("*.jsonl"))
    assert manifest.documents_read == written - 1
    assert len(kept) + len(rejects) == written - 1
    assert len({row["id"] for row in kept + rejects}) == written - 1
    assert manifest.documents_kept == len(kept)
    assert all(row["reasons"] for row in rejects)
    assert {row["step"] for row in rejects} == {"gopher_quality", "exact_dedup", "near_dedup"}
    assert any(len(row["reasons"]) > 1 for row in rejects)
    (fault,) = rows_of(out, "quarantine")
    assert fault["locator"] == "99.jsonl#2"
    assert manifest.quarantined == 1
    assert manifest.quarantine_head == [fault]


def test_files_hold_their_contracts_and_the_manifest_tells_the_truth(finished):
    out, manifest, _ = finished
    contracts = {
        "kept": "documents",
        "rejects": "rejects",
        "duplicates": "duplicates",
        "quarantine": "quarantine",
        "index": "index",
    }
    for item in manifest.artifacts:
        path = out / "curate" / item.path
        file = pq.ParquetFile(path)
        check_contract(file.schema_arrow, contracts[item.kind], str(path))
        assert (item.rows, item.bytes, item.sha256) == (file.metadata.num_rows, path.stat().st_size, sha256_of(path))
        assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] in path.name
    there = {str(path.relative_to(out / "curate")) for path in (out / "curate").rglob("*") if path.is_file()}
    assert there == {item.path for item in manifest.artifacts} | {"plan.json", "manifest.json", "lock"}
    assert load_manifest(out / "curate" / "manifest.json") == manifest


def test_the_funnel_adds_up(finished):
    out, manifest, _ = finished
    entered = manifest.documents_read
    rejects = rows_of(out, "rejects")
    for step in manifest.funnel:
        mine = [row for row in rejects if row["step"] == step.step]
        assert step.documents_in == entered
        assert step.documents_rejected == len(mine) == sum(item["documents"] for item in step.first_reasons.values())
        assert step.bytes_rejected == sum(len(row["text"].encode()) for row in mine)
        assert sum(step.all_reasons.values()) == sum(len(row["reasons"]) for row in mine)
        entered -= step.documents_rejected
    assert entered == manifest.documents_kept
    assert sum(sum(classes.values()) for classes in manifest.stats["lengths"].values()) == entered


def test_evidence_is_brute_force_truth(finished):
    """Similarity, the staying rule and the clusters, over all pairs of texts as sets of strings."""
    out, _, _ = finished
    rows = rows_of(out, "kept") + [row for row in rows_of(out, "rejects") if row["step"] != "gopher_quality"]
    by_id = {row["id"]: row for row in rows}
    order = sorted(by_id, key=lambda name: (by_id[name]["dump"], name))
    first, exact = {}, {}
    for name in order:
        content = " ".join(by_id[name]["text"].split())
        exact[name] = first.setdefault(content, name)
    survivors = [name for name in order if exact[name] == name]
    shingles = {name: string_shingles(by_id[name]["text"]) for name in order}
    similar = {
        frozenset((one, other))
        for at, one in enumerate(survivors)
        for other in survivors[:at]
        if jaccard(shingles[one], shingles[other]) >= 0.7
    }
    kept, cluster = stay(survivors, similar), components(survivors, similar)
    expected = {}
    for name in order:
        twin = exact[name]
        stays = kept[twin] or twin
        if stays != name:
            expected[name] = (stays, cluster[twin], "exact_dedup" if twin != name else "near_dedup")
    found = {row["id"]: (row["kept_id"], row["cluster_id"], row["step"]) for row in rows_of(out, "duplicates")}
    # Bands find a pair of similarity 0.7 with a probability of 0.56; with some luck of this corpus' seed all count here.
    missed = {name for name in expected if name not in found}
    assert len(missed) <= len(expected) // 20
    assert len(found) > 60
    for row in rows_of(out, "duplicates"):
        assert row["similarity"] == jaccard(shingles[row["id"]], shingles[row["kept_id"]])
        assert row["kept_dump"] == by_id[row["kept_id"]]["dump"]
        assert (by_id[row["kept_id"]]["dump"], row["kept_id"]) < (by_id[row["id"]]["dump"], row["id"]) or row[
            "step"
        ] == "exact_dedup"
        assert row["similarity"] >= 0.7
    kept_ids = {row["id"] for row in rows_of(out, "kept")}
    assert {row["kept_id"] for row in rows_of(out, "duplicates")} <= kept_ids
    if not missed:
        assert found == expected


def test_the_index_finds_every_document(finished):
    out, manifest, _ = finished
    rows = {row["id"]: row for row in rows_of(out, "kept") + rows_of(out, "rejects")}
    for name, row in rows.items():
        entry = find_in_index(out / "curate", name)
        assert isinstance(entry, IndexEntry)
        assert entry.outcome == row.get("step", "kept")
        assert read_row(out / "curate", entry)["id"] == name
    assert find_in_index(out / "curate", "0" * 32) is None
    with pytest.raises(ValueError, match="no document id"):
        find_in_index(out / "curate", "nonsense")
    assert len(rows_of(out, "index")) == len(rows) == manifest.documents_read


def test_two_workers_worked_and_progress_was_told(finished):
    _, manifest, told = finished
    measure = manifest.stages[0]
    assert measure.num_shards == NUM_FILES + 1
    assert len(measure.worker_pids) >= 2
    assert [item.stage for item in told if item.done == item.total] == [item.name for item in manifest.stages]
    assert told[-1].documents == manifest.documents_read


CUTS = {
    "small_batches": {"output": {"batch_rows": 3, "batch_bytes": 4000}},
    "one_shard_one_worker": {"output": {"input_shard_bytes": 1 << 30}, "workers": 1},
    "many_ranges": {
        "partitions": 61,
        "output": {"input_shard_bytes": 9000, "output_shard_bytes": 20_000},
        "workers": 3,
    },
}


def test_the_same_when_a_shuffle_takes_several_passes(corpus, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "LOCAL_SHUFFLE_BYTES", 40_000)  # of about 110 kB of bands
    run_job(recipe(corpus), corpus, tmp_path / "out", num_workers=2)
    assert outcome(tmp_path / "out") == outcome(finished[0])


def test_another_runner_is_asked_by_its_beam_option(corpus, finished, tmp_path):
    """Beam's oldest runner works in this very process, which the markers show."""
    manifest = run_job(recipe(corpus), corpus, tmp_path / "out", beam_options=HERE)
    assert {pid for stage in manifest.stages for pid in stage.worker_pids} == {os.getpid()}
    assert outcome(tmp_path / "out") == outcome(finished[0])


def test_workers_are_asked_by_their_beam_option(tmp_path):
    def crew(options, workers):
        runtime = Runtime.make(options, workers, tmp_path)
        return runtime.pipeline()[1]._wanted_workers

    assert crew([], 3) == 3
    assert crew(["--direct_num_workers=5", "--direct_running_mode=multi_processing"], None) == 5
    assert crew(["--runner=DirectRunner", "--direct_num_workers=5"], 2) == 2
    with pytest.raises(UserError, match="--workers"):
        Runtime.make([], 0, tmp_path)


def test_what_failed_is_said_in_one_line_and_the_run_goes_on(corpus, finished, tmp_path):
    """A disk that refuses is not the input's fault: nothing is quarantined, and the same call goes on."""
    out = tmp_path / "out"
    (out / "curate").mkdir(parents=True)
    (out / "curate" / "kept").write_text("in the way")
    plan = plan_job(recipe(corpus), corpus)
    save_plan(out / "curate" / "plan.json", plan)
    with pytest.raises(ResumableError, match=r"stage write stopped at 0 of 1 shards: FileExistsError: .*kept.*goes on"):
        run_job(recipe(corpus), corpus, out, num_workers=1)
    (out / "curate" / "kept").unlink()
    run_job(recipe(corpus), corpus, out, num_workers=1)
    assert outcome(out) == outcome(finished[0])


@pytest.mark.parametrize("name", CUTS)
def test_the_same_for_every_cut(corpus, finished, tmp_path, name):
    settings = dict(CUTS[name])
    workers = settings.pop("workers", 2)
    manifest = run_job(recipe(corpus, **settings), corpus, tmp_path / "out", num_workers=workers)
    assert outcome(tmp_path / "out") == outcome(finished[0])
    if name == "many_ranges":
        assert len(manifest.paths(tmp_path, "kept")) > 3


def test_a_finished_run_is_not_done_again_and_another_is_refused(corpus, finished):
    out, manifest, _ = finished
    assert run_job(recipe(corpus), corpus, out) == manifest
    with pytest.raises(UserError, match=r"steps\[2\].near_dedup.threshold: 0.7 -> 0.9.*--fresh"):
        run_job(recipe(corpus, threshold=0.9), corpus, out)
    with pytest.raises(UserError, match="--limit: nothing -> 7"):
        run_job(recipe(corpus), corpus, out, limit=7)
    path = corpus / "late" / "99.jsonl"
    before = path.read_text()
    try:
        path.write_text(before.replace("good", "food"))
        with pytest.raises(UserError, match=r"input 99.jsonl has other content"):
            run_job(recipe(corpus), corpus, out)
    finally:
        path.write_text(before)
    assert load_manifest(out / "curate" / "manifest.json") == manifest


def test_fresh_starts_over_and_a_limit_holds(corpus, tmp_path):
    out = tmp_path / "out"
    steps = [{"filter": {"rules": "gopher_quality"}}]
    manifest = run_job(recipe(corpus, steps=steps), corpus, out, limit=30, beam_options=HERE)
    assert manifest.documents_read == 30
    assert [item.name for item in manifest.stages] == ["measure", "write", "index"]
    again = run_job(
        recipe(corpus, steps=steps), corpus, out, limit=3, fresh=True, keep_intermediate=True, beam_options=HERE
    )
    assert again.documents_read == 3
    assert len(again.artifacts) == len(
        [path for path in (out / "curate").rglob("*.parquet") if "stages" not in path.parts]
    )


def test_too_many_bad_rows_stop_the_run(corpus, tmp_path):
    with pytest.raises(ResumableError, match="1 rows are quarantined, --max-bad is 0"):
        run_job(recipe(corpus), corpus, tmp_path / "out", max_bad=0)
    assert load_manifest(tmp_path / "out" / "curate" / "manifest.json") is None


def test_a_plan_refuses_twins(corpus):
    plan = plan_job(recipe(corpus), corpus)
    assert len(plan.shards) == NUM_FILES + 1
    assert plan.dumps == ["2024-05", "2024-10"]
    assert plan.input_bytes == sum(path.stat().st_size for path in corpus.rglob("*.jsonl"))
    twins = recipe(corpus).model_dump()
    twins["inputs"].append(twins["inputs"][0])
    with pytest.raises(UserError, match="another input"):
        plan_job(type(recipe(corpus)).model_validate(twins), corpus)


def test_dedup_of_some_sources_leaves_the_others(tmp_path):
    """A document of another source stays, however alike."""
    folder = write_corpus(tmp_path / "corpus", num_files=4)
    value = recipe(folder).model_dump()
    value["inputs"][1]["source"] = "books"
    value["steps"] = [{"exact_dedup": {}, "sources": ["web"]}, {"near_dedup": {}, "sources": ["web"]}]
    run_job(type(recipe(folder)).model_validate(value), folder, tmp_path / "out", beam_options=HERE)
    rows = rows_of(tmp_path / "out", "rejects")
    assert rows
    assert {row["source"] for row in rows} == {"web"}
    kept = {row["id"]: row["source"] for row in rows_of(tmp_path / "out", "kept")}
    assert {kept[row["kept_id"]] for row in rows_of(tmp_path / "out", "duplicates")} == {"web"}


def test_planted_pairs_of_the_reference_articles_are_found(reference_data, tmp_path):
    folder = reference_data("neardup_articles")
    lines = gzip.decompress((folder / "articles_1000.train.gz").read_bytes()).decode().splitlines()
    planted = {
        frozenset(line.split())
        for line in gzip.decompress((folder / "articles_1000.truth.gz").read_bytes()).decode().splitlines()
    }
    for part in range(4):
        names_and_texts = (line.split(" ", 1) for line in lines[part::4])
        rows = [json.dumps({"name": name, "text": text}) for name, text in names_and_texts]
        path = tmp_path / "in" / ("early" if part % 2 else "late") / f"{part}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows))
    run_job(recipe(tmp_path / "in", steps=[{"near_dedup": {}}]), tmp_path, tmp_path / "out", beam_options=HERE)
    names = {
        row["id"]: json.loads(row["meta"])["name"]
        for kind in ("kept", "rejects")
        for row in rows_of(tmp_path / "out", kind)
    }
    found = {frozenset((names[row["id"]], names[row["kept_id"]])) for row in rows_of(tmp_path / "out", "duplicates")}
    assert found == planted
    assert len(found) == 10


@pytest.mark.slow
def test_a_hundred_thousand_near_copies_stay_cheap(tmp_path):
    rng = random.Random(2)
    page = words(rng, 60)
    copies = 100_000
    for part in range(2):
        path = tmp_path / "in" / ("late", "early")[part] / "copies.jsonl"
        path.parent.mkdir(parents=True)
        with path.open("w") as handle:
            for number in range(copies // 2):
                page[40] = "".join("abcdefghij"[int(digit)] for digit in f"{part}{number:06d}")
                handle.write(json.dumps({"text": " ".join(page)}) + "\n")
    manifest = run_job(
        recipe(tmp_path / "in", steps=[{"exact_dedup": {}}, {"near_dedup": {"threshold": 0.8}}]),
        tmp_path,
        tmp_path / "out",
        beam_options=HERE,
    )
    verify = next(item for item in manifest.stages if item.name == "verify")
    assert verify.counts["compared"] <= copies * 32 * 14
    assert manifest.documents_kept < copies // 100
    duplicates = pa.concat_tables(
        pq.read_table(path) for path in manifest.paths(tmp_path / "out" / "curate", "duplicates")
    )
    assert pa.compute.min(duplicates["similarity"]).as_py() >= 0.8
