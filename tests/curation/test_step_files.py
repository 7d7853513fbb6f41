"""Lists and models that steps name may be in an object store, and a changed one is another run."""

import json
import stat

import pytest
from job_kit import rows_of
from object_store_kit import BUCKET, client, s3_server

from curation.job.driver import run_job
from curation.step_files import model_folder, step_files, with_local_files
from schemas import local_copies as copies
from schemas.errors import UserError
from schemas.recipe import CurateRecipe
from schemas.steps import StepRecipe, step_paths

QUESTION = "how many apples has the farmer left when he has sold eleven of them"


@pytest.fixture(scope="module", autouse=True)
def _server(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3") / "server.log") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        client().create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture(autouse=True)
def copies_here(tmp_path, monkeypatch):
    (tmp_path / "copies").mkdir()
    monkeypatch.setattr(copies.tempfile, "gettempdir", lambda: str(tmp_path / "copies"))
    return tmp_path / "copies"


def put(key, text):
    client().put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    return f"s3://{BUCKET}/{key}"


def test_an_object_is_copied_once_and_again_when_it_changes(tmp_path, copies_here):
    url = put("lists/words.txt", "one")
    (first,) = step_files(url, tmp_path)
    assert (first.name, first.read_text()) == ("words.txt", "one")
    assert step_files(url, tmp_path) == [first]
    put("lists/words.txt", "two")
    assert [path.read_text() for path in step_files(url, tmp_path)] == ["two"]
    (folder,) = copies_here.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 2


def test_a_pattern_gives_its_objects_in_order(tmp_path):
    for key in ("sets/b/x.jsonl", "sets/a/x.jsonl", "sets/a/y.txt"):
        put(key, key)
    found = step_files(f"s3://{BUCKET}/sets/*/*.jsonl", tmp_path)
    assert [path.read_text() for path in found] == ["sets/a/x.jsonl", "sets/b/x.jsonl"]


def test_what_is_not_there_is_named(tmp_path):
    for path in (f"s3://{BUCKET}/no/such.txt", f"s3://{BUCKET}/no/*.txt", "no/such.txt", "no/*.txt"):
        with pytest.raises(UserError, match="no such file"):
            step_files(path, tmp_path)


def test_a_folder_that_others_can_write_to_is_refused(tmp_path):
    url = put("lists/words.txt", "one")
    (folder,) = (path.parent.parent for path in step_files(url, tmp_path))
    folder.chmod(0o777)
    with pytest.raises(UserError, match="not a folder of this user alone"):
        step_files(url, tmp_path)


def test_only_urls_of_a_step_are_replaced(tmp_path):
    url = put("lists/bad.txt", "word")
    sets = [{"name": "a", "path": "a.jsonl", "fields": ["q"]}, {"name": "b", "path": url, "fields": ["q"]}]
    step = StepRecipe.model_validate({"decontaminate": {"benchmarks": sets}})
    local = with_local_files(step, tmp_path)
    assert step_paths(local)[0] == "a.jsonl"
    assert step_paths(local)[1].endswith("/bad.txt")
    plain = StepRecipe.model_validate({"filter": {"rules": "c4_tfds", "bad_words": "bad.txt"}})
    assert with_local_files(plain, tmp_path) is plain
    away = StepRecipe.model_validate({"filter": {"rules": "c4_tfds", "bad_words": url}})
    assert with_local_files(away, tmp_path).filter.bad_words.endswith("/bad.txt")


def test_a_model_s_files_are_copied_together(tmp_path):
    for name in ("model.onnx", "tokenizer.json"):
        put(f"models/{name}", name)
    folder = model_folder(f"s3://{BUCKET}/models", tmp_path, ("model.onnx", "tokenizer.json"))
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "tokenizer.json"]
    assert model_folder("models", tmp_path, ()) == tmp_path / "models"
    assert model_folder(None, tmp_path, ()) is None


def test_a_job_reads_its_set_from_the_store_and_a_changed_one_is_refused(tmp_path):
    url = put("sets/apples.jsonl", json.dumps({"q": QUESTION}))
    (tmp_path / "web.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in (QUESTION, "Of tea.")))
    recipe = CurateRecipe.model_validate(
        {
            "name": "clean",
            "inputs": [{"source": "web", "path": "web.jsonl"}],
            "steps": [{"decontaminate": {"benchmarks": [{"name": "apples", "path": url, "fields": ["q"]}]}}],
        }
    )
    run_job(recipe, tmp_path, tmp_path / "out", num_workers=1)
    assert [row["text"] for row in rows_of(tmp_path / "out", "kept")] == ["Of tea."]
    put("sets/apples.jsonl", json.dumps({"q": f"{QUESTION} today"}))
    with pytest.raises(UserError, match=r"apples\.jsonl"):
        run_job(recipe, tmp_path, tmp_path / "out", num_workers=1)
