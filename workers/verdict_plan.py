"""Plans the shards of a verification: which generations lack which verdicts, cut so that a prompt's samples stay together.

Touches the store only. Planners of one stage go one after the other, and what stands in unfinished shards is not planned again.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from rewards.registry import Verifier
from schemas.store import reading
from schemas.tables import Generation, Prompt, Shard, Stage, VerdictRow
from workers import queue
from workers.rows import batched

_FETCH_ROWS = 10_000


@dataclass(frozen=True)
class VerdictKey:
    """What names a verifier's verdicts in the store, beside the generation."""

    name: str
    version: int
    settings_hash: str

    @classmethod
    def of(cls, verifier: Verifier) -> "VerdictKey":
        """Gives the key of a verifier."""
        return cls(verifier.name, verifier.version, verifier.settings_hash)

    def matches(self) -> sa.ColumnElement[bool]:
        """Gives the SQL condition for this key's verdict rows."""
        return sa.and_(
            VerdictRow.verifier == self.name,
            VerdictRow.version == self.version,
            VerdictRow.settings_hash == self.settings_hash,
        )

    def to_json(self) -> list[Any]:
        """Gives the key as a payload holds it."""
        return [self.name, self.version, self.settings_hash]


@dataclass(frozen=True)
class Scope:
    """Which generations a verification is about.

    Attributes:
        sources: only prompts of these sources; None means all.
        retry: score again what has a verdict of one of these statuses, in place of what has none.
        limit: at most so many generations are planned.
    """

    sources: frozenset[str] | None = None
    retry: frozenset[str] = frozenset()
    limit: int | None = None

    def generations(self) -> sa.ColumnElement[bool]:
        """Gives the SQL condition on (generations join prompts)."""
        return sa.true() if self.sources is None else Prompt.source.in_(sorted(self.sources))


@dataclass
class Plan:
    """Payloads of new shards and how many generations they hold.

    Groups are kept whole; a payload holds about `size` generations, all with the same verifiers to run.
    """

    size: int
    replace: bool = False
    payloads: list[dict[str, Any]] = field(default_factory=list)
    items: int = 0
    _open: dict[tuple[VerdictKey, ...], list[str]] = field(default_factory=dict)

    def add(self, group: Sequence[str], verifiers: tuple[VerdictKey, ...]) -> None:
        """Puts a group into the open payload of its verifiers."""
        held = self._open.setdefault(verifiers, [])
        if held and len(held) + len(group) > self.size:
            self._close(verifiers)
            held = self._open.setdefault(verifiers, [])
        held.extend(group)
        self.items += len(group)

    def finish(self) -> "Plan":
        """Closes what is open."""
        for verifiers in list(self._open):
            self._close(verifiers)
        return self

    def _close(self, verifiers: tuple[VerdictKey, ...]) -> None:
        items = self._open.pop(verifiers)
        self.payloads.append(
            {"items": items, "verifiers": [key.to_json() for key in verifiers], "replace": self.replace}
        )


def preview(engine: sa.Engine, verifiers: Sequence[VerdictKey], scope: Scope, size: int) -> Plan:
    """Plans without writing anything."""
    with reading(engine) as connection:
        return _plan(connection, {}, verifiers, scope, size)


def plan_shards(engine: sa.Engine, stage_id: int, verifiers: Sequence[VerdictKey], scope: Scope, size: int) -> Plan:
    """Plans and appends the shards to the stage, in one transaction."""
    with engine.begin() as connection:
        queue.lock_stage(connection, stage_id)
        plan = _plan(connection, _unsettled(connection, stage_id), verifiers, scope, size)
        queue.add_shards(connection, stage_id, plan.payloads)
        if scope.retry:
            _settle_given_up(connection, plan.payloads)
    return plan


def _settle_given_up(connection: sa.Connection, payloads: Sequence[Mapping[str, Any]]) -> None:
    """Makes quarantined shards done, of any verification, whose one generation the payloads score again by all their verifiers."""
    again = {item: {VerdictKey(*key) for key in one["verifiers"]} for one in payloads for item in one["items"]}
    query = (
        sa.select(Shard.id, Shard.payload)
        .join(Stage, Stage.id == Shard.stage_id)
        .where(Stage.kind == "verify", Shard.status == "quarantined")
    )
    settled = [
        row.id
        for row in connection.execute(query)
        if {VerdictKey(*key) for key in row.payload["verifiers"]} <= again.get(row.payload["items"][0], set())
    ]
    for chunk in batched(settled, _FETCH_ROWS):
        connection.execute(sa.update(Shard).where(Shard.id.in_(chunk)).values(status="done"))


def _plan(
    connection: sa.Connection,
    planned: Mapping[str, Collection[VerdictKey]],
    verifiers: Sequence[VerdictKey],
    scope: Scope,
    size: int,
) -> Plan:
    plan = Plan(size, replace=bool(scope.retry))
    for (_, wanted), group in groupby(
        _wanted(connection, planned, verifiers, scope), key=lambda item: (item[1], item[2])
    ):
        ids = [generation for generation, _, _ in group]
        if scope.limit is not None:
            ids = ids[: scope.limit - plan.items]
        if not ids:
            break
        plan.add(ids, wanted)
    return plan.finish()


def _wanted(
    connection: sa.Connection,
    planned: Mapping[str, Collection[VerdictKey]],
    verifiers: Sequence[VerdictKey],
    scope: Scope,
) -> Iterator[tuple[str, str, tuple[VerdictKey, ...]]]:
    """Gives (generation, prompt, verifiers to run) in the order of the prompts' files, so that shards read neighbours."""
    flags = []
    for number, key in enumerate(verifiers):
        there = sa.exists().where(VerdictRow.generation_id == Generation.id, key.matches())
        flag = there.where(VerdictRow.status.in_(sorted(scope.retry))) if scope.retry else ~there
        flags.append(flag.label(f"wanted_{number}"))
    query = (
        sa.select(Generation.id, Generation.prompt_id, *flags)
        .join(Prompt, Prompt.id == Generation.prompt_id)
        .where(scope.generations(), sa.or_(*(flag.element for flag in flags)))
        .order_by(Prompt.artifact_id, Prompt.row, Generation.model, Generation.sampling_hash, Generation.sample_index)
        .execution_options(yield_per=_FETCH_ROWS)
    )
    for generation, prompt, *wanted in connection.execute(query):
        there_already = planned.get(generation, ())
        missing = tuple(key for key, flag in zip(verifiers, wanted, strict=True) if flag and key not in there_already)
        if missing:
            yield generation, prompt, missing


def _unsettled(connection: sa.Connection, stage_id: int) -> dict[str, frozenset[VerdictKey]]:
    """Gives what unfinished shards of the stage will score: generation -> verifiers."""
    query = sa.select(Shard.payload).where(Shard.stage_id == stage_id, Shard.status.in_(("pending", "leased")))
    planned: dict[str, frozenset[VerdictKey]] = {}
    for payload in connection.execute(query).scalars():
        keys = frozenset(VerdictKey(*key) for key in payload["verifiers"])
        for generation in payload["items"]:
            planned[generation] = planned.get(generation, frozenset()) | keys
    return planned
