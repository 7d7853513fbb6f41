"""Measures a block of generations: rows in, one record batch of `service.audit.model.SAMPLES` out. Runs in worker processes.

Reads the model and the word list that the settings name, once a process, and nothing else.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from columnar.confusion import english_words, line_pass, word_pass
from columnar.fasttext_classifier import load_classifier
from columnar.mixing import UNKNOWN, LanguageCounts, Span, consistency_batch, target_of
from rewards.thinking import cut
from service.audit.model import (
    DECILES,
    MAX_SPAN_CHARS,
    MAX_SPANS,
    MIN_TARGET_SHARE,
    SAMPLES,
    Generation,
    Settings,
)

_CLOSE = "</think>"
_MAX_ERROR_CHARS = 300
_REPORTED = ("off_script", "same_script")


class Measured(NamedTuple):
    """What a block came to.

    Attributes:
        batch: a row of `SAMPLES` for each generation that could be measured, in order.
        faults: (position in the block, why not) of the others.
    """

    batch: pa.RecordBatch
    faults: list[tuple[int, str]]


class Parts(NamedTuple):
    """Where thinking and answer stand in a text: characters; a part that is not there is empty."""

    thinking: tuple[int, int]
    answer: tuple[int, int]


def split_parts(text: str) -> Parts:
    """Finds where thinking and answer stand by the rule of `rewards.thinking.cut`."""
    thinking, answer = cut(text)
    start = len(text) if answer is None else len(text) - len(answer)
    if thinking is None:
        return Parts((0, 0), (start, len(text)))
    end = start if answer is None else start - len(_CLOSE)
    return Parts((end - len(thinking), end), (start, len(text)))


def measure(rows: Sequence[Generation], settings: Settings) -> Measured:
    """Measures generations. One that cannot be, for a language code that is none say, is a fault and costs no other."""
    try:
        return Measured(_batch(rows, settings), [])
    except Exception:  # noqa: BLE001 - which row it was is found out below
        batches, faults = [pa.RecordBatch.from_pylist([], SAMPLES)], []
        for position, row in enumerate(rows):
            try:
                batches.append(_batch([row], settings))
            except Exception as error:  # noqa: BLE001 - whatever a row's trouble is, it is no other row's
                faults.append((position, _told(error)))
        return Measured(pa.concat_batches(batches), faults)


def _told(error: Exception) -> str:
    """Gives an error as one line; what is not a fault of the row but ours has its kind before it."""
    first = str(error).strip().partition("\n")[0][:_MAX_ERROR_CHARS]
    return first if isinstance(error, ValueError) and first else f"{type(error).__name__}: {first}"


def _batch(rows: Sequence[Generation], settings: Settings) -> pa.RecordBatch:
    texts = [row.text for row in rows]
    asked = [target_of(row.prompt, row.language) for row in rows]
    counts = consistency_batch(texts, asked)
    parts = [split_parts(text) for text in texts]
    by_part = _count_parts(texts, [found.target for found in counts], parts)
    passes = _confusion(texts, [found.target for found in counts], settings)
    values = [
        _row(row, found, part, inner, settings) | {"target_source": _source(row, target), **passed}
        for row, target, found, part, inner, passed in zip(rows, asked, counts, parts, by_part, passes, strict=True)
    ]
    return pa.RecordBatch.from_pylist(values, SAMPLES)


def _source(row: Generation, target: str) -> str:
    """Gives one of `TARGET_SOURCES`."""
    if target == UNKNOWN:
        return "text"
    return "prompt" if row.by_prompt or row.language in (None, "", UNKNOWN) else "given"


def _count_parts(texts: Sequence[str], targets: Sequence[str], parts: Sequence[Parts]) -> list[dict[str, int | None]]:
    """Counts the words of thinking and answer apart, where there is a thinking; elsewhere the answer is the whole."""
    thoughtful = [number for number, part in enumerate(parts) if part.thinking[0] < part.thinking[1]]
    pieces = [texts[n][slice(*bounds)] for n in thoughtful for bounds in parts[n]]
    counted = iter(consistency_batch(pieces, [targets[n] for n in thoughtful for _ in parts[n]]))
    found: list[dict[str, int | None]] = [{} for _ in texts]
    for number in thoughtful:
        for name in Parts._fields:
            tally = next(counted).strict
            found[number] |= {f"{name}_words": tally.words, f"{name}_target_words": tally.target_words}
    return found


def _row(
    row: Generation, found: LanguageCounts, parts: Parts, inner: dict[str, int | None], settings: Settings
) -> dict[str, Any]:
    strict, lenient = found.strict, found.lenient
    judged = strict if settings.mode == "strict" else lenient
    severities = [span.severity for span in found.spans]
    reported = [span for span in found.spans if span.severity in _REPORTED]
    has_thinking = bool(inner)
    return {
        **{name: getattr(row, name) for name in ("id", "prompt_key", "model", "sample_index", "step", "domain", "finish_reason")},
        "target": found.target,
        "kind": kind_of(found),
        "characters": len(row.text),
        "words": found.words,
        "zxx_words": found.zxx_words,
        "strict_words": strict.words,
        "strict_target_words": strict.target_words,
        "strict_ratio": strict.ratio if strict.words else None,
        "lenient_words": lenient.words,
        "lenient_target_words": lenient.target_words,
        "lenient_ratio": lenient.ratio if lenient.words else None,
        "off_script_share": found.off_script_share,
        "switches": strict.switches,
        "failed": judged.words > 0 and judged.ratio < settings.threshold,
        "num_spans": len(found.spans),
        "num_off_script": severities.count("off_script"),
        "num_same_script": severities.count("same_script"),
        "num_minor": severities.count("minor"),
        "spans": [_span(row.text, span, parts) for span in found.spans[:MAX_SPANS]],
        "shares": [{"language": name, "share": share} for name, share in strict.shares.items()],
        "transitions": [
            {"source": source, "target": target, "count": count} for (source, target), count in strict.transitions.items()
        ],
        "answer_words": strict.words,
        "answer_target_words": strict.target_words,
        **inner,
        "thinking_deciles": decile_characters(reported, parts.thinking) if has_thinking else None,
        "answer_deciles": decile_characters(reported, parts.answer) if parts.answer[0] < parts.answer[1] else None,
        "locator": row.locator,
        "pointer": row.pointer,
    }  # fmt: skip


def kind_of(found: LanguageCounts) -> str:
    """Gives one of `KINDS`."""
    if not found.strict.words:
        return "no_words"
    if found.strict.ratio < MIN_TARGET_SHARE:
        return "other_language"
    severities = {span.severity for span in found.spans}
    return next((kind for kind in (*_REPORTED, "minor") if kind in severities), "clean")


def _span(text: str, span: Span, parts: Parts) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "language": span.language,
        "severity": span.severity,
        "score": span.score,
        "part": "thinking" if span.start < parts.thinking[1] else "answer",
        "text": text[span.start : min(span.end, span.start + MAX_SPAN_CHARS)],
    }


def decile_characters(spans: Sequence[Span], bounds: tuple[int, int]) -> list[int]:
    """Counts the characters of spans in each tenth of a part of a text; `bounds` are the part's first character and its end."""
    start, end = bounds
    length = end - start
    counts = [0] * DECILES
    for span in spans:
        left, right = max(span.start, start) - start, min(span.end, end) - start
        if left >= right:
            continue
        for tenth in range(left * DECILES // length, (right - 1) * DECILES // length + 1):
            low, high = -(-tenth * length // DECILES), -(-(tenth + 1) * length // DECILES)
            counts[tenth] += min(right, high) - max(left, low)
    return counts


def _confusion(texts: Sequence[str], targets: Sequence[str], settings: Settings) -> Iterator[dict[str, bool | None]]:
    """Gives LPR's and WPR's answer for each text, None where the measure is not asked for or says nothing of a text."""
    lines: Sequence[bool | None] = [None] * len(texts)
    words: Sequence[bool | None] = [None] * len(texts)
    if settings.lid_model is not None:
        lines = line_pass(texts, targets, load_classifier(str(settings.lid_model))).to_pylist()
    if settings.words is not None:
        words = word_pass(texts, targets, _read_words(settings.words)).to_pylist()
    for line, word in zip(lines, words, strict=True):
        # WPR is a share of the responses that pass LPR.
        yield {"lines_pass": line, "words_pass": word if line else None}


@lru_cache(maxsize=1)
def _read_words(path: Path) -> frozenset[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return english_words(lines)
