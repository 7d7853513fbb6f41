"""Makes of labelled tokens what is reported: spans with their severity, and tallies of words. Pure: no I/O.

Two thresholds stand here; a third, the share from which a filter rejects a text, belongs to who filters.

- A fragment in a script that the target is not written in is always reported: `off_script`, or `minor` for up to `MAX_MINOR_WORDS` Latin words.
- Words of the target's own script are reported as `same_script` if at least `MIN_SPAN_WORDS` follow each other in one language, and explain
  themselves by `MIN_SPAN_NATS` better so than in the target's. What does not reach that may be borrowed, a name, or chance.
"""

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from columnar.codepoints import COMMON, INHERITED, SCRIPTS, script_numbers
from columnar.mixing_model import LanguageCounts, Severity, Span, Tally
from columnar.mixing_plan import Plan
from columnar.mixing_reading import Reading
from columnar.mixing_tokens import HOMOGLYPHS, LINE

MIN_SPAN_WORDS: Final = 2
MIN_SPAN_NATS: Final = 14.0
MAX_MINOR_WORDS: Final = 4
MAX_GAP: Final = 20
"""Characters without a letter that one fragment of a foreign script can hold; and so many times the words' own length between words."""

_TEMPERATURE: Final = 4.0  # nats of words overlap: what makes of their sum a probability that is not absurd
_LATIN = SCRIPTS.index("Latn")
# Kana makes Han Japanese: in a Chinese text a sentence of both is one fragment, and no word of it needs evidence.
_EAST_ASIAN = np.isin(np.arange(256), [SCRIPTS.index(name) for name in ("Hani", "Hira", "Kana", "Bopo")])


class _Run(NamedTuple):
    """Foreign tokens `first` to `last` (exclusive, among those that have a language) that belong together."""

    first: int
    last: int
    severity: Severity | None
    language: int
    score: float


def counts_of(reading: Reading, plan: Plan) -> list[LanguageCounts]:
    """Gives the counts of each text read; the plan must have a target."""
    return [_TextReader(reading, plan, i).counts() for i in range(len(reading.bounds) - 1)]


class _TextReader:
    """One text of a reading: its tokens that have a language."""

    def __init__(self, reading: Reading, plan: Plan, text: int) -> None:
        self._plan, self._points = plan, reading.points
        self._base = int(reading.offsets[text])
        first, last = int(reading.bounds[text]), int(reading.bounds[text + 1])
        self._num_words = last - first
        language = reading.language[first:last]
        spoken = np.flatnonzero(language != plan.none)
        self._language = language[spoken]
        at = spoken + first
        self._start, self._end = reading.tokens.start[at], reading.tokens.end[at]
        self._script, self._flags, self._gap = (
            reading.tokens.script[at],
            reading.tokens.flags[at],
            reading.tokens.gap[at],
        )
        self._evidence = reading.evidence[at]

    def counts(self) -> LanguageCounts:
        strict = self._tally(self._language)
        if strict.target_words == strict.words:
            return LanguageCounts(
                self._plan.names[0], self._num_words, self._num_words - strict.words, strict, strict, 0.0, []
            )
        reported = np.zeros(len(self._language), np.bool_)
        off_letters = 0
        spans = []
        for run in self._runs():
            if run.severity is None:
                continue
            start, end = int(self._start[run.first]) - self._base, int(self._end[run.last - 1]) - self._base
            spans.append(Span(start, end, self._plan.names[run.language], run.score, run.severity))
            if run.severity != "minor":
                reported[run.first : run.last] = True
            if run.severity == "off_script":
                off_letters += int((self._end[run.first : run.last] - self._start[run.first : run.last]).sum())
        return LanguageCounts(
            target=self._plan.names[0],
            words=self._num_words,
            zxx_words=self._num_words - strict.words,
            strict=strict,
            lenient=self._tally(np.where(reported, self._language, np.int16(0))),
            off_script_share=off_letters / max(1, int((self._end - self._start).sum())),
            spans=spans,
        )

    def _tally(self, languages: npt.NDArray[np.int16]) -> Tally:
        total, names = len(languages), self._plan.names
        target = int((languages == 0).sum())
        if target == total:
            return Tally(total, total, {names[0]: 1.0} if total else {}, {})
        counts = np.bincount(languages, minlength=len(names)).tolist()
        order = [0, *sorted(range(1, len(names)), key=lambda i: -counts[i])]
        at = np.flatnonzero(np.diff(languages))
        changes = Counter(zip(languages[at].tolist(), languages[at + 1].tolist(), strict=True))
        return Tally(
            words=total,
            target_words=target,
            shares={names[i]: counts[i] / total for i in order if counts[i]},
            transitions={(names[a], names[b]): count for (a, b), count in sorted(changes.items())},
        )

    def _runs(self) -> list[_Run]:
        """Cuts the foreign tokens into runs, and judges each."""
        home = self._plan.home[self._script] & ~_EAST_ASIAN[self._script]
        homoglyphs = self._flags & HOMOGLYPHS != 0
        foreign = self._language != 0
        latin = (self._script == _LATIN) & ~home
        # What belongs together: Latin words of any language in a text of another script; words of one language elsewhere.
        kind = np.where(foreign, self._language.astype(np.int64) * 2 + home, -1)
        kind[foreign & latin] = -2
        kind[foreign & homoglyphs] = -3
        breaks = np.ones(len(kind) + 1, np.bool_)
        if len(kind) > 1:
            near = self._start[1:] - self._end[:-1] <= MAX_GAP
            same_line = self._gap[1:] < LINE
            by_words = foreign[1:] & home[1:] & ~homoglyphs[1:]
            joined = (kind[1:] == kind[:-1]) & foreign[1:] & (kind[1:] != -3) & (by_words | (near & same_line))
            breaks[1:-1] = ~joined
        edges = np.flatnonzero(breaks)
        firsts, lasts = edges[:-1], edges[1:]
        wanted = foreign[firsts]
        return [
            self._judge(first, last, home=bool(home[first]), latin=bool(latin[first]))
            for first, last in zip(firsts[wanted].tolist(), lasts[wanted].tolist(), strict=True)
        ]

    def _judge(self, first: int, last: int, *, home: bool, latin: bool) -> _Run:
        language = int(self._language[first])
        if self._flags[first] & HOMOGLYPHS:
            return _Run(first, last, "off_script", language, self._foreign_share(first))
        if not home:
            if not latin:
                same = bool(self._plan.home[self._script[first:last]].all())
                return _Run(first, last, "same_script" if same else "off_script", language, 1.0)
            language = int(np.bincount(self._language[first:last]).argmax())
            return _Run(first, last, "minor" if last - first <= MAX_MINOR_WORDS else "off_script", language, 1.0)
        nats = float(self._evidence[first:last].sum())
        if last - first < MIN_SPAN_WORDS or nats < MIN_SPAN_NATS:
            return _Run(first, last, None, language, 0.0)
        return _Run(first, last, "same_script", language, float(1 / (1 + np.exp(-nats / _TEMPERATURE))))

    def _foreign_share(self, token: int) -> float:
        """Gives the share of the letters of a token that are foreign to the target."""
        scripts = script_numbers()[self._points[self._start[token] : self._end[token]]]
        letters = scripts[(scripts != COMMON) & (scripts != INHERITED)]
        return float((~self._plan.home[letters]).mean())
