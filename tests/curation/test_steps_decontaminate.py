import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from job_kit import HERE
from rich.console import Console
from step_kit import batch_of, kept_ids, reasons_of, step_of, texts_of

from curation.decontamination.benchmarks import read_items
from curation.decontamination.index import benchmark_index
from curation.job.driver import run_job
from curation.steps.build import build_step
from schemas.arrow import CONTAMINATION
from schemas.errors import RecipeError, UserError
from schemas.recipe import CurateRecipe, parse_recipe
from schemas.steps import BenchmarkRecipe, StepRecipe
from service.explained.documents import explain_document
from service.explained.render import render

QUESTION = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
OTHER = "How many vowels stand in the longest word of a sentence that has no letter twice at all?"


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def sets(tmp_path):
    write_lines(
        tmp_path / "math.jsonl", [{"id": "m1", "q": {"text": QUESTION}}, {"id": "m2", "q": {"text": "Add one two"}}]
    )
    write_lines(tmp_path / "words.jsonl", [{"q": OTHER}, {"q": "Say: " + QUESTION}])
    return tmp_path


def recipe(**settings):
    benchmarks = [
        {"name": "math", "path": "math.jsonl", "fields": ["q.text"], "id_field": "id"},
        {"name": "words", "path": "words.jsonl", "fields": ["q"]},
    ]
    return StepRecipe.model_validate({"decontaminate": {"benchmarks": benchmarks, **settings}})


def test_a_passage_drops_under_every_set_that_holds_it_and_is_told_with_its_place(sets):
    step = build_step(recipe(), sets)
    passage = "friends in April, and then she sold half as many"
    output = step.apply(
        texts_of(f"He wrote: {passage} pears.", "nine words are not enough: in April, and then she", OTHER)
    )
    assert reasons_of(output) == {"0": ["contaminated_math", "contaminated_words"], "2": ["contaminated_words"]}
    assert kept_ids(output) == ["1"]
    assert output.evidence.schema.equals(CONTAMINATION)
    rows = output.evidence.to_pylist()
    assert [(row["id"], row["benchmark"], row["item"], row["words"]) for row in rows] == [
        ("0", "math", "m1", 10),
        ("0", "words", "2", 10),
        ("2", "words", "1", 18),
    ]
    assert rows[0]["text"] == passage
    assert (rows[0]["start"], rows[0]["end"]) == (10, 10 + len(passage))
    assert output.rejects.column("contaminated").to_pylist() == [["math", "words"], ["words"]]
    assert output.rejects.column("contaminated_words").to_pylist() == [10, 18]
    assert output.kept.column("contaminated").to_pylist() == [[]]
    assert step.readings({"contaminated": ["words"]})[1].failed


def test_label_keeps_and_still_gives_evidence(sets):
    step = build_step(recipe(action="label"), sets)
    output = step.apply(texts_of("Please add ONE two!", "other"))
    assert kept_ids(output) == ["0", "1"]
    assert output.kept.column("contaminated").to_pylist() == [["math"], []]
    assert output.evidence.to_pylist()[0]["item"] == "m2"
    assert not any(reading.failed for reading in step.readings({"contaminated": ["math"]}))


def test_only_rows_of_the_sources_are_searched_and_a_second_step_adds(sets):
    one = build_step(recipe(action="label").model_copy(update={"sources": ["web"]}), sets)
    batch = batch_of({"text": QUESTION, "source": "web"}, {"text": QUESTION, "source": "code"})
    batch = one.apply(batch).kept
    assert batch.column("contaminated").to_pylist() == [["math", "words"], None]
    more = write_lines(sets / "more.jsonl", [{"t": QUESTION}])
    two = {"benchmarks": [{"name": "more", "path": more.name, "fields": ["t"]}], "action": "label"}
    output = build_step(StepRecipe.model_validate({"decontaminate": two}), sets).apply(batch)
    assert output.kept.column("contaminated").to_pylist() == [["math", "words", "more"], ["more"]]
    assert output.evidence.column("id").to_pylist() == ["0", "1"]


