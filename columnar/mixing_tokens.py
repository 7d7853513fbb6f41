"""Cuts texts into the tokens that a language is told of, and marks those that have none. Pure: no I/O.

A token is a word of one spaced script (with inner apostrophes and joiners), a character of a script without spaces with its marks, or a
number; punctuation is none. "sinh成的" is three. A run of letters that mixes Latin with look-alikes of another script ("pаypal") stays whole.
No language have: numbers; what is masked (in a formula only Latin, Greek and Hebrew letters: Han there is still told of); single letters that
are no word, or stand beside an operator; acronyms; functions before a bracket and units after a number; letters stuck to a digit, an
underscore or a backslash; one or two Greek letters in a text of another script.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import (
    ALNUM,
    COMMON,
    INHERITED,
    LETTER,
    SCRIPTS,
    SPACE,
    UNSPACED,
    properties,
    script_numbers,
)
from columnar.mixing_check import MAX_GREEK_SYMBOL
from columnar.mixing_languages import SINGLE_LETTER_WORDS
from columnar.text import Int
from columnar.word_language import hash_points, lower_cases

MAX_ACRONYM: Final = 6
"""Capitals of the longest acronym; longer ones are shouted words."""

MAX_STUCK: Final = 3
"""So many letters stuck to a digit are a unit, an ordinal or a variable."""

INTERNATIONAL: Final = (
    "sin cos tan cot arcsin arccos arctan sinh cosh tanh sec csc log ln lg exp lim max min sup inf det gcd lcm mod arg dim ker deg "
    "mm cm dm km nm ml dl mg kg hz khz mhz ghz kb mb gb tb pa kpa kw kwh rad mol ms ns pm am ok ft mph"
)
"""Functions and units that stand in formulas and measures of every language."""

# Flags of a token.
ZXX, CAPITAL, SENTENCE_START, ALL_CAPITALS, HOMOGLYPHS, BORROWED = 1, 2, 4, 8, 16, 32

# What stands before a token, the strongest of it: nothing or space, a comma or bracket, a colon or quotation mark, the end of a sentence, of a line.
NO_GAP, COMMA, COLON, SENTENCE, LINE = range(5)

_LATIN, _GREEK, _HEBREW = (SCRIPTS.index(name) for name in ("Latn", "Grek", "Hebr"))
_GREEK_HOMOGLYPHS = np.array([ord(c) for c in "οόΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"], np.uint32)
_WORD, _MARK, _UNSPACED, _DIGIT, _JOINER, _SPACE, _OTHER = range(7)
# Bits of `_Tables.signs`.
_OPERATOR = 8
_INTERNATIONAL_SLOTS = np.uint64(1025)  # no two of the words meet in one
_MAX_MIXED = 64  # letters after a change of script that are looked at for homoglyphs


class Tokens(NamedTuple):
    """Tokens of one text, or of several one after the other.

    Attributes:
        start, end: int64[n], in code points, `end` exclusive.
        script: uint8[n], index into `columnar.codepoints.SCRIPTS`; of homoglyphs the first foreign one's, of numbers `COMMON`.
        flags: uint8[n].
        gap: uint8[n], what stands before it.
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    script: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]
    gap: npt.NDArray[np.uint8]


