"""Tests of a gold, made by trusted solutions and sifted by right and wrong ones."""

from collections.abc import Iterator

import pytest

from rewards.code.curation import Dropped, curate_tests, generate_inputs, with_expected
from rewards.code.executors import OwnExecutor, own_executor

DOUBLE = "print(2 * int(input()))"


@pytest.fixture(scope="module")
def executor() -> Iterator[OwnExecutor]:
    own = own_executor(slots=1, unsafe_no_sandbox=False)
    yield own
    own.close()


def test_expectations_come_from_agreeing_solutions(executor: OwnExecutor) -> None:
    gold = {
        "language": "python",
        "solution": DOUBLE,
        "tests": [{"stdin": "3"}, {"stdin": "x"}, {"stdin": "-4"}, {"stdin": "5", "stdout": "10"}],
    }
    done = with_expected(gold, executor, solutions=["n = int(input())\nprint(abs(n) * 2)"])
    assert done.gold is not None
    assert done.gold["tests"] == [{"stdin": "3", "stdout": "6\n"}, {"stdin": "5", "stdout": "10"}]
    assert done.kept == (0, 3)
    assert [one.test for one in done.dropped] == [1, 2]
    assert done.dropped[0].reason.startswith("solution_crash: ValueError")
    assert done.dropped[1] == Dropped(2, "solutions_disagree")


def test_values_keep_their_types(executor: OwnExecutor) -> None:
    gold = {
        "language": "python",
        "entry_point": "f",
        "solution": "import time\ndef f(x):\n    return {'a': (x, {x}), 'o': object, 'r': time.time_ns()}[['a', 'o', 'r'][x]]",
        "tests": [{"args": [0]}, {"args": [1]}, {"args": [2]}],
    }
    done = with_expected(gold, executor)
    assert done.gold is not None
    assert done.gold["tests"] == [{"args": [0], "returns": {"$tuple": [0, {"$set": [0]}]}}]
    assert [one.reason.split(":")[0] for one in done.dropped] == ["no_data", "not_repeatable"]


def test_without_a_solution_nothing_is_made(executor: OwnExecutor) -> None:
    gold = {"language": "python", "tests": [{"stdin": ""}]}
    assert with_expected(gold, executor).reason == "no_solution"
    assert with_expected({**gold, "solution": "1/0"}, executor).reason == "no_tests_left"


SQUARES = {
    "language": "python",
    "entry_point": "sq",
    "tests": [{"args": [n], "returns": r} for n, r in ((0, 0), (1, 1), (2, 5), (2, 4), (3, 9), (-1, 1))],
}
RIGHT = "def sq(n):\n    return n * n"
WRONG = [
    "def sq(n):\n    return n",
    "def sq(n):\n    return 2 * n",
    "def sq(n):\n    return abs(n) * n",
    "def sq(n):\n    return n ** 2",
]


def test_tests_that_accepted_programs_fail_go(executor: OwnExecutor) -> None:
    done = curate_tests(SQUARES, executor, accepted=[RIGHT], wrong=WRONG[:3])
    assert done.gold is not None
    assert done.kept == (0, 1, 3, 4, 5)
    assert done.dropped == (Dropped(2, "fails_accepted: program 0: wrong"),)
    assert done.uncaught == ()


def test_few_tests_catch_the_same(executor: OwnExecutor) -> None:
    done = curate_tests(SQUARES, executor, accepted=[RIGHT], wrong=WRONG[:3], minimal=True)
    assert done.gold is not None
    # -1 catches n, 2n and |n|n alone.
    assert done.kept == (5,)
    assert {one.reason for one in done.dropped} == {"fails_accepted: program 0: wrong", "catches_nothing_more"}


def test_a_problem_whose_tests_catch_too_little_goes(executor: OwnExecutor) -> None:
    done = curate_tests(SQUARES, executor, accepted=[RIGHT], wrong=WRONG)
    assert (done.gold, done.reason, done.uncaught) == (None, "catches_too_little", (3,))
    assert curate_tests(SQUARES, executor, accepted=[RIGHT], wrong=WRONG, min_caught=0.75).gold is not None
    assert curate_tests(SQUARES, executor, accepted=["def sq(n):\n    return 7"]).reason == "no_tests_left"
    with pytest.raises(ValueError, match="accepted program"):
        curate_tests(SQUARES, executor, accepted=[])


def test_a_generator_gives_inputs(executor: OwnExecutor) -> None:
    generator = "seed = int(input())\nassert seed != 2\nprint(seed % 3, seed // 10)"
    assert generate_inputs(generator, executor, seeds=[0, 1, 2, 3, 4]) == ["0 0\n", "1 0\n"]
    assert generate_inputs("x x", executor, seeds=[1]) == []
