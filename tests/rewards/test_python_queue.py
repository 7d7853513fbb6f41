"""Which slot of the Python server runs which job."""

import random
import threading

import pytest

from rewards.code.jobs import AssertTest, CallTest, Job
from rewards.code.python_queue import JobQueue


def jobs_of(codes):
    """One job a code; None is a job without test code."""
    tests = [AssertTest(code, "f", "") if code else CallTest("f", []) for code in codes]
    return [Job("python", "", (test,)) for test in tests]


def test_a_slot_keeps_to_its_test_code_and_helps_others_at_the_end():
    queue = JobQueue(jobs_of(["a", "b", "a", "b", "a", "c", "c", "c", "c"]))
    assert [queue.take(0), queue.take(1), queue.take(0), queue.take(1), queue.take(0)] == [0, 1, 2, 3, 4]
    assert [queue.take(0), queue.take(1), queue.take(1), queue.take(0), queue.take(0), queue.take(1)] == [
        *(5, 6, 7, 8),
        *(None, None),
    ]


def test_jobs_without_test_code_go_to_whoever_asks():
    queue = JobQueue(jobs_of([None] * 4))
    assert [queue.take(slot) for slot in (0, 1, 2, 1, 0)] == [0, 1, 2, 3, None]


@pytest.mark.parametrize("seed", range(3))
def test_threads_take_each_job_once(seed):
    chosen = random.Random(seed)
    jobs = jobs_of([chosen.choice(["a", "b", "c", None]) for _ in range(500)])
    queue, taken = JobQueue(jobs), []

    def work(slot):
        while (index := queue.take(slot)) is not None:
            taken.append(index)

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(500))


def test_what_was_cleared_or_never_there_is_not_handed_out():
    queue = JobQueue(jobs_of(["a", "a", "b"]))
    queue.take(0)
    queue.clear()
    assert [queue.take(0), queue.take(1)] == [None, None]
    assert JobQueue([]).take(0) is None
