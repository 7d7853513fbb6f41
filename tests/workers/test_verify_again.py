"""Verifying again: samples that come later, verdicts that failed, and a cache that hides neither; all through the real queue."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from material import recipe, verdicts
from verify_kit import BREAKING_FOLDER, Place, answers, breaking

from schemas.recipe import VerifyRecipe
from schemas.tables import Artifact, CachedVerdict, VerdictRow
from workers.broker import EmbeddedBroker, EmbeddedWorkers
from workers.check import check_store
from workers.imports import ImportSource
from workers.verify import VerifyResult


class Queue:
    """A place with a broker and a worker that stay from one verification to the next."""

    def __init__(self, place: Place, worker: EmbeddedWorkers, broker_url: str, work: Path) -> None:
        self.place = place
        self.worker = worker
        self.work = work
        self._broker_url = broker_url

    def verify(self, rubric: VerifyRecipe, *sources: ImportSource, **options: Any) -> VerifyResult:
        return self.place.verify(rubric, *sources, workers=0, broker_url=self._broker_url, **options)

    def done(self) -> Mapping[str, int]:
        """What verifiers say that they have done since the last call, and how often."""
        counts = Counter(self.work.read_text().splitlines())
        self.work.write_text("")
        return dict(counts)


@pytest.fixture
def rubric(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> VerifyRecipe:
    return breaking(monkeypatch, request.param)


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    work = tmp_path / "work.txt"
    work.touch()
    (tmp_path / "modules").mkdir()
    monkeypatch.setenv("TAMIS_TEST_WORK", str(work))
    paths = [str(BREAKING_FOLDER), str(tmp_path / "modules"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    place = Place(tmp_path)
    with (
        EmbeddedBroker() as broker,
        EmbeddedWorkers(place.url, broker.url, 1, tmp_path / "worker.log") as worker,
    ):
        yield Queue(place, worker, broker.url, work)


def files(place: Place) -> list[Any]:
    return place.rows(sa.select(Artifact.id, Artifact.path).where(Artifact.kind == "verdicts").order_by(Artifact.id))


@pytest.mark.parametrize("rubric", ["moody"], indirect=True)
def test_a_failure_is_tried_again_and_nothing_else(queue: Queue, rubric: VerifyRecipe, tmp_path: Path) -> None:
    first = queue.verify(rubric, answers(tmp_path / "made.jsonl", "4", "fail", "5", " 4", "slow"))
    assert first.statuses["moody"] == {"correct": 2, "error": 1, "incorrect": 1, "time_limit": 1}
    assert queue.done() == {"4": 1, "5": 1, "fail": 1, "slow": 1}, "equal answers are judged once"
    assert queue.place.rows(sa.select(CachedVerdict.status).order_by(CachedVerdict.status)) == [
        ("correct",), ("incorrect",), ("time_limit",),
    ]  # fmt: skip

    # Samples that come later: the known answers are not judged again, nor is any old sample.
    more = answers(tmp_path / "made.jsonl", "4", "fail", "5", " 4", "slow", "5 ", "slow ", "6", "fail ")
    second = queue.verify(rubric, more)
    assert (second.planned, sum(second.statuses["moody"].values())) == (4, 9)
    assert queue.done() == {"6": 1, "fail": 1}, "what failed is not kept"
    assert second.statuses["moody"] == {"correct": 2, "error": 2, "incorrect": 3, "time_limit": 2}

    queue.work.with_suffix(".mended").touch()
    third = queue.verify(rubric, retry_status=["error"])
    assert (third.planned, queue.done()) == (2, {"fail": 1})
    assert third.statuses["moody"] == {"correct": 2, "incorrect": 5, "time_limit": 2}
    assert queue.verify(rubric, retry_status=["error"]).planned == 0

    # A verdict that was kept does not hide a retry, and the new one takes its place.
    fourth = queue.verify(rubric, retry_status=["time_limit"])
    assert (fourth.planned, queue.done()) == (2, {"slow": 1})
    assert fourth.statuses["moody"] == {"correct": 4, "incorrect": 5}
    later = answers(tmp_path / "later.jsonl", "slow", prompt="another?")
    assert queue.verify(rubric, later).statuses["moody"] == {"correct": 1}
    assert queue.done() == {}

    # The older verdicts stay in their files; the store's rows are those of the newer.
    tables = [pq.read_table(queue.place.out / file.path) for file in files(queue.place)]
    kept = Counter(status for table in tables for status in table["status"].to_pylist())
    assert kept == {"correct": 5, "error": 2, "incorrect": 5, "time_limit": 2}
    failed = VerdictRow.status.in_(("error", "time_limit"))
    assert queue.place.rows(sa.select(sa.func.count()).where(failed)) == [(0,)]
    assert check_store(queue.place.engine) == []


def test_math_whose_engine_cannot_start_is_made_good(queue: Queue, tmp_path: Path) -> None:
    """A worker whose SymPy is broken scores what needs none; the rest is null, and scored when SymPy is mended."""
    broken = tmp_path / "modules" / "sympy.py"
    broken.write_text("raise ImportError('no SymPy here')\n")
    made = answers(tmp_path / "made.jsonl", r"\boxed{(x+1)^2}", r"\boxed{x}", r"\boxed{\sin x}", gold="x^2 + 2x + 1")
    first = queue.verify(recipe(["math"]), made)
    assert first.statuses["math"] == {"error": 1, "incorrect": 2}
    (failed,) = [row for row in verdicts(queue.place.engine) if row[5] == "error"]
    assert "no SymPy here" in str(failed[6])
    assert failed[4] is None
    broken.unlink()
    assert queue.verify(recipe(["math"]), made).planned == 0
    again = queue.verify(recipe(["math"]), made, retry_status=["error"])
    assert (again.planned, again.statuses["math"]) == (1, {"correct": 1, "incorrect": 2})
    assert len(files(queue.place)) == 2


def test_a_group_grows_from_16_to_64(queue: Queue, tmp_path: Path) -> None:
    rubric = VerifyRecipe.model_validate(
        {"verifiers": [{"name": "math"}, {"name": "instructions"}], "shard_generations": 100}
    )
    gold = {"answer": "4", "instructions": {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}}

    def samples(number: int) -> ImportSource:
        path = tmp_path / "made.jsonl.gz"
        with gzip.open(path, "wt") as file:
            for prompt in range(4):
                for sample in range(number):
                    text = f"So, it is \\boxed{{{sample % 5}}}." if sample % 2 else f"\\boxed{{{sample % 5}}}"
                    row = {"prompt": f"{prompt}?", "completion": text, "gold": gold, "sample_index": sample}
                    file.write(json.dumps(row) + "\n")
        return ImportSource(path, "made")

    first = queue.verify(rubric, samples(16))
    before = {row[:2]: row for row in verdicts(queue.place.engine)}
    assert (first.planned, len(before)) == (64, 128)
    second = queue.verify(rubric, samples(64))
    assert (second.planned, len(files(queue.place))) == (192, 1 + 2), "groups of 48 new samples, two a shard"
    after = {row[:2]: row for row in verdicts(queue.place.engine)}
    assert len(after) == 512
    assert {key: after[key] for key in before} == before
    assert second.statuses["instructions"] == {"correct": 128, "incorrect": 128}
    assert check_store(queue.place.engine) == []


@pytest.mark.slow
@pytest.mark.parametrize("rubric", ["pooled"], indirect=True)
def test_a_pool_in_a_child_of_the_queue_outlives_what_is_done_to_it(
    queue: Queue, rubric: VerifyRecipe, tmp_path: Path
) -> None:
    """Zygote killed, worker killed in mid-request, every budget met: each sample has its own outcome, and nothing is left behind."""
    requests: list[tuple[dict[str, Any], str]] = [
        ({"do": "echo", "value": 1}, "correct"),
        ({"do": "die_once", "marker": str(tmp_path / "marker")}, "correct"),
        ({"do": "kill_zygote"}, "error"),
        ({"do": "echo", "value": 2}, "correct"),
        ({"do": "die", "signal": "SIGSEGV"}, "crash"),
        ({"do": "spin"}, "time_limit"),
        ({"do": "hang"}, "time_limit"),
        ({"do": "eat"}, "memory_limit"),
        ({"do": "recurse"}, "too_complex"),
        ({"do": "echo", "value": 3}, "correct"),
    ]
    result = queue.verify(rubric, answers(tmp_path / "made.jsonl", *(json.dumps(request) for request, _ in requests)))
    assert result.statuses["pooled"] == Counter(outcome for _, outcome in requests)
    assert not result.quarantined
    details = [json.loads(str(row[6])) for row in verdicts(queue.place.engine)]
    assert {detail["value"] for detail in details} >= {1, 2, 3, "second attempt"}
    children = {detail["worker"] for detail in details}
    assert len(children) == 1, "the child of the queue has outlived them all"
    assert queue.done() == {f"closed {os.getpid()}": 1}, "the command made one to learn its version and settings"
    queue.worker.process.stop(grace_seconds=30.0)
    assert queue.done() == {f"closed {child}": 1 for child in children}, "it closes its verifiers when it ends"
    assert not [detail["zygote"] for detail in details if Path(f"/proc/{detail['zygote']}/stat").exists()]
