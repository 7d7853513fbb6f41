"""Caps on a run's spending at endpoints, held over all its workers, restarts and resumes. Touches the table `spending`, reads `shards`.

Each request is booked in the store before it is made, at the most that it can cost, and set right by its reply. So shards that are
under way at the same moment share one cap and never pass it. What a worker had under way when it died stays booked.
"""

import dataclasses
import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rewards.registry import Verifier
from schemas.store import booking
from schemas.tables import Shard, SpendingRow
from workers.model_client import ModelClient
from workers.queue import Claim
from workers.spending import Budget, Spending, check_caps

_FIELDS = tuple(field.name for field in dataclasses.fields(Spending))
_TABLE: Any = SpendingRow.__table__


class StoreAccount:
    """What a stage's work spends through one verifier: a `workers.spending.Account` of any number of processes."""

    def __init__(self, engine: sa.Engine, stage_id: int, verifier: str, budget: Budget) -> None:
        """Opens the account; a new one begins with what shards of the stage have landed with."""
        self._engine = engine
        self._budget = budget
        self._ours = (_TABLE.c.stage_id == stage_id) & (_TABLE.c.verifier == verifier)
        # The threads of a process wait here, so that they hold one connection and not one each.
        self._lock = threading.Lock()
        with engine.begin() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            landed = dataclasses.asdict(_landed(connection, stage_id, verifier))
            fresh = {"stage_id": stage_id, "verifier": verifier, **landed}
            connection.execute(insert(_TABLE).values(fresh).on_conflict_do_nothing())

    def reserve(self, prompt_tokens: int, completion_tokens: int, /) -> None:
        """See `workers.spending.Account`."""
        with self._lock, booking(self._engine) as connection:  # on SQLite the only writer from here on
            columns = [_TABLE.c[name] for name in _FIELDS]
            row = connection.execute(sa.select(*columns).where(self._ours).with_for_update()).one()
            booked = Spending(*row).plus(1, prompt_tokens, completion_tokens)
            check_caps(self._budget, booked)
            connection.execute(sa.update(_TABLE).where(self._ours).values(dataclasses.asdict(booked)))

    def settle(self, prompt_tokens: int, completion_tokens: int, /) -> None:
        """See `workers.spending.Account`."""
        back = {
            "prompt_tokens": _TABLE.c.prompt_tokens - prompt_tokens,
            "completion_tokens": _TABLE.c.completion_tokens - completion_tokens,
        }
        with self._lock, booking(self._engine) as connection:
            connection.execute(sa.update(_TABLE).where(self._ours).values(back))


def begin_stage(engine: sa.Engine, stage_id: int, verifier: Verifier) -> ModelClient | None:
    """Has a verifier's client book in the account of a stage, where its budget has caps; gives the client, None for one without."""
    client = getattr(verifier.check, "endpoint", None)
    if not isinstance(client, ModelClient):
        return None
    account = StoreAccount(engine, stage_id, verifier.name, client.budget) if client.is_capped else None
    client.begin(stage_id, account)
    return client


def begin_shard(engine: sa.Engine, claim: Claim, verifier: Verifier) -> ModelClient | None:
    """See `begin_stage`: all shards of a stage share its account."""
    return begin_stage(engine, claim.stage_id, verifier)


def shard_counts(verifier: str, client: ModelClient | None) -> dict[str, int]:
    """Gives what the shard has spent, as its counts hold it."""
    if client is None:
        return {}
    return {f"{verifier}_{name}": getattr(client.spent, name) for name in _FIELDS}


def _landed(connection: sa.Connection, stage_id: int, verifier: str) -> Spending:
    """Gives what was spent before there was an account, by a version of Tamis without one."""
    counts = connection.scalars(sa.select(Shard.counts).where(Shard.stage_id == stage_id)).all()
    sums = (sum(int(one.get(f"{verifier}_{name}", 0)) for one in counts) for name in _FIELDS)
    return Spending(*sums)
