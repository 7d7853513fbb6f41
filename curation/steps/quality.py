"""The step that scores documents by a fastText classifier, and drops those with a low score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from columnar.fasttext_classifier import load_classifier
from columnar.fasttext_model import ModelFileError, read_labels
from curation.model import Reading, StepOutput
from curation.steps.outcome import as_mask, part, put_column, rows_of
from schemas.errors import UserError
from schemas.steps import QualityRecipe, StepRecipe


@dataclass
class QualityStep:
    """Adds `<signal>_score`, the probability of the recipe's label; with a least score, rejects what is below it.

    The model is read at the first row, once a process.
    """

    name: str
    recipe: QualityRecipe
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=1, init=False)

    @property
    def column(self) -> str:
        """The score's column."""
        return f"{self.recipe.signal}_score"

    @property
    def reason(self) -> str:
        """The reason of a rejection."""
        return f"{self.recipe.signal}_too_low"

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the column that `apply` fills."""
        return [pa.field(self.column, pa.float32())]

    def check(self) -> None:
        """Reads the model's labels, and nothing else of it.

        Raises:
            UserError: the model cannot be read, or has no such label.
        """
        try:
            labels = read_labels(self.recipe.model_path)
        except ModelFileError as error:
            raise UserError(f"step {self.name!r}: {error}") from None
        if self.recipe.label not in labels:
            known = ", ".join(labels[:20]) + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")
            raise UserError(f"step {self.name!r}: the model has no label {self.recipe.label!r}; it has {known}")

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Scores the rows of the step's sources."""
        rows = rows_of(batch, self.sources)
        scores = self._scores(batch.column("text").filter(pa.array(rows)))
        batch = put_column(batch, self.output_fields()[0], rows, scores)
        if self.recipe.min_score is None:
            return StepOutput(batch)
        least = pa.scalar(self.recipe.min_score, pa.float32())  # as scores are stored: a score of 0.65 passes 0.65
        return part(batch, self.name, [self.reason], (rows & as_mask(pc.less(batch.column(self.column), least)))[None])

    def explain(self, text: str) -> list[Reading]:
        """Scores one text and judges it."""
        return self.readings({self.column: self._scores(pa.array([text], pa.large_string()))[0].as_py()})

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the score that it has."""
        score, least = row.get(self.column), self.recipe.min_score
        if score is None:
            return []
        failed = least is not None and bool(np.float32(score) < np.float32(least))
        return [Reading(self.name, self.column, score, "<", least, self.reason, failed)]

    def _scores(self, texts: pa.LargeStringArray) -> pa.FloatArray:
        try:
            model = load_classifier(self.recipe.model_path)
        except ModelFileError as error:
            raise UserError(f"step {self.name!r}: {error}") from None
        if self.recipe.label not in model.labels:
            self.check()
        if self.recipe.max_chars is not None:
            texts = pc.utf8_slice_codeunits(texts, 0, self.recipe.max_chars)
        groups = [0 if label == self.recipe.label else -1 for label in model.labels]
        return pa.array(model.probabilities(texts, groups, 1, faint=True)[:, 0], pa.float32())


def build(recipe: StepRecipe, base: Path) -> QualityStep:
    """Builds the step of a recipe; reads no file."""
    settings = recipe.quality
    if settings is None:
        raise ValueError(f"step {recipe.title!r} scores nothing")
    settings = settings.model_copy(update={"model_path": str(base / settings.model_path)})
    return QualityStep(recipe.title, settings, frozenset(recipe.sources))
