"""What a filter rule is: a signal, a comparison under which a document fails, and a threshold with its source. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

Operator = Literal["<", ">"]

#: The kinds of source file that rules treat apart, by the end of the path.
FILE_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "xslt": (".xsl", ".xslt"),
        "html": (".html", ".htm", ".xhtml"),
        "json": (".json",),
        "yaml": (".yaml", ".yml"),
        "python": (".py", ".pyi", ".pyw"),
        "java": (".java",),
        "javascript": (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx"),
        "markdown": (".md", ".markdown", ".mdx"),
        "rest": (".rst", ".rest"),
        "tex": (".tex", ".sty", ".cls", ".bib"),
        "sql": (".sql",),
        "r": (".r", ".rmd"),
    }
)

#: How each operator compares; both sides may be arrays.
COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = MappingProxyType({"<": np.less, ">": np.greater})


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
        when: a flag column; the rule is only for rows where it is true.
        unless: a flag column; the rule is only for rows where it is false.
        needs: a setting of the filter step (`bad_words`, `tokenizer`) without which the rule is off.
        given: whether the signal is another step's column, and not measured by the filter step: `required`, or `optional` if the
            rule is off where there is no such column.
    """

    reason: str
    signal: str
    operator: Operator
    threshold: float
    doc: str
    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    when: str = ""
    unless: str = ""
    needs: Literal["", "bad_words", "tokenizer"] = ""
    given: Literal["", "required", "optional"] = ""

    def applies_to(self, kind: str) -> bool:
        """Tells whether the rule judges files of this kind."""
        return kind not in self.never and (not self.only or kind in self.only)

    def at(self, threshold: float) -> "Rule":
        """Gives the rule with another threshold."""
        return self if threshold == self.threshold else replace(self, threshold=threshold)

    def fails(self, value: float | None) -> bool:
        """Judges one value; a value that was not measured fails nothing."""
        return value is not None and bool(COMPARE[self.operator](value, self.threshold))


@dataclass(frozen=True)
class RuleSet:
    """A named table of rules as its authors published it.

    Attributes:
        name: what recipes call it.
        source: where it was published.
        rules: the thresholds, in the order in which reasons are listed.
        edit: the preset of `columnar.lines` by which the text is edited first; the rules judge the edited text, which stays.
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    edit: str = ""
