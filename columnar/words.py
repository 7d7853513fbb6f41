"""What a word is, for every kernel of this room that needs words. Pure: no I/O.

A *word* is what lies between white space (`str.split`). Inside it, each letter of a script that is written without spaces (Han,
kana, Bopomofo, Thai, Lao, Khmer, Myanmar) is a word of its own, with the marks and punctuation that follow it: Gopher's published
rules know white space only, by which a page of Chinese is a handful of words.
"""

import numba as nb

from columnar.codepoints import ALNUM, SPACE, UNSPACED

# What the current word is made of so far.
NO_WORD, BARE, SPACED_WORD, UNSPACED_WORD = 0, 1, 2, 3


@nb.njit(inline="always")
def next_word_state(state: int, bits: int) -> tuple[int, bool]:
    """Moves the segmentation of words over one character with the property bits `bits`.

    Returns:
        The next state (0 between words) and whether a word begins at this character; one begun before ends there too.
    """
    if bits & SPACE:
        return NO_WORD, False
    if bits & UNSPACED:
        return UNSPACED_WORD, state != BARE
    if bits & ALNUM:
        return SPACED_WORD, state in (NO_WORD, UNSPACED_WORD)
    if state == NO_WORD:
        return BARE, True
    return state, False
