"""From what tests showed to a verdict: every status where it belongs, our failures without a score."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from scripted_executor import ScriptedExecutor, always

from rewards.code.gold_form import read_gold
from rewards.code.jobs import NotData, RunResult, RunStatus
from rewards.code.scoring import MAX_LISTED, Outcome, judge, shown, verdict_of
from rewards.code.verifier import code
from rewards.registry import get_verifier

STDIN = {"language": "python", "tests": [{"stdin": "", "stdout": "1"}, {"stdin": "", "stdout": "2"}]}
PROGRAM = "```python\nprint(input())\n```"


def verdict(results: Sequence[RunResult], gold: dict[str, Any] = STDIN, **settings: Any) -> Any:
    return get_verifier("code", executor=always(*results), **settings)(PROGRAM, gold)


RIGHT = [RunResult("ok", stdout=b"1\n"), RunResult("ok", stdout=b"2\n")]


def test_all_right() -> None:
    found = verdict(RIGHT)
    assert (found.score, found.status) == (1.0, "correct")
    assert found.detail["passed"] == found.detail["num_tests"] == 2


@pytest.mark.parametrize(
    ("run", "score", "status"),
    [
        ("compile_error", 0.0, "unparseable"),
        ("time_limit", 0.0, "time_limit"),
        ("memory_limit", 0.0, "memory_limit"),
        ("output_limit", 0.0, "output_limit"),
        ("crash", 0.0, "crash"),
        ("failed", 0.0, "crash"),  # an exit code that is not 0
        ("unsupported", None, "unsupported"),
        ("error", None, "error"),
    ],
)
def test_each_status_has_its_place(run: RunStatus, score: float | None, status: str) -> None:
    found = verdict([RIGHT[0], RunResult(run, stdout=b"2\n", error="why", exit_code=3)])
    assert (found.score, found.status) == (score, status)
    assert found.detail["first_failure"]["test"] == 1


def test_the_first_failure_decides() -> None:
    assert verdict([RunResult("ok", stdout=b"x"), RunResult("time_limit")]).status == "incorrect"
    assert verdict([RunResult("time_limit"), RunResult("ok", stdout=b"x")]).status == "time_limit"


def test_a_test_of_ours_that_failed_changes_nothing_beside_a_failure_of_the_program() -> None:
    results = [RunResult("error"), RunResult("ok", stdout=b"x")]
    assert verdict(results).score == 0.0
    assert verdict(results, all_or_nothing=False).score is None


def test_credit_by_test_is_a_setting() -> None:
    results = [RIGHT[0], RunResult("ok", stdout=b"x")]
    assert verdict(results).score == 0.0
    partly = verdict(results, all_or_nothing=False)
    assert (partly.score, partly.status, partly.detail["tests"]) == (0.5, "partial", ["passed", "wrong"])
    assert partly.detail["first_failure"] == {"test": 1, "status": "wrong", "got": "x", "expected": "2"}


def test_a_result_that_is_absent_is_no_pass() -> None:
    assert verdict([]).status == "error"
    assert verdict([RIGHT[0]]).status == "error"
    assert verdict([RunResult("ok", stdout=b"x")]).status == "incorrect"  # ended at the first failure, as asked


def test_the_exit_code_counts_unless_the_gold_says_otherwise() -> None:
    results = [RIGHT[0], RunResult("failed", stdout=b"2", exit_code=1)]
    assert verdict(results).detail["reason"] == "exit_code"
    assert verdict(results, {**STDIN, "exit_code": "any"}).score == 1.0


def test_an_object_is_no_answer_though_it_claims_to_equal_all() -> None:
    gold = read_gold({"language": "python", "entry_point": "f", "tests": [{"args": [], "returns": 1}]})
    outcome = judge(gold.cases[0], RunResult("ok", value=NotData("AlwaysEqual")), gold)
    assert outcome == Outcome("wrong", got="an object of type AlwaysEqual")


def test_the_detail_is_bounded_and_fit_for_a_store() -> None:
    gold = read_gold({"language": "python", "tests": [{"stdin": "", "stdout": "\x00\ud800" * 1000}] * 200})
    outcomes = [Outcome("wrong", got=shown("\x00\ud800" * 10_000))] * 200
    detail = verdict_of(gold, outcomes, all_or_nothing=True, stopped=False, detail={}).detail
    assert len(detail["tests"]) == MAX_LISTED
    text = str(detail["first_failure"])
    assert len(text) < 2_000
    assert "\x00" not in text
    text.encode()
    assert "too large" in shown(10**5000)


def test_a_job_holds_nothing_of_what_is_expected() -> None:
    executor = always(*RIGHT)
    secret = "the expected output"
    get_verifier("code", executor=executor)(
        PROGRAM, {"language": "python", "tests": [{"stdin": "a", "stdout": secret}]}
    )
    (job,) = executor.jobs
    assert secret not in repr(dataclasses.replace(job, passes=None))


def test_equal_programs_run_once() -> None:
    executor = always(*RIGHT)
    verifier = get_verifier("code", executor=executor)
    other = {**STDIN, "exit_code": "any"}
    found = verifier.verify_batch([PROGRAM, f"Thus:\n{PROGRAM}", PROGRAM], [STDIN, dict(STDIN), other])
    assert len(executor.jobs) == 2
    assert [one.score for one in found] == [1.0, 1.0, 1.0]


def test_bad_golds_and_unknown_languages_have_no_score() -> None:
    assert verdict(RIGHT, {"language": "python"}).status == "bad_gold"
    unknown = verdict(RIGHT, {**STDIN, "language": "intercal"})
    assert (unknown.score, unknown.status) == (None, "unsupported")


def test_what_is_no_program_is_unparseable() -> None:
    verifier = get_verifier("code", executor=always())
    assert verifier("No idea.", STDIN).status == "unparseable"
    assert verifier("```python\n" + "x = 1\n" * 100_000, STDIN).status == "too_complex"


def test_a_checker_says_what_is_right() -> None:
    gold = {"language": "python", "tests": [{"stdin": "1"}, {"stdin": "2"}], "checker": "def check(i, o, e): ..."}

    def scored(**settings: Any) -> Any:
        executor = ScriptedExecutor(lambda job: answers if "check" in job.source else RIGHT)
        return get_verifier("code", executor=executor, **settings)(PROGRAM, gold)

    answers = [RunResult("ok", value=True), RunResult("ok", value=1.0)]
    assert scored().score == 1.0
    answers = [RunResult("ok", value=True), RunResult("ok", value=0.5)]
    assert scored().score == 0.0
    assert scored(all_or_nothing=False).score == 0.75
    answers = [RunResult("ok", value=True), RunResult("crash", error="ValueError: could not read")]
    assert scored().status == "incorrect"
    for broken in (RunResult("ok", value="yes"), RunResult("ok", value=2), RunResult("crash", error="NameError: x")):
        answers = [RunResult("ok", value=True), broken]
        assert scored().status == "bad_gold"
    answers = [RunResult("ok", value=True), RunResult("error", error="gone")]
    assert scored().status == "error"


def test_the_gold_s_solution_is_a_completion() -> None:
    check = get_verifier("code", executor=always())
    fenced = {**STDIN, "solution": "s = '''\n```\n'''"}
    assert check.gold_completion(fenced) == "````python\ns = '''\n```\n'''\n````"
    assert check.gold_completion(STDIN) is None
    assert check.gold_completion("bad") is None
    base = get_verifier("code", executor=always(), form="continuation")
    assert (
        base.gold_completion({**STDIN, "prompt": "def f():\n", "solution": "def f():\n    return 1"}) == "    return 1"
    )
    assert base.gold_completion(fenced) is None


def test_completions_with_one_program_share_a_key() -> None:
    check: Any = code(executor=always())
    keys = check.answer_keys(
        [PROGRAM, f"<think>long</think>Thus:\n{PROGRAM}\nDone.", PROGRAM.replace("print", "write"), "print(1)"]
    )
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    base: Any = code(executor=always(), form="continuation")
    assert len(set(base.answer_keys([PROGRAM, f"Thus:\n{PROGRAM}"]))) == 2


def test_settings_are_refused_by_name() -> None:
    with pytest.raises(Exception, match="form must be one of"):
        get_verifier("code", executor=always(), form="guess")
    with pytest.raises(Exception, match="cpu_seconds must be positive"):
        get_verifier("code", executor=always(), cpu_seconds=0)


CALLS = {"language": "python", "entry_point": "f", "tests": [{"args": [at], "returns": at * 0.1} for at in range(3)]}


def does(gold: dict[str, Any], *results: RunResult, stopped: bool = False) -> str | None:
    read = read_gold(gold)
    outcomes = [judge(case, result, read) for case, result in zip(read.cases, results, strict=False)]
    detail = verdict_of(read, outcomes, all_or_nothing=True, stopped=stopped, detail={}).detail
    return detail.get("behaviour")


def gave(*values: Any) -> list[RunResult]:
    return [RunResult("ok", value=value) for value in values]


def test_programs_that_do_the_same_are_one_class_and_right_ones_another() -> None:
    near = {**CALLS, "compare": {"abs_tol": 1e-6}}
    right = does(near, *gave(0, 0.1, 0.2))
    assert right == does(near, *gave(0.0, 0.1 + 1e-9, 0.2)) is not None
    wrong = does(near, *gave(0, 0.1, 7.0))
    assert wrong == does(near, *gave(0, 0.1, 7.0 + 1e-12)) not in (None, right)
    assert does(near, *gave(0, 0.1, 8)) not in (wrong, right)
    crashed = does(near, *gave(0, 0.1), RunResult("crash", error="ZeroDivisionError"))
    assert crashed not in (None, wrong, right)
    assert does(near, *gave(0, 3), stopped=True) == does(near, *gave(0, 3.0), stopped=True)
    assert does(CALLS, *gave(1, 0.1, 0.2)) != does(CALLS, *gave(1, (1, 2), 0.2)) == does(CALLS, *gave(1, [1, 2], 0.2))


def test_outputs_are_the_same_but_for_what_the_gold_takes_no_notice_of() -> None:
    gold = {"language": "python", "tests": [{"stdin": "", "stdout": "Yes 1\n"}]}
    said = lambda text, **compare: does({**gold, "compare": compare}, RunResult("ok", stdout=text.encode()))  # noqa: E731
    assert said("no 2 \n\n") == said("no 2") != said("No 2")
    assert said("no 2", ignore_case=True) == said("NO 2", ignore_case=True)
    assert said("no 2", output="tokens") == said("no\n2", output="tokens")
    assert said("no 2.50", numbers=True) == said("no +2.5", numbers=True) != said("no 2.51", numbers=True)


def test_what_shows_no_output_has_no_behaviour() -> None:
    failed, ok = RunResult("failed", error="no"), RunResult("ok")
    assert does({"language": "python", "tests": [{"assert": "assert f() == 1"}]}, ok) is None
    assert does({**CALLS, "checker": "def check(input, output, expected): return True"}, *gave(1, 2, 3)) is None
    assert (
        does({"language": "python", "entry_point": "f", "tests": [{"args": [], "accepts": [1, 2]}]}, *gave(3)) is None
    )
    assert does(CALLS, *gave(0, NotData("Thing"), 1)) is None
    assert does(CALLS, RunResult("crash"), stopped=True) is None
    assert does(CALLS, *gave(0, 0.1), RunResult("error")) is None
    assert does({"language": "python", "tests": [{"stdin": "", "stdout": "1"}]}, failed) is None
