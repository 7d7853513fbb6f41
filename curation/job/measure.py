"""The first stage: each input shard is read and goes through the map steps; what passes becomes candidates with fingerprints.

A shard is read in one pass, a few batches in memory. Touches the input files and the run's folders.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from columnar.hashing import content_hashes
from columnar.minhash import MinHashPreset, band_hashes, signatures
from curation.dedup.exact import url_hashes
from curation.dedup.keys import split_ids
from curation.dedup.policy import order_numbers
from curation.dedup.spans import SPAN_FIELDS
from curation.job.histograms import add_histograms, judged_signals
from curation.job.layout import MEASURE, Layout
from curation.job.parts import LazyPart, conform
from curation.job.plan import Plan, load_plan
from curation.job.signature_index import near_preset
from curation.job.tally import Tally, document_sizes
from curation.model import RAW, Fault, Step
from curation.readers.reading import read_pieces
from curation.steps.build import build_steps, guarded_apply
from curation.transforms import faults_batch
from schemas.arrow import CONTAMINATION, DOCUMENTS, QUARANTINE, extended
from schemas.failpoints import failpoint
from schemas.storage import Location, StorageError

_READ_STAGE = "read"
_PARTS = ("candidates", "rejects", "fingerprints", "quarantine", "contamination")


def kept_fields(steps: list[Step], *, spans: bool = False) -> list[pa.Field]:
    """Gives the columns that follow the documents contract in kept files and rejects: what readers and steps add.

    Args:
        steps: the map steps.
        spans: whether span deduplication comes later.
    """
    fields = {name.name: name for name in RAW if name.name == "replaced_characters"}
    for step in steps:
        fields.update({added.name: added.with_nullable(True) for added in step.output_fields()})
    added = [item for name, item in fields.items() if name not in DOCUMENTS.names]
    return [*added, *SPAN_FIELDS] if spans else added


def minhash_preset(plan: Plan) -> MinHashPreset:
    """Gives the preset of the plan's near_dedup step."""
    return near_preset(plan.near_settings)


def fingerprint_schema(plan: Plan) -> pa.Schema:
    """Gives the schema of fingerprint files: one row a candidate, in the candidates' order; numbers only.

    `exact` says whether exact deduplication by text takes the document, `by_url` the same of that by URL, whose columns are
    there only if the plan has it. `order` is the number of `curation.dedup.policy`; the bands are 0 where near-deduplication
    does not take the document.
    """
    url = [
        pa.field("by_url", pa.bool_(), nullable=False),
        pa.field("url_hi", pa.uint64(), nullable=False),
        pa.field("url_lo", pa.uint64(), nullable=False),
    ]
    order = [pa.field("order", pa.uint64(), nullable=False)]
    bands = [pa.field("bands", pa.list_(pa.field("item", pa.uint64(), nullable=False), plan.near_settings.bands))]
    return pa.schema(
        [
            pa.field("id_hi", pa.uint64(), nullable=False),
            pa.field("id_lo", pa.uint64(), nullable=False),
            pa.field("dump", pa.uint32(), nullable=False),
            pa.field("exact", pa.bool_(), nullable=False),
            pa.field("content_hi", pa.uint64(), nullable=False),
            pa.field("content_lo", pa.uint64(), nullable=False),
            *(url if plan.exact_by("url") else []),
            *([*order, *bands] if plan.near else []),
        ]
    )


@dataclass
class _Shard:
    """What one shard writes while it is read."""

    candidates: LazyPart
    rejects: LazyPart
    fingerprints: LazyPart
    quarantine: LazyPart
    contamination: LazyPart
    tally: Tally = field(default_factory=Tally)
    reading: Counter[str] = field(default_factory=Counter)
    text_bytes: int = 0

    def parts(self) -> dict[str, LazyPart]:
        """The parts by kind."""
        return {name: getattr(self, name) for name in _PARTS}


