"""Tests of a gold, made and sifted: what is expected is computed from trusted solutions, and tests that judge wrongly or not at all go.

DeepSeek-R1 (2501.12948, the version of January 2026) had a model write tests, dropped those that correct submissions fail, and kept the test
sets that catch wrong ones. It publishes no counts or thresholds; those here are ours. All programs run in the executor's sandbox; the
functions are deterministic, and say of each dropped test which one and why.
"""

import collections
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rewards.code.extract import Program
from rewards.code.gold_form import Case, CodeGold, read_gold
from rewards.code.jobs import Budget, Executor, Job, NotData, RunResult, StdinTest
from rewards.code.running import job_of, run_programs
from rewards.code.scoring import Outcome, judge
from rewards.code.values import to_json

Gold = dict[str, Any]

_PENDING: Final = "$pending"
_UNKNOWN: Final = frozenset({"error", "unsupported", "bad_checker"})


@dataclasses.dataclass(frozen=True, slots=True)
class Dropped:
    """A test that went: its place in the tests that were given, and a named reason with its circumstances."""

    test: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Curated:
    """What curation left.

    Attributes:
        gold: the gold with the tests that stay, None where the problem is of no use; `reason` then says why.
        kept: places of those tests in what was given.
        dropped: the others, in order.
        uncaught: places of the wrong programs that pass all tests that stay.
        reason: `no_solution`, `no_tests_left` or `catches_too_little`; empty where there is a gold.
    """

    gold: Gold | None
    kept: tuple[int, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    uncaught: tuple[int, ...] = ()
    reason: str = ""


def with_expected(
    gold: Mapping[str, Any],
    executor: Executor,
    *,
    solutions: Sequence[str] = (),
    min_agreeing: int = 1,
    budget: Budget | None = None,
) -> Curated:
    """Computes what is expected of each test that has an input alone, by running trusted solutions.

    Args:
        gold: with tests `{"stdin": ...}` or `{"args": ...}`; those that have an expectation stay as they are.
        executor: runs the solutions.
        solutions: whole programs that were accepted; the gold's own `solution` goes first.
        min_agreeing: at least so many must run to their end; all that do must agree, by the gold's rules of comparison.
        budget: of each test where the gold sets none.

    Dropped are tests whose input no solution survives (`solution_crash: ...`), whose answers differ (`solutions_disagree`) or are no data
    (`no_data`), or that could not be run (`error: ...`). A second run of the first solution must agree as well: a random answer is no
    expectation (`not_repeatable`).

    Raises:
        GoldError: but for the missing expectations it is no gold.
    """
    programs = [text for text in (gold.get("solution"), *solutions) if text]
    if not programs:
        return Curated(None, reason="no_solution")
    pending = [place for place, test in enumerate(gold.get("tests") or ()) if _lacks_expectation(test)]
    read = read_gold(_with_tests(gold, [_asked(test) for test in gold.get("tests") or ()]))
    if not pending:
        return Curated(dict(gold), tuple(range(len(read.cases))))
    asked = dataclasses.replace(read, cases=tuple(read.cases[place] for place in pending), checker="")
    budget = budget or Budget()
    jobs = [job_of(asked, Program(text), budget) for text in (programs[0], *programs)]
    results = executor.execute(jobs)
    answers = [_agreed(asked, number, results, min_agreeing) for number in range(len(pending))]
    tests = list(gold["tests"])
    dropped = []
    for place, answer in zip(pending, answers, strict=True):
        if isinstance(answer, str):
            dropped.append(Dropped(place, answer))
        else:
            tests[place] = {**tests[place], **answer}
    return _curated(gold, tests, dropped)


def _lacks_expectation(test: Any) -> bool:
    return (
        isinstance(test, Mapping) and "assert" not in test and test.keys().isdisjoint({"stdout", "returns", "accepts"})
    )


def _asked(test: Any) -> Any:
    """Gives a test that lacks its expectation one that the form allows; it is never compared with."""
    if not _lacks_expectation(test):
        return test
    return {**test, ("stdout" if "stdin" in test else "returns"): _PENDING}


def _with_tests(gold: Mapping[str, Any], tests: Sequence[Any]) -> Gold:
    return {**gold, "tests": list(tests)}


def _agreed(gold: CodeGold, number: int, results: Sequence[Sequence[RunResult]], min_agreeing: int) -> Gold | str:
    """Gives what the solutions agree on for one test, or why there is nothing. The first two results are of the same program."""
    case = gold.cases[number]
    shown = [result[number] if number < len(result) else RunResult("error", error="no result") for result in results]
    ran = [result for result in shown[1:] if _ran(result, gold)]
    if len(ran) < min_agreeing or not _ran(shown[0], gold):
        failed = next((result for result in shown if not _ran(result, gold)), None)
        return f"solution_{failed.status}: {failed.error}"[:200] if failed else "too_few_solutions"
    answer = _as_expectation(case, ran[0])
    if isinstance(answer, str):
        return answer
    rule = dataclasses.replace(case, accepts=tuple(answer.values()) if "stdout" in answer else (ran[0].value,))
    if judge(rule, shown[0], gold).status != "passed":
        return "not_repeatable"
    if any(judge(rule, result, gold).status != "passed" for result in ran):
        return "solutions_disagree"
    return answer


def _as_expectation(case: Case, result: RunResult) -> Gold | str:
    """Gives a result as a gold holds it, or why it cannot."""
    try:
        if isinstance(case.test, StdinTest):
            return {"stdout": result.stdout.decode()}
        if not isinstance(result.value, NotData):
            answer = {"returns": to_json(result.value)}
            json.dumps(answer)  # refuses integers of thousands of digits, which no file could hold
            return answer
    except UnicodeDecodeError:
        return "no_data: the output is no UTF-8"
    except ValueError as failure:
        return f"no_data: {failure}"
    return f"no_data: {result.value.type_name}"


def _ran(result: RunResult, gold: CodeGold) -> bool:
    return result.status == "ok" or (result.status == "failed" and gold.any_exit_code)


def curate_tests(
    gold: Mapping[str, Any],
    executor: Executor,
    *,
    accepted: Sequence[str],
    wrong: Sequence[str] = (),
    min_caught: float = 1.0,
    minimal: bool = False,
    budget: Budget | None = None,
) -> Curated:
    """Sifts the tests of a gold by programs whose worth is known.

    Phase 1 drops each test that an accepted program fails (`fails_accepted: ...`). Phase 2 looks at what is left: the problem stays only if
    its tests catch at least the share `min_caught` of the wrong programs, that is, each of those fails one of them.

    Args:
        gold: with expectations (see `with_expected`).
        executor: runs the programs.
        accepted: whole programs that are right; the gold's own `solution` is one of them.
        wrong: whole programs that are wrong.
        min_caught: see above; looked at only where there are wrong programs.
        minimal: keep as few tests as catch the same wrong programs, chosen greedily, the earlier of two equals; the others are
            dropped as `catches_nothing_more`. Without wrong programs all stay.
        budget: of each test where the gold sets none.

    Raises:
        GoldError: the gold is none.
        ValueError: there is no accepted program.
    """
    read = read_gold(gold)
    right = [text for text in dict.fromkeys((read.solution, *accepted)) if text]
    if not right:
        raise ValueError("tests are curated by at least one accepted program, and there is none")
    budget = budget or Budget()
    outcomes = run_programs([(read, Program(text)) for text in (*right, *wrong)], executor, budget)
    dropped = []
    kept = []
    for place in range(len(read.cases)):
        reason = _failed_by(outcomes[: len(right)], place)
        if reason:
            dropped.append(Dropped(place, reason))
        else:
            kept.append(place)
    caught = [{place for place in kept if _catches(shown, place)} for shown in outcomes[len(right) :]]
    if minimal and any(caught):
        fewer = _cover(kept, caught)
        dropped += [Dropped(place, "catches_nothing_more") for place in kept if place not in fewer]
    done = _curated(gold, gold["tests"], sorted(dropped, key=lambda one: one.test))
    uncaught = tuple(number for number, places in enumerate(caught) if not places)
    done = dataclasses.replace(done, uncaught=uncaught)
    if done.gold is not None and wrong and 1 - len(uncaught) / len(wrong) < min_caught:
        return dataclasses.replace(done, gold=None, reason="catches_too_little")
    return done


def _failed_by(outcomes: Sequence[Sequence[Outcome]], place: int) -> str:
    for number, shown in enumerate(outcomes):
        outcome = shown[place] if place < len(shown) else Outcome("error", error="no result")
        if outcome.status in _UNKNOWN:
            return f"not_run: {outcome.status}: {outcome.error}"[:200]
        if outcome.status != "passed":
            return f"fails_accepted: program {number}: {outcome.status}"
    return ""


def _catches(shown: Sequence[Outcome], place: int) -> bool:
    return place < len(shown) and shown[place].status != "passed" and shown[place].status not in _UNKNOWN


def _cover(kept: Sequence[int], caught: Sequence[set[int]]) -> set[int]:
    """Gives few tests that catch all that is caught: the one that catches most of the rest, again and again."""
    left = [places for places in caught if places]
    chosen: set[int] = set()
    while left:
        counts = collections.Counter(place for places in left for place in places)
        best = max(kept, key=lambda place: (counts[place], -place))
        chosen.add(best)
        left = [places for places in left if best not in places]
    return chosen


def _curated(gold: Mapping[str, Any], tests: Sequence[Any], dropped: Sequence[Dropped]) -> Curated:
    gone = {one.test for one in dropped}
    kept = tuple(place for place in range(len(tests)) if place not in gone)
    if not kept:
        return Curated(None, dropped=tuple(dropped), reason="no_tests_left")
    return Curated(_with_tests(gold, [tests[place] for place in kept]), kept, tuple(dropped))


def generate_inputs(
    generator: str, executor: Executor, *, seeds: Sequence[int], language: str = "python", budget: Budget | None = None
) -> list[str]:
    """Runs a generator program, which reads a seed from stdin and writes one input, and gives the distinct inputs in the order of the seeds.

    A generator was mostly written by a model, so it runs in the sandbox too. Seeds at which it fails give nothing.
    """
    tests = tuple(StdinTest(f"{seed}\n") for seed in seeds)
    (results,) = executor.execute([Job(language, generator, tests, budget or Budget())])
    inputs = dict[str, None]()
    for result in results:
        if result.status == "ok" and result.stdout:
            try:
                inputs[result.stdout.decode()] = None
            except UnicodeDecodeError:
                continue
    return list(inputs)