class _Tables(NamedTuple):
    """By code point: `kinds` uint8[0x110000] (`_WORD` to `_OTHER`), `scripts` uint8[0x110000], `signs` uint8[0x3040] (gap, `_OPERATOR`)."""

    kinds: npt.NDArray[np.uint8]
    scripts: npt.NDArray[np.uint8]
    signs: npt.NDArray[np.uint8]
    lower: npt.NDArray[np.uint32]
    single_words: npt.NDArray[np.bool_]
    international: npt.NDArray[np.uint64]
    confusable: npt.NDArray[np.bool_]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    bits, scripts = properties(), script_numbers().copy()
    kinds = np.full(bits.size, _OTHER, np.uint8)
    kinds[(scripts != COMMON) & (scripts != INHERITED)] = _MARK
    kinds[bits & LETTER != 0] = _WORD
    # Letters without a script (modifiers, mathematical alphabets) are signs.
    kinds[(scripts == COMMON) & (kinds == _WORD)] = _OTHER
    kinds[(bits & UNSPACED != 0) & (scripts != COMMON)] = _UNSPACED
    kinds[scripts == INHERITED] = _MARK
    kinds[(bits & ALNUM != 0) & (bits & (LETTER | UNSPACED) == 0)] = _DIGIT
    kinds[bits & SPACE != 0] = _SPACE
    for point in (0x27, 0x2019, 0x2BC, 0xAD, 0xB7, 0x200B, 0x200C, 0x200D):
        kinds[point] = _JOINER
    signs = np.zeros(0x3040, np.uint8)
    for gap, characters in (
        (COMMA, ",()[]{}/–—،、-"),
        (COLON, ':;"“”„«»‘؛「」『』'),
        (SENTENCE, ".!?…。؟।՞։"),
        (LINE, "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    ):
        for character in characters:
            signs[ord(character)] = gap
    for character in "=+<>^_*|\\~≤≥±×÷·∈≠≈→⇒√∑∫$%":
        signs[ord(character)] |= _OPERATOR
    single = np.zeros(0x2000, np.bool_)
    single[[ord(c) for words in SINGLE_LETTER_WORDS.values() for c in words]] = True
    names = [np.array([ord(c) for c in name], np.uint32) for name in INTERNATIONAL.split()]
    hashes = np.zeros(_INTERNATIONAL_SLOTS, np.uint64)
    for name in names:
        key = hash_points(name, name.size)
        if hashes[key % _INTERNATIONAL_SLOTS]:
            raise AssertionError("two international words share a slot: enlarge the table")
        hashes[key % _INTERNATIONAL_SLOTS] = key
    confusable = np.zeros(256, np.bool_)
    confusable[[SCRIPTS.index(name) for name in ("Cyrl", "Armn", "Cher")]] = True
    return _Tables(kinds, scripts, signs, lower_cases(), single, hashes, confusable)


def tokenise(points: npt.NDArray[np.uint32], masks: npt.NDArray[np.int64], home: npt.NDArray[np.bool_]) -> Tokens:
    """Cuts a text, or several with line breaks between, into tokens.

    Args:
        points: code points.
        masks: int64[m, 3] from `columnar.masking`: start, end, and 1 for formulas; in order, disjoint.
        home: bool[256], by script number: the scripts that the target is written in.
    """
    tables = _tables()
    # A token has a character at least. What is never written to takes no memory.
    size = len(points)
    tokens = Tokens(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
        np.zeros(size, np.uint8),
        np.empty(size, np.uint8),
    )
    count = _cut(points, masks, home, tables, tokens)
    _mark_acronyms(tokens, count)
    return Tokens(
        tokens.start[:count], tokens.end[:count], tokens.script[:count], tokens.flags[:count], tokens.gap[:count]
    )


@nb.njit(_nrt=False)
def _gap_before(points: npt.NDArray[np.uint32], at: int, to: int, signs: npt.NDArray[np.uint8]) -> int:
    """Gives the strongest sign between two tokens."""
    gap = NO_GAP
    for i in range(at, to):
        point = points[i]
        if point < signs.size:
            gap = max(gap, signs[point] & 7)
        elif point == 0xFF0C:
            gap = max(gap, COMMA)
        elif point in (0xFF1A, 0xFF1B):
            gap = max(gap, COLON)
        elif point in (0xFF01, 0xFF1F):
            gap = max(gap, SENTENCE)
    return gap


@nb.njit(_nrt=False)
def _beside(points: npt.NDArray[np.uint32], at: Int, step: int) -> Int:
    """Gives the first code point that is no space, from `at` on in one direction, within three; 0 without one."""
    for _ in range(3):
        if at < 0 or at >= points.size:
            return 0
        if points[at] != 0x20:
            return np.int64(points[at])
        at += step
    return 0


@nb.njit(_nrt=False)
def _is_operator(point: Int, signs: npt.NDArray[np.uint8]) -> bool:
    return bool(point < signs.size and signs[point] & _OPERATOR)


@nb.njit(cache=True, nogil=True)
def _cut(
    points: npt.NDArray[np.uint32],
    masks: npt.NDArray[np.int64],
    home: npt.NDArray[np.bool_],
    tables: _Tables,
    tokens: Tokens,
) -> int:
    """Fills `tokens` but for acronyms; gives their number."""
    kinds, scripts, signs, lower, single_words, international, confusable = tables
    starts, ends, token_scripts, flags, gaps = tokens
    word = np.empty(8, np.uint32)
    count = 0
    at = 0
    last_end = 0
    mask = 0
    while at < points.size:
        kind = kinds[points[at]]
        if kind > _DIGIT:
            at += 1
            continue
        while mask < masks.shape[0] and masks[mask, 1] <= at:
            mask += 1
        masked = 0
        limit = points.size
        if mask < masks.shape[0]:
            if masks[mask, 0] <= at:
                masked = 1 + (masks[mask, 2] == 0)
                limit = masks[mask, 1]
            else:
                limit = masks[mask, 0]
        start = at
        script: Int = np.int64(scripts[points[at]])
        flag = 0
        at += 1
        if kind == _DIGIT:
            while at < limit and (
                kinds[points[at]] == _DIGIT
                or ((points[at] == 0x2E or points[at] == 0x2C) and at + 1 < limit and kinds[points[at + 1]] == _DIGIT)
            ):
                at += 1
            script = COMMON
            flag = ZXX
        elif kind == _MARK:
            continue  # on nothing
        elif kind == _UNSPACED:
            while at < limit and kinds[points[at]] == _MARK:
                at += 1
        else:
            first_script, second_script = script, script
            has_latin, has_confusable = script == _LATIN, confusable[script]
            has_homoglyph = False
            same_until = 0
            letters = 1
            # Beyond the bound nobody looks: a cut goes back to the change, and there may be one at every letter.
            while at < limit and (same_until == 0 or at - same_until < _MAX_MIXED):
                point = points[at]
                kind = kinds[point]
                if kind == _WORD:
                    script = np.int64(scripts[point])
                    if script != first_script:
                        if same_until == 0:
                            same_until = at
                            second_script = script
                        has_latin = has_latin or script == _LATIN
                        has_confusable = has_confusable or confusable[script]
                    letters += 1
                elif kind == _JOINER:
                    if at + 1 >= limit or kinds[points[at + 1]] != _WORD or scripts[points[at + 1]] != script:
                        break
                elif kind != _MARK:
                    break
                at += 1
            if same_until:
                if has_latin and not has_confusable and _GREEK in (first_script, second_script):
                    for i in range(start, at):
                        for twin in _GREEK_HOMOGLYPHS:
                            has_homoglyph = has_homoglyph or points[i] == twin
                if has_latin and (has_confusable or has_homoglyph):
                    flag = HOMOGLYPHS
                    script = (
                        second_script
                        if home[first_script] or (first_script == _LATIN and not home[second_script])
                        else first_script
                    )
                else:
                    at = same_until  # cut where the script changes, and go on from there
                    script = first_script
                    letters = 0
                    for i in range(start, at):
                        letters += kinds[points[i]] == _WORD
            else:
                script = first_script
            if masked == 0 and flag == 0 and script != _HEBREW:
                before = np.int64(points[start - 1]) if start else 0
                after = np.int64(points[at]) if at < points.size else 0
                after_digit = start > 0 and kinds[before] == _DIGIT
                before_digit = at < points.size and kinds[after] == _DIGIT
                code = before in (0x5F, 0x5C) or after == 0x5F
                stuck = letters <= MAX_STUCK and (after_digit or before_digit)
                symbol = script == _GREEK and not home[_GREEK] and letters <= MAX_GREEK_SYMBOL
                if symbol or (script == _LATIN and (stuck or code)):
                    flag = ZXX
                else:
                    point = np.int64(points[start])
                    capital = point < lower.size and lower[point] != point
                    if letters == 1:
                        small = np.int64(lower[point]) if point < lower.size else point
                        is_word = small < single_words.size and single_words[small]
                        if script == _LATIN or (point < lower.size and capital):
                            left, right = _beside(points, start - 1, -1), _beside(points, at, 1)
                            formula = (
                                _is_operator(left, signs)
                                or _is_operator(right, signs)
                                or right == 0x28
                                or (left == 0x28 and right == 0x29)
                            )
                            # A capital inside a sentence names a point or a case, but for the English I.
                            label = (
                                capital
                                and point != 0x49
                                and count
                                and _gap_before(points, last_end, start, signs) < COLON
                            )
                            if formula or (script == _LATIN and (label or not is_word or not home[_LATIN])):
                                flag = ZXX
                            elif script == _LATIN:
                                flag = BORROWED  # a word to some, a variable to others
                    elif script == _LATIN and letters <= 6 and at - start == letters:
                        for i in range(letters):
                            letter = points[start + i]
                            word[i] = lower[letter] if letter < lower.size else letter
                        key = hash_points(word, letters)
                        if international[key % _INTERNATIONAL_SLOTS] == key:
                            left, right = _beside(points, start - 1, -1), _beside(points, at, 1)
                            measure = left > 0 and kinds[left] == _DIGIT
                            function = (
                                after in (0x28, 0x5E, 0x5F, 0x7B)
                                or _is_operator(right, signs)
                                or _is_operator(left, signs)
                            )
                            theta = right > 0 and scripts[right] == _GREEK
                            flag = ZXX if measure or function or theta or not home[_LATIN] else BORROWED
                    if not flag & ZXX and capital:
                        flag |= CAPITAL
                        all_capitals = letters > 1
                        inner = False
                        last_small = False
                        for i in range(start + 1, at):
                            letter = points[i]
                            if letter < lower.size and kinds[letter] == _WORD:
                                big = lower[letter] != letter
                                inner = inner or (big and last_small)
                                last_small = not big
                                all_capitals = all_capitals and (
                                    big or (letter == 0x73 and i == at - 1 and i > start + 1)
                                )
                            else:
                                all_capitals = all_capitals and kinds[letter] != _WORD
                        if all_capitals:
                            flag |= ALL_CAPITALS
                        elif inner:
                            flag |= BORROWED
                    elif not flag & ZXX:
                        # iPhone, getValue
                        for i in range(start + 1, at):
                            letter = points[i]
                            if letter < lower.size and lower[letter] != letter:
                                flag |= BORROWED
        if masked == 2 or (masked == 1 and script in (_LATIN, _GREEK, _HEBREW, COMMON)):
            flag = ZXX
        gap = _gap_before(points, last_end, start, signs)
        if (flag & CAPITAL) and (gap >= COLON or count == 0):
            flag |= SENTENCE_START
        starts[count] = start
        ends[count] = at
        token_scripts[count] = script
        flags[count] = flag
        gaps[count] = gap
        last_end = at
        count += 1
    return count


@nb.njit(cache=True, nogil=True)
def _mark_acronyms(tokens: Tokens, count: int) -> None:
    """Takes the language from Latin words of capitals that no other such word stands beside: those are shouted."""
    starts, ends, scripts, flags, gaps = tokens
    for i in range(count):
        if not flags[i] & ALL_CAPITALS or scripts[i] != _LATIN or ends[i] - starts[i] > MAX_ACRONYM + 1:
            continue
        shouted = (i > 0 and flags[i - 1] & ALL_CAPITALS and gaps[i] <= NO_GAP) or (
            i + 1 < count and flags[i + 1] & ALL_CAPITALS and gaps[i + 1] <= NO_GAP
        )
        if not shouted:
            flags[i] |= ZXX
