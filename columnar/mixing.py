"""Finds language mixing inside a text: fragments in a script that the target language is not written in. Pure: no I/O.

Scripts cannot tell English from Spanish, but they find what a document-level label never does, a "成的" in "sinh成的", with hardly
a false alarm. The rules:

- A fragment is a run of letters in a script foreign to the target. Its language is the one that mostly uses the script
  (`columnar.writing`): Cyrillic is `ru`, Arabic `ar`; Han is `zh`, or `ja` beside kana (in a Chinese text
  too, if two or more and `MIN_KANA_SHARE` of a run of letters are kana); Latin is `und`, since only words could tell.
- Neighbouring fragments of one language on one line, at most `MAX_GAP` characters apart with no letter of another between, are one span.
- No language (`zxx`) have: numbers, symbols, emoji; what `columnar.masking` masks (in a formula only Latin, Greek and Hebrew
  letters are hidden: Han there is still a fragment); Greek in a foreign text up to `MAX_GREEK_SYMBOL` letters together (they are
  mathematics); and, where the target is not written in Latin letters, single Latin letters, acronyms, functions and units.
- Severity: a span is `off_script`, but Latin letters in a text of another script, up to `MAX_MINOR_WORDS` words in a row, are
  `minor`: names, terms and titles are usual there.
- Latin letters mixed with Cyrillic, Armenian or Cherokee ones, or with Greek ones that look Latin, in one run of letters are
  homoglyphs ("pаypal"): the whole run is one `off_script` span.
- Words are counted as in `columnar.words`; a word has the language of most of its letters, the target's if in doubt.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import COMMON, INHERITED, LETTER, SCRIPTS, code_points, properties, script_numbers
from columnar.masking import find_masks
from columnar.mixing_check import MAX_GREEK_SYMBOL, off_script
from columnar.mixing_model import (
    LANGUAGES,
    LanguageCounts,
    Severity,
    Span,
    Tally,
    Tokens,
)
from columnar.mixing_target import base_code, own_language, target_of
from columnar.words import NO_WORD, next_word_state
from columnar.writing import LANGUAGE_OF, NO_LANGUAGE, UNKNOWN, scripts_of

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

MAX_MINOR_WORDS = 4
MAX_GAP = 20
MIN_KANA_SHARE = 0.2
MAX_ACRONYM = 6

_LATIN, _GREEK, _HEBREW, _HAN, _HIRAGANA, _KATAKANA = (
    SCRIPTS.index(name) for name in ("Latn", "Grek", "Hebr", "Hani", "Hira", "Kana")
)
_HIDE_ALL = bytes([COMMON]) * 256
_HIDE_MATH = bytes(COMMON if number in {_LATIN, _GREEK, _HEBREW} else number for number in range(256))
_CONFUSABLE = frozenset(SCRIPTS.index(name) for name in ("Cyrl", "Armn", "Cher"))
_GREEK_HOMOGLYPHS = frozenset("οόΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
# Functions and units that stand in formulas and measures of every language.
_INTERNATIONAL = re.compile(
    r"(?:arc)?(?:sin|cos|tan|cot)|(?:sin|cos|tan)h|sec|csc|log|ln|lg|exp|lim|max|min|sup|inf|det|gcd|lcm|mod|arg|dim|ker|deg"
    r"|[mcdkn]m|[md]l|[km]g|[kmg]?hz|[kmgt]b|k?pa|kwh?|rad|mol|[mn]s|pm|am|ok",
    re.IGNORECASE,
)
_ACRONYM = re.compile(rf"[A-Z]{{1,{MAX_ACRONYM}}}s?")


class _Letters(NamedTuple):
    """The characters of a text: which have a language at all, which of these are foreign to the target; scripts and property bits."""

    spoken: npt.NDArray[np.bool_]
    foreign: npt.NDArray[np.bool_]
    scripts: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.uint8]


class _Fragment(NamedTuple):
    """A run of foreign letters; in one of homoglyphs, `num_foreign` says how many really are."""

    start: int
    end: int
    script: int
    num_foreign: int
    homoglyphs: bool

    @property
    def language(self) -> str:
        return LANGUAGE_OF.get(SCRIPTS[self.script], UNKNOWN)


def spans(text: str, candidates: Collection[str] | None = None, target: str | None = None) -> list[Span]:
    """Finds the fragments of a text that are not in the target language, in order, disjoint; the module tells the rules.

    Args:
        text: any text, as Markdown and LaTeX have it.
        candidates: ISO 639 codes of the languages that may occur; by default `LANGUAGES`. The target always may.
        target: ISO 639 code of the language that the text should be in; a region after it is ignored. By default the text's own.

    Raises:
        ValueError: a code is no ISO 639 code.
    """
    return _read(text, candidates, target).spans


def consistency(text: str, target: str, candidates: Collection[str] | None = None) -> LanguageCounts:
    """Counts the words of a text by language, against the language that it should be in.

    Args:
        text: any text, as Markdown and LaTeX have it.
        target: ISO 639 code of the language that it should be in; a region after it is ignored; `und` for the text's own.
        candidates: ISO 639 codes of the languages that may occur; by default `LANGUAGES`. The target always may.

    Raises:
        ValueError: a code is no ISO 639 code.
    """
    read = _read(text, candidates, target)
    letters, languages = read.letters, read.languages
    off = sum(int(letters.spoken[s.start : s.end].sum()) for s in read.spans if s.severity == "off_script")
    spoken = languages[languages >= 0]
    return LanguageCounts(
        target=read.names[0],
        words=len(languages),
        zxx_words=len(languages) - len(spoken),
        strict=_tally(spoken, read.names),
        lenient=_tally(np.where(read.minor[languages >= 0], 0, spoken), read.names),
        off_script_share=off / max(1, int(letters.spoken.sum())),
        spans=read.spans,
    )


def consistency_batch(
    texts: Sequence[str], targets: Sequence[str], candidates: Collection[str] | None = None
) -> list[LanguageCounts]:
    """Does `consistency` for many texts, each with its target.

    Raises:
        ValueError: a code is no ISO 639 code, or there are not as many targets as texts.
    """
    return [consistency(text, target, candidates) for text, target in zip(texts, targets, strict=True)]


def label_tokens(text: str, candidates: Collection[str] | None = None, target: str | None = None) -> Tokens:
    """Labels every word of a text with its language, or with `zxx`; arguments as of `spans`.

    Raises:
        ValueError: a code is no ISO 639 code.
    """
    read = _read(text, candidates, target)
    languages = np.where(read.languages < 0, len(read.names), read.languages).astype(np.int16)
    return Tokens(
        np.ascontiguousarray(read.words[:, 0]),
        np.ascontiguousarray(read.words[:, 1]),
        languages,
        (*read.names, NO_LANGUAGE),
    )


class _Reading(NamedTuple):
    """A text read: its words (int64[n, 2]), the language of each (index into `names`, the target first; -1 none), which are minor."""

    names: list[str]
    letters: "_Letters"
    spans: list[Span]
    words: npt.NDArray[np.int64]
    languages: npt.NDArray[np.int64]
    minor: npt.NDArray[np.bool_]


def _read(text: str, candidates: Collection[str] | None, target: str | None) -> _Reading:
    for code in candidates or ():
        base_code(code)
    code = UNKNOWN if target is None else base_code(target)
    target = own_language(text) if code == UNKNOWN else code
    scripts = scripts_of(target)
    letters = _classify(text, scripts)
    found = _spans(text, _fragments(text, letters, latin_target="Latn" in scripts), letters.spoken)
    words = _segment(letters.bits)
    names = list(dict.fromkeys([target, *(span.language for span in found)]))
    languages, minor = _word_languages(words, letters, found, names)
    return _Reading(names, letters, found, words, languages, minor)


def _tally(languages: npt.NDArray[np.int64], names: list[str]) -> Tally:
    """Counts words by language: `languages` are indexes into `names`, the target first."""
    counts = np.bincount(languages, minlength=len(names)).tolist()
    total = len(languages)
    order = [0, *sorted(range(1, len(names)), key=lambda i: -counts[i])]
    at = np.flatnonzero(np.diff(languages))
    changes = Counter(zip(languages[at].tolist(), languages[at + 1].tolist(), strict=True))
    return Tally(
        words=total,
        target_words=counts[0],
        shares={names[i]: counts[i] / total for i in order if counts[i]},
        transitions={(names[a], names[b]): count for (a, b), count in sorted(changes.items())},
    )


def _classify(text: str, allowed: frozenset[str]) -> _Letters:
    """Tells the letters of each script, and hides those that are in formulas, code, addresses and tags."""
    points = code_points(text)
    bits, scripts = properties()[points], script_numbers()[points]
    scripts[(scripts == _LATIN) & (bits & LETTER == 0)] = COMMON  # Roman numerals
    # Bytes: a translation of a short slice costs less than an index of an array, and there may be very many.
    numbers = bytearray(scripts)
    for mask in find_masks(text):
        hidden = _HIDE_MATH if mask.kind == "math" else _HIDE_ALL
        numbers[mask.start : mask.end] = numbers[mask.start : mask.end].translate(hidden)
    scripts = np.frombuffer(numbers, np.uint8)
    if scripts.size:
        # A mark belongs to the character before it.
        scripts = scripts[np.maximum.accumulate(np.where(scripts == INHERITED, 0, np.arange(scripts.size)))]
    spoken = (scripts != COMMON) & (scripts != INHERITED)
    foreign = _is_foreign(allowed)[scripts]
    return _Letters(spoken, foreign, scripts, bits)


def _is_foreign(allowed: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Says of each script number whether it is a script, and not one of these."""
    return np.array([name not in allowed and number not in {COMMON, INHERITED} for number, name in enumerate(SCRIPTS)])


