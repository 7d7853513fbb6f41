"""Blocks of imported rows: each is a shard of its import, with a number that follows from the input alone.

Touches the run's folder and the store.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from schemas.arrow import CONTRACTS
from schemas.store import reading
from schemas.tables import Artifact, Generation, Prompt, Run, Shard
from workers import queue
from workers.landing import Cargo, Outcome, contract_table, land
from workers.lookup import Pointer
from workers.row_files import RawRow
from workers.rows import artifact_file, batched

#: A block closes at so many generations (or prompts without any), or sooner at so many bytes. Part of the run's identity.
BLOCK_ROWS = 20_000
BLOCK_BYTES = 64 << 20
_KEYS_A_QUERY = 5000


@dataclass
class Block:
    """Rows of one shard on their way to tables."""

    prompts: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in CONTRACTS["prompts"].names})
    generations: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in CONTRACTS["generations"].names}
    )
    faults: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in CONTRACTS["quarantine"].names})
    origins: dict[str, RawRow] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the block is to be closed."""
        return max(len(self.prompts["id"]), len(self.generations["id"])) >= BLOCK_ROWS or self.size >= BLOCK_BYTES


def open_block(engine: sa.Engine, stage_id: int, number: int) -> tuple[int, str, Mapping[str, int]]:
    """Gives a block's shard (id, status, counts), new or from an earlier call. Blocks come in order, so numbers have no gap."""
    query = sa.select(Shard.id, Shard.status, Shard.counts).where(Shard.stage_id == stage_id, Shard.number == number)
    with engine.begin() as connection:
        queue.lock_stage(connection, stage_id)
        row = connection.execute(query).one_or_none()
        if row is not None:
            return row.id, row.status, row.counts
        return queue.add_shards(connection, stage_id, [{"items": [number]}])[0], "pending", {}


class BlockPlace(NamedTuple):
    """Where a block belongs."""

    out: Path
    run_id: str
    stage_id: int
    shard_id: int
    number: int


def land_block(
    engine: sa.Engine,
    place: BlockPlace,
    cargo: Mapping[str, Mapping[str, Sequence[Any]]],
    counts: Mapping[str, int],
) -> None:
    """Lands a block's columns (contract name -> column -> values) as its shard's files and rows."""
    held = queue.Claim(
        shard_id=place.shard_id,
        stage_id=place.stage_id,
        number=place.number,
        kind="import",
        run_id=place.run_id,
        out=str(place.out.resolve()),
        recipe={},
        payload={},
        attempt=1,
        worker=queue.worker_name(),
    )
    tables = [Cargo(kind, contract_table(kind, columns)) for kind, columns in cargo.items() if any(columns.values())]
    land(engine, held, Outcome(cargo=tables, counts=counts))


def known_rows(
    engine: sa.Engine, out: Path, model: type[Prompt | Generation], keys: Sequence[str]
) -> dict[str, Pointer]:
    """Finds which rows the store has already, and where."""
    known = {}
    file_of = functools.cache(functools.partial(artifact_file, out))
    query = (
        sa.select(model.id, Run.out, Artifact.path, model.row)
        .join(Artifact, Artifact.id == model.artifact_id)
        .join(Run, Run.id == Artifact.run_id)
    )
    with reading(engine) as connection:
        for chunk in batched(keys, _KEYS_A_QUERY):
            for key, folder, path, row in connection.execute(query.where(model.id.in_(chunk))):
                known[key] = Pointer(file_of(folder, path), row)
    return known


def keep_rows(columns: dict[str, list[Any]], mask: Sequence[bool]) -> None:
    """Leaves the rows whose place in `mask` is true."""
    for name, values in columns.items():
        columns[name] = list(itertools.compress(values, mask))
