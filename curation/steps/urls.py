"""The step that judges documents by their address: lists of domains and URLs, and words in the address.

The rules are those of datatrove's URL filter (RefinedWeb, arXiv 2306.01116, G.1), over our own reading of an address (`curation.urls`).
Lists are read at the first row, once a process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curation.model import Reading, StepOutput
from curation.steps.measures import read_list
from curation.steps.outcome import part, put_column, rows_of
from curation.urls import domains_of, normalise_host, normalise_url, read_address, words_of
from schemas.errors import RecipeError
from schemas.steps import StepRecipe, UrlsRecipe

BLOCKED_DOMAIN = "blocked_domain"
BLOCKED_URL = "blocked_url"
BANNED_WORD = "banned_word_in_url"
BANNED_SUBWORD = "banned_subword_in_url"
SOFT_WORDS = "too_many_soft_banned_words_in_url"

#: What the step writes of each address.
URL_SIGNALS = {
    "url_host": pa.string(),  # as in the normal form
    "url_blocked_domain": pa.string(),  # the entry of the list that the host is, or lies under
    "url_blocked": pa.bool_(),  # the address is in the list of URLs
    "url_banned_word": pa.string(),  # the first of the banned words that is one of the address
    "url_banned_subword": pa.string(),  # a banned subword that stands in it
    "url_soft_banned_words": pa.int64(),  # how many of the soft banned words are words of the address
}
_LISTS = ("blocked_domains", "blocked_urls", "banned_words", "banned_subwords", "soft_banned_words")
_REASONS = (BLOCKED_DOMAIN, BLOCKED_URL, BANNED_WORD, SOFT_WORDS, BANNED_SUBWORD)
_PREFIX = 3


class _Subwords(NamedTuple):
    """Subwords by their first characters, so that a place of an address is looked at once."""

    short: tuple[str, ...]
    by_prefix: Mapping[str, tuple[str, ...]]

    def find(self, text: str) -> str | None:
        """Gives a subword that stands in the text."""
        for word in self.short:
            if word in text:
                return word
        for at in range(len(text) - _PREFIX + 1) if self.by_prefix else ():
            for word in self.by_prefix.get(text[at : at + _PREFIX], ()):
                if text.startswith(word, at):
                    return word
        return None


@lru_cache(maxsize=32)
def _domains(path: str) -> frozenset[str]:
    hosts = (normalise_host(line) for line in read_list(path))
    return frozenset(host for host in hosts if host)


@lru_cache(maxsize=32)
def _addresses(path: str) -> frozenset[str]:
    return frozenset(normalise_url(line if "://" in line else f"http://{line}") for line in read_list(path))


@lru_cache(maxsize=32)
def _words(path: str) -> frozenset[str]:
    joined = ("".join(words_of(line)) for line in read_list(path))
    return frozenset(word for word in joined if word)


@lru_cache(maxsize=32)
def _subwords(path: str) -> _Subwords:
    by_prefix: dict[str, list[str]] = {}
    for word in sorted(_words(path)):
        by_prefix.setdefault(word[:_PREFIX], []).append(word)
    short = tuple(prefix for prefix in by_prefix if len(prefix) < _PREFIX)
    return _Subwords(short, {p: tuple(words) for p, words in by_prefix.items() if len(p) == _PREFIX})


@dataclass
class UrlsStep:
    """Adds what the lists say of each document's `url`, and rejects those that they name. Documents without a URL pass.

    Attributes:
        name: title of the step.
        recipe: its settings; paths are absolute or start from the current folder.
        sources: those that the step is for; none means all.
    """

    name: str
    recipe: UrlsRecipe
    sources: frozenset[str] = field(default_factory=frozenset)
    version: int = field(default=1, init=False)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives the columns of `URL_SIGNALS`."""
        return [pa.field(name, kind) for name, kind in URL_SIGNALS.items()]

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Judges the rows of the step's sources that have a URL."""
        rows = rows_of(batch, self.sources)
        urls = batch.column("url").filter(pa.array(rows)).to_pylist()
        found = [dict.fromkeys(URL_SIGNALS) if url is None else self._look(url) for url in urls]
        for name, kind in URL_SIGNALS.items():
            batch = put_column(batch, pa.field(name, kind), rows, pa.array([item[name] for item in found], kind))
        failing = np.zeros((len(_REASONS), batch.num_rows), np.bool_)
        for place, values in zip(np.flatnonzero(rows), found, strict=True):
            failing[:, place] = [failed for *_, failed in self._judged(values)]
        return part(batch, self.name, _REASONS, failing)

    def _judged(self, values: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
        """Gives (signal, operator, reason, failed) of each rule, in the order of `_REASONS`."""
        soft = values["url_soft_banned_words"]
        return [
            ("url_blocked_domain", "in", BLOCKED_DOMAIN, values["url_blocked_domain"] is not None),
            ("url_blocked", "is", BLOCKED_URL, bool(values["url_blocked"])),
            ("url_banned_word", "in", BANNED_WORD, values["url_banned_word"] is not None),
            ("url_soft_banned_words", ">=", SOFT_WORDS, soft is not None and soft >= self.recipe.soft_threshold),
            ("url_banned_subword", "in", BANNED_SUBWORD, values["url_banned_subword"] is not None),
        ]

    def _look(self, url: str) -> dict[str, Any]:
        settings, address = self.recipe, read_address(url)
        domain = None
        if settings.blocked_domains and address.host:
            listed = _domains(settings.blocked_domains)
            domain = next((name for name in domains_of(address.host) if name in listed), None)
        banned = address.words & _words(settings.banned_words) if settings.banned_words else ()
        soft = address.words & _words(settings.soft_banned_words) if settings.soft_banned_words else ()
        subword = _subwords(settings.banned_subwords).find(address.squeezed) if settings.banned_subwords else None
        return {
            "url_host": address.host,
            "url_blocked_domain": domain,
            "url_blocked": settings.blocked_urls is not None and address.normal in _addresses(settings.blocked_urls),
            "url_banned_word": min(banned, default=None),
            "url_banned_subword": subword,
            "url_soft_banned_words": len(soft),
        }

    def explain(self, text: str) -> list[Reading]:
        """Judges an address; a URL is not in a document's text, so `text` is the URL itself."""
        return self.readings(self._look(text))

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by what was found of its address; nothing for a row without one."""
        if row.get("url_blocked") is None:
            return []
        thresholds: dict[str, float | str] = {SOFT_WORDS: float(self.recipe.soft_threshold), BLOCKED_URL: "true"}
        return [
            Reading(
                self.name,
                signal,
                str(row[signal]).lower() if signal == "url_blocked" else row[signal],
                operator,
                thresholds.get(reason, "the list"),
                reason,
                failed,
            )
            for signal, operator, reason, failed in self._judged(row)
        ]


def build(recipe: StepRecipe, base: Path) -> UrlsStep:
    """Builds the step of a recipe.

    Raises:
        RecipeError: no list at all.
    """
    settings = recipe.urls
    if settings is None:
        raise ValueError(f"step {recipe.title!r} judges no addresses")
    given = {name: str(base / path) for name in _LISTS if (path := getattr(settings, name)) is not None}
    if not given:
        raise RecipeError(f"step {recipe.title!r}: urls: needs at least one of {', '.join(_LISTS)}")
    return UrlsStep(recipe.title, settings.model_copy(update=given), frozenset(recipe.sources))
