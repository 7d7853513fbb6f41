"""Texts of which the language of every character is known: splices of real clauses, clean texts, texts with one foreign word or clause.

They are made of `benchmarks.mixed_clauses`, the same ones for the same seed on every machine; set thresholds on the part `tune`, report
the part `test`. For the scripts here and for tests.

The truth is as good as these rules make it:

- A word has the language of its clause, names (Tom, Mary) too.
- A formula or a piece of code that was put in is `zxx`, with its delimiters, whatever letters it holds. It is no word: how much of it
  is labelled `zxx` is scored apart.
- Words (`words_of`) are those of letters, or single characters of Han, kana, Thai and the other scripts without spaces. Words of one
  letter and words of capitals alone (TV, OK) count in the share of the target, but no label of theirs is scored: they are words of
  many languages, and formulas, too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.mixed_clauses import (
    END_MARKS,
    LANGUAGES,
    LETTERS,
    MGSM,
    Part,
    clauses,
    clean_sentences,
    generator,
    has_foreign_letters,
    inserts,
    is_unspaced,
    joined,
    questions,
)
from columnar.codepoints import UNSPACED, code_points, properties
from columnar.writing import scripts_of

#: Target first: it has the larger share in most texts.
PAIRS = (("en", "zh"), ("en", "fr"), ("de", "en"), ("es", "pt"), ("ru", "uk"))
#: Pairs that readers of one read the other: a clause of one in the other is found last.
NEAR = (
    frozenset({"es", "pt"}),
    frozenset({"ru", "uk"}),
    frozenset({"cs", "pl"}),
    frozenset({"es", "it"}),
    frozenset({"it", "pt"}),
)
ZXX = "zxx"

PLANTED_WORDS = (4, 8)
LONG_TEXT = 500  # words
MIN_LATIN_LETTERS = 4  # of a planted word: shorter ones may be functions (sin, det) or units

Labels = Iterable[tuple[int, int, str]]


class Tokens(Protocol):
    """What `columnar.mixing.label_tokens` gives: int64[n] characters from and to, int16[n] places in `names`."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    language: npt.NDArray[np.int16]
    names: tuple[str, ...]


_WORD = re.compile(rf"{LETTERS}(?:['’ʼ‐-]{LETTERS})*")


class Piece(NamedTuple):
    """Characters `start` to `end` (exclusive) that are in one language, or in none (`zxx`)."""

    start: int
    end: int
    language: str


class MixedText(NamedTuple):
    """A text, the language that it should be in, and its pieces in order; what lies between two pieces has no truth."""

    text: str
    target: str
    pieces: tuple[Piece, ...]

    def foreign(self) -> list[Piece]:
        """Gives the pieces of another language than the target."""
        return [piece for piece in self.pieces if piece.language not in (self.target, ZXX)]


class Score(NamedTuple):
    """What `score` counts: words with a truth, those labelled rightly; the share of the target, true and found; formulas and code."""

    words: int
    right: int
    true_share: float
    found_share: float
    zxx_chars: int
    zxx_right: int


def splices(pair: tuple[str, str], count: int, part: Part = "test", seed: int = 0) -> list[MixedText]:
    """Splices clauses of two languages: 6 to 16 clauses each, 5 to 50 % of them not in the target (at least one), with formulas and code.

    Clauses follow each other with their own last mark, a comma or nothing, and a space (none beside Han, half the time), or a new line.
    About every fifth clause is followed by a formula or by code, half the time it has one inside.
    """
    rng = generator("splices", *pair, part, seed)
    pools = {language: clauses(language, part) for language in pair}
    formulas_and_code = inserts(part)
    texts = []
    for _ in range(count):
        length = int(rng.integers(6, 17))
        foreign = max(1, round(length * rng.uniform(0.05, 0.5)))
        order = [pair[0]] * (length - foreign) + [pair[1]] * foreign
        rng.shuffle(order)
        writer = _Writer(rng)
        for language in order:
            clause = pools[language][int(rng.integers(len(pools[language])))]
            inserted = formulas_and_code[int(rng.integers(len(formulas_and_code)))] if rng.random() < 0.2 else None
            writer.add_clause(clause, language, inserted)
        texts.append(MixedText("".join(writer.parts), pair[0], tuple(writer.pieces)))
    return texts


def clean_texts(part: Part = "test", seed: int = 0) -> dict[str, list[MixedText]]:
    """Gives texts of one language, by the data they are from.

    `tatoeba` are six of the sentences that `clean_sentences` gives, each of them once; `mgsm` is one question.
    """
    found: dict[str, list[MixedText]] = {"tatoeba": [], "mgsm": []}
    for language in LANGUAGES:
        sentences = clean_sentences(language, part)
        generator("clean", language, part, seed).shuffle(sentences)
        for at in range(0, len(sentences) - 5, 6):
            found["tatoeba"].append(_whole(joined(sentences[at : at + 6], language), language))
    for language in MGSM:
        found["mgsm"] += [_whole(question, language) for question in questions(language, part)]
    return found


