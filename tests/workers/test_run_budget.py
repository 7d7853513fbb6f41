"""Caps on what a run spends, held over processes by the store."""

import json
import subprocess
import sys
from typing import Any

import pytest
import sqlalchemy as sa
from scripted_server import Reply, Server, chat

from schemas.store import open_store, reading
from schemas.tables import Shard, SpendingRow
from workers import runs
from workers.run_budget import StoreAccount
from workers.spending import Budget, BudgetSpentError, Spending

WORKER = """
import json, sys
from rewards.endpoints import ChatRequest
from schemas.store import open_store
from workers.endpoint import Endpoint
from workers.model_client import ModelClient
from workers.run_budget import StoreAccount
from workers.spending import Budget

url, store, stage, budget = json.loads(sys.argv[1])
client = ModelClient(Endpoint(url, "tiny"), concurrency=3, budget=Budget(**budget))
client.begin(stage, StoreAccount(open_store(store), stage, "judge", client.budget))
print(flush=True)
sys.stdin.readline()
asked = [ChatRequest("tiny", [{"role": "user", "content": "2 + 2?"}], 0.0, 16, seed) for seed in range(20)]
replies = client.chat(asked)
print(json.dumps([getattr(reply, "kind", "reply") for reply in replies]))
"""


def a_stage(engine: sa.Engine, tmp_path: Any) -> int:
    run = runs.open_run(engine, kind="verify", name="v", out=tmp_path, recipe={})
    return runs.open_stage(engine, run, name="verify", kind="verify")


def booked(engine: sa.Engine) -> Spending:
    with reading(engine) as connection:
        row = connection.execute(sa.select(SpendingRow.__table__)).one()
    return Spending(row.requests, row.prompt_tokens, row.completion_tokens)


def test_two_processes_that_spend_at_once_share_one_cap(server: Server, store_url: str, tmp_path: Any) -> None:
    cap = {"requests": 13} if store_url.startswith("sqlite") else {"tokens": 1500}
    server.answer = lambda _: Reply(chat("4"), wait=0.01)
    engine = open_store(store_url)
    stage = a_stage(engine, tmp_path)
    argument = json.dumps([server.url, store_url, stage, cap])
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"\n")
        worker.stdin.flush()
    shown = [json.loads(worker.communicate(timeout=100)[0]) for worker in workers]
    made = sum(kinds.count("reply") for kinds in shown)
    spent = booked(engine)
    assert made == len(server.seen) == spent.requests
    assert made + sum(kinds.count("budget_spent") for kinds in shown) == 40
    assert spent.tokens == 14 * made  # as the server's `usage` says
    if "requests" in cap:
        assert made == 13
    else:
        assert 0 < spent.tokens <= 1500
    engine.dispose()


def test_what_was_under_way_when_a_worker_died_stays_booked(store_url: str, tmp_path: Any) -> None:
    engine = open_store(store_url)
    stage, budget = a_stage(engine, tmp_path), Budget(tokens=100)
    StoreAccount(engine, stage, "judge", budget).reserve(30, 30)
    after = StoreAccount(engine, stage, "judge", budget)
    with pytest.raises(BudgetSpentError, match="tokens 100"):
        after.reserve(30, 30)
    after.reserve(10, 10)
    after.settle(4, 10)
    assert booked(engine) == Spending(2, 36, 30)
    StoreAccount(engine, stage, "reward_model", budget).reserve(100, 0)  # a verifier has its own cap
    engine.dispose()


def test_an_account_begins_with_what_shards_had_landed_with_before_there_was_one(store_url: str, tmp_path: Any) -> None:
    engine = open_store(store_url)
    stage, budget = a_stage(engine, tmp_path), Budget(requests=9)
    counts = {"judge_requests": 4, "judge_prompt_tokens": 40, "judge_completion_tokens": 8}
    with engine.begin() as connection:
        shards = [
            {"stage_id": stage, "number": number, "status": "done", "payload": {}, "counts": counts}
            for number in range(2)
        ]
        connection.execute(sa.insert(Shard), shards)
    account = StoreAccount(engine, stage, "judge", budget)
    account.reserve(1, 1)
    with pytest.raises(BudgetSpentError, match="requests 9"):
        StoreAccount(engine, stage, "judge", budget).reserve(1, 1)
    assert booked(engine) == Spending(9, 81, 17)
    engine.dispose()
