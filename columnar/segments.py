"""Counts sentences, in the two readings that published filters use. Pure: no I/O.

Both look at the chunks between white space. A chunk ends a sentence if, less closing quotes and brackets, it ends in a mark; they
differ in which full stops are marks:

- `PUNKT`, after NLTK's Punkt for English (Kiss and Strunk 2006): `?` and `!` always; a full stop unless the chunk is a known
  abbreviation or an initial and no usual opening word follows, or a number and a small letter follows; dots in a row only
  before a usual opening word. NLTK's model holds the spellings of 20,000 words; here are its abbreviations and opening words.
- `SPACY`, after spaCy's rule-based sentencizer over its English tokenizer: a mark that is a token of its own. So the marks of all
  scripts count, but only at the ends of a chunk; a full stop after a capital or a known abbreviation, and dots in a row, never.
  In `end.Next` the stop counts, too.

A sentence begins with the first character that is no punctuation. A text of white space has no sentence, any other at least one.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import NUM_CODE_POINTS, SPACES
from columnar.punkt_words import PUNKT_ABBREVIATIONS, PUNKT_OPENERS
from columnar.text import buffers, decode, read_character

PUNKT, SPACY = 0, 1

# Bits of the table of characters.
SPACE, PUNCTUATION, AFFIX, MARK, LOWER, UPPER, DIGIT, QUOTE = 1, 2, 4, 8, 16, 32, 64, 128

_MARKS = (
    "!?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？｡。"
    "𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈"
)
_AFFIXES = "….,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪—–"
_QUOTES = "'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧"

_SPACY_ABBREVIATIONS = (
    "Adm. Ak. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G. E.g. Feb. Fla. Ga. Gen. Gov. "
    "I.E. I.e. Ia. Id. Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs. Mich. Minn. Miss. Mo. "
    "Mont. Mr. Mrs. Ms. Mt. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. "
    "Sen. Sep. Sept. St. Tenn. Va. Wash. Wis. a.m. co. e.g. i.e. p.m. v.s. vs."
)
_LONGEST = 8


class _Words(NamedTuple):
    """Short words as sorted numbers of their bytes."""

    abbreviations: npt.NDArray[np.uint64]
    exceptions: npt.NDArray[np.uint64]
    openers: npt.NDArray[np.uint64]


def _packed(words: str) -> npt.NDArray[np.uint64]:
    return np.array(sorted(int.from_bytes(word.encode(), "big") for word in words.split()), np.uint64)


@cache
def words() -> _Words:
    """Gives the word lists of both readings, as the kernels take them."""
    letters = " ".join(f"{chr(97 + i)}." for i in range(26))
    hours = " ".join(f"{hour}{half}.m." for hour in range(1, 13) for half in "ap")
    return _Words(
        _packed(PUNKT_ABBREVIATIONS), _packed(f"{_SPACY_ABBREVIATIONS} {letters} {hours}"), _packed(PUNKT_OPENERS)
    )


@cache
def characters() -> npt.NDArray[np.uint8]:
    """Gives the bits of every code point: uint8[0x110000], read only."""
    table = np.zeros(NUM_CODE_POINTS, np.uint8)
    for point in range(0x20000):
        kind = unicodedata.category(chr(point))
        if kind[0] == "P":
            table[point] = PUNCTUATION
        elif kind == "Ll":
            table[point] = LOWER
        elif kind == "Lu":
            table[point] = UPPER
        elif kind == "So":
            table[point] = AFFIX
    for listed, bit in ((_MARKS, MARK | AFFIX), (_AFFIXES, AFFIX), (_QUOTES, AFFIX | QUOTE), (SPACES, SPACE)):
        table[[ord(character) for character in listed]] |= np.uint8(bit)
    table[48:58] |= np.uint8(DIGIT)
    table.flags.writeable = False
    return table


def count_sentences(texts: pa.LargeStringArray, reading: int = PUNKT) -> npt.NDArray[np.int64]:
    """Counts the sentences of every document.

    Args:
        texts: the documents; slices are honoured.
        reading: `PUNKT` or `SPACY`.

    Returns:
        int64[len(texts)].

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    out = np.zeros(len(texts), np.int64)
    _count(offsets, data, reading, characters(), *words(), out)
    return out


