import json

import pytest

from schemas.arrow import PROMPTS, check_contract
from schemas.errors import UserError
from schemas.ids import prompt_id
from workers.openai_api import few_shot_prompt
from workers.problems import DEMO_SAMPLING, demo_prompts

pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed: pip install 'tamis[demo]'")

OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


def evaluate(question: str) -> float:
    """An oracle of its own: reads numbers and operators left to right (no kind mixes * with + or -)."""
    tokens = question.rstrip(".=? ").split()
    start = next(i for i, token in enumerate(tokens) if token.strip(".").lstrip("-").replace(".", "").isdigit())
    value = float(tokens[start].rstrip("."))
    for operator, number in zip(tokens[start + 1 :: 2], tokens[start + 2 :: 2], strict=False):
        if operator not in OPERATIONS:
            break
        value = OPERATIONS[operator](value, float(number.rstrip(".")))
    return value


@pytest.fixture(scope="module")
def prompts():
    return demo_prompts(48, seed=0)


def test_prompts_hold_the_contract(prompts):
    check_contract(prompts.schema, "prompts")
    assert prompts.schema.equals(PROMPTS, check_metadata=True)
    assert prompts.num_rows == 48
    for row in prompts.to_pylist():
        assert (row["task"], row["language"], row["source"]) == ("math", "en", "reasoning-gym")
        messages, gold = json.loads(row["messages"]), json.loads(row["gold"])
        assert row["id"] == prompt_id("reasoning-gym", "math", messages, gold)
        assert [message["role"] for message in messages] == ["system", *("user", "assistant") * 2, "user"]


def test_prompts_are_different_and_of_several_kinds(prompts):
    ids = prompts["id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert len(set(prompts["domain"].to_pylist())) >= 4
    questions = [json.loads(messages)[-1]["content"] for messages in prompts["messages"].to_pylist()]
    assert len(set(questions)) == len(questions)


def test_gold_is_what_arithmetic_says(prompts):
    for row in prompts.to_pylist():
        question = json.loads(row["messages"])[-1]["content"].replace("Give only the result as your final answer.", "")
        assert evaluate(question) == pytest.approx(float(json.loads(row["gold"])["answer"])), question


def test_examples_show_the_form_that_is_asked_for(prompts):
    for messages in prompts["messages"].to_pylist():
        for message in json.loads(messages):
            if message["role"] == "assistant":
                thinking, answer = message["content"].split("</think>")
                assert thinking.startswith("<think>")
                assert answer.startswith(" \\boxed{")
                assert answer.endswith("}")
                assert "\n" not in message["content"]  # the demo's sampling stops at a line's end


def test_no_question_is_among_its_own_examples():
    for messages in demo_prompts(120, seed=5)["messages"].to_pylist():
        turns = [message["content"] for message in json.loads(messages)]
        assert turns[-1] not in turns[:-1]


def test_the_same_seed_gives_the_same_prompts_and_a_longer_table_goes_on(prompts):
    assert demo_prompts(48, seed=0).equals(prompts)
    assert demo_prompts(60, seed=0).slice(0, 48).equals(prompts)


def test_another_seed_gives_other_prompts(prompts):
    other = set(demo_prompts(48, seed=1)["id"].to_pylist())
    assert len(other & set(prompts["id"].to_pylist())) < 24


def test_more_prompts_than_there_are_is_refused():
    with pytest.raises(UserError, match="different demo prompts"):
        demo_prompts(5000)


def test_no_prompts_is_an_empty_table():
    assert demo_prompts(0).num_rows == 0


def test_prompts_fit_the_plain_text_api_too(prompts):
    text = few_shot_prompt(json.loads(prompts["messages"][0].as_py()), DEMO_SAMPLING.prefill)
    assert text.count("Question: ") == 3
    assert text.endswith("\nAnswer: <think>")
