"""What the pipelines of shuffle stages hold: nothing but keys, shard numbers and batches of numbers, by the registered coder."""

from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.pipeline import PipelineVisitor
from apache_beam.typehints import typehints

from columnar.minhash import MinHashPreset
from curation.dedup.buckets import BUCKET_SHUFFLE
from curation.dedup.decide import DECISION_SHUFFLE
from curation.dedup.exact import EXACT_SHUFFLE
from curation.dedup.shuffle import GroupByRange, row_bytes
from curation.job.dedup_stages import DedupFiles, build_buckets, build_exact
from curation.job.index import INDEX_SHUFFLE, IndexTask, build_index
from curation.job.layout import Layout
from curation.job.near_stages import build_decide, build_verify
from schemas.coder import RecordBatchCoder

FILES = DedupFiles(Layout(Path("nowhere"), "run"), num_shards=3, num_ranges=16, exact=("text",))
BATCHES = typehints.Tuple[int, pa.RecordBatch]
NUMBERS = typehints.Tuple[int, int]

BUILDERS = {
    "exact": lambda pipeline: build_exact(pipeline, FILES, range(16)),
    "buckets": lambda pipeline: build_buckets(pipeline, FILES, range(16), 32),
    "verify": lambda pipeline: build_verify(pipeline, FILES, MinHashPreset(), 0.8),
    "decide": lambda pipeline: build_decide(pipeline, FILES, range(16), 16),
    "index": lambda pipeline: build_index(pipeline, IndexTask(FILES.layout, ["kept/a"], ["kept"]), 4, range(4)),
}


class _Shuffles(PipelineVisitor):
    """Collects what goes into each GroupByKey, and the schema of each GroupByRange. Reshuffles of shard numbers apart."""

    def __init__(self):
        self.grouped, self.reshuffled, self.schemas = [], [], []

    def enter_composite_transform(self, node):
        self._note(node)

    def visit_transform(self, node):
        self._note(node)

    def _note(self, node):
        if isinstance(node.transform, beam.GroupByKey):
            self.grouped.append((node.full_label, node.inputs[0].element_type))
        elif isinstance(node.transform, beam.Reshuffle):
            self.reshuffled.append(node.inputs[0].element_type)
        elif isinstance(node.transform, GroupByRange):
            self.schemas.append(node.transform.schema)


@pytest.mark.parametrize("name", BUILDERS)
def test_only_numbers_and_batches_of_numbers_are_shuffled(name):
    pipeline = beam.Pipeline("FnApiRunner")
    BUILDERS[name](pipeline)
    found = _Shuffles()
    pipeline.visit(found)
    assert found.reshuffled
    assert set(map(str, found.reshuffled)) == {str(int)}
    kinds = [kind for label, kind in found.grouped if "ReshufflePerKey" not in label]
    assert kinds
    for kind in kinds:
        assert kind in (BATCHES, NUMBERS), f"{kind} is shuffled"
        if kind == BATCHES:
            key, value = beam.coders.registry.get_coder(kind).coders()
            assert isinstance(key, beam.coders.VarIntCoder)
            assert isinstance(value, RecordBatchCoder)
    assert kinds.count(BATCHES) == len(found.schemas) == (0 if name == "verify" else 1)
    for schema in found.schemas:
        assert all(pa.types.is_integer(field.type) or field.name == "similarity" for field in schema)


def test_the_runner_would_use_the_coder_too():
    pipeline = beam.Pipeline("FnApiRunner")
    BUILDERS["buckets"](pipeline)
    components = pipeline.to_runner_api().components
    group = next(
        transform
        for transform in components.transforms.values()
        if transform.spec.urn == "beam:transform:group_by_key:v1" and "Shuffle/Group" in transform.unique_name
    )
    coder = components.coders[components.pcollections[next(iter(group.inputs.values()))].coder_id]
    parts = [components.coders[part].spec for part in coder.component_coder_ids]
    assert parts[0].urn == "beam:coder:varint:v1"
    assert b"RecordBatchCoder" in parts[1].payload


def test_the_rows_of_a_shuffle_stay_narrow():
    schemas = (EXACT_SHUFFLE, BUCKET_SHUFFLE, DECISION_SHUFFLE, INDEX_SHUFFLE)
    assert [row_bytes(schema) for schema in schemas] == [44, 32, 81, 26]
