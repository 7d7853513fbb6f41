"""The step that labels each document's language, and keeps some languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.model import Reading, StepOutput
from curation.steps.outcome import as_mask, part, put_column, rows_of
from schemas.arrow import DOCUMENTS
from schemas.errors import RecipeError, UserError
from schemas.steps import LanguageRecipe, StepRecipe

NOT_KEPT = "language_not_kept"
SCORE_TOO_LOW = "language_score_too_low"

if TYPE_CHECKING:
    from columnar.language import LanguageLabels

_FIELDS = (DOCUMENTS.field("language"), DOCUMENTS.field("language_score"))


@dataclass
class LanguageStep:
    """Adds `language` and `language_score`; with languages to keep, rejects the others and labels that are too unsure.

    Only the labels that are kept need be sure: with nothing to keep, the step labels and rejects nothing.
    """

    name: str
    recipe: LanguageRecipe
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=2, init=False)  # 2: the whole text is looked at
    _checked: bool = field(default=False, init=False, repr=False, compare=False)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the columns that `apply` fills."""
        return _FIELDS

    def check(self) -> None:
        """Looks whether the engine knows the candidates, and whether the model is one.

        Raises:
            UserError: it does not, or is not; the message lists what the engine knows.
        """
        from columnar.language import check_engine  # noqa: PLC0415 - its kernels; explaining a row needs none

        try:
            check_engine(self.recipe.engine, self.recipe.candidates or None, self.recipe.model_path)
        except ValueError as error:
            raise UserError(f"step {self.name!r}: language: {error}") from None

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Labels the rows of the step's sources."""
        rows = rows_of(batch, self.sources)
        texts = batch.column("text").filter(pa.array(rows))
        for item, values in zip(_FIELDS, self._labels(texts), strict=True):
            batch = put_column(batch, item, rows, values)
        if not self.recipe.keep:
            return StepOutput(batch)
        kept = pa.array(sorted(self.recipe.keep), pa.string())
        foreign = rows & ~as_mask(pc.is_in(batch.column("language"), value_set=kept))
        # Compared as float32, the type in which scores are stored: a score of 0.65 must not fail a least score of 0.65.
        unsure = rows & as_mask(pc.less(batch.column("language_score"), pa.scalar(self.recipe.min_score, pa.float32())))
        return part(batch, self.name, [NOT_KEPT, SCORE_TOO_LOW], np.stack([foreign, unsure]))

    def explain(self, text: str) -> list[Reading]:
        """Labels one text and judges it."""
        labels, scores = self._labels(pa.array([text], pa.large_string()))
        return self.readings({"language": labels[0].as_py(), "language_score": scores[0].as_py()})

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the label that it has."""
        language, score = row.get("language"), row.get("language_score")
        keep, least = self.recipe.keep, self.recipe.min_score
        if language is None:
            return []
        unsure = bool(keep) and score is not None and bool(np.float32(score) < np.float32(least))
        return [
            Reading(
                self.name,
                "language",
                language,
                "not in",
                ", ".join(keep) or None,
                NOT_KEPT,
                bool(keep) and language not in keep,
            ),
            Reading(self.name, "language_score", score, "<", least if keep else None, SCORE_TOO_LOW, unsure),
        ]

    def _labels(self, texts: pa.LargeStringArray) -> "LanguageLabels":
        if not self._checked:  # where the plan was made on another machine, or not at all
            self.check()
            self._checked = True
        recipe = self.recipe
        from columnar.language import identify  # noqa: PLC0415 - as above

        return identify(texts, recipe.engine, recipe.candidates or None, recipe.model_path, recipe.max_chars)


def build(recipe: StepRecipe, base: Path) -> LanguageStep:
    """Builds the step of a recipe.

    Raises:
        RecipeError: fasttext without a model, or a model for another engine.
    """
    settings = recipe.language
    if settings is None:
        raise ValueError(f"step {recipe.title!r} labels no language")
    fasttext = settings.engine == "fasttext"
    if fasttext != (settings.model_path is not None):
        wrong = "fasttext needs a model_path" if fasttext else f"{settings.engine} takes no model_path"
        raise RecipeError(f"step {recipe.title!r}: language: {wrong}")
    if settings.model_path is not None:
        settings = settings.model_copy(update={"model_path": str(base / settings.model_path)})
    return LanguageStep(recipe.title, settings, frozenset(recipe.sources))
