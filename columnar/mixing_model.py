"""What the detector of language mixing says of a text: spans, counts of words by language, labelled tokens. Types only.

`columnar.mixing` makes them; curation and rewards read them.
"""

from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Severity = Literal["off_script", "same_script", "minor"]

LANGUAGES: Final = (
    *("ar", "bn", "cs", "de", "en", "es", "fa", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl"),
    *("pt", "ru", "sv", "sw", "te", "th", "tr", "uk", "vi", "zh"),
)
"""Whom an unknown fragment may be in, if nobody says: the 25 languages that models are mostly measured in."""


class Span(NamedTuple):
    """A fragment in another language than the text's: characters `start` to `end` (exclusive) of the text as given.

    Attributes:
        start: its first character.
        end: the first character after it.
        language: ISO 639 code; `und` if nothing tells.
        score: how sure, 0..1. By script: the share of its letters that are foreign, less than 1 only in a word of homoglyphs. By
            words: the probability that it is not in the text's language.
        severity: `off_script` in a script that the text's language is not written in, hardly ever a false alarm; `same_script`
            told by its words alone; `minor`: names, terms and titles in Latin letters in a text of another script.
    """

    start: int
    end: int
    language: str
    score: float
    severity: Severity


class Tally(NamedTuple):
    """Words by language, in one mode.

    Attributes:
        words: those that have a language (in spaced scripts words; in Han, kana, Thai, Lao, Khmer and Myanmar characters).
        target_words: those in the target language.
        shares: each language's share of `words`: the target first, then the largest first; `und` is unknown. Empty without words.
        transitions: how often a word of one language is followed by one of another, words of no language left out.
    """

    words: int
    target_words: int
    shares: dict[str, float]
    transitions: dict[tuple[str, str], int]

    @property
    def ratio(self) -> float:
        """Target words over words: R1's language consistency; 1 for a text without any."""
        return self.target_words / self.words if self.words else 1.0

    @property
    def switches(self) -> int:
        """How often the language changes."""
        return sum(self.transitions.values())


class LanguageCounts(NamedTuple):
    """What languages the words of a text are in.

    Attributes:
        target: the language that the text should be in, or is mostly in where `und` was asked for.
        words: all words, those of no language too.
        zxx_words: those of no language.
        strict: every word counts, as in R1.
        lenient: borrowed terms, acronyms and names count as the target's: only words in spans that are not `minor` do not.
        off_script_share: letters in `off_script` spans over all letters that have a language.
        spans: what is reported, in order, disjoint.
    """

    target: str
    words: int
    zxx_words: int
    strict: Tally
    lenient: Tally
    off_script_share: float
    spans: list[Span]


class Tokens(NamedTuple):
    """Every word of a text with its language, in order.

    Attributes:
        start: int64[n], first character.
        end: int64[n], the first character after it.
        language: int16[n], index into `names`.
        names: the languages, `zxx` among them.
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    language: npt.NDArray[np.int16]
    names: tuple[str, ...]


class OffScript(NamedTuple):
    """Letters of each document, counted by script alone: int64 arrays without nulls.

    Attributes:
        letters: those of any script.
        off_script: those of a script that the target is not written in; without the Latin ones, and without a Greek letter or two.
        latin: Latin letters in a text whose language does not use them: names, terms and formulas are usual there.
    """

    letters: pa.Int64Array
    off_script: pa.Int64Array
    latin: pa.Int64Array
