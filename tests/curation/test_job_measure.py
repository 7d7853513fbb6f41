"""Measuring one shard in this process: what becomes of errors and quotas."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from job_kit import recipe, write_corpus

from columnar.hashing import content_hashes
from columnar.minhash import band_hashes, signatures
from curation.dedup.keys import join_ids
from curation.job import measure
from curation.job.layout import MEASURE, Layout
from curation.job.measure import MeasureTask, minhash_preset
from curation.job.plan import make_plan, save_plan
from curation.readers.reading import read_pieces


def _task(job, folder, limit=None):
    plan = make_plan(job, folder, limit)
    layout = Layout(folder / "out" / "curate", plan.run_id)
    save_plan(layout.plan, plan)
    return MeasureTask(layout), layout, plan


def _rows(path):
    return pq.read_table(path).to_pylist()


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "corpus", num_files=4, rows=8)


def test_an_unexpected_error_while_reading_costs_the_rest_of_its_shard(corpus, tmp_path, monkeypatch):
    task, layout, plan = _task(recipe(corpus, steps=[{"exact_dedup": {}}], output={"batch_rows": 3}), tmp_path)

    def broken(pieces, output, counts):
        for number, item in enumerate(read_pieces(pieces, output, counts)):
            if number == 1:
                raise RuntimeError("a bug of ours")
            yield item

    monkeypatch.setattr(measure, "read_pieces", broken)
    body = task(1)
    assert body["rows"] == 3
    (fault,) = _rows(layout.root / "quarantine" / body["parts"]["quarantine"]["name"])
    assert fault["locator"] == plan.shards[1][0].path
    assert fault["error"] == "reading shard 1 stopped: RuntimeError: a bug of ours"
    assert body["tally"]["faults"] == {"read": {"web": 1}}


def test_running_out_of_memory_is_not_the_inputs_fault(corpus, tmp_path, monkeypatch):
    task, _, _ = _task(recipe(corpus), tmp_path)

    def starved(*_):
        raise MemoryError
        yield

    monkeypatch.setattr(measure, "read_pieces", starved)
    with pytest.raises(MemoryError):
        task(0)
    assert list((tmp_path / "out").rglob("*.parquet")) == []


def test_fingerprints_stand_beside_their_candidates(corpus, tmp_path):
    task, layout, plan = _task(recipe(corpus, output={"batch_rows": 3, "input_shard_bytes": 1 << 20}), tmp_path)
    body = task(0)
    folder = layout.stage(MEASURE)
    candidates = pq.read_table(folder / body["parts"]["candidates"]["name"])
    fingerprints = pq.read_table(folder / body["parts"]["fingerprints"]["name"])
    assert body["rows"] == candidates.num_rows == fingerprints.num_rows > 10
    assert (
        join_ids(fingerprints["id_hi"].to_numpy(), fingerprints["id_lo"].to_numpy()).to_pylist()
        == candidates["id"].to_pylist()
    )
    assert [plan.dumps[rank] for rank in fingerprints["dump"].to_pylist()] == candidates["dump"].to_pylist()
    texts = candidates["text"].combine_chunks()
    hashes = content_hashes(texts)
    assert (fingerprints["content_hi"].to_numpy() == hashes[:, 0]).all()
    assert (fingerprints["content_lo"].to_numpy() == hashes[:, 1]).all()
    preset = minhash_preset(plan)
    bands = band_hashes(signatures(texts, preset), preset)
    assert (np.array(fingerprints["bands"].to_pylist(), np.uint64) == bands).all()
    assert body["text_bytes"] == sum(len(text.as_py().encode()) for text in texts)


def test_a_quota_cuts_inside_a_batch(corpus, tmp_path):
    task, _, plan = _task(recipe(corpus, steps=[{"exact_dedup": {}}]), tmp_path, limit=10)
    assert [task(shard)["rows"] for shard in range(len(plan.shards))] == [3, 3, 2, 2]


def test_another_runs_plan_is_refused(corpus, tmp_path):
    task, layout, _ = _task(recipe(corpus), tmp_path)
    with pytest.raises(RuntimeError, match="is gone"):
        MeasureTask(Layout(layout.root, "other"))(0)
    assert task.layout == layout
