"""Verdicts beside what was judged, as one file."""

import json
from pathlib import Path
from typing import Any

import pytest
from material import recipe
from verify_kit import Place, answers

from schemas.errors import UserError
from schemas.recipe import VerifyRecipe
from workers.imports import import_rows
from workers.score_rows import write_score_rows


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def written(place: Place, asked: VerifyRecipe | None = None) -> list[dict[str, Any]]:
    found = write_score_rows(place.engine, place.out, asked)
    rows = [json.loads(line) for line in found.path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == found.rows
    assert sum(row["reward"] is None for row in rows) == found.unscored
    return rows


def test_every_generation_stands_with_reward_and_verdicts_in_the_order_of_the_input(
    place: Place, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="export: the store has no verify run"):
        write_score_rows(place.engine, place.out)
    texts = ["<think>a</think>4", "5", "<think>\ud800\u0000</think>4"]
    place.verify(recipe(["exact", "format"]), answers(tmp_path / "made.jsonl", *texts))
    rows = written(place)
    assert [row["text"] for row in rows] == ["<think>a</think>4", "5", "<think>\ufffd\ufffd</think>4"]
    assert [row["reward"] for row in rows] == [1.0, 0.0, 1.0], "no box announces the answer, so form alone earns"
    assert rows[0]["messages"] == [{"content": "2+2?", "role": "user"}]
    assert rows[1]["verdicts"]["format"]["detail"]["reason"] == "missing_think_open"
    assert [row["sample_index"] for row in rows] == [0, 1, 2]

    gated = {"verifiers": [{"name": "format"}, {"name": "exact", "weight": 0.0, "gate": True}]}
    assert [row["reward"] for row in written(place, VerifyRecipe.model_validate(gated))] == [0.0, 0.0, 0.0]

    import_rows(place.engine, place.out, [answers(tmp_path / "more.jsonl", "6", prompt="3+3?")])
    last = written(place)[-1]
    assert (last["text"], last["reward"], last["verdicts"]) == ("6", None, {"exact": None, "format": None})
    assert [path.name for path in place.out.glob("*.jsonl")] == ["rewards.jsonl"]
