import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rewards.fork_server import Limits
from rewards.frames import MAX_FRAME_BYTES
from rewards.pool import REQUESTS_PER_WORKER, ProcessPool

HANDLER = "tests.rewards.pool_handlers:handle"


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    """Only its budgets of processor time and memory are small: what need not hang must not end by the clock of a busy machine."""
    pool = ProcessPool(HANDLER, size=2, limits=Limits(cpu_seconds=0.5, wall_seconds=60.0, memory_bytes=256 << 20))
    yield pool
    pool.close()


def echo(value):
    return {"do": "echo", "value": value}


def outcomes(pool, *requests):
    return [reply.outcome for reply in pool.run(requests)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_replies_come_in_the_order_of_requests(pool):
    values = [None, 1, "\ud800 lone surrogate", "\x00", {"a": [1.5]}] * 30
    assert [reply.value for reply in pool.run([echo(value) for value in values])] == values


def test_nothing_to_do_starts_nothing(pool):
    assert pool.run([]) == []
    assert pool.zygote_pid() is None


def test_a_hang_is_stopped_by_the_clock_with_its_phase_and_no_cpu():
    pool = ProcessPool(HANDLER, limits=Limits(cpu_seconds=0.5, wall_seconds=1.0))
    (reply,) = pool.run([{"do": "hang"}])
    pool.close()
    assert (reply.outcome, reply.phase) == ("time_limit", "sleeping")
    assert reply.cpu_seconds < 0.25


def test_a_spin_is_stopped_by_its_processor_time(pool):
    (reply,) = pool.run([{"do": "spin"}])
    assert (reply.outcome, reply.phase) == ("time_limit", "spinning")
    assert reply.cpu_seconds >= 0.25


def test_a_bad_request_leaves_the_others_of_its_batch_alone(pool):
    requests = [
        echo(1),
        {"do": "spin"},
        echo(2),
        {"do": "eat"},
        {"do": "raise", "value": "x"},
        {"do": "recurse"},
        echo(3),
    ]
    replies = pool.run(requests)
    assert [r.outcome for r in replies] == ["ok", "time_limit", "ok", "memory_limit", "error", "too_complex", "ok"]
    assert replies[4].error == "ValueError: x"


def test_a_worker_killed_from_outside_once_is_tried_again(pool, tmp_path):
    (reply,) = pool.run([{"do": "die_once", "marker": str(tmp_path / "marker")}])
    assert (reply.outcome, reply.value) == ("ok", "second attempt")


@pytest.mark.parametrize(
    ("name", "outcome"), [("SIGKILL", "error"), ("SIGTERM", "error"), ("SIGSEGV", "crash"), ("SIGABRT", "crash")]
)
def test_a_request_whose_worker_always_dies_is_named_by_what_kills_it(pool, name, outcome):
    assert outcomes(pool, {"do": "die", "signal": name}, echo(1)) == [outcome, "ok"]


def test_a_killed_zygote_is_replaced_and_leaves_no_worker_behind(pool):
    pids = {reply.value for reply in pool.run([{"do": "pid"}] * 8)}
    first = pool.zygote_pid()
    os.kill(first, 9)
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert outcomes(pool, echo(1), echo(2)) == ["ok", "ok"]
    assert pool.zygote_pid() not in (first, None)


def test_a_zygote_killed_in_mid_request_ends_in_error_not_in_a_hang(pool):
    assert outcomes(pool, {"do": "kill_zygote"}) == ["error"]
    assert outcomes(pool, echo(1)) == ["ok"]


def test_who_kills_the_zygote_takes_no_other_request_with_it(pool):
    nap, kill = {"do": "nap"}, {"do": "kill_zygote"}
    assert outcomes(pool, nap, kill, nap, kill, nap) == ["ok", "error", "ok", "error", "ok"]


def test_closing_ends_every_process_and_the_pool_starts_again(pool):
    pids = [reply.value for reply in pool.run([{"do": "pid"}] * 4)] + [pool.zygote_pid()]
    pool.close()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert outcomes(pool, echo(1)) == ["ok"]


def test_a_worker_is_replaced_before_caches_fill_it():
    pool = ProcessPool(HANDLER)
    pids = [reply.value for reply in pool.run([{"do": "pid"}] * (REQUESTS_PER_WORKER + 1))]
    pool.close()
    assert len(set(pids)) == 2


def test_threads_share_a_pool(pool):
    results = {}

    def work(number):
        results[number] = [reply.value for reply in pool.run([echo((number, i)) for i in range(50)])]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [[number, i] for i in range(50)] for number in range(5)}


def test_a_fork_of_the_parent_uses_its_own_processes_and_harms_none(pool):
    zygote = pool.run([{"do": "pid"}]) and pool.zygote_pid()
    child = os.fork()
    if child == 0:
        own = pool.run([echo("in the child")])[0].value == "in the child" and pool.zygote_pid() != zygote
        pool.close()
        os._exit(0 if own else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert outcomes(pool, echo(1)) == ["ok"]
    assert pool.zygote_pid() == zygote


def _run_in_daemon(results):
    pool = ProcessPool(HANDLER)
    results.put(pool.run([echo("from a daemon")])[0].value)
    pool.close()


def test_a_daemonic_process_may_use_a_pool():
    # A task queue's workers are such processes, and may start no multiprocessing of their own.
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    process = context.Process(target=_run_in_daemon, args=(results,), daemon=True)
    process.start()
    assert results.get() == "from a daemon"
    process.join()


def test_a_killed_parent_takes_the_zygote_and_workers_with_it():
    script = (
        "import sys, time\n"
        "from rewards.pool import ProcessPool\n"
        f"pool = ProcessPool({HANDLER!r})\n"
        "print(pool.run([{'do': 'pid'}])[0].value, pool.zygote_pid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_worker_sees_no_secret_and_a_fixed_hash_seed(pool, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    assert pool.run([{"do": "hash_seed"}])[0].value == [0, "0", None]


def test_a_worker_writes_no_file(pool, tmp_path):
    (reply,) = pool.run([{"do": "write", "path": str(tmp_path / "file")}])
    assert reply.outcome != "ok"


def test_a_target_that_cannot_be_imported_is_an_error_that_says_so():
    (reply,) = ProcessPool("rewards.no_such_module:handle").run([1])
    assert reply.outcome == "error"
    assert "no_such_module" in reply.error


def test_a_message_over_the_limit_is_refused_and_the_pool_goes_on(pool):
    assert outcomes(pool, echo("x" * (MAX_FRAME_BYTES + 1)), echo(1)) == ["too_complex", "ok"]