def _fragments(text: str, letters: _Letters, *, latin_target: bool) -> list[_Fragment]:
    """Cuts out what is foreign, and takes back from `letters` what has no language after all. Marks whole runs of homoglyphs."""
    fragments: list[_Fragment] = []
    edges = np.flatnonzero(np.diff(letters.spoken, prepend=False, append=False)).reshape(-1, 2)
    has_foreign = np.diff(np.concatenate(([0], np.cumsum(letters.foreign)))[edges], axis=1)[:, 0] > 0
    # Bytes, not arrays: there may be as many runs as characters.
    all_scripts = letters.scripts.tobytes()
    for first, last in edges[has_foreign].tolist():
        scripts = all_scripts[first:last]
        if len(set(scripts)) > 1:
            script = next(s for s, is_foreign in zip(scripts, letters.foreign[first:last], strict=True) if is_foreign)
            homoglyphs = _has_homoglyphs(text[first:last], scripts)
            if homoglyphs or _is_japanese(scripts):
                num_foreign = int(letters.foreign[first:last].sum()) if homoglyphs else last - first
                fragments.append(_Fragment(first, last, script, num_foreign, homoglyphs))
                letters.foreign[first:last] = True
                continue
        start = first
        for script, part in groupby(scripts):
            end = start + len(list(part))
            if letters.foreign[start]:
                if _is_symbol(text[start:end], script, latin_target=latin_target):
                    letters.spoken[start:end] = letters.foreign[start:end] = False
                else:
                    fragments.append(_Fragment(start, end, script, end - start, homoglyphs=False))
            start = end
    return fragments


