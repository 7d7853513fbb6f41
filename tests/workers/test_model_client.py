import contextlib
import gzip
import json
import logging
import socket
import threading
import time

import pytest
from scripted_server import Reply, chat

from rewards import get_verifier
from rewards.endpoints import ChatEndpoint, ChatReply, ChatRequest, EndpointFailure, JsonEndpoint, JsonRequest
from schemas.errors import UserError
from workers import endpoint as endpoint_module
from workers.model_client import FAILURES_IN_A_ROW, ModelClient
from workers.resources import EndpointSettings, build_verifier, open_model
from workers.spending import Budget, BudgetSpentError, Ledger, OwnAccount, Spending

KEY = "sk-very-secret-0123456789"
GOLD = {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
RIGHT = chat('{"analysis": "same", "correctness": "correct"}')
QUICK = {"backoff_seconds": 0.005, "timeout_seconds": 60.0, "retries": 1}
#: For a server that does not answer in time.
SHORT = {"timeout_seconds": 0.5, "request_seconds": 1.5}
#: What takes so long was not ended by its budget: the server is silent for a minute, or drips for hours.
HANG_SECONDS = 45


def ask(number=1, max_tokens=16):
    return [
        ChatRequest("tiny", [{"role": "user", "content": "2 + 2 ="}], 0.0, max_tokens, seed) for seed in range(number)
    ]


def client_of(server, **settings):
    return open_model(EndpointSettings(url=server.url, **{**QUICK, **settings}), "tiny")


def judge_of(server, endpoint=None, **settings):
    return build_verifier(
        "judge", {"model": "tiny", "endpoint": {"url": server.url, **QUICK, **(endpoint or {})}, **settings}
    )


def test_a_client_is_what_verifiers_ask_for(server):
    client = client_of(server)
    assert isinstance(client, ChatEndpoint)
    assert isinstance(client, JsonEndpoint)
    assert client.chat(ask()) == [ChatReply("4", "stop", 11, 3)]
    assert server.seen[0]["body"]["seed"] == 0
    assert client.spent == Spending(1, 11, 3)


def test_replies_come_in_the_order_of_the_requests_and_several_at_a_time(server):
    server.answer = lambda body: Reply(chat(str(body["seed"])), wait=0.01, beside=2)
    assert [reply.text for reply in client_of(server, concurrency=4).chat(ask(12))] == [str(seed) for seed in range(12)]
    assert 1 < server.most_under_way <= 4


def test_a_judge_asks_for_structured_output_and_reads_it(server):
    server.script = [Reply(RIGHT)]
    verdict = judge_of(server)("It is 4.", GOLD)
    assert (verdict.score, verdict.status) == (1.0, "correct")
    body = server.seen[0]["body"]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["analysis", "correctness"]
    assert (server.seen[0]["path"], body["model"], body["top_p"]) == ("/v1/chat/completions", "tiny", 1.0)


def test_characters_that_no_request_can_hold_are_replaced(server):
    server.script = [Reply(RIGHT)]
    gold = {"messages": "2 + 2\ud800?", "answer": "4\udfff", "rubric": "\x00"}
    assert judge_of(server)("It is \ud800 4.\x00", gold).score == 1.0
    asked = server.seen[0]["body"]["messages"][-1]["content"]
    assert "It is \ufffd 4.\ufffd" in asked
    assert "4\ufffd" in asked


FAULTS = {
    "silence": Reply(RIGHT, wait=60.0),
    "slow drip": Reply(RIGHT, drip=500_000),
    "429": Reply({"error": {"message": "busy"}}, 429, {"Retry-After": "0"}),
    "429 for an hour": Reply({"error": "busy"}, 429, {"Retry-After": "3600"}),
    "500": Reply({"error": "oops"}, 500),
    "503": Reply(b"<html>down</html>", 503),
    "401": Reply({"error": "no key"}, 401),
    "301": Reply(b"", 301, {"Location": "/elsewhere"}),
    "cut": Reply(RIGHT, cut=True),
    "no JSON": Reply(b"<html>busy</html>"),
    "broken JSON": Reply(b'{"choices": [{"mess'),
    "deep JSON": Reply(b"[" * 200_000),
    "no choices": Reply({"choices": []}),
    "wrong schema": Reply(chat('{"verdict": "correct"}')),
    "wrong value": Reply(chat('{"analysis": "same", "correctness": "very"}')),
    "words": Reply(chat("The answer is correct.")),
    "refusal": Reply(chat(None, refusal="I cannot judge this.")),
    "length": Reply(chat('{"analysis": "same", "correctness": "correct"}', "length")),
    "filter": Reply(chat('{"analysis": "same", "correctness": "correct"}', "content_filter")),
    "number": Reply(chat(1)),
    "huge": Reply(b" " * (33 * 1024 * 1024)),
    "long text": Reply(chat("{" * 1_000_000)),
    "no HTTP": Reply(RIGHT, headers={"Content-Encoding": "gzip"}),
    "deep 500": Reply(b"[" * 200_000, 500),
    "packed": Reply(gzip.compress(bytes(40 * 1024 * 1024), 1), headers={"Content-Encoding": "gzip"}),
    "packed twice": Reply(
        gzip.compress(gzip.compress(json.dumps(RIGHT).encode())), headers={"Content-Encoding": "gzip, gzip"}
    ),
    "time of year 1": Reply({"error": "busy"}, 503, {"Retry-After": "Mon, 01 Jan 0001 00:00:00 -0000"}),
}


SLOW_FAULTS = ("silence", "slow drip")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_server_is_no_score_in_bounded_time_and_the_next_reply_counts(server, fault):
    slow = fault in SLOW_FAULTS
    verify = judge_of(server, SHORT if slow else None)
    server.script = [FAULTS[fault]]
    begun = time.monotonic()
    verdict = verify("It is 4.", GOLD)
    assert (verdict.score, verdict.status) == (None, "error")
    assert verdict.detail["reason"] in {"endpoint_failed", "unreadable_votes"}
    assert time.monotonic() - begun < HANG_SECONDS
    server.script = [Reply(RIGHT)]
    # Where only half a second is waited, a busy machine may miss a reply, but not all.
    assert any(verify("It is 4.", GOLD).score == 1.0 for _ in range(20 if slow else 1))


def test_one_fault_among_right_replies_costs_a_retry_and_no_vote(server):
    verify = judge_of(server, votes=6)
    for fault in ("429", "500", "cut", "no JSON", "no choices", "wrong schema", "refusal", "length"):
        server.script = [FAULTS[fault], Reply(RIGHT)]
        assert verify("It is 4.", GOLD).score == 1.0, fault


def test_a_server_that_accepts_and_says_nothing_or_closes_at_once_is_no_score():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        verify = build_verifier("judge", {"model": "tiny", "endpoint": {"url": url, **QUICK, "timeout_seconds": 0.2}})
        verdict = verify("It is 4.", GOLD)  # nobody reads
        assert (verdict.score, verdict.detail["votes"]) == (None, ["timeout"])

        def close_all():
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=close_all, daemon=True).start()
        verdict = verify("It is 4.", GOLD)
        assert verdict.score is None
        listening.shutdown(socket.SHUT_RDWR)


