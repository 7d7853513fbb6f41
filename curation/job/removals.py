"""Which documents of a shard the deduplication steps removed, and by which step. Reads the run's parts of removals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.exact import REMOVALS
from curation.job.dedup_stages import DedupFiles
from curation.job.parts import read_shard_rows
from curation.job.plan import Plan
from schemas.steps import StepRecipe
from schemas.storage import Location

#: Reasons of rejects that deduplication makes.
EXACT_DUPLICATE = "exact_duplicate"
SAME_URL = "same_url"
NEAR_DUPLICATE = "near_duplicate"
SEMANTIC_DUPLICATE = "semantic_duplicate"

_REASONS = {"text": EXACT_DUPLICATE, "url": SAME_URL, "near": NEAR_DUPLICATE, "semantic": SEMANTIC_DUPLICATE}


class RemovingStep(NamedTuple):
    """A deduplication step that removes whole documents.

    Attributes:
        title: the step's name.
        kind: `text` or `url` (exact deduplication), `near` or `semantic`.
        sources: that it is for; none means all.
    """

    title: str
    kind: str
    sources: frozenset[str]

    @property
    def reason(self) -> str:
        """The reason of its rejects."""
        return _REASONS[self.kind]


def removing_steps(plan: Plan) -> tuple[RemovingStep, ...]:
    """Gives the plan's steps that remove whole duplicates, in their order."""
    return tuple(
        RemovingStep(step.title, kind, frozenset(step.sources))
        for step in plan.dedup_steps
        if (kind := _kind(step)) is not None
    )


def _kind(step: StepRecipe) -> str | None:
    if step.exact_dedup is not None:
        return step.exact_dedup.by
    if step.near_dedup is not None:
        return "near"
    return "semantic" if step.semantic_dedup is not None else None


@dataclass(frozen=True)
class Removed:
    """The removed documents of one shard, sorted by row; each once.

    Attributes:
        rows: uint32[n], rows of the shard's candidates.
        step: int64[n], place among the removing steps of the one that removed it.
        evidence: schema `REMOVALS`, n rows.
    """

    rows: npt.NDArray[np.uint32]
    step: npt.NDArray[np.int64]
    evidence: pa.Table

    def between(self, first: int, stop: int) -> "Removed":
        """Gives those with rows `first` to `stop - 1`, counted from `first`."""
        begin, end = np.searchsorted(self.rows, [first, stop])
        rows = self.rows[begin:end] - np.uint32(first)
        return Removed(rows, self.step[begin:end], self.evidence.slice(begin, end - begin))

    def stay(self, num_rows: int, before: int | None = None) -> npt.NDArray[np.bool_]:
        """Marks which of the first `num_rows` rows no step has removed, or none of those before step `before`."""
        mask = np.ones(num_rows, np.bool_)
        mask[self.rows if before is None else self.rows[self.step < before]] = False
        return mask


@dataclass
class RemovalReader:
    """Reads what the steps of a run have removed.

    Args:
        files: of the run; all stages of the steps are done.
        steps: what `removing_steps` gives, or its beginning.
    """

    files: DedupFiles
    steps: Sequence[RemovingStep]

    def __post_init__(self) -> None:
        self._parts: list[list[Location]] | None = None

    def read(self, shard: int) -> Removed:
        """Gives the removals of one shard."""
        if self._parts is None:
            self._parts = [self._parts_of(step.kind) for step in self.steps]
        tables = [read_shard_rows(paths, shard, REMOVALS) for paths in self._parts]
        step = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
        table = pa.concat_tables([REMOVALS.empty_table(), *tables])
        # Moved evidence stands with near-deduplication's removals, but belongs to the step by text that removed the document.
        moved = table["moved"].to_numpy()
        if moved.any():
            by_text = next(number for number, item in enumerate(self.steps) if item.kind == "text")
            replaced = np.isin(table["row"].to_numpy(), table["row"].to_numpy()[moved]) & ~moved
            step[moved] = by_text
            table, step = table.filter(pa.array(~replaced)), step[~replaced]
        order = np.argsort(table["row"].to_numpy(), kind="stable")
        table = table.take(pa.array(order))
        return Removed(table["row"].to_numpy(), step[order], table)

    def _parts_of(self, kind: str) -> list[Location]:
        if kind == "semantic":
            return self.files.semantic_removals()
        return self.files.near_removals() if kind == "near" else self.files.removals_by(kind)
