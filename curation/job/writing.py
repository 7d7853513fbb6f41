"""The write stage: candidates become kept files, or rejects with evidence where a deduplication removed them.

Consecutive input shards make one output file. Touches the run's folders only.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.keys import join_ids, split_ids
from curation.job.cutting import SpanCutter
from curation.job.dedup_stages import DedupFiles
from curation.job.measure import candidates_of
from curation.job.parts import LazyPart, conform
from curation.job.removals import RemovalReader, Removed, RemovingStep
from curation.job.span_stages import CutReader, Cuts, SpanFiles
from curation.job.tally import Tally, document_sizes
from curation.steps.outcome import rows_of
from schemas.arrow import CUTS, DUPLICATES, extended
from schemas.failpoints import failpoint
from schemas.files import open_parquet

_BATCH_ROWS = 2048


#: A small corpus is written in so many files, if they are not smaller than this: one file is one worker's work.
_SMALL_FILES = 8
_SMALL_FILE_BYTES = 32 << 20


def group_shards(text_bytes: Sequence[int], target: int) -> list[list[int]]:
    """Groups consecutive shards so that each group's candidates hold about `target` bytes of text; at least one group.

    Less than `target` where a corpus would otherwise fill fewer than 8 files, but then no less than 32 MiB: depends on nothing
    but the corpus, not on the number of workers.
    """
    target = min(target, max(_SMALL_FILE_BYTES, sum(text_bytes) // _SMALL_FILES))
    groups: list[list[int]] = []
    size = 0
    for shard, held in enumerate(text_bytes):
        if not groups or (size and size + held > target):
            groups.append([])
            size = 0
        groups[-1].append(shard)
        size += held
    return groups


@dataclass
class _Outputs:
    """The parts of one output group."""

    kept: LazyPart
    rejects: LazyPart
    duplicates: LazyPart
    cuts: LazyPart
    tally: Tally = field(default_factory=Tally)

    def parts(self) -> dict[str, LazyPart]:
        """The parts by kind."""
        return {"kept": self.kept, "rejects": self.rejects, "duplicates": self.duplicates, "cuts": self.cuts}


@dataclass
class WriteTask:
    """Writes output groups.

    Args:
        files: what the stages before wrote.
        groups: input shards of each group.
        dumps: names of dumps by rank.
        extra: columns after the documents contract.
        steps: the steps that remove whole duplicates, in their order.
        spans: the span_dedup step, which comes last; None if there is none.
    """

    files: DedupFiles
    groups: list[list[int]]
    dumps: list[str]
    extra: list[pa.Field]
    steps: tuple[RemovingStep, ...]
    spans: SpanFiles | None = None

    def __call__(self, number: int) -> dict[str, Any]:
        """Writes one group; gives the marker's body: parts and counts."""
        root, stem = self.files.layout.root, f"{number:05d}"
        outputs = _Outputs(
            LazyPart(root / "kept", f"part-{stem}", extended("documents", self.extra)),
            LazyPart(root / "rejects", f"duplicates-{stem}", extended("rejects", self.extra)),
            LazyPart(root / "duplicates", f"part-{stem}", DUPLICATES),
            LazyPart(root / "cuts", f"part-{stem}", CUTS),
        )
        with contextlib.ExitStack() as stack:
            for part in outputs.parts().values():
                stack.enter_context(part)
            for shard in self.groups[number]:
                self._write_shard(shard, outputs)
        failpoint("curate.after_outputs")
        parts = {kind: part.part.to_json() if part.part else None for kind, part in outputs.parts().items()}
        return {"parts": parts, "tally": outputs.tally.tree, "rows": outputs.kept.rows}

    @cached_property
    def _removals(self) -> RemovalReader:
        return RemovalReader(self.files, self.steps)

    def _write_shard(self, shard: int, outputs: _Outputs) -> None:
        path = candidates_of(self.files.layout, self.files.measured(shard))
        if path is None:
            return
        removed = self._removals.read(shard)
        cuts = None if self.spans is None else CutReader(self.spans).read(shard)
        first = 0
        with open_parquet(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                stop = first + batch.num_rows
                here = None if cuts is None else cuts.between(first, stop)
                self._write_batch(batch, removed.between(first, stop), here, outputs)
                first = stop

    def _write_batch(self, batch: pa.RecordBatch, removed: Removed, cuts: Cuts | None, outputs: _Outputs) -> None:
        stays = removed.stay(batch.num_rows)
        kept = batch.filter(pa.array(stays))
        if cuts is not None:
            kept = self._cut(kept, np.flatnonzero(stays), cuts, outputs)
        outputs.kept.write(conform(kept, outputs.kept.schema))
        sizes = document_sizes(kept)
        outputs.tally.add_documents(kept["source"], sizes, "kept")
        outputs.tally.add_lengths(kept["source"], sizes)
        outputs.tally.add_languages(kept["source"], kept["language"])
        for number, step in enumerate(self.steps):
            # What a step has removed never enters the next.
            entered = batch.filter(pa.array(removed.stay(batch.num_rows, number) & rows_of(batch, step.sources)))
            outputs.tally.add_documents(entered["source"], document_sizes(entered), "entered", step.title)
        if removed.rows.size:
            self._write_removed(batch.take(pa.array(removed.rows)), removed, outputs)

    def _cut(self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64], cuts: Cuts, outputs: _Outputs) -> pa.RecordBatch:
        result = self._cutter.apply(batch, rows, cuts, outputs.tally)
        if result.rejects is not None:
            outputs.rejects.write(conform(result.rejects, outputs.rejects.schema))
        if result.duplicates is not None:
            outputs.duplicates.write(result.duplicates)
        if result.cuts is not None:
            outputs.cuts.write(result.cuts)
        return result.kept

    @cached_property
    def _cutter(self) -> SpanCutter:
        if self.spans is None:
            raise ValueError("nothing is cut without a span_dedup step")
        step = self.spans.step
        return SpanCutter(step.title, frozenset(step.sources), self.spans.max_cut_share, self.dumps)

    def _write_removed(self, batch: pa.RecordBatch, removed: Removed, outputs: _Outputs) -> None:
        number = pa.array(removed.step)
        step = pa.array([item.title for item in self.steps], pa.string()).take(number)
        reasons = pa.array([[item.reason] for item in self.steps], pa.list_(pa.string())).take(number)
        rejects = batch.append_column("step", step).append_column("reasons", reasons)
        outputs.rejects.write(conform(rejects, outputs.rejects.schema))
        sizes = document_sizes(batch)
        for place, item in enumerate(self.steps):
            mask = pa.array(removed.step == place)
            if pc.any(mask).as_py():
                sources = batch["source"].filter(mask)
                outputs.tally.add_reasons(item.title, sources, sizes.filter(mask), reasons.filter(mask))
        evidence = removed.evidence
        dump = pa.array(self.dumps, pa.string()).take(evidence["kept_dump"].combine_chunks())
        columns = [
            batch["id"],
            _ids(evidence, "kept"),
            evidence["similarity"].combine_chunks(),
            pc.if_else(pc.equal(dump, ""), None, dump),
            _ids(evidence, "cluster"),
            step,
            pa.array(split_ids(batch["id"])[0]),
            evidence["kept_hi"].combine_chunks(),
            evidence["cluster_hi"].combine_chunks(),
        ]
        outputs.duplicates.write(pa.RecordBatch.from_arrays(columns, schema=DUPLICATES))


def _ids(removals: pa.Table, name: str) -> pa.StringArray:
    return join_ids(removals[f"{name}_hi"].to_numpy(), removals[f"{name}_lo"].to_numpy())
