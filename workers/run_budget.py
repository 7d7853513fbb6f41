"""Caps on a run's spending at endpoints, held over workers, restarts and resumes: each shard lands with what it spent. Reads the store.

What shards of other workers spend while one is under way is not known to it, nor what a worker spent that died.
"""

import dataclasses

import sqlalchemy as sa

from rewards.registry import Verifier
from schemas.store import reading
from schemas.tables import Shard
from workers.model_client import ModelClient
from workers.queue import Claim
from workers.spending import Spending

_FIELDS = tuple(field.name for field in dataclasses.fields(Spending))


def begin_shard(engine: sa.Engine, claim: Claim, verifier: Verifier) -> ModelClient | None:
    """Tells a verifier's client what its stage has spent so far; gives the client, None for a verifier without one."""
    client = getattr(verifier.check, "endpoint", None)
    if not isinstance(client, ModelClient):
        return None
    spent = _landed(engine, claim.stage_id, verifier.name) if client.is_capped else Spending()
    client.begin(claim.stage_id, spent)
    return client


def shard_counts(verifier: str, client: ModelClient | None) -> dict[str, int]:
    """Gives what the shard has spent, as its counts hold it."""
    if client is None:
        return {}
    return {f"{verifier}_{name}": getattr(client.spent, name) for name in _FIELDS}


def _landed(engine: sa.Engine, stage_id: int, verifier: str) -> Spending:
    with reading(engine) as connection:
        counts = connection.scalars(sa.select(Shard.counts).where(Shard.stage_id == stage_id)).all()
    sums = (sum(int(one.get(f"{verifier}_{name}", 0)) for one in counts) for name in _FIELDS)
    return Spending(*sums)
