"""The step that masks personal data and secrets in texts, or drops the documents that hold them. What was found is never kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import phonenumbers
import pyarrow as pa

from curation.model import Reading, StepOutput
from curation.pii.find import KINDS, count_findings, find_pii, mask_pii
from curation.steps.outcome import Mask, as_mask, part, put_column, rows_of
from schemas.errors import RecipeError
from schemas.steps import PiiKind, PiiRecipe, StepRecipe


def column_of(kind: PiiKind) -> pa.Field:
    """Gives the column that counts a kind."""
    return pa.field(f"pii_{kind}s", pa.int32())


def reason_of(kind: PiiKind) -> str:
    """Gives the reason for documents with a finding of a kind."""
    return f"has_{kind}"


@dataclass
class PiiStep:
    """Adds a count for each kind, and masks the findings in the text or rejects the documents with any."""

    name: str
    recipe: PiiRecipe
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=1, init=False)

    @property
    def _kinds(self) -> tuple[PiiKind, ...]:
        return tuple(kind for kind in KINDS if kind in self.recipe.kinds)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives a count for each kind that is looked for."""
        return [column_of(kind) for kind in self._kinds]

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Looks through the rows of the step's sources that have a text."""
        rows = rows_of(batch, self.sources) & as_mask(batch.column("text").is_valid())
        numbers = np.flatnonzero(rows)
        texts = batch.column("text").filter(pa.array(rows))
        counts: dict[int, dict[PiiKind, int]]
        if self.recipe.action == "mask":
            masked, counts = mask_pii(texts, self._kinds, self.recipe.regions)
            batch = _with_texts(batch, {int(numbers[row]): text for row, text in masked.items()})
        else:
            found = find_pii(texts, self._kinds, self.recipe.regions)
            counts = {row: count_findings(findings, {}) for row, findings in found.items()}
        failing = np.zeros((len(self._kinds), batch.num_rows), np.bool_)
        for at, kind in enumerate(self._kinds):
            values = np.zeros(numbers.size, np.int32)
            for row, by_kind in counts.items():
                values[row] = by_kind.get(kind, 0)
            batch = put_column(batch, column_of(kind), rows, pa.array(values))
            failing[at, numbers] = values > 0
        if self.recipe.action == "mask":
            return StepOutput(batch)
        return part(batch, self.name, [reason_of(kind) for kind in self._kinds], failing)

    def explain(self, text: str) -> list[Reading]:
        """Counts the findings of one text."""
        found = find_pii(pa.array([text], pa.large_string()), self._kinds, self.recipe.regions)
        counts = count_findings(found.get(0, ()), {})
        return self.readings({column_of(kind).name: counts.get(kind, 0) for kind in self._kinds})

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by its counts."""
        drops = self.recipe.action == "drop"
        counts = {kind: row.get(column_of(kind).name) for kind in self._kinds}
        return [
            Reading(self.name, column_of(kind).name, count, ">", 0, reason_of(kind), drops and count > 0)
            for kind, count in counts.items()
            if count is not None
        ]


def _with_texts(batch: pa.RecordBatch, texts: Mapping[int, str]) -> pa.RecordBatch:
    """Gives the batch with other texts in these rows."""
    if not texts:
        return batch
    rows: Mask = np.zeros(batch.num_rows, np.bool_)
    rows[list(texts)] = True
    position = batch.schema.get_field_index("text")
    values = pa.array([texts[row] for row in sorted(texts)], pa.large_string())
    return put_column(batch, batch.schema.field(position), rows, values)


def build(recipe: StepRecipe, _base: Path) -> PiiStep:
    """Builds the step of a recipe.

    Raises:
        RecipeError: a region whose phone numbers are not known.
    """
    settings = recipe.pii
    if settings is None:
        raise ValueError(f"step {recipe.title!r} looks for no personal data")
    unknown = next((region for region in settings.regions if region not in phonenumbers.SUPPORTED_REGIONS), None)
    if unknown is not None:
        raise RecipeError(
            f"step {recipe.title!r}: pii: no region {unknown!r}; regions are ISO 3166 codes such as US, DE"
        )
    return PiiStep(recipe.title, settings, frozenset(recipe.sources))
