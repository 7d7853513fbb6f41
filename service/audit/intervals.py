"""Shares and ratios with 95 % intervals when several samples answer one prompt and so are not independent. Pure.

The unit of chance is the prompt. Rows are added up by bucket of their prompt's hash, so that memory does not grow with prompts and
all rows of a prompt meet; sums over whole prompts are independent of each other, and sums over buckets of prompts too.

- A share of generations has Wilson's interval (Wilson 1927) at the effective number of generations: the number divided by the design
  effect (Kish 1965), which is the variance between buckets over the variance that independent rows would have, at least 1. Where
  nobody or everybody has the property, no variance shows, and the number of prompts is taken: the most careful choice.
- A ratio of sums, as target words to words, has the percentile interval of a bootstrap over buckets (Efron 1979): it takes in that
  long texts weigh more, and stays between 0 and 1 where a normal interval around .998 would not.
"""

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rewards.intervals import REPLICATES, wilson

#: Prompts are put into so many buckets by hash. So many sums tell a standard error to about 6 %.
BUCKETS: Final = 128
_SEED: Final = 20240917
_PERCENTILES: Final = (2.5, 97.5)


class Estimate(NamedTuple):
    """A number with its 95 % interval; None where the data say nothing. `of` is the sum below the line."""

    value: float | None
    low: float | None
    high: float | None
    of: float


def share(having: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], prompts: float) -> Estimate:
    """Gives the share of rows that have a property.

    Args:
        having: float64[BUCKETS], rows with the property.
        rows: float64[BUCKETS], all rows.
        prompts: how many prompts they answer, about.
    """
    total = float(rows.sum())
    if not total:
        return Estimate(None, None, None, 0)
    rate = float(having.sum()) / total
    low, high = wilson(rate, _effective(having, rows, rate, prompts))
    return Estimate(rate, low, high, total)


def _effective(having: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], rate: float, prompts: float) -> float:
    total = float(rows.sum())
    independent = rate * (1 - rate) / total
    if not independent:
        return max(1.0, min(total, prompts))
    occupied = int((rows > 0).sum())
    if occupied < 2:
        return 1.0
    between = occupied / (occupied - 1) * float(((having - rate * rows) ** 2).sum()) / total**2
    return total / max(1.0, between / independent)


def ratio(above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> Estimate:
    """Gives the ratio of two sums over rows, both float64[BUCKETS]; no interval where all rows are of one bucket."""
    total = float(below.sum())
    if not total:
        return Estimate(None, None, None, 0)
    value = float(above.sum()) / total
    if (below > 0).sum() < 2:
        return Estimate(value, None, None, total)
    low, high = np.percentile(_replicates(above, below), _PERCENTILES)
    return Estimate(value, float(low), float(high), total)


def difference(
    one: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    other: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> Estimate:
    """Gives the first ratio less the second, each as (above, below) of `ratio`.

    The same buckets are drawn for both, so that prompts that both answered count as pairs.
    """
    sums = [(float(above.sum()), float(below.sum())) for above, below in (one, other)]
    if not all(below for _, below in sums):
        return Estimate(None, None, None, 0)
    value = sums[0][0] / sums[0][1] - sums[1][0] / sums[1][1]
    of = min(below for _, below in sums)
    if any((below > 0).sum() < 2 for _, below in (one, other)):
        return Estimate(value, None, None, of)
    weights = _weights()
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (weights @ one[0]) / (weights @ one[1]) - (weights @ other[0]) / (weights @ other[1])
    low, high = np.percentile(drawn[np.isfinite(drawn)], _PERCENTILES)
    return Estimate(value, float(low), float(high), of)


def _replicates(above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = _weights()
    bottom = weights @ below
    drawn = bottom > 0  # a draw may miss the few buckets that there are
    found: npt.NDArray[np.float64] = (weights @ above)[drawn] / bottom[drawn]
    return found


@cache
def _weights() -> npt.NDArray[np.float64]:
    """Gives how often each replicate draws each bucket: float64[REPLICATES, BUCKETS], the same in every process."""
    drawn = np.random.default_rng(_SEED).multinomial(BUCKETS, np.full(BUCKETS, 1 / BUCKETS), REPLICATES)
    return drawn.astype(np.float64)


class PromptCounts:
    """Counts distinct prompts in each of several cells from their hashes, about: HyperLogLog (Flajolet 2007) of `BUCKETS` registers.

    Up to a few hundred prompts the count is by empty registers and within some percent; beyond, the standard error is 9 %.
    """

    def __init__(self) -> None:
        self._registers = np.zeros((0, BUCKETS), np.uint8)

    def grow(self, cells: int) -> None:
        """Makes room for so many cells."""
        fresh = np.zeros((max(0, cells - len(self._registers)), BUCKETS), np.uint8)
        self._registers = np.concatenate((self._registers, fresh))

    def add(self, cells: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]) -> None:
        """Takes the hashes of rows' prompts, each for the cell beside it."""
        rest = (hashes >> np.uint64(7)).astype(np.float64)
        # 57 bits are left: the rank is the place of the highest one from the left, from 1.
        rank = np.clip(57 - np.floor(np.log2(np.maximum(rest, 1.0))), 1, 58).astype(np.uint8)
        np.maximum.at(self._registers, (cells, bucket_of(hashes)), rank)

    def count(self, cell: int) -> float:
        """Gives how many there were in a cell."""
        registers = self._registers[cell].astype(np.float64)
        raw = 0.7213 / (1 + 1.079 / BUCKETS) * BUCKETS**2 / float((2.0**-registers).sum())
        empty = int((registers == 0).sum())
        return BUCKETS * math.log(BUCKETS / empty) if empty and raw <= 2.5 * BUCKETS else raw


def bucket_of(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Gives the bucket of each prompt by its 64-bit hash."""
    return (hashes & np.uint64(BUCKETS - 1)).astype(np.int64)