def _has_homoglyphs(run: str, scripts: bytes) -> bool:
    if _LATIN not in scripts:
        return False
    return not _CONFUSABLE.isdisjoint(scripts) or (_GREEK in scripts and not _GREEK_HOMOGLYPHS.isdisjoint(run))


def _is_japanese(scripts: bytes) -> bool:
    """Says whether kana makes a run of Han Japanese: Chinese shop names have a single の, and no more."""
    kana = scripts.count(_HIRAGANA) + scripts.count(_KATAKANA)
    return kana >= 2 and kana + scripts.count(_HAN) == len(scripts) and kana >= MIN_KANA_SHARE * len(scripts)


def _is_symbol(run: str, script: int, *, latin_target: bool) -> bool:
    """Says whether foreign letters are what formulas, measures and names of things have in every language."""
    if script == _GREEK:
        return len(run) <= MAX_GREEK_SYMBOL
    if script == _LATIN and not latin_target:
        return len(run) == 1 or _ACRONYM.fullmatch(run) is not None or _INTERNATIONAL.fullmatch(run) is not None
    return False


def _spans(text: str, fragments: list[_Fragment], spoken: npt.NDArray[np.bool_]) -> list[Span]:
    """Joins neighbouring fragments of one language, and judges them."""
    groups: list[list[_Fragment]] = []
    letters = spoken.tobytes()
    for fragment in fragments:
        if groups and _joins(text, groups[-1][-1], fragment, letters):
            groups[-1].append(fragment)
        else:
            groups.append([fragment])
    spans = []
    for group in groups:
        start, end = group[0].start, group[-1].end
        languages = {fragment.language for fragment in group}
        num_letters = sum(fragment.end - fragment.start for fragment in group)
        minor = (
            group[0].script == _LATIN and not group[0].homoglyphs and len(text[start:end].split()) <= MAX_MINOR_WORDS
        )
        spans.append(
            Span(
                start,
                end,
                "ja" if "ja" in languages else group[0].language,  # kana decides
                sum(fragment.num_foreign for fragment in group) / num_letters,
                "minor" if minor else "off_script",
            )
        )
    return spans


