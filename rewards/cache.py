"""Verdicts that are kept, so that equal work is done once: the key, the Protocol of a cache, and one in memory.

A verdict follows from the verifier, its version and settings, the gold, and what the verifier reads of the completion. All of these
are in the key, so a cache never needs to be emptied: a new version asks under new keys. Hashes are BLAKE2b: a completion cannot be
written so that it meets the key of another answer. Pure: the cache in the store is `workers.verdict_cache`.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from rewards.verdict import Status, Verdict
from schemas.ids import canonical_json

MAX_DETAIL_BYTES: Final = 64 * 1024
"""A verdict with a longer detail is not kept: a store is no place for texts."""

_HASH_BYTES: Final = 16


class CacheKey(NamedTuple):
    """All that a verdict depends on.

    Attributes:
        verifier: the name it is registered under.
        version: of the verifier.
        settings_hash: see `rewards.registry.Verifier`.
        gold_hash: `hash_gold` of the gold.
        answer_hash: `hash_text` of what the verifier reads of the completion (`rewards.registry.KeyedCheck`), or of all of it.
    """

    verifier: str
    version: int
    settings_hash: str
    gold_hash: str
    answer_hash: str


class VerdictCache(Protocol):
    """Keeps verdicts. Its methods never raise: a cache that fails is one that knows nothing, and the work is done."""

    def get_many(self, keys: Sequence[CacheKey], /) -> Mapping[CacheKey, Verdict]:
        """Gives what is known of these keys; `elapsed_ms` is 0.0."""

    def put_many(self, verdicts: Mapping[CacheKey, Verdict], /, *, replace: bool = False) -> None:
        """Keeps verdicts, all of them scored. What is there stays, unless `replace`."""


def hash_text(text: str) -> str:
    """Gives 32 hex digits for a text, lone surrogates included."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).hexdigest()


def hash_gold(gold: Any) -> str | None:
    """Gives 32 hex digits for a gold that is a JSON value, None for any other: its verdicts are not kept."""
    try:
        return hash_text(canonical_json(gold))
    except (TypeError, ValueError, RecursionError):
        return None


def write_detail(verdict: Verdict) -> str | None:
    """Gives a verdict's detail as JSON from which `read_detail` makes an equal one; None for what must not be kept."""
    try:
        text = canonical_json(dict(verdict.detail))
        size = len(text.encode("utf-8"))  # a lone surrogate has no place in a database
    except (TypeError, ValueError, RecursionError):
        return None
    return text if size <= MAX_DETAIL_BYTES and verdict.score is not None else None


def read_verdict(score: float, status: Status, detail: str) -> Verdict:
    """Gives the verdict that was kept as these three.

    Raises:
        ValueError: they are none, as in a row that was damaged.
    """
    try:
        read = json.loads(detail)
    except RecursionError as failure:
        raise ValueError("a detail that is nested too deep") from failure
    if not isinstance(read, dict) or isinstance(score, bool) or not isinstance(score, int | float):
        raise ValueError("not a kept verdict")  # noqa: TRY004 - for the caller one damage is like another
    return Verdict(score, status, read)


class MemoryCache:
    """A cache in this process, for several threads: the verdicts asked for longest ago go first.

    Args:
        max_entries: so many verdicts are kept at most,
        max_bytes: and so many bytes of their details.
    """

    def __init__(self, *, max_entries: int = 100_000, max_bytes: int = 64 * 1024 * 1024) -> None:
        if max_entries < 1 or max_bytes < 1:
            raise ValueError(f"a cache of {max_entries} entries and {max_bytes} bytes keeps nothing")
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._kept: OrderedDict[CacheKey, tuple[float, Status, str]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Gives how many verdicts are kept."""
        return len(self._kept)

    def get_many(self, keys: Sequence[CacheKey], /) -> Mapping[CacheKey, Verdict]:
        """Gives what is known of these keys."""
        found = {}
        with self._lock:
            for key in keys:
                kept = self._kept.get(key)
                if kept is not None:
                    self._kept.move_to_end(key)
                    found[key] = kept
        return {key: read_verdict(*kept) for key, kept in found.items()}

    def put_many(self, verdicts: Mapping[CacheKey, Verdict], /, *, replace: bool = False) -> None:
        """Keeps verdicts; what is there stays, unless `replace`."""
        written = {key: (verdict, write_detail(verdict)) for key, verdict in verdicts.items()}
        with self._lock:
            for key, (verdict, detail) in written.items():
                if replace and key in self._kept:
                    self._bytes -= len(self._kept.pop(key)[2])
                if key in self._kept or detail is None or verdict.score is None:
                    continue
                self._kept[key] = (verdict.score, verdict.status, detail)
                self._bytes += len(detail)
            while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
                self._bytes -= len(self._kept.popitem(last=False)[1][2])
