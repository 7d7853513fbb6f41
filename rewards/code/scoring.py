"""From what the tests of one program showed to its verdict. Pure: results in, a `Verdict` out.

| what a test showed | counts as | status of the verdict, when it decides |
| --- | --- | --- |
| ran, and what came of it is accepted | passed | `correct` |
| ran, another output or value; an assertion that failed; refused by the checker | failed | `incorrect` |
| exception, signal, exit in the middle of a call, exit code not 0 | failed | `crash` |
| more time, memory or output than its budget | failed | `time_limit`, `memory_limit`, `output_limit` |
| does not compile | failed | `unparseable` |
| no toolchain; the sandbox failed | unknown | `unsupported`, `error`: no score |
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rewards.code.behaviour import behaviour_of, name_output, name_value
from rewards.code.compare import same_output, same_value
from rewards.code.gold_form import Case, CodeGold
from rewards.code.jobs import OURS, AssertTest, NotData, RunResult, StdinTest
from rewards.verdict import Status, Verdict

MAX_LISTED: Final = 50
"""So many tests are listed in a verdict's detail, in order."""

SHOWN_CHARS: Final = 200
"""So much of an expectation, an output or an error is shown."""

_STATUSES: Final[Mapping[str, Status]] = {
    "wrong": "incorrect",
    "failed": "incorrect",
    "exit_code": "crash",
    "compile_error": "unparseable",
    "time_limit": "time_limit",
    "memory_limit": "memory_limit",
    "output_limit": "output_limit",
    "crash": "crash",
    "unsupported": "unsupported",
    "error": "error",
    "bad_checker": "bad_gold",
}
_UNKNOWN: Final = OURS | {"bad_checker"}


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What one test came to.

    Attributes:
        status: `passed`, `wrong`, `exit_code`, `bad_checker`, or a status of `RunResult` other than `ok`.
        share: 1.0 for passed, 0.0 for the rest; a checker may say something between, with `wrong`.
        error: one line, or empty.
        got: what the program wrote or returned, short, where that was compared.
        name: of what it wrote or returned, where that was compared and is wrong; equal for equal outputs.
    """

    status: str
    share: float = 0.0
    error: str = ""
    got: str = ""
    name: str = ""


PASSED: Final = Outcome("passed", 1.0)


def judge(case: Case, result: RunResult, gold: CodeGold) -> Outcome:
    """Judges the result of one test; where a checker is to say, a result that ran is `passed` for now."""
    status = result.status
    if isinstance(case.test, StdinTest) and status == "failed":
        if not gold.any_exit_code:
            return Outcome("exit_code", error=result.error or f"exit code {result.exit_code}")
        status = "ok"
    if status != "ok":
        return Outcome(status, error=result.error)
    if isinstance(result.value, NotData):
        return Outcome("wrong", got=f"an object of type {result.value.type_name}")
    if isinstance(case.test, AssertTest) or gold.checker or case.accepts is None:
        return PASSED
    return _compared(case, case.accepts, result, gold)


def _compared(case: Case, accepts: Sequence[Any], result: RunResult, gold: CodeGold) -> Outcome:
    if isinstance(case.test, StdinTest):
        if any(same_output(result.stdout, expected, gold.rules) for expected in accepts):
            return PASSED
        return Outcome("wrong", got=shown_output(result.stdout), name=name_output(result.stdout, gold.rules))
    if any(same_value(result.value, expected, gold.rules) for expected in accepts):
        return PASSED
    return Outcome("wrong", got=shown(result.value), name=name_value(result.value, gold.rules))


def verdict_of(
    gold: CodeGold, outcomes: Sequence[Outcome], *, all_or_nothing: bool, stopped: bool, detail: Mapping[str, Any]
) -> Verdict:
    """Gives the verdict on a program.

    Args:
        gold: what was asked.
        outcomes: of its tests, in order; may be shorter than the tests only where `stopped` and the last one failed.
        all_or_nothing: 1.0 when every test passed, else 0.0; otherwise the mean of the tests' shares.
        stopped: tests after the first failure were left out.
        detail: what is known of the program; the counts are added.

    Where all or nothing is asked for and a test failed, a test of unknown outcome changes nothing: the score is 0.0. Of several
    failures the first decides the status.
    """
    outcomes = list(outcomes)
    complete = len(outcomes) == len(gold.cases) or (stopped and bool(outcomes) and outcomes[-1].status != "passed")
    if not complete:
        outcomes.append(Outcome("error", error="the executor gave no result for this test"))
    detail = {**detail, **_counts(gold, outcomes)}
    unknown = next((outcome for outcome in outcomes if outcome.status in _UNKNOWN), None)
    failure = next(
        (outcome for outcome in outcomes if outcome.status != "passed" and outcome.status not in _UNKNOWN), None
    )
    if unknown is not None and (failure is None or not all_or_nothing):
        return Verdict(None, _STATUSES[unknown.status], {"reason": unknown.status, "error": unknown.error, **detail})
    if failure is None:
        return Verdict(1.0, "correct", detail)
    reason = {"reason": failure.status}
    score = 0.0 if all_or_nothing else sum(outcome.share for outcome in outcomes) / len(gold.cases)
    if score > 0.0:
        return Verdict(score, "partial", {**reason, **detail})
    return Verdict(0.0, _STATUSES[failure.status], {**reason, **detail})


def _counts(gold: CodeGold, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    passed = sum(outcome.status == "passed" for outcome in outcomes)
    counts: dict[str, Any] = {
        "num_tests": len(gold.cases),
        "num_run": len(outcomes),
        "passed": passed,
        "tests": [outcome.status for outcome in outcomes[:MAX_LISTED]],
    }
    behaviour = behaviour_of(gold, [(outcome.status, outcome.name) for outcome in outcomes])
    if behaviour is not None:
        counts["behaviour"] = behaviour
    place = next((place for place, outcome in enumerate(outcomes) if outcome.status != "passed"), None)
    if place is not None:
        counts["first_failure"] = _described(gold, place, outcomes[place])
    return counts


def _described(gold: CodeGold, place: int, outcome: Outcome) -> dict[str, Any]:
    description: dict[str, Any] = {"test": place, "status": outcome.status}
    if outcome.error:
        description["error"] = _clean(outcome.error)
    if outcome.status == "wrong":
        description["got"] = outcome.got
        accepts = gold.cases[place].accepts
        if accepts:
            description["expected"] = _clean(accepts[0]) if isinstance(accepts[0], str) else shown(accepts[0])
    return description


def shown(value: Any) -> str:
    """Gives the begin of a value's text; of an integer of thousands of digits, which Python refuses to write, its size."""
    try:
        return _clean(repr(value))
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that is too large to be written"


def shown_output(stdout: bytes) -> str:
    """Gives the begin of an output as text."""
    return _clean(stdout[: 4 * SHOWN_CHARS].decode(errors="replace"))


def _clean(text: str) -> str:
    """Short, and without what stores refuse: NUL and lone surrogates."""
    return text[:SHOWN_CHARS].encode(errors="replace").decode().replace("\x00", "\ufffd")