def _joins(text: str, left: _Fragment, right: _Fragment, spoken: bytes) -> bool:
    if left.homoglyphs or right.homoglyphs or right.start - left.end > MAX_GAP:
        return False
    languages = {left.language, right.language}
    if languages != {"zh", "ja"} and (len(languages) > 1 or (UNKNOWN in languages and left.script != right.script)):
        return False
    return "\n" not in text[left.end : right.start] and 1 not in spoken[left.end : right.start]


def _word_languages(
    words: npt.NDArray[np.int64], letters: _Letters, found: list[Span], names: list[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Gives the language of each word: its index in `names`, 0 for the target, -1 for none; and which are in minor spans."""
    spoken_before = np.concatenate(([0], np.cumsum(letters.spoken)))
    foreign_before = np.concatenate(([0], np.cumsum(letters.foreign)))
    num_spoken = spoken_before[words[:, 1]] - spoken_before[words[:, 0]]
    num_foreign = foreign_before[words[:, 1]] - foreign_before[words[:, 0]]
    languages = np.where(num_spoken > 0, 0, -1)
    minor = np.zeros(len(words), np.bool_)
    foreign_words = np.flatnonzero(2 * num_foreign > num_spoken)
    if foreign_words.size:
        foreign_at = np.flatnonzero(letters.foreign)
        first_foreign = foreign_at[np.searchsorted(foreign_at, words[foreign_words, 0])]
        span_of = np.searchsorted([span.start for span in found], first_foreign, "right") - 1
        languages[foreign_words] = np.array([names.index(span.language) for span in found])[span_of]
        minor[foreign_words] = np.array([span.severity == "minor" for span in found])[span_of]
    return languages, minor


@nb.njit(cache=True, nogil=True)
def _segment(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Gives the words of a text by the property bits of its characters: int64[words, 2], start and end (exclusive)."""
    words = np.empty((bits.size, 2), np.int64)
    count = 0
    state = NO_WORD
    for at in range(bits.size):
        previous = state
        state, begins = next_word_state(state, np.int64(bits[at]))
        if previous != NO_WORD and (begins or state == NO_WORD):
            words[count, 1] = at
            count += 1
        if begins:
            words[count, 0] = at
    if state != NO_WORD:
        words[count, 1] = bits.size
        count += 1
    return words[:count]
