"""The `repetition` verifier: does the completion say the same again and again? Text alone decides, in any script.

`columnar.loops` measures; the score is one less the share of the completion that is repeated: words in a run of `ngram` words that
stood before, or the bytes of a loop at the end after its first turn, whichever is more. DeepSeek-R1 names repetition among what its
cold-start data were freed of, and publishes no parameters: those here are ours. Restating a question or a formula costs little; a
generation that hangs in a loop until its tokens run out costs nearly all.
"""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from columnar.clean import clean_text
from columnar.loops import Repetition, measure_repetition
from rewards.registry import Check, verifier
from rewards.verdict import Verdict

NGRAM: Final = 20
"""Words in a row: long enough that honest text hardly repeats one but to quote."""

MAX_SHARE: Final = 0.2
"""Up to this share a completion is `correct`."""


class _RepetitionCheck:
    def __init__(self, ngram: int, max_share: float) -> None:
        self._ngram = ngram
        self._max_share = max_share

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], _golds: Sequence[Any], /) -> list[Verdict]:
        cleaned = [clean_text(completion)[0] for completion in completions]
        distinct = {text: place for place, text in enumerate(dict.fromkeys(cleaned))}
        found = measure_repetition(pa.array(list(distinct), pa.large_string()), self._ngram)
        verdicts = [self._judge(text, found, place) for text, place in distinct.items()]
        return [verdicts[distinct[text]] for text in cleaned]

    def _judge(self, text: str, found: Repetition, place: int) -> Verdict:
        if not text.strip():
            return Verdict(0.0, "unparseable", {"reason": "empty_completion"})
        words, period = int(found.words[place]), int(found.loop_period[place])
        data = text.encode()
        size, start = len(data), int(found.loop_start[place])
        ngram_share = int(found.repeated_words[place]) / max(1, words)
        loop_share = max(0, size - start - period) / size if period else 0.0
        score = 1.0 - max(ngram_share, loop_share)
        detail: dict[str, Any] = {"words": words, "repeated_ngram_share": ngram_share, "loop_share": loop_share}
        if period:
            piece = data[start : start + period].decode(errors="ignore")
            detail["loop"] = {"text": piece[:200], "turns": round((size - start) / period, 1)}
        if 1.0 - score <= self._max_share:
            return Verdict(score, "correct", detail)
        return Verdict(
            score, "partial" if score > 0 else "incorrect", {"reason": "loop" if period else "repeats", **detail}
        )


@verifier("repetition", version=1)
def repetition(*, ngram: int = NGRAM, max_share: float = MAX_SHARE) -> Check:
    """Scores one less the share that is repeated, 0..1; `correct` where that share is at most `max_share`, else `partial`.

    Args:
        ngram: words in a row that count as said again.
        max_share: the share from which on the status is no longer `correct`; the score is the share's rest either way.
    """
    if ngram < 2:
        raise ValueError(f"ngram must be at least 2, not {ngram}")
    if not 0.0 <= max_share < 1.0:
        raise ValueError(f"max_share must be at least 0 and below 1, not {max_share}")
    return _RepetitionCheck(ngram, max_share)