def test_headers_that_come_byte_by_byte_hold_up_nothing_but_their_own_request(monkeypatch):
    monkeypatch.setattr(endpoint_module, "_GRACE_SECONDS", 0.2)
    quiet = threading.Event()

    def drip(connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not quiet.wait(0.05):
                connection.sendall(b"x")

    def serve(listening):
        with contextlib.suppress(OSError):
            while not quiet.is_set():
                threading.Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        client = open_model(EndpointSettings(url=url, concurrency=2, request_seconds=0.3), "tiny")
        begun = time.monotonic()
        replies = client.chat(ask(3))
        assert time.monotonic() - begun < HANG_SECONDS
        quiet.set()
    assert [(reply.kind, reply.detail) for reply in replies] == [("timeout", "it hung beyond the sample's budget")] * 3


def test_a_dead_server_is_given_up_after_some_requests():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    client = open_model(EndpointSettings(url=url, concurrency=2, **QUICK), "tiny")
    replies = client.chat(ask(200))
    assert all(isinstance(reply, EndpointFailure) and reply.kind == "refused" for reply in replies)
    given_up = [reply for reply in replies if reply.detail.startswith("given up")]
    assert len(given_up) >= 200 - FAILURES_IN_A_ROW - 2
    assert client.chat(ask())[0].detail != given_up[0].detail  # the next call tries again


def test_a_server_that_refuses_some_is_not_given_up(server):
    server.answer = lambda body: Reply({"error": "no"}, 400) if body["seed"] % 4 else Reply(chat("4"))
    replies = client_of(server).chat(ask(100))
    assert sum(isinstance(reply, ChatReply) for reply in replies) == 25


def test_requests_are_capped_retries_included(server):
    server.script = [Reply({}, 500)]
    client = client_of(server, retries=2, budget=Budget(requests=5), concurrency=3)
    kinds = [reply.kind for reply in client.chat(ask(10))]
    assert len(server.seen) == client.spent.requests == 5
    assert "budget_spent" in kinds


@pytest.mark.parametrize(
    ("budget", "usage"),
    [
        (Budget(tokens=3_000), {"prompt_tokens": 60, "completion_tokens": 200}),
        (Budget(tokens=3_000), {}),
        (
            Budget(money=3.0, prompt_price=500.0, completion_price=2_000.0),
            {"prompt_tokens": 60, "completion_tokens": 150},
        ),
        (Budget(money=3.0, completion_price=2_000.0), None),
    ],
)
def test_tokens_and_money_are_never_passed(server, budget, usage):
    server.script = [Reply({**chat("4"), "usage": usage})]
    client = client_of(server, budget=budget, concurrency=4)
    replies = client.chat(ask(60, max_tokens=200))
    made = sum(isinstance(reply, ChatReply) for reply in replies)
    assert 0 < made == len(server.seen) < 60
    assert {reply.kind for reply in replies if isinstance(reply, EndpointFailure)} == {"budget_spent"}
    assert client.spent.tokens <= (budget.tokens or 10**9)
    assert client.spent.money(budget) <= (budget.money or 0.0)


def test_time_is_capped(server):
    server.script = [Reply(chat("4")), Reply(chat("4"), wait=60.0)]
    client = client_of(server, budget=Budget(wall_seconds=1.5), concurrency=2)
    begun = time.monotonic()
    replies = client.chat(ask(50))
    assert time.monotonic() - begun < HANG_SECONDS
    kinds = {reply.kind if isinstance(reply, EndpointFailure) else "reply" for reply in replies}
    assert kinds == {"reply", "budget_spent"}


def test_a_spent_budget_is_no_score_and_what_was_scored_stays(server):
    server.script = [Reply(RIGHT)]
    verify = judge_of(server, {"budget": {"requests": 3}, "concurrency": 1})
    found = verify.verify_batch([f"It is {number}." for number in range(5)], [GOLD] * 5)
    assert [verdict.score for verdict in found] == [1.0] * 3 + [None] * 2
    assert {(verdict.status, verdict.detail["reason"]) for verdict in found[3:]} == {("error", "budget_spent")}
    assert found[4].detail["error"] == "requests 3"
    assert len(server.seen) == 3


def test_a_ledger_counts_what_is_under_way():
    ledger = Ledger(Budget(requests=2, tokens=100))
    account = ledger.set_aside(30, 30)
    with pytest.raises(BudgetSpentError, match="tokens 100"):
        ledger.set_aside(30, 30)
    ledger.settle(account, (30, 30), (10, 5))
    ledger.set_aside(30, 30)
    with pytest.raises(BudgetSpentError, match="requests 2"):
        ledger.set_aside(0, 0)
    assert ledger.spent == Spending(1, 10, 5)


def test_two_clients_share_an_account_and_another_work_has_its_own_time(server):
    budget = Budget(requests=5, wall_seconds=30)
    account = OwnAccount(budget)
    first, client = client_of(server, budget=budget), client_of(server, budget=budget)
    first.begin("run", account)
    client.begin("run", account)
    assert client.is_capped
    first.chat(ask(3))
    assert [isinstance(reply, ChatReply) for reply in client.chat(ask(3))].count(True) == 2
    assert client.spent.requests == 2
    ledger = Ledger(Budget(wall_seconds=0.5))
    ledger.begin("run")
    while ledger.seconds_left():
        time.sleep(0.05)
    with pytest.raises(BudgetSpentError, match="wall_seconds"):
        ledger.set_aside(1, 1)
    ledger.begin("run")
    assert ledger.seconds_left() == 0
    ledger.begin("another")
    assert ledger.seconds_left() > 0


def test_a_reward_model_is_asked_at_the_servers_root(server):
    server.script = [Reply({"data": [{"index": 0, "probs": [0.25, 0.75]}], "usage": {"prompt_tokens": 7}})]
    settings = {"model": "rm", "api": "classify", "scale": "raw", "endpoint": {"url": server.url, **QUICK}}
    verdict = build_verifier("reward_model", settings)("It is 4.", GOLD)
    assert (verdict.score, verdict.status) == (0.75, "partial")
    assert (server.seen[0]["path"], server.seen[0]["body"]["model"]) == ("/classify", "rm")


@pytest.mark.parametrize("fault", ["silence", "500", "cut", "broken JSON", "deep JSON", "no choices", "huge"])
def test_a_reward_model_that_fails_is_no_score(server, fault):
    server.script = [FAULTS[fault]]
    verify = build_verifier(
        "reward_model",
        {"model": "rm", "endpoint": {"url": server.url, **QUICK, **(SHORT if fault in SLOW_FAULTS else {})}},
    )
    verdict = verify("It is 4.", GOLD)
    assert (verdict.score, verdict.status, verdict.detail["reason"]) == (None, "error", "endpoint_failed")
    server.script = [Reply({"data": [{"index": 0, "score": 0.0}]})]
    assert any(verify("It is 4.", GOLD).score == 0.5 for _ in range(20 if fault in SLOW_FAULTS else 1))


def test_a_reply_that_is_packed_though_nobody_asked_is_read(server):
    server.script = [Reply(gzip.compress(json.dumps(chat("4")).encode()), headers={"Content-Encoding": "gzip"})]
    assert client_of(server).chat(ask())[0].text == "4"
    assert server.seen[0]["headers"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("score", [10**400, True, None, [0.5]])
def test_what_is_no_score_is_none(server, score):
    server.script = [Reply({"data": [{"index": 0, "score": score}]})]
    verify = build_verifier("reward_model", {"model": "rm", "endpoint": {"url": server.url, **QUICK}})
    assert verify("It is 4.", GOLD).detail["reason"] == "endpoint_failed"


def test_a_reply_of_the_wrong_shape_is_asked_for_again(server):
    server.script = [Reply({"data": []}), Reply({"data": [{"index": 0, "score": 1.5}]})]
    read = lambda reply: [one["score"] for one in reply["data"]] or int("none")  # noqa: E731
    assert client_of(server).post([JsonRequest("/v1/score", {}, read)]) == [[1.5]]
    assert len(server.seen) == 2


def test_the_key_stands_nowhere_but_in_the_request(server, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("JUDGE_KEY", KEY)
    server.script = [Reply({"error": {"message": f"bad key {KEY}"}}, 401)]
    verify = judge_of(server, {"api_key_env": "JUDGE_KEY"})
    verdict = verify("It is 4.", GOLD)
    assert server.seen[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    assert "bad key ***" in verdict.detail["error"]
    assert KEY not in json.dumps([dict(verdict.detail), dict(verify.settings)]) + repr(verify) + caplog.text


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (None, "need an endpoint"),
        ("ftp://host", "http"),
        ("https://user:hunter2@host/v1", "no user"),
        ({"url": "https://host/v1", "api_key": "hunter2"}, "endpoint.api_key"),
        ({"url": "https://host/v1", "api_key_env": "NOT_SET_HERE"}, "NOT_SET_HERE"),
        ({"url": "https://host/v1", "concurrency": 0}, "endpoint.concurrency"),
        ({"url": "https://host/v1", "budget": {"money": 1.0}}, "prompt_price"),
        ({"url": "https://host/v1", "budget": {"requests": -1}}, "endpoint.budget.requests"),
        (["https://host/v1"], "endpoint"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_in_one_line_without_secrets(endpoint, message):
    for name in ("judge", "reward_model"):
        with pytest.raises(UserError, match=message) as caught:
            build_verifier(name, {"model": "tiny", "endpoint": endpoint})
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_further_fields_hold_no_secret():
    with pytest.raises(UserError, match="looks like a secret"):
        build_verifier("judge", {"model": "tiny", "endpoint": "https://host/v1", "extra": {"api_key": "x"}})


def test_where_a_model_is_served_and_what_it_may_cost_are_no_part_of_a_verdicts_key():
    here = build_verifier("judge", {"model": "tiny", "endpoint": "https://here/v1"})
    there = build_verifier(
        "judge", {"model": "tiny", "endpoint": {"url": "https://there/v1", "budget": {"requests": 3}}}
    )
    other = build_verifier("judge", {"model": "other", "endpoint": "https://here/v1"})
    assert here.settings_hash == there.settings_hash == get_verifier("judge", model="tiny").settings_hash
    assert here.settings_hash != other.settings_hash


def test_a_verifier_without_an_endpoint_is_made_as_ever():
    assert build_verifier("exact", {"ignore_case": True}).settings["ignore_case"] is True
    with pytest.raises(UserError, match="no verifier is called"):
        build_verifier("no_such", {})


def test_a_client_wants_at_least_one_request_at_a_time(server):
    with pytest.raises(ValueError, match="concurrency"):
        ModelClient(client_of(server)._endpoint, concurrency=0)
