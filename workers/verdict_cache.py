"""The cache of verdicts in the store: what one worker has judged, no other judges again. Touches the table `verdict_cache` only.

A row costs about 200 bytes and its detail. It says what a verifier of one version makes of one answer, and nothing about whose answer
it was; so it may be lost at any time, and rows of old versions are of no use (`drop_old_verdicts`).
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from rewards.cache import CacheKey, read_verdict, write_detail
from rewards.registry import registered_version
from rewards.verdict import Verdict
from schemas.store import reading
from schemas.tables import CachedVerdict
from workers.bulk_insert import bulk_insert
from workers.rows import batched

logger = logging.getLogger(__name__)

_KEYS_A_QUERY = 5000
_KEY_BYTES = 16
_COLUMNS = ("key", "verifier", "version", "score", "status", "detail")


class StoreCache:
    """A `rewards.cache.VerdictCache` in the store, for any number of workers.

    Each call is a transaction of its own, so that what was judged is known even when its shard does not land. A store that fails
    here is logged and taken for one that knows nothing; landing says what is wrong with it.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def get_many(self, keys: Sequence[CacheKey], /) -> Mapping[CacheKey, Verdict]:
        """Gives what is known of these keys."""
        stored = {_stored_key(key): key for key in keys}
        found: dict[CacheKey, Verdict] = {}
        columns = (CachedVerdict.key, CachedVerdict.score, CachedVerdict.status, CachedVerdict.detail)
        try:
            with reading(self._engine) as connection:
                for chunk in batched(stored, _KEYS_A_QUERY):
                    for row in connection.execute(sa.select(*columns).where(CachedVerdict.key.in_(chunk))):
                        try:
                            found[stored[row.key]] = read_verdict(row.score, row.status, row.detail)
                        except (
                            ValueError,
                            TypeError,
                        ) as error:  # a row that this version cannot read: the others stand
                            logger.warning("verdict_cache_not_read keys=1 error=%s", type(error).__name__)
        except sa.exc.SQLAlchemyError as error:
            logger.warning("verdict_cache_not_read keys=%s error=%s", len(stored), type(error).__name__)
        return found

    def put_many(self, verdicts: Mapping[CacheKey, Verdict], /, *, replace: bool = False) -> None:
        """Keeps verdicts; what is there stays, unless `replace`."""
        # In one order everywhere: two workers that keep the same verdicts wait for each other, and never in a circle.
        rows = sorted(_rows(verdicts))
        try:
            with self._engine.begin() as connection:
                if replace:
                    for chunk in batched(sorted(map(_stored_key, verdicts)), _KEYS_A_QUERY):
                        connection.execute(sa.delete(CachedVerdict).where(CachedVerdict.key.in_(chunk)))
                bulk_insert(connection, CachedVerdict, _COLUMNS, rows)
        except sa.exc.SQLAlchemyError as error:
            logger.warning("verdict_cache_not_written rows=%s error=%s", len(rows), type(error).__name__)


def drop_old_verdicts(engine: sa.Engine, *, dry_run: bool = False) -> dict[str, int]:
    """Drops what older versions of verifiers have judged, for `tamis store clean`; says how many rows of which verifier.

    Rows of newer versions and of verifiers that this Tamis does not have stay: another may share the store.
    """
    with reading(engine) as connection:
        counted = connection.execute(
            sa.select(CachedVerdict.verifier, CachedVerdict.version, sa.func.count())
            .group_by(CachedVerdict.verifier, CachedVerdict.version)
            .order_by(CachedVerdict.verifier, CachedVerdict.version)
        ).all()
    dropped: dict[str, int] = {}
    for name, version, rows in counted:
        ours = registered_version(name)
        if ours is None or version >= ours:
            continue
        dropped[name] = dropped.get(name, 0) + rows
        if not dry_run:
            with engine.begin() as connection:
                connection.execute(
                    sa.delete(CachedVerdict).where(CachedVerdict.verifier == name, CachedVerdict.version == version)
                )
    return dropped


def _stored_key(key: CacheKey) -> bytes:
    joined = "\x1f".join(f"{len(str(part))}:{part}" for part in key)
    return hashlib.blake2b(joined.encode(), digest_size=_KEY_BYTES).digest()


def _rows(verdicts: Mapping[CacheKey, Verdict]) -> Iterator[tuple[Any, ...]]:
    for key, verdict in verdicts.items():
        detail = write_detail(verdict)
        if detail is not None:
            yield _stored_key(key), key.verifier, key.version, verdict.score, verdict.status, detail
