"""The step that judges documents by a table of thresholds over their signals, and edits their lines first if the table says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from columnar.lines import LINE_EDITS, edit_lines
from columnar.signals import SIGNALS, measure
from curation.model import Reading, StepOutput
from curation.rules.judging import judge, mark_kinds
from curation.rules.model import Rule
from curation.rules.readings import rule_readings
from curation.rules.tables import AFTER, RULE_SETS, resolve_filter
from curation.steps.measures import MEASURED, MEASURES, Given, Measure
from curation.steps.outcome import Mask, as_mask, part, put_column, rows_of
from schemas.steps import StepRecipe

_BASIC = "basic"


@dataclass
class FilterStep:
    """Adds the signals, and rejects what fails any rule, with every rule that it fails.

    Signals that an earlier step measured are taken as they are. A table with line edits judges the edited text; it stays in kept rows,
    and rejects keep the text as it came in. After an edit, signals have the edit's name in theirs (`rules.tables.column_of`).

    Attributes:
        name: title of the step.
        rules: the rules, by columns.
        sources: those that the step is for; none means all.
        edit: preset of `columnar.lines`, or an empty string.
        after: edits of steps before.
        languages: language -> reason -> threshold for its documents; None turns the rule off for them.
        given: lists and tokenizers.
    """

    name: str
    rules: tuple[Rule, ...]
    sources: frozenset[str] = field(default_factory=frozenset)
    edit: str = ""
    after: tuple[str, ...] = ()
    languages: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    version: int = field(default=2, init=False)

    @cached_property
    def _edit_columns(self) -> dict[str, str]:
        """The edit's signals -> their columns."""
        if not self.edit:
            return {}
        return {name: AFTER.join((*self.after, name)) for name in LINE_EDITS[self.edit].signals}

    @cached_property
    def _prefix(self) -> str:
        """What columns of the text that is judged begin with."""
        edits = (*self.after, self.edit) if self.edit else self.after
        return "".join(f"{edit}{AFTER}" for edit in edits)

    @cached_property
    def _asked(self) -> set[str]:
        """The signals, without prefix, that rules ask for and this step measures."""
        names = {
            name for rule in self.rules for name in (not rule.given and rule.signal, rule.when, rule.unless) if name
        }
        return {name.removeprefix(self._prefix) for name in names - set(self._edit_columns.values())}

    @cached_property
    def _groups(self) -> frozenset[str]:
        """The groups of `columnar.signals` that are measured; after an edit that needs none of them, none."""
        groups = {SIGNALS[name].group for name in self._asked if name in SIGNALS}
        return frozenset(groups | ({_BASIC} if groups or not self.edit else set()))

    @cached_property
    def _measures(self) -> list[Measure]:
        return [item for item in MEASURES if self._asked & set(item.signals)]

    @property
    def needed(self) -> list[str]:
        """The columns of other steps that there must be."""
        return sorted({rule.signal for rule in self.rules if rule.given == "required"})

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the edit's signals, those of the groups that rules ask for, and the others that they ask for."""
        edit = LINE_EDITS[self.edit].signals if self.edit else {}
        fields = {self._edit_columns[name]: kind for name, (kind, _) in edit.items()}
        fields |= {f"{self._prefix}{n}": signal.type for n, signal in SIGNALS.items() if signal.group in self._groups}
        for item in self._measures:
            fields |= {f"{self._prefix}{name}": kind for name, (kind, _) in item.signals.items()}
        return [pa.field(name, kind) for name, kind in fields.items()]

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Edits the rows of the step's sources, measures what is not measured yet, and judges them."""
        rows = rows_of(batch, self.sources)
        came_in = batch.column("text")
        if self.edit:
            batch = self._edited(batch, rows)
        batch = self._measured(batch, rows, mark_kinds(batch, {item.kind for item in self._measures if item.kind}))
        failing = judge(self.rules, batch, self.languages) & rows
        output = part(batch, self.name, [rule.reason for rule in self.rules], failing)
        if self.edit and output.rejects is not None:
            position = output.rejects.schema.get_field_index("text")
            as_it_came = came_in.filter(pa.array(failing.any(axis=0)))
            output.rejects = output.rejects.set_column(position, output.rejects.schema.field(position), as_it_came)
        return output

    def explain(self, text: str, path: str | None = None, language: str | None = None) -> list[Reading]:
        """Edits, measures and judges one text; `path` tells the kind of file and `language` whose thresholds hold."""
        row = {"text": text, "path": path, "language": language, "source": next(iter(self.sources), "")}
        schema = pa.schema([(name, pa.string()) for name in row]).set(0, pa.field("text", pa.large_string()))
        batch = pa.RecordBatch.from_pylist([row], schema)
        output = self.apply(batch)
        judged = output.kept if output.rejects is None else output.rejects
        return self.readings(judged.to_pylist()[0])

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the signals that it has, by every rule that is for its kind of file."""
        return rule_readings(self.name, self.rules, row, self.languages)

    def _edited(self, batch: pa.RecordBatch, rows: Mask) -> pa.RecordBatch:
        texts = batch.column("text")
        edited, signals = edit_lines(texts if rows.all() else texts.filter(pa.array(rows)), self.edit)
        batch = put_column(batch, batch.schema.field("text"), rows, edited)
        for name, column in self._edit_columns.items():
            batch = put_column(batch, pa.field(column, signals.schema.field(name).type), rows, signals.column(name))
        return batch

    def _measured(self, batch: pa.RecordBatch, rows: Mask, kinds: Mapping[str, Mask]) -> pa.RecordBatch:
        by_group: dict[tuple[bytes, int], tuple[Mask, list[str]]] = {}
        for group in sorted(self._groups):
            # A group is measured as a whole, so any of its signals tells whether a row has been measured.
            probe = next(name for name, signal in SIGNALS.items() if signal.group == group)
            missing = self._missing(batch, rows, probe)
            if missing.any() or f"{self._prefix}{probe}" not in batch.schema.names:
                by_group.setdefault((missing.tobytes(), missing.size), (missing, []))[1].append(group)
        for missing, groups in by_group.values():
            measured = measure(_texts(batch, missing), groups)
            batch = self._put(batch, missing, {name: measured.column(name) for name in measured.schema.names})
        for item in self._measures:
            missing = self._missing(batch, rows & kinds[item.kind] if item.kind else rows, next(iter(item.signals)))
            texts = _texts(batch, missing)
            batch = self._put(batch, missing, item.run(texts, batch.filter(pa.array(missing)), self.given))
        return batch

    def _missing(self, batch: pa.RecordBatch, rows: Mask, signal: str) -> Mask:
        column = f"{self._prefix}{signal}"
        return rows & as_mask(batch.column(column).is_null()) if column in batch.schema.names else rows

    def _put(self, batch: pa.RecordBatch, rows: Mask, values: Mapping[str, pa.Array]) -> pa.RecordBatch:
        for name, column in values.items():
            kind = SIGNALS[name].type if name in SIGNALS else MEASURED[name][0]
            batch = put_column(batch, pa.field(f"{self._prefix}{name}", kind), rows, column)
        return batch


def _texts(batch: pa.RecordBatch, rows: Mask) -> pa.LargeStringArray:
    texts = batch.column("text")
    return texts if rows.all() else texts.filter(pa.array(rows))


def build(recipe: StepRecipe, base: Path, after: Sequence[str] = ()) -> FilterStep:
    """Builds the step of a recipe.

    Args:
        recipe: the step.
        base: folder that its paths start from.
        after: the line edits of the steps before it.

    Raises:
        RecipeError: a table, threshold or disabled reason that does not exist; a list that no rule needs.
    """
    settings = recipe.filter
    if settings is None:
        raise ValueError(f"step {recipe.title!r} filters nothing")
    rules = resolve_filter(settings, f"step {recipe.title!r}", after)
    paths = [None if path is None else str(base / path) for path in (settings.bad_words, settings.tokenizer)]
    return FilterStep(
        recipe.title,
        rules,
        frozenset(recipe.sources),
        RULE_SETS[settings.rules].edit,
        tuple(after),
        settings.languages,
        Given(*paths),
    )
