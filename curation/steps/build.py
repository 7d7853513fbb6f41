"""Builds the map steps of a recipe, and runs a step so that one poisonous row cannot take its batch along."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curation.model import Reading, Step, StepOutput
from schemas.recipe import CurateRecipe, StepRecipe


def build_step(recipe: StepRecipe) -> Step:
    """Builds one map step (extract, language, filter); `step.name` is the recipe step's title.

    Raises:
        RecipeError: for a threshold or disabled reason that the rule table does not have.
    """
    raise NotImplementedError


def build_steps(recipe: CurateRecipe) -> list[Step]:
    """Builds the map steps of the recipe in order; the dedup steps are the engine's."""
    return [build_step(step) for step in recipe.steps if step.kind in ("extract", "language", "filter")]


def guarded_apply(step: Step, batch: pa.RecordBatch) -> StepOutput:
    """Applies a step; if it raises, applies it row by row and turns each row that still raises into a fault.

    The fault's stage is the step's name, its locator the document's locator (meta), its pointer ``id:<document id>``.
    """
    raise NotImplementedError


def readings_from_row(recipe: StepRecipe, row: Mapping[str, Any]) -> list[Reading]:
    """Gives each signal of a step against its threshold from the columns of a written row, without measuring again."""
    raise NotImplementedError
