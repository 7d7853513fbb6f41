"""Keeps the worst generations of every model, language and kind while rows stream by, in bounded memory. Pure."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import pyarrow as pa
from markupsafe import Markup

from service.audit.model import KINDS, Generation
from service.report.highlight import Span, excerpt

#: What has something to show.
SHOWN_KINDS: Final = KINDS[:4]
MAX_TEXT_CHARACTERS: Final = 2400
MAX_PROMPT_CHARACTERS: Final = 500
#: Samples are held for so many times those that will be shown, so that each group has its worst in the end.
_HELD_FACTOR: Final = 4

_LOOKED_AT: Final = ("model", "target", "kind", "lenient_ratio", "strict_words", "strict_target_words")

_Group = tuple[str, str, str]  # model, target, kind


@dataclass(frozen=True)
class WorstSample:
    """A generation to show: its row of `samples.parquet` without lists, and highlighted excerpts."""

    row: Mapping[str, Any]
    prompt: Markup
    text: Markup
    languages: tuple[str, ...]

    def with_prompt(self, text: str) -> "WorstSample":
        """Gives the sample with this prompt."""
        return replace(self, prompt=excerpt(text, [], MAX_PROMPT_CHARACTERS))


class _Held(NamedTuple):
    """A place in a heap whose smallest is the least bad; `tie` makes the order total and the same each time."""

    badness: tuple[float, int]
    tie: int
    sample: WorstSample


class Worst:
    """The worst generations so far."""

    def __init__(self, num_shown: int) -> None:
        """Takes how many samples will be shown at most."""
        self._num_shown = num_shown
        self._quota = num_shown
        self._heaps: dict[_Group, list[_Held]] = {}
        self._held = self._seen = 0

    def add(self, batch: pa.RecordBatch, generations: Mapping[str, Generation]) -> None:
        """Takes measured rows, and their generations by locator and id as `key_of` gives them."""
        columns = [batch[name].to_pylist() for name in _LOOKED_AT]
        for place, (model, target, kind, *numbers) in enumerate(zip(*columns, strict=True)):
            self._seen += 1
            if kind not in SHOWN_KINDS or not self._makes_room((model, target, kind), _badness(*numbers)):
                continue
            row = batch.slice(place, 1).to_pylist()[0]
            sample = _sample(row, generations[key_of(row["locator"], row["id"])])
            heapq.heappush(self._heaps[model, target, kind], _Held(_badness(*numbers), -self._seen, sample))
            self._held += 1
            while self._held > _HELD_FACTOR * self._num_shown and self._quota > 1:
                self._shrink()

    def _makes_room(self, group: _Group, badness: tuple[float, int]) -> bool:
        """Says whether a generation is among the worst of its group, and drops the least bad for it."""
        if not self._num_shown:
            return False
        if group not in self._heaps and self._quota == 1 and self._held >= _HELD_FACTOR * self._num_shown:
            return False
        heap = self._heaps.setdefault(group, [])
        if len(heap) >= self._quota:
            if (badness, -self._seen) <= heap[0][:2]:
                return False
            heapq.heappop(heap)
            self._held -= 1
        return True

    def _shrink(self) -> None:
        self._quota = max(1, self._quota // 2)
        for heap in self._heaps.values():
            while len(heap) > self._quota:
                heapq.heappop(heap)
                self._held -= 1

    def chosen(self) -> list[WorstSample]:
        """Gives the samples to show: the worst of every group, then the second of every group; the gravest kinds first."""
        ranked = [
            (place, KINDS.index(group[2]), group, held.sample)
            for group, heap in self._heaps.items()
            for place, held in enumerate(sorted(heap, reverse=True))
        ]
        ranked.sort(key=lambda entry: entry[:3])
        chosen = ranked[: self._num_shown]
        chosen.sort(key=lambda entry: (entry[1], entry[0], entry[2]))
        return [entry[3] for entry in chosen]


def key_of(locator: str, name: str) -> str:
    """Gives what tells one generation of a block from the others, ids that come twice too."""
    return f"{locator}\x1f{name}"


def _badness(lenient_ratio: float | None, words: int, target_words: int) -> tuple[float, int]:
    """The share of words that even the lenient count finds foreign, then how many words are."""
    return round(1.0 - (1.0 if lenient_ratio is None else lenient_ratio), 4), words - target_words


def _sample(row: Mapping[str, Any], generation: Generation) -> WorstSample:
    spans = [Span(span["start"], span["end"], span["language"], span["severity"]) for span in row["spans"]]
    return WorstSample(
        {name: value for name, value in row.items() if not isinstance(value, list)},
        excerpt(generation.prompt, [], MAX_PROMPT_CHARACTERS),
        excerpt(generation.text, spans, MAX_TEXT_CHARACTERS),
        tuple(dict.fromkeys(span.label for span in spans)),
    )
