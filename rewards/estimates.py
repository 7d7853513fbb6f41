"""What a group of scored samples says of its prompt: pass@k, cons@k, pass rates, advantages. Pure arithmetic.

A sample that could not be scored (None) is our failure: it is left out, never counted as wrong, and every result says how many
samples it stands on.
"""

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

Advantage = Literal["grpo", "dr_grpo", "rloo"]

BANDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The edges between none, few, some, many and all: a prompt that is always or never solved teaches a policy nothing."""

STD_FLOOR: Final = 1e-6
"""Below it all rewards of a group are the same, and so no sample is better than another."""


class Estimate(NamedTuple):
    """A number and the samples that it stands on; None where they are too few."""

    value: float | None
    num_samples: int


def pass_at_k(scores: Sequence[float | None], k: int, right: float = 1.0) -> Estimate:
    """Gives the probability that one of `k` samples drawn without putting back is right.

    The unbiased estimator of Chen et al. 2021 (2107.03374, section 2.1), 1 - C(n - c, k) / C(n, k), as a product.

    Args:
        scores: of all samples of one prompt.
        k: at least 1. With fewer scored samples than that there is no estimate.
        right: the least score that passes.

    Raises:
        ValueError: `k` is less than 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    known = [score for score in scores if score is not None]
    num, wrong = len(known), sum(score < right for score in known)
    if num < k:
        return Estimate(None, num)
    if wrong < k:
        return Estimate(1.0, num)
    return Estimate(1.0 - math.prod(1.0 - k / place for place in range(wrong + 1, num + 1)), num)


def mean_pass_at_k(prompts: Sequence[Sequence[float | None]], k: int, right: float = 1.0) -> tuple[float | None, int]:
    """Gives the mean of `pass_at_k` over prompts, and how many prompts have no estimate and are left out."""
    values = [pass_at_k(scores, k, right).value for scores in prompts]
    known = [value for value in values if value is not None]
    return (math.fsum(known) / len(known) if known else None), len(values) - len(known)


def cons_at_k(
    answers: Sequence[Hashable | None], scores: Sequence[float | None], k: int | None = None, right: float = 1.0
) -> Estimate:
    """Scores the answer on which most of the first `k` samples agree: 1.0, 0.0, or the share of winners that are right.

    As DeepSeek-R1's cons@64, but votes are counted by equivalence class: 1/2 and 0.5 are one answer.

    Args:
        answers: of each sample the class of its answer; None for one without an answer, which has no vote.
        scores: of each sample; a class is right where any of its scored samples is.
        k: how many samples vote; all by default.
        right: the least score that passes.

    Returns:
        The value (where several classes have most votes, the share of them that is right; 0.0 where nobody votes; None
        where the winners' samples are all unscored) and how many voted.

    Raises:
        ValueError: the two lists differ in length, or `k` is less than 1.
    """
    if len(answers) != len(scores):
        raise ValueError(f"{len(answers)} answers for {len(scores)} scores")
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    voters = [(answer, score) for answer, score in zip(answers[:k], scores[:k], strict=True) if answer is not None]
    votes = Counter(answer for answer, _ in voters)
    if not votes:
        return Estimate(0.0 if answers else None, 0)
    most = max(votes.values())
    verdicts = []
    for winner in (answer for answer, count in votes.items() if count == most):
        known = [score for answer, score in voters if answer == winner and score is not None]
        if known:
            verdicts.append(float(max(known) >= right))
    return Estimate(math.fsum(verdicts) / len(verdicts) if verdicts else None, len(voters))


def advantages(rewards: Sequence[float | None], kind: Advantage = "grpo") -> list[float | None]:
    """Gives each sample's advantage over its group; None for one without a reward.

    `grpo`: (r - mean) / std, with the population's deviation (DeepSeekMath, 2402.03300, section 4.1); all 0.0 where all
    rewards are the same. `dr_grpo`: r - mean (2503.20783). `rloo`: r less the mean of the others (2402.14740).

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in get_args(Advantage):
        raise ValueError(f"kind must be one of {', '.join(get_args(Advantage))}, not {kind!r}")
    known = [reward for reward in rewards if reward is not None]
    if not known:
        return [None] * len(rewards)
    mean = math.fsum(known) / len(known)
    scale = 1.0
    if kind == "grpo":
        deviation = math.sqrt(math.fsum((reward - mean) ** 2 for reward in known) / len(known))
        scale = 1.0 / deviation if deviation > STD_FLOOR else 0.0
    elif kind == "rloo":
        scale = len(known) / (len(known) - 1) if len(known) > 1 else 0.0
    return [None if reward is None else (reward - mean) * scale for reward in rewards]


def pass_rate(scores: Sequence[float | None], right: float = 1.0) -> Estimate:
    """Gives the share of the scored samples that are right."""
    known = [score for score in scores if score is not None]
    return Estimate(sum(score >= right for score in known) / len(known) if known else None, len(known))


def pass_rate_bands(rates: Sequence[float | None], edges: Sequence[float] = BANDS) -> Mapping[str, int]:
    """Counts prompts by pass rate: none right, between each two edges, all right, and those without a rate.

    Args:
        rates: of each prompt.
        edges: rising, from 0.0 to 1.0; a rate on an inner edge belongs to the band above it.

    Raises:
        ValueError: edges that do not rise from 0.0 to 1.0.
    """
    if list(edges) != sorted(set(edges)) or len(edges) < 2 or (edges[0], edges[-1]) != (0.0, 1.0):
        raise ValueError(f"edges must rise from 0 to 1, not {list(edges)}")
    names = [f"{low:g}-{high:g}" for low, high in itertools.pairwise(edges)]
    bands = dict.fromkeys(["0", *names, "1", "unscored"], 0)
    for rate in rates:
        if rate is None:
            bands["unscored"] += 1
        elif rate in (0.0, 1.0):
            bands[f"{rate:g}"] += 1
        else:
            bands[names[sum(rate >= edge for edge in edges[1:-1])]] += 1
    return bands
