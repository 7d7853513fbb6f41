"""Words as passages are compared: folded, without the punctuation around them, each with its hash and its place. Pure: no I/O.

Which characters make a word follows `columnar.words`: what lies between white space, and each letter of an unspaced script with
the marks that follow it. What counts of it depends on the reading:

- ``words``: letters are case folded one by one, typographic apostrophes, quotation marks and dashes are the ASCII ones, format
  characters (soft hyphen, zero width space), tags and the variation selectors beside them are not there, and punctuation and symbols at the ends of a word are left off. A word
  of nothing else is no word. Digits and whatever stands inside a word stay: ``x=5`` is not ``x=7``, ``1,000`` is not ``1000``.
- ``exact``: everything counts as it stands.
"""

from functools import cache
from typing import Literal, NamedTuple
from unicodedata import category

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import ALNUM, LETTER, NUM_CODE_POINTS, SPACE, UNSPACED, properties
from columnar.passage_hashes import CODE_BITS, CODE_MASK, CORE, IGNORED, hash_codes
from columnar.text import decode
from columnar.words import NO_WORD, next_word_state

Reading = Literal["words", "exact"]

_LIKE = {
    "'": "\u2018\u2019\u201b\u02bc\u2032",
    '"': "\u201c\u201d\u201f\u2033",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2212",
}
# Beyond it stand letters without case, which need no fold, and between those and private use only tags.
_SCANNED = 0x20000
_TAGS = range(0xE0000, 0xE01F0)


class Words(NamedTuple):
    """The words of one text or of many one after another.

    Attributes:
        hashes: uint64[words], of the folded word.
        codes: uint32[...], the folded code points of all words in a row.
        code_offsets: int64[words + 1]; word `w` is `codes[code_offsets[w]:code_offsets[w + 1]]`.
        first: int64[words], the character of the text at which the word begins.
        last: int64[words], the character after its end.
    """

    hashes: npt.NDArray[np.uint64]
    codes: npt.NDArray[np.uint32]
    code_offsets: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


@cache
def fold_table(reading: Reading) -> npt.NDArray[np.uint32]:
    """Gives, for every code point, what it folds to with its bits above: uint32[0x110000], read only; made once a process."""
    points = np.arange(NUM_CODE_POINTS, dtype=np.uint32)
    known = properties().astype(np.uint32)
    bits = known & np.uint32(SPACE | ALNUM | UNSPACED)
    if reading == "exact":
        bits |= np.where(known & SPACE, np.uint32(0), np.uint32(CORE))
    else:
        bits |= np.where(known & ALNUM, np.uint32(CORE), np.uint32(0))
        head = known[:_SCANNED]
        for point in np.flatnonzero((head & (ALNUM | SPACE)) == 0).tolist():
            kind = category(chr(point))
            bits[point] |= CORE if kind[0] == "M" else IGNORED if kind == "Cf" else 0
        bits[_TAGS.start : _TAGS.stop] |= np.uint32(IGNORED)
        for point in np.flatnonzero((head & (LETTER | UNSPACED)) == LETTER).tolist():
            points[point] = _folded(chr(point))
        for plain, others in _LIKE.items():
            points[[ord(other) for other in others]] = ord(plain)
    table = points | (bits << np.uint32(CODE_BITS))
    table.flags.writeable = False
    return table


def _folded(letter: str) -> int:
    """Folds the case of one letter to one letter: where Unicode gives several, the lower case, or its first letter."""
    folded = letter.casefold()
    return ord(folded) if len(folded) == 1 else ord(letter.lower()[0])


@nb.njit(cache=True, nogil=True)
def segment(data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint32]) -> Words:
    """Cuts one text, `data[at:end]`, into words. Takes some 40 bytes of memory a word."""
    # A word takes a byte and a space, or a letter of three bytes.
    most = (end - at) // 2 + 1
    hashes = np.empty(most, np.uint64)
    codes = np.empty(end - at, np.uint32)
    code_offsets = np.empty(most + 1, np.int64)
    first = np.empty(most, np.int64)
    last = np.empty(most, np.int64)
    words = char = num_codes = core_codes = start = stop = 0
    code_offsets[0] = 0
    state = NO_WORD
    while at < end:
        byte = np.int64(data[at])
        if byte < 0x80:
            point, size = byte, 1
        else:
            point, size = decode(data, at, end)
        entry = np.int64(table[point])
        bits = entry >> CODE_BITS
        at += size
        char += 1
        if bits & IGNORED:
            continue
        state, begins = next_word_state(state, bits)
        if begins or state == NO_WORD:
            if core_codes > code_offsets[words]:
                hashes[words] = hash_codes(codes, code_offsets[words], core_codes)
                first[words], last[words] = start, stop
                words += 1
                code_offsets[words] = core_codes
            num_codes = core_codes
            if state == NO_WORD:
                continue
        if bits & CORE:
            if num_codes == code_offsets[words]:
                start = char - 1
        elif num_codes == code_offsets[words]:
            continue
        codes[num_codes] = entry & CODE_MASK
        num_codes += 1
        if bits & CORE:
            core_codes, stop = num_codes, char
    if core_codes > code_offsets[words]:
        hashes[words] = hash_codes(codes, code_offsets[words], core_codes)
        first[words], last[words] = start, stop
        words += 1
        code_offsets[words] = core_codes
    return Words(hashes[:words], codes[:core_codes], code_offsets[: words + 1], first[:words], last[:words])
