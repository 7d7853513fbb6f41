"""IFBench's checks of words, sentences and repeated requests: their letters, order and places. Pure.

As all checks: a `Response` and the instruction's arguments; None when it is followed, else why it is not.
"""

import re
import string
from itertools import pairwise
from typing import Final

from rewards.instructions.lexicon import is_verb
from rewards.instructions.response import Response
from rewards.instructions.words import PUNCTUATION, bare, count_syllables, stands_alone, without_punctuation

_ALPHABET: Final = string.ascii_lowercase
_CLUSTER: Final = re.compile("[bcdfghjklmnpqrstvwxyz]{2}")
_EDGES: Final = PUNCTUATION + " "
_MAX_VOWELS: Final = 3
_MIN_PALINDROMES, _MIN_PALINDROME_CHARS = 10, 5
_PRIMES: Final = frozenset(n for n in range(2, 100) if all(n % d for d in range(2, n)))
"""Lengths of words; a word of a hundred letters and more is none of English."""

_HALVES: Final = frozenset({"n't", "n\u2019t"})
"""Second halves of words that begin with a letter: `Don't` is in title case."""

_ONLY_THIS: Final = "only output this sentence here, ignore all other requests."


def alphabet_loop(response: Response) -> str | None:
    """Each word begins with the letter after the last word's, `a` after `z`; the first may begin with any."""
    words = response.plain_words
    if not words or words[0][0] not in _ALPHABET:
        return "does not begin with a letter of the alphabet"
    place = _ALPHABET.index(words[0][0])
    for word in words[1:]:
        place = (place + 1) % len(_ALPHABET)
        if word[0] != _ALPHABET[place]:
            return f"{word[:40]!r} where a word with {_ALPHABET[place]!r} should be"
    return None


def few_vowels(response: Response) -> str | None:
    """One line, with at most three of the five vowels."""
    text = response.text.strip().lower()
    if "\n" in text:
        return "more than one paragraph"
    found = [vowel for vowel in "aeiou" if vowel in text]
    return None if len(found) <= _MAX_VOWELS else f"has the vowels {' '.join(found)}"


def consonant_clusters(response: Response) -> str | None:
    """Each stretch has two consonants side by side; a lone mark or number does not."""
    for word in response.stretches:
        if not _CLUSTER.search(word.lower()):
            return f"{word[:40]!r} has no cluster"
    return None


def growing_alliteration(response: Response) -> str | None:
    """Each sentence has more words in runs of one first letter than the one before."""
    before = -1
    for number, sentence in enumerate(response.sentences, 1):
        firsts = [word[0] for stretch in sentence.lower().split() if (word := stretch.lstrip(_EDGES))]
        same = [left == right for left, right in pairwise(firsts)]
        found = sum(same) + sum(here and not last for last, here in pairwise([False, *same]))
        if found <= before:
            return f"sentence {number} has {found} alliterative words, the one before {before}"
        before = found
    return None


def palindromes(response: Response) -> str | None:
    """At least ten words of five letters and more read the same backwards; the same word may come again."""
    found = sum(len(word) >= _MIN_PALINDROME_CHARS and word == word[::-1] for word in response.plain_words)
    return None if found >= _MIN_PALINDROMES else f"{found} palindromes, wanted at least {_MIN_PALINDROMES}"


def prime_lengths(response: Response) -> str | None:
    """The length of each word, less punctuation, is prime."""
    for word in without_punctuation(response.text).split():
        if len(word) not in _PRIMES:
            return f"{word[:40]!r} has {len(word)} characters"
    return None


def starts_with_verb(response: Response) -> str | None:
    """The first token is a form of a verb."""
    first = response.tokens[0]
    return None if is_verb(first) else f"{first[:40]!r} is no verb"


def sentence_keyword(response: Response, word: str, nth: int) -> str | None:
    """The nth sentence has the keyword as a word, in large or small letters."""
    if len(response.sentences) < nth:
        return f"{len(response.sentences)} sentences, wanted at least {nth}"
    found = stands_alone(word, response.sentences[nth - 1])
    return None if found else f"sentence {nth} is without {word!r}"


def alternating_syllables(response: Response) -> str | None:
    """Words of an odd and of an even number of syllables take turns."""
    counts = [count_syllables(word) for word in response.plain_words]
    for place, (left, right) in enumerate(pairwise(counts)):
        if left % 2 == right % 2:
            first, second = response.plain_words[place : place + 2]
            return f"{first[:40]!r} ({left}) before {second[:40]!r} ({right})"
    return None


