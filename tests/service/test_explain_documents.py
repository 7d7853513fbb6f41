import io
import json
import re
import shutil
import subprocess
import sys

import pytest
from rich.console import Console

from curation.job.driver import run_job
from schemas.errors import UserError
from schemas.ids import document_id
from schemas.recipe import CurateRecipe
from schemas.store import open_store, sqlite_url
from service.explain import explain

pytestmark = pytest.mark.slow  # one real curation job

SENTENCE = (
    "The people of the town have to go with the water that runs to the sea and be there before the night number {}."
)
LONG = " ".join(SENTENCE.format(number) for number in range(40))
TWIN = LONG.replace("number 39", "number thirty")
DOCUMENTS = [
    {"text": LONG, "link": "https://example.org/first"},
    {"text": f"  {LONG}\n", "link": "https://example.org/copy"},
    {"text": TWIN, "link": "https://example.org/twin\u202e\x1b[2J"},
    {"text": "# # # # too short \u202e\x1b[31m ...", "link": None},
    {"text": " ".join(f"word{number} that the" for number in range(60)), "link": None},
]
RECIPE = {
    "name": "explained",
    "inputs": [
        {"source": "web", "path": "web.jsonl", "columns": {"url": "link"}},
        {"source": "other", "path": "other.jsonl"},
    ],
    "steps": [
        {"filter": {"rules": "gopher_quality"}, "sources": ["web"]},
        {"language": {"keep": []}},
        {"exact_dedup": {}},
        {"near_dedup": {}},
    ],
}


@pytest.fixture(scope="module")
def curated(tmp_path_factory):
    """A finished run over a few documents, and an empty store."""
    base = tmp_path_factory.mktemp("explained")
    (base / "web.jsonl").write_text("".join(json.dumps(row) + "\n" for row in DOCUMENTS))
    (base / "other.jsonl").write_text(json.dumps({"text": "short but not for the filter"}) + "\n")
    run_job(CurateRecipe.model_validate(RECIPE), base, base / "out", beam_options=["--runner=BundleBasedDirectRunner"])
    engine = open_store(sqlite_url(base / "out" / "tamis.db"))
    yield (lambda: engine), base / "out"
    engine.dispose()


def document(line, source="web"):
    return document_id(source, "", f"{source}.jsonl#{line}")


def shown(explanation):
    console = Console(file=io.StringIO(), width=220, force_terminal=False, highlight=False)
    explanation.render(console)
    return console.file.getvalue()


def states(facts):
    return [(step["step"], step["state"]) for step in facts["steps"]]


def test_a_kept_document_and_those_removed_in_its_favour(curated):
    told = explain(*curated, document(1))
    facts = told.to_json()
    assert (told.kind, facts["outcome"], facts["removed"]) == ("document", "kept", None)
    assert (facts["source"], facts["url"], facts["locator"]) == ("web", "https://example.org/first", "web.jsonl#1")
    assert facts["characters"] == len(LONG)
    assert LONG.startswith(facts["text"])
    assert [state for _, state in states(facts)] == ["passed"] * 4
    assert not any(reading["failed"] for step in facts["steps"] for reading in step["readings"])
    assert facts["num_replaces"] == 2
    assert {row["id"]: row["step"] for row in facts["replaces"]} == {
        document(2): "exact_dedup",
        document(3): "near_dedup",
    }
    assert facts["cluster"]["removed"] == 2
    page = shown(told)
    assert "2 documents were removed in its favour" in page
    assert "web: https://example.org/copy" in page
    json.dumps(facts)


def test_a_document_below_thresholds_shows_every_failing_one(curated):
    told = explain(*curated, document(4))
    facts = told.facts
    failing = [reading for reading in facts["steps"][0]["readings"] if reading["failed"]]
    assert facts["removed"] == {"step": "gopher_quality", "reasons": [reading["reason"] for reading in failing]}
    assert {"too_few_words", "too_many_hashes", "too_few_stop_words"} <= {reading["reason"] for reading in failing}
    words = next(reading for reading in failing if reading["reason"] == "too_few_words")
    assert (words["value"], words["operator"], words["threshold"]) == (8, "<", 50)
    after = ["not_reached"] * 3
    assert [state for _, state in states(facts)] == ["removed", *after]
    page = shown(told)
    assert "removed by gopher_quality: too_few_words" in page
    assert "\u2717 too_few_words" in page
    assert not set("\x1b\u202e") & set(page)
    assert "\u27e6RLO\u27e7" in page


def test_duplicates_name_their_twin(curated):
    exact = explain(*curated, document(2)).facts
    assert states(exact)[2:] == [("exact_dedup", "removed"), ("near_dedup", "not_reached")]
    assert (exact["twin"]["kept_id"], exact["twin"]["similarity"]) == (document(1), 1.0)
    near = explain(*curated, document(3))
    assert near.facts["removed"]["step"] == "near_dedup"
    assert near.facts["twin"]["kept_id"] == document(1)
    assert near.facts["twin"]["similarity"] == pytest.approx(jaccard(LONG, TWIN))
    page = shown(near)
    assert f"stays in its place: {document(1)} web: https://example.org/first" in page
    assert not set("\x1b\u202e") & set(page)


def jaccard(left, right, words=5):
    """True shingle similarity, the plain way: the texts are ASCII, and a number counts as any other."""
    first, second = (
        {tuple(parts[n : n + words]) for n in range(len(parts) - words + 1)}
        for parts in (re.sub(r"\d+", "0", text.lower().replace(".", "")).split() for text in (left, right))
    )
    return len(first & second) / len(first | second)


def test_a_step_for_another_source_is_said(curated):
    facts = explain(*curated, document(1, "other")).facts
    assert states(facts)[0] == ("gopher_quality", "not_for_source")
    assert facts["steps"][0]["readings"] == []
    assert facts["outcome"] == "kept"


def test_a_prefix_finds_a_document(curated):
    assert explain(*curated, document(5)[:10]).id == document(5)


def test_ids_of_documents_and_generations_are_told_apart(curated):
    with pytest.raises(UserError, match="no document, generation or prompt"):
        explain(*curated, "0" * 32)


def test_files_that_are_gone_or_other_ones_are_named(curated, tmp_path):
    engine, out = curated
    copy = tmp_path / "out"
    shutil.copytree(out / "curate", copy / "curate")
    rejects = sorted((copy / "curate" / "rejects").iterdir())
    for path in rejects:
        path.write_bytes(next(iter((copy / "curate" / "kept").iterdir())).read_bytes())
    with pytest.raises(UserError, match=r"rejects/.*curate again"):
        explain(lambda: engine, copy, document(4))
    for path in rejects:
        path.write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"rejects/.*cannot be read"):
        explain(lambda: engine, copy, document(4))
    for path in rejects:
        path.unlink()
    with pytest.raises(UserError, match=r"rejects/.*not there"):
        explain(lambda: engine, copy, document(4))


def test_explaining_loads_neither_kernels_nor_the_store():
    """A person waits for the answer; both take longer to load than a document to be found among ten million."""
    code = "import service.commands.explain, sys; print({'numba', 'sqlalchemy', 'apache_beam'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
