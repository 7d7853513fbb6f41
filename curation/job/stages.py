"""The chain of stages of a run, each made from what the stages before have left, and how one is brought to its end.

Touches the run's folders through markers alone.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from curation.dedup.buckets import BUCKET_SHUFFLE
from curation.dedup.decide import DECISION_SHUFFLE
from curation.dedup.exact import EXACT_SHUFFLE
from curation.dedup.indexed import STANDING
from curation.dedup.semantic import CLUSTER_SHUFFLE
from curation.dedup.shuffle import row_bytes
from curation.dedup.spans import FIRST_SHUFFLE
from curation.job.dedup_stages import EXACT_FOLDERS, DedupFiles, build_buckets, build_exact
from curation.job.index import INDEX_SHUFFLE, KEPT, ROWS_A_FILE, IndexTask, build_index
from curation.job.layout import (
    BUCKETS,
    CENTROIDS,
    CLUSTERS,
    COMPONENTS,
    DECISION,
    EDGES,
    EMBEDDINGS,
    INDEX,
    MEASURE,
    SEGMENT_ENTRIES,
    SEGMENT_SHARDS,
    SEGMENT_STANDING,
    SEMANTIC,
    SHINGLES,
    SPAN_ANCHORS,
    SPAN_FIRSTS,
    SPAN_PLACES,
    SPAN_REPEATS,
    WRITE,
    Layout,
)
from curation.job.measure import MeasureTask, kept_fields, minhash_preset
from curation.job.near_stages import build_decide, build_verify
from curation.job.pipelines import PipelineError, Runtime, run_pipeline
from curation.job.plan import Plan
from curation.job.removals import removing_steps
from curation.job.segment_stages import build_segment, build_standing
from curation.job.semantic_stages import SemanticFiles, build_embeddings, build_semantic
from curation.job.signature_index import IndexReader, index_folder
from curation.job.span_stages import SpanFiles, anchor_bytes, build_firsts, build_repeats
from curation.job.units import RunShards, Unit, numbers
from curation.job.writing import WriteTask, group_shards
from curation.steps.build import build_steps
from schemas.errors import ResumableError

#: Numbers that one local pipeline may shuffle: Beam's local runner holds them about three times.
LOCAL_SHUFFLE_BYTES = 320 << 20
#: A stage that fails this often without finishing a single shard more is given up.
MAX_FAILURES = 3
#: What exact deduplication goes by -> the name of its stage.
_EXACT_STAGES = {"text": "exact_dedup", "url": "url_dedup"}


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: name of the stage.
        done: shards or hash ranges that are done.
        total: of so many.
        documents: documents that have been read so far.
        bytes: their bytes.
    """

    stage: str
    done: int
    total: int
    documents: int
    bytes: int


@dataclass
class Stage:
    """A stage: the units that it marks as done, and the pipelines that do them.

    Attributes:
        name: for people.
        kind: map or shuffle.
        units: folders and how many markers each gets.
        pipelines: makes the pipelines' builders; asked again after a failure, and then leaves out what is done.
    """

    name: str
    kind: str
    units: list[Unit]
    pipelines: Callable[[], Iterator[Callable[[Any], None]]] = field(repr=False)

    @property
    def total(self) -> int:
        """Markers of the whole stage."""
        return sum(unit.total for unit in self.units)


