"""The form of a gold, and golds from the rows of public benchmarks."""

import base64
import gzip
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rewards.code.compare import Rules
from rewards.code.gold_form import GoldError, gold_key, read_gold
from rewards.code.golds import (
    from_humaneval,
    from_humaneval_plus,
    from_input_output,
    from_livecodebench,
    from_mbpp,
    from_mbpp_plus,
    from_mxeval,
)
from rewards.code.jobs import AssertTest, Budget, CallTest, StdinTest

GOLD: dict[str, Any] = {"language": "Python", "tests": [{"stdin": "1", "stdout": "2"}]}


Rows = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def rows(reference_data: Callable[[str], Path]) -> Rows:
    """Gives the rows of a file of the reference data."""

    def read(name: str) -> list[dict[str, Any]]:
        folder, _, file = name.partition("/")
        with gzip.open(reference_data(folder) / file, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return read


def test_a_gold_is_read() -> None:
    gold = read_gold(
        {
            "language": "py",
            "entry_point": "f",
            "tests": [
                {"stdin": "1", "accepts": ["2", "3"]},
                {"args": [[1], {"$tuple": [2]}], "kwargs": {"k": {"$float": "inf"}}, "returns": {"$set": [1]}},
                {"function": "Solution.g", "args": [], "returns": None},
                {"assert": "assert f(1) == 2"},
            ],
            "compare": {"output": "tokens", "abs_tol": 0.1},
            "limits": {"cpu_seconds": 10, "memory_mib": 64, "processes": 2},
            "exit_code": "any",
        }
    )
    assert gold.language == "python"
    assert [case.test for case in gold.cases] == [
        StdinTest("1"),
        CallTest("f", [[1], (2,)], {"k": float("inf")}),
        CallTest("Solution.g", []),
        AssertTest("assert f(1) == 2", "f", ""),
    ]
    assert [case.accepts for case in gold.cases] == [("2", "3"), ({1},), (None,), None]
    assert gold.rules == Rules(output="tokens", abs_tol=0.1)
    assert gold.any_exit_code
    budget = gold.budget(Budget())
    assert (budget.cpu_seconds, budget.wall_seconds, budget.memory_bytes, budget.processes) == (10, 30, 64 << 20, 2)


def test_json_text_is_the_same_gold() -> None:
    assert read_gold(json.dumps(GOLD)) == read_gold({"tests": GOLD["tests"], "language": "Python"})
    assert gold_key(GOLD) != gold_key({**GOLD, "exit_code": "any"})


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (None, "not NoneType"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ({"tests": [{"assert": "x"}]}, "no language"),
        ({"language": 3, "tests": [{"assert": "x"}]}, "language is a text"),
        ({"language": "python"}, "at least one test"),
        ({**GOLD, "tests": []}, "at least one test"),
        ({**GOLD, "tests": "x"}, "at least one test"),
        ({**GOLD, "tests": [{"stdin": "", "stdout": ""}] * 2001}, "2001 tests"),
        ({**GOLD, "tests": [3]}, r"tests\[0\] is an object"),
        ({**GOLD, "tests": [{"stdin": "1"}]}, r"tests\[0\] has no stdout"),
        ({**GOLD, "tests": [{"stdin": "1", "stdout": "", "accepts": [""]}]}, "both"),
        ({**GOLD, "tests": [{"stdin": "1", "stdout": 3}]}, "is a text"),
        ({**GOLD, "tests": [{"stdin": "1", "accepts": []}]}, "at least one"),
        ({**GOLD, "tests": [{"stdin": "1", "returns": 1}]}, "'returns' beside 'stdin'"),
        ({**GOLD, "tests": [{"args": [1], "returns": 1}]}, "no entry_point"),
        ({**GOLD, "entry_point": "f", "tests": [{"args": {"a": 1}, "returns": 1}]}, "list of the arguments"),
        ({**GOLD, "entry_point": "f", "tests": [{"args": [{"$x": 1}], "returns": 1}]}, r"'\$x' is no mark"),
        ({**GOLD, "tests": [{"assert": " "}]}, "empty"),
        ({**GOLD, "checker": 1}, "checker is a text"),
        ({**GOLD, "compare": {"mode": "x"}}, "no 'mode'"),
        ({**GOLD, "compare": {"output": "words"}}, "lines, tokens, exact"),
        ({**GOLD, "compare": {"abs_tol": -1}}, "0 or more"),
        ({**GOLD, "compare": {"abs_tol": float("nan")}}, "0 or more"),
        ({**GOLD, "compare": {"as_set": 1}}, "true or false"),
        ({**GOLD, "limits": {"cpu": 1}}, "no 'cpu'"),
        ({**GOLD, "limits": {"cpu_seconds": 0}}, "above 0"),
        ({**GOLD, "exit_code": 0}, "'zero' or 'any'"),
        ({**GOLD, "answer": 1}, "no field 'answer'"),
    ],
)
def test_a_bad_gold_is_refused_in_one_line(gold: Any, message: str) -> None:
    with pytest.raises(GoldError, match=message) as caught:
        read_gold(gold)
    assert "\n" not in str(caught.value)


