"""The whole way of a generation: a file of others', verdicts by real workers, a selection, an explanation."""

import io
import json

import pytest
from rich.console import Console

from schemas.recipe import SelectRecipe, VerifyRecipe
from schemas.store import open_store, sqlite_url
from service.explain import explain
from workers.imports import ImportSource
from workers.select import select
from workers.verify import verify

pytestmark = pytest.mark.slow  # starts a broker and workers


def completion(thought, answer):
    return f"<think>{thought}</think>\n\nThe answer is \\boxed{{{answer}}}."


PLAIN = "We add the two numbers and find that the sum of them is what was asked for in the question."
ROWS = [
    ("What is 2+2?", "4", completion(PLAIN, "4")),
    ("What is 2+2?", "4", completion(PLAIN, "5")),
    ("What is 2+2?", "4", completion(PLAIN, "4")),
    ("What is 2+2?", "4", "\\boxed{4} without any thinking"),
    ("What is 2+2?", "4", completion("把这两个数加起来，得到的和就是题目所要求的答案。" * 3, "4")),
    ("What is 3+4?", "7", completion(PLAIN + " The sinh成的 is seven.", "7")),
    ("What is 5+5?", "10", completion(PLAIN, "11")),
]


def test_verify_select_explain(tmp_path):
    source, out = tmp_path / "rollouts.jsonl", tmp_path / "out"
    rows = [
        {"prompt": prompt, "completion": text, "answer": gold, "language": "en", "model": "m", "tokens": len(text)}
        for prompt, gold, text in ROWS
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    url = sqlite_url(out / "tamis.db")
    pure = {"name": "mixing", "settings": {"max_off_script_spans": 0}}
    rubric = VerifyRecipe.model_validate({"verifiers": [{"name": "math"}, {"name": "format"}, pure]})
    verified = verify(url, out, [ImportSource(source, "rollouts")], rubric, concurrency=1)
    assert verified.exit_code == 0
    engine = open_store(url)
    recipe = SelectRecipe.model_validate(
        {"name": "r1", "require": {"math": {}, "format": {}, "mixing": {"min_score": 0.9}}, "per_prompt": 4}
    )
    result = select(engine, out, recipe)
    (lines,) = result.files["training_lines"]
    told = [json.loads(line) for line in (out / lines["path"]).read_text().splitlines()]
    assert sorted(line["messages"][-1]["content"] for line in told) == sorted([ROWS[0][2], ROWS[5][2]])
    assert {line["messages"][0]["content"] for line in told} == {"What is 2+2?", "What is 3+4?"}
    assert result.counts["dropped_first"] == {
        "math_below_minimum": 2,
        "format_below_minimum": 1,
        "mixing_below_minimum": 1,
        "same_text": 1,
    }
    assert result.counts["verdicts"]["math"] == {"correct": 5, "incorrect": 2}
    assert select(engine, out, recipe).unchanged
    card = json.loads((result.folder / "card.json").read_text())
    assert [judge["runs"][0]["name"] for judge in card["verifiers"]] == ["r1"] * 3

    mixed = next(line["id"] for line in told if "成的" in line["messages"][-1]["content"])
    # The same answer, right and well-formed, is out where the set asks for what the verifier's own settings ask for.
    require = {**recipe.model_dump()["require"], "mixing": {"min_score": 0.9, "correct": True}}
    hard = select(engine, out, SelectRecipe.model_validate({"name": "hard", "require": require, "per_prompt": 4}))
    (lines,) = hard.files["training_lines"]
    (line,) = map(json.loads, (out / lines["path"]).read_text().splitlines())
    assert line["messages"][-1]["content"] == ROWS[0][2]
    assert hard.counts["dropped_first"]["mixing_not_correct"] == 1
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    explain(lambda: engine, out, mixed).render(console)
    page = console.file.getvalue()
    assert "selected in r1: rank 1 of 1 distinct" in page
    assert "but partial and not correct" in page
    assert "sinh成的[zh]" in page
    engine.dispose()
