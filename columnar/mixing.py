"""The doors of the detector of language mixing: which words of a text are in which language. Pure: no I/O but the model of words.

How it tells, and where that is written:

- `columnar.masking`, `columnar.mixing_tokens`: formulas, code, addresses, numbers, variables and acronyms have no language (`zxx`); the rest is cut into
  words, in scripts without spaces into characters.
- `columnar.mixing_plan`: most scripts have one language among the candidates; `columnar.mixing_han`: kana and simplified characters tell Japanese from Chinese.
- `columnar.word_language`, `columnar.mixing_words`: elsewhere words tell, by the likeliest sequence of languages.
- `columnar.mixing_spans`: what of it is reported, and how grave.

docs/language.md explains the method, and what it cannot see.
"""

from collections.abc import Collection, Sequence

import numpy as np

from columnar.mixing_check import off_script
from columnar.mixing_model import (
    LANGUAGES,
    LanguageCounts,
    Severity,
    Span,
    Tally,
    Tokens,
)
from columnar.mixing_plan import plan_for
from columnar.mixing_reading import read
from columnar.mixing_spans import counts_of
from columnar.mixing_target import base_code, target_of
from columnar.writing import NO_LANGUAGE, UNKNOWN

__all__ = [
    "LANGUAGES",
    "NO_LANGUAGE",
    "UNKNOWN",
    "LanguageCounts",
    "Severity",
    "Span",
    "Tally",
    "Tokens",
    "consistency",
    "consistency_batch",
    "label_tokens",
    "off_script",
    "spans",
    "target_of",
]

BATCH_CHARS = 1 << 20
"""So many characters are read together, or one text."""


def spans(text: str, candidates: Collection[str] | None = None, target: str | None = None) -> list[Span]:
    """Finds the fragments of a text that are not in the target language, in order, disjoint.

    Args:
        text: any text, as Markdown and LaTeX have it.
        candidates: ISO 639 codes of the languages that may occur; by default `LANGUAGES`. The target always may.
        target: ISO 639 code of the language that the text should be in; a region after it is ignored. By default the text's own.

    Raises:
        ValueError: a code is no ISO 639 code, or more than 64 candidates share a script.
    """
    return consistency(text, UNKNOWN if target is None else target, candidates).spans


def consistency(text: str, target: str, candidates: Collection[str] | None = None) -> LanguageCounts:
    """Counts the words of a text by language, against the language that it should be in.

    Args:
        text: any text, as Markdown and LaTeX have it.
        target: ISO 639 code of the language that it should be in; a region after it is ignored; `und` for the text's own.
        candidates: ISO 639 codes of the languages that may occur; by default `LANGUAGES`. The target always may.

    Raises:
        ValueError: a code is no ISO 639 code, or more than 64 candidates share a script.
    """
    return consistency_batch([text], [target], candidates)[0]


def consistency_batch(
    texts: Sequence[str], targets: Sequence[str], candidates: Collection[str] | None = None
) -> list[LanguageCounts]:
    """Does `consistency` for many texts, each with its target: the same answers in less time.

    Raises:
        ValueError: as `consistency` does; there are not as many targets as texts.
    """
    by_target: dict[str, list[int]] = {}
    for i, (text, target) in enumerate(zip(texts, targets, strict=True)):
        code = base_code(target)
        by_target.setdefault(_main_language(text, candidates) if code == UNKNOWN else code, []).append(i)
    found: dict[int, LanguageCounts] = {}
    for target, rows in by_target.items():
        plan = plan_for(target, candidates)
        for batch in _batches(texts, rows):
            found.update(zip(batch, counts_of(read([texts[i] for i in batch], plan), plan), strict=True))
    return [found[i] for i in range(len(texts))]


def label_tokens(text: str, candidates: Collection[str] | None = None, target: str | None = None) -> Tokens:
    """Labels every word and number of a text with its language, or with `zxx`.

    Args:
        text: any text, as Markdown and LaTeX have it.
        candidates: ISO 639 codes of the languages that may occur; by default `LANGUAGES`. The target always may.
        target: ISO 639 code of the language that the text should be in, which wins if in doubt; without one none does.

    Raises:
        ValueError: a code is no ISO 639 code, or more than 64 candidates share a script.
    """
    plan = plan_for(None if target == UNKNOWN else target, candidates)
    reading = read([text], plan)
    return Tokens(reading.tokens.start, reading.tokens.end, reading.language, plan.names)


def _main_language(text: str, candidates: Collection[str] | None) -> str:
    """Gives the language that most letters of a text are in; `und` for none."""
    plan = plan_for(None, candidates)
    reading = read([text], plan)
    letters = np.bincount(
        reading.language, weights=reading.tokens.end - reading.tokens.start, minlength=len(plan.names)
    )
    letters[plan.none] = 0
    return plan.names[int(letters.argmax())] if letters.any() else UNKNOWN


def _batches(texts: Sequence[str], rows: list[int]) -> list[list[int]]:
    batches: list[list[int]] = []
    chars = 0
    for row in rows:
        if not batches or chars + len(texts[row]) > BATCH_CHARS:
            batches.append([])
            chars = 0
        batches[-1].append(row)
        chars += len(texts[row])
    return batches