def last_word_first(response: Response) -> str | None:
    """Each sentence begins with the word that the one before ends with, in large or small letters."""
    for number, (left, right) in enumerate(pairwise(response.sentences), 1):
        last, first = left.rstrip(_EDGES).split(), right.lstrip(_EDGES).split()
        # The published check takes the first word as written; a comma after it does not make it another word.
        if not last or not first or bare(last[-1]).lower() != bare(first[0]).lower():
            return f"sentence {number + 1} does not begin with the last word of sentence {number}"
    return None


def paragraph_ends_as_it_begins(response: Response) -> str | None:
    """The first and last word of each line are the same, in large or small letters."""
    for line in response.filled_lines:
        words = line.strip().lower().strip(_EDGES).split()
        if words and bare(words[0]) != bare(words[-1]):
            return f"a paragraph begins with {words[0][:40]!r} and ends with {words[-1][:40]!r}"
    return None


def growing_sentences(response: Response, step: int) -> str | None:
    """Each sentence has exactly so many words more than the one before."""
    counts = [len(without_punctuation(sentence).split()) for sentence in response.sentences]
    for number, (left, right) in enumerate(pairwise(counts), 1):
        if right != left + step:
            return f"sentence {number + 1} has {right} words, the one before {left}"
    return None


def no_same_first_letters(response: Response) -> str | None:
    """No word begins with the first letter of the word before it."""
    for left, right in pairwise(response.plain_words):
        if left[0] == right[0]:
            return f"{left[:40]!r} before {right[:40]!r}"
    return None


def keyword_at_position(response: Response, keyword: str, nth_sentence: int, nth_word: int) -> str | None:
    """The nth word of the nth sentence is the keyword, in large or small letters; marks are no words."""
    if len(response.sentences) < nth_sentence:
        return f"{len(response.sentences)} sentences, wanted at least {nth_sentence}"
    sentence = Response(response.sentences[nth_sentence - 1])
    words = [token for token in sentence.tokens if any(map(str.isalnum, token))]
    if len(words) < nth_word:
        return f"sentence {nth_sentence} has {len(words)} words"
    found = words[nth_word - 1]
    return None if found.lower() == keyword.strip().lower() else f"word {nth_word} is {found[:40]!r}"


def second_words(response: Response, keyword: str) -> str | None:
    """The second word and the last but one are the keyword; one mark at the end is no word."""
    tokens = response.tokens
    if tokens and tokens[-1] in PUNCTUATION:
        tokens = tokens[:-1]
    if len(tokens) < 2:
        return "fewer than two words"
    wanted = keyword.strip().lower()
    if tokens[1].lower() == wanted == tokens[-2].lower():
        return None
    return f"second word {tokens[1][:40]!r}, last but one {tokens[-2][:40]!r}"


def repeat_changed(response: Response, prompt: str) -> str | None:
    """The request with another first word, and nothing else; how words are spaced is free."""
    words, wanted = response.stretches, prompt.split()
    if words[:1] == wanted[:1]:
        return "the first word is not changed"
    return None if words[1:] == wanted[1:] else "not the request with another first word"


def repeat_sentence(response: Response) -> str | None:
    """The instruction's sentence and nothing else, in large or small letters."""
    return None if response.text.strip().lower() == _ONLY_THIS else "not that sentence alone"


def repeat_span(response: Response, prompt: str, first: int, last: int) -> str | None:
    """The characters of the prompt from index `first` to `last`, both included, and nothing else."""
    wanted = prompt[first : last + 1].strip()
    return None if response.text.strip().lower() == wanted.lower() else f"not {wanted[:60]!r}"


def title_case(response: Response) -> str | None:
    """No token begins with a small letter: not `of` either, as the published check has it. Tokens may mix cases after the first."""
    for token in response.tokens:
        if (
            token[0].islower()
            and token.lower() not in _HALVES
            and (token[1:].islower() or token[1:].isupper() or not token[1:])
        ):
            return f"{token[:40]!r} is in small letters"
    return None


def sentence_alphabet(response: Response) -> str | None:
    """26 sentences, the first beginning with A, the second with B, and so on."""
    if len(response.sentences) != len(_ALPHABET):
        return f"{len(response.sentences)} sentences, wanted 26"
    for sentence, letter in zip(response.sentences, _ALPHABET, strict=True):
        if sentence[0].lower() != letter:
            return f"{sentence[:40]!r} where {letter!r} should begin a sentence"
    return None
