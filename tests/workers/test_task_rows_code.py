"""Rows of public sets of programming problems come in with a gold that the `code` verifier reads; nothing of a row is run."""

import gzip
import json
from pathlib import Path

import pytest

from rewards.code.gold_form import GoldError, read_gold
from workers.mapping import resolve


def read(row, *, prompts_only=True):
    return resolve("auto", {}, list(row), row, "rows.jsonl", prompts_only=prompts_only).read(row)


def rows_of(path: Path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_humaneval(reference_data):
    rows = rows_of(reference_data("humaneval") / "HumanEval.jsonl.gz")
    for row in rows:
        found = read(row)
        assert (found.task, found.language, found.messages[0]["content"]) == ("code", None, row["prompt"])
        gold = read_gold(found.gold["code"])
        assert len(gold.cases) == 1
    beside = read(rows[0] | {"outputs": ["    return True", "    return False"]}, prompts_only=False)
    assert [sample.text for sample in beside.samples] == ["    return True", "    return False"]
    assert beside.gold == read(rows[0]).gold


@pytest.mark.parametrize("language", ["go", "java", "javascript", "perl"])
def test_mxeval(reference_data, language):
    (path,) = reference_data("mxeval_multilingual_humaneval").glob(f"HumanEval_{language}_*.jsonl.gz")
    for row in rows_of(path)[:20]:
        found = read(row)
        assert (found.task, found.language) == ("code", None)  # a program's language is not the prompt's
        assert found.gold["code"]["language"] == language
        read_gold(found.gold["code"])


def test_mbpp(reference_data):
    for row in rows_of(reference_data("mbpp") / "mbpp.jsonl.gz")[:100]:
        found = read(row)
        content = found.messages[0]["content"]
        assert content.startswith(row["text"].strip())
        assert all(test in content for test in row["test_list"])
        assert len(read_gold(found.gold["code"]).cases) == len(row["test_list"])


@pytest.mark.parametrize(("folder", "name"), [("humaneval_plus", "HumanEvalPlus-Mini"), ("mbpp", "MbppPlus")])
def test_evalplus_lacks_what_is_expected(reference_data, folder, name):
    for row in rows_of(reference_data(folder) / f"{name}.jsonl.gz")[:5]:
        found = read(row)
        assert (found.task, found.messages[0]["content"]) == ("code", row["prompt"])
        assert len(found.gold["code"]["tests"]) == len(row["base_input"]) + len(row["plus_input"])
        with pytest.raises(GoldError, match="what is expected is not known"):
            read_gold(found.gold["code"])


STDIN = {"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}
CALLS = {"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}


def test_apps_and_taco():
    row = {
        "question": "Add two numbers.",
        "input_output": json.dumps(STDIN),
        "solutions": '["print(1)"]',
        "starter_code": "",
    }
    found = read(row)
    assert found.messages[0]["content"].endswith("reads standard input and writes standard output.")
    gold = found.gold["code"]
    assert (len(read_gold(gold).cases), gold["solution"]) == (2, "print(1)")
    starter = "def add(a, b):\n    pass"
    found = read(row | {"input_output": CALLS, "starter_code": starter})
    assert found.messages[0]["content"].endswith(starter)
    assert read_gold(found.gold["code"]).cases[0].accepts


def test_livecodebench():
    cases = json.dumps([{"input": "1\n", "output": "1\n", "testtype": "stdin"}])
    row = {"question_content": "Echo.", "public_test_cases": cases, "private_test_cases": cases, "starter_code": ""}
    found = read(row)
    assert found.messages[0]["content"].startswith("Echo.\n")
    assert len(read_gold(found.gold["code"]).cases) == 2
    with pytest.raises(ValueError, match="livecodebench: private_test_cases are pickled"):
        read(row | {"private_test_cases": "eJxrYJmaysgABhEZKeR"})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"question": "x", "input_output": ""}, "apps: input_output is no JSON"),
        (
            {"question": "x", "input_output": json.dumps({"inputs": ["1"], "outputs": []})},
            "apps: .*1 inputs and 0 outputs",
        ),
        ({"text": "x", "test_list": None}, "mbpp: "),
        ({"prompt": "x", "entry_point": "f", "base_input": [[1]]}, "evalplus: the row has no 'canonical_solution'"),
    ],
)
def test_a_row_that_does_not_fit_is_one_clear_line(row, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        read(row)
