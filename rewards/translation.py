"""The `translation` verifier: how near is the response to reference translations, in the language that was asked for?

sacrebleu scores (chrF, chrF++, spBLEU, as of a sentence), `columnar.mixing` tells the language. Two things that such metrics pay for
are not paid: text in another language, whose names and numbers alone earn some points, and several translations at once, since chrF
weighs recall four times. Nothing is downloaded: spBLEU reads its sentencepiece model from a file that the setting names.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from columnar.clean import clean_text
from columnar.mixing import UNKNOWN, consistency_batch
from columnar.mixing_target import base_code
from rewards.matching import Part, take_part
from rewards.registry import Check, verifier
from rewards.setting_types import check_choice
from rewards.verdict import Verdict

Metric = Literal["chrf", "chrf++", "spbleu"]

ACCEPTED: Final = 0.5
"""From this score on the status is `correct`. Ours: the metrics' authors draw no line."""

MIN_LANGUAGE_SHARE: Final = 0.5
"""So much of the words must be in the target language, or as much as of the reference that has the least. On 1,000 sentences of
Tatoeba in each of 20 languages it refuses none of its own, as each is its own reference."""

MAX_LENGTH_RATIO: Final = 1.5
"""A response of more than so many times the characters of the longest reference scores 0.0: it lists variants, or explains."""

LENGTH_GRACE: Final = 20
"""Characters that a response may have beyond that, for references of a word or two."""

MAX_REFERENCES: Final = 100
MAX_REFERENCE_CHARS: Final = 100_000

Score = Callable[[str, Sequence[str]], float]
"""(response, references) -> 0..1."""


class _Gold(NamedTuple):
    references: tuple[str, ...]
    language: str


@verifier("translation", version=1, gold_key="translation")
def translation(
    *,
    metric: Metric = "chrf",
    part: Part = "response",
    target: str | None = None,
    accepted: float = ACCEPTED,
    min_language_share: float = MIN_LANGUAGE_SHARE,
    max_length_ratio: float = MAX_LENGTH_RATIO,
    spm_model: str | None = None,
) -> Check:
    """Scores the nearness to the nearest reference, 0..1; 0.0 in another language than the target's.

    Args:
        metric: `chrf` (characters to 6-grams), `chrf++` (words and word pairs too), `spbleu` (BLEU of sentencepiece tokens).
        part: what is scored: the `response` after the thinking, the announced `answer`, or the `whole`.
        target: ISO 639 code of the language, where the gold does not say it.
        accepted: from this score on the status is `correct`, below it `partial`.
        min_language_share: words of the target language over words that have one; less is `incorrect`, unless a reference has no more.
        max_length_ratio: a response longer than so many times the longest reference, and 20 characters, is `incorrect`.
        spm_model: `spbleu` only: path of the sentencepiece model of FLORES-101 or FLORES-200.

    The gold is `{"references": text or list of texts, "language": code}`; without `language`, `target` says it.
    """
    check_choice("metric", metric, Metric)
    check_choice("part", part, Part)
    if target is not None and base_code(target) == UNKNOWN:
        raise ValueError(f"target must be an ISO 639 code such as 'fr', not {target!r}")
    for name, share in (("accepted", accepted), ("min_language_share", min_language_share)):
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name} must be between 0 and 1, not {share!r}")
    if not 1.0 <= max_length_ratio <= 100.0:
        raise ValueError(f"max_length_ratio must be between 1 and 100, not {max_length_ratio!r}")
    if (metric == "spbleu") != (spm_model is not None):
        raise ValueError("spbleu needs `spm_model`, the path of a sentencepiece model, and no other metric takes it")
    score = _spbleu(spm_model) if spm_model is not None else _chrf(2 if metric == "chrf++" else 0)
    return _TranslationCheck(score, part, target, accepted, min_language_share, max_length_ratio)


