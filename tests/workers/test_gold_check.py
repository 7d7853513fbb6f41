"""The check of golds: prompts alone, files with samples, several verifiers; what is listed, what is only read, and the files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rewards import get_verifier, registry
from rewards.registry import CheckWithGold, Verifier
from rewards.verdict import Verdict
from schemas.arrow import check_contract
from schemas.errors import UserError
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading, sqlite_url
from schemas.tables import Generation, Prompt, VerdictRow
from service.cli import app
from workers import gold_check
from workers.gold_check import GoldCheck, GoldTally, check_golds
from workers.imports import ImportSource, import_rows

RUN = CliRunner()


def prompts(path: Path, golds: Sequence[Any], **fields: Any) -> ImportSource:
    """Writes prompts alone, a gold each."""
    rows = [{"prompt": f"Question {place}?", "gold": gold, **fields} for place, gold in enumerate(golds)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ImportSource(path, path.stem, prompts_only=True)


def check(tmp_path: Path, names: Sequence[str | Verifier], source: ImportSource, **options: Any) -> GoldCheck:
    engine = open_store(sqlite_url(tmp_path / "tamis.db"))
    import_rows(engine, tmp_path, [source])
    return check_golds(
        engine, tmp_path, [get_verifier(one) if isinstance(one, str) else one for one in names], **options
    )


def test_each_gold_is_given_to_each_verifier_that_reads_one(tmp_path: Path) -> None:
    golds: list[Any] = ["A", "B. two", "no option here", {"answer": "C"}, None, {"schema": {"enum": [1]}}]
    result = check(
        tmp_path, ["choice", "exact", "json_schema", "format", "mixing"], prompts(tmp_path / "p.jsonl", golds)
    )
    assert result.tallies == {
        "choice": GoldTally(accepted=3, refused=1, without=2, written=3),
        "exact": GoldTally(accepted=4, without=2, written=4),
        "json_schema": GoldTally(accepted=1, without=5, written=1),
    }
    assert (result.no_gold, result.unable, result.goldless, result.exit_code) == (["format", "mixing"], [], [], 3)
    (row,) = result.refused
    assert (row["verifier"], row["gold"], row["status"], row["source"]) == (
        "choice", '"no option here"', "bad_gold", "p",
    )  # fmt: skip


def test_the_files_hold_every_gold_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gold_check, "PAGE_PROMPTS", 7)
    monkeypatch.setattr(gold_check, "MAX_LISTED", 10)
    steps: list[tuple[int, int]] = []
    source = prompts(tmp_path / "p.jsonl", ["A", "none"] * 20)
    result = check(tmp_path, ["choice"], source, on_checked=lambda *step: steps.append(step))
    assert result.tallies["choice"] == GoldTally(accepted=20, refused=20, written=20)
    assert steps == [(7, 40), (14, 40), (21, 40), (28, 40), (35, 40), (40, 40)]
    assert len(result.refused) == 10
    table = pq.read_table(result.parquet)
    check_contract(table.schema, "refused_golds")
    lines = [json.loads(line) for line in result.lines.read_text().splitlines()]
    assert len(lines) == table.num_rows == 20
    assert {row["gold"] for row in lines} == {"none"}
    assert [row["prompt_id"] for row in lines] == table.column("prompt_id").to_pylist()
    again = check(tmp_path, ["choice"], source, limit=3)
    assert again.tallies["choice"] == GoldTally(accepted=2, refused=1, written=2)
    assert pq.read_metadata(again.parquet).num_rows == 1
    assert sorted(path.name for path in (tmp_path / "golds").iterdir()) == ["refused.jsonl", "refused.parquet"]


def test_a_verifier_that_can_write_nothing_still_reads_the_golds(tmp_path: Path) -> None:
    golds = [
        {"instructions": {"instruction_id_list": [name], "kwargs": [{}]}}
        for name in ("punctuation:no_comma", "no:such")
    ]
    result = check(tmp_path, ["instructions", "regex"], prompts(tmp_path / "p.jsonl", [*golds, "a+", "a("]))
    assert result.tallies == {
        "instructions": GoldTally(refused=1, unwritten=1, without=2),
        "regex": GoldTally(refused=1, unwritten=1, without=2),
    }
    assert result.unable == ["instructions", "regex"]
    assert {row["gold"] for row in result.refused} == {
        '{"instruction_id_list":["no:such"],"kwargs":[{}]}',
        '"a("',
    }


def test_a_verifier_that_breaks_on_a_gold_refuses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(completion: str, gold: Any) -> Verdict:
        return Verdict(float(completion == gold), "correct" if completion == gold else "incorrect", {"x": {1, 2}})

    def write(gold: Any) -> str:
        return str(gold["broken"] if gold == "broken" else gold)

    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    registry.verifier("breaks", version=1, gold_key="answer")(lambda: CheckWithGold(judge, write))
    result = check(tmp_path, ["breaks"], prompts(tmp_path / "p.jsonl", ["fine", "broken", ["a", "\ud800"]]))
    assert result.tallies["breaks"] == GoldTally(accepted=1, refused=1, unwritten=1, written=2)
    (row,) = [json.loads(line) for line in result.lines.read_text().splitlines()]
    assert (row["status"], row["reason"], row["gold"]) == ("error", "detail_not_json", ["a", "\ufffd"])


def test_a_gold_that_ran_out_of_time_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def judge(completion: str, _gold: Any) -> Verdict:
        tried.append(completion)
        late = completion == "slow" or tried.count(completion) == 1
        return Verdict(0.0, "time_limit") if late else Verdict(1.0, "correct")

    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    registry.verifier("late", version=1, gold_key="answer")(lambda: CheckWithGold(judge, str))
    result = check(tmp_path, ["late"], prompts(tmp_path / "p.jsonl", ["busy", "slow"]))
    assert result.tallies["late"] == GoldTally(accepted=1, refused=1, written=2)
    assert sorted(tried) == ["busy", "busy", "slow", "slow"]


def test_a_judge_is_asked_about_no_reference(tmp_path: Path) -> None:
    """A reference that is given back is right by rule; without one nothing is asked, so that no endpoint is needed."""
    source = prompts(tmp_path / "p.jsonl", ["4", {"rubric": "be kind"}, None])
    result = check(tmp_path, [get_verifier("judge", model="m")], source)
    assert result.tallies["judge"] == GoldTally(accepted=1, refused=2, written=1)
    assert {row["reason"] for row in result.refused} == {"no_reference"}
    assert '"content":"Question 1?"' in str(result.refused[0]["gold"])


def test_nothing_to_check_and_no_gold_at_all(tmp_path: Path) -> None:
    engine = open_store(sqlite_url(tmp_path / "tamis.db"))
    with pytest.raises(UserError, match="no prompt to check"):
        check_golds(engine, tmp_path, [get_verifier("exact")])
    result = check(tmp_path, ["exact", "json_schema"], prompts(tmp_path / "p.jsonl", ["4"]))
    assert (result.goldless, result.exit_code) == (["json_schema"], 3)


def run(tmp_path: Path, *arguments: str) -> tuple[int, Mapping[str, Any], str]:
    done = RUN.invoke(app, ["verify", "--validate-gold", "--out", str(tmp_path / "out"), "--json", *arguments])
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}, done.stderr


def rows(tmp_path: Path, *models: Any) -> list[int]:
    with reading(open_store(sqlite_url(tmp_path / "out" / "tamis.db"))) as connection:
        return [connection.execute(sa.select(sa.func.count()).select_from(model)).scalar_one() for model in models]


def test_the_command_takes_prompts_alone(tmp_path: Path) -> None:
    path = prompts(tmp_path / "p.jsonl", ["A", "nothing"]).path
    code, value, _ = run(tmp_path, str(path), "--verifiers", "choice,format")
    assert code == 3
    assert value["verifiers"] == {"choice": vars(GoldTally(accepted=1, refused=1, written=1))}
    assert value["judge_without_gold"] == ["format"]
    assert Path(value["files"]["parquet"]).is_file()
    assert rows(tmp_path, Prompt, Generation, VerdictRow) == [2, 0, 0]
    code, value, _ = run(tmp_path, "--verifiers", "choice", "--limit", "1")
    assert (code, value["prompts"]) == (0, 1)
    code, value, _ = run(tmp_path, "--verifiers", "choice", "--dry-run")
    assert (code, value) == (0, {"prompts": 2, "verifiers": ["choice"]})
    shown = RUN.invoke(app, ["verify", "--validate-gold", "--out", str(tmp_path / "out"), "--verifiers", "choice"])
    assert shown.exit_code == 3
    assert "golds that are not accepted" in shown.stdout
    assert "golds: 2 of 2" in shown.stderr


def test_the_command_imports_samples_as_a_verification_does(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    texts = [{"prompt": f"{number}?", "completion": "4", "answer": "4"} for number in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in texts) + "no JSON\n")
    code, value, _ = run(tmp_path, str(path), "--verifiers", "exact")
    assert (code, value["imported"]["generations"], value["imported"]["bad_rows"]) == (3, 3, 1)
    assert value["verifiers"]["exact"]["accepted"] == 3
    assert rows(tmp_path, Prompt, Generation, VerdictRow) == [3, 3, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl"], "no such file"),
        ([str(Path(__file__).with_name("made.jsonl")), "--verifiers", "choise"], "no verifier is called 'choise'"),
        ([], "no store here"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = RUN.invoke(app, ["verify", "--validate-gold", "--out", str(tmp_path / "out"), *arguments])
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)


def test_a_flag_reaches_every_verifier_that_has_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    from service.commands.verify import VerifyRequest

    def runs(*, unsafe_no_sandbox: bool = False) -> Any:
        if not unsafe_no_sandbox:
            raise UserError("runs: no isolation here")
        return lambda _completion, _gold: Verdict(1.0, "correct")

    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    registry.verifier("runs", version=1)(runs)
    request = VerifyRequest(None, None, "runs,format", None, (), None, None, None, None, unsafe_no_sandbox=True)
    assert [item.settings for item in request.rubric().verifiers] == [{"unsafe_no_sandbox": True}, {}]
    assert get_verifier("runs", **request.rubric().verifiers[0].settings)("x").score == 1.0
    with pytest.raises(UserError, match="no isolation here"):
        get_verifier("runs")


_LETTERS = st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=1, max_size=5, unique=True).map(sorted).map(", ".join)
_SCHEMAS = st.one_of(
    st.fixed_dictionaries({"enum": st.lists(st.integers() | st.text(), min_size=1)}),
    st.fixed_dictionaries({"const": st.dictionaries(st.text(), st.none() | st.booleans() | st.integers())}),
    st.fixed_dictionaries({"examples": st.just([{"a": 1}]), "type": st.just("object")}),
)


@pytest.mark.parametrize(
    ("name", "settings", "golds"),
    [
        ("choice", {}, st.sampled_from(["A", "(b)", "C. 12 m", {"letter": "B", "options": ["x", "y"]}])),
        ("choice", {"multiple": True}, _LETTERS),
        (
            "exact",
            {"part": "response"},
            st.text(min_size=1) | st.integers() | st.lists(st.text(min_size=1), min_size=1),
        ),
        ("exact", {}, st.from_regex(r"[bcdfgk0-9]{1,9}( [bcdfgk0-9]{1,9}){0,3}", fullmatch=True)),
        ("json_schema", {}, _SCHEMAS),
    ],
)
def test_what_a_verifier_writes_for_a_gold_it_accepts(name: str, settings: dict[str, Any], golds: Any) -> None:
    verifier = get_verifier(name, **settings)

    @given(gold=golds)
    def accepted(gold: Any) -> None:
        completion = verifier.gold_completion(gold)
        if completion is None:
            assert verifier("", gold).status == "bad_gold"
        elif "</think>" not in completion and "<think>" not in completion:
            assert verifier(completion, gold).score == 1.0

    accepted()


def test_golds_of_others_rubrics_can_be_refused_by_form(tmp_path: Path) -> None:
    """A gold that no answer can be read as: the extraction strips what the gold has."""
    recipe = VerifyRecipe.model_validate({"verifiers": [{"name": "exact"}]})
    source = prompts(tmp_path / "p.jsonl", ["plain", "the answer is 5"])
    result = gold_check.validate_golds(sqlite_url(tmp_path / "tamis.db"), tmp_path, [source], recipe)
    assert [(row["gold"], row["reason"]) for row in result.check.refused] == [('"the answer is 5"', "read '5'")]
