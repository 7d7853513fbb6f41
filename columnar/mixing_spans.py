"""Makes of labelled tokens what is reported: spans with their severity, and tallies of words. Pure: no I/O.

Two thresholds stand here; a third, the share from which a filter rejects a text, belongs to who filters.

- A fragment in a script that the target is not written in is always reported: `off_script`, or `minor` for up to `MAX_MINOR_WORDS` Latin words.
- Words of the target's own script are reported as `same_script` if at least `MIN_SPAN_WORDS` follow each other in one language, and explain
  themselves by `MIN_SPAN_NATS` better so than in the target's. What does not reach that may be borrowed, a name, or chance.
"""

from typing import Final, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import COMMON, INHERITED, SCRIPTS, script_numbers
from columnar.mixing_model import LanguageCounts, Severity, Span, Tally
from columnar.mixing_plan import Plan
from columnar.mixing_reading import Reading
from columnar.mixing_tokens import BORROWED, HOMOGLYPHS, LINE, Tokens
from columnar.text import Int

MIN_SPAN_WORDS: Final = 2
MIN_SPAN_NATS: Final = 14.0
MAX_MINOR_WORDS: Final = 4
MAX_GAP: Final = 20
"""Characters without a letter that one fragment of a foreign script can hold."""

_TEMPERATURE: Final = 4.0  # nats of words overlap: what makes of their sum a probability that is not absurd
_LATIN = SCRIPTS.index("Latn")
# Kana makes Han Japanese: in a Chinese text a sentence of both is one fragment, and no word of it needs evidence.
_EAST_ASIAN = np.isin(np.arange(256), [SCRIPTS.index(name) for name in ("Hani", "Hira", "Kana", "Bopo")])


_SEVERITIES: Final[tuple[Severity, ...]] = ("off_script", "minor", "same_script")
_OFF_SCRIPT, _MINOR, _SAME_SCRIPT, _HIDDEN = range(4)


class _Runs(NamedTuple):
    """Foreign tokens that belong together, in order: their text, first and last (inclusive) token, language, severity, evidence.

    A severity of `_HIDDEN` is not reported.
    """

    text: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    language: npt.NDArray[np.int64]
    severity: npt.NDArray[np.int64]
    nats: npt.NDArray[np.float64]


def counts_of(reading: Reading, plan: Plan) -> list[LanguageCounts]:
    """Gives the counts of each text read; the plan must have a target."""
    tokens, names, num_texts = reading.tokens, plan.names, len(reading.bounds) - 1
    size = int(np.count_nonzero((reading.language != 0) & (reading.language != plan.none)))
    ints = [np.empty(size, np.int64) for _ in range(5)]
    runs = _Runs(ints[0], ints[1], ints[2], ints[3], ints[4], np.empty(size))
    reported = np.zeros(len(reading.language), np.bool_)
    tallies = np.zeros((2, num_texts, len(names)), np.int64)
    letters = np.zeros((2, num_texts), np.int64)
    changes = np.empty(4 * size, np.int64)
    num_runs = _find_runs(reading, plan.home, plan.none, runs, reported)
    num_changes = _count_words(tokens, reading.language, reported, reading.bounds, plan.home, tallies, letters, changes)
    spans: list[list[Span]] = [[] for _ in range(num_texts)]
    rows = zip(*(column[:num_runs].tolist() for column in runs), strict=True)
    for text, first, last, language, severity, nats in rows:
        if severity != _HIDDEN:
            base = int(reading.offsets[text])
            start, end = int(tokens.start[first]) - base, int(tokens.end[last]) - base
            score = 1.0
            if tokens.flags[first] & HOMOGLYPHS:
                score = _foreign_share(reading, plan, first)
            elif severity == _SAME_SCRIPT and nats > 0:
                score = 1 / (1 + float(np.exp(-nats / _TEMPERATURE)))
            spans[text].append(Span(start, end, names[language], score, _SEVERITIES[severity]))
    transitions = _transitions(changes[:num_changes], names, num_texts)
    all_words, zxx_words = np.diff(reading.bounds), tallies[0, :, plan.none]
    off_shares = letters[1] / np.maximum(1, letters[0])
    counts = []
    columns = zip(all_words.tolist(), zxx_words.tolist(), tallies[0, :, 0].tolist(), off_shares.tolist(), strict=True)
    for text, (words, zxx, target_words, off_share) in enumerate(columns):
        spoken = words - zxx
        if target_words == spoken:
            strict = lenient = Tally(spoken, spoken, {names[0]: 1.0} if spoken else {}, {})
        else:
            strict = _tally(tallies[0, text].tolist(), spoken, names, transitions[2 * text])
            lenient = _tally(tallies[1, text].tolist(), spoken, names, transitions[2 * text + 1])
        counts.append(LanguageCounts(names[0], words, zxx, strict, lenient, off_share, spans[text]))
    return counts


