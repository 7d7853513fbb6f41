"""From programs and golds to what each test came to: makes the jobs, has them run, judges what came back, asks checkers."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Final

from rewards.code.checkers import Checked, apply_checkers
from rewards.code.compose import python_prelude, with_headers, with_prelude, without_main
from rewards.code.extract import Program
from rewards.code.gold_form import CodeGold
from rewards.code.jobs import AssertTest, Budget, CallTest, Executor, Job, RunResult, Test
from rewards.code.scoring import Outcome, judge

_SOLUTION_CLASS: Final = re.compile(r"^class[ \t]+Solution\b", re.MULTILINE)


def run_programs(
    programs: Sequence[tuple[CodeGold, Program]], executor: Executor, budget: Budget, *, stop_early: bool = False
) -> list[list[Outcome]]:
    """Runs each program on the tests of its gold.

    Args:
        programs: golds, with the names of the language table, and programs.
        executor: runs them.
        budget: of each test, where the gold sets none.
        stop_early: leave out the tests after the first failure.

    Returns:
        A list of outcomes a program, in the order of its tests; shorter where the executor ended early.
    """
    jobs = [job_of(gold, program, budget, stop_early=stop_early) for gold, program in programs]
    found: list[list[Outcome]] = []
    waiting: list[Checked] = []
    for (gold, _), results in zip(programs, executor.execute(jobs), strict=True):
        outcomes = [judge(case, result, gold) for case, result in zip(gold.cases, results, strict=False)]
        found.append(outcomes)
        if gold.checker:
            waiting.append(Checked(gold, results, outcomes))
    if waiting:
        apply_checkers(waiting, executor)
    return found


def job_of(gold: CodeGold, program: Program, budget: Budget, *, stop_early: bool = False) -> Job:
    """Makes the job of a program: its source with what the prompt gives it, and the gold's tests without what is expected of them."""

    def passes(place: int, result: RunResult) -> bool:
        return judge(gold.cases[place], result, gold).status == "passed"

    prelude = ""
    if gold.language == "python":
        prelude = gold.prelude if gold.prelude is not None else python_prelude(gold.prompt, gold.entry_point)
    return Job(
        language=gold.language,
        source=source_of(gold, program, prelude),
        tests=tuple(_adapted(case.test, program, prelude) for case in gold.cases),
        budget=gold.budget(budget),
        stop_at_first_failure=stop_early,
        passes=passes if stop_early else None,
    )


def source_of(gold: CodeGold, program: Program, prelude: str) -> str:
    """Gives the whole source that is run."""
    if program.found == "continuation":
        return gold.prompt + program.text
    if gold.language == "python":
        return with_prelude(program.text, prelude)
    tests = "\n".join(case.test.code for case in gold.cases if isinstance(case.test, AssertTest))
    return with_headers(without_main(program.text, gold.language, tests), gold.prompt, gold.language, tests)


def _adapted(test: Test, program: Program, prelude: str) -> Test:
    """Gives assertions their prelude, and finds a function in the class `Solution`, as sites that ask for one have it."""
    if isinstance(test, AssertTest):
        return dataclasses.replace(test, prelude=prelude)
    if isinstance(test, CallTest) and "." not in test.function and _SOLUTION_CLASS.search(program.text):
        top_level = re.search(rf"^(?:async[ \t]+)?def[ \t]+{re.escape(test.function)}\b", program.text, re.MULTILINE)
        return test if top_level else dataclasses.replace(test, function=f"Solution.{test.function}")
    return test
