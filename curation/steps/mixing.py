"""The step that measures mixing of languages inside each document, and drops documents that mix too much."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from curation.model import Reading, StepOutput
from curation.rules.judging import judge
from curation.rules.mixing import mixing_rules
from curation.rules.model import Rule
from curation.rules.readings import rule_readings
from curation.steps.outcome import part, put_column, rows_of
from schemas.errors import RecipeError
from schemas.steps import MixingRecipe, StepRecipe

if TYPE_CHECKING:
    from columnar.mixing import LanguageCounts

_NO_LANGUAGE, _UNKNOWN = "zxx", "und"
# What a language column may hold; anything else is as good as nothing.
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_].*)?")
_SHARE, _COUNT = pa.float64(), pa.int64()
_FIELDS = (
    pa.field("mixing_ratio", _SHARE),
    pa.field("mixing_lenient_ratio", _SHARE),
    pa.field("mixing_off_script_share", _SHARE),
    pa.field("mixing_foreign_share", _SHARE),
    pa.field("mixing_switches", _COUNT),
    pa.field("mixing_spans", _COUNT),
    pa.field("mixing_main_language", pa.string()),
)


class _Signals(NamedTuple):
    """One document's values, in the order of `_FIELDS`."""

    ratio: float
    lenient_ratio: float
    off_script_share: float
    foreign_share: float
    switches: int
    spans: int
    main_language: str


@dataclass
class MixingStep:
    """Adds the `mixing_` signals, and rejects documents with more in other languages than the recipe allows.

    A document's language is the recipe's, else its `language` column's, else the one that most of it is in. What counts as a fragment
    of another language is decided in `columnar.mixing`.
    """

    name: str
    recipe: MixingRecipe
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=1, init=False)

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        return mixing_rules(self.recipe)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the columns that `apply` fills."""
        return _FIELDS

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Measures the rows of the step's sources, and judges them."""
        rows = rows_of(batch, self.sources)
        ours = batch if rows.all() else batch.filter(pa.array(rows))
        languages = ours.column("language") if "language" in ours.schema.names else pa.nulls(ours.num_rows, pa.string())
        measured = self._measure(ours.column("text"), languages)
        for number, item in enumerate(_FIELDS):
            values = pa.array([signals[number] for signals in measured], item.type)
            batch = put_column(batch, item, rows, values)
        failing = judge(self._rules, batch, {}) & rows
        return part(batch, self.name, [rule.reason for rule in self._rules], failing)

    def explain(self, text: str, language: str | None = None) -> list[Reading]:
        """Measures one text and judges it; `language` is what its column would say."""
        (signals,) = self._measure(pa.array([text], pa.large_string()), pa.array([language], pa.string()))
        return self.readings({item.name: value for item, value in zip(_FIELDS, signals, strict=True)})

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the signals that it has; those without a rule are told beside."""
        judged = rule_readings(self.name, self._rules, row, {})
        told = {reading.signal for reading in judged}
        return judged + [
            Reading(self.name, item.name, row[item.name], "", None, "", False)
            for item in _FIELDS
            if item.name not in told and row.get(item.name) is not None
        ]

    def _measure(self, texts: pa.LargeStringArray, languages: pa.StringArray) -> list[_Signals]:
        from columnar.mixing import consistency_batch  # noqa: PLC0415 - its kernels; explaining a row needs none

        targets = self._targets(texts, languages)
        found: list[_Signals | None] = [None] * len(texts)
        if self.recipe.compare == "scripts":
            found = _plain(texts, targets)
        left = [row for row, signals in enumerate(found) if signals is None]
        written = [texts[row].as_py() for row in left]
        read = consistency_batch(written, [targets[row] for row in left], self._candidates)
        for row, text, counts in zip(left, written, read, strict=True):
            found[row] = _signals(counts, len(text))
        return [signals for signals in found if signals is not None]

    @property
    def _candidates(self) -> Sequence[str] | None:
        if self.recipe.compare == "scripts":
            return ()
        return self.recipe.candidates or None

    def _targets(self, texts: pa.LargeStringArray, languages: pa.StringArray) -> list[str]:
        """Gives each document's language; `und` is for the detector to find, where it reads the words anyway."""
        if self.recipe.target is not None:
            return [self.recipe.target] * len(texts)
        said = [
            code if _CODE.fullmatch(code or "") and code != _NO_LANGUAGE else _UNKNOWN for code in languages.to_pylist()
        ]
        if self.recipe.compare == "words":
            return said
        from columnar.mixing_target import own_language  # noqa: PLC0415 - as above

        return [own_language(texts[row].as_py()) if code == _UNKNOWN else code for row, code in enumerate(said)]


def _plain(texts: pa.LargeStringArray, targets: Sequence[str]) -> list[_Signals | None]:
    """Gives the signals of documents without a letter of another script, found over the whole batch at once; None for the others."""
    from columnar.mixing import off_script  # noqa: PLC0415 - as above

    found: list[_Signals | None] = [None] * len(texts)
    names = np.array(targets, object)
    for target in dict.fromkeys(targets):
        if target == _UNKNOWN:
            continue
        rows = np.flatnonzero(names == target)
        counted = off_script(texts.take(pa.array(rows)), target)
        columns = (column.to_pylist() for column in (counted.letters, counted.off_script, counted.latin))
        for row, letters, foreign, latin in zip(rows.tolist(), *columns, strict=True):
            if foreign + latin == 0:
                found[row] = _Signals(1.0, 1.0, 0.0, 0.0, 0, 0, target if letters else _NO_LANGUAGE)
    return found


def _signals(counts: "LanguageCounts", num_chars: int) -> _Signals:
    reported = [span for span in counts.spans if span.severity != "minor"]
    shares = counts.strict.shares
    return _Signals(
        counts.strict.ratio,
        counts.lenient.ratio,
        counts.off_script_share,
        sum(span.end - span.start for span in reported) / max(1, num_chars),
        counts.strict.switches,
        len(reported),
        max(shares, key=shares.__getitem__) if shares else _NO_LANGUAGE,
    )


def build(recipe: StepRecipe, base: Path) -> MixingStep:  # noqa: ARG001 - every kind is built alike; this one reads no file
    """Builds the step of a recipe.

    Raises:
        RecipeError: a language that is none, or candidates where only scripts are compared.
    """
    settings = recipe.mixing
    if settings is None:
        raise ValueError(f"step {recipe.title!r} measures no mixing")
    for code in (*settings.candidates, *([settings.target] if settings.target else [])):
        if code.lower() in (_UNKNOWN, _NO_LANGUAGE):
            raise RecipeError(f"step {recipe.title!r}: mixing: {code!r} is no language")
    if settings.candidates and settings.compare == "scripts":
        raise RecipeError(f"step {recipe.title!r}: mixing: candidates need compare: words")
    return MixingStep(recipe.title, settings, frozenset(recipe.sources))