@dataclass
class MeasureTask:
    """Measures shards of a plan. Steps and plan are loaded once in each worker.

    Args:
        layout: the run.
    """

    layout: Layout

    @cached_property
    def _plan(self) -> Plan:
        plan = load_plan(self.layout.plan)
        if plan is None or plan.run_id != self.layout.run_id:
            raise RuntimeError(f"{self.layout.plan}: the plan of run {self.layout.run_id} is gone")
        return plan

    @cached_property
    def _steps(self) -> list[Step]:
        return build_steps(self._plan.recipe, Path(self._plan.base))

    @cached_property
    def _judged(self) -> dict[str, list[str]]:
        return {step.name: judged_signals(step) for step in self._steps}

    @cached_property
    def _dump_ranks(self) -> pa.Array:
        return pa.array(self._plan.dumps, pa.string())

    def __call__(self, number: int) -> dict[str, Any]:
        """Measures one shard.

        Returns:
            The body of its marker: parts, counts, and how many rows and bytes of text are candidates.
        """
        extra = kept_fields(self._steps, spans=self._plan.spans is not None)
        stem = f"{number:05d}"
        folder, root = self.layout.stage(MEASURE), self.layout.root
        shard = _Shard(
            LazyPart(folder, f"candidates-{stem}", extended("documents", extra)),
            LazyPart(root / "rejects", f"measured-{stem}", extended("rejects", extra)),
            LazyPart(folder, f"fingerprints-{stem}", fingerprint_schema(self._plan)),
            LazyPart(root / "quarantine", f"measured-{stem}", QUARANTINE),
            LazyPart(root / "contamination", f"measured-{stem}", CONTAMINATION),
        )
        with contextlib.ExitStack() as stack:
            for part in shard.parts().values():
                stack.enter_context(part)
            if number == 0:
                _quarantine(shard, list(self._plan.faults))
            for item in self._read(number, shard.reading):
                if isinstance(item, Fault):
                    _quarantine(shard, [item])
                else:
                    self._measure(shard, item)
            failpoint("curate.before_parts_land")
        failpoint("curate.after_parts_land")
        for name, amount in shard.reading.items():
            shard.tally.add(amount, "reading", name)
        parts = {kind: part.part.to_json() if part.part else None for kind, part in shard.parts().items()}
        return {
            "parts": parts,
            "tally": shard.tally.tree,
            "rows": shard.candidates.rows,
            "text_bytes": shard.text_bytes,
        }

    def _read(self, number: int, counts: Counter[str]) -> Iterator[pa.RecordBatch | Fault]:
        """Reads a shard up to its quota. An error that the readers did not expect ends the shard, not the run."""
        pieces, left = self._plan.shards[number], self._plan.quota(number)
        items = read_pieces(pieces, self._plan.recipe.output, counts)
        while left is None or left > 0:
            try:
                item = next(items, None)
            except (MemoryError, StorageError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a reader stumbles over is the input's fault, and is told
                first = pieces[0]
                where = first.path if len(pieces) == 1 else f"{first.path} and {len(pieces) - 1} files after it"
                message = f"reading shard {number} stopped: {type(error).__name__}: {error}"
                yield Fault(where, first.source, _READ_STAGE, message, first.path)
                return
            if item is None:
                return
            if left is not None and isinstance(item, pa.RecordBatch):
                item = item.slice(0, left)
                left -= item.num_rows
            yield item

    def _measure(self, shard: _Shard, batch: pa.RecordBatch) -> None:
        shard.tally.add_documents(batch["source"], document_sizes(batch), "read")
        for step in self._steps:
            if batch.num_rows == 0:
                return
            taken = _of_sources(batch, step.sources)
            shard.tally.add_documents(taken["source"], document_sizes(taken), "entered", step.name)
            output = guarded_apply(step, batch)
            for judged in (output.kept, output.rejects):
                if judged is not None:
                    add_histograms(shard.tally, step.name, _of_sources(judged, step.sources), self._judged[step.name])
            if output.rejects is not None and output.rejects.num_rows:
                rejects = output.rejects
                shard.rejects.write(conform(rejects, shard.rejects.schema))
                shard.tally.add_reasons(step.name, rejects["source"], document_sizes(rejects), rejects["reasons"])
            if output.evidence is not None:
                shard.contamination.write(output.evidence)
            _quarantine(shard, output.faults)
            batch = output.kept
        self._keep(shard, batch)

    def _keep(self, shard: _Shard, batch: pa.RecordBatch) -> None:
        if batch["text"].null_count:
            raise ValueError("a page came through every step without a text: no step has extracted it")
        candidates = conform(batch, shard.candidates.schema)
        shard.candidates.write(candidates)
        failpoint("curate.after_candidates")
        shard.text_bytes += int(pc.sum(pc.binary_length(candidates["text"])).as_py() or 0)
        if self._plan.dedup_steps:
            shard.fingerprints.write(self._fingerprints(candidates))

    def _fingerprints(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        high, low = split_ids(batch["id"])
        dump = pc.index_in(pc.fill_null(batch["dump"], ""), self._dump_ranks).cast(pa.uint32())
        # Hashes that nobody asks for are left out: they cost as much as signatures do.
        wanted = self._plan.exact_by("text") is not None
        content = content_hashes(batch["text"]) if wanted else np.zeros((batch.num_rows, 2), np.uint64)
        columns = [
            pa.array(high),
            pa.array(low),
            dump,
            _taken(batch, self._plan.exact_by("text")),
            pa.array(np.ascontiguousarray(content[:, 0])),
            pa.array(np.ascontiguousarray(content[:, 1])),
        ]
        if by_url := self._plan.exact_by("url"):
            hashed = url_hashes(batch["url"])
            columns += [pc.and_(_taken(batch, by_url), hashed.there), pa.array(hashed.high), pa.array(hashed.low)]
        if self._plan.near:
            preset = minhash_preset(self._plan)
            hashes = np.zeros((batch.num_rows, preset.bands), np.uint64)
            taken = np.flatnonzero(_taken(batch, self._plan.near).to_numpy(zero_copy_only=False))
            if taken.size:
                texts = batch["text"] if taken.size == batch.num_rows else batch["text"].take(pa.array(taken))
                hashes[taken] = band_hashes(signatures(texts, preset), preset)
            near = self._plan.near_settings
            order = order_numbers(batch, dump.to_numpy(), near.keep, near.keep_by)
            columns += [pa.array(order), pa.FixedSizeListArray.from_arrays(pa.array(hashes.ravel()), preset.bands)]
        return conform(
            pa.RecordBatch.from_arrays(columns, names=fingerprint_schema(self._plan).names),
            fingerprint_schema(self._plan),
        )


def _of_sources(batch: pa.RecordBatch, sources: frozenset[str]) -> pa.RecordBatch:
    return batch.filter(pc.is_in(batch["source"], pa.array(sorted(sources)))) if sources else batch


def _taken(batch: pa.RecordBatch, step: Any) -> pa.BooleanArray:
    """Says which rows a dedup step takes: those of its sources, or all; none if there is no step."""
    if step is None:
        return pa.array(np.zeros(batch.num_rows, np.bool_))
    if not step.sources:
        return pa.array(np.ones(batch.num_rows, np.bool_))
    return pc.is_in(batch["source"], pa.array(step.sources))


def _quarantine(shard: _Shard, faults: list[Fault]) -> None:
    if not faults:
        return
    shard.quarantine.write(faults_batch(faults))
    for fault in faults:
        shard.tally.add(1, "faults", fault.stage, fault.source)


def candidates_of(layout: Layout, marker: dict[str, Any]) -> Location | None:
    """Gives the candidates file that a marker of this stage names."""
    part = marker["parts"]["candidates"]
    return None if part is None else layout.stage(MEASURE) / part["name"]


def fingerprints_of(layout: Layout, marker: dict[str, Any]) -> Location | None:
    """Gives the fingerprint file that a marker of this stage names."""
    part = marker["parts"]["fingerprints"]
    return None if part is None else layout.stage(MEASURE) / part["name"]
