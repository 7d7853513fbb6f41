"""95 % intervals of means over prompts and of shares. Pure arithmetic, the same numbers in every process.

The unit of chance is the prompt: samples of one prompt are not independent. A mean over prompts has the percentile interval of a
bootstrap over prompts (Efron 1979). Where all prompts have the same value, as 0 or 1, no spread shows, and the interval is Wilson's
(Wilson 1927) at the number of prompts: the most careful choice.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

REPLICATES: Final = 1000
_SEED: Final = 20240917
_PERCENTILES: Final = (2.5, 97.5)
_REPLICATES_AT_A_TIME: Final = 50
_Z95: Final = 1.959963984540054


def wilson(rate: float, rows: float) -> tuple[float, float]:
    """Gives the Wilson score interval of a share.

    Args:
        rate: the share, from 0 to 1.
        rows: how many independent rows it stands on, above 0; not whole where it is an effective number.
    """
    spread = _Z95 * math.sqrt(rate * (1 - rate) / rows + _Z95**2 / (4 * rows**2))
    middle, scale = rate + _Z95**2 / (2 * rows), 1 + _Z95**2 / rows
    # Rounding may take an end past the rate itself.
    return max(0.0, min(rate, (middle - spread) / scale)), min(1.0, max(rate, (middle + spread) / scale))


def bootstrap_mean(values: Mapping[float, int]) -> tuple[float, float] | None:
    """Gives the interval of the mean over prompts.

    Prompts with equal values are drawn together, so that the work grows with distinct values and not with prompts: a draw of P
    prompts with putting back is a multinomial draw of how often each value comes.

    Args:
        values: value, from 0 to 1 -> how many prompts have it.

    Returns:
        None where there is no prompt.
    """
    prompts = sum(values.values())
    if not prompts:
        return None
    if len(values) == 1:
        return wilson(next(iter(values)), prompts)
    known = np.array(sorted(values), np.float64)
    counts = np.array([values[value] for value in known.tolist()], np.float64)
    generator = np.random.default_rng(_SEED)
    means = [
        generator.multinomial(prompts, counts / prompts, min(_REPLICATES_AT_A_TIME, REPLICATES - done))
        @ known
        / prompts
        for done in range(0, REPLICATES, _REPLICATES_AT_A_TIME)
    ]
    low, high = np.percentile(np.concatenate(means), _PERCENTILES)
    return float(low), float(high)
