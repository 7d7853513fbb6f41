"""The lock of a run in an object store, where no kernel lets go of it: an object that names its holder and is written anew all the time.

Touches the lock object. Every write is conditional, so of two commands that come at once one is refused by the store itself.
"""

import contextlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from schemas.errors import ResumableError
from schemas.storage import ObjectPath, PreconditionError, StorageError

_LOG = logging.getLogger(__name__)


class HeldError(Exception):
    """Somebody else holds the lease; `holder` is what they wrote."""

    def __init__(self, holder: dict[str, Any]) -> None:
        super().__init__("held")
        self.holder = holder


class Lease:
    """A lease on an object.

    Args:
        path: the lock object.
        me: what to write of the holder.
        beat_seconds: how often it is renewed.
        stale_seconds: after so long without that, whoever comes next takes it over.
    """

    def __init__(self, path: ObjectPath, me: dict[str, Any], beat_seconds: float, stale_seconds: float) -> None:
        self._path = path
        # Two leases of one process and second must not take each other's writing for their own.
        self._me = {**me, "token": secrets.token_hex(8)}
        self._beat_seconds = beat_seconds
        self._stale_seconds = stale_seconds
        self._beats = 0
        self._etag = ""
        self._renewed = 0.0
        self._lost = ""

    def take(self, is_dead: Callable[[dict[str, Any]], bool]) -> None:
        """Takes the lease if it is free, stale or of a holder that `is_dead` says cannot live any more.

        Raises:
            HeldError: it is held, or somebody else was faster.
        """
        try:
            self._write(absent=True)
        except PreconditionError:
            holder, etag, age = self._read()
            stale = age is not None and age > self._stale_seconds
            if holder and not stale and not is_dead(holder):
                raise HeldError(holder) from None
            if holder:
                _LOG.warning("%s: taking over from process %s on %s", self._path, holder.get("pid"), holder.get("host"))
            try:
                self._write(etag=etag)
            except PreconditionError:
                raise HeldError(self._read()[0]) from None

    @contextlib.contextmanager
    def renewed(self) -> Iterator[Callable[[], None]]:
        """Renews the lease while the block runs and gives it back at the end. Gives a function that raises once it is lost."""
        ended = threading.Event()
        beat = threading.Thread(target=self._beat, args=(ended,), name="lock-beat", daemon=True)
        beat.start()
        try:
            yield self.check
        finally:
            ended.set()
            beat.join()
            if not self._lost:
                # Who finds the object empty takes it at once; if this fails, they wait until it is stale.
                with contextlib.suppress(StorageError, OSError):
                    self._put({}, etag=self._etag)

    def check(self) -> None:
        """Raises ResumableError if the lease is not held any more, or could not be renewed for so long that it may not be."""
        if not self._lost and time.monotonic() - self._renewed > self._stale_seconds:
            self._lost = f"it could not be renewed for {self._stale_seconds:.0f} s"
        if self._lost:
            raise ResumableError(
                f"{self._path}: this command has lost its lock: {self._lost}; the same command goes on"
            )

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(self._beat_seconds):
            try:
                self._write(etag=self._etag)
            except PreconditionError:
                self._lost = "another command has taken it over"
                return
            except (StorageError, OSError) as error:
                _LOG.warning("the lock is not renewed: %s", error)

    def _write(self, *, absent: bool = False, etag: str = "") -> None:
        # The count makes each renewal another content: a store may tell an object's version by its content alone.
        self._beats += 1
        started = time.monotonic()
        value = {**self._me, "beat": self._beats}
        try:
            self._etag = self._put(value, absent=absent, etag=etag)
        except PreconditionError:
            # A put whose answer was lost is tried again by the client, and then finds what it has written itself.
            there, self._etag, _ = self._read()
            if there != value:
                raise
        self._renewed = started

    def _put(self, value: dict[str, Any], *, absent: bool = False, etag: str = "") -> str:
        path = self._path
        return path.store.put(path.bucket, path.key, json.dumps(value).encode(), absent=absent, etag=etag)

    def _read(self) -> tuple[dict[str, Any], str, float | None]:
        path = self._path
        content, info = path.store.read(path.bucket, path.key, 0, 1 << 16, "")
        try:
            holder = json.loads(content)
        except ValueError:
            holder = {}
        return holder if isinstance(holder, dict) else {}, info.etag, info.age_seconds
