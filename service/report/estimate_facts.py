"""What the page shows of estimates, as plain data. Shares are from 0 to 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KFact:
    """pass@k or cons@k: the mean over `prompts` prompts with its 95 % interval; `left_out` prompts have too few samples or scores."""

    k: int
    value: float | None
    low: float | None
    high: float | None
    prompts: int
    left_out: int


@dataclass(frozen=True)
class SettingFact:
    """The estimates of one source, model and sampling."""

    source: str
    model: str
    sampling: str
    prompts: int
    generations: int
    samples: str  # a prompt: "16", "4 to 16"
    unscored: int
    not_verified: int
    pass_at: Sequence[KFact]
    cons_at: Sequence[KFact]
    bands: Mapping[str, int]
    histogram: Sequence[tuple[str, int, str]]  # label, prompts, CSS class of the band
    without_signal: int
    mean_reward: float | None
    rewards_unscored: int


@dataclass(frozen=True)
class EstimateFact:
    """One estimate."""

    id: str
    name: str
    right: str  # what makes a sample right
    reward: str  # what the reward is made of
    advantage: str
    too_hard: float
    too_easy: float
    settings: Sequence[SettingFact]
    more_settings: int
    warnings: Sequence[str]
    files: Sequence[tuple[str, int, int]]  # path relative to the out folder, rows, bytes