@nb.njit(_nrt=False)
def _contains(listed: npt.NDArray[np.uint64], word: np.uint64) -> bool:
    low, high = 0, listed.size
    while low < high:
        middle = (low + high) >> 1
        if listed[middle] < word:
            low = middle + 1
        else:
            high = middle
    return low < listed.size and listed[low] == word


@nb.njit(_nrt=False)
def _before(data: npt.NDArray[np.uint8], start: int, at: int) -> int:
    """Gives where the character before `at` begins."""
    at -= 1
    while at > start and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


@nb.njit(_nrt=False)
def _packed_between(data: npt.NDArray[np.uint8], start: int, end: int, fold: int) -> np.uint64:
    """Packs up to eight bytes; 0 for none or more."""
    word = np.uint64(0)
    if end - start > _LONGEST:
        return word
    for i in range(start, end):
        byte = np.uint64(data[i])
        if fold and 65 <= byte <= 90:
            byte |= np.uint64(32)
        word = (word << np.uint64(8)) | byte
    return word


@nb.njit(_nrt=False)
def _opens(
    data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint8], openers: npt.NDArray[np.uint64]
) -> bool:
    """Tells whether the chunk at `at` is a usual opening word with a capital."""
    while at < end and data[at] < 0x80 and table[data[at]] & PUNCTUATION:
        at += 1
    if at >= end or not (65 <= data[at] <= 90):
        return False
    stop = at
    while stop < end and stop - at <= _LONGEST and 65 <= (data[stop] & 0xDF) <= 90:
        stop += 1
    return bool(_contains(openers, _packed_between(data, at, stop, 1)))


@nb.njit(_nrt=False)
def _punkt_chunk(
    data: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    follows: int,
    end: int,
    table: npt.NDArray[np.uint8],
    abbreviations: npt.NDArray[np.uint64],
    openers: npt.NDArray[np.uint64],
) -> bool:
    """Tells whether the chunk `data[start:stop]` ends a sentence, when another begins at `follows`."""
    # Closing characters, as Punkt has them.
    while stop > start:
        byte = data[stop - 1]
        if byte in (33, 63):
            return True
        if byte in (34, 39, 41, 42, 58, 59, 64, 93, 125):
            stop -= 1
            continue
        last = _before(data, start, stop)
        point, _ = read_character(data, last, stop)
        if not table[point] & QUOTE:
            break
        stop = last
    if stop == start or data[stop - 1] != 46:
        return False
    if stop - 2 >= start and data[stop - 2] == 46:
        return bool(_opens(data, follows, end, table, openers))
    stop -= 1
    while start < stop and data[start] < 0x80 and table[data[start]] & PUNCTUATION:
        start += 1
    digits = start < stop
    last_part = start
    for i in range(start, stop):
        digits = digits and (48 <= data[i] <= 57 or data[i] in (44, 45, 46))
        if data[i] == 45:
            last_part = i + 1
    if digits:
        point, _ = read_character(data, follows, end)
        return not table[point] & LOWER
    initial = stop > start and stop - start == 1
    if initial or _contains(abbreviations, _packed_between(data, last_part, stop, 1)):
        return bool(_opens(data, follows, end, table, openers))
    return True


@nb.njit(_nrt=False)
def _stop_is_token(
    data: npt.NDArray[np.uint8],
    start: int,
    at: int,
    table: npt.NDArray[np.uint8],
    exceptions: npt.NDArray[np.uint64],
) -> bool:
    """Tells whether the full stop at `at`, with only affixes after it in its chunk, is a token of its own for spaCy."""
    if at == start:
        return True
    last = _before(data, start, at)
    point, _ = read_character(data, last, at)
    bits = table[point]
    if point == 46:
        return False
    if bits & UPPER:
        if last == start:
            return False
        point, _ = read_character(data, _before(data, start, last), last)
        if not table[point] & UPPER:
            return False
    elif not (bits & (LOWER | DIGIT | AFFIX | QUOTE) or point in (37, 178, 45, 43)):
        return False
    while start < at and data[start] < 0x80 and table[data[start]] & AFFIX and data[start] != 46:
        start += 1
    return not _contains(exceptions, _packed_between(data, start, at + 1, 0))


