"""Claims, leases, failures and reclaiming, over the table of shards on both databases."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from schemas.store import open_store, reading
from schemas.tables import Shard
from workers import queue, runs


@pytest.fixture
def engine(store_url: str) -> sa.Engine:
    return open_store(store_url)


@pytest.fixture
def stage_id(engine: sa.Engine, tmp_path: Path) -> int:
    run_id = runs.open_run(engine, kind="verify", name="made", out=tmp_path, recipe={"a": 1})
    return runs.open_stage(engine, run_id, name="verify", kind="verify")


def add(engine: sa.Engine, stage_id: int, *items: int) -> int:
    with engine.begin() as connection:
        return queue.add_shards(connection, stage_id, [{"items": list(items), "verifiers": []}])[0]


def shard(engine: sa.Engine, shard_id: int) -> sa.Row[tuple[Shard]]:
    with reading(engine) as connection:
        return connection.execute(sa.select(*Shard.__table__.c).where(Shard.id == shard_id)).one()


def set_shard(engine: sa.Engine, shard_id: int, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(Shard).where(Shard.id == shard_id).values(**values))


def dead_worker() -> str:
    """Gives the name of a worker of this host that is gone."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = f"{queue.worker_name().rsplit('/', 2)[0]}/{process.pid}/{psutil.Process(process.pid).create_time():.2f}"
    assert not queue.is_dead(name)
    process.communicate(b"\n")
    assert queue.is_dead(name)
    return name


def test_numbers_go_on_without_gaps_however_many_planners(engine: sa.Engine, stage_id: int) -> None:
    threads = [threading.Thread(target=add, args=(engine, stage_id, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        numbers = connection.execute(sa.select(Shard.number).order_by(Shard.number)).scalars().all()
    assert numbers == list(range(8))


def test_a_shard_has_one_holder_at_a_time(engine: sa.Engine, stage_id: int) -> None:
    shard_id = add(engine, stage_id, 1)
    set_shard(
        engine,
        shard_id,
        status="leased",
        worker="elsewhere/1/1.0",
        lease_expires_at=queue.datetime(2100, 1, 1, tzinfo=queue.UTC),
    )
    assert queue.claim(engine, shard_id) is None
    set_shard(engine, shard_id, lease_expires_at=queue.datetime(2000, 1, 1, tzinfo=queue.UTC))
    claim = queue.claim(engine, shard_id)
    assert claim is not None
    assert (claim.attempt, claim.kind, claim.recipe, claim.payload["items"]) == (1, "verify", {"a": 1}, [1])


def test_claims_race_and_one_wins(engine: sa.Engine, stage_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shard_id = add(engine, stage_id, 1)
    names = threading.local()
    monkeypatch.setattr(queue, "worker_name", lambda: f"elsewhere/{names.value}/1.0")
    won = []

    def race(number: int) -> None:
        names.value = number
        won.append(queue.claim(engine, shard_id))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in won) == 1
    assert shard(engine, shard_id).attempts == 1


def test_settled_and_unknown_shards_are_not_claimed(engine: sa.Engine, stage_id: int) -> None:
    shard_id = add(engine, stage_id, 1)
    for status in ("done", "quarantined"):
        set_shard(engine, shard_id, status=status)
        assert queue.claim(engine, shard_id) is None
    assert queue.claim(engine, 10**9) is None


def test_a_dead_worker_of_this_host_loses_its_shard_at_once(engine: sa.Engine, stage_id: int) -> None:
    shard_id = add(engine, stage_id, 1, 2)
    late = queue.datetime(2100, 1, 1, tzinfo=queue.UTC)
    set_shard(engine, shard_id, status="leased", worker=dead_worker(), attempts=1, lease_expires_at=late)
    assert queue.reclaim(engine, stage_id).requeue == [shard_id]
    row = shard(engine, shard_id)
    assert (row.status, row.attempts, row.worker) == ("pending", 1, None)
    assert "lost during attempt 1" in row.error


def test_a_poison_shard_is_split_and_a_single_item_is_exhausted(engine: sa.Engine, stage_id: int) -> None:
    shard_id = add(engine, stage_id, *range(40))
    past = queue.datetime(2000, 1, 1, tzinfo=queue.UTC)
    set_shard(
        engine, shard_id, status="leased", worker="elsewhere/1/1.0", attempts=queue.MAX_ATTEMPTS, lease_expires_at=past
    )
    parts = queue.reclaim(engine, stage_id).requeue
    assert len(parts) == 14
    items = [item for part in parts for item in shard(engine, part).payload["items"]]
    assert items == list(range(40))
    assert shard(engine, shard_id).status == "done", "a zombie of the whole can land nothing"
    set_shard(
        engine,
        parts[-1],
        status="leased",
        worker="elsewhere/1/1.0",
        attempts=3,
        lease_expires_at=past,
        payload={"items": [39]},
    )
    assert queue.claim(engine, parts[-1]) is None
    (exhausted,) = queue.reclaim(engine, stage_id).exhausted
    assert (exhausted.shard_id, exhausted.attempt) == (parts[-1], 3)


def test_a_failure_waits_longer_each_time(engine: sa.Engine, stage_id: int) -> None:
    shard_id = add(engine, stage_id, 1)
    claim = queue.claim(engine, shard_id)
    assert claim is not None
    queue.fail(engine, claim, ValueError("a\x00b"))
    assert shard(engine, shard_id).error == "ValueError: a\ufffdb"
    assert queue.claim(engine, shard_id) is None, "it waits"
    assert queue.reclaim(engine, stage_id).requeue == []
    assert [queue.backoff_seconds(attempt) for attempt in (1, 2, 3, 20)] == [2.0, 4.0, 8.0, 60.0]


def test_a_heartbeat_keeps_the_lease_and_a_lost_lease_is_noticed(
    engine: sa.Engine, stage_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(queue.LEASE_VARIABLE, "0.3")
    shard_id = add(engine, stage_id, 1)
    claim = queue.claim(engine, shard_id)
    assert claim is not None
    first = shard(engine, shard_id).lease_expires_at
    with queue.heartbeat(engine, claim):
        deadline = time.monotonic() + 60
        while shard(engine, shard_id).lease_expires_at == first:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    set_shard(engine, shard_id, worker="elsewhere/1/1.0")
    assert not queue.renew(engine, claim)


def test_what_the_user_interrupted_costs_no_attempt(engine: sa.Engine, stage_id: int) -> None:
    shard_id = add(engine, stage_id, 1)
    late = queue.datetime(2100, 1, 1, tzinfo=queue.UTC)
    set_shard(engine, shard_id, status="leased", worker=dead_worker(), attempts=1, lease_expires_at=late)
    assert queue.release_interrupted(engine, stage_id) == 1
    row = shard(engine, shard_id)
    assert (row.status, row.attempts) == ("pending", 0)


def test_tally_and_revive(engine: sa.Engine, stage_id: int) -> None:
    ids = [add(engine, stage_id, number) for number in range(4)]
    set_shard(engine, ids[0], status="done")
    set_shard(engine, ids[1], status="quarantined", attempts=3)
    assert queue.tally(engine, stage_id) == queue.Tally(pending=2, done=1, quarantined=1)
    assert queue.pending_ids(engine, stage_id) == ids[2:]
    assert queue.revive(engine, stage_id) == 1
    assert queue.pending_ids(engine, stage_id) == ids[1:]
    assert shard(engine, ids[1]).attempts == 0
