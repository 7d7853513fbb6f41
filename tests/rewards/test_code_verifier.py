"""The `code` verifier from end to end: real programs in the real sandbox."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import code_exploits as exploits
from rewards import get_verifier
from rewards.code import executors
from rewards.code.curation import with_expected
from rewards.code.executors import OwnExecutor, own_executor
from rewards.code.golds import from_humaneval, from_humaneval_plus, from_input_output, from_mbpp, from_mbpp_plus
from rewards.registry import Verifier
from rewards.sandbox.isolation import Isolation
from schemas.errors import UserError


@pytest.fixture(scope="module")
def executor() -> Iterator[OwnExecutor]:
    own = own_executor(slots=2, unsafe_no_sandbox=False)
    yield own
    own.close()


@pytest.fixture
def verifier(executor: OwnExecutor) -> Verifier:
    return get_verifier("code", executor=executor, cpu_seconds=20.0)  # and three times as much on the clock


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def statuses(verifier: Verifier, sources: list[str], gold: dict[str, Any]) -> list[str]:
    found = verifier.verify_batch(
        [f"```{gold['language']}\n{source}\n```" for source in sources], [gold] * len(sources)
    )
    return [one.status for one in found]


@pytest.mark.parametrize(
    "gold",
    [exploits.ASSERT_GOLD, exploits.CALL_GOLD, exploits.STDIN_GOLD, exploits.SILENT_GOLD],
    ids=["assert", "call", "stdin", "silent"],
)
def test_a_gold_accepts_its_solution(verifier: Verifier, gold: dict[str, Any]) -> None:
    completion = verifier.gold_completion(gold)
    assert completion is not None
    assert verifier(completion, gold).status == "correct"


@pytest.mark.parametrize("gold", [exploits.ASSERT_GOLD, exploits.CALL_GOLD], ids=["assert", "call"])
def test_programs_that_cheat_score_nothing(verifier: Verifier, gold: dict[str, Any]) -> None:
    gentle = [one for one in exploits.CALLED if one.gentle]
    found = verifier.verify_batch([f"```python\n{one.source}```" for one in gentle], [gold] * len(gentle))
    assert {one.name: verdict.score for one, verdict in zip(gentle, found, strict=True)} == {
        one.name: 0.0 for one in gentle
    }


def test_scripts_that_cheat_score_nothing(verifier: Verifier) -> None:
    for programs, gold in ((exploits.SCRIPTS, exploits.STDIN_GOLD), (exploits.SILENT, exploits.SILENT_GOLD)):
        gentle = [one.source for one in programs if one.gentle]
        found = statuses(verifier, gentle, gold)
        assert set(found) <= {"incorrect", "crash", "unparseable"}, found


def test_each_limit_has_its_status(executor: OwnExecutor) -> None:
    gold = {
        "language": "python",
        "entry_point": "f",
        "tests": [{"args": [], "returns": 1}],
        "limits": {"cpu_seconds": 0.5, "memory_mib": 64, "output_kib": 64},
    }
    verifier = get_verifier("code", executor=executor)
    programs = {
        "def f():\n    while True: pass": "time_limit",
        "def f():\n    return len(b'x' * (1 << 30))": "memory_limit",
        "def f():\n    return 'x' * (1 << 20)": "output_limit",
        "def f():\n    import os; os.abort()": "crash",
        "def f():\n    return 1 +": "unparseable",
        "def f():\n    return 2": "incorrect",
        "def f():\n    return 1": "correct",
    }
    assert statuses(verifier, list(programs), gold) == list(programs.values())


def test_humaneval_and_mbpp_accept_their_solutions(verifier: Verifier, reference_data: Callable[[str], Path]) -> None:
    golds = [from_humaneval(row) for row in rows(reference_data("humaneval"), "HumanEval.jsonl.gz")]
    golds += [from_mbpp(row) for row in rows(reference_data("mbpp"), "mbpp.jsonl.gz")[:60]]
    found = verifier.verify_batch([verifier.gold_completion(gold) or "" for gold in golds], golds)
    assert [(gold, one.detail) for gold, one in zip(golds, found, strict=True) if one.score != 1.0] == []


def test_a_base_model_goes_on_from_the_prompt(executor: OwnExecutor, reference_data: Callable[[str], Path]) -> None:
    row = rows(reference_data("humaneval"), "HumanEval.jsonl.gz")[0]
    gold, body = from_humaneval(row), row["canonical_solution"]
    auto, plain, stopping = (
        get_verifier("code", executor=executor, **settings)
        for settings in ({}, {"form": "continuation"}, {"form": "continuation", "stop": True})
    )
    assert auto(body, gold).score == plain(body, gold).score == 1.0
    rambling = body + "\nprint('more'\n"
    assert plain(rambling, gold).status == "unparseable"
    assert stopping(rambling, gold).score == 1.0
    assert auto(f"Sure:\n```python\n{row['prompt'].split(chr(10) * 2)[-1]}{body}```", gold).score == 1.0


def test_plus_golds_are_made_from_their_solutions(executor: OwnExecutor, reference_data: Callable[[str], Path]) -> None:
    plus = {row["entry_point"]: row for row in rows(reference_data("humaneval_plus"), "HumanEvalPlus-Mini.jsonl.gz")}
    mbpp = {row["entry_point"]: row for row in rows(reference_data("mbpp"), "MbppPlus.jsonl.gz")}
    golds = [from_humaneval_plus(plus[name]) for name in ("has_close_elements", "find_zero")]
    golds += [
        from_mbpp_plus({**mbpp[name], "plus_input": mbpp[name]["plus_input"][:5]})
        for name in ("similar_elements", "angle_complex")
    ]
    verifier = get_verifier("code", executor=executor)
    for gold in golds:
        done = with_expected(gold, executor)
        assert done.gold is not None, done
        assert len(done.kept) > 3
        assert verifier(verifier.gold_completion(done.gold) or "", done.gold).score == 1.0, gold["entry_point"]
        wrong = f"```python\ndef {gold['entry_point']}(*args):\n    return 0.5\n```"
        assert verifier(wrong, done.gold).status == "incorrect"


def test_a_checker_accepts_what_is_right_in_its_own_way(verifier: Verifier) -> None:
    gold = {
        "language": "python",
        "tests": [{"stdin": "10\n"}, {"stdin": "7\n"}],
        "checker": "def check(input, output, expected):\n    a, b = map(int, output.split())\n    return a + b == int(input) and a != b",
    }
    programs = {
        "n = int(input())\nprint(n, 0)": "correct",
        "n = int(input())\nprint(n + 1, -1)": "correct",
        "n = int(input())\nprint(n // 2, n - n // 2)": "incorrect",
        "print('a + b')": "incorrect",
        "print('\\ud800'.encode('utf-8', 'surrogatepass'))": "incorrect",
    }
    assert statuses(verifier, list(programs), gold) == list(programs.values())
    assert statuses(verifier, ["print(1, 2)"], {**gold, "checker": "def chek(): pass"}) == ["bad_gold"]
    assert statuses(verifier, ["print(1, 2)"], {**gold, "checker": "def check(:"}) == ["bad_gold"]
    last = "def check(i, output, e):\n    for line in output.split():\n        last = line\n    return last == '3'"
    assert statuses(verifier, ["print(1, 2)", "pass"], {**gold, "checker": last}) == ["incorrect", "incorrect"]


def test_credit_by_test(executor: OwnExecutor) -> None:
    gold = from_input_output({"inputs": ["1", "2", "3", "4"], "outputs": ["1", "4", "9", "16"]})
    square, constant = "```python\nprint(int(input()) ** 2)\n```", "```python\nprint(int(input()))\n```"
    by_test = get_verifier("code", executor=executor, all_or_nothing=False)
    assert [by_test(one, gold).score for one in (square, constant)] == [1.0, 0.25]
    assert [get_verifier("code", executor=executor)(one, gold).score for one in (square, constant)] == [1.0, 0.0]


def test_a_class_solution_is_found(verifier: Verifier) -> None:
    gold = from_input_output({"fn_name": "twice", "inputs": [[[1, 2]], [[]]], "outputs": [[2, 4], []]})
    programs = [
        "class Solution:\n    def twice(self, l: List[int]) -> List[int]:\n        return [2 * x for x in l]",
        "def twice(l):\n    return tuple(2 * x for x in l)",
        "class Solution:\n    def thrice(self, l):\n        return l",
    ]
    assert statuses(verifier, programs, gold) == ["correct", "correct", "crash"]


def test_hostile_text_in_programs_is_no_failure_of_ours(verifier: Verifier) -> None:
    programs = [
        "x = '\x00'",
        "x = '\ud800'",
        "(" * 50_000,
        "x = " + "-" * 100_000 + "1",
        "\\",
        "# " + "\u202e" * 1000,
        "if 1:\n\tx=1\n        y=2",
    ]
    found = statuses(verifier, programs, exploits.CALL_GOLD)
    assert set(found) <= {"crash", "unparseable", "memory_limit"}, found


def test_other_languages_go_the_same_way(verifier: Verifier) -> None:
    gold = {"language": "sh", "tests": [{"stdin": "3\n", "stdout": "6\n"}]}
    assert statuses(verifier, ["read n; echo $((2 * n))", "echo 5", "echo 6; exit 1"], gold) == [
        "correct",
        "incorrect",
        "crash",
    ]


def test_without_isolation_nothing_runs_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "find_isolation", lambda: Isolation(available=False, reason="no namespaces"))
    with pytest.raises(UserError, match=r"no namespaces.*--unsafe-no-sandbox"):
        get_verifier("code")
    unsafe = get_verifier("code", unsafe_no_sandbox=True)
    try:
        assert unsafe(f"```python\n{exploits.HONEST}```", exploits.CALL_GOLD).score == 1.0
    finally:
        unsafe.close()
