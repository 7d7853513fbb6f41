"""Steps of a finished run as its manifest tells them. Pure, and quick to import: nothing is validated again.

`tamis explain` reads a recipe that was validated when the run began; the models of `schemas.steps` take longer to load than a
document among ten million to be found. What reads a step's settings without changing them takes the protocols here, which the
models and the stored steps both have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

DEDUP_KINDS = ("exact_dedup", "near_dedup", "semantic_dedup", "span_dedup")
STEP_KINDS = ("extract", "language", "filter", "urls", "decontaminate", "pii", "quality", "mixing", *DEDUP_KINDS)
#: Steps that look at one document at a time.
MAP_KINDS = tuple(kind for kind in STEP_KINDS if kind not in DEDUP_KINDS)


class FilterSettings(Protocol):
    """The settings of a filter step that decide which rules it applies; see `schemas.steps.FilterRecipe`."""

    @property
    def rules(self) -> str: ...  # noqa: D102 - told by the recipe
    @property
    def thresholds(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def disable(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def languages(self) -> Mapping[str, Mapping[str, float | None]]: ...  # noqa: D102
    @property
    def bad_words(self) -> str | None: ...  # noqa: D102
    @property
    def tokenizer(self) -> str | None: ...  # noqa: D102


class StepSettings(Protocol):
    """What all steps have; see `schemas.steps.StepRecipe`."""

    @property
    def sources(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def filter(self) -> FilterSettings | None: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class StoredFilter:
    """A filter step's settings."""

    rules: str
    thresholds: Mapping[str, float]
    disable: Sequence[str]
    languages: Mapping[str, Mapping[str, float | None]]
    bad_words: str | None
    tokenizer: str | None


@dataclass(frozen=True)
class StoredStep:
    """A step.

    Attributes:
        title: its name in funnels, rejects and reports.
        kind: one of `STEP_KINDS`.
        sources: sources it is for; none means all.
        filter: the settings of a filter step.
        settings: the whole step, which `schemas.steps.StepRecipe` reads.
    """

    title: str
    kind: str
    sources: Sequence[str]
    filter: StoredFilter | None
    settings: Mapping[str, Any]


def stored_steps(recipe: Mapping[str, Any]) -> list[StoredStep]:
    """Gives the steps of a manifest's recipe, in order."""
    found = []
    for step in recipe["steps"]:
        kind = next(kind for kind in STEP_KINDS if step.get(kind) is not None)
        table = step["filter"] if kind == "filter" else None
        settings = table and StoredFilter(**{name: table.get(name, default) for name, default in _FILTER.items()})
        title = step.get("name") or (table["rules"] if table else kind)
        found.append(StoredStep(title, kind, step.get("sources", []), settings, step))
    return found


_FILTER: Mapping[str, Any] = {
    "rules": "",
    "thresholds": {},
    "disable": [],
    "languages": {},
    "bad_words": None,
    "tokenizer": None,
}
