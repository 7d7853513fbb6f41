"""`tamis rewards probe` as a user types it, and its page."""

import json

import pytest
from test_report_page import HOSTILE, Page
from typer.testing import CliRunner

from rewards.probe.attack import Attack
from rewards.probe.panel import Case, Panel
from rewards.probe.probe import probe
from rewards.registry import Verifier
from rewards.rubric import Rubric
from rewards.verdict import Verdict
from schemas.errors import UserError
from service.cli import app
from service.probe.page import level_of, render_probe
from service.probe.summary import excerpt, summarise

QUICK = ("--kind", "constant", "--kind", "option", "--kind", "list", "--budget", "10")
RUBRIC = """
name: guarded
verifiers:
  - name: exact
    weight: 2.0
  - name: format
    weight: 0.0
    gate: 0.5
  - name: repetition
    weight: 0.0
"""


def tamis(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def prompts(tmp_path):
    rows = [
        {"prompt": f"What is {n} + {n}?", "answer": str(2 * n), "completion": f"<think>ok</think>{2 * n}"}
        for n in range(20, 32)
    ]
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    return path


def test_a_probe_writes_its_page_and_numbers(prompts, tmp_path):
    out = tmp_path / "out"
    result = tamis("rewards", "probe", "exact,format", prompts, "--out", out, "--json", *QUICK)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert summary["prompts"] == 12
    assert [scorer["name"] for scorer in summary["scorers"]] == ["reward", "exact", "format"]
    assert {attack["kind"] for attack in summary["attacks"]} <= {"constant", "option", "list", "found"}
    assert [finding for finding in summary["findings"] if finding["by_gold"]] == []
    assert summary["scorers"][2]["honest_sample"] == 1.0
    assert summary["search"]["tried"] <= 10
    written = json.loads((out / "probe" / "probe.json").read_text())
    assert written == {key: value for key, value in summary.items() if key != "page"}
    assert Page((out / "probe" / "probe.html").read_text()).open == []
    assert not (out / "tamis.db").exists()  # a probe lands nothing


def test_the_exit_code_is_what_max_score_asks(prompts, tmp_path):
    arguments = ("rewards", "probe", "exact,format", prompts, "--out", tmp_path / "out", *QUICK)
    assert tamis(*arguments, "--max-score", "0.9").exit_code == 0
    too_much = tamis(*arguments, "--max-score", "0.2")
    assert too_much.exit_code == 3  # the form alone earns half
    assert "more than --max-score 0.2" in too_much.output


def test_what_was_never_scored_is_no_success(prompts, tmp_path):
    refused = tamis("rewards", "probe", "translation", prompts, "--out", tmp_path / "out", *QUICK)
    assert str(refused.exception) == "no prompt has what 'translation' judges by, a gold under 'translation'"
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({"prompt": "Say it.", "gold": {"translation": {"references": []}}}) + "\n")
    result = tamis("rewards", "probe", "translation", bad, "--out", tmp_path / "out", *QUICK)
    assert result.exit_code == 3
    assert "100% of the prompts have no reward" in result.output
    assert "nothing got through" not in result.output


def test_a_recipes_weights_and_gates_hold(prompts, tmp_path):
    (tmp_path / "rubric.yaml").write_text(RUBRIC)
    result = tamis("rewards", "probe", tmp_path / "rubric.yaml", prompts, "--out", tmp_path / "out", "--json", *QUICK)
    summary = json.loads(result.output)
    assert summary["rubric"] == "guarded"
    weights = {scorer["name"]: (scorer["weight"], scorer["gate"]) for scorer in summary["scorers"]}
    assert weights == {"reward": (1.0, None), "exact": (2.0, None), "format": (0.0, 0.5), "repetition": (0.0, None)}
    assert summary["max_reward"] <= 1 / 12


def test_the_stores_prompts_and_samples_serve_too(prompts, tmp_path):
    out = tmp_path / "out"
    assert tamis("verify", prompts, "--verifiers", "exact", "--out", out, "--validate-gold").exit_code in {0, 3}
    result = tamis("rewards", "probe", "exact", "--out", out, "--json", "--prompts", "5", *QUICK)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert summary["prompts"] == 5
    assert summary["scorers"][1]["with_gold"] == 1.0
    assert summary["scorers"][1]["honest_sample"] == 0.0  # `exact` reads announced answers only


def test_a_dry_run_scores_nothing(prompts, tmp_path):
    plan = json.loads(
        tamis("rewards", "probe", "exact", prompts, "--out", tmp_path / "out", "--dry-run", "--json").output
    )
    assert plan["attacks"] >= 300
    assert plan["prompts"] == 12
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such"], "no verifier is called 'no_such'"),
        (["exact", "--max-score", "2"], "--max-score must be between 0 and 1"),
        (["exact", "--kind", "odd"], "--kind odd: there are empty, constant"),
        (["none.yaml"], "no such recipe"),
    ],
)
def test_refused_before_any_work(prompts, tmp_path, arguments, said):
    result = tamis("rewards", "probe", arguments[0], prompts, *arguments[1:], "--out", tmp_path / "out")
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)


def test_a_rubric_of_metrics_alone_is_refused(prompts, tmp_path):
    (tmp_path / "rubric.yaml").write_text("verifiers: [{name: exact, weight: 0}]\n")
    result = tamis("rewards", "probe", tmp_path / "rubric.yaml", prompts, "--out", tmp_path / "out")
    assert "a reward needs a verifier with a weight above 0" in str(result.exception)


@pytest.fixture(scope="module")
def hostile_page():
    judge = Verifier("paid", 1, {}, "0" * 16, "answer", lambda _text, _gold: Verdict(1.0, "correct"))
    cases = [Case(HOSTILE, HOSTILE, {"paid": str(number)}, HOSTILE) for number in range(4)]
    attacks = [Attack(HOSTILE, "control", HOSTILE, HOSTILE), Attack("echo", "echo", "", make=lambda question: question)]
    result = probe(Panel([judge], Rubric({"paid": 1.0}), cases), attacks=attacks, budget=5)
    return render_probe(summarise(result, name=HOSTILE, seed=0))


def test_hostile_texts_stay_text(hostile_page):
    parsed = Page(hostile_page)
    assert parsed.open == []
    assert len([tag for tag, _ in parsed.elements if tag == "script"]) == 1
    assert not any(name.startswith("on") for _, attributes in parsed.elements for name in attributes)
    assert "\u202e" not in hostile_page
    assert "\0" not in hostile_page
    links = {attributes["href"].removeprefix("#") for tag, attributes in parsed.elements if tag == "a"}
    assert links <= set(parsed.ids())
    assert parsed.sections() == ["through", "kinds", "scorers", "search", "slowest", "samples", "reading"]


def test_excerpts_are_short_and_visible():
    assert len(excerpt("a" * 10_000)) == 401
    assert excerpt("a\ud800\0b\u202e").isprintable()
    assert [level_of(mean) for mean in (None, 0.0, 0.0001, 0.01, 1.0, 3.0)] == [0, 0, 1, 1, 10, 10]
