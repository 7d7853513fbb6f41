"""`tamis rules --try`: a finished run against other thresholds, from its stored signals."""

import json

import pytest

from curation.job.driver import run_job
from schemas.errors import UserError
from schemas.recipe import CurateRecipe
from service.commands.look import rules

GOOD = "the cat and the dog have to be with that bird of prey " * 5
TEXTS = {
    "long": GOOD,
    "short": "the cat and the dog have to be here " * 5,
    "shorter": "the cat and the dog " * 5,
    "foreign": "lorem ipsum dolor sit amet " * 12,
}
RECIPE = {
    "name": "r",
    "inputs": [{"source": "s", "path": "*.jsonl"}],
    "steps": [
        {"filter": {"rules": "gopher_quality"}},
        {"filter": {"rules": "c4_fineweb", "thresholds": {"too_few_sentences": 1}}},
        {"name": "again", "filter": {"rules": "gopher_quality"}},
    ],
}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rows = [json.dumps({"url": f"http://a.com/{name}", "text": text}) for name, text in TEXTS.items()]
    (folder / "a.jsonl").write_text("\n".join(rows), "utf-8")
    run_job(
        CurateRecipe.model_validate(RECIPE), folder, folder / "out", beam_options=["--runner=BundleBasedDirectRunner"]
    )
    return folder / "out"


def tried(out, capsys, what, *changes, samples=5):
    rules(None, None, tried=what, out=out, changes=changes, num_samples=samples, as_json=True)
    return json.loads(capsys.readouterr().out)


def counts(result, step, reason):
    found = next(rule for rule in result["rules"] if (rule["step"], rule["reason"]) == (step, reason))
    return [found[f"{side}_failing_{time}"] for side in ("kept", "removed") for time in ("now", "then")]


def test_the_runs_own_table_changes_nothing(out, capsys):
    result = tried(out, capsys, "gopher_quality")
    assert result["kept"] == {"now": 1, "then": 1}
    assert result["removed_by_filters"] == {"now": 3, "then": 3}
    assert (result["would_be_removed"], result["would_pass"], result["not_measured"]) == ([], [], [])
    assert counts(result, "gopher_quality", "too_few_words") == [0, 0, 2, 2]


def test_other_thresholds_are_counted_and_name_who_changes_sides(out, capsys):
    result = tried(out, capsys, "gopher_quality", "too_few_words=30")
    assert counts(result, "gopher_quality", "too_few_words") == [0, 0, 2, 1]
    assert result["kept"] == {"now": 1, "then": 2}
    assert [item["reasons"] for item in result["would_pass"]] == [["too_few_words"]]
    stricter = tried(out, capsys, "gopher_quality", "too_few_words=1000")
    assert counts(stricter, "gopher_quality", "too_few_words") == [0, 1, 2, 3]
    assert [item["reasons"] for item in stricter["would_be_removed"]] == [["too_few_words", "too_few_words"]]
    assert stricter["kept"] == {"now": 1, "then": 0}
    assert tried(out, capsys, "gopher_quality", "too_few_words=1000", samples=0)["would_be_removed"] == []


def test_what_was_not_measured_is_said(out, capsys):
    result = tried(out, capsys, "starcoder")
    assert "starcoder: c4_fineweb__comment_char_share" in result["not_measured"]
    assert "starcoder: c4_fineweb__alnum_char_share" not in result["not_measured"]


def test_a_recipe_is_tried_as_a_whole(out, capsys, tmp_path):
    recipe = {**RECIPE, "steps": [{"filter": {"rules": "gopher_quality", "thresholds": {"too_few_words": 1}}}]}
    path = tmp_path / "other.yaml"
    path.write_text(json.dumps(recipe), "utf-8")
    result = tried(out, capsys, str(path))
    assert [item["reasons"] for item in result["would_pass"]] == [["too_few_words"], ["too_few_words"]]


def test_it_is_shown_as_a_table(out, capsys):
    rules(None, None, tried="gopher_quality", out=out, changes=["too_few_words=30"], num_samples=1, as_json=False)
    printed = capsys.readouterr()
    assert "< 50 -> 30" in printed.out
    assert "2 -> 1" in printed.out
    assert "would pass" in printed.err + printed.out


def test_a_mixing_step_is_tried_by_its_reasons(tmp_path, capsys):
    texts = {
        "clean": GOOD,
        "mixed": GOOD + "然后我们就回家了，因为下雨了。",
        "foreign": "然后我们就回家了，因为下雨了。" * 5,
    }
    rows = [json.dumps({"url": f"http://a.com/{name}", "text": text}) for name, text in texts.items()]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), "utf-8")
    recipe = {**RECIPE, "steps": [{"mixing": {"target": "en", "max_off_script_share": None}}]}
    run_job(CurateRecipe.model_validate(recipe), tmp_path, tmp_path / "out", num_workers=1)
    same = tried(tmp_path / "out", capsys, "mixing")
    assert (same["kept"], same["not_measured"]) == ({"now": 2, "then": 2}, [])
    stricter = tried(tmp_path / "out", capsys, "mixing", "mixed_languages=0.01", "off_script=0.01")
    assert counts(stricter, "mixing", "mixed_languages") == [0, 1, 1, 1]
    assert counts(stricter, "mixing", "off_script") == [0, 1, 0, 1]
    assert stricter["would_be_removed"][0]["reasons"] == ["mixed_languages", "off_script"]
    assert tried(tmp_path / "out", capsys, "mixing", "mixed_languages=1")["kept"] == {"now": 2, "then": 3}
    with pytest.raises(UserError, match="neither a recipe nor a table"):
        tried(tmp_path / "out", capsys, "mixture")


@pytest.mark.parametrize(
    ("what", "changes", "message"),
    [
        ("gopher", [], "'gopher' is neither a recipe nor a table"),
        ("gopher_quality", ["too_few_words"], "--set too_few_words: must be reason=threshold"),
        ("gopher_quality", ["too_few_words=x"], "must be reason=threshold, a number"),
        ("gopher_quality", ["few=1"], "no table here has the reason 'few'"),
    ],
)
def test_mistakes_are_one_line(out, what, changes, message):
    with pytest.raises(UserError, match=message):
        rules(None, None, tried=what, out=out, changes=changes, num_samples=5, as_json=True)


def test_tables_are_listed_with_their_edits(capsys):
    rules(None, None, as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert listed["c4_tfds"]["edit"] == "c4_tfds"
    assert any("fewer than 5 words" in rule for rule in listed["c4_tfds"]["edit_rules"])
    assert {"gopher_quality", "refinedweb", "starcoder", "openwebmath", "c4_dolma"} <= set(listed)
    rules("c4_fineweb", None, as_json=False)
    assert "too_few_sentences" in capsys.readouterr().out
