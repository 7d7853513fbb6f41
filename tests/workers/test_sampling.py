"""Sampling through the queue, against a small HTTP server that answers from the seed and fails when it is told to."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from schemas.errors import UserError
from schemas.ids import canonical_json, prompt_id, sample_seed
from schemas.store import open_store, reading, sqlite_url
from schemas.tables import Generation
from workers import sampling
from workers.check import check_store
from workers.endpoint import Endpoint, Sampling
from workers.imports import ImportSource
from workers.landing import contract_table
from workers.sampling import SampleResult, sample

KEY = "k3y-of-the-endpoint"


class Model(ThreadingHTTPServer):
    """Answers "seed N" to each request, but status 400 to questions that hold `broken`; keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[tuple[str, int]] = Counter()
        self.keys: set[str | None] = set()
        self.broken = ""
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][-1]["content"]
        self.server.asked[question, body["seed"]] += 1
        self.server.keys.add(self.headers.get("Authorization"))
        if self.server.broken and self.server.broken in question:
            return self._send(400, {"error": {"message": f"cannot answer, key {KEY}"}})
        choice = {"message": {"content": f"seed {body['seed']}\x00"}, "finish_reason": "stop"}
        return self._send(200, {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 7}})

    def _send(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def prompts(*questions: str) -> pa.Table:
    rows: dict[str, list[Any]] = {
        name: [] for name in ("id", "task", "messages", "gold", "language", "domain", "source")
    }
    for question in questions:
        messages = [{"role": "user", "content": question}]
        row = [prompt_id("made", "math", messages, None), "math", canonical_json(messages), None, "en", None, "made"]
        for name, value in zip(rows, row, strict=True):
            rows[name].append(value)
    return contract_table("prompts", rows)


class Place:
    def __init__(self, folder: Path, url: str) -> None:
        self.out = folder / "out"
        self.url = url
        self.engine = open_store(url)

    def sample(self, model: Model, questions: Any, n: int, **options: Any) -> SampleResult:
        endpoint = Endpoint(model.url, "small", api_key_env="TAMIS_TEST_KEY", retries=0)
        options = {"concurrency": 2, "shard_samples": 4, **options}
        return sample(self.url, self.out, questions, endpoint, Sampling(max_tokens=9), n=n, **options)

    def samples(self) -> set[tuple[str, int, str, int]]:
        query = sa.select(Generation.prompt_id, Generation.sample_index, Generation.finish_reason, Generation.tokens)
        with reading(self.engine) as connection:
            return {tuple(row) for row in connection.execute(query)}


@pytest.fixture
def place(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("TAMIS_TEST_KEY", KEY)
    return Place(tmp_path, store_url)


def test_what_has_landed_is_never_sampled_again(place: Place, model: Model, tmp_path: Path) -> None:
    questions = [f"question {number}" for number in range(5)]
    table = prompts(*questions)
    first = place.sample(model, table, 2)
    assert (first.planned, first.generations, first.prompts, first.exit_code) == (10, 10, 5, 0)
    second = place.sample(model, table, 4)
    assert (second.run_id, second.planned, second.generations) == (first.run_id, 10, 20)
    assert place.sample(model, table, 4).planned == 0
    ids = table.column("id").to_pylist()
    assert place.samples() == {(key, index, "stop", 7) for key in ids for index in range(4)}
    expected = {
        (question, sample_seed(key, index)) for question, key in zip(questions, ids, strict=True) for index in range(4)
    }
    assert model.asked == Counter(expected)
    assert model.keys == {f"Bearer {KEY}"}
    assert check_store(place.engine) == []
    for file in [*tmp_path.rglob("*.parquet"), *tmp_path.rglob("*.log"), *tmp_path.rglob("*.db*")]:
        assert KEY.encode() not in file.read_bytes(), file


@pytest.mark.slow
def test_a_failing_sample_is_tried_again_then_quarantined_and_costs_no_other(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMIS_TEST_KEY", KEY)
    place = Place(tmp_path, sqlite_url(tmp_path / "tamis.db"))
    model.broken = "bad"
    monkeypatch.setenv("TAMIS_SAMPLE_RETRY_SECONDS", "0.1")
    result = place.sample(model, prompts("good 1", "bad", "good 2"), 2)
    assert (result.generations, result.exit_code) == (4, 3)
    assert len(result.quarantined) == 2
    assert all("http_status 400" in item.error for item in result.quarantined)
    assert KEY not in repr(result)
    assert Counter(question for question, _ in model.asked.elements())["bad"] == 2 * sampling.MAX_TRIES
    assert all(count == 1 for (question, _), count in model.asked.items() if question != "bad")
    # The same command, once the endpoint is well, makes what is missing and nothing else.
    model.broken = ""
    again = place.sample(model, prompts("good 1", "bad", "good 2"), 2)
    assert (again.planned, again.generations, again.exit_code) == (0, 6, 0)
    assert all(count == 1 for (question, _), count in model.asked.items() if question != "bad")
    assert check_store(place.engine) == []


def test_prompts_from_files(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_TEST_KEY", KEY)
    place = Place(tmp_path, sqlite_url(tmp_path / "tamis.db"))
    path = tmp_path / "questions.jsonl"
    path.write_text(
        "".join(json.dumps({"prompt": f"question {number}", "answer": number}) + "\n" for number in range(5))
    )
    result = place.sample(model, [ImportSource(path, "theirs")], 1, limit=3)
    assert (result.planned, result.generations, result.prompts) == (3, 3, 3)
    assert place.sample(model, None, 1).generations == 5


def test_what_is_refused_before_work(tmp_path: Path, model: Model) -> None:
    place = Place(tmp_path, sqlite_url(tmp_path / "tamis.db"))
    with pytest.raises(UserError, match="TAMIS_TEST_KEY"):
        place.sample(model, prompts("one"), 1)
    with pytest.raises(UserError, match="at least 1"):
        place.sample(model, prompts("one"), 0)
    assert model.asked == Counter()
