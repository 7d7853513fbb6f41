"""The same job by the same command on runners elsewhere: a job server, two worker pools, and the rows of a local run.

Beam's own job server in Python needs nothing more than Beam. `make test-flink` fetches Flink's from Maven, and Prism, the portable
runner that is written in Go, from its module, and says of each why it is not to be had.
"""

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from servers import ROOT, TurnsProxy, free_port, job_server, running, start_pool, workers_of

sys.path.insert(0, str(ROOT / "tests" / "curation"))
from job_kit import write_corpus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

STEPS = [
    {"extract": {}, "sources": ["pages"]},
    {"language": {}},
    {"filter": {"rules": "gopher_quality"}},
    {"exact_dedup": {}},
    {"near_dedup": {"partitions": 4, "threshold": 0.7}},
]
KINDS = ("kept", "rejects", "duplicates", "quarantine", "index")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A recipe over pages and texts, and the rows of a local run of it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    corpus = write_corpus(folder / "corpus", num_files=4)
    lines = [json.loads(line)["text"] for path in sorted(corpus.rglob("*.jsonl")) for line in path.open()]
    pages = [f"<html><body><article><p>{text}</p></article></body></html>" for text in lines[:20]]
    (folder / "pages.jsonl").write_text("".join(json.dumps({"html": page}) + "\n" for page in pages))
    recipe = {
        "name": "elsewhere",
        "inputs": [
            {"source": "pages", "path": "pages.jsonl", "columns": {"html": "html"}},
            {"source": "web", "path": "corpus/late", "dump": "2024-10"},
            {"source": "web", "path": "corpus/early", "dump": "2024-05"},
        ],
        "steps": STEPS,
        "output": {"input_shard_bytes": 1},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    command(folder, folder / "local").wait(200)
    expected = rows(folder / "local")
    assert all(expected[kind] for kind in ("kept", "rejects", "duplicates"))
    return folder, expected


def command(folder, out, *beam_options):
    """Starts `tamis curate`."""
    arguments = ["curate", str(folder / "recipe.yaml"), "--out", str(out), "--workers", "2"]
    with (folder / "command.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli", *arguments, *(["--", *beam_options] if beam_options else [])],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )


def manifest(out):
    return json.loads((out / "curate" / "manifest.json").read_text())


def rows(out):
    """All rows of each kind, sorted; of the index without the place of the file, which bears a hash."""
    found = {}
    for kind in KINDS:
        paths = [out / "curate" / item["path"] for item in manifest(out)["artifacts"] if item["kind"] == kind]
        tables = [pq.read_table(path) for path in paths]
        found[kind] = sorted(map(repr, pa.concat_tables(tables).to_pylist())) if tables else []
    return found


@contextlib.contextmanager
def cluster(kind, folder, **variables):
    """A job server and two pools behind one address; gives Beam's options for it and the pids that each pool has had."""
    with contextlib.ExitStack() as stack:
        ports = [free_port(), free_port(), free_port()]
        server = job_server(kind, ports[0], folder / "artifacts")
        stack.enter_context(running(server, folder / "server.log", ports[0]))
        pools = [stack.enter_context(start_pool(port, folder / "pools.log", **variables)) for port in ports[1:]]
        proxy = stack.enter_context(contextlib.closing(TurnsProxy(ports[1:])))
        seen, ended = [set(), set()], threading.Event()

        def watch():
            while not ended.wait(0.05):
                for pids, pool in zip(seen, pools, strict=True):
                    pids.update(child.pid for child in workers_of(pool))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        stack.callback(watcher.join)
        stack.callback(ended.set)
        options = [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{ports[0]}",
            "--environment_type=EXTERNAL",
            f"--environment_config=127.0.0.1:{proxy.port}",
        ]
        yield [*options, "--parallelism=2", "--sdk_worker_parallelism=2"] if kind == "flink" else options, seen


def _logs(folder, tmp_path):
    logs = [folder / "command.log", tmp_path / "server.log", tmp_path / "pools.log"]
    return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in logs if log.exists())


@pytest.mark.parametrize("kind", ["python", "prism", "flink"])
def test_the_same_rows_from_two_worker_pools(world, tmp_path, kind):
    folder, expected = world
    out = tmp_path / "out"
    with cluster(kind, tmp_path) as (options, seen):
        assert command(folder, out, *options).wait(250) == 0, _logs(folder, tmp_path)
    assert rows(out) == expected
    workers = {pid for stage in manifest(out)["stages"] for pid in stage["worker_pids"]}
    assert workers <= seen[0] | seen[1], "work was done elsewhere than in the pools"
    assert workers & seen[0], "the first pool has done nothing"
    assert workers & seen[1], "the second pool has done nothing"


@pytest.mark.parametrize("kind", ["prism", "flink"])
def test_a_killed_worker_loses_nothing(world, tmp_path, kind):
    """The runner restarts the work, or gives the stage up and the command runs it again."""
    folder, expected = world
    out = tmp_path / "out"
    once = tmp_path / "once"
    with cluster(kind, tmp_path, TAMIS_FAILPOINT="curate.after_edges", TAMIS_FAILPOINT_ONCE=str(once)) as (options, _):
        assert command(folder, out, *options).wait(250) == 0, _logs(folder, tmp_path)
    assert once.exists(), "nothing was killed"
    assert rows(out) == expected


def test_a_misspelt_option_is_refused(world, tmp_path):
    folder, _ = world
    before = Path(folder / "command.log").stat().st_size
    assert command(folder, tmp_path / "out", "--direct_num_wrokers=2").wait(100) == 2
    told = (folder / "command.log").read_bytes()[before:].decode()
    assert "--direct_num_wrokers=2: neither an option of this command nor one of Beam" in told
    assert not (tmp_path / "out" / "curate" / "plan.json").exists()
