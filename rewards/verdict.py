"""What a verifier says about one completion. Plain data: no verifier, no file, no clock is touched here."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

Status = Literal[
    "correct",
    "incorrect",
    "partial",
    "unparseable",
    "too_complex",
    "time_limit",
    "memory_limit",
    "output_limit",
    "crash",
    "bad_gold",
    "unsupported",
    "error",
]

STATUSES: Final[tuple[str, ...]] = get_args(Status)
"""Every status, in the order of the contract."""

UNSCORED: Final[frozenset[str]] = frozenset({"bad_gold", "unsupported", "error"})
"""The statuses that are our failure, not the model's: their score is None, and no aggregate may sum past it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one verifier on one completion.

    Attributes:
        score: a finite number, 1.0 for right and 0.0 for wrong; None exactly when `status` is one of `UNSCORED`.
        status: what happened. A limit hit because of the completion is the model's failure and scores 0.0;
            a bad gold, a missing tool or a failure of ours scores None.
        detail: a JSON object that says why: the extracted answer, a named reason, spans.
        elapsed_ms: wall-clock milliseconds spent on it; in a batch, its share. The only volatile field.
    """

    score: float | None
    status: Status
    detail: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    elapsed_ms: float = 0.0

    def __post_init__(self) -> None:
        """Holds the contract between score and status.

        Raises:
            ValueError: for an unknown status, a score that is not finite, or a score that the status forbids.
        """
        if self.status not in STATUSES:
            raise ValueError(f"unknown status {self.status!r}; known: {', '.join(STATUSES)}")
        if (self.score is None) != (self.status in UNSCORED):
            raise ValueError(f"status {self.status!r} does not go with score {self.score!r}")
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError(f"score {self.score!r} is not finite; use None with a status for what is not scored")

    def timed(self, elapsed_ms: float) -> "Verdict":
        """Gives the same verdict with its time, in milliseconds."""
        return Verdict(self.score, self.status, self.detail, elapsed_ms)
