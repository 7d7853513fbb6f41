"""Verification by served models, whole: recipe, workers, store; against a server of rules and against a small real model."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from material import verdicts
from scripted_server import Reply, Server, chat

from rewards.verdict import Verdict
from schemas.errors import UserError
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading, sqlite_url
from schemas.tables import VerdictRow
from workers.imports import ImportSource
from workers.local_model import check_installed, local_model, model_name
from workers.resources import build_verifier
from workers.verify import VerifyResult, verify

GOLD = {"messages": [{"role": "user", "content": "What is 2 + 2?"}], "answer": "4"}


def judged(url: str, **settings: Any) -> VerifyRecipe:
    """Gives a rubric of a judge at a URL."""
    endpoint = {"url": url, "backoff_seconds": 0.01, "retries": 1, **settings.pop("endpoint", {})}
    item = {"name": "judge", "settings": {"model": "tiny", "endpoint": endpoint, **settings}}
    return VerifyRecipe.model_validate({"name": "j", "verifiers": [item]})


def answers(path: Path, *completions: str) -> ImportSource:
    """Makes a file of completions for one prompt whose gold is 4."""
    row = {"input": "What is 2 + 2?", "gts": "4", "language": "en"}
    lines = [json.dumps({**row, "output": text, "sample_index": at}) for at, text in enumerate(completions)]
    path.write_text("\n".join(lines))
    return ImportSource(path, "made", preset="verl", model="made-model")


def by_rule(body: dict[str, Any]) -> Reply:
    """Judges an answer right that holds a four."""
    answer = body["messages"][-1]["content"].partition("[BEGIN ANSWER")[2]
    value = "correct" if "four" in answer else "incorrect"
    return Reply(chat(json.dumps({"analysis": f"it says {value}", "correctness": value})))


def run(folder: Path, rubric: VerifyRecipe, source: ImportSource, **options: Any) -> VerifyResult:
    return verify(sqlite_url(folder / "tamis.db"), folder, [source], rubric, concurrency=1, **options)


def test_a_recipe_names_its_judge_and_the_question_reaches_it(server: Server, tmp_path: Path) -> None:
    server.answer = by_rule
    source = answers(tmp_path / "made.jsonl", "It is four.", "<think>x</think>It is four.", "It is five.", ":", "4")
    result = run(tmp_path, judged(server.url), source)
    assert result.statuses["judge"] == {"correct": 3, "incorrect": 1, "unparseable": 1}
    assert len(server.seen) == 2  # equal answers once, the bare mark and the reference itself not at all
    assert "What is 2 + 2?" in server.seen[0]["body"]["messages"][-1]["content"]
    again = run(tmp_path, judged(server.url, endpoint={"concurrency": 3}), source)
    assert (again.planned, len(server.seen)) == (0, 2)  # another way to the same model asks nothing anew


def test_a_spent_budget_leaves_nulls_that_a_later_run_fills(server: Server, tmp_path: Path) -> None:
    server.answer = by_rule
    source = answers(tmp_path / "made.jsonl", *(f"It is four, or {number}." for number in range(6)))
    capped = judged(server.url, endpoint={"budget": {"requests": 4}})
    first = run(tmp_path, capped, source)
    assert first.statuses["judge"] == {"correct": 4, "error": 2}
    assert first.mean_scores["judge"] == 1.0
    engine = open_store(sqlite_url(tmp_path / "tamis.db"))
    with reading(engine) as connection:
        query = sa.select(VerdictRow.score).where(VerdictRow.status == "error")
        assert connection.scalars(query).all() == [None, None]
    assert {json.loads(str(row[6])).get("reason") for row in verdicts(engine)} == {None, "budget_spent"}
    engine.dispose()
    resumed = run(tmp_path, capped, source, retry_status=["error"])  # by another process: the run has spent its four
    assert (resumed.planned, resumed.statuses["judge"]["error"], len(server.seen)) == (2, 2, 4)
    second = run(tmp_path, judged(server.url), source, retry_status=["error"])
    assert (second.planned, second.statuses["judge"]) == (2, {"correct": 6})
    assert len(server.seen) == 6


def test_a_key_that_is_not_set_is_refused_before_any_work(server: Server, tmp_path: Path) -> None:
    rubric = judged(server.url, endpoint={"api_key_env": "NOT_SET_HERE"})
    with pytest.raises(UserError, match="NOT_SET_HERE"):
        run(tmp_path, rubric, answers(tmp_path / "made.jsonl", "It is four."))
    assert not (tmp_path / "tamis.db").exists()


def test_a_reward_model_scores_a_run(server: Server, tmp_path: Path) -> None:
    def score(body: dict[str, Any]) -> Reply:
        return Reply({"data": [{"index": at, "score": float(len(text))} for at, text in enumerate(body["text_2"])]})

    server.answer = score
    item = {"name": "reward_model", "settings": {"model": "rm", "scale": "raw", "endpoint": server.url}}
    rubric = VerifyRecipe.model_validate({"name": "r", "verifiers": [item]})
    result = run(tmp_path, rubric, answers(tmp_path / "made.jsonl", "four", "fourteen"))
    assert result.mean_scores["reward_model"] == 6.0
    assert server.seen[0]["body"]["text_1"] == ["What is 2 + 2?"] * 2


@pytest.fixture(scope="module")
def small_model() -> Any:
    """Gives the base URL of SmolLM2, a poor judge: only what is around it is shown here."""
    try:
        check_installed()
    except UserError as error:
        pytest.skip(str(error))
    with local_model() as url:
        yield url


def asked(url: str, **settings: Any) -> Verdict:
    """Asks the small model about one answer."""
    settings = {"model": model_name(), "endpoint": {"url": url, "budget": {"requests": 2}}, **settings}
    return build_verifier("judge", settings)("The answer is 4.", GOLD)


@pytest.mark.slow
def test_a_real_model_is_held_to_the_form_and_says_the_same_again(small_model: str) -> None:
    first, again = asked(small_model, max_tokens=120), asked(small_model, max_tokens=120)
    assert (first.score, first.status, first.detail) == (again.score, again.status, again.detail)
    if first.score is None:  # it went on without end, which no form forbids
        assert (first.status, first.detail["votes"]) == ("error", ["reply_cut"])
    else:
        assert first.detail["votes"] in (["correct"], ["incorrect"])
        assert first.score == float(first.detail["votes"] == ["correct"])


@pytest.mark.slow
def test_a_real_model_that_is_cut_short_gives_no_verdict(small_model: str) -> None:
    verdict = asked(small_model, structured="none", max_tokens=4)
    assert (verdict.score, verdict.status, verdict.detail["reason"]) == (None, "error", "unreadable_votes")
