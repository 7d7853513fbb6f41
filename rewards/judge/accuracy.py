"""How well a judge or reward model ranks answers whose order is known. Pure numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RankingAccuracy:
    """Counts over pairs of a better and a worse answer.

    Attributes:
        right: the better one has the higher score.
        wrong: the worse one has.
        ties: both have the same.
        unscored: one of the two has none; never counted as wrong.
    """

    right: int = 0
    wrong: int = 0
    ties: int = 0
    unscored: int = 0

    @property
    def accuracy(self) -> float | None:
        """Right ones among the scored, a tie as half of one; None where nothing is scored."""
        scored = self.right + self.wrong + self.ties
        return (self.right + self.ties / 2) / scored if scored else None


def rank(pairs: Iterable[tuple[float | None, float | None]]) -> RankingAccuracy:
    """Counts pairs of scores, the better answer's first."""
    right = wrong = ties = unscored = 0
    for better, worse in pairs:
        if better is None or worse is None:
            unscored += 1
        else:
            right += better > worse
            wrong += better < worse
            ties += better == worse
    return RankingAccuracy(right, wrong, ties, unscored)


@dataclass(frozen=True, slots=True)
class StyleAccuracy:
    """RM-Bench's three accuracies (arXiv 2410.16184), by how much style speaks for the wrong answer.

    Attributes:
        easy: the chosen answer has the richer style.
        normal: both have the same.
        hard: the rejected answer has the richer style.
    """

    easy: RankingAccuracy
    normal: RankingAccuracy
    hard: RankingAccuracy


def rank_by_style(
    chosen: Sequence[Sequence[float | None]], rejected: Sequence[Sequence[float | None]]
) -> StyleAccuracy:
    """Counts every chosen against every rejected answer of each prompt.

    Args:
        chosen: for each prompt the scores of its right answers, from the plainest style to the richest.
        rejected: the same of its wrong answers.
    """
    cells = [
        (i - j, (better, worse))
        for good, bad in zip(chosen, rejected, strict=True)
        for i, better in enumerate(good)
        for j, worse in enumerate(bad)
    ]
    return StyleAccuracy(
        easy=rank(pair for ahead, pair in cells if ahead > 0),
        normal=rank(pair for ahead, pair in cells if ahead == 0),
        hard=rank(pair for ahead, pair in cells if ahead < 0),
    )
