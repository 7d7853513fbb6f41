"""All rule tables by name, and how rows are judged by one.

Pure. The signals are measured elsewhere (`columnar.signals`, and `curation.steps.filter` for those of pages in source trees);
so all failing rules of a document are known, and a threshold can be changed without measuring again.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.rules.code import DEEPSEEK_CODER
from curation.rules.gopher import GOPHER_QUALITY
from curation.rules.model import COMPARE, FILE_KINDS, Rule, RuleSet
from schemas.errors import RecipeError

RULE_SETS: Mapping[str, RuleSet] = MappingProxyType({item.name: item for item in (GOPHER_QUALITY, DEEPSEEK_CODER)})


def resolve_rules(
    name: str, thresholds: Mapping[str, float], disable: Iterable[str], where: str = "filter"
) -> tuple[Rule, ...]:
    """Gives the rules of a table with a recipe's thresholds in place and its disabled reasons left out.

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
    return tuple(
        replace(rule, threshold=thresholds.get(rule.reason, rule.threshold))
        for rule in RULE_SETS[name].rules
        if rule.reason not in disabled
    )


def file_kind(path: str | None) -> str:
    """Gives the kind of a file by its path: a key of `FILE_KINDS`, or an empty string."""
    lowered = (path or "").lower()
    return next((kind for kind, suffixes in FILE_KINDS.items() if lowered.endswith(suffixes)), "")


def failing_rules(
    rules: tuple[Rule, ...],
    signals: Mapping[str, npt.NDArray[Any]],
    kinds: Mapping[str, npt.NDArray[np.bool_]],
    num_rows: int,
) -> npt.NDArray[np.bool_]:
    """Judges every row by every rule.

    Args:
        rules: the rules.
        signals: signal -> one value a row; NaN is not measured, and fails nothing.
        kinds: kind of file -> the rows of that kind, bool[num_rows], for every key of `FILE_KINDS`.
        num_rows: how many rows.

    Returns:
        bool[len(rules), num_rows], True where the row fails.
    """
    failing = np.zeros((len(rules), num_rows), np.bool_)
    for index, rule in enumerate(rules):
        fails = COMPARE[rule.operator](signals[rule.signal], rule.threshold)
        if rule.only:
            fails &= np.logical_or.reduce([kinds[kind] for kind in rule.only])
        for kind in rule.never:
            fails &= ~kinds[kind]
        failing[index] = fails
    return failing


def _hint(word: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    close = difflib.get_close_matches(word, listed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(listed)}"