class _TranslationCheck(NamedTuple):
    """The check, with its settings as of `translation`."""

    score: Score
    part: Part
    target: str | None
    accepted: float
    min_language_share: float
    max_length_ratio: float

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        return self.verify_batch([completion], [gold])[0]

    def verify_batch(self, completions: Sequence[str], golds: Sequence[Any], /) -> list[Verdict]:
        """Judges each; equal responses to equal golds once."""
        told: dict[tuple[str, _Gold], Verdict] = {}
        verdicts = []
        for completion, given in zip(completions, golds, strict=True):
            gold = self._read_gold(given)
            if isinstance(gold, Verdict):
                verdicts.append(gold)
                continue
            if (completion, gold) not in told:
                told[completion, gold] = self._judge(clean_text(completion)[0], gold)
            verdicts.append(told[completion, gold])
        return verdicts

    def gold_completion(self, gold: Any, /) -> str | None:
        """Gives the first reference."""
        read = self._read_gold(gold)
        return None if isinstance(read, Verdict) else read.references[0]

    def _judge(self, completion: str, gold: _Gold) -> Verdict:
        response, missing = take_part(completion, self.part)
        response = response.strip()
        if missing or not response:
            return Verdict(0.0, "unparseable", {"reason": missing or "empty_answer"})
        allowed = self.max_length_ratio * max(map(len, gold.references)) + LENGTH_GRACE
        if len(response) > allowed:
            sizes = {"characters": len(response), "allowed": int(allowed)}
            return Verdict(0.0, "incorrect", {"reason": "much_longer_than_references", **sizes})
        share = _language_shares((response,), gold.language)[0]
        # What the detector makes of a reference it may make of a translation as good.
        needed = min(self.min_language_share, *_language_shares(gold.references, gold.language))
        detail = {"language_share": round(share, 4)}
        if share < needed:
            return Verdict(0.0, "incorrect", {"reason": "other_language", "target": gold.language, **detail})
        score = min(1.0, max(0.0, self.score(response, gold.references)))
        if score >= self.accepted:
            return Verdict(score, "correct", detail)
        return Verdict(score, "partial" if score > 0 else "incorrect", {"reason": "far_from_references", **detail})

    def _read_gold(self, gold: Any) -> "_Gold | Verdict":
        if not isinstance(gold, Mapping):
            return Verdict(None, "bad_gold", {"reason": "no_references"})
        references = gold.get("references")
        references = [references] if isinstance(references, str) else references
        if (
            not isinstance(references, Sequence)
            or not 0 < len(references) <= MAX_REFERENCES
            or not all(isinstance(one, str) and one.strip() for one in references)
            or sum(map(len, references)) > MAX_REFERENCE_CHARS
        ):
            return Verdict(None, "bad_gold", {"reason": "no_references"})
        language = gold.get("language") or self.target
        try:
            code = base_code(language) if isinstance(language, str) else UNKNOWN
        except ValueError:
            code = UNKNOWN
        if code == UNKNOWN:
            return Verdict(None, "bad_gold", {"reason": "no_language"})
        return _Gold(tuple(clean_text(one)[0].strip() for one in references), code)


@functools.lru_cache(maxsize=4096)  # a prompt's samples follow each other, and share the references
def _language_shares(texts: tuple[str, ...], language: str) -> tuple[float, ...]:
    return tuple(counts.strict.ratio for counts in consistency_batch(texts, [language] * len(texts)))


@functools.lru_cache(maxsize=4)
def _chrf(word_order: int) -> Score:
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - loads what other verifiers do not need

    metric = CHRF(word_order=word_order)
    return lambda response, references: metric.sentence_score(response, references).score / 100


@functools.lru_cache(maxsize=4)
def _spbleu(path: str) -> Score:
    """As sacrebleu's `flores101` and `flores200` tokenize, which would fetch the model themselves."""
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415

    if not Path(path).is_file():
        raise ValueError(f"spm_model {path!r}: no such file; nothing is downloaded")
    try:
        import sentencepiece  # noqa: PLC0415 - an extra
    except ImportError:
        raise ValueError("spbleu needs the package sentencepiece: pip install 'tamis[translation]'") from None
    pieces = sentencepiece.SentencePieceProcessor()
    try:
        pieces.Load(path)
    except (OSError, RuntimeError) as failure:
        raise ValueError(f"spm_model {path!r}: {failure}") from failure
    metric = BLEU(tokenize="none", effective_order=True)

    def tokens(text: str) -> str:
        return " ".join(pieces.EncodeAsPieces(text))

    return lambda response, references: (
        metric.sentence_score(tokens(response), list(map(tokens, references))).score / 100
    )
