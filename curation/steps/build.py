"""Builds the map steps of a recipe, and runs a step so that one poisonous row cannot take its batch along. Pure."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from curation.meta import locator_of
from curation.model import Fault, Reading, Step, StepOutput
from curation.rules.readings import filter_readings
from curation.rules.tables import edits_before
from curation.step_files import with_local_files
from schemas.errors import RecipeError, UserError
from schemas.recipe import CurateRecipe
from schemas.steps import StepRecipe
from schemas.stored_steps import MAP_KINDS

#: Kind of map step -> the module that holds it, which has `build(recipe, base) -> Step`. Imported when a recipe has such a step:
#: some load compiled kernels or large libraries.
_MODULES: Mapping[str, str] = MappingProxyType({kind: f"curation.steps.{kind}" for kind in MAP_KINDS})


def build_step(
    recipe: StepRecipe, base: Path | None = None, *, keep_pages: bool = False, after: Sequence[str] = ()
) -> Step:
    """Builds one map step; `step.name` is the recipe step's title. Reads no file: a step loads what it needs at its first row.

    Args:
        recipe: the step's recipe.
        base: folder that relative paths of the recipe start from; by default the current one.
        keep_pages: for extract only: a later extract step still needs the columns of pages.
        after: for filter only: the line edits of the steps before it (`rules.tables.edits_before`).

    Raises:
        RecipeError: settings that do not fit together, such as a threshold that the rule table does not have.
        ValueError: the step is not a map step.
    """
    if recipe.kind not in _MODULES:
        raise ValueError(f"step {recipe.title!r} ({recipe.kind}) is no map step")
    module = importlib.import_module(_MODULES[recipe.kind])
    context = {"after": after} if recipe.kind == "filter" else {}
    step: Step = module.build(recipe, base or Path(), **context)
    if keep_pages and recipe.extract is not None:
        step.keep_pages = True  # type: ignore[attr-defined]
    return step


def build_steps(recipe: CurateRecipe, base: Path | None = None) -> list[Step]:
    """Builds the map steps of the recipe in order; the dedup steps are the engine's. Fetches files that are in an object store.

    Raises:
        RecipeError: see `build_step`.
        UserError: see `with_local_files`.
    """
    mapped = [with_local_files(step, base or Path()) for step in recipe.steps if step.kind in MAP_KINDS]
    extracts = [index for index, step in enumerate(mapped) if step.kind == "extract"]
    built = [
        build_step(
            step,
            base,
            keep_pages=bool(extracts) and index < extracts[-1],
            after=edits_before(mapped, index),
        )
        for index, step in enumerate(mapped)
    ]
    known: set[str] = set()
    for made in built:
        for column in getattr(made, "needed", ()):
            if column not in known:
                raise RecipeError(
                    f"step {made.name!r} needs the column {column}, which no step before it makes: put a quality step with "
                    f"signal: {column.removesuffix('_score')} before it, or disable the rules over it"
                )
        known.update(item.name for item in made.output_fields())
    return built


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
    return StepOutput(
        pa.concat_batches([output.kept for output in outputs]),
        _joined([output.rejects for output in outputs]),
        [fault for output in outputs for fault in output.faults],
        _joined([output.evidence for output in outputs]),
    )


def _joined(batches: list[pa.RecordBatch | None]) -> pa.RecordBatch | None:
    there = [batch for batch in batches if batch is not None]
    return pa.concat_batches(there) if there else None


def readings_from_row(recipe: StepRecipe, row: Mapping[str, Any], before: Sequence[StepRecipe] = ()) -> list[Reading]:
    """Gives each signal of a map step against its threshold from the columns of a written row, without measuring again.

    `before` are the recipe's steps before this one: their line edits are part of the columns' names.
    A row of a source that the step is not for, or that was rejected before the step and has no such columns, gives none.
    """
    if recipe.sources and row.get("source") not in recipe.sources:
        return []
    if recipe.filter is not None:
        return filter_readings(recipe, recipe.filter, row, before)
    return build_step(recipe, after=edits_before([*before, recipe], len(before))).readings(row)


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