def test_a_checker_needs_no_expectation() -> None:
    gold = read_gold({**GOLD, "tests": [{"stdin": "1"}], "checker": "def check(i, o, e): return True"})
    assert gold.cases[0].accepts is None


def test_humaneval_rows(rows: Rows) -> None:
    golds = [read_gold(from_humaneval(row)) for row in rows("humaneval/HumanEval.jsonl.gz")]
    assert len(golds) == 164
    assert all(gold.solution.startswith(gold.prompt) and gold.entry_point for gold in golds)


def test_mbpp_rows(rows: Rows) -> None:
    golds = [read_gold(from_mbpp(row)) for row in rows("mbpp/mbpp.jsonl.gz")]
    assert len(golds) == 974
    assert sum(len(gold.cases) for gold in golds) == sum(len(row["test_list"]) for row in rows("mbpp/mbpp.jsonl.gz"))
    with_setup = [gold for gold in golds if gold.solution and "root.left" in str(gold.cases[0].test)]
    assert len(with_setup) == 2
    assert golds[126 - 1].entry_point == "sum"  # not the builtin of that name
    assert sum(gold.entry_point is None for gold in golds) < 5


def test_mxeval_rows(rows: Rows, reference_data: Callable[[str], Path]) -> None:
    for path in sorted(reference_data("mxeval_multilingual_humaneval").glob("*.gz")):
        for row in rows(f"mxeval_multilingual_humaneval/{path.name}"):
            gold = read_gold(from_mxeval(row))
            (case,) = gold.cases
            assert isinstance(case.test, AssertTest)
            assert case.test.entry_point == row["entry_point"]


def test_plus_rows_need_what_is_expected(rows: Rows) -> None:
    gold = from_humaneval_plus(rows("humaneval_plus/HumanEvalPlus.jsonl.gz")[0])
    assert len(gold["tests"]) > 100
    with pytest.raises(GoldError, match="tamis rewards expect"):
        read_gold(gold)


def test_arguments_of_mbpp_plus_have_the_types_of_its_assertions(rows: Rows) -> None:
    by_name = {row["entry_point"]: from_mbpp_plus(row) for row in rows("mbpp/MbppPlus.jsonl.gz")}
    assert by_name["similar_elements"]["tests"][0]["args"][0] == {"$tuple": [3, 4, 5, 6]}
    assert by_name["similar_elements"]["compare"]["as_set"]
    assert by_name["angle_complex"]["tests"][0]["args"] == [0.0, {"$complex": [0.0, 1.0]}]
    assert all("assert" in test for test in by_name["check_str"]["tests"])


def test_input_output_of_apps_and_taco() -> None:
    gold = from_input_output(json.dumps({"inputs": ["1 2\n", ["3", "4"]], "outputs": ["3\n", ["7"]]}))
    assert gold["tests"] == [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "3\n4", "stdout": "7"}]
    gold = from_input_output(
        {"fn_name": "add", "inputs": [[1, 2], [[1], 2]], "outputs": [[3], 4]}, solution="def add(a, b): ..."
    )
    assert gold["tests"] == [{"args": [1, 2], "accepts": [[3], 3]}, {"args": [[1], 2], "returns": 4}]
    read_gold(gold)
    with pytest.raises(GoldError, match="1 inputs and 2 outputs"):
        from_input_output({"inputs": [""], "outputs": ["", ""]})
    with pytest.raises(GoldError, match="no inputs"):
        from_input_output("{}")
    with pytest.raises(GoldError, match="no JSON"):
        from_input_output("{")


def test_livecodebench_rows() -> None:
    public = json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}])
    gold = from_livecodebench({"public_test_cases": public, "private_test_cases": public, "metadata": "{}"})
    assert gold["tests"] == [{"stdin": "1\n", "stdout": "2\n"}] * 2
    calls = json.dumps([{"input": '[1, 2]\n"a"', "output": "true", "testtype": "functional"}])
    gold = from_livecodebench({"public_test_cases": calls, "metadata": '{"func_name": "f"}'})
    assert gold["tests"] == [{"args": [[1, 2], "a"], "returns": True}]
    assert gold["entry_point"] == "f"


def test_pickled_test_cases_are_refused() -> None:
    # How the published files have them. Reading it would run `print`.
    packed = base64.b64encode(zlib.compress(pickle.dumps("[]"))).decode()
    with pytest.raises(GoldError, match="a pickle is code"):
        from_livecodebench({"public_test_cases": "[]", "private_test_cases": packed, "metadata": "{}"})
