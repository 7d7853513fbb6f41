"""What span deduplication does to a batch on its way out: passages are cut, and documents of which too much went are parted. Pure.

Which passages go has been decided by the stages before; see `curation.job.span_stages`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from columnar.spans import CutTexts, cut_texts
from curation.dedup.keys import join_ids, split_ids
from curation.dedup.spans import MOSTLY_COPIED, SPAN_FIELDS
from curation.job.cut_evidence import cut_evidence
from curation.job.span_stages import Cuts
from curation.job.tally import Tally, document_sizes
from curation.steps.outcome import REJECT_FIELDS, put_column, rows_of
from schemas.arrow import DUPLICATES


class CutBatch(NamedTuple):
    """What becomes of a batch.

    Attributes:
        kept: documents with what is left of their texts.
        rejects: documents of which too much was cut, with their texts whole, `step` and `reasons`; None for none.
        duplicates: for each of those whose passages another document has first, the one that has most of them; schema
            `DUPLICATES`. None for none.
        cuts: what was cut, or would have been of those that went; schema `CUTS`. None for none.
    """

    kept: pa.RecordBatch
    rejects: pa.RecordBatch | None
    duplicates: pa.RecordBatch | None
    cuts: pa.RecordBatch | None


@dataclass(frozen=True)
class SpanCutter:
    """Applies cuts.

    Args:
        step: name of the span_dedup step.
        sources: that it is for; none means all.
        max_cut_share: a document that loses a larger share of its characters goes, and one that loses all.
        dumps: names of dumps by rank.
    """

    step: str
    sources: frozenset[str]
    max_cut_share: float
    dumps: list[str]

    def apply(self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64], cuts: Cuts, tally: Tally) -> CutBatch:
        """Cuts the texts of a batch.

        Args:
            batch: documents that no step before has removed.
            rows: the number of each, ascending, as `cuts` counts them.
            cuts: of these documents alone.
            tally: gets what entered, what was removed, and under ``cuts`` what was cut of the documents that stay.
        """
        taken = rows_of(batch, self.sources)
        entered = batch.filter(pa.array(taken))
        tally.add_documents(entered["source"], document_sizes(entered), "entered", self.step)
        at = np.searchsorted(rows, cuts.rows)
        told = cut_evidence(batch, at, cuts, self.step, self.dumps)
        found = cut_texts(batch["text"], at, cuts.starts, cuts.ends)
        batch = put_column(batch, SPAN_FIELDS[0], taken, pa.array(found.cut_chars[taken]))
        batch = put_column(batch, SPAN_FIELDS[1], taken, pa.array(found.cuts[taken]))
        empty = pc.equal(pc.binary_length(found.texts), 0).to_numpy(zero_copy_only=False)
        gone = (found.cuts > 0) & (empty | (found.cut_chars > self.max_cut_share * found.chars))
        stays = pa.array(~gone)
        position = batch.schema.get_field_index("text")
        kept = batch.set_column(position, batch.schema.field(position), found.texts).filter(stays)
        self._count(kept, found, ~gone, tally)
        if not gone.any():
            return CutBatch(kept, None, None, told)
        rejects = self._rejected(batch.filter(pa.array(gone)))
        tally.add_reasons(self.step, rejects["source"], document_sizes(rejects), rejects["reasons"])
        return CutBatch(kept, rejects, self._evidence(batch, np.flatnonzero(gone), at, cuts), told)

    def _count(self, kept: pa.RecordBatch, found: CutTexts, stays: npt.NDArray[np.bool_], tally: Tally) -> None:
        touched = found.cuts[stays] > 0
        table = pa.table({"source": kept["source"], "chars": found.cut_chars[stays], "cuts": found.cuts[stays]})
        groups = table.filter(pa.array(touched)).group_by("source")
        for row in groups.aggregate([([], "count_all"), ("chars", "sum"), ("cuts", "sum")]).to_pylist():
            for name, column in (("documents", "count_all"), ("characters", "chars_sum"), ("passages", "cuts_sum")):
                tally.add(row[column], "cuts", row["source"], name)

    def _rejected(self, rejects: pa.RecordBatch) -> pa.RecordBatch:
        number = rejects.num_rows
        rejects = rejects.append_column(REJECT_FIELDS[0], pa.array([self.step] * number, pa.string()))
        return rejects.append_column(REJECT_FIELDS[1], pa.array([[MOSTLY_COPIED]] * number, type=REJECT_FIELDS[1].type))

    def _evidence(
        self, batch: pa.RecordBatch, gone: npt.NDArray[np.int64], at: npt.NDArray[np.int64], cuts: Cuts
    ) -> pa.RecordBatch | None:
        ids, sizes = batch["id"].to_pylist(), pc.binary_length(batch["text"]).to_pylist()
        keys, _ = split_ids(batch["id"])
        found = []
        for row in gone.tolist():
            begin, end = np.searchsorted(at, [row, row + 1])
            mine = cuts.slice(int(begin), int(end))
            kept = self._most_copied(mine, ids[row])
            if kept is None:
                continue
            first, octets = kept
            (kept_id,) = join_ids(mine.kept_hi[first : first + 1], mine.kept_lo[first : first + 1]).to_pylist()
            dump = self.dumps[int(mine.kept_dump[first])]
            found.append(
                {
                    "id": ids[row],
                    "kept_id": kept_id,
                    "similarity": octets / sizes[row],
                    "kept_dump": dump or None,
                    "cluster_id": kept_id,
                    "step": self.step,
                    "key": int(keys[row]),
                    "kept_key": int(mine.kept_hi[first]),
                    "cluster_key": int(mine.kept_hi[first]),
                }
            )
        return pa.RecordBatch.from_pylist(found, schema=DUPLICATES) if found else None

    @staticmethod
    def _most_copied(cuts: Cuts, own: str) -> tuple[int, int] | None:
        """Gives a cut from the document that has most bytes of these passages first, and how many; None if only `own` has."""
        best: tuple[int, int] | None = None
        for document in np.unique(cuts.kept).tolist():
            mine = np.flatnonzero(cuts.kept == document)
            first = int(mine[0])
            if join_ids(cuts.kept_hi[first : first + 1], cuts.kept_lo[first : first + 1])[0].as_py() == own:
                continue
            starts, ends = cuts.starts[mine], cuts.ends[mine]
            reached = np.maximum.accumulate(ends)
            before = np.concatenate(([0], reached[:-1]))
            octets = int(np.maximum(reached - np.maximum(starts, before), 0).sum())
            if best is None or octets > best[1]:
                best = first, octets
        return best
