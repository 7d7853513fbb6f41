"""A pool of processes that can be killed: CPU-bound work on hostile input, with a budget of time and memory for each request.

Not multiprocessing, which daemonic workers of a task queue may not start; not signal.alarm, which dies in threads. The pool
starts one zygote (`rewards.zygote`) and speaks JSON frames with its forks over sockets. It may be used from several threads,
and survives a fork of its own process: the child drops what it inherited and starts its own zygote when it needs one.
"""

import collections
import dataclasses
import os
import selectors
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Literal

from rewards.fork_server import Limits, StartError, Worker, Zygote, end_zygote, start_zygote
from rewards.frames import FrameError, receive_frame, send_frame
from rewards.places import Places
from rewards.process_owned import own

STARVED_SHARE: Final = 0.5
"""Less than this share of its processor time is little, see `Reply.starved`."""

Outcome = Literal["ok", "time_limit", "memory_limit", "too_complex", "crash", "error"]

REQUESTS_PER_WORKER: Final = 500
"""A worker is replaced after so many requests, so that caches of libraries do not eat the next request's memory."""

ATTEMPTS: Final = 2
"""How often a request is tried when its worker dies of something that is not its budget."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request.

    Attributes:
        outcome: `ok`; a limit; `crash` when the request kills every worker that takes it by a fault such as SIGSEGV; `error`
            when the handler raised, the worker was killed from outside twice, or no process can be started.
        value: the handler's answer, for `ok`.
        phase: the last phase that the handler noted; says what was under way when a limit struck.
        cpu_seconds: processor time of the worker since it took the request, when it was stopped by the clock; else 0.
        error: one line, for `error` and `crash`.
    """

    outcome: Outcome
    value: Any = None
    phase: str = ""
    cpu_seconds: float = 0.0
    error: str = ""

    def starved(self, cpu_seconds: float) -> bool:
        """Says whether the clock stopped a request that had little of its processor time: our machine was busy, nothing is scored.

        Args:
            cpu_seconds: the processor time that it could use (`Limits`).
        """
        return self.outcome == "time_limit" and self.cpu_seconds < STARVED_SHARE * cpu_seconds


@dataclasses.dataclass(slots=True)
class _Job:
    index: int
    deadline: float
    cpu_before: float
    phase: str = ""
    alone: bool = True


class ProcessPool:
    """Runs requests in killable processes.

    Args:
        target: `module:function`, a `rewards.zygote.Handler`. It is imported in the zygote, not here.
        size: how many requests run at once. Parallelism mostly belongs to the caller's own workers: the default is 1.
        limits: what one request may use.
    """

    _places: Places[Worker]  # their lock guards the zygote too
    _zygote: Zygote | None

    def __init__(self, target: str, *, size: int = 1, limits: Limits | None = None) -> None:
        if size < 1:
            raise ValueError(f"a pool needs at least one process, not {size}")
        self.target = target
        self.size = size
        self.limits = limits or Limits()
        self._forget()
        own(self)

    def run(self, requests: Sequence[Any]) -> list[Reply]:
        """Gives the reply to each request, in order. Never raises for what a request does, and ends within its limits.

        A request whose worker is killed from outside is tried once more. Those under way when the zygote dies are tried again one at a
        time: a request that kills it takes no other with it.
        """
        if not requests:
            return []
        try:
            with self._places.lend(min(self.size, len(requests)), self._keep) as workers:
                return _Batch(self, workers, requests).finish()
        except (StartError, OSError) as failure:
            return [Reply("error", error=f"no worker process: {failure}")] * len(requests)

    def close(self) -> None:
        """Ends all processes. A later `run` starts new ones."""
        with self._places.changed:
            self._drop_zygote()

    def worker_pids(self) -> list[int]:
        """Gives the process ids of the workers that wait for work, for those who watch or test the pool."""
        with self._places.changed:
            return [worker.pid for worker in self._places.idle]

    def zygote_pid(self) -> int | None:
        """Gives the process id of the zygote, None while there is none."""
        with self._places.changed:
            return None if self._zygote is None else self._zygote.process.pid

    def spawn(self) -> Worker:
        """Forks a worker, starting the zygote first where there is none. For the batch that runs in this pool only.

        Raises:
            StartError: when that fails twice; the text says why.
        """
        with self._places.changed:
            try:
                return self._fork_worker()
            except (OSError, StartError):
                self._drop_zygote()
            return self._fork_worker()

    def _fork_worker(self) -> Worker:
        zygote = self._zygote or start_zygote(self.target, self.limits)
        self._zygote = zygote
        return zygote.fork_worker()

    def discard(self, worker: Worker) -> int | None:
        """Kills a worker and gives its wait status, None when its zygote is gone too (its workers die with it)."""
        worker.peer.close()
        with self._places.changed:
            if worker.zygote is not self._zygote:
                return None
            try:
                return worker.zygote.reap(worker.pid)
            except (OSError, StartError):
                self._drop_zygote()
                return None

    def _keep(self, worker: Worker) -> bool:
        """Says whether a worker may serve again: those of a zygote that is gone are dead."""
        if worker.zygote is self._zygote:
            return True
        worker.peer.close()
        return False

    def _drop_zygote(self) -> None:
        zygote, self._zygote = self._zygote, None
        for worker in self._places.take_idle():
            worker.peer.close()
        if zygote is not None:
            end_zygote(zygote)

    def _forget(self) -> None:
        """Begins with nothing: at construction, and in a forked child, whose inherited lock may be held by nobody."""
        self._places = Places(self.size)
        self._zygote = None

    def after_fork(self) -> None:
        """Lets go of the parent's processes without a word to them: they go on serving the parent."""
        zygote, idle = self._zygote, self._places.idle
        self._forget()
        for worker in idle:
            worker.peer.close()
        if zygote is not None:
            zygote.control.close()
            zygote.process.returncode = 0  # it is not this process's child: nothing to wait for


