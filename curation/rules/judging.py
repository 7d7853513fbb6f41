"""Judges rows of a batch by rules, from the columns that the batch has. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.rules.model import FILE_KINDS, Rule
from curation.rules.tables import failing_rules

Mask = npt.NDArray[np.bool_]


def columns_of(rules: Sequence[Rule]) -> list[str]:
    """Gives the columns that rules look at, in order."""
    return list(dict.fromkeys(name for rule in rules for name in (rule.signal, rule.when, rule.unless) if name))


def judge(
    rules: tuple[Rule, ...], batch: pa.RecordBatch, languages: Mapping[str, Mapping[str, float | None]]
) -> npt.NDArray[np.bool_]:
    """Judges every row by every rule.

    Args:
        rules: the rules, by columns; a column that the batch lacks is not measured, and fails nothing.
        batch: the rows, with `path` if a rule is for kinds of file, and `language` if there are thresholds by language.
        languages: language -> reason -> threshold for its rows, None where the rule is off.

    Returns:
        bool[len(rules), num_rows], True where the row fails.
    """
    signals = {name: values_of(batch, name) for name in columns_of(rules)}
    kinds = mark_kinds(batch, {kind for rule in rules for kind in (*rule.only, *rule.never)})
    spoken = {language: _rows_of_language(batch, language) for language in languages}
    return failing_rules(rules, signals, kinds, batch.num_rows, languages, spoken)


def mark_kinds(batch: pa.RecordBatch, kinds: Collection[str]) -> dict[str, Mask]:
    """Marks the rows of each of these kinds of file, by the end of the path."""
    paths = pc.utf8_lower(batch.column("path")) if kinds else None
    return {
        kind: np.logical_or.reduce([_mask(pc.ends_with(paths, suffix)) for suffix in FILE_KINDS[kind]])
        for kind in kinds
    }


def values_of(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64]:
    """Gives a column as floats, NaN where it was not measured."""
    if name not in batch.schema.names:
        return np.full(batch.num_rows, np.nan)
    column = batch.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _rows_of_language(batch: pa.RecordBatch, language: str) -> Mask:
    if "language" not in batch.schema.names:
        return np.zeros(batch.num_rows, np.bool_)
    return _mask(pc.equal(batch.column("language"), language))


def _mask(marks: Any) -> Mask:
    return np.asarray(pc.fill_null(marks, fill_value=False).to_numpy(zero_copy_only=False), np.bool_)
