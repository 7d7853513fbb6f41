"""Adds rows up by group (a model, a language, a model in a language) and by bucket of their prompt. Pure.

What is held is bounded: `MAX_CELLS` groups of each grouping; a row of a further group counts in the group `OTHER`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.audit.intervals import BUCKETS, Estimate, PromptCounts, bucket_of, difference, ratio, share

#: Groups of one grouping; 1,000 of them hold 20 MB.
MAX_CELLS: Final = 1000
OTHER: Final = "(other)"

#: What is added up of each row.
SUMS: Final = (
    "generations",
    "reported",
    "off_script",
    "other_language",
    "minor_only",
    "failed",
    "strict_words",
    "strict_target_words",
    "lenient_words",
    "lenient_target_words",
    "with_words",
    "ratio",
    "switches",
    "lines",
    "lines_pass",
    "words",
    "words_pass",
)
_AT: Final = {name: number for number, name in enumerate(SUMS)}

#: Measure -> (how it is estimated, sum above the line, sum below it, factor).
MEASURES: Final[Mapping[str, tuple[str, str, str, float]]] = {
    "reported": ("share", "reported", "generations", 1.0),
    "failed": ("share", "failed", "generations", 1.0),
    "off_script": ("share", "off_script", "generations", 1.0),
    "other_language": ("share", "other_language", "generations", 1.0),
    "minor_only": ("share", "minor_only", "generations", 1.0),
    "lpr": ("share", "lines_pass", "lines", 1.0),
    "wpr": ("share", "words_pass", "words", 1.0),
    "strict_ratio": ("ratio", "strict_target_words", "strict_words", 1.0),
    "lenient_ratio": ("ratio", "lenient_target_words", "lenient_words", 1.0),
    "mean_ratio": ("ratio", "ratio", "with_words", 1.0),
    "switches": ("ratio", "switches", "strict_words", 1000.0),
}


class Cells:
    """The groups of one grouping with their sums: float64[groups, BUCKETS, sums]."""

    def __init__(self, num_sums: int = len(SUMS)) -> None:
        self._places: dict[tuple[str, ...], int] = {}
        self._sums = np.zeros((0, BUCKETS, num_sums))
        self._prompts = PromptCounts()

    def add(
        self, keys: Sequence[tuple[str, ...]], values: npt.NDArray[np.float64], hashes: npt.NDArray[np.uint64]
    ) -> None:
        """Adds rows: their groups, float64[rows, sums], and the hashes of their prompts."""
        places = np.array([self._place(key) for key in keys], np.int64)
        if len(self._places) > len(self._sums):
            room = max(8, 2 * len(self._sums), len(self._places))
            self._sums = np.concatenate((self._sums, np.zeros((room - len(self._sums), *self._sums.shape[1:]))))
            self._prompts.grow(room)
        np.add.at(self._sums, (places, bucket_of(hashes)), values)
        self._prompts.add(places, hashes)

    def _place(self, key: tuple[str, ...]) -> int:
        if key not in self._places and len(self._places) >= MAX_CELLS:
            key = (OTHER,) * len(key)
        return self._places.setdefault(key, len(self._places))

    def groups(self) -> list[tuple[str, ...]]:
        """Gives the groups, in order of appearance."""
        return list(self._places)

    def sums(self, key: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """Gives a group's sums by bucket: float64[BUCKETS, sums]."""
        found: npt.NDArray[np.float64] = self._sums[self._places[key]]
        return found

    def prompts(self, key: tuple[str, ...]) -> float:
        """Gives about how many prompts a group's rows answer."""
        return self._prompts.count(self._places[key])


def measures_of(sums: npt.NDArray[np.float64], prompts: float) -> dict[str, Estimate]:
    """Gives every measure of `MEASURES` from sums by bucket."""
    found = {}
    for name, (how, above, below, factor) in MEASURES.items():
        over, under = sums[:, _AT[above]] * factor, sums[:, _AT[below]]
        found[name] = share(over, under, prompts) if how == "share" else ratio(over, under)
    return found


def difference_of(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64], measure: str) -> Estimate:
    """Gives a measure of one group less that of another."""
    _, above, below, factor = MEASURES[measure]
    sides = [(sums[:, _AT[above]] * factor, sums[:, _AT[below]]) for sums in (one, other)]
    return difference(sides[0], sides[1])


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """Gives an estimate as a JSON object, rounded to six digits: what lies beyond is chance."""

    def rounded(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.6g}")

    return {
        "value": rounded(estimate.value),
        "low": rounded(estimate.low),
        "high": rounded(estimate.high),
        "of": int(estimate.of),
    }
