"""The whole job in an object store, input and output: the same rows as in a folder, also when it is killed and started again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from job_kit import (
    ROOT,
    WAIT_SECONDS,
    end_commands,
    finish_with_kills,
    holding,
    let_go,
    outcome,
    recipe,
    start_command,
    write_corpus,
)
from object_store_kit import BUCKET, client, keys_of, s3_server, upload_tree

from curation.job.driver import plan_job, run_job
from schemas.errors import UserError
from schemas.recipe import CurateRecipe, parse_recipe
from schemas.storage import location

pytestmark = pytest.mark.slow

SHARDS = 4
CORPUS = f"s3://{BUCKET}/dumps"
JOB = recipe(CORPUS, partitions=4)
#: Of the command and of workers, in stages from the first to the last.
FAILPOINTS = [
    "curate.after_plan",
    "files.after_write",
    "files.after_rename",
    "curate.between_links_and_members",
    "curate.after_edges",
    "curate.after_outputs",
    "curate.after_manifest",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server that holds the corpus, and what the job makes of it in a local folder."""
    folder = tmp_path_factory.mktemp("s3")
    corpus = write_corpus(folder / "corpus", num_files=SHARDS)
    run_job(recipe(corpus, partitions=4), folder, folder / "out", num_workers=2)
    with s3_server(folder / "server.log") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        client().create_bucket(Bucket=BUCKET)
        upload_tree(corpus, BUCKET, "dumps")
        yield folder, outcome(folder / "out")


def _wait_for_keys(prefix, process, log):
    """Waits until a command has written objects of this prefix; gives their keys."""
    deadline = time.monotonic() + 300
    while not (found := keys_of(BUCKET, prefix)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture(autouse=True)
def _nothing_left_running():
    yield
    end_commands()


def _log(folder):
    return folder / "command.log"


def tamis(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables}, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


def test_the_command_gives_the_same_rows(world, tmp_path):
    _, expected = world
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(JOB.model_dump(mode="json", exclude_defaults=True)))
    (tmp_path / "scratch").mkdir()
    url = f"s3://{BUCKET}/plain"
    curate = ["curate", tmp_path / "recipe.yaml", "--out", url, "--workers", "2"]
    refused = tamis(*curate)
    assert refused.returncode == 2
    assert "a store cannot stand there; give --store or TAMIS_STORE" in refused.stderr
    assert keys_of(BUCKET, "plain/") == []
    store = f"sqlite:///{tmp_path / 'tamis.db'}"
    done = tamis(*curate, "--store", store, TMPDIR=str(tmp_path / "scratch"))
    assert done.returncode == 0, done.stderr[-3000:]
    out = location(url)
    assert outcome(out) == expected
    assert list((tmp_path / "scratch").iterdir()) == [], "nothing stays on this machine"
    names = keys_of(BUCKET, "plain/")
    assert not [name for name in names if "/stages/" in name], "intermediate files are removed"
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    for name in names:
        if name.endswith((".json", "lock")):
            assert secret.encode() not in client().get_object(Bucket=BUCKET, Key=name)["Body"].read()
    assert secret not in done.stdout + done.stderr

    twin = expected["duplicates"][0]
    explained = tamis("explain", twin["id"], "--out", url, "--json")
    assert json.loads(explained.stdout)["twin"]["kept_id"] == twin["kept_id"], explained.stderr
    assert json.loads(tamis("status", "--out", url, "--store", store, "--json").stdout)[0]["status"] == "done"
    report = tamis("report", "--out", url)
    assert report.returncode == 2
    assert "give --out a local folder" in report.stderr
    # Another recipe is refused where this one has run.
    with pytest.raises(UserError, match="holds another run"):
        run_job(recipe(CORPUS, partitions=4, threshold=0.8), tmp_path, out)


def test_killed_in_every_stage(world, tmp_path):
    """One run, of which the command and its workers are killed at one point after the other, each time taken up where it was."""
    _, expected = world
    out = location(f"s3://{BUCKET}/killed")
    finish_with_kills(JOB, out, FAILPOINTS, _log(tmp_path))
    assert outcome(out) == expected


def test_the_command_killed_half_way(world, tmp_path):
    _, expected = world
    out = location(f"s3://{BUCKET}/command")
    process = start_command(JOB, out, _log(tmp_path), **holding(tmp_path, "curate.before_marker", passes=1))
    done = _wait_for_keys("command/curate/stages/01-measure/done-", process, _log(tmp_path))
    process.kill()
    process.wait()
    assert not location(f"s3://{BUCKET}/command/curate/manifest.json").exists()
    before = client().head_object(Bucket=BUCKET, Key=done[0])["LastModified"]
    time.sleep(1.1)  # the store's clock of objects has seconds
    # The dead command's lock is of a process that is gone: it is taken over, and its lease is no reason to refuse.
    held = holding(tmp_path, "curate.between_links_and_members")
    process = start_command(JOB, out, _log(tmp_path), **held)
    _wait_for_keys("command/curate/stages/02-exact_dedup/done-", process, _log(tmp_path))
    assert client().head_object(Bucket=BUCKET, Key=done[0])["LastModified"] == before, "done work was done again"
    with pytest.raises(UserError, match=f"process {process.pid} on "):
        run_job(JOB, tmp_path, out)
    let_go(held)
    assert process.wait(WAIT_SECONDS) == 0, _log(tmp_path).read_text()
    assert outcome(out) == expected


def test_dump_by_dump_against_an_index_in_the_store(world, tmp_path):
    """What an earlier dump holds goes from a later one, as if both had been there at once."""
    _, expected = world
    kept = []
    for dump, name in (("early", "2024-05"), ("late", "2024-10")):
        value = JOB.model_dump(mode="json", exclude_defaults=True)
        value["inputs"] = [{"source": "web", "path": f"{CORPUS}/{dump}", "dump": name}]
        value["steps"][-1]["near_dedup"]["index"] = f"s3://{BUCKET}/index"
        out = location(f"s3://{BUCKET}/{dump}")
        run_job(parse_recipe(value, CurateRecipe, "test"), tmp_path, out, num_workers=2)
        kept += outcome(out)["kept"]
    assert len(keys_of(BUCKET, "index/segment-")) == 2
    assert sorted(row["text"] for row in kept) == sorted(row["text"] for row in expected["kept"])


def test_the_plan_finds_the_same_inputs(world, tmp_path):
    folder, _ = world
    plan = json.loads(Path(folder / "out" / "curate" / "plan.json").read_text())
    remote = plan_job(JOB, tmp_path).to_json()
    assert [(item["path"], item["checksum"]) for item in remote["inputs"]] == [
        (item["path"], item["checksum"]) for item in plan["inputs"]
    ]
