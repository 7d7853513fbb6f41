"""What a group of scored samples says of its prompt: pass@k, cons@k, pass rates, advantages. Pure arithmetic.

A sample that could not be scored (None) is our failure: it is left out, never counted as wrong, and every result says how many
samples it stands on.
"""

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

Advantage = Literal["grpo", "dr_grpo", "rloo"]
Difficulty = Literal["too_hard", "learnable", "too_easy"]

BANDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The edges between none, few, some, many and all: a prompt that is always or never solved teaches a policy nothing."""

STD_FLOOR: Final = 1e-6
"""Below it all rewards of a group are the same, and so no sample is better than another."""


class Estimate(NamedTuple):
    """A number and the samples that it stands on; None where they are too few."""

    value: float | None
    num_samples: int


class Majority(NamedTuple):
    """The answer that most samples of a prompt give.

    Attributes:
        first: the place of the first sample that gives it; of several answers with most votes, the one that comes first.
        votes: how many samples give it.
        classes: how many distinct answers there are.
        correct: whether one of its scored samples is right; None where none of them is scored.
    """

    first: int
    votes: int
    classes: int
    correct: bool | None


def pass_at_k(scores: Sequence[float | None], k: int, right: float = 1.0) -> Estimate:
    """Gives the probability that one of `k` samples drawn without putting back is right; see `pass_probability`.

    Args:
        scores: of all samples of one prompt.
        k: at least 1. With fewer scored samples than that there is no estimate.
        right: the least score that passes.

    Raises:
        ValueError: `k` is less than 1.
    """
    known = [score for score in scores if score is not None]
    return Estimate(pass_probability(len(known), sum(score >= right for score in known), k), len(known))


def pass_probability(scored: int, right: int, k: int) -> float | None:
    """Gives pass@k of a prompt with `right` of `scored` samples right; None with fewer than `k` samples.

    The unbiased estimator of Chen et al. 2021 (2107.03374, section 2.1), 1 - C(n - c, k) / C(n, k), as a product.

    Raises:
        ValueError: `k` is less than 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    wrong = scored - right
    if scored < k:
        return None
    if wrong < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / place for place in range(wrong + 1, scored + 1))


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


def cons_in_blocks(
    answers: Sequence[Hashable | None], scores: Sequence[float | None], k: int, right: float = 1.0
) -> Estimate:
    """Gives the mean of `cons_at_k` over the samples cut into blocks of `k`, in their order; what is left over is not used.

    Each block is a draw of k samples, so the mean estimates what a vote of k would give, with less chance in it than the first
    k alone. The number of samples is that in the blocks with a value; see `cons_at_k` for the rest.
    """
    if len(answers) != len(scores):
        raise ValueError(f"{len(answers)} answers for {len(scores)} scores")
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    starts = range(0, len(answers) - k + 1, k)
    values = [cons_at_k(answers[start : start + k], scores[start : start + k], right=right).value for start in starts]
    known = [value for value in values if value is not None]
    return Estimate(math.fsum(known) / len(known) if known else None, k * len(known))


def find_majority(
    answers: Sequence[Hashable | None], scores: Sequence[float | None], right: float = 1.0
) -> Majority | None:
    """Gives the answer with most votes; None where nobody has an answer. See `cons_at_k` for the arguments."""
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return None
    # A counter keeps the order in which answers came, and `max` takes the first of equals.
    winner = max(votes, key=votes.__getitem__)
    known = [score for answer, score in zip(answers, scores, strict=True) if answer == winner and score is not None]
    return Majority(answers.index(winner), votes[winner], len(votes), max(known) >= right if known else None)


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


def difficulty(rate: float, too_hard: float = 0.0, too_easy: float = 1.0) -> Difficulty:
    """Says whether a policy that solves a prompt at this rate can learn from it.

    With the defaults only prompts that are always or never solved are left out, whose group advantages are all 0: the dynamic
    sampling of DAPO (2503.14476, equation 11: 0 < right < group size).

    Args:
        rate: of `pass_rate`.
        too_hard: the highest rate that is too hard.
        too_easy: the lowest rate that is too easy.

    Raises:
        ValueError: the two do not lie apart, in order, from 0 to 1.
    """
    if not 0.0 <= too_hard < too_easy <= 1.0:
        raise ValueError(f"0 <= too_hard < too_easy <= 1 is needed, not {too_hard} and {too_easy}")
    return "too_hard" if rate <= too_hard else "too_easy" if rate >= too_easy else "learnable"


def pass_rate_bands(rates: Iterable[tuple[float | None, int]], edges: Sequence[float] = BANDS) -> Mapping[str, int]:
    """Counts prompts by pass rate: none right, between each two edges, all right, and those without a rate.

    Args:
        rates: a pass rate and how many prompts have it, any number of times.
        edges: rising, from 0.0 to 1.0; a rate on an inner edge belongs to the band above it.

    Raises:
        ValueError: edges that do not rise from 0.0 to 1.0.
    """
    if list(edges) != sorted(set(edges)) or len(edges) < 2 or (edges[0], edges[-1]) != (0.0, 1.0):
        raise ValueError(f"edges must rise from 0 to 1, not {list(edges)}")
    names = [f"{low:g}-{high:g}" for low, high in itertools.pairwise(edges)]
    bands = dict.fromkeys(["0", *names, "1", "unscored"], 0)
    for rate, prompts in rates:
        if rate is None:
            bands["unscored"] += prompts
        elif rate in (0.0, 1.0):
            bands[f"{rate:g}"] += prompts
        else:
            bands[names[sum(rate >= edge for edge in edges[1:-1])]] += prompts
    return bands
