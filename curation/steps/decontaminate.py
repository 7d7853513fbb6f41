"""The step that finds documents with passages of evaluation sets, and drops or labels them, with evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.decontamination.index import Evidence, benchmark_index
from curation.model import Reading, StepOutput
from curation.steps.outcome import Mask, part, rows_of
from schemas.arrow import CONTAMINATION
from schemas.errors import RecipeError
from schemas.steps import DecontaminateRecipe, StepRecipe

CONTAMINATED = pa.field("contaminated", pa.list_(pa.field("item", pa.string())))
CONTAMINATED_WORDS = pa.field("contaminated_words", pa.int32())
_QUOTED_CHARS = 200


def reason_of(benchmark: str) -> str:
    """Gives the reason for documents with a passage of an evaluation set."""
    return f"contaminated_{benchmark}"


@dataclass
class DecontaminateStep:
    """Adds `contaminated`, the sets whose passages a document holds, and `contaminated_words`, how many words these are.

    With the action drop it rejects documents that hold any, under one reason for each set; either way each passage is evidence.
    A second such step adds its sets to the list, and its words if they are more.
    """

    name: str
    recipe: DecontaminateRecipe
    base: str
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=1, init=False)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the two columns."""
        return (CONTAMINATED, CONTAMINATED_WORDS)

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Searches the rows of the step's sources.

        Raises:
            UserError: an evaluation set cannot be read; its file is named.
        """
        names = [benchmark.name for benchmark in self.recipe.benchmarks]
        index = benchmark_index(self.recipe, Path(self.base))
        rows = rows_of(batch, self.sources)
        numbers = np.flatnonzero(rows).tolist()
        evidence, words = index.search(batch.column("text").filter(pa.array(rows)))
        hits = np.zeros((len(names), batch.num_rows), np.bool_)
        for item in evidence:
            hits[item.benchmark, numbers[item.document]] = True
        batch = _with_columns(batch, rows, [[names[n] for n in np.flatnonzero(hits[:, row])] for row in numbers], words)
        dropped = hits if self.recipe.action == "drop" else np.zeros_like(hits)
        output = part(batch, self.name, [reason_of(name) for name in names], dropped)
        if evidence:
            output.evidence = self._evidence(batch, evidence, numbers, names)
        return output

    def explain(self, text: str) -> list[Reading]:
        """Searches one text; the value of a set that is in it is its longest passage, with the item."""
        evidence, _ = benchmark_index(self.recipe, Path(self.base)).search(pa.array([text], pa.large_string()))
        longest: dict[int, Evidence] = {}
        for item in evidence:
            if item.benchmark not in longest or item.words > longest[item.benchmark].words:
                longest[item.benchmark] = item
        told = {
            self.recipe.benchmarks[number].name: f"item {item.item}: {text[item.start : item.end][:_QUOTED_CHARS]}"
            for number, item in longest.items()
        }
        return self._readings(told)

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the sets that it is labelled with."""
        labels = row.get(CONTAMINATED.name)
        return [] if labels is None else self._readings({label: label for label in labels})

    def _readings(self, found: Mapping[str, str]) -> list[Reading]:
        drops = self.recipe.action == "drop"
        return [
            Reading(
                self.name,
                CONTAMINATED.name,
                found.get(item.name),
                "holds",
                item.name,
                reason_of(item.name),
                drops and item.name in found,
            )
            for item in self.recipe.benchmarks
        ]

    def _evidence(
        self, batch: pa.RecordBatch, evidence: Sequence[Evidence], numbers: Sequence[int], names: Sequence[str]
    ) -> pa.RecordBatch:
        ids, texts = batch.column("id"), batch.column("text")
        told = {document: texts[numbers[document]].as_py() for document in {item.document for item in evidence}}
        rows = [
            {
                "id": ids[numbers[item.document]].as_py(),
                "step": self.name,
                "benchmark": names[item.benchmark],
                "item": item.item,
                "start": item.start,
                "end": item.end,
                "words": item.words,
                "text": told[item.document][item.start : item.end],
            }
            for item in evidence
        ]
        return pa.RecordBatch.from_pylist(rows, schema=CONTAMINATION)


def _with_columns(batch: pa.RecordBatch, rows: Mask, labels: list[list[str]], words: list[int]) -> pa.RecordBatch:
    """Puts the findings of the marked rows in, beside what an earlier step has found there."""
    for column, found in ((CONTAMINATED, labels), (CONTAMINATED_WORDS, words)):
        position = batch.schema.get_field_index(column.name)
        values = [None] * batch.num_rows if position < 0 else batch.column(position).to_pylist()
        for row, value in zip(np.flatnonzero(rows).tolist(), found, strict=True):
            before = values[row]
            if before is None:
                values[row] = value
            elif isinstance(value, list):
                values[row] = [*before, *(name for name in value if name not in before)]
            else:
                values[row] = max(before, value)
        array = pa.array(values, column.type)
        batch = batch.append_column(column, array) if position < 0 else batch.set_column(position, column, array)
    return batch


def build(recipe: StepRecipe, base: Path) -> DecontaminateStep:
    """Builds the step of a recipe.

    Raises:
        RecipeError: two sets of one name, or a shortest text longer than a passage.
    """
    settings = recipe.decontaminate
    if settings is None:
        raise ValueError(f"step {recipe.title!r} decontaminates nothing")
    names = [item.name for item in settings.benchmarks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError(f"step {recipe.title!r}: decontaminate: two benchmarks are called {twice!r}")
    least = min(item.ngram or settings.ngram for item in settings.benchmarks)
    if settings.min_ngram > least:
        raise RecipeError(
            f"step {recipe.title!r}: decontaminate: min_ngram is {settings.min_ngram}, more than an ngram of {least}"
        )
    return DecontaminateStep(recipe.title, settings, str(base), frozenset(recipe.sources))
