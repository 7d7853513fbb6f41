"""The report's side of a curation: funnel, lengths, languages, thresholds and twins, from a manifest and files of the contracts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_world import ReportWorld, small_world

from curation.job.funnel import make_funnel
from curation.job.layout import Layout
from curation.job.manifest import Artifact, Manifest, save_manifest
from curation.job.removals import NEAR_DUPLICATE
from curation.job.tally import Tally
from curation.steps.language import NOT_KEPT, SCORE_TOO_LOW
from schemas.arrow import extended
from schemas.files import write_part
from schemas.ids import document_id
from schemas.recipe import CurateRecipe
from service.report import curated, documents, parquet, twins
from service.report.curated import curation_fact
from service.report.domains import domain_facts
from service.report.facts import Sampled
from service.report.gather import gather
from service.report.page import MAX_PAGE_BYTES, render, write_report
from service.report.parquet import Scan, find_in_index, read_rows

CHARS = pa.field("chars", pa.int64())
RECIPE = CurateRecipe.model_validate(
    {
        "name": "corpus",
        "inputs": [{"source": "web", "path": "web"}, {"source": "code", "path": "code"}],
        "steps": [
            {"language": {"keep": ["en", "zh"]}, "sources": ["web"]},
            {"filter": {"rules": "gopher_quality", "thresholds": {"too_few_words": 7}, "disable": ["too_many_words"]}},
            {"mixing": {"max_foreign_share": 0.25, "max_off_script_share": None}},
            {"exact_dedup": {}},
            {"near_dedup": {"threshold": 0.7}},
        ],
    }
)


def document(source: str, number: int, text: str, language: str | None = "en", **values: Any) -> dict[str, Any]:
    return {
        "id": document_id(source, "", f"{number}"),
        "text": text,
        "source": source,
        "path": f"{source}/{number}.txt",
        "language": language,
        "meta": json.dumps({"locator": f"{number}"}),
        "chars": len(text),
    } | values


class Corpus:
    """Writes a finished run: kept and removed documents, evidence, index and a manifest that counts them."""

    def __init__(self, out: Path) -> None:
        self.root = out / "curate"
        self.artifacts: list[Artifact] = []
        self.tally = Tally()
        self.places: list[dict[str, Any]] = []

    def write(self, kind: str, rows: list[dict[str, Any]], number: int = 0) -> Path:
        fields = [CHARS] if kind in ("kept", "rejects") else []
        schema = extended("documents" if kind == "kept" else kind, fields)
        part = write_part(self.root / kind, f"part-{number:05d}", pa.Table.from_pylist(rows, schema=schema))
        path = f"{kind}/{part.name}"
        self.artifacts.append(Artifact(kind, path, part.sha256, part.rows, part.bytes))
        if kind in ("kept", "rejects"):
            outcomes = ("kept" if kind == "kept" else row["step"] for row in rows)
            self.places += [
                {"id": row["id"], "outcome": outcome, "file": path, "row": place}
                for place, (row, outcome) in enumerate(zip(rows, outcomes, strict=True))
            ]
        return self.root / path

    def count(self, rows: list[dict[str, Any]], steps: list[str]) -> None:
        """Counts as the job does: documents enter every step until one removes them."""
        for row in rows:
            size = len(row["text"].encode())
            for what, names in (("read", [""]), ("entered", steps)):
                for name in names:
                    path = [part for part in (what, name, row["source"]) if part]
                    self.tally.add(1, *path, "documents")
                    self.tally.add(size, *path, "bytes")
                    if what == "entered" and name == row.get("step"):
                        self.tally.add(1, "rejected", name, row["source"], "documents")
                        self.tally.add(size, "rejected", name, row["source"], "bytes")
                        self.tally.add(1, "first_reasons", name, row["source"], row["reasons"][0], "documents")
                        for reason in row["reasons"]:
                            self.tally.add(1, "all_reasons", name, row["source"], reason)
                        break
            if "step" not in row:
                self.tally.add(1, "kept", row["source"], "documents")
                self.tally.add(size, "kept", row["source"], "bytes")

    def finish(self, **values: Any) -> Manifest:
        self.write("index", sorted(self.places, key=lambda row: row["id"]))
        titles = [step.title for step in RECIPE.steps]
        manifest = Manifest(
            run_id="ab" * 16,
            name="corpus",
            code_version="0.1.0+abc123",
            recipe=RECIPE.model_dump(mode="json"),
            limit=None,
            inputs={"web": {"files": 3, "bytes": 1 << 20}, "code": {"files": 40, "bytes": 1 << 21}},
            skipped={"not_text": 4},
            read=self.tally.tree["read"],
            kept=self.tally.tree["kept"],
            funnel=make_funnel(titles, self.tally),
            stats={},
            stages=[],
            artifacts=self.artifacts,
            quarantined=120,
            quarantine_head=[
                {
                    "locator": f"a.jsonl#{number}",
                    "source": "web",
                    "stage": "read",
                    "error": "not JSON <b>",
                    "pointer": f"a.jsonl@{number}+9",
                }
                for number in range(100)
            ],
            warnings=["step exact_dedup removed 0 of 1,000 documents: is it needed?"],
            started_at="2026-01-01T00:00:00+00:00",
            finished_at="2026-01-01T00:01:00+00:00",
            seconds=60.0,
        )
        manifest = replace(manifest, **values)
        save_manifest(Layout(self.root).manifest, manifest)
        return manifest


BODY = "the library of Babel holds all books that have been and that will be, and most of them are noise to us. " * 12


def corpus(out: Path) -> Corpus:
    """30 kept, 12 near-duplicates, 4 too short, 2 in another language; two sources."""
    run = Corpus(out)
    kept = [document("web", number, f"{BODY} number {number}") for number in range(10)]
    kept += [document("code", number, f"{BODY} zahl {number}", None, chars=None) for number in range(20)]
    near = [
        document("web", 100 + number, kept[number % 3]["text"].replace("books", f"tomes{number}", 1 + number))
        | {"step": "near_dedup", "reasons": ["near_duplicate"]}
        for number in range(12)
    ]
    short = [
        document("web", 200 + number, "# too short ...")
        | {"step": "gopher_quality", "reasons": ["too_few_words", "too_few_stop_words"]}
        for number in range(4)
    ]
    foreign = [
        document("web", 300 + number, "слова " * 40, "ru") | {"step": "language", "reasons": ["language_not_kept"]}
        for number in range(2)
    ]
    run.write("kept", kept[:15], 0)
    run.write("kept", kept[15:], 1)
    run.write("rejects", [*near, *short, *foreign])
    evidence = [
        {
            "id": row["id"],
            "kept_id": kept[number % 3]["id"],
            "similarity": 0.7 + number / 40,
            "kept_dump": None,
            "cluster_id": kept[number % 3]["id"],
            "step": "near_dedup",
            **{
                name: int(owner["id"][:16], 16)
                for name, owner in (("key", row), ("kept_key", kept[number % 3]), ("cluster_key", kept[number % 3]))
            },
        }
        for number, row in enumerate(near)
    ]
    run.write("duplicates", evidence)
    passage = {"step": "decontaminate", "start": 2, "end": 7, "words": 5, "text": "too s", "item": "</script><script>"}
    run.write("contamination", [{**passage, "id": row["id"], "benchmark": "gsm8k"} for row in short])
    every = [step.title for step in RECIPE.steps]
    run.count([row for row in [*kept, *near, *short, *foreign] if row["source"] == "web"], every)
    run.count([row for row in kept if row["source"] == "code"], every[1:])
    return run


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("curated") / "out"
    corpus(out).finish()
    return out


def test_no_curation_gives_no_section(tmp_path):
    assert curation_fact(tmp_path) is None


def test_a_manifest_that_cannot_be_read_is_none(tmp_path):
    (tmp_path / "curate").mkdir()
    (tmp_path / "curate" / "manifest.json").write_text("{}")
    assert curation_fact(tmp_path) is None


def test_the_funnel_follows_the_manifest_for_all_and_for_each_source(out):
    fact = curation_fact(out)
    assert fact is not None
    assert [funnel.source for funnel in fact.funnels] == ["", "web", "code"]
    whole, web, code = fact.funnels
    assert (whole.docs_in, whole.docs_out) == (48, 30)
    assert [(step.name, step.docs_in, step.removed) for step in whole.steps] == [
        ("language", 28, 2),
        ("gopher_quality", 46, 4),
        ("mixing", 42, 0),
        ("exact_dedup", 42, 0),
        ("near_dedup", 42, 12),
    ]
    assert whole.steps[0].sources == ["web"] or whole.steps[0].sources == ("web",)
    assert [(reason.reason, reason.first, reason.any) for reason in whole.steps[1].reasons] == [
        ("too_few_words", 4, 4),
        ("too_few_stop_words", 0, 4),
    ]
    assert [step.name for step in code.steps] == ["gopher_quality", "mixing", "exact_dedup", "near_dedup"]
    assert (web.docs_in, web.docs_out) == (28, 10)
    for funnel in fact.funnels:
        for step in funnel.steps:
            assert sum(reason.first for reason in step.reasons) == step.removed


def test_lengths_are_characters_before_and_after_by_source(out):
    fact = curation_fact(out)
    assert fact is not None
    by_source = {item.source: item for item in fact.lengths}
    assert set(by_source) == {"", "web", "code"}
    assert (sum(by_source["web"].before), sum(by_source["web"].after)) == (28, 10)
    assert (sum(by_source["code"].before), sum(by_source["code"].after)) == (20, 20)
    assert by_source["code"].median_after == len(f"{BODY} zahl 1")
    assert all(low >= high for item in fact.lengths for low, high in zip(item.before, item.after, strict=True))
    assert not fact.documents_sampled.partial


def test_languages_before_and_after(out):
    fact = curation_fact(out)
    assert fact is not None
    assert [(item.language, item.before, item.after) for item in fact.languages] == [("en", 26, 10), ("ru", 2, 0)]


def test_thresholds_are_the_recipe_s_with_every_rule_also_unused_ones(out):
    fact = curation_fact(out)
    assert fact is not None
    rules = {(rule.step, rule.reason): rule for rule in fact.thresholds}
    few = rules["gopher_quality", "too_few_words"]
    assert (few.signal, few.operator, few.threshold, few.first, few.any) == ("words", "<", "7", 4, 4)
    assert rules["gopher_quality", "too_few_stop_words"].any == 4
    assert rules["gopher_quality", "words_too_long"].any == 0
    assert ("gopher_quality", "too_many_words") not in rules
    assert rules["language", "language_not_kept"].threshold == "en, zh"
    assert rules["mixing", "mixed_languages"].threshold == "0.25"
    assert ("mixing", "off_script") not in rules
    assert rules["near_dedup", "near_duplicate"].first == 12


def test_reasons_are_named_as_the_steps_name_them():
    assert curated.LANGUAGE_NOT_KEPT == NOT_KEPT
    assert curated.LANGUAGE_SCORE_TOO_LOW == SCORE_TOO_LOW
    assert curated.NEAR_DUPLICATE == NEAR_DUPLICATE


def test_twins_are_of_varied_similarity_with_marked_differences(out):
    fact = curation_fact(out)
    assert fact is not None
    assert fact.num_near_duplicates == 12
    assert [round(twin.similarity, 3) for twin in fact.twins] == [round(0.7 + number / 40, 3) for number in range(12)]
    first = fact.twins[0]
    assert first.removed.where == "web/100.txt"
    assert first.kept.where == "web/0.txt"
    assert '<mark class="kept-only">books</mark>' in first.hunks[0].left
    assert '<mark class="removed-only">tomes0</mark>' in first.hunks[0].right
    assert sum(fact.similarity_counts) == 12
    assert fact.similarity_edges[0] == pytest.approx(0.7)


def test_clusters_largest_first_with_paths(out):
    fact = curation_fact(out)
    assert fact is not None
    assert [cluster.removed for cluster in fact.clusters] == [4, 4, 4]
    assert {cluster.kept_where for cluster in fact.clusters} == {"web/0.txt", "web/1.txt", "web/2.txt"}
    assert all(len(cluster.removed_where) == 3 for cluster in fact.clusters)


def test_the_largest_clusters_show_their_farthest_member(out):
    fact = curation_fact(out)
    for cluster in fact.clusters:
        assert cluster.farthest is not None
        assert cluster.farthest.hunks


def test_documents_of_every_reason_can_be_browsed(out):
    fact = curation_fact(out)
    tags = [words for _, words, _ in fact.browsed_tags]
    first = {reason.reason for step in fact.funnels[0].steps for reason in step.reasons if reason.first}
    assert tags[0] == "kept"
    assert set(tags[1:]) == first
    kept = [item for item in fact.browsed if item.tag == "kept"]
    assert kept == sorted(kept, key=lambda item: item.id)
    assert all(0 < count <= 12 for _, _, count in fact.browsed_tags)
    assert all(item.reasons and item.step for item in fact.browsed if item.tag != "kept")


def test_hosts_are_counted_before_and_after(tmp_path):
    schema = pa.schema([("url", pa.string())])
    for name, urls in {
        "kept": ["https://www.A.org/x", "http://user@b.org:80/y", None, "no address"],
        "gone": ["https://a.org?q", "HTTPS://a.org#z", "https://c.org/"],
    }.items():
        pq.write_table(pa.table({"url": urls}, schema), tmp_path / f"{name}.parquet")
    found, total = domain_facts([tmp_path / "kept.parquet"], [tmp_path / "gone.parquet"])
    assert [(item.domain, item.before, item.after) for item in found] == [
        ("a.org", 3, 1),
        ("b.org", 1, 1),
        ("c.org", 1, 0),
    ]
    assert total == 3


def test_fewer_twins_are_picked_evenly(out, monkeypatch):
    monkeypatch.setattr(twins, "MAX_TWINS", 3)
    fact = curation_fact(out)
    assert fact is not None
    assert [round(twin.similarity, 3) for twin in fact.twins] == [0.7, 0.85, 0.975]


def test_warnings_and_quarantine_are_told_and_bounded(out):
    fact = curation_fact(out)
    assert fact is not None
    assert fact.warnings == ["step exact_dedup removed 0 of 1,000 documents: is it needed?"]
    assert (len(fact.faults), fact.num_faults) == (50, 120)
    assert fact.skipped == {"not_text": 4}
    assert [(item.source, item.files, item.documents) for item in fact.inputs] == [("code", 40, 20), ("web", 3, 28)]


def test_a_corpus_larger_than_the_bounds_is_sampled_and_says_so(out, monkeypatch):
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 16)
    fact = curation_fact(out)
    assert fact is not None
    assert fact.documents_sampled.partial
    assert fact.documents_sampled.rows_total == 48
    assert 0 < sum(fact.lengths[0].before) == fact.documents_sampled.rows_read < 48


def test_the_page_shows_all_of_it(out):
    world = ReportWorld(out)
    world.run("curate", "corpus")
    page = write_report(world.engine, out, out / "report.html").read_text(encoding="utf-8")
    for section in (
        "funnel",
        "quarantine",
        "lengths",
        "languages",
        "thresholds",
        "contamination",
        "browse",
        "duplicates",
        "runs",
    ):
        assert f'<section id="{section}"' in page
    for section in ("verdicts", "samples", "selection"):
        assert f'id="{section}"' not in page
    assert "not JSON &lt;b&gt;" in page
    assert "1 warning<" in page
    assert '<mark class="removed-only">' in page


def test_a_curation_and_generations_share_one_page(tmp_path):
    world = small_world(tmp_path / "out")
    corpus(tmp_path / "out").finish()
    world.run("curate", "corpus")
    facts = gather(world.engine, world.out)
    assert facts.title == "corpus"
    assert [tile.label for row in facts.tiles for tile in row] == [
        *("Documents in", "Documents kept", "Text kept", "Near-duplicates"),
        *("Generations", "Right answers", "Well-formed", "One language", "Selected"),
    ]
    assert facts.numbers["funnel"][0]["docs_out"] == 30
    assert len(render(facts).encode()) < MAX_PAGE_BYTES


def test_hostile_names_of_sources_steps_and_files_are_escaped(tmp_path):
    hostile = "</script><script>document.title='RAN'</script>\u202e"
    run = corpus(tmp_path / "out")
    manifest = run.finish(warnings=[hostile], name=hostile, skipped={hostile: 1})
    renamed = [replace(step, first_reasons={hostile: {"documents": 2, "bytes": 1}}) for step in manifest.funnel]
    run.finish(warnings=[hostile], name=hostile, funnel=renamed, skipped={hostile: 1}, code_version=hostile)
    world = ReportWorld(tmp_path / "out")
    world.run("curate", hostile)
    page = write_report(world.engine, world.out, tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert "\u202e" not in page
    assert "⟦RLO⟧" in page


def test_missing_parts_leave_the_numbers_standing(tmp_path):
    run = corpus(tmp_path / "out")
    run.finish()
    for kind in ("kept", "index", "duplicates"):
        for file in (run.root / kind).iterdir():
            file.unlink()
    fact = curation_fact(tmp_path / "out")
    assert fact is not None
    assert fact.funnels[0].docs_in == 48
    assert not fact.twins
    assert not fact.clusters


@pytest.fixture
def grouped(tmp_path) -> Path:
    """100 rows in row groups of 7."""
    table = pa.table({"id": [f"{number:03d}" for number in range(100)], "row": list(range(100))})
    table = table.append_column("file", pa.array(["f"] * 100))
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path, row_group_size=7)
    return path


def test_single_rows_are_read_across_row_groups(grouped, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    wanted = [0, 6, 7, 8, 55, 99]
    found = read_rows(grouped, [*wanted, 100, 5000], ("id", "absent"))
    assert found == {row: {"id": f"{row:03d}"} for row in wanted}
    assert read_rows(grouped.with_name("absent.parquet"), [1], ("id",)) == {}


def test_ids_are_found_by_range(grouped):
    assert find_in_index([grouped], ["000", "042", "099", "200", "0425"]) == {
        "000": ("f", 0),
        "042": ("f", 42),
        "099": ("f", 99),
    }


@pytest.mark.parametrize("most", [1, 7, 20, 50, 99])
def test_a_scan_spreads_over_the_file_and_stays_near_its_bound(grouped, most):
    scan = Scan([grouped], most)
    rows = [row for _, batch in scan.batches(["row"]) for row in batch.column("row").to_pylist()]
    assert scan.sampled == Sampled(len(rows), 100)
    assert 0 < len(rows) <= most + 7
    assert len(set(rows)) == len(rows)
    if most >= 50:
        assert max(rows) > 80


def test_a_scan_below_its_bound_reads_everything(grouped):
    scan = Scan([grouped, grouped.with_name("absent")], 100)
    assert not scan.sampled.partial
    assert sum(batch.num_rows for _, batch in scan.batches(["id"])) == 100