@nb.njit(_nrt=False)
def _spacy_chunk(
    data: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    seen: bool,  # noqa: FBT001 - kernels take arguments by position
    table: npt.NDArray[np.uint8],
    exceptions: npt.NDArray[np.uint64],
) -> tuple[int, bool]:
    """Goes over one chunk.

    Returns:
        How many sentences begin in it after a mark, and whether a mark waits for the next one.
    """
    affixes = stop  # where the last run of affixes begins
    while affixes > start:
        last = _before(data, start, affixes)
        point, _ = read_character(data, last, stop)
        if not table[point] & AFFIX:
            break
        affixes = last
    begun = 0
    at = start
    leading = True
    while at < stop:
        point, size = read_character(data, at, stop)
        bits = table[point]
        if not bits & PUNCTUATION and seen:
            begun += 1
            seen = False
        leading = leading and bits & AFFIX != 0
        if point == 46:
            run = at
            while run < stop and data[run] == 46:
                run += 1
            if run - at == 1:
                if at >= affixes or leading:
                    seen = seen or _stop_is_token(data, start, at, table, exceptions)
                elif at > start and run < stop:
                    before, _ = read_character(data, _before(data, start, at), at)
                    after, _ = read_character(data, run, stop)
                    if table[before] & (LOWER | QUOTE) and table[after] & (UPPER | QUOTE):
                        seen = True
            at = run
            continue
        if bits & MARK and (at >= affixes or leading):
            seen = True
        at += size
    return begun, seen


@nb.njit(_nrt=False)
def _holds_ink(data: npt.NDArray[np.uint8], at: int, end: int, table: npt.NDArray[np.uint8]) -> bool:
    """Tells whether there is a character that is neither white space nor punctuation."""
    while at < end:
        point, size = read_character(data, at, end)
        if not table[point] & (SPACE | PUNCTUATION):
            return True
        at += size
    return False


@nb.njit(_nrt=False)
def sentences_between(
    data: npt.NDArray[np.uint8],
    at: int,
    end: int,
    reading: int,
    table: npt.NDArray[np.uint8],
    abbreviations: npt.NDArray[np.uint64],
    exceptions: npt.NDArray[np.uint64],
    openers: npt.NDArray[np.uint64],
) -> int:
    """Counts the sentences of `data[at:end]`; the tables are `characters()` and `words()`."""
    while at < end:
        point, size = read_character(data, at, end)
        if not table[point] & SPACE:
            break
        at += size
    if at >= end:
        return 0
    found = 1
    seen = False  # a mark that waits for a sentence to follow
    settled = at  # up to here, chunks are done with
    while at < end:
        # Only a chunk with a mark somewhere can end a sentence.
        byte = data[at]
        if byte < 0x80:
            size = 1
            marked = byte in (46, 33, 63)
        else:
            point, size = decode(data, at, end)
            marked = reading == SPACY and table[point] & MARK != 0
        if not marked:
            at += size
            continue
        start = at
        while start > settled:
            last = _before(data, settled, start)
            point, _ = read_character(data, last, start)
            if table[point] & SPACE:
                break
            start = last
        while at < end:
            point, size = read_character(data, at, end)
            if table[point] & SPACE:
                break
            at += size
        if reading == SPACY:
            if seen and _holds_ink(data, settled, start, table):
                found += 1
                seen = False
            begun, seen = _spacy_chunk(data, start, at, seen, table, exceptions)
            found += begun
        else:
            follows = at
            while follows < end:
                point, size = read_character(data, follows, end)
                if not table[point] & SPACE:
                    break
                follows += size
            if follows < end and _punkt_chunk(data, start, at, follows, end, table, abbreviations, openers):
                found += 1
        settled = at
    if seen and _holds_ink(data, settled, end, table):
        found += 1
    return found


@nb.njit(cache=True, nogil=True)
def _count(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    reading: int,
    table: npt.NDArray[np.uint8],
    abbreviations: npt.NDArray[np.uint64],
    exceptions: npt.NDArray[np.uint64],
    openers: npt.NDArray[np.uint64],
    out: npt.NDArray[np.int64],
) -> None:
    for i in range(offsets.size - 1):
        out[i] = sentences_between(data, offsets[i], offsets[i + 1], reading, table, abbreviations, exceptions, openers)
