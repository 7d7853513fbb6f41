"""A run that is killed anywhere and started again ends as one that was not: real processes, real signals."""

import json
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest
from job_kit import (
    ROOT,
    WAIT_SECONDS,
    count_markers,
    end_commands,
    finish_with_kills,
    holding,
    kill,
    let_go,
    outcome,
    recipe,
    start_command,
    wait_for_markers,
    wait_until_gone,
    write_corpus,
)

from curation.job.driver import run_job
from curation.job.nursery import nursery_for_job, standing_nursery
from schemas.errors import UserError
from schemas.recipe import CurateRecipe

pytestmark = pytest.mark.slow

#: Between any two steps of a shard's or a run's landing.
FAILPOINTS = [
    "curate.after_plan",
    "curate.after_candidates",
    "curate.before_parts_land",
    "files.after_write",
    "files.after_rename",
    "curate.after_parts_land",
    "curate.before_marker",
    "files.before_rename",
    "curate.after_marker",
    "curate.between_links_and_members",
    "curate.between_shingles_and_index",
    "curate.after_edges",
    "curate.after_places",
    "curate.after_decision",
    "curate.after_outputs",
    "curate.before_manifest",
    "curate.after_manifest",
]
#: The same for a run that adds a segment to a signature index.
SEGMENT_FAILPOINTS = [
    "curate.after_segment_shard",
    "curate.after_standing",
    "curate.before_segment",
    "files.before_link",
    "curate.after_segment",
    "curate.before_manifest",
]
#: Where a worker waits in the stage in which something is killed, after `PASSED` shards, so that the kill falls where it is meant to.
HELD_AT = {
    "01-measure": "curate.after_parts_land",
    "04-shingles": "curate.between_shingles_and_index",
    "05-edges": "curate.after_edges",
}
PASSED = 3
SHARDS = 12


@pytest.fixture(autouse=True)
def _nothing_left_running():
    yield
    end_commands()


def _undisturbed(tmp_path_factory, num_files):
    folder = tmp_path_factory.mktemp("resume")
    steps = [
        {"filter": {"rules": "gopher_quality"}},
        {"exact_dedup": {}},
        {"near_dedup": {"partitions": 16, "threshold": 0.9}},
        {"span_dedup": {"unit": "ngram", "ngram": 8}},
    ]
    job = recipe(write_corpus(folder / "corpus", num_files=num_files), steps=steps)
    run_job(job, folder, folder / "out", num_workers=2)
    return job, outcome(folder / "out")


@pytest.fixture(scope="module")
def many_shards(tmp_path_factory):
    return _undisturbed(tmp_path_factory, SHARDS)


@pytest.fixture(scope="module")
def few_shards(tmp_path_factory):
    return _undisturbed(tmp_path_factory, 4)


def _finish(job, out):
    assert start_command(job, out).wait(WAIT_SECONDS) == 0, (out.parent / "command.log").read_text()[-3000:]


def _start_and_wait(job, out, stage="01-measure"):
    """Starts the job and waits until some of a stage's shards are done and its workers wait; gives the process and the variables."""
    held = holding(out.parent, HELD_AT[stage], PASSED)
    process = start_command(job, out, **held)
    wait_for_markers(out, PASSED, process, stage)
    return process, held


def _some_are_done(out, stage):
    return PASSED <= count_markers(out, stage) <= 2 * PASSED < SHARDS


@pytest.mark.parametrize("stage", ["01-measure", "05-edges"])
def test_kill_of_the_command(many_shards, tmp_path, stage):
    job, expected = many_shards
    out = tmp_path / "out"
    process, _ = _start_and_wait(job, out, stage)
    tree = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    kill(process)
    assert wait_until_gone(tree) == [], "workers outlived their command"
    assert _some_are_done(out, stage)
    assert not (out / "curate" / "manifest.json").exists()
    _finish(job, out)
    assert outcome(out) == expected


def test_what_is_done_is_not_done_again(many_shards, tmp_path):
    job, expected = many_shards
    out = tmp_path / "out"
    process, _ = _start_and_wait(job, out)
    tree = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    kill(process)
    assert wait_until_gone(tree) == []
    folder = out / "curate" / "stages" / "01-measure"
    before = {path.name: path.read_text() for path in folder.glob("done-*")}
    held = holding(tmp_path, "curate.between_links_and_members")
    process = start_command(job, out, **held)
    wait_for_markers(out, 1, process, "02-exact_dedup")
    after = {path.name: path.read_text() for path in folder.glob("done-*")}
    let_go(held)
    assert process.wait(WAIT_SECONDS) == 0
    assert len(after) == SHARDS
    assert {name: after[name] for name in before} == before
    assert outcome(out) == expected


@pytest.mark.parametrize("stage", ["01-measure", "04-shingles"])
def test_kill_of_a_worker(many_shards, tmp_path, stage):
    """The command itself goes on."""
    job, expected = many_shards
    out = tmp_path / "out"
    process, held = _start_and_wait(job, out, stage)
    (nursery,) = psutil.Process(process.pid).children()
    workers = nursery.children()
    assert len(workers) == 2
    workers[0].kill()
    assert _some_are_done(out, stage)
    let_go(held)
    assert process.wait(WAIT_SECONDS) == 0
    assert "Traceback" not in (tmp_path / "command.log").read_text()
    assert outcome(out) == expected


