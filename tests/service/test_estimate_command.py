"""`tamis sample`, `tamis verify`, `tamis estimate` one after the other, as a user types them, on real problems."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rewards.estimates import pass_at_k

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS, SAMPLES = 8, 4


def tamis(*arguments):
    command = [sys.executable, "-m", "service.cli", *map(str, arguments)]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=500, check=False)


class Pupil(ThreadingHTTPServer):
    """Solves the first problem never, the second once in four samples, the third twice ... by what it was asked how often."""

    daemon_threads = True

    def __init__(self, golds):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.golds = golds
        self.asked = Counter()
        self.lock = threading.Lock()

    def answer(self, question):
        place = list(self.golds).index(question)
        with self.lock:
            turn = self.asked[question]
            self.asked[question] += 1
        number = self.golds[question] if turn < place % (SAMPLES + 1) else "-7"
        return f"<think>The numbers of the question have to be put together with care.</think>\n\nThe answer is \\boxed{{{number}}}."


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = self.server.answer(body["messages"][-1]["content"])
        usage = {"prompt_tokens": 1, "completion_tokens": 30}
        choice = {"message": {"content": content}, "finish_reason": "stop"}
        sent = json.dumps({"choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        """Says nothing."""


@pytest.mark.slow
def test_from_rows_of_gsm8k_to_advantages(tmp_path, reference_data):
    path = reference_data("gsm8k") / "test.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[:PROBLEMS]
    (tmp_path / "gsm8k.jsonl").write_text("\n".join(lines))
    golds = {row["question"]: row["answer"].rpartition("####")[2].strip() for row in map(json.loads, lines)}
    out = tmp_path / "out"
    with Pupil(golds) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        sampled = tamis(
            "sample", tmp_path / "gsm8k.jsonl", "--model", "pupil", "-n", SAMPLES, "--base-url", url, "--workers", 1,
            "--out", out, "--json",
        )  # fmt: skip
        server.shutdown()
    assert sampled.returncode == 0, sampled.stderr
    verified = tamis("verify", "--out", out, "--workers", 1, "--json")
    assert verified.returncode == 0, verified.stderr
    right = [place % (SAMPLES + 1) for place in range(PROBLEMS)]
    assert json.loads(verified.stdout)["statuses"]["math"] == {
        "correct": sum(right),
        "incorrect": PROBLEMS * SAMPLES - sum(right),
    }
    planned = tamis("estimate", "--out", out, "--dry-run", "--json")
    assert json.loads(planned.stdout)["groups"][0]["generations"] == PROBLEMS * SAMPLES
    assert not (out / "estimates").exists()
    estimated = tamis("estimate", "--out", out, "--k", "1,2,4", "--json")
    assert estimated.returncode == 0, estimated.stderr
    told = json.loads(estimated.stdout)
    (group,) = told["groups"]
    assert (group["source"], group["model"], group["unscored"]) == ("gsm8k", "pupil", 0)
    for item in group["pass_at"]:
        by_hand = [pass_at_k([1.0] * c + [0.0] * (SAMPLES - c), item["k"]).value for c in right]
        assert item["value"] == pytest.approx(sum(by_hand) / PROBLEMS)
    votes = {0: 0.0, 1: 0.0, 2: 0.5, 3: 1.0, 4: 1.0}
    assert group["cons_at"][-1]["value"] == pytest.approx(sum(votes[c] for c in right) / PROBLEMS)
    assert group["bands"] == {"too_hard": 2, "learnable": 5, "too_easy": 1, "unscored": 0}
    assert sorted(told["rubric"]["weights"]) == ["format", "math"]
    assert told["rubric"]["metrics"] == ["mixing"]  # a text without words has no foreign one
    rows = pq.read_table(out / told["files"]["advantages"]["path"]).to_pylist()
    assert len(rows) == PROBLEMS * SAMPLES
    assert all((row["advantage"] == 0) == (row["band"] != "learnable") for row in rows)
    assert 'id="estimates"' in (out / "report.html").read_text()
    shown = tamis("estimate", "--out", out)
    assert "pass@k and cons@k" in shown.stdout
    refused = tamis("estimate", "--out", out, "--k", "1,x")
    assert (refused.returncode, refused.stderr) == (2, "tamis: --k 1,x: whole numbers are needed, for example 1,8,64\n")
    refused = tamis("estimate", "--out", out, "--too-hard", "1")
    assert refused.returncode == 2
    assert "too_hard (1) must be below too_easy (1)" in refused.stderr
