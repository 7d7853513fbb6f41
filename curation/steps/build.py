"""Builds the map steps of a recipe, and runs a step so that one poisonous row cannot take its batch along. Pure."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curation.meta import locator_of
from curation.model import Fault, Reading, Step, StepOutput
from curation.rules import resolve_rules
from curation.steps.extract import ExtractStep
from curation.steps.filter import FilterStep
from curation.steps.language import LanguageStep
from schemas.errors import RecipeError, UserError
from schemas.recipe import CurateRecipe, StepRecipe

MAP_KINDS = ("extract", "language", "filter")


def build_step(recipe: StepRecipe, *, keep_pages: bool = False) -> Step:
    """Builds one map step (extract, language, filter); `step.name` is the recipe step's title.

    Args:
        recipe: the step's recipe.
        keep_pages: for extract only: a later extract step still needs the columns of pages.

    Raises:
        RecipeError: a threshold or disabled reason that the rule table does not have, or fasttext without a model.
        ValueError: the step is not a map step.
    """
    sources = frozenset(recipe.sources)
    if recipe.extract is not None:
        return ExtractStep(recipe.title, recipe.extract, sources, keep_pages=keep_pages)
    if recipe.language is not None:
        fasttext = recipe.language.engine == "fasttext"
        if fasttext != (recipe.language.model_path is not None):
            wrong = "fasttext needs a model_path" if fasttext else f"{recipe.language.engine} takes no model_path"
            raise RecipeError(f"step {recipe.title!r}: language: {wrong}")
        return LanguageStep(recipe.title, recipe.language, sources)
    if recipe.filter is not None:
        rules = resolve_rules(
            recipe.filter.rules, recipe.filter.thresholds, recipe.filter.disable, f"step {recipe.title!r}"
        )
        return FilterStep(recipe.title, rules, sources)
    raise ValueError(f"step {recipe.title!r} ({recipe.kind}) is no map step")


def build_steps(recipe: CurateRecipe) -> list[Step]:
    """Builds the map steps of the recipe in order; the dedup steps are the engine's.

    Raises:
        RecipeError: see `build_step`.
    """
    mapped = [step for step in recipe.steps if step.kind in MAP_KINDS]
    extracts = [index for index, step in enumerate(mapped) if step.kind == "extract"]
    return [build_step(step, keep_pages=bool(extracts) and index < extracts[-1]) for index, step in enumerate(mapped)]


def guarded_apply(step: Step, batch: pa.RecordBatch) -> StepOutput:
    """Applies a step; if it raises, looks for the rows that make it raise, by halves, and turns each into a fault.

    The fault's stage is the step's name, its locator the document's, its pointer the file of the locator.

    Raises:
        Exception: whatever the step raises for no rows at all: that is not a row's fault.
    """
    try:
        return step.apply(batch)
    except UserError:
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile document sets off in a library must stay with that document
        outputs = [step.apply(batch.slice(0, 0)), *_by_halves(step, batch)]
    rejects = [output.rejects for output in outputs if output.rejects is not None]
    return StepOutput(
        pa.concat_batches([output.kept for output in outputs]),
        pa.concat_batches(rejects) if rejects else None,
        [fault for output in outputs for fault in output.faults],
    )


def readings_from_row(recipe: StepRecipe, row: Mapping[str, Any]) -> list[Reading]:
    """Gives each signal of a map step against its threshold from the columns of a written row, without measuring again.

    A row of a source that the step is not for, or that was rejected before the step and has no such columns, gives none.
    """
    step = build_step(recipe)
    if step.sources and row.get("source") not in step.sources:
        return []
    return step.readings(row)


def _by_halves(step: Step, batch: pa.RecordBatch) -> list[StepOutput]:
    """Applies the step to runs of rows as long as possible; one row that raises alone becomes a fault."""
    if batch.num_rows == 1:
        return [_alone(step, batch)]
    middle = batch.num_rows // 2
    outputs = []
    for half in (batch.slice(0, middle), batch.slice(middle)):
        try:
            outputs.append(step.apply(half))
        except Exception:  # noqa: BLE001 - see guarded_apply
            outputs.extend(_by_halves(step, half))
    return outputs


def _alone(step: Step, row: pa.RecordBatch) -> StepOutput:
    try:
        return step.apply(row)
    except Exception as error:  # noqa: BLE001 - see guarded_apply
        locator = locator_of(row.column("meta")[0].as_py())
        message = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        fault = Fault(
            locator, row.column("source")[0].as_py(), step.name, message, locator.rpartition("#")[0] or locator
        )
        return StepOutput(step.apply(row.slice(0, 0)).kept, None, [fault])