class _Batch:
    """One call of `ProcessPool.run`: gives requests to the borrowed workers and watches their clocks."""

    def __init__(self, pool: ProcessPool, workers: list[Worker | None], requests: Sequence[Any]) -> None:
        self._pool = pool
        self._places = workers
        self._requests = requests
        self._replies: list[Reply | None] = [None] * len(requests)
        self._waiting = collections.deque(range(len(requests)))
        self._suspects: collections.deque[int] = (
            collections.deque()
        )  # under way when the zygote died: each is tried alone
        self._attempts = [0] * len(requests)
        self._jobs: dict[int, _Job] = {}
        self._selector = selectors.DefaultSelector()

    def finish(self) -> list[Reply]:
        try:
            while self._waiting or self._suspects or self._jobs:
                self._hand_out()
                if not self._jobs:
                    continue
                nearest = min(job.deadline for job in self._jobs.values())
                for key, _ in self._selector.select(max(0.0, nearest - time.monotonic())):
                    self._hear(key.data)
                now = time.monotonic()
                for place in [place for place, job in self._jobs.items() if job.deadline <= now]:
                    self._stop_late(place)
        finally:
            for place in list(self._jobs):  # an interrupt of the caller: what still runs is of no use to anybody
                self._lose_worker(place)
            self._selector.close()
        return [reply or Reply("error", error="no reply") for reply in self._replies]

    def _hand_out(self) -> None:
        alone = len(self._places) == 1
        if self._suspects and not self._waiting and not self._jobs:
            self._waiting.append(self._suspects.popleft())
            alone = True
        for place in range(len(self._places)):
            if not self._waiting:
                return
            if place in self._jobs:
                continue
            worker = self._places[place]
            if worker is None:
                worker = self._places[place] = self._pool.spawn()
            index = self._waiting.popleft()
            self._attempts[index] += 1
            worker.served += 1
            deadline = time.monotonic() + self._pool.limits.wall_seconds
            self._jobs[place] = _Job(index, deadline, worker.cpu_used(), alone=alone)
            self._selector.register(worker.peer, selectors.EVENT_READ, place)
            worker.peer.settimeout(self._pool.limits.wall_seconds)
            try:
                send_frame(worker.peer, self._requests[index])
            except FrameError as failure:
                self._settle(place, Reply("too_complex", error=str(failure)))
            except OSError:
                self._bury(place)

    def _hear(self, place: int) -> None:
        worker, job = self._places[place], self._jobs[place]
        assert worker is not None  # noqa: S101 - a place with a job has a worker
        try:
            worker.peer.settimeout(max(0.01, job.deadline - time.monotonic()))
            message = receive_frame(worker.peer)
        except TimeoutError:
            self._stop_late(place)
            return
        except (EOFError, FrameError, OSError):
            self._bury(place)
            return
        if "phase" in message:
            job.phase = message["phase"]
            return
        if "ok" in message:
            self._settle(place, Reply("ok", message["ok"], job.phase))
        else:
            self._settle(place, Reply(message["failed"], phase=job.phase, error=message.get("error", "")))
            if message["failed"] == "memory_limit":
                self._lose_worker(place)
        if worker.served >= REQUESTS_PER_WORKER:
            self._lose_worker(place)

    def _stop_late(self, place: int) -> None:
        worker, job = self._places[place], self._jobs[place]
        used = worker.cpu_used() - job.cpu_before if worker is not None else 0.0
        self._settle(place, Reply("time_limit", phase=job.phase, cpu_seconds=max(0.0, used)))
        self._lose_worker(place)

    def _bury(self, place: int) -> None:
        """Finds out what a worker died of, and tries its request again unless it was its own budget."""
        job = self._jobs[place]
        status = self._lose_worker(place)
        killer = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else 0
        if status is None and not job.alone:
            self._attempts[job.index] -= (
                1  # the zygote died, perhaps of another request: this one is tried without company
            )
        if killer == signal.SIGPROF:
            used = self._pool.limits.cpu_seconds
            self._replies[job.index] = Reply("time_limit", phase=job.phase, cpu_seconds=used)
        elif self._attempts[job.index] < ATTEMPTS:
            (self._waiting if status is not None else self._suspects).append(job.index)
        elif killer in {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}:
            self._replies[job.index] = Reply("crash", phase=job.phase, error=signal.Signals(killer).name)
        else:
            self._replies[job.index] = Reply("error", phase=job.phase, error=f"the worker died twice (status {status})")

    def _settle(self, place: int, reply: Reply) -> None:
        worker, job = self._places[place], self._jobs.pop(place)
        if worker is not None:
            self._selector.unregister(worker.peer)
        self._replies[job.index] = reply

    def _lose_worker(self, place: int) -> int | None:
        worker = self._places[place]
        self._places[place] = None
        if worker is None:
            return None
        if self._jobs.pop(place, None) is not None:
            self._selector.unregister(worker.peer)
        return self._pool.discard(worker)


_SHARED: dict[tuple[str, Limits], ProcessPool] = {}
_SHARED_LOCK = threading.Lock()


def shared_pool(target: str, limits: Limits) -> ProcessPool:
    """Gives this process's one pool for a target and limits, so that every verifier of a kind shares a zygote."""
    with _SHARED_LOCK:
        pool = _SHARED.get((target, limits))
        if pool is None:
            pool = _SHARED[target, limits] = ProcessPool(target, limits=limits)
        return pool


def _renew_lock() -> None:
    global _SHARED_LOCK  # noqa: PLW0603 - another thread of the parent may have held it
    _SHARED_LOCK = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
