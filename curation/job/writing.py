"""The write stage: candidates become kept files, or rejects with evidence where a deduplication removed them.

Consecutive input shards make one output file. Touches the run's folders only.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.dedup.exact import REMOVALS
from curation.dedup.keys import join_ids
from curation.job.dedup_stages import DedupFiles
from curation.job.measure import candidates_of
from curation.job.parts import LazyPart, conform, read_shard_rows
from curation.job.tally import Tally, document_sizes
from schemas.arrow import DUPLICATES, extended
from schemas.failpoints import failpoint

#: Reasons of rejects that deduplication makes.
EXACT_DUPLICATE = "exact_duplicate"
NEAR_DUPLICATE = "near_duplicate"
_BATCH_ROWS = 2048


def group_shards(text_bytes: Sequence[int], target: int) -> list[list[int]]:
    """Groups consecutive shards so that each group's candidates hold about `target` bytes of text; at least one group."""
    groups: list[list[int]] = []
    size = 0
    for shard, held in enumerate(text_bytes):
        if not groups or (size and size + held > target):
            groups.append([])
            size = 0
        groups[-1].append(shard)
        size += held
    return groups


class _Removed:
    """The removals of one shard by row: exact ones, near ones, and exact ones whose evidence the near ones have moved."""

    def __init__(self, exact: pa.Table, near: pa.Table) -> None:
        moved = near["moved"].to_numpy()
        near_rows = near["row"].to_numpy()
        stays_exact = ~np.isin(exact["row"].to_numpy(), near_rows[moved])
        table = pa.concat_tables([exact.filter(pa.array(stays_exact)), near])
        is_near = np.concatenate((np.zeros(int(stays_exact.sum()), np.bool_), ~moved))
        order = np.argsort(table["row"].to_numpy(), kind="stable")
        self.table = table.take(pa.array(order))
        self.rows = self.table["row"].to_numpy()
        self.is_near: npt.NDArray[np.bool_] = is_near[order]


@dataclass
class _Outputs:
    """The parts of one output group."""

    kept: LazyPart
    rejects: LazyPart
    duplicates: LazyPart
    tally: Tally = field(default_factory=Tally)

    def parts(self) -> dict[str, LazyPart]:
        """The parts by kind."""
        return {"kept": self.kept, "rejects": self.rejects, "duplicates": self.duplicates}


@dataclass
class WriteTask:
    """Writes output groups.

    Args:
        files: what the stages before wrote.
        groups: input shards of each group.
        dumps: names of dumps by rank.
        extra: columns after the documents contract.
        exact_step: name of the exact_dedup step, "" if there is none.
        near_step: name of the near_dedup step, "" if there is none.
    """

    files: DedupFiles
    groups: list[list[int]]
    dumps: list[str]
    extra: list[pa.Field]
    exact_step: str
    near_step: str

    def __call__(self, number: int) -> dict[str, Any]:
        """Writes one group; gives the marker's body: parts and counts."""
        root, stem = self.files.layout.root, f"{number:05d}"
        outputs = _Outputs(
            LazyPart(root / "kept", f"part-{stem}", extended("documents", self.extra)),
            LazyPart(root / "rejects", f"duplicates-{stem}", extended("rejects", self.extra)),
            LazyPart(root / "duplicates", f"part-{stem}", DUPLICATES),
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
    def _exact_parts(self) -> list[Path]:
        return self.files.exact_removals()

    @cached_property
    def _near_parts(self) -> list[Path]:
        return self.files.near_removals() if self.near_step else []

    def _write_shard(self, shard: int, outputs: _Outputs) -> None:
        path = candidates_of(self.files.layout, self.files.measured(shard))
        if path is None:
            return
        removed = _Removed(
            read_shard_rows(self._exact_parts, shard, REMOVALS), read_shard_rows(self._near_parts, shard, REMOVALS)
        )
        first = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                self._write_batch(batch, first, removed, outputs)
                first += batch.num_rows

    def _write_batch(self, batch: pa.RecordBatch, first: int, removed: _Removed, outputs: _Outputs) -> None:
        begin, end = np.searchsorted(removed.rows, [first, first + batch.num_rows])
        rows = removed.rows[begin:end] - np.uint32(first)
        stays = np.ones(batch.num_rows, np.bool_)
        stays[rows] = False
        kept = batch.filter(pa.array(stays))
        outputs.kept.write(conform(kept, outputs.kept.schema))
        sizes = document_sizes(kept)
        outputs.tally.add_documents(kept["source"], sizes, "kept")
        outputs.tally.add_lengths(kept["source"], sizes)
        outputs.tally.add_languages(kept["source"], kept["language"])
        if end > begin:
            self._write_removed(
                batch.take(pa.array(rows)), removed.table.slice(begin, end - begin), removed.is_near[begin:end], outputs
            )
        for step, near in ((self.exact_step, False), (self.near_step, True)):
            if step:
                # What exact deduplication has removed never enters near-deduplication.
                entered = (
                    batch
                    if not near
                    else batch.filter(pa.array(_without(batch.num_rows, rows[~removed.is_near[begin:end]])))
                )
                outputs.tally.add_documents(entered["source"], document_sizes(entered), "entered", step)

    def _write_removed(
        self, batch: pa.RecordBatch, removals: pa.Table, is_near: npt.NDArray[np.bool_], outputs: _Outputs
    ) -> None:
        step = pa.array(np.where(is_near, self.near_step, self.exact_step).tolist(), pa.string())
        reasons = pa.array(
            [[NEAR_DUPLICATE if near else EXACT_DUPLICATE] for near in is_near.tolist()], pa.list_(pa.string())
        )
        rejects = batch.append_column("step", step).append_column("reasons", reasons)
        outputs.rejects.write(conform(rejects, outputs.rejects.schema))
        sizes = document_sizes(batch)
        for name, rows in ((self.exact_step, ~is_near), (self.near_step, is_near)):
            if rows.any():
                mask = pa.array(rows)
                outputs.tally.add_reasons(name, batch["source"].filter(mask), sizes.filter(mask), reasons.filter(mask))
        dump = pa.array(self.dumps, pa.string()).take(removals["kept_dump"].combine_chunks())
        columns = [
            batch["id"],
            _ids(removals, "kept"),
            removals["similarity"].combine_chunks(),
            pc.if_else(pc.equal(dump, ""), None, dump),
            _ids(removals, "cluster"),
            step,
        ]
        outputs.duplicates.write(pa.RecordBatch.from_arrays(columns, schema=DUPLICATES))


def _without(length: int, rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    mask = np.ones(length, np.bool_)
    mask[rows] = False
    return mask


def _ids(removals: pa.Table, name: str) -> pa.StringArray:
    return join_ids(removals[f"{name}_hi"].to_numpy(), removals[f"{name}_lo"].to_numpy())
