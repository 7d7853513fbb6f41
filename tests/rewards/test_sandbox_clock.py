"""A program's clock stands still while the program waits for a processor, up to a bound."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from rewards.sandbox import clock
from rewards.sandbox.clock import MOST_STRETCH, ProgramClock, waited_seconds

BURN = "import os; os.sched_setaffinity(0, {%d})\nwhile True: pass"


@pytest.fixture
def at(monkeypatch):
    """A clock that the test sets, and how long processes waited: by number."""
    state = {"now": 100.0, "waited": {}}
    monkeypatch.setattr(clock.time, "monotonic", lambda: state["now"])
    monkeypatch.setattr(clock, "waited_seconds", lambda pid: state["waited"].get(pid, 0.0))
    return state


def test_who_never_waited_has_the_limit_and_no_more(at):
    it = ProgramClock(3.0, lambda: [7, 8])
    assert not it.is_over()
    at["now"] += 2.9
    assert not it.is_over()
    assert it.left() == pytest.approx(0.1)
    at["now"] += 0.2
    assert it.is_over()


def test_what_was_waited_is_added_each_time_that_it_is_over(at):
    it = ProgramClock(3.0, lambda: [7, 8])
    at["now"], at["waited"] = 103.0, {7: 1.0, 8: 0.5, 9: 50.0}
    assert not it.is_over()
    assert it.left() == pytest.approx(1.5)
    at["now"], at["waited"] = 104.6, {7: 2.0, 8: 0.5}
    assert not it.is_over()
    at["now"] = 105.5
    assert it.is_over()


def test_waiting_for_ever_has_an_end(at):
    it = ProgramClock(3.0, lambda: [7])
    at["now"], at["waited"] = 103.0, {7: 1e9}
    assert not it.is_over()
    at["now"] = 100.0 + 3.0 * MOST_STRETCH - 0.01
    assert not it.is_over()
    at["now"] += 0.02
    assert it.is_over()


def test_who_shares_a_processor_waits_for_it():
    if waited_seconds(os.getpid()) == 0.0:
        pytest.skip("this kernel does not count how long processes wait")
    processor = min(os.sched_getaffinity(0))
    with ExitStack() as stack:
        pair = [stack.enter_context(subprocess.Popen([sys.executable, "-S", "-c", BURN % processor])) for _ in range(2)]
        for one in pair:
            stack.callback(one.kill)
        deadline = time.monotonic() + 60
        while min(waited_seconds(one.pid) for one in pair) < 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert waited_seconds(pair[0].pid) == 0.0
