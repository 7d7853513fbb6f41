"""Checks pages of golds in several processes, each with verifiers of its own, and gives them in the order in which they came.

Touches processes only. The first pages are checked here: a set that is soon done is not worth the seconds that a process takes to start.
"""

import json
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from rewards.registry import Verifier, resources_of
from schemas.errors import ResumableError
from schemas.ids import canonical_json
from schemas.recipe import VerifyRecipe
from workers.gold_pages import GoldPage, PromptGold, check_page
from workers.held_verifiers import HeldVerifiers
from workers.processes import die_with_parent
from workers.resources import build_verifier

WORTH_SECONDS: Final = 8.0
"""Processes are started where they would save more than this: each takes some seconds to load its verifiers."""

_AHEAD: Final = 2  # pages a process that are under way or done and not yet taken


def check_in_processes(
    pages: Iterable[Sequence[PromptGold]], total: int, recipe: VerifyRecipe, verifiers: Sequence[Verifier], workers: int
) -> Iterator[GoldPage]:
    """Gives what the verifiers make of each page, in the order of the pages.

    Verifiers that ask an endpoint stay in this process: their caps on spending are those of one client.

    Args:
        pages: what to check.
        total: prompts in all of them.
        recipe: of which other processes make their verifiers.
        verifiers: the same, of this process; closed when others take over.
        workers: processes at most.

    Raises:
        ResumableError: a process was killed.
    """
    alone = workers < 2 or any("endpoint" in resources_of(verifier.name) for verifier in verifiers)
    coming = iter(pages)
    begun, done = time.monotonic(), 0
    for page in coming:
        yield check_page(verifiers, page)
        done += len(page)
        left = (time.monotonic() - begun) / done * (total - done)
        if not alone and left * (1 - 1 / workers) > WORTH_SECONDS:
            break
    else:
        return
    for verifier in verifiers:
        verifier.close()
    names = {verifier.name for verifier in verifiers}
    made_of = [(item.name, canonical_json(item.settings)) for item in recipe.verifiers if item.name in names]
    yield from _spread(coming, made_of, workers)


def _spread(pages: Iterator[Sequence[PromptGold]], made_of: list[tuple[str, str]], workers: int) -> Iterator[GoldPage]:
    # Spawned: a fork of a process with Arrow's threads may wait for a lock that nobody holds any more.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, _begin, (os.getpid(), made_of))
    under_way: deque[Future[GoldPage]] = deque()
    try:
        for page in pages:
            under_way.append(pool.submit(_check, page))
            if len(under_way) >= _AHEAD * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise ResumableError("a process that checked golds was killed; with --workers 1 none is started") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_VERIFIERS = HeldVerifiers(lambda name, settings: build_verifier(name, json.loads(settings)))
_judging: list[tuple[str, str]] = []


def _begin(parent: int, judging: list[tuple[str, str]]) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which stops the pool
    _judging.extend(judging)


def _check(page: Sequence[PromptGold]) -> GoldPage:
    # Made once a process, closed at its exit.
    return check_page([_VERIFIERS.get(*one) for one in _judging], page)