def test_explain_quotes_the_passage(sets):
    readings = build_step(recipe(), sets).explain(f"So: {QUESTION}")
    assert [(reading.reason, reading.failed) for reading in readings] == [
        ("contaminated_math", True),
        ("contaminated_words", True),
    ]
    assert readings[0].value == f"item m1: {QUESTION[:-1]}"
    assert not any(reading.failed for reading in build_step(recipe(), sets).explain("nothing of it"))


def test_exact_reading_and_exclusions(sets):
    shouted = texts_of(QUESTION.upper(), QUESTION)
    assert kept_ids(build_step(recipe(compare="exact"), sets).apply(shouted)) == ["0"]
    write_lines(sets / "out.jsonl", [{"text": QUESTION, "reason": "a famous sentence"}])
    step = build_step(recipe(exclude="out.jsonl"), sets)
    assert kept_ids(step.apply(shouted)) == ["0", "1"]
    assert benchmark_index(step.recipe, sets).excluded == (1, 0)
    write_lines(sets / "out.jsonl", [{"text": QUESTION}])
    with pytest.raises(UserError, match=r"out\.jsonl: row 1 needs a text 'reason'"):
        build_step(recipe(exclude="out.jsonl"), sets).apply(shouted)


def test_a_template_of_many_items_is_told(tmp_path, caplog):
    rows = [{"t": f"Answer with a single word and give no reason at all: {n} apples {n + 1}"} for n in range(40)]
    write_lines(tmp_path / "set.jsonl", rows)
    benchmark = {"name": "set", "path": "set.jsonl", "fields": ["t"]}
    step = build_step(StepRecipe.model_validate({"decontaminate": {"benchmarks": [benchmark]}}), tmp_path)
    index = benchmark_index(step.recipe, tmp_path)
    assert [(item.text, item.items) for item in index.templates] == [
        ("Answer with a single word and give no reason at", 40)
    ]
    assert "40 texts share the passage" in caplog.text


ROWS = [{"a": {"b": ["one", "two"]}, "n": 7}, {"a": {"b": []}, "n": None}, {"a": None, "n": 9}]
EXPECTED = [("1", "one"), ("1", "two"), ("1", "7"), ("3", "9")]


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz", "set.jsonl.zst", "set.json", "set.parquet"])
def test_files_of_every_kind(tmp_path, name):
    path = tmp_path / name
    lines = "".join(json.dumps(row) + "\n\n" for row in ROWS).encode()
    if name == "set.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif name == "set.json":
        path.write_text(json.dumps(ROWS))
    else:
        packed = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}.get(name.rsplit(".", 1)[1], bytes)
        path.write_bytes(packed(lines))
    found = read_items(BenchmarkRecipe(name="s", path=name, fields=["a.b", "n"]), tmp_path)
    assert [tuple(item) for item in found] == EXPECTED