def _transitions(
    changes: npt.NDArray[np.int64], names: tuple[str, ...], num_texts: int
) -> list[dict[tuple[str, str], int]]:
    """Counts changes of language, coded as `_count_words` does: by text and mode, two of a text after each other."""
    found: list[dict[tuple[str, str], int]] = [{} for _ in range(2 * num_texts)]
    codes, counts = np.unique(changes, return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        pair, after = divmod(code, len(names))
        row, before = divmod(pair, len(names))
        found[row][names[before], names[after]] = count
    return found


def _tally(counts: list[int], words: int, names: tuple[str, ...], transitions: dict[tuple[str, str], int]) -> Tally:
    found = sorted((i for i in range(1, len(names) - 1) if counts[i]), key=lambda i: -counts[i])
    shares = {names[i]: counts[i] / words for i in (0, *found) if counts[i]}
    return Tally(words, counts[0], shares, transitions)


def _foreign_share(reading: Reading, plan: Plan, token: int) -> float:
    """Gives the share of the letters of a token that are foreign to the target."""
    scripts = script_numbers()[reading.points[reading.tokens.start[token] : reading.tokens.end[token]]]
    letters = scripts[(scripts != COMMON) & (scripts != INHERITED)]
    return float((~plan.home[letters]).mean())


@nb.njit(cache=True, nogil=True)
def _find_runs(
    reading: Reading, home: npt.NDArray[np.bool_], none: int, runs: _Runs, reported: npt.NDArray[np.bool_]
) -> int:
    """Cuts the foreign tokens into runs and judges each; marks in `reported` the tokens of those that count in lenient mode."""
    _, tokens, _, bounds, languages, evidence = reading
    starts, ends, scripts, flags, gaps = tokens
    texts, firsts, lasts, run_languages, severities, run_nats = runs
    votes = np.zeros(languages.max() + 1 if languages.size else 1, np.int64)
    count = 0
    for text in range(bounds.size - 1):
        at = bounds[text]
        while at < bounds[text + 1]:
            if languages[at] in (0, none):
                at += 1
                continue
            first = last = at
            at += 1
            script = scripts[first]
            by_words = home[script] and not _EAST_ASIAN[script]
            latin = script == _LATIN and not by_words
            all_home = home[script]
            words = 1 if flags[first] & BORROWED == 0 or not by_words else 0
            nats = np.float64(evidence[first])
            votes[languages[first]] = 1
            line = False
            if not flags[first] & HOMOGLYPHS:
                # What belongs together: Latin words of any language in a text of another script; words of one language elsewhere.
                while at < bounds[text + 1]:
                    line = line or gaps[at] >= LINE
                    if languages[at] != none:
                        script = scripts[at]
                        if languages[at] == 0 or flags[at] & HOMOGLYPHS:
                            break
                        if by_words != (home[script] and not _EAST_ASIAN[script]) or latin != (
                            script == _LATIN and not by_words
                        ):
                            break
                        if not latin and languages[at] != languages[first]:
                            break
                        if not by_words and (line or starts[at] - ends[last] > MAX_GAP):
                            break
                        line = False
                        all_home = all_home and home[script]
                        words += 1 if flags[at] & BORROWED == 0 or not by_words else 0
                        nats += np.float64(evidence[at])
                        votes[languages[at]] += 1
                        last = at
                    at += 1
                at = last + 1
            language = np.int64(languages[first])
            if latin:
                for i in range(first, last + 1):
                    if languages[i] != none and votes[languages[i]] > votes[language]:
                        language = np.int64(languages[i])
            for i in range(first, last + 1):
                votes[languages[i]] = 0
            if flags[first] & HOMOGLYPHS:
                severity = _OFF_SCRIPT
            elif by_words:
                severity = _SAME_SCRIPT if words >= MIN_SPAN_WORDS and nats >= MIN_SPAN_NATS else _HIDDEN
            elif latin:
                severity = _MINOR if words <= MAX_MINOR_WORDS else _OFF_SCRIPT
            else:
                severity = _SAME_SCRIPT if all_home else _OFF_SCRIPT
            if severity in (_OFF_SCRIPT, _SAME_SCRIPT):
                for i in range(first, last + 1):
                    reported[i] = languages[i] != none
            texts[count], firsts[count], lasts[count] = text, first, last
            run_languages[count], severities[count], run_nats[count] = language, severity, nats if by_words else 0.0
            count += 1
    return count


@nb.njit(cache=True, nogil=True)
def _count_words(
    tokens: Tokens,
    languages: npt.NDArray[np.int16],
    reported: npt.NDArray[np.bool_],
    bounds: npt.NDArray[np.int64],
    home: npt.NDArray[np.bool_],
    tallies: npt.NDArray[np.int64],
    letters: npt.NDArray[np.int64],
    changes: npt.NDArray[np.int64],
) -> int:
    """Adds up words by language in both modes, int64[2, texts, names], and letters, all and reported off script, int64[2, texts].

    Writes the changes of language to `changes` as ((text * 2 + mode) * names + from) * names + to, and gives their number.
    """
    starts, ends, scripts, _, _ = tokens
    num_names = tallies.shape[2]
    none = num_names - 1
    count = 0
    for text in range(bounds.size - 1):
        strict_before: Int = -1
        lenient_before: Int = -1
        for i in range(bounds[text], bounds[text + 1]):
            strict = np.int64(languages[i])
            tallies[0, text, strict] += 1
            if strict == none:
                tallies[1, text, none] += 1
                continue
            lenient: Int = strict if reported[i] else 0
            tallies[1, text, lenient] += 1
            size = ends[i] - starts[i]
            letters[0, text] += size
            if reported[i] and not (home[scripts[i]] and not _EAST_ASIAN[scripts[i]]):
                letters[1, text] += size
            if strict_before not in (-1, strict):
                changes[count] = ((text * 2) * num_names + strict_before) * num_names + strict
                count += 1
            if lenient_before not in (-1, lenient):
                changes[count] = ((text * 2 + 1) * num_names + lenient_before) * num_names + lenient
                count += 1
            strict_before, lenient_before = strict, lenient
    return count
