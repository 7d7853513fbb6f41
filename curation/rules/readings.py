"""A written row's signals against a table of rules, without measuring. Pure, and quick to import: nothing compiled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from curation.model import Reading
from curation.rules.model import Rule
from curation.rules.tables import edits_before, file_kind, resolve_filter, threshold_for
from schemas.stored_steps import FilterSettings, StepSettings


def filter_readings(
    step: StepSettings, settings: FilterSettings, row: Mapping[str, Any], before: Sequence[StepSettings]
) -> list[Reading]:
    """Judges a row by the rules of a filter step; `before` are the recipe's steps before it.

    Raises:
        RecipeError: see `curation.rules.tables.resolve_filter`.
    """
    after = edits_before([*before, step], len(before))
    rules = resolve_filter(settings, f"step {step.title!r}", after)
    return rule_readings(step.title, rules, row, settings.languages)


def rule_readings(
    step: str,
    rules: Iterable[Rule],
    row: Mapping[str, Any],
    languages: Mapping[str, Mapping[str, float | None]],
) -> list[Reading]:
    """Judges a row by the signals that it has, by every rule that is for its kind of file.

    Args:
        step: the step's name.
        rules: its rules, by columns.
        row: the columns of a kept or rejected row.
        languages: language -> reason -> threshold for its documents; None turns the rule off for them.
    """
    kind = file_kind(row.get("path"))
    return [
        Reading(step, rule.signal, row[rule.signal], rule.operator, threshold, rule.reason, fails)
        for rule in rules
        if rule.applies_to(kind)
        and row.get(rule.signal) is not None
        and not (rule.when and not row.get(rule.when))
        and not (rule.unless and row.get(rule.unless))
        and (threshold := threshold_for(rule, row.get("language"), languages)) is not None
        for fails in (rule.at(threshold).fails(row[rule.signal]),)
    ]
