"""Worker processes that measure blocks. A generation that kills its process costs itself and no other. Touches processes only."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pyarrow as pa

from service.audit.measure import Measured, measure
from service.audit.model import SAMPLES, Generation, Settings
from workers.processes import die_with_parent

KILLED = "measuring it killed the process"


class Measurers:
    """A pool of processes; with one worker, this process itself."""

    def __init__(self, workers: int, settings: Settings) -> None:
        self.workers = workers
        self._settings = settings
        self._pool = _start(workers) if workers > 1 else None

    def submit(self, rows: Sequence[Generation]) -> "Future[Measured]":
        """Begins to measure a block; `collect` gives the result."""
        if self._pool is None:
            done: Future[Measured] = Future()
            done.set_result(measure(rows, self._settings))
            return done
        try:
            return self._pool.submit(measure, rows, self._settings)
        except BrokenProcessPool as error:  # by a block before this one: `collect` finds out by which
            broken: Future[Measured] = Future()
            broken.set_exception(error)
            return broken

    def collect(self, rows: Sequence[Generation], future: "Future[Measured]") -> Measured:
        """Waits for a block. If the pool has died, the block is measured apart from all others, and the pool starts again."""
        try:
            return future.result()
        except BrokenProcessPool:
            measured = _alone(rows, self._settings)
            if self._pool is not None and _is_broken(self._pool):
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = _start(self.workers)
            return measured

    def close(self) -> None:
        """Stops the processes, with what they have not begun."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def measurers(workers: int, settings: Settings) -> Iterator[Measurers]:
    """Gives the pool for the length of the block."""
    pool = Measurers(workers, settings)
    try:
        yield pool
    finally:
        pool.close()


def _start(workers: int) -> ProcessPoolExecutor:
    # Spawned: a fork of a process with Arrow's threads may wait for a lock that nobody holds any more.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (os.getpid(),))


def _begin(parent: int) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which stops the pool


def _is_broken(pool: ProcessPoolExecutor) -> bool:
    try:
        pool.submit(int).result()
    except BrokenProcessPool:
        return True
    return False


def _alone(rows: Sequence[Generation], settings: Settings) -> Measured:
    """Measures rows in a process of their own; if they kill it, in halves, until one row is found guilty."""
    with _start(1) as pool:
        try:
            return pool.submit(measure, rows, settings).result()
        except BrokenProcessPool:
            pass
    if len(rows) == 1:
        return Measured(pa.RecordBatch.from_pylist([], SAMPLES), [(0, KILLED)])
    half = len(rows) // 2
    left, right = _alone(rows[:half], settings), _alone(rows[half:], settings)
    faults = [*left.faults, *((position + half, error) for position, error in right.faults)]
    return Measured(pa.concat_batches([left.batch, right.batch]), faults)