def planted_words(count: int, part: Part = "test", seed: int = 0) -> list[MixedText]:
    """Gives texts of 500 words with one word of a language that shares no script with the text's.

    The word has two letters or more, in Latin script `MIN_LATIN_LETTERS`; in Han, kana or Thai it is two to four characters of a clause.
    """
    rng = generator("words", part, seed)
    texts = []
    while len(texts) < count:
        target, other = (LANGUAGES[int(i)] for i in rng.choice(len(LANGUAGES), 2, replace=False))
        if scripts_of(target).isdisjoint(scripts_of(other)):
            pool = _planted_word_pool(other, part)
            texts.append(_plant(rng, target, pool[int(rng.integers(len(pool)))], other, part))
    return texts


def planted_clauses(count: int, part: Part = "test", seed: int = 0) -> list[MixedText]:
    """Gives texts of 500 words with one clause of 4 to 8 words of another language of the same script (Latin or Cyrillic)."""
    rng = generator("clauses", part, seed)
    spaced = [language for language in LANGUAGES if scripts_of(language) & {"Latn", "Cyrl"}]
    texts = []
    pools = {
        language: [c for c in clauses(language, part) if PLANTED_WORDS[0] <= len(c.split()) <= PLANTED_WORDS[1]]
        for language in spaced
    }
    while len(texts) < count:
        target, other = (spaced[int(i)] for i in rng.choice(len(spaced), 2, replace=False))
        if scripts_of(target) == scripts_of(other):
            pool = pools[other]
            texts.append(_plant(rng, target, pool[int(rng.integers(len(pool)))], other, part))
    return texts


def words_of(text: str) -> Iterator[tuple[int, int, bool]]:
    """Gives each word, or each character of a script without spaces: from, to, and whether its label is scored."""
    bits = properties()[code_points(text)]
    for match in _WORD.finditer(text):
        start = match.start()
        for at in range(match.start(), match.end()):
            if bits[at] & UNSPACED:
                if _num_letters(text[start:at]):
                    yield start, at, _has_truth(text[start:at])
                yield at, at + 1, True
                start = at + 1
        if _num_letters(text[start : match.end()]):
            yield start, match.end(), _has_truth(text[start : match.end()])


def score(mixed: MixedText, labels: Labels) -> Score:
    """Compares a labelling with the truth, word by word.

    Args:
        mixed: the text.
        labels: (start, end, language), of tokens or longer spans, in any order; what none covers has no label.

    Returns:
        Counts. A word has the label of most of its characters, of the first such if in doubt; a word of a clause that is labelled `zxx`
        or not at all is wrong. `zxx` pieces are no words of these: their letters and digits are counted apart. Both shares are of the
        target among the words: in truth, and among those that got a language.
    """
    names: dict[str, int] = {}
    label_at = np.full(len(mixed.text), -1, np.int64)
    for start, end, language in labels:
        label_at[start:end] = names.setdefault(language, len(names))
    target, zxx = names.get(mixed.target, -2), names.get(ZXX, -2)
    words = right = every = of_target = found = found_target = zxx_chars = zxx_right = 0
    for piece in mixed.pieces:
        inside = label_at[piece.start : piece.end]
        if piece.language == ZXX:
            ink = np.array([c.isalnum() for c in mixed.text[piece.start : piece.end]])
            zxx_chars += int(ink.sum())
            zxx_right += int((ink & (inside == zxx)).sum())
            continue
        wanted = names.get(piece.language, -2)
        for start, end, scored in words_of(mixed.text[piece.start : piece.end]):
            label = _most_common(inside[start:end])
            words += scored
            right += scored and label == wanted
            every += 1
            of_target += piece.language == mixed.target
            found += label not in (-1, zxx)
            found_target += label == target
    return Score(words, right, of_target / max(1, every), found_target / found if found else 1.0, zxx_chars, zxx_right)


def accuracy(scores: Sequence[Score]) -> float:
    """Gives the share of words labelled rightly, over all texts."""
    return sum(s.right for s in scores) / max(1, sum(s.words for s in scores))


def share_error(scores: Sequence[Score]) -> float:
    """Gives the mean absolute error of the target's share, over all texts."""
    return float(np.mean([abs(s.true_share - s.found_share) for s in scores]))


def flagged_share(texts: Sequence[MixedText], spans_of: Callable[[MixedText], Labels]) -> float:
    """Gives the share of texts in which anything is reported."""
    return sum(any(True for _ in spans_of(mixed)) for mixed in texts) / max(1, len(texts))


