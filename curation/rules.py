"""The filter rules as tables: a rule is a signal, a comparison under which a document fails, and a threshold with its source.

Pure. The signals are measured elsewhere (`columnar.signals`, and `curation.steps.filter` for those of pages in source trees);
so all failing rules of a document are known, and a threshold can be changed without measuring again.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import RecipeError

Operator = Literal["<", ">"]

#: The kinds of source file that rules treat apart, by the end of the path.
FILE_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "xslt": (".xsl", ".xslt"),
        "html": (".html", ".htm", ".xhtml"),
        "json": (".json",),
        "yaml": (".yaml", ".yml"),
    }
)

_COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = MappingProxyType({"<": np.less, ">": np.greater})


@dataclass(frozen=True)
class Rule:
    """One threshold.

    Attributes:
        reason: what is wrong with a document that fails.
        signal: the column that is compared.
        operator: the comparison under which the document fails: value `operator` threshold.
        threshold: in the signal's unit; a flag is 0 or 1.
        doc: the rule in words.
        only: kinds of file (`FILE_KINDS`) that the rule is for; none means all.
        never: kinds of file that the rule is not for.
    """

    reason: str
    signal: str
    operator: Operator
    threshold: float
    doc: str
    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    def applies_to(self, kind: str) -> bool:
        """Tells whether the rule judges files of this kind."""
        return kind not in self.never and (not self.only or kind in self.only)

    def fails(self, value: float | None) -> bool:
        """Judges one value; a value that was not measured fails nothing."""
        return value is not None and bool(_COMPARE[self.operator](value, self.threshold))


@dataclass(frozen=True)
class RuleSet:
    """A named table of rules as its authors published it."""

    name: str
    source: str
    rules: tuple[Rule, ...]


_DATA_FILES = frozenset({"json", "yaml"})
_PAGES = frozenset({"html"})

_GOPHER_QUALITY = RuleSet(
    "gopher_quality",
    "Rae et al. 2021, arXiv 2112.11446, A.1.1",
    (
        Rule("too_few_words", "words", "<", 50, "at least 50 words"),
        Rule("too_many_words", "words", ">", 100_000, "at most 100,000 words"),
        Rule("words_too_short", "mean_word_length", "<", 3, "at least 3 characters a word on average"),
        Rule("words_too_long", "mean_word_length", ">", 10, "at most 10 characters a word on average"),
        Rule("too_many_hashes", "hash_to_word_ratio", ">", 0.1, "at most one # for 10 words"),
        Rule("too_many_ellipses", "ellipsis_to_word_ratio", ">", 0.1, "at most one ellipsis for 10 words"),
        Rule("too_many_bullet_lines", "bullet_line_share", ">", 0.9, "at most 90 % of the lines start with a bullet"),
        Rule(
            "too_many_ellipsis_lines", "ellipsis_line_share", ">", 0.3, "at most 30 % of the lines end in an ellipsis"
        ),
        Rule("too_few_alphabetic_words", "alpha_word_share", "<", 0.8, "at least 80 % of the words have a letter"),
        Rule("too_few_stop_words", "stop_words", "<", 2, "at least 2 of the, be, to, of, and, that, have, with"),
    ),
)

_DEEPSEEK_CODER = RuleSet(
    "deepseek_coder",
    "Guo et al. 2024, arXiv 2401.14196, 2.1",
    (
        Rule("lines_too_long", "mean_line_length", ">", 100, "at most 100 characters a line on average"),
        Rule("longest_line_too_long", "max_line_length", ">", 1000, "at most 1000 characters in the longest line"),
        Rule("too_few_letters", "alpha_char_share", "<", 0.25, "at least 25 % of the characters are alphabetic"),
        Rule(
            "xml_declaration",
            "xml_declaration",
            ">",
            0,
            "no `<?xml version=` in the first 100 characters, XSLT apart",
            never=frozenset({"xslt"}),
        ),
        Rule(
            "too_small_visible_share",
            "visible_char_share",
            "<",
            0.2,
            "HTML: visible text is at least 20 % of the file",
            only=_PAGES,
        ),
        Rule(
            "too_little_visible_text",
            "visible_chars",
            "<",
            100,
            "HTML: at least 100 characters of visible text",
            only=_PAGES,
        ),
        Rule("data_file_too_short", "chars", "<", 50, "JSON and YAML: at least 50 characters", only=_DATA_FILES),
        Rule("data_file_too_long", "chars", ">", 5000, "JSON and YAML: at most 5000 characters", only=_DATA_FILES),
    ),
)

RULE_SETS: Mapping[str, RuleSet] = MappingProxyType({item.name: item for item in (_GOPHER_QUALITY, _DEEPSEEK_CODER)})


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
        fails = _COMPARE[rule.operator](signals[rule.signal], rule.threshold)
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
