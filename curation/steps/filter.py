"""The step that judges documents by a table of thresholds over their signals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from columnar.signals import SIGNALS, measure
from curation.model import Reading, StepOutput
from curation.rules.model import FILE_KINDS, Rule
from curation.rules.tables import failing_rules, file_kind, resolve_rules
from curation.steps.outcome import Mask, as_mask, part, put_column, rows_of
from curation.steps.pages import visible_chars
from schemas.steps import StepRecipe

#: Signals of pages in source trees; null for every other file.
VISIBLE_SIGNALS = {"visible_chars": pa.int64(), "visible_char_share": pa.float64()}
#: Measured together, so any one of them tells whether a row has been measured.
_PROBE = "chars"


@dataclass
class FilterStep:
    """Adds the signals, and rejects what fails any rule, with every rule that it fails.

    Signals that an earlier step measured are taken as they are.
    """

    name: str
    rules: tuple[Rule, ...]
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=1, init=False)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives every signal of `columnar.signals`, and those of pages if a rule asks for them."""
        fields = [pa.field(name, signal.type) for name, signal in SIGNALS.items()]
        if self._needs_visible_text:
            fields += [pa.field(name, kind) for name, kind in VISIBLE_SIGNALS.items()]
        return fields

    @property
    def _needs_visible_text(self) -> bool:
        return any(rule.signal in VISIBLE_SIGNALS for rule in self.rules)

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Measures what is not measured yet and judges the rows of the step's sources."""
        rows = rows_of(batch, self.sources)
        batch = self._measured(batch, rows)
        kinds = _kinds(batch)
        if self._needs_visible_text:
            batch = _with_visible_text(batch, rows & kinds["html"])
        signals = {rule.signal: _values(batch.column(rule.signal)) for rule in self.rules}
        return part(
            batch,
            self.name,
            [rule.reason for rule in self.rules],
            failing_rules(self.rules, signals, kinds, batch.num_rows) & rows,
        )

    def explain(self, text: str, path: str | None = None) -> list[Reading]:
        """Measures one text and judges it; `path` tells the kind of file that some rules are for."""
        signals: dict[str, Any] = measure(pa.array([text], pa.large_string())).to_pylist()[0]
        if self._needs_visible_text and file_kind(path) == "html":
            signals["visible_chars"] = visible_chars(text)
            signals["visible_char_share"] = signals["visible_chars"] / max(1, signals["chars"])
        return self.readings({**signals, "path": path})

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the signals that it has, by every rule that is for its kind of file."""
        kind = file_kind(row.get("path"))
        return [
            Reading(
                self.name,
                rule.signal,
                row[rule.signal],
                rule.operator,
                rule.threshold,
                rule.reason,
                rule.fails(row[rule.signal]),
            )
            for rule in self.rules
            if rule.applies_to(kind) and row.get(rule.signal) is not None
        ]

    @staticmethod
    def _measured(batch: pa.RecordBatch, rows: Mask) -> pa.RecordBatch:
        missing = rows
        if _PROBE in batch.schema.names:
            missing = rows & as_mask(batch.column(_PROBE).is_null())
            if not missing.any():
                return batch
        texts = batch.column("text")
        measured = measure(texts if missing.all() else texts.filter(pa.array(missing)))
        for name, signal in SIGNALS.items():
            batch = put_column(batch, pa.field(name, signal.type), missing, measured.column(name))
        return batch


def _kinds(batch: pa.RecordBatch) -> dict[str, Mask]:
    """Marks the rows of each kind of file, by the end of the path."""
    paths = pc.utf8_lower(batch.column("path"))
    found = {}
    for kind, suffixes in FILE_KINDS.items():
        found[kind] = np.logical_or.reduce([as_mask(pc.ends_with(paths, suffix)) for suffix in suffixes])
    return found


def _with_visible_text(batch: pa.RecordBatch, pages: Mask) -> pa.RecordBatch:
    texts = batch.column("text").filter(pa.array(pages)).to_pylist()
    visible = np.array([visible_chars(text) for text in texts], np.int64)
    chars = batch.column("chars").filter(pa.array(pages)).to_numpy(zero_copy_only=False)
    values = {"visible_chars": visible, "visible_char_share": visible / np.maximum(chars, 1)}
    for name, kind in VISIBLE_SIGNALS.items():
        batch = put_column(batch, pa.field(name, kind), pages, pa.array(values[name], kind))
    return batch


def _values(column: pa.Array) -> npt.NDArray[np.float64]:
    """Gives a signal as floats, NaN where it was not measured."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def build(recipe: StepRecipe, _base: Path) -> FilterStep:
    """Builds the step of a recipe.

    Raises:
        RecipeError: a table, threshold or disabled reason that does not exist.
    """
    if recipe.filter is None:
        raise ValueError(f"step {recipe.title!r} filters nothing")
    rules = resolve_rules(
        recipe.filter.rules, recipe.filter.thresholds, recipe.filter.disable, f"step {recipe.title!r}"
    )
    return FilterStep(recipe.title, rules, frozenset(recipe.sources))
