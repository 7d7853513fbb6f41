"""The `mixing` verifier: R1's language consistency reward, with every fragment in another language as a span.

The score is words of the target language over words that have a language, thinking and answer together, as R1 adds it to the
final reward. Formulas, code, numbers and names of functions have no language and do not count. What counts as a fragment is
decided in `columnar.mixing`; `consistency` counts without a verdict, thinking and answer apart.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from columnar.mixing import UNKNOWN, LanguageCounts, Span, Tally, consistency_batch
from columnar.mixing_target import base_code
from rewards.registry import Check, verifier
from rewards.setting_types import check_choice
from rewards.thinking import cut
from rewards.verdict import Status, Verdict

THRESHOLD: Final = 0.95
"""From this share on a completion counts as one language. R1 publishes none; ours leaves room for a name or a quotation a page."""

MAX_SPANS: Final = 100
"""So many spans are listed; `num_spans` counts them all."""

MAX_LISTED: Final = 20
"""So many languages and pairs of languages are listed of a tally, the largest first."""

_MAX_SPAN_CHARS: Final = 200

Mode = Literal["strict", "lenient"]
Part = Literal["all", "thinking", "answer"]


class LanguageVerdict(NamedTuple):
    """The languages of a completion as a whole, of its thinking and of its answer, each with strict and lenient counts.

    Attributes:
        whole: the completion, tags and all (a tag has no language); its spans are characters of the completion.
        thinking: None where there is none.
        answer: what follows the thinking, or the whole completion where nothing says that it thinks; None where thinking never ends.
    """

    whole: LanguageCounts
    thinking: LanguageCounts | None
    answer: LanguageCounts | None

    def part(self, name: Part) -> LanguageCounts | None:
        """Gives one of them by its name, `all` for the whole."""
        return {"all": self.whole, "thinking": self.thinking, "answer": self.answer}[name]


def consistency(text: str, target: str, candidates: Collection[str] | None = None) -> LanguageVerdict:
    """Counts the words of a completion by language, against the language that it should be in; thinking and answer apart.

    Args:
        text: what a model wrote.
        target: ISO 639 code; a region after it is ignored.
        candidates: ISO 639 codes of the languages that may occur; by default `columnar.mixing.LANGUAGES`. The target always may.

    Raises:
        ValueError: a code is no ISO 639 code.
    """
    return _read([(text, base_code(target))], candidates)[text, base_code(target)]


@verifier("mixing", version=1, gold_key="language")
def mixing(
    *,
    threshold: float = THRESHOLD,
    mode: Mode = "strict",
    max_off_script_spans: int | None = None,
    target: str | None = None,
    candidates: Sequence[str] | None = None,
    part: Part = "all",
) -> Check:
    """Scores the share of words in the target language, 0..1; `correct` from `threshold` on, else `partial`, at 0 `incorrect`.

    A completion without a word that has a language is consistent: it scores 1, as nothing in it is in another language.

    Args:
        threshold: the share from which the status is `correct`; the score is the share itself either way.
        mode: `strict` is R1's ratio; `lenient` counts borrowed terms, acronyms and names as the target's.
        max_off_script_spans: more fragments in a foreign script than this are never `correct`, however short; None for any.
        target: ISO 639 code for every row; by default the gold: the prompt's language.
        candidates: ISO 639 codes of the languages that may occur; by default `columnar.mixing.LANGUAGES`. The target always may.
        part: what is scored. A completion without that part is `unparseable`.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold must be between 0 and 1, not {threshold}")
    if max_off_script_spans is not None and max_off_script_spans < 0:
        raise ValueError(f"max_off_script_spans must be at least 0, not {max_off_script_spans}")
    check_choice("mode", mode, Mode)
    check_choice("part", part, Part)
    if isinstance(candidates, str) or (candidates is not None and not candidates):
        raise ValueError(f"candidates must be a list of ISO 639 codes, not {candidates!r}")
    for code in [*(candidates or ()), *([target] if target is not None else ())]:
        if base_code(code) == UNKNOWN:
            raise ValueError(f"a language must be an ISO 639 code such as 'en', not {code!r}")
    return _Mixing(threshold, mode, max_off_script_spans, target, tuple(candidates or ()) or None, part)


