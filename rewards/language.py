"""The `mixing` verifier: R1's language consistency reward, with every fragment in another language as a span.

The score is words of the target language over words that have a language, thinking and answer together, as R1 adds it to the
final reward. Formulas, code, numbers and names of functions have no language and do not count. What counts as a fragment is
decided in `columnar.mixing`.
"""

from typing import Any, Final

from columnar.mixing import LanguageCounts, Span, consistency
from rewards.registry import Check, verifier
from rewards.verdict import Status, Verdict

THRESHOLD: Final = 0.95
"""From this share on a completion counts as one language. R1 publishes none; ours leaves room for a name or a quotation a page."""

MAX_SPANS: Final = 100
"""So many spans are listed; `num_spans` counts them all."""

_MAX_SPAN_CHARS: Final = 200


@verifier("mixing", version=1, gold_key="language")
def mixing(
    *, threshold: float = THRESHOLD, max_off_script_spans: int | None = None, target: str | None = None
) -> Check:
    """Scores the share of words in the target language, 0..1; `correct` from `threshold` on, else `partial`, at 0 `incorrect`.

    Args:
        threshold: the share from which the status is `correct`; the score is the share itself either way.
        max_off_script_spans: more fragments in a foreign script than this are never `correct`, however short; None for any.
        target: ISO 639 code for every row; by default the gold is the prompt's language.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold must be between 0 and 1, not {threshold}")
    if max_off_script_spans is not None and max_off_script_spans < 0:
        raise ValueError(f"max_off_script_spans must be at least 0, not {max_off_script_spans}")

    def check(completion: str, gold: Any, /) -> Verdict:
        wanted = target or gold
        if not isinstance(wanted, str) or not wanted.strip():
            return Verdict(None, "bad_gold", {"reason": "no_language"})
        if not completion.strip():
            return Verdict(0.0, "unparseable", {"reason": "empty_completion"})
        wanted = wanted.strip()
        try:
            whole = consistency(completion, wanted)
        except ValueError as failure:
            return Verdict(None, "bad_gold", {"reason": "unknown_language", "error": str(failure)})
        off_script = sum(span.severity == "off_script" for span in whole.spans)
        one_language = whole.strict.ratio >= threshold and (
            max_off_script_spans is None or off_script <= max_off_script_spans
        )
        status: Status = "correct" if one_language else "partial" if whole.strict.ratio > 0 else "incorrect"
        return Verdict(whole.strict.ratio, status, _describe(completion, wanted, whole, off_script))

    return check


def _describe(completion: str, target: str, whole: LanguageCounts, off_script: int) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "target": target,
        **_counts(whole),
        "shares": whole.strict.shares,
        "num_spans": len(whole.spans),
        "num_off_script_spans": off_script,
        "spans": [_span(completion, span) for span in whole.spans[:MAX_SPANS]],
    }
    thinking, closing, answer = completion.rpartition("</think>")
    if closing:
        # Apart, since a trainer may forgive in the thinking what no reader of the answer would.
        detail["thinking"] = _counts(consistency(thinking.removeprefix("<think>"), target))
        detail["answer"] = _counts(consistency(answer, target))
    return detail


def _counts(counts: LanguageCounts) -> dict[str, Any]:
    return {
        "ratio": counts.strict.ratio,
        "words": counts.words,
        "target_words": counts.strict.target_words,
        "zxx_words": counts.zxx_words,
        "off_script_share": counts.off_script_share,
        "switches": counts.strict.switches,
    }


def _span(completion: str, span: Span) -> dict[str, Any]:
    """A span as JSON: character offsets into the completion, its language and text, and how grave it is."""
    return {
        "start": span.start,
        "end": span.end,
        "language": span.language,
        "text": completion[span.start : min(span.end, span.start + _MAX_SPAN_CHARS)],
        "severity": span.severity,
    }