def is_found(mixed: MixedText, spans: Labels) -> bool:
    """Says whether what is reported covers at least half of the characters of each foreign piece, under whatever language."""
    covered = np.zeros(len(mixed.text), np.bool_)
    for start, end, _ in spans:
        covered[start:end] = True
    return all(2 * covered[piece.start : piece.end].sum() >= piece.end - piece.start for piece in mixed.foreign())


def token_labels(tokens: Tokens) -> Labels:
    """Gives `columnar.mixing`'s tokens as `score` takes them."""
    names = [tokens.names[i] for i in tokens.language.tolist()]
    return zip(tokens.start.tolist(), tokens.end.tolist(), names, strict=True)


@cache
def _plain_sentences(language: str, part: Part) -> tuple[str, ...]:
    return tuple(s for s in clean_sentences(language, part) if not has_foreign_letters(s, language))


@cache
def _planted_word_pool(language: str, part: Part) -> tuple[str, ...]:
    words: list[str] = []
    rng = generator("pool", language, part)
    for clause in clauses(language, part):
        if is_unspaced(language):
            run = max(re.findall(r"[^\W\d_]+", clause), key=len, default="")
            size = int(rng.integers(2, 5))
            if len(run) >= size:
                at = int(rng.integers(len(run) - size + 1))
                words.append(run[at : at + size])
        else:
            shortest = MIN_LATIN_LETTERS if "Latn" in scripts_of(language) else 2
            found = [word for word in _WORD.findall(clause) if _has_truth(word)]
            words += [word for word in found if _num_letters(word) >= shortest]
    return tuple(dict.fromkeys(words))


def _plant(rng: np.random.Generator, target: str, planted: str, language: str, part: Part) -> MixedText:
    """Puts a word or clause between two words of a text of 500 words."""
    pool = _plain_sentences(target, part)
    chosen: list[str] = []
    words = 0
    for i in rng.permutation(len(pool)):
        if words >= LONG_TEXT:
            break
        chosen.append(pool[i])
        words += len(pool[i]) if is_unspaced(target) else len(pool[i].split())
    text = joined(chosen, target)
    at = _between_words(rng, text, target)
    before, after = text[:at], text[at:]
    if not is_unspaced(target):
        before = f"{before} "
        at += 1
    end = at + len(planted)
    pieces = (Piece(0, at, target), Piece(at, end, language), Piece(end, end + len(after), target))
    return MixedText(before + planted + after, target, pieces)


class _Writer:
    """Puts a text together, and remembers where what is."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.parts: list[str] = []
        self.pieces: list[Piece] = []
        self._rng = rng
        self._at = 0

    def add_clause(self, clause: str, language: str, inserted: str | None) -> None:
        bare = clause.rstrip(END_MARKS)
        marked = (clause, clause, bare, f"{bare},")[int(self._rng.integers(4))]
        if self.parts:
            close = is_unspaced(language) and self._rng.random() < 0.5
            self._add("\n" if self._rng.random() < 0.1 else "" if close else " ")
        if inserted is None:
            self._add(marked, language)
        else:
            at = self._place_inside(marked, language)
            self._add(marked[:at], language)
            self._add(" ")
            self._add(inserted, ZXX)
            self._add(" ")
            self._add(marked[at:], language)

    def _place_inside(self, clause: str, language: str) -> int:
        """Chooses a place between two words of a clause, or its end."""
        if self._rng.random() < 0.5:
            return len(clause)
        return _between_words(self._rng, clause, language)

    def _add(self, text: str, language: str | None = None) -> None:
        if language is not None and text.strip():
            self.pieces.append(Piece(self._at, self._at + len(text), language))
        self.parts.append(text)
        self._at += len(text)


def _between_words(rng: np.random.Generator, text: str, language: str) -> int:
    """Chooses a space, or in a text without spaces a place before a letter."""
    gaps = r"(?!^)(?=[^\W\d_])" if is_unspaced(language) else "(?!^) "
    places = [match.start() for match in re.finditer(gaps, text)] or [len(text)]
    return places[int(rng.integers(len(places)))]


def _has_truth(word: str) -> bool:
    return _num_letters(word) > 1 and not word.isupper()


def _num_letters(word: str) -> int:
    return sum(map(str.isalpha, word))


def _most_common(labels: npt.NDArray[np.int64]) -> int:
    values, firsts, counts = np.unique(labels, return_index=True, return_counts=True)
    return int(min(zip(-counts, firsts, values, strict=True))[2])


def _whole(text: str, language: str) -> MixedText:
    return MixedText(text, language, (Piece(0, len(text), language),))
