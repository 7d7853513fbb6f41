"""The contract between running and judging programs: its defaults and its equality."""

import pytest

from rewards.code.jobs import OURS, RUN_STATUSES, Budget, Job, NotData, RunResult, StdinTest


def test_a_budget_that_nothing_can_run_in_is_refused() -> None:
    with pytest.raises(ValueError, match="cpu_seconds"):
        Budget(cpu_seconds=0.0)
    with pytest.raises(ValueError, match="memory_bytes"):
        Budget(memory_bytes=-1)
    assert Budget().memory_bytes == 512 * 1024 * 1024


def test_what_is_no_data_equals_only_itself() -> None:
    thing = NotData("Always")
    assert thing == thing  # noqa: PLR0124 - identity is the point
    assert thing != NotData("Always")
    assert len({thing, NotData("Always")}) == 2


def test_a_job_is_the_same_job_whoever_judges_it() -> None:
    tests = (StdinTest("1\n"),)
    assert Job("python", "pass", tests) == Job("python", "pass", tests, passes=lambda _, result: result.status == "ok")


def test_our_failures_are_statuses() -> None:
    assert set(RUN_STATUSES) > OURS
    assert RunResult("ok").value is None
