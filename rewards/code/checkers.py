"""Special judges: a gold's own `check(input, output, expected)`, for problems with more than one right answer.

A checker is trusted code of the gold, yet what it reads was written by a model, so it runs in the sandbox too: in a process that never held the
candidate, which sees of it only its output, as data.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from rewards.code.gold_form import Case, CodeGold
from rewards.code.jobs import NO_ARGUMENTS, AssertTest, Budget, CallTest, Executor, Job, RunResult, StdinTest
from rewards.code.scoring import PASSED, Outcome, shown, shown_output

_BUDGET: Final = Budget(cpu_seconds=10.0, wall_seconds=30.0)

_DEFECTS: Final = ("NameError", "ImportError", "ModuleNotFoundError")
"""Exceptions that say that the checker itself is broken, whatever it was given. Any other is taken for an output it could not read:
an `UnboundLocalError` too, which a loop over the lines of an empty output leaves behind."""


@dataclasses.dataclass(slots=True)
class Checked:
    """One program's results that wait for the gold's checker; `outcomes` is filled in place."""

    gold: CodeGold
    results: Sequence[RunResult]
    outcomes: list[Outcome]


def apply_checkers(waiting: Sequence[Checked], executor: Executor) -> None:
    """Asks the checkers about every test that has passed so far, in one go, and writes their word into the outcomes.

    An output that is refused, or that the checker raises on or takes too long over, is `wrong`. A checker that does not compile, has no `check`, or
    answers neither a boolean nor a number from 0 to 1 is `bad_checker`.
    """
    places = [
        [
            place
            for place, (case, outcome) in enumerate(zip(checked.gold.cases, checked.outcomes, strict=False))
            if outcome.status == "passed" and not isinstance(case.test, AssertTest)
        ]
        for checked in waiting
    ]
    jobs = [
        Job("python", checked.gold.checker, tuple(_question(checked, place) for place in asked), _BUDGET)
        for checked, asked in zip(waiting, places, strict=True)
        if asked
    ]
    answers = iter(executor.execute(jobs))
    for checked, asked in zip(waiting, places, strict=True):
        if not asked:
            continue
        for place, answer in zip(asked, next(answers), strict=True):
            checked.outcomes[place] = _outcome(answer, checked.gold.cases[place], checked.results[place])


def _question(checked: Checked, place: int) -> CallTest:
    case, result = checked.gold.cases[place], checked.results[place]
    expected = case.accepts[0] if case.accepts else None
    if isinstance(case.test, StdinTest):
        return CallTest("check", [case.test.stdin, result.stdout.decode(errors="replace"), expected])
    given = case.test.args if isinstance(case.test, CallTest) else []
    return CallTest("check", [given, result.value, expected])


def _outcome(answer: RunResult, case: Case, result: RunResult) -> Outcome:
    got = shown_output(result.stdout) if isinstance(case.test, StdinTest) else shown(result.value)
    if answer.status in ("error", "unsupported") and not answer.error.startswith(NO_ARGUMENTS):
        return Outcome(answer.status, error=f"checker: {answer.error}")
    if answer.status == "compile_error" or answer.error.startswith(_DEFECTS):
        return Outcome("bad_checker", error=f"checker: {answer.error}")
    if answer.status != "ok":
        return Outcome("wrong", error=f"checker: {answer.error or answer.status}", got=got)
    share = _share(answer.value)
    if share is None:
        return Outcome(
            "bad_checker", error=f"checker answered {shown(answer.value)}, not a boolean or a number from 0 to 1"
        )
    return PASSED if share == 1.0 else Outcome("wrong", share, got=got)


def _share(value: Any) -> float | None:
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        return None
    return float(value)