def test_kill_of_the_workers_parent(many_shards, tmp_path):
    job, expected = many_shards
    out = tmp_path / "out"
    process, held = _start_and_wait(job, out)
    (nursery,) = psutil.Process(process.pid).children()
    workers = [child.pid for child in nursery.children()]
    nursery.kill()
    assert wait_until_gone(workers) == []
    let_go(held)
    assert process.wait(WAIT_SECONDS) == 0
    assert outcome(out) == expected


def test_interrupt_leaves_a_resumable_state(many_shards, tmp_path):
    job, expected = many_shards
    out = tmp_path / "out"
    process, _ = _start_and_wait(job, out)
    tree = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(WAIT_SECONDS) == 1
    assert wait_until_gone(tree) == []
    assert "Traceback" not in (tmp_path / "command.log").read_text()
    _finish(job, out)
    assert outcome(out) == expected


@pytest.mark.parametrize("names", [FAILPOINTS[first::3] for first in range(3)], ids=" ".join)
def test_kill_between_any_two_steps(few_shards, tmp_path, names):
    """Every third step in one run, so that what one kill has left is taken up before the next falls."""
    job, expected = few_shards
    out = tmp_path / "out"
    finish_with_kills(job, out, names)
    assert outcome(out) == expected
    leftovers = [path for path in (out / "curate").rglob("*") if path.name.startswith(".tmp-")]
    assert leftovers == []


@pytest.fixture(scope="module")
def two_segments(tmp_path_factory):
    """A job for the later of two dumps, the index with the earlier one, and how it ends."""
    folder = tmp_path_factory.mktemp("segments")
    write_corpus(folder / "corpus", num_files=4)
    jobs = []
    for dump in (1, 0):  # the recipe's inputs: the later dump, the earlier one
        value = recipe(folder / "corpus", index="index").model_dump()
        value["inputs"] = value["inputs"][dump : dump + 1]
        jobs.append(CurateRecipe.model_validate(value))
    run_job(jobs[0], folder, folder / "first", num_workers=2)
    shutil.copytree(folder / "index", folder / "earlier")
    run_job(jobs[1], folder, folder / "out", num_workers=2)
    expected = outcome(folder / "out")
    assert any(row["kept_dump"] == "2024-05" for row in expected["duplicates"])
    return jobs[1], folder, expected, _segment(folder / "index")


def _segment(index):
    return json.loads((index / "segment-00001.json").read_text())


def test_kill_between_any_two_steps_of_adding_to_an_index(two_segments, tmp_path):
    job, folder, expected, segment = two_segments
    shutil.copytree(folder / "earlier", tmp_path / "index")
    value = job.model_dump()
    value["steps"][-1]["near_dedup"]["index"] = str(tmp_path / "index")
    moved = CurateRecipe.model_validate(value)
    out = tmp_path / "out"
    finish_with_kills(moved, out, SEGMENT_FAILPOINTS)
    assert outcome(out) == expected
    assert sorted(path.name for path in (tmp_path / "index").glob("*.json")) == [
        "segment-00000.json",
        "segment-00001.json",
    ]
    assert {**_segment(tmp_path / "index"), "run": segment["run"]} == segment


def test_a_worker_that_always_dies_fails_the_run_resumably(few_shards, tmp_path):
    job, expected = few_shards
    out = tmp_path / "out"
    process = start_command(job, out, TAMIS_FAILPOINT="curate.before_parts_land")
    assert process.wait(WAIT_SECONDS) == 1
    assert "stage measure stopped at 0 of 4 shards: worker process" in (tmp_path / "command.log").read_text()
    _finish(job, out)
    assert outcome(out) == expected


def test_a_second_command_is_refused_while_the_first_works(many_shards, tmp_path):
    job, expected = many_shards
    out = tmp_path / "out"
    process, held = _start_and_wait(job, out)
    with pytest.raises(UserError, match=f"process {process.pid} on "):
        run_job(job, tmp_path, out)
    let_go(held)
    assert process.wait(WAIT_SECONDS) == 0
    assert outcome(out) == expected


def test_jobs_share_the_nursery_that_stands(tmp_path):
    with standing_nursery():
        with nursery_for_job(tmp_path) as nursery:
            nursery.start()
        assert nursery_for_job(tmp_path) is nursery
        process = nursery._process
        assert process.poll() is None, "a job has ended what others share"
    assert process.poll() is not None
    assert nursery_for_job(tmp_path) is not nursery


def test_the_nursery_ends_with_its_driver(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from curation.job.nursery import Nursery\n"
        "nursery = Nursery(Path(sys.argv[1])); nursery._running(); print(nursery._process.pid, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    pid = int(process.stdout.readline())
    kill(process)
    process.stdout.close()
    assert wait_until_gone([pid]) == []