@dataclass
class Chain:
    """Makes the stages of a plan.

    Args:
        plan: the run's plan.
        layout: its folders.
        shuffle_bytes: numbers that one pipeline may shuffle; None for no bound.
    """

    plan: Plan
    layout: Layout
    shuffle_bytes: int | None = LOCAL_SHUFFLE_BYTES

    def names(self) -> list[str]:
        """The stages' names, in order."""
        exact = [_EXACT_STAGES[key] for key in self._exact_keys()]
        near = ["candidates", "verify", "decide"] if self.plan.near else []
        semantic = ["embed", "semantic_dedup"] if self.plan.semantic else []
        spans = ["span_repeats", "span_firsts"] if self.plan.spans else []
        segment = ["signature_index"] if self.plan.adds_to_index else []
        return ["measure", *exact, *near, *semantic, *spans, "write", "index", *segment]

    def stages(self) -> Iterator[Stage]:
        """Gives the stages in order; each may be made only when those before are done."""
        makers: dict[str, Callable[[], Stage]] = {
            "measure": self._measure,
            "exact_dedup": partial(self._exact, "text"),
            "url_dedup": partial(self._exact, "url"),
            "candidates": self._candidates,
            "verify": self._verify,
            "decide": self._decide,
            "embed": self._embed,
            "semantic_dedup": self._semantic_dedup,
            "span_repeats": self._span_repeats,
            "span_firsts": self._span_firsts,
            "write": self._write,
            "index": self._index,
            "signature_index": self._segment,
        }
        for name in self.names():
            yield makers[name]()

    @property
    def num_shards(self) -> int:
        """Input shards."""
        return len(self.plan.shards)

    def files(self) -> DedupFiles:
        """What the stages hand on. The number of hash ranges follows from the measured rows, so a rerun finds the same."""
        folder, index = index_folder(self.plan.recipe, Path(self.plan.base)), None
        if folder is not None and self.plan.index is not None:
            index = IndexReader(folder, len(self.plan.index.runs), self.num_shards)
        return DedupFiles(self.layout, self.num_shards, self._ranges(self._rows()), self._exact_keys(), index)

    def _exact_keys(self) -> tuple[str, ...]:
        return tuple(step.exact_dedup.by for step in self.plan.exact_steps if step.exact_dedup)

    def _ranges(self, rows: int) -> int:
        """A range goes to one worker as a whole. The number must not depend on where the pipelines run: markers bear it."""
        near = self.plan.near_settings
        return max(near.partitions, math.ceil(rows * near.bands * row_bytes(BUCKET_SHUFFLE) / LOCAL_SHUFFLE_BYTES))

    def _pending(self, folder: str, total: int) -> list[int]:
        done = self.layout.read_markers(folder, total)
        return [number for number in range(total) if number not in done]

    def _measure(self) -> Stage:
        task = MeasureTask(self.layout)

        def pipelines() -> Iterator[Callable[[Any], None]]:
            if pending := self._pending(MEASURE, self.num_shards):
                yield lambda pipeline: numbers(pipeline, pending) | "Measure" >> RunShards(self.layout, MEASURE, task)

        return Stage("measure", "map", [Unit(MEASURE, self.num_shards)], pipelines)

    def _shuffle(
        self, folder: str, total: int, num_bytes: int, build: Callable[[range, Any], None]
    ) -> Callable[[], Iterator[Callable[[Any], None]]]:
        """Cuts a shuffle into passes over its hash ranges that each fit into memory; a pass restarts whole."""
        passes = 1 if self.shuffle_bytes is None else min(max(1, math.ceil(num_bytes / self.shuffle_bytes)), total)
        bounds = [total * number // passes for number in range(passes + 1)]

        def pipelines() -> Iterator[Callable[[Any], None]]:
            for start, stop in pairwise(bounds):
                if set(range(start, stop)) & set(self._pending(folder, total)):
                    yield partial(build, range(start, stop))

        return pipelines

    def _rows(self) -> int:
        return sum(marker["rows"] for marker in self.layout.read_markers(MEASURE, self.num_shards).values())

    def _exact(self, key: str) -> Stage:
        files, folder = self.files(), EXACT_FOLDERS[key]
        pipelines = self._shuffle(
            folder,
            files.num_ranges,
            self._rows() * row_bytes(EXACT_SHUFFLE),
            lambda wanted, pipeline: build_exact(pipeline, files, wanted, key),
        )
        return Stage(_EXACT_STAGES[key], "shuffle", [Unit(folder, files.num_ranges)], pipelines)

    def _candidates(self) -> Stage:
        files, near = self.files(), self.plan.near_settings
        num_bytes = self._rows() * near.bands * row_bytes(BUCKET_SHUFFLE)
        pipelines = self._shuffle(
            BUCKETS,
            files.num_ranges,
            num_bytes,
            lambda wanted, pipeline: build_buckets(pipeline, files, wanted, near.bucket_leaders),
        )
        return Stage("candidates", "shuffle", [Unit(BUCKETS, files.num_ranges)], pipelines)

    def _verify(self) -> Stage:
        files, near = self.files(), self.plan.near_settings
        units = [Unit(SHINGLES, self.num_shards), Unit(EDGES, self.num_shards), Unit(COMPONENTS, 1)]

        def pipelines() -> Iterator[Callable[[Any], None]]:
            if any(self._pending(unit.folder, unit.total) for unit in units):
                yield lambda pipeline: build_verify(pipeline, files, minhash_preset(self.plan), near.threshold)

        return Stage("verify", "shuffle", units, pipelines)

    def _semantic(self) -> SemanticFiles:
        if self.plan.semantic is None:
            raise ValueError("the plan has no semantic_dedup step")
        before = tuple(step for step in removing_steps(self.plan) if step.kind != "semantic")
        return SemanticFiles(self.files(), self.plan.semantic, before, self.plan.base)

    def _embed(self) -> Stage:
        semantic = self._semantic()
        units = [Unit(EMBEDDINGS, self.num_shards), Unit(CENTROIDS, 1)]

        def pipelines() -> Iterator[Callable[[Any], None]]:
            if any(self._pending(unit.folder, unit.total) for unit in units):
                yield lambda pipeline: build_embeddings(pipeline, semantic)

        return Stage("embed", "map", units, pipelines)

    def _semantic_dedup(self) -> Stage:
        semantic = self._semantic()
        ranges = semantic.files.num_ranges
        pipelines = self._shuffle(
            SEMANTIC,
            ranges,
            self._rows() * row_bytes(CLUSTER_SHUFFLE),
            lambda wanted, pipeline: build_semantic(pipeline, semantic, wanted),
        )
        return Stage("semantic_dedup", "shuffle", [Unit(CLUSTERS, self.num_shards), Unit(SEMANTIC, ranges)], pipelines)

    def _spans(self) -> SpanFiles:
        if self.plan.spans is None or self.plan.spans.span_dedup is None:
            raise ValueError("the plan has no span_dedup step")
        files, unit = self.files(), self.plan.spans.span_dedup.unit
        ranges = max(files.num_ranges, math.ceil(anchor_bytes(self._text_bytes(), unit) / LOCAL_SHUFFLE_BYTES))
        return SpanFiles(files, self.plan.spans, removing_steps(self.plan), ranges)

    def _text_bytes(self) -> int:
        return sum(marker["text_bytes"] for marker in self.layout.read_markers(MEASURE, self.num_shards).values())

    def _span_repeats(self) -> Stage:
        spans = self._spans()
        pipelines = self._shuffle(
            SPAN_REPEATS,
            spans.num_ranges,
            anchor_bytes(self._text_bytes(), spans.rule.unit),
            lambda wanted, pipeline: build_repeats(pipeline, spans, wanted),
        )
        units = [Unit(SPAN_ANCHORS, self.num_shards), Unit(SPAN_REPEATS, spans.num_ranges)]
        return Stage("span_repeats", "shuffle", units, pipelines)

    def _span_firsts(self) -> Stage:
        spans = self._spans()
        repeats = self.layout.read_markers(SPAN_REPEATS, spans.num_ranges).values()
        # An anchor of words belongs to as many n-grams as it has words to spare.
        each = spans.rule.size // 2 + 1 if spans.rule.unit == "ngram" else 1
        pipelines = self._shuffle(
            SPAN_FIRSTS,
            spans.num_ranges,
            sum(marker["rows"] for marker in repeats) * each * row_bytes(FIRST_SHUFFLE),
            lambda wanted, pipeline: build_firsts(pipeline, spans, wanted),
        )
        units = [Unit(SPAN_PLACES, self.num_shards), Unit(SPAN_FIRSTS, spans.num_ranges)]
        return Stage("span_firsts", "shuffle", units, pipelines)

    def groups(self) -> list[list[int]]:
        """Input shards of each output file."""
        markers = self.layout.read_markers(MEASURE, self.num_shards)
        return group_shards(
            [markers[number]["text_bytes"] for number in range(self.num_shards)],
            self.plan.recipe.output.output_shard_bytes,
        )

    def _decide(self) -> Stage:
        files = self.files()
        edges = sum(marker["rows"] for marker in self.layout.read_markers(EDGES, self.num_shards).values())
        pipelines = self._shuffle(
            DECISION,
            files.num_ranges,
            edges * row_bytes(DECISION_SHUFFLE),
            lambda wanted, pipeline: build_decide(pipeline, files, wanted, files.num_ranges),
        )
        return Stage("decide", "shuffle", [Unit(DECISION, files.num_ranges)], pipelines)

    def _write(self) -> Stage:
        groups = self.groups()
        task = WriteTask(
            self.files(),
            groups,
            self.plan.dumps,
            kept_fields(build_steps(self.plan.recipe, Path(self.plan.base)), spans=self.plan.spans is not None),
            removing_steps(self.plan),
            self._spans() if self.plan.spans else None,
        )

        def pipelines() -> Iterator[Callable[[Any], None]]:
            if pending := self._pending(WRITE, len(groups)):
                yield lambda pipeline: numbers(pipeline, pending) | "Write" >> RunShards(self.layout, WRITE, task)

        return Stage("write", "map", [Unit(WRITE, len(groups))], pipelines)

    def _index(self) -> Stage:
        parts = self.document_parts()
        files = [path for path, _ in parts]
        rows = sum(rows for _, rows in parts)
        total = max(1, math.ceil(rows / ROWS_A_FILE))
        task = IndexTask(self.layout, files, [KEPT, *(step.title for step in self.plan.recipe.steps)])
        pipelines = self._shuffle(
            INDEX,
            total,
            rows * row_bytes(INDEX_SHUFFLE),
            lambda wanted, pipeline: build_index(pipeline, task, total, wanted),
        )
        return Stage("index", "shuffle", [Unit(INDEX, total)], pipelines)

    def _segment(self) -> Stage:
        files = self.files()
        units = [Unit(SEGMENT_SHARDS, self.num_shards), Unit(SEGMENT_ENTRIES, files.num_ranges)]
        keys = [Unit(SEGMENT_STANDING + key, files.num_ranges) for key in files.exact]

        def pipelines() -> Iterator[Callable[[Any], None]]:
            shards, ranges = (self._pending(unit.folder, unit.total) for unit in units)
            if shards or ranges:
                yield lambda pipeline: build_segment(pipeline, files, self.plan, shards, ranges)
            num_bytes = self._rows() * row_bytes(STANDING)
            for key, unit in zip(files.exact, keys, strict=True):
                build = partial(self._build_standing, files, key)
                yield from self._shuffle(unit.folder, unit.total, num_bytes, build)()

        return Stage("signature_index", "shuffle", [*units, *keys], pipelines)

    def _build_standing(self, files: DedupFiles, key: str, wanted: range, pipeline: Any) -> None:
        build_standing(pipeline, files, self.plan, key, wanted)

    def document_parts(self) -> list[tuple[str, int]]:
        """Every file of kept or rejected documents, relative to the run's folder and sorted, with its rows."""
        found = []
        for folder, total, kinds in (
            (MEASURE, self.num_shards, ("rejects",)),
            (WRITE, len(self.groups()), ("kept", "rejects")),
        ):
            for marker in self.layout.read_markers(folder, total).values():
                parts = ((kind, marker["parts"][kind]) for kind in kinds)
                found += [(f"{kind}/{part['name']}", part["rows"]) for kind, part in parts if part]
        return sorted(found)


def run_stage(stage: Stage, layout: Layout, runtime: Runtime, poll: Callable[[], None]) -> None:
    """Runs a stage until all its markers are there. After a failure it goes on from them.

    Raises:
        ResumableError: the stage failed again and again without getting any further.
    """
    failures = 0
    done = count_done(stage, layout)
    while done < stage.total:
        try:
            for build in stage.pipelines():
                run_pipeline(runtime, build, poll)
        except PipelineError as error:
            before, done = done, count_done(stage, layout)
            failures = failures + 1 if done == before else 1
            if failures >= MAX_FAILURES:
                raise ResumableError(
                    f"stage {stage.name} stopped at {done} of {stage.total} shards: {error}; the same command goes on from "
                    f"there (worker logs: {runtime.log_directory})"
                ) from error
        else:
            before, done = done, count_done(stage, layout)
            if done == before:
                raise ResumableError(f"stage {stage.name} ended with {done} of {stage.total} shards done")


def count_done(stage: Stage, layout: Layout) -> int:
    """Counts the markers of a stage."""
    return sum(len(layout.read_markers(unit.folder, unit.total)) for unit in stage.units)
