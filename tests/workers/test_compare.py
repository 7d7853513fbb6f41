"""Comparisons of two systems, whole: files or the store, a judge of rules over HTTP, the table, the files, a second call."""

import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scripted_server import Reply, Server, chat
from typer.testing import CliRunner

from rewards.judge.comparison import Judged, compare, length_controlled
from rewards.judge.pairs import PairLabel
from schemas.arrow import check_contract
from schemas.errors import ResumableError, UserError
from schemas.store import open_store, sqlite_url
from service.cli import app
from workers.imports import ImportSource, import_rows

RUN = CliRunner()


def frame(body: Mapping[str, Any], name: str) -> str:
    found = re.search(rf"\[BEGIN {name} (\w+)\]\n(.*)\n\[END {name} \1\]", body["messages"][-1]["content"], re.DOTALL)
    assert found
    return found[2]


def says(value: str) -> Reply:
    return Reply(chat(json.dumps({"analysis": "compared", "preference": value})))


def longer(body: Mapping[str, Any]) -> Reply:
    """Finds the longer answer better."""
    one, other = (len(frame(body, f"ANSWER {name}")) for name in "AB")
    return says("A>>B" if one > other else "B>>A" if other > one else "A=B")


def written(path: Path, answers: Mapping[str, Sequence[str] | str]) -> str:
    rows = [
        {"prompt": prompt, "completion": text, "model": path.stem}
        for prompt, texts in answers.items()
        for text in ([texts] if isinstance(texts, str) else texts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rubric(folder: Path, server: Server) -> str:
    """Makes a rubric whose judge is asked one question at a time, so that a cap cuts at a known place."""
    endpoint = {"url": server.url, "concurrency": 1}
    item = {"name": "judge", "settings": {"model": "big", "votes": 2, "endpoint": endpoint}}
    (folder / "judge.yaml").write_text(json.dumps({"verifiers": [item]}))
    return str(folder / "judge.yaml")


def run(server: Server, out: Path, *arguments: str, judge: str = "tiny") -> tuple[int, dict[str, Any]]:
    where = ["--base-url", server.url] if judge == "tiny" else []
    done = RUN.invoke(app, ["rewards", "compare", *arguments, "--judge", judge, *where, "--out", str(out), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.stdout)


def test_two_files_are_paired_by_prompt_and_each_order_is_asked(server: Server, tmp_path: Path) -> None:
    server.answer = longer
    one = written(tmp_path / "one.jsonl", {"P?": "long answer", "Q?": "no", "R?": "same", "S?": ":", "T?": "alone"})
    other = written(
        tmp_path / "other.jsonl", {"R?": "same", "Q?": "longer", "P?": "brief", "S?": "four", "U?": "alone"}
    )
    code, plan = run(server, tmp_path / "out", one, other, "--dry-run")
    assert (code, plan["pairs"], plan["folder"], len(server.seen)) == (0, 4, "one-vs-other", 0)
    assert not (tmp_path / "out").exists()
    code, value = run(server, tmp_path / "out", one, other, "--votes", "2")
    assert code == 0
    assert [value[name] for name in ("pairs", "wins", "ties", "losses", "by_rule")] == [4, 1, 1, 2, 2]
    assert (value["prompts_only_in_a"], value["prompts_only_in_b"]) == (1, 1)
    assert value["win_rate"]["value"] == pytest.approx(1.5 / 4)
    assert value["win_rate"]["low"] < 0.375 < value["win_rate"]["high"]
    assert (value["rounds"], value["conflicts"], value["longer_wins"]) == (2, 0, 1.0)
    assert len(server.seen) == value["spent"]["requests"] == 4
    table = pq.read_table(value["file"])
    check_contract(table.schema, "compared_pairs")
    rows = {json.loads(row["messages"])[0]["content"]: row for row in table.to_pylist()}
    assert {key: row["winner"] for key, row in rows.items()} == {"P?": "a", "Q?": "b", "R?": "tie", "S?": "b"}
    assert (rows["P?"]["text_a"], rows["P?"]["rounds"], rows["S?"]["rule"]) == (
        "long answer",
        [2.0],
        "one_has_no_content",
    )
    code, again = run(server, tmp_path / "out", one, other, "--votes", "2")
    assert (len(server.seen), again["cached"], again["wins"]) == (4, 2, 1)
    assert again["file"] == value["file"]
    summary = json.loads((tmp_path / "out" / "comparisons" / "one-vs-other" / "comparison.json").read_text())
    assert (summary["a"], summary["losses"]) == (one, 2)


def test_a_judge_that_goes_by_place_ties_all_and_is_found_out(server: Server, tmp_path: Path) -> None:
    server.answer = lambda _: says("A>>B")
    one, other = (
        written(tmp_path / name, {f"{number}?": f"{name} {number}" for number in range(5)})
        for name in ("one.jsonl", "other.jsonl")
    )
    _, value = run(server, tmp_path / "out", one, other)
    assert (value["ties"], value["rounds"], value["conflicts"], value["pairs_in_conflict"]) == (5, 10, 10, 5)
    assert value["win_rate"]["value"] == 0.5
    arguments = ["rewards", "compare", one, other, "--judge", "tiny", "--base-url", server.url]
    shown = RUN.invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert shown.exit_code == 0
    assert "100.0 % of 10 rounds" in shown.stdout
    assert "the judge goes by place" in shown.stderr


def test_models_of_the_store_are_compared_sample_by_sample_under_a_cap(server: Server, tmp_path: Path) -> None:
    server.answer = longer
    engine = open_store(sqlite_url(tmp_path / "tamis.db"))
    runs: list[str] = []
    for name, text in (("one", "an answer"), ("other", "a far longer answer")):
        path = tmp_path / f"{name}.jsonl"
        written(path, {f"{number}?": [f"{text} {number}", f"{text} {number} more"] for number in range(3)})
        runs += import_rows(engine, tmp_path, [ImportSource(path, "made")]).run_ids
    engine.dispose()
    sides = ["one", "other", "-n", "2"]
    judge = rubric(tmp_path, server)
    code, value = run(server, tmp_path, *sides, "--max-requests", "8", judge=judge)
    assert (code, value["losses"], value["unjudged"]) == (3, 4, {"budget_spent": 2})
    assert len(server.seen) == 8
    code, value = run(server, tmp_path, *sides, "--max-requests", "11", judge=judge)  # three more than were spent
    assert (code, value["losses"], value["cached"], len(server.seen)) == (3, 5, 4, 11)
    _, value = run(
        server, tmp_path, runs[0][:8], "other", "-n", "2", "--limit", "2", judge=judge
    )  # a run by its first digits
    assert (value["pairs"], value["losses"], value["cached"]) == (4, 4, 4)


def test_a_rubric_names_the_judge(server: Server, tmp_path: Path) -> None:
    server.answer = lambda body: says("A>B" if frame(body, "ANSWER A") == "this" else "B>A")
    judge = rubric(tmp_path, server)
    one, other = written(tmp_path / "one.jsonl", {"P?": "this"}), written(tmp_path / "other.jsonl", {"P?": "that"})
    _, value = run(server, tmp_path / "out", one, other, judge=judge)
    assert (value["wins"], server.seen[0]["body"]["model"]) == (1, "big")
    _, value = run(server, tmp_path / "out", one, other, "--margin", "1", judge=judge)
    assert (value["ties"], value["cached"]) == (1, 1)  # slightly better is not clearly better


def test_a_judge_that_is_down_stops_the_work_and_keeps_what_was_said(server: Server, tmp_path: Path) -> None:
    server.answer = lambda _: Reply({"error": "no such model"}, 404)
    one, other = written(tmp_path / "one.jsonl", {"P?": "this"}), written(tmp_path / "other.jsonl", {"P?": "that"})
    with pytest.raises(ResumableError, match="does not answer: 404 no such model"):
        run(server, tmp_path / "out", one, other)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl", "{other}"], "nowhere.jsonl: no such file, and there is no store"),
        (["{one}", "{apart}"], "no prompt in common"),
        (["{one}", "{other}", "--votes", "3"], "votes must be"),
        (["{one}", "{other}", "--margin", "2"], "margin must be"),
        (["{one}", "{other}", "--name", "../up"], "--name ../up"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(server: Server, tmp_path: Path, arguments: list[str], said: str) -> None:
    files = {
        name: written(tmp_path / f"{name}.jsonl", {f"{name == 'apart'}?": name}) for name in ("one", "other", "apart")
    }
    with pytest.raises(UserError, match=re.escape(said)):
        run(server, tmp_path / "out", *(one.format(**files) for one in arguments))
    assert not server.seen


def made(outcomes: Sequence[float], chars: Sequence[tuple[int, int]]) -> list[Judged]:
    chosen = {1.0: 0, 0.0: 1, 0.5: None}
    return [
        Judged(str(number), PairLabel("labelled" if one != 0.5 else "close", 0.0, chosen[one]), pair)  # type: ignore[arg-type]
        for number, (one, pair) in enumerate(zip(outcomes, chars, strict=True))
    ]


def test_a_judge_of_length_alone_leaves_half_at_equal_length() -> None:
    drawn = random.Random(5)
    chars = [(drawn.randint(200, 900), drawn.randint(100, 500)) for _ in range(400)]
    found = compare(made([float(a > b) for a, b in chars], chars))
    assert found.win_rate is not None
    assert found.length_controlled is not None
    assert found.win_rate.value > 0.8
    assert found.longer_wins == 1.0
    assert found.length_controlled.value == pytest.approx(0.5, abs=0.12)
    assert found.length_controlled.low <= found.length_controlled.value <= found.length_controlled.high


def test_where_length_says_nothing_the_win_rate_stays() -> None:
    generator = np.random.default_rng(3)
    outcomes = (generator.random(600) < 0.7).astype(float).tolist()
    differences = generator.normal(50, 100, 600).tolist()
    found = length_controlled(differences, outcomes, [str(number) for number in range(600)])
    assert found is not None
    assert found.value == pytest.approx(sum(outcomes) / 600, abs=0.04)
    assert 0.04 < found.high - found.low < 0.15
    assert length_controlled(differences[:20], outcomes[:20], ["p"] * 20) is None
    assert length_controlled([1.0] * 50, outcomes[:50], ["p"] * 50) is None
    all_won = length_controlled(differences[:50], [1.0] * 50, [str(number) for number in range(50)])
    assert all_won is not None
    assert all_won.value > 0.99


def test_unjudged_pairs_are_in_no_share() -> None:
    pairs = [*made([1.0], [(4, 2)]), Judged("x", PairLabel("error", None, None, {"reason": "budget_spent"}), (1, 1))]
    found = compare(pairs)
    assert (found.pairs, found.wins, dict(found.unjudged)) == (2, 1, {"budget_spent": 1})
    assert found.win_rate is not None
    assert found.win_rate.value == 1.0
    assert compare([]).win_rate is None