class _Mixing(NamedTuple):
    """The check, with its settings as of `mixing`."""

    threshold: float
    mode: Mode
    max_off_script_spans: int | None
    target: str | None
    candidates: tuple[str, ...] | None
    part: Part

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each; equal completions with equal targets are read once."""
        targets = [_target(self.target if self.target is not None else gold) for gold in golds]
        pairs = list(zip(completions, targets, strict=True))
        readable = {(text, code) for text, code in pairs if isinstance(code, str) and text.strip()}
        read = _read(sorted(readable), self.candidates)
        told: dict[tuple[str, str], Verdict] = {}
        verdicts = []
        for text, code in pairs:
            if isinstance(code, Verdict):
                verdicts.append(code)
            elif (text, code) not in read:
                verdicts.append(Verdict(0.0, "unparseable", {"reason": "empty_completion"}))
            else:
                if (text, code) not in told:
                    told[text, code] = self._judge(text, read[text, code])
                verdicts.append(told[text, code])
        return verdicts

    def _judge(self, completion: str, found: LanguageVerdict) -> Verdict:
        counts = found.part(self.part)
        if counts is None:
            return Verdict(0.0, "unparseable", {"reason": f"no_{self.part}", **_describe(completion, found)})
        tally = counts.strict if self.mode == "strict" else counts.lenient
        off_script = sum(span.severity == "off_script" for span in counts.spans)
        allowed = self.max_off_script_spans is None or off_script <= self.max_off_script_spans
        status: Status = "partial" if tally.ratio > 0 else "incorrect"
        if tally.ratio >= self.threshold and allowed:
            status = "correct"
        return Verdict(tally.ratio, status, _describe(completion, found))


def _target(wanted: Any) -> "str | Verdict":
    """Gives the code of a target, or the verdict of a gold that is none."""
    if not isinstance(wanted, str) or not wanted.strip():
        return Verdict(None, "bad_gold", {"reason": "no_language"})
    try:
        code = base_code(wanted)
    except ValueError as failure:
        return Verdict(None, "bad_gold", {"reason": "unknown_language", "error": str(failure)})
    return Verdict(None, "bad_gold", {"reason": "no_language"}) if code == UNKNOWN else code


def _read(
    pairs: Iterable[tuple[str, str]], candidates: Collection[str] | None
) -> Mapping[tuple[str, str], LanguageVerdict]:
    """Reads (completion, target) pairs and their parts, each distinct text once."""
    cuts = {pair: cut(pair[0]) for pair in pairs}
    wanted = dict.fromkeys(
        (text, target) for (whole, target), parts in cuts.items() for text in (whole, *parts) if text is not None
    )
    counted = consistency_batch([text for text, _ in wanted], [target for _, target in wanted], candidates)
    counts = dict(zip(wanted, counted, strict=True))

    def of(text: str | None, target: str) -> LanguageCounts | None:
        return None if text is None else counts[text, target]

    return {
        (whole, target): LanguageVerdict(counts[whole, target], of(thinking, target), of(answer, target))
        for (whole, target), (thinking, answer) in cuts.items()
    }


def _describe(completion: str, found: LanguageVerdict) -> dict[str, Any]:
    whole = found.whole
    detail: dict[str, Any] = {
        "target": whole.target,
        **_counts(whole),
        "num_spans": len(whole.spans),
        "num_off_script_spans": sum(span.severity == "off_script" for span in whole.spans),
        "spans": [_span(completion, span) for span in whole.spans[:MAX_SPANS]],
    }
    if found.thinking is not None:
        # Apart, since a trainer may forgive in the thinking what no reader of the answer would.
        detail["thinking"] = _counts(found.thinking)
        detail["answer"] = None if found.answer is None else _counts(found.answer)
    return detail


def _counts(counts: LanguageCounts) -> dict[str, Any]:
    return {
        "ratio": counts.strict.ratio,
        "lenient_ratio": counts.lenient.ratio,
        "off_script_share": counts.off_script_share,
        "words": counts.words,
        "zxx_words": counts.zxx_words,
        "strict": _tally(counts.strict),
        "lenient": _tally(counts.lenient),
    }


def _tally(tally: Tally) -> dict[str, Any]:
    """A tally as JSON; `transitions` are `from>to`."""
    pairs = sorted(tally.transitions.items(), key=lambda item: (-item[1], item[0]))[:MAX_LISTED]
    return {
        "words": tally.words,
        "target_words": tally.target_words,
        "switches": tally.switches,
        "shares": dict(list(tally.shares.items())[:MAX_LISTED]),
        "transitions": {f"{before}>{after}": count for (before, after), count in pairs},
    }


def _span(completion: str, span: Span) -> dict[str, Any]:
    """A span as JSON: character offsets into the completion, its language and text, and how grave it is."""
    return {
        "start": span.start,
        "end": span.end,
        "language": span.language,
        "score": round(span.score, 4),
        "text": completion[span.start : min(span.end, span.start + _MAX_SPAN_CHARS)],
        "severity": span.severity,
    }