def test_tables_with_and_without_a_header(tmp_path):
    with (tmp_path / "one.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([["q", "a"], ["say, please", 'the "word"']])
    (tmp_path / "two.tsv").write_text('a "question\t5\nanother\t6\n')

    def read(path, *fields):
        return [tuple(item) for item in read_items(BenchmarkRecipe(name="s", path=path, fields=fields), tmp_path)]

    assert read("one.csv", "q", "a") == [("1", "say, please"), ("1", 'the "word"')]
    assert read("two.tsv", "1") == [("1", 'a "question'), ("2", "another")]
    assert read("*.[ct]sv", "1")[-1] == ("two.tsv:2", "another")


@pytest.mark.parametrize(
    ("content", "fields", "message"),
    [
        ('{"a": 1}\n', ["b"], r"'s': .*set\.jsonl: no row has a field 'b'; it has a"),
        ('{"a": {"b": 1}}\n', ["a"], r"set\.jsonl: row 1: field 'a' is no text: name what is inside it, as a\.name"),
        ('{"a": 1}\n{"a"\n', ["a"], r"set\.jsonl: line 2: no JSON"),
        ("[1]", ["a"], r"set\.jsonl: element 1: an object is needed, not int"),
        ("", ["a"], r"set\.jsonl: no row has a field 'a'; it has no rows"),
    ],
)
def test_bad_files_are_named(tmp_path, content, fields, message):
    (tmp_path / "set.jsonl").write_text(content)
    step = {"benchmarks": [{"name": "s", "path": "set.jsonl", "fields": fields}]}
    with pytest.raises(UserError, match=message):
        build_step(StepRecipe.model_validate({"decontaminate": step}), tmp_path).apply(texts_of("x"))


def test_settings_that_do_not_fit_are_refused():
    benchmark = {"name": "s", "path": "x", "fields": ["a"]}
    with pytest.raises(RecipeError, match="two benchmarks are called 's'"):
        step_of(decontaminate={"benchmarks": [benchmark, benchmark]})
    with pytest.raises(RecipeError, match="min_ngram is 3, more than an ngram of 2"):
        step_of(decontaminate={"benchmarks": [{**benchmark, "ngram": 2}]})


def test_published_sets_are_found_in_documents_made_of_them(reference_data):
    benchmarks = [
        {"name": "gsm8k", "path": str(reference_data("gsm8k") / "test.jsonl.gz"), "fields": ["question"]},
        {
            "name": "humaneval",
            "path": str(reference_data("humaneval") / "HumanEval.jsonl.gz"),
            "fields": ["prompt"],
            "id_field": "task_id",
        },
        {"name": "mgsm_zh", "path": str(reference_data("mgsm") / "mgsm_zh.tsv"), "fields": ["1"]},
    ]
    step = step_of(decontaminate={"benchmarks": benchmarks})
    items = [read_items(BenchmarkRecipe.model_validate(item), reference_data("mgsm")) for item in benchmarks]
    documents = [f"Seen on the web:\n\n> {found[at].text.upper()}\n\nThe end." for found in items for at in (0, 7, 100)]
    near = [" ".join(text.text.split()[2:11]) + " zzz" for text in items[0][:50]]  # nine words
    output = step.apply(texts_of(*documents, *near))
    assert kept_ids(output) == [str(len(documents) + number) for number in range(50)]
    for number, reasons in reasons_of(output).items():
        assert f"contaminated_{benchmarks[int(number) // 3]['name']}" in reasons


@pytest.mark.usefixtures("sets")
def test_evidence_becomes_files_of_the_run(tmp_path):
    write_lines(tmp_path / "docs.jsonl", [{"text": f"Look: {QUESTION}"}, {"text": "clean"}])
    value = {
        "name": "small",
        "inputs": [{"source": "web", "path": "docs.jsonl"}],
        "steps": [recipe().model_dump(exclude_none=True)],
    }
    job = parse_recipe(value, CurateRecipe, "test recipe")
    manifest = run_job(job, tmp_path, tmp_path / "out", beam_options=HERE)
    (path,) = manifest.paths(tmp_path / "out" / "curate", "contamination")
    rows = pq.read_table(path).to_pylist()
    assert [(row["benchmark"], row["step"]) for row in rows] == [("math", "decontaminate"), ("words", "decontaminate")]
    assert manifest.funnel[0].all_reasons == {"contaminated_math": 1, "contaminated_words": 1}
    told = explain_document(tmp_path / "out", rows[0]["id"])
    assert told["num_passages"] == 2
    passage = told["passages"][0]
    assert (passage["benchmark"], passage["item"], passage["before"], passage["after"]) == ("math", "m1", "Look: ", ".")
    console = Console(file=io.StringIO(), width=200)
    render("document", rows[0]["id"], told, console)
    assert "math, item m1: 20 words, characters 6 to" in console.file.getvalue()
    (kept,) = manifest.paths(tmp_path / "out" / "curate", "kept")
    assert pq.read_table(kept)["contaminated"].to_pylist() == [[]]
