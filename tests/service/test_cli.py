"""The command as a user types it: exit codes, one clear line for each mistake, plans, limits, secrets that stay secret."""

import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.cli import main

ROOT = Path(__file__).resolve().parents[2]
#: Beam's oldest runner works in the command's process.
HERE = ("--", "--runner=BundleBasedDirectRunner")
PROSE = (
    "The people of the town have always been proud of the river and of the bridges that cross it. Number {n} of these notes "
    "is about the {n}th bridge, which was built with stone from the hills and that the floods of the year {n} did not move. "
    "Visitors walk over it to the market and come back with bread, and they say to each other that it will stand for long. "
)
RECIPE = """
name: small
inputs:
  - {{source: notes, path: {path}}}
steps:
  - filter: {{rules: gopher_quality}}
  - exact_dedup: {{}}
  - near_dedup: {{}}
"""


def tamis(*arguments, **environment):
    command = [sys.executable, "-m", "service.cli", *map(str, arguments)]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture
def here(monkeypatch, capfd):
    """Runs the command in this process, where Beam and the kernels are loaded once for all tests."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tamis", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        stdout, stderr = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code or 0, stdout, stderr)

    return run


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A small corpus, curated once."""
    folder = tmp_path_factory.mktemp("world")
    rows = [{"text": PROSE.format(n=n) * 2, "n": n} for n in range(40)]
    rows += [rows[0], {"text": "too short"}]
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    (folder / "recipe.yaml").write_text(RECIPE.format(path="notes.jsonl"))
    result = tamis("curate", folder / "recipe.yaml", "--out", folder / "out", "--json")
    return folder, result


def test_curate_ends_with_3_and_names_the_bad_line(world):
    folder, result = world
    assert result.returncode == 3, result.stderr
    manifest = json.loads(result.stdout)
    assert manifest["quarantined"] == 1
    assert "notes.jsonl" in manifest["quarantine_head"][0]["locator"]
    assert manifest["quarantine_head"][0]["locator"].endswith("#43")
    assert (folder / "out" / "report.html").exists()


def test_every_row_that_came_in_is_somewhere(world):
    folder, result = world
    manifest = json.loads(result.stdout)
    rows = {}
    for artifact in manifest["artifacts"]:
        rows[artifact["kind"]] = rows.get(artifact["kind"], 0) + artifact["rows"]
    assert rows["kept"] + rows["rejects"] == 42 == rows["index"]
    reasons = [
        reason
        for artifact in manifest["artifacts"]
        if artifact["kind"] == "rejects"
        for row in pq.read_table(folder / "out" / "curate" / artifact["path"]).to_pylist()
        for reason in row["reasons"]
    ]
    assert {"exact_duplicate", "too_few_words"} <= set(reasons)


def test_a_second_call_does_nothing_and_says_the_same(world):
    folder, first = world
    again = tamis("curate", folder / "recipe.yaml", "--out", folder / "out", "--json")
    assert again.returncode == 3
    assert json.loads(again.stdout) == json.loads(first.stdout)


def test_explain_answers_for_a_document_that_was_removed(world, here):
    folder, result = world
    rejects = [item["path"] for item in json.loads(result.stdout)["artifacts"] if item["kind"] == "rejects"]
    rows = [row for path in rejects for row in pq.read_table(folder / "out" / "curate" / path).to_pylist()]
    short = next(row for row in rows if "too_few_words" in row["reasons"])
    shown = here("explain", short["id"], "--out", folder / "out")
    assert shown.returncode == 0, shown.stderr
    assert "too_few_words" in shown.stdout
    unknown = here("explain", "f" * 32, "--out", folder / "out")
    assert unknown.returncode == 2
    assert len(unknown.stderr.strip().splitlines()) == 1


def test_store_check_finds_nothing_wrong(world, here):
    folder, _ = world
    checked = here("store", "check", "--out", folder / "out", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["open"] == 0


def test_status_lists_the_run(world, here):
    folder, result = world
    run = json.loads(result.stdout)["run_id"]
    listed = json.loads(here("status", "--out", folder / "out", "--json").stdout)
    assert [row["kind"] for row in listed] == ["curate"]
    one = json.loads(here("status", run[:8], "--out", folder / "out", "--json").stdout)
    assert one["status"] == "done"
    assert {stage["status"] for stage in one["stages"]} == {"done"}


def test_a_changed_recipe_is_refused_unless_fresh(world, tmp_path, here):
    folder, _ = world
    changed = tmp_path / "recipe.yaml"
    changed.write_text(
        RECIPE.format(path=folder / "notes.jsonl").replace("near_dedup: {}", "near_dedup: {threshold: 0.5}")
    )
    refused = here("curate", changed, "--out", folder / "out")
    assert refused.returncode == 2
    assert "--fresh" in refused.stderr
    assert "threshold" in refused.stderr


def test_dry_run_writes_nothing(tmp_path, here):
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(path="a.jsonl"))
    planned = here("curate", tmp_path / "recipe.yaml", "--out", tmp_path / "out", "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["shards"] == 1
    assert not (tmp_path / "out").exists()


def test_limit_reads_no_more(tmp_path, here):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": PROSE.format(n=n)}) + "\n" for n in range(50)))
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(path="a.jsonl"))
    result = here("curate", tmp_path / "recipe.yaml", "--out", tmp_path / "out", "--limit", 7, "--json", *HERE)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["read"]["notes"]["documents"] == 7


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: None, "nothing"),
        (lambda d: pq.write_table(pa.table({"body": ["x"]}), d / "in.parquet"), "text"),
        (lambda d: (d / "in.jsonl").write_text('{"body": "x"}\n'), "text"),
    ],
    ids=["no file", "missing Parquet column", "missing JSONL column"],
)
def test_refused_before_any_work(tmp_path, make, says, here):
    make(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(path="'in.*'"))
    refused = here("curate", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    assert refused.returncode == 2, refused.stderr
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_misspelt_key_is_refused(tmp_path, here):
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(path="x").replace("steps", "stps"))
    refused = here("curate", tmp_path / "recipe.yaml")
    assert refused.returncode == 2
    assert "did you mean 'steps'?" in refused.stderr


