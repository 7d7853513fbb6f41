"""The `length` verifier: is the completion within its budget of tokens? Reads at most a tokenizer's file, when a setting names one.

Published length rewards are in tokens, and two things go wrong with them elsewhere: characters are counted instead, which pays one
language more than another, and the cosine is not clamped, so that a text of twice the limit is paid like an empty one. Here the
sampler's own count is taken where there is one, and beyond the limit nothing is paid, whatever the shape.
"""

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from columnar.clean import clean_text
from columnar.token_estimate import estimate_tokens
from rewards.registry import Check, verifier
from rewards.setting_types import check_choice
from rewards.verdict import Verdict

Shape = Literal["overlong", "cosine"]

OVERLONG_TOKENS: Final = 16_384
"""DAPO's expected length (2503.14476, section 4.1): up to here nothing is taken off."""

OVERLONG_CACHE: Final = 4_096
"""DAPO's soft punishment cache: over so many tokens more the reward falls by 1."""

MAX_TOKENS: Final = 4_000_000
"""No limit may be set higher."""

MAX_CHARS: Final = 4_000_000
"""A longer completion without a count of its own is not counted: `too_complex`, score 0.0."""

ESTIMATE: Final = "estimate"
"""The tokenizer that needs none: `columnar.token_estimate`."""


def soft_overlong(num_tokens: int, max_tokens: int = OVERLONG_TOKENS, cache: int = OVERLONG_CACHE) -> float:
    """Gives DAPO's soft overlong punishment: 0.0 up to `max_tokens`, falling to -1.0 over `cache` tokens more (equation 13)."""
    over = num_tokens - max_tokens
    return 0.0 if over <= 0 else -1.0 if over >= cache else -over / cache


def cosine_reward(num_tokens: int, max_tokens: int, at_zero: float, at_limit: float, beyond: float) -> float:
    """Gives the cosine length reward of 2502.03373, clamped.

    Along half a cosine from `at_zero` for no token to `at_limit` for `max_tokens`; `beyond` for every longer text. The paper's main
    run pays correct answers 2 to 1, wrong ones -10 to 0 (think longer, where you fail), and -10 to those that hit the limit.
    """
    if num_tokens > max_tokens:
        return beyond
    return at_limit + 0.5 * (at_zero - at_limit) * (1.0 + math.cos(math.pi * num_tokens / max_tokens))


@verifier("length", version=1, gold_key="tokens")
def length(
    *,
    shape: Shape = "overlong",
    max_tokens: int = OVERLONG_TOKENS,
    cache: int = OVERLONG_CACHE,
    at_zero: float = 1.0,
    at_limit: float = 0.5,
    beyond: float = 0.0,
    tokenizer: str = ESTIMATE,
) -> Check:
    """Scores the length: `correct` while nothing is taken off for it, `incorrect` with reason `overlong` beyond the limit.

    Args:
        shape: `overlong`: one plus DAPO's soft overlong punishment, so 1.0 down to 0.0; `cosine`: the clamped cosine length reward.
        max_tokens: `overlong`: tokens that cost nothing; `cosine`: the limit.
        cache: `overlong` only: over so many tokens more the score falls to 0.0. With 0 the limit is hard.
        at_zero: `cosine` only: score of no token.
        at_limit: `cosine` only: score of `max_tokens` tokens.
        beyond: `cosine` only: score of every longer completion; the least of the three.
        tokenizer: what counts where the sampler did not: `estimate`, or the path of a `tokenizer.json` (needs `tokenizers`).

    The gold is the generation's number of tokens, or None.
    """
    check = _LengthCheck(shape, max_tokens, cache, at_zero, at_limit, beyond, tokenizer)
    check.refuse_bad_settings()
    return check


class _LengthCheck(NamedTuple):
    """The check, with its settings as of `length`."""

    shape: Shape
    max_tokens: int
    cache: int
    at_zero: float
    at_limit: float
    beyond: float
    tokenizer: str

    def refuse_bad_settings(self) -> None:
        """Raises ValueError for the first setting that cannot be."""
        check_choice("shape", self.shape, Shape)
        for name, least in (("max_tokens", 1), ("cache", 0)):
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= MAX_TOKENS:
                raise ValueError(f"{name} must be a whole number from {least} to {MAX_TOKENS:,}, not {number!r}")
        for name in ("at_zero", "at_limit", "beyond"):
            score = getattr(self, name)
            if not isinstance(score, int | float) or not math.isfinite(score):
                raise ValueError(f"{name} must be a finite number, not {score!r}")
        if self.beyond > min(self.at_zero, self.at_limit):
            raise ValueError(
                f"beyond ({self.beyond:g}) pays very long completions more than others: it must be the least"
            )
        if self.tokenizer != ESTIMATE:
            _loaded(self.tokenizer)

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        if gold is not None and (not isinstance(gold, int) or isinstance(gold, bool) or gold < 0):
            return Verdict(None, "bad_gold", {"reason": "no_number_of_tokens"})
        if not completion.strip():
            return Verdict(0.0, "unparseable", {"reason": "empty_completion"})
        if gold is None and len(completion) > MAX_CHARS:
            return Verdict(0.0, "too_complex", {"reason": "too_long_to_count", "characters": len(completion)})
        tokens = count_tokens(completion, self.tokenizer) if gold is None else gold
        detail = {"tokens": tokens, "counted_by": "sampler" if gold is not None else self.tokenizer}
        return self._cosine(tokens, detail) if self.shape == "cosine" else self._overlong(tokens, detail)

    def _cosine(self, tokens: int, detail: Mapping[str, Any]) -> Verdict:
        score = cosine_reward(tokens, self.max_tokens, self.at_zero, self.at_limit, self.beyond)
        if tokens > self.max_tokens:
            return Verdict(score, "incorrect", {"reason": "overlong", **detail})
        return Verdict(score, "correct", detail)

    def _overlong(self, tokens: int, detail: Mapping[str, Any]) -> Verdict:
        score = 1.0 + soft_overlong(tokens, self.max_tokens, self.cache)
        if score == 0.0:
            return Verdict(score, "incorrect", {"reason": "overlong", **detail})
        if score < 1.0:
            return Verdict(score, "partial", {"reason": "nearly_overlong", **detail})
        return Verdict(score, "correct", detail)


def count_tokens(text: str, tokenizer: str = ESTIMATE) -> int:
    """Counts the tokens of a text by `estimate` or by a `tokenizer.json`; special tokens that a chat template adds are not counted.

    Raises:
        ValueError: the tokenizer cannot be read.
    """
    if tokenizer == ESTIMATE:
        return estimate_tokens(text)
    return len(_loaded(tokenizer).encode(clean_text(text)[0], add_special_tokens=False).ids)


@functools.lru_cache(maxsize=8)
def _loaded(path: str) -> Any:
    if not Path(path).is_file():
        raise ValueError(f"tokenizer {path!r}: no such file; give `{ESTIMATE}` or the path of a tokenizer.json")
    try:
        import tokenizers  # noqa: PLC0415 - an extra: only who names a tokenizer needs it
    except ImportError:
        raise ValueError("a named tokenizer needs the package tokenizers: pip install 'tamis[semantic]'") from None
    try:
        return tokenizers.Tokenizer.from_file(path)
    except Exception as failure:  # the library raises bare Exception
        raise ValueError(f"tokenizer {path!r}: {failure}") from failure
