"""The map steps as Beam transforms, run in memory."""

import apache_beam as beam
import pyarrow as pa

from curation.model import RAW, Fault, StepOutput
from curation.steps.build import build_step
from curation.transforms import ApplyStep
from schemas.arrow import QUARANTINE
from schemas.steps import StepRecipe


def _batch(texts):
    rows = [
        {"id": f"{at:032x}", "source": "web", "meta": '{"locator":"a#1"}', "text": text, "replaced_characters": 0}
        for at, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, RAW)


def test_a_step_runs_on_a_list_of_batches():
    step = build_step(StepRecipe.model_validate({"filter": {"rules": "gopher_quality"}}))
    batch = _batch(["too short", "the best of all that we have and with which they be " * 8])
    outputs = [batch] | ApplyStep(step)
    direct = step.apply(batch)
    (kept,), (rejects,) = outputs["kept"], outputs["rejects"]
    assert kept.equals(direct.kept)
    assert rejects.equals(direct.rejects)
    assert kept.num_rows == rejects.num_rows == 1
    assert "too_few_words" in rejects["reasons"].to_pylist()[0]
    assert list(outputs["faults"]) == []


class _Faulty:
    name = "faulty"
    version = 1
    sources = frozenset()

    def output_fields(self):
        return []

    def apply(self, batch):
        return StepOutput(batch.slice(1), None, [Fault("a#1", "web", "faulty", "no", "id:0")])

    def explain(self, _text):
        return []


def test_faults_are_rows_of_the_quarantine_and_all_is_counted():
    with beam.Pipeline("FnApiRunner") as pipeline:
        outputs = pipeline | beam.Create([_batch(["a", "b"])], reshuffle=False) | ApplyStep(_Faulty())
        _ = outputs.faults | beam.Map(_check)
    counters = {item.key.metric.name: item.committed for item in pipeline.result.metrics().query()["counters"]}
    assert counters == {"rows": 2, "faults": 1}


def _check(batch):
    assert batch.schema.equals(QUARANTINE)
    assert batch.to_pylist() == [
        {"locator": "a#1", "source": "web", "stage": "faulty", "error": "no", "pointer": "id:0"}
    ]