def test_broken_files_are_quarantined_and_the_rest_is_kept(tmp_path, here):
    data = tmp_path / "data"
    data.mkdir()
    good = "".join(json.dumps({"text": PROSE.format(n=n) * 2}) + "\n" for n in range(30))
    (data / "good.jsonl").write_text(good)
    (data / "cut.jsonl.gz").write_bytes(gzip.compress(good.replace("bridge", "tower").encode())[:-20])
    pq.write_table(pa.table({"text": [good]}), data / "whole.parquet")
    broken = (data / "whole.parquet").read_bytes()[:-4] + b"XXXX"
    (data / "broken.parquet").write_bytes(broken)
    (data / "empty.jsonl").write_bytes(b"")
    (data / "odd.jsonl").write_text(json.dumps({"text": PROSE.format(n=99) * 2 + "\x00\ud800"}) + "\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(path="data"))
    result = here("curate", tmp_path / "recipe.yaml", "--out", tmp_path / "out", "--json", *HERE)
    assert result.returncode == 3, result.stderr
    manifest = json.loads(result.stdout)
    named = {fault["locator"].split("#")[0] for fault in manifest["quarantine_head"]}
    assert {"cut.jsonl.gz", "broken.parquet", "empty.jsonl"} <= named
    paths = [item["path"] for item in manifest["artifacts"] if item["kind"] in ("kept", "rejects")]
    texts = [row["text"] for path in paths for row in pq.read_table(tmp_path / "out" / "curate" / path).to_pylist()]
    assert any("\ufffd\ufffd" in text for text in texts)
    assert sum("bridge" in text for text in texts) >= 30


GENERATIONS = [
    {
        "prompt": "What is 2 + 3?",
        "completion": f"<think>{'so ' * n}2 + 3 is 5.</think> \\boxed{{{5 if n % 3 else 6}}}",
        "answer": "5",
    }
    for n in range(12)
] + [{"prompt": "Was ist 1 + 1?", "completion": "<think>Das ist sinh成的 also 2.</think> \\boxed{2}", "answer": "2"}]
SELECT = "name: set\nrequire: {math: {}, format: {}, mixing: {min_score: 0.95}}\nper_prompt: 2\n"


@pytest.mark.slow
def test_others_generations_all_the_way_to_a_training_set(tmp_path):
    (tmp_path / "trl.jsonl").write_text("".join(json.dumps(row) + "\n" for row in GENERATIONS))
    out = tmp_path / "out"
    verified = tamis("verify", tmp_path / "trl.jsonl", "--preset", "trl", "--language", "en", "--out", out, "--json")
    assert verified.returncode == 0, verified.stderr
    statuses = json.loads(verified.stdout)["statuses"]
    assert statuses["math"] == {"correct": 9, "incorrect": 4}
    assert statuses["format"] == {"correct": 13}
    (tmp_path / "select.yaml").write_text(SELECT)
    selected = tamis("select", tmp_path / "select.yaml", "--out", out, "--json")
    assert selected.returncode == 0, selected.stderr
    lines = [
        json.loads(line)
        for path in (out / "selections" / "set").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert len(lines) == 2
    assert all(
        line["messages"][-1]["role"] == "assistant" and "boxed{5}" in line["messages"][-1]["content"] for line in lines
    )
    again = tamis("select", tmp_path / "select.yaml", "--out", out, "--json")
    assert json.loads(again.stdout)["selection_id"] == json.loads(selected.stdout)["selection_id"]
    checked = tamis("store", "check", "--out", out, "--json")
    assert json.loads(checked.stdout)["open"] == 0, checked.stdout


class _Refuses(BaseHTTPRequestHandler):
    """An endpoint that refuses the key, which is not worth another try."""

    def do_POST(self):
        self.send_error(401)

    def log_message(self, *_args):
        pass


@pytest.fixture
def refusing_endpoint():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.slow
def test_secrets_reach_no_artifact(tmp_path, refusing_endpoint):
    secret = "hunter2-" + "x" * 24
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "What is 2 + 3?", "answer": "5"}\n')
    result = tamis(
        "sample", tmp_path / "prompts.jsonl", "--model", "m", "-n", 1, "--base-url", refusing_endpoint,
        "--api-key-env", "MY_KEY", "--out", tmp_path / "out", MY_KEY=secret,
    )  # fmt: skip
    assert result.returncode in (1, 3), result.stderr
    assert secret not in result.stdout + result.stderr
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_wrong_store_is_one_line(here):
    refused = here("status", "--store", "postgresql://u:hunter2@127.0.0.1:1/x?connect_timeout=2")
    assert refused.returncode == 2
    assert "hunter2" not in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr


def test_a_missing_store_is_not_made(tmp_path, here):
    refused = here("status", "--out", tmp_path / "nowhere")
    assert refused.returncode == 2
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("recipe", ["curate", "verify", "select"])
def test_schema_is_json_schema(recipe, here):
    assert json.loads(here("schema", recipe).stdout)["type"] == "object"
