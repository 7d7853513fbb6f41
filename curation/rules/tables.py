"""All rule tables by name, and how rows are judged by one.

Pure. The signals are measured elsewhere (`columnar.signals`, and `curation.steps.measures`);
so all failing rules of a document are known, and a threshold can be changed without measuring again.
"""

import difflib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.rules.c4 import C4_TABLES
from curation.rules.code import DEEPSEEK_CODER, STARCODER
from curation.rules.fineweb import FINEWEB
from curation.rules.gopher import (
    GOPHER_QUALITY,
    GOPHER_QUALITY_DATATROVE,
    GOPHER_QUALITY_DOLMA,
    GOPHER_REPETITION,
    GOPHER_REPETITION_DATATROVE,
    GOPHER_REPETITION_DOLMA,
)
from curation.rules.math import OPENWEBMATH
from curation.rules.model import COMPARE, FILE_KINDS, Rule, RuleSet
from curation.rules.refinedweb import REFINEDWEB
from schemas.errors import RecipeError
from schemas.stored_steps import FilterSettings, StepSettings

RULE_SETS: Mapping[str, RuleSet] = MappingProxyType(
    {
        item.name: item
        for item in (
            GOPHER_QUALITY,
            DEEPSEEK_CODER,
            GOPHER_QUALITY_DATATROVE,
            GOPHER_QUALITY_DOLMA,
            GOPHER_REPETITION,
            GOPHER_REPETITION_DATATROVE,
            GOPHER_REPETITION_DOLMA,
            FINEWEB,
            *C4_TABLES,
            REFINEDWEB,
            STARCODER,
            OPENWEBMATH,
        )
    }
)
#: Stands in a column's name between the line edits that came before and the signal.
AFTER = "__"


def resolve_rules(
    name: str,
    thresholds: Mapping[str, float],
    disable: Iterable[str],
    where: str = "filter",
    *,
    settings: Container[str] = (),
    after: Sequence[str] = (),
) -> tuple[Rule, ...]:
    """Gives the rules of a table with a recipe's thresholds in place and its disabled reasons left out.

    Args:
        name: the table.
        thresholds: reason -> threshold.
        disable: reasons.
        where: what an error is about.
        settings: which of the settings that rules need are given.
        after: the line edits that came before (`edits_before`); they are part of the columns' names.

    Returns:
        The rules, whose `signal`, `when` and `unless` are the columns in which the values stand.

    Raises:
        RecipeError: the table or a reason does not exist; names `where`, and the nearest one that does.
    """
    if name not in RULE_SETS:
        raise RecipeError(f"{where}: rules: no table {name!r}{_hint(name, RULE_SETS)}")
    known = {rule.reason for rule in RULE_SETS[name].rules}
    disabled = set(disable)
    for field, reasons in (("thresholds", thresholds), ("disable", disabled)):
        for reason in sorted(set(reasons) - known):
            raise RecipeError(f"{where}: {field}: {name} has no reason {reason!r}{_hint(reason, known)}")
    table = RULE_SETS[name]
    return tuple(
        replace(
            rule,
            threshold=thresholds.get(rule.reason, rule.threshold),
            signal=rule.signal if rule.given else column_of(rule.signal, table.edit, after),
            when=rule.when and column_of(rule.when, table.edit, after),
            unless=rule.unless and column_of(rule.unless, table.edit, after),
        )
        for rule in table.rules
        if rule.reason not in disabled and (not rule.needs or rule.needs in settings)
    )


