"""What a filter rule is: a signal, a comparison under which a document fails, and a threshold with its source. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
        return value is not None and bool(COMPARE[self.operator](value, self.threshold))


@dataclass(frozen=True)
class RuleSet:
    """A named table of rules as its authors published it."""

    name: str
    source: str
    rules: tuple[Rule, ...]
