"""Scores one answer by reasoning-gym, in a killable process of `rewards.pool` and nowhere else.

Where a published scorer takes a wrong answer for right, a rule of ours stands in its place (`_OURS`), found by giving every scorer the
same few texts and other problems' answers.
"""

import contextlib
import functools
import io
import math
import re
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

import reasoning_gym  # noqa: F401 - registers its datasets, once in the process that forks the workers
from reasoning_gym.factory import DATASETS

from rewards.puzzle.entries import own_answer
from rewards.puzzle.safe_text import FORMULAS, LISTS, may_be_scored, uses_exactly

NO_SCORER: Final = frozenset({"composite"})
"""A mixture of other datasets; its entries name theirs."""

_NUMBER: Final = re.compile(r"[$£€]?\s?(-?\d+(?:\.\d+)?)\s?(?:%|[A-Za-z]{1,20})?[.]?")


def handle(request: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """Scores the answer, or the entry's own answer.

    Args:
        request: `dataset`; `entry` as reasoning-gym makes it, through JSON; `config` of the dataset; and `answer`, None for the entry's own.
        note: not used: a limit is blamed on the answer, as the entry's own has been tried before.

    Returns:
        `score` (the scorer's), `refused` (the text may not reach the scorer), `failed` (what it raised), or `bad_gold` (why).
    """
    del note
    reason = _why_bad(request["dataset"], request["entry"])
    if reason:
        return {"bad_gold": reason}
    answer = own_answer(request["entry"]) if request["answer"] is None else request["answer"]
    if answer is None:
        return {"score": 1.0}  # any right answer will do and none is written: nothing to try
    if not may_be_scored(request["dataset"], answer):
        return {"refused": True}
    problem = _Problem(request["dataset"], request["entry"], request["config"])
    try:
        # Scorers print and warn.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            score = _OURS.get(request["dataset"], _published)(problem, answer)
    except (MemoryError, RecursionError):
        raise
    except Exception as failure:  # noqa: BLE001 - whatever a scorer makes of a hostile text
        return {"failed": f"{type(failure).__name__}: {failure}"[:200]}
    return {"score": score if math.isfinite(score) else 0.0}


def _why_bad(dataset: str, entry: Any) -> str:
    if dataset not in DATASETS or dataset in NO_SCORER:
        return "unknown_dataset"
    if not isinstance(entry.get("metadata"), dict):
        return "no_metadata"
    return "" if _gold_is_plain(dataset, entry) else "gold_is_not_plain"


def _gold_is_plain(dataset: str, entry: Mapping[str, Any]) -> bool:
    """Says whether what the scorer evaluates of the entry itself is plain: golds come from others' files."""
    metadata = entry["metadata"]
    texts = [str(entry.get("answer") or "")] if dataset in LISTS or dataset in FORMULAS else []
    texts += [str(metadata.get(key) or "") for key in ("integrand", "variable")] if dataset in FORMULAS else []
    return all(may_be_scored(dataset, text) for text in texts)


class _Problem:
    """An entry with the scorer of its dataset."""

    def __init__(self, dataset: str, entry: dict[str, Any], config: Mapping[str, Any]) -> None:
        self.gold = str(entry.get("answer") or "").strip()
        self.metadata: dict[str, Any] = entry["metadata"]
        self._entry = entry
        self._dataset = dataset
        self._config = tuple(sorted((key, _hashable(value)) for key, value in config.items()))

    def score(self, answer: str) -> float:
        """Gives the published score."""
        entry = self._entry
        if self._dataset in {"arc_agi", "rearc"}:  # their scorers compare tuples, which JSON makes lists
            entry = {**entry, "metadata": {**self.metadata, "output": _hashable(self.metadata["output"])}}
        return float(_dataset(self._dataset, self._config).score_answer(answer, entry))


@functools.lru_cache(maxsize=64)
def _dataset(name: str, config: tuple[tuple[str, Any], ...]) -> Any:
    make, configure = DATASETS[name]
    return make(config=configure(**dict(config)))


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _published(problem: _Problem, answer: str) -> float:
    return problem.score(answer)


def _same_word(problem: _Problem, answer: str) -> float:
    """The published scorer of game_of_life_halting compares truth values of texts: every answer is right."""
    return float(answer.strip().casefold() == problem.gold.casefold())


def _finite(problem: _Problem, answer: str) -> float:
    """The published scorer of complex_arithmetic gives 1.0 for `nan`, at any distance."""
    return 0.0 if re.search(r"nan|inf", answer, re.IGNORECASE) else problem.score(answer)


def _near(problem: _Problem, answer: str) -> float:
    """The published scorer of coin_flip gives 1.0 for `0`, a prefix of 0.375; near is near here, as a share for the small."""
    if (
        re.fullmatch(
            r"[-+]?(?:\d{1,30}(?:\.\d{1,30})?(?:[eE][-+]?\d{1,2})?|\d{1,30}/\d{1,30})", answer.strip(), re.ASCII
        )
        is None
    ):
        return 0.0
    given, wanted = Fraction(answer.strip()), Fraction(problem.gold)
    return float(abs(given - wanted) <= min(Fraction(1, 10_000), abs(wanted) / 100))


def _one_number(problem: _Problem, answer: str) -> float:
    """The published scorer of gsm_symbolic takes the first number of any text."""
    number = _NUMBER.fullmatch(answer.strip().replace(",", ""))
    return problem.score(number[1]) if number else 0.0


def _makes_24(problem: _Problem, answer: str) -> float:
    """The published scorer of puzzle24 takes any four numbers: 4*6*1*1 is right everywhere."""
    return float(uses_exactly(answer, problem.metadata["numbers"], Fraction(24)))


def _makes_target(problem: _Problem, answer: str) -> float:
    """As the published scorer of countdown, without `parse_expr`."""
    return float(uses_exactly(answer, problem.metadata["numbers"], Fraction(problem.metadata["target"])))


_OURS: Final[Mapping[str, Callable[[_Problem, str], float]]] = {
    "coin_flip": _near,
    "complex_arithmetic": _finite,
    "countdown": _makes_target,
    "game_of_life_halting": _same_word,
    "gsm_symbolic": _one_number,
    "puzzle24": _makes_24,
}