def resolve_filter(recipe: FilterSettings, where: str = "filter", after: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Gives the rules of a filter step: `resolve_rules` with all of its settings.

    Raises:
        RecipeError: as `resolve_rules`; a list or tokenizer that no rule of the table needs; a reason of `languages` that is none.
    """
    given = {name for name in ("bad_words", "tokenizer") if getattr(recipe, name) is not None}
    rules = resolve_rules(recipe.rules, recipe.thresholds, recipe.disable, where, settings=given, after=after)
    table = RULE_SETS[recipe.rules].rules
    for name in sorted(given - {rule.needs for rule in table}):
        raise RecipeError(f"{where}: {name}: {recipe.rules} has no rule that needs it")
    known = {rule.reason for rule in table}
    for language, overrides in recipe.languages.items():
        for reason in sorted(set(overrides) - known):
            raise RecipeError(
                f"{where}: languages: {language}: {recipe.rules} has no reason {reason!r}{_hint(reason, known)}"
            )
    return rules


def column_of(signal: str, edit: str, after: Sequence[str]) -> str:
    """Gives the column of a signal that a table with this edit measures after other edits.

    What an edit counts is about the text before it; everything else is about the text after it, and says so in its name.
    """
    edits = (*after, edit) if edit and not signal.startswith(f"{edit}_") else tuple(after)
    return AFTER.join((*edits, signal))


def edits_before(steps: Sequence[StepSettings], index: int) -> tuple[str, ...]:
    """Gives the line edits that texts of step `index` may have gone through, in order.

    Signals are named after them, so that a signal of the text as it was read and one of the edited text are two columns.
    """
    sources = set(steps[index].sources)
    found = []
    for step in steps[:index]:
        table = RULE_SETS.get(step.filter.rules) if step.filter else None
        if table is not None and table.edit and (not sources or not step.sources or sources & set(step.sources)):
            found.append(table.edit)
    return tuple(found)


def threshold_for(
    rule: Rule, language: str | None, languages: Mapping[str, Mapping[str, float | None]]
) -> float | None:
    """Gives a rule's threshold for documents of a language; None where the rule is off for them."""
    return languages.get(language or "", {}).get(rule.reason, rule.threshold)


def file_kind(path: str | None) -> str:
    """Gives the kind of a file by its path: a key of `FILE_KINDS`, or an empty string."""
    lowered = (path or "").lower()
    return next((kind for kind, suffixes in FILE_KINDS.items() if lowered.endswith(suffixes)), "")


def failing_rules(
    rules: tuple[Rule, ...],
    signals: Mapping[str, npt.NDArray[Any]],
    kinds: Mapping[str, npt.NDArray[np.bool_]],
    num_rows: int,
    languages: Mapping[str, Mapping[str, float | None]] | None = None,
    rows_of_language: Mapping[str, npt.NDArray[np.bool_]] | None = None,
) -> npt.NDArray[np.bool_]:
    """Judges every row by every rule.

    Args:
        rules: the rules.
        signals: signal or flag -> one value a row; NaN is not measured, and fails nothing.
        kinds: kind of file -> the rows of that kind, bool[num_rows], for every kind that a rule names.
        num_rows: how many rows.
        languages: language -> reason -> threshold for documents of that language, None where the rule is off.
        rows_of_language: language -> its rows, bool[num_rows], for every key of `languages`.

    Returns:
        bool[len(rules), num_rows], True where the row fails.
    """
    failing = np.zeros((len(rules), num_rows), np.bool_)
    for index, rule in enumerate(rules):
        values = signals[rule.signal]
        fails = COMPARE[rule.operator](values, rule.threshold)
        for language, overrides in (languages or {}).items():
            if rule.reason in overrides and rows_of_language is not None:
                threshold = overrides[rule.reason]
                theirs = rows_of_language[language]
                fails = np.where(theirs, threshold is not None and COMPARE[rule.operator](values, threshold), fails)
        if rule.only:
            fails &= np.logical_or.reduce([kinds[kind] for kind in rule.only])
        for kind in rule.never:
            fails &= ~kinds[kind]
        if rule.when:
            fails &= signals[rule.when] > 0
        if rule.unless:
            fails &= signals[rule.unless] == 0
        failing[index] = fails
    return failing


def _hint(word: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    close = difflib.get_close_matches(word, listed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(listed)}"
