"""What the compiled English tokenizer knows: classes of characters, words that are split or kept as they are, units. Pure: no I/O.

The facts are those of spaCy 3.8's rules for English (`spacy.blank("en")`), which datatrove counts words with. Letters are those of its
blocks and the categories of `unicodedata`; a handful of rare letters and of symbols assigned since Unicode 12 differ.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import NamedTuple
from unicodedata import category

import numpy as np
import numpy.typing as npt

from columnar.codepoints import NUM_CODE_POINTS, properties

# Bits of `Tables.classes`.
ALPHA_LOWER = 1  # letters in lower case, and letters without case
ALPHA_UPPER = 2  # letters in upper case, and letters without case
AFFIX = 4  # splits off as one character at the start and at the end of a word
PREFIX = 8  # splits off at the start only
SUFFIX = 16  # splits off at the end only
QUOTE = 32
SYMBOL = 64  # pictures and the like: category So
BEFORE_FULL_STOP = 128  # a full stop at a word's end splits off after these
CURRENCY = 256  # splits off at the end after a digit
HOST = 512  # may stand in the label of a host name
NO_WORD = 1024  # a token of these alone is not a word to datatrove
TERMINAL = 2048  # ends a line as a sentence does
LETTER = 4096  # `str.isalpha`
IDENTIFIER = 8192  # `\w`
UNIT_END = 16384  # ends a unit of measure
INFIX = 32768  # may cut a word in its middle
ALPHA = ALPHA_LOWER | ALPHA_UPPER

_PUNCTUATION = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧"
_CURRENCY = "$£€¥฿₽﷼₴" + "".join(map(chr, range(0x20A0, 0x20C0)))
_PREFIXES = "§%=—–"
_SUFFIXES = "—–"
_UNITS = (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb "
    "KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб "
    "ГБ гб Тб ТБ тбكم كم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ غرام جرام جم كغ ملغ كوب اكواب"
)
UNITS = tuple(_UNITS.split())

# Blocks of letters with case, and of letters without.
_CASED = (
    *(
        (0x41, 0x7A),
        (0xC0, 0x1BF),
        (0x1C4, 0x2AF),
        (0x1D00, 0x1D25),
        (0x1D6B, 0x1D77),
        (0x1D79, 0x1D9A),
        (0x1E00, 0x1EFF),
    ),
    *((0x2C60, 0x2C7B), (0x2C7E, 0x2C7F), (0xA722, 0xA7B9), (0xA7FA, 0xA7FA), (0xAB30, 0xAB64), (0xFF21, 0xFF5A)),
    *((0x386, 0x38F), (0x391, 0x3A9), (0x3AC, 0x3AF), (0x3B1, 0x3C9), (0x3CC, 0x3CE)),
    *((0x400, 0x45F), (0x490, 0x491), (0x496, 0x497), (0x4A2, 0x4A3), (0x4AE, 0x4AF), (0x4BA, 0x4BB), (0x4D8, 0x4D9)),
    (0x4E8, 0x4E9),
)
_CASED_BUT = frozenset("ЂЋЎЏђћўџ")
_UNCASED = (
    *((0x591, 0x5F4), (0x620, 0x64A), (0x66E, 0x6D5), (0x6E5, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8BD), (0x900, 0x9FF)),
    *((0xB80, 0xCFF), (0xD80, 0xDFF), (0x1100, 0x137F), (0x2E80, 0x2FDF), (0x2FF0, 0x30FF), (0x31C0, 0x31EF)),
    *((0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFB1D, 0xFBB1), (0xFBD3, 0xFD3D)),
    *((0xFD50, 0xFDC7), (0xFDF0, 0xFDFB), (0xFE30, 0xFE4F), (0xFE70, 0xFEFC), (0x1EE00, 0x1EEBB), (0x1F200, 0x1F2FF)),
    *((0x20000, 0x2A6DF), (0x2A700, 0x2EBEF), (0x2F800, 0x2FA1F)),
)

# datatrove's sets. Sentence terminals of all scripts (FineWeb's rule of lines); then what else it counts as punctuation.
_TERMINAL = (
    "!.?։؝؞؟۔܀܁܂߹࠷࠹࠽࠾।॥၊။።፧፨᙮᜵᜶។៕៖៙៚᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᭽᭾᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼⹓⹔。꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？｡"
    "\U00010a56\U00010a57\U00010f55\U00010f56\U00010f57\U00010f58\U00010f59\U00010f86\U00010f87\U00010f88\U00010f89\U00011047\U00011048"
    "\U000110be\U000110bf\U000110c0\U000110c1\U00011141\U00011142\U00011143\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238"
    "\U00011239\U0001123b\U0001123c\U000112a9\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9\U000115ca\U000115cb\U000115cc\U000115cd"
    "\U000115ce\U000115cf\U000115d0\U000115d1\U000115d2\U000115d3\U000115d4\U000115d5\U000115d6\U000115d7\U00011641\U00011642\U0001173c"
    "\U0001173d\U0001173e\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41\U00011c42\U00011ef7\U00011ef8\U00011f43"
    "\U00011f44\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016e98\U0001bc9f\U0001da88"
)
_NO_WORD = (
    "".join(map(chr, (*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0)))) + "\"#$%&'()*+,-/:;<=>@[\\]^_`{|}~"
    "«´»–—’“”„…∶━►、〈〉《》「」【】％（），１：；～"
)

_PERSONS = (
    ("i you he she it we they", "'ll 'll|'ve 'd 'd|'ve"),
    ("i", "'m 'm|a"),
    ("i you we they", "'ve"),
    ("you we they", "'re"),
    ("he she it", "'s"),
    ("who what when where why how there", "'s 'll 'll|'ve 're 've 'd 'd|'ve"),
    ("that this", "'s 'll 'll|'ve 'd 'd|'ve"),
    ("these those", "'ll 'll|'ve 're 've 'd 'd|'ve"),
    ("ca could do does did had may might must need ought sha should wo would", "n't n't|'ve"),
    ("could might must should would not", "'ve"),
    ("ai are is was were have has dare", "n't"),
)
_WORDS_THEMSELVES = frozenset({"ill", "its", "hell", "shell", "shed", "were", "well", "whore"})
_SPLIT = "can|not gon|na got|ta let|'s c'm|on how|'d|'y"  # and with a capital
_SPLIT_AS_IS = "y'|all y|all"
_KEPT_WITH_CAPITAL = "doin goin nothin nuthin somethin ol lovin havin doin' goin' nothin' nuthin' somethin' ol' lovin' havin' ma'am o'clock"
_KEPT = (
    "em 'em ll 'll nuff 'nuff 's 'S ‘s ‘S and/or w/o 're 'd 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout a.m. p.m. co. e.g. E.g. E.G. "
    "i.e. I.e. I.E. vs. v.s. Adm. Ak. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. Feb. Fla. Ga. Gen. Gov. "
    "Ia. Id. Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs. Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. "
    "N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept. St. Tenn. Va. Wash. "
    "Wis. ä. ö. ü. ' '' <space> C++ \\\") \\n \\t —"
)
_FACES = (
    ":) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-(( :((( :-((( ): )-: =( "
    ">:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D "
    ";D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 "
    "o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>"
)


class Tables(NamedTuple):
    """What the kernel looks up.

    Attributes:
        classes: class bits of every code point, uint16[0x110000].
        special_points: code points of the special cases one after another, int32.
        special_starts: where each begins, int32[count + 1].
        special_parts: of each, bit k set where a token begins at its k-th character, uint32.
        special_slots: open addressing by `special_hash`: number + 1, or 0; int32, a power of two long.
        special_joins: of each, the same for the tokens that a word would have that is not looked up whole; equal tokens in a row
            become the special case's. 0 where there is but one.
        special_filter: which of `special_key`'s values special cases have: bool[NUM_KEYS]; most words are none of them, and are told so
            by it.
        join_firsts: the low bytes of the code points that begin a special case of several natural tokens: bool[256].
        units: code points of each unit, int32[count, MAX_UNIT], padded with 0.
    """

    classes: npt.NDArray[np.uint16]
    special_points: npt.NDArray[np.int32]
    special_starts: npt.NDArray[np.int32]
    special_parts: npt.NDArray[np.uint32]
    special_joins: npt.NDArray[np.uint32]
    special_slots: npt.NDArray[np.int32]
    special_filter: npt.NDArray[np.bool_]
    join_firsts: npt.NDArray[np.bool_]
    units: npt.NDArray[np.int32]


MAX_SPECIAL = 12  # characters of the longest special case
MAX_UNIT = 5
_NUM_SLOTS = 4096
NUM_KEYS = 1 << 14


def special_hash(points: Iterable[int]) -> int:
    """Hashes a special case as the kernel does."""
    value = 0
    for point in points:
        value = (value * 31 + point) & 0xFFFFFFFF
    return value


def special_key(first: int, last: int, length: int) -> int:
    """Hashes the ends of a special case as the kernel does."""
    return (first * 263 + last * 71 + length * 1021) & (NUM_KEYS - 1)


@cache
def special_cases() -> Mapping[str, tuple[str, ...]]:
    """Gives the words that have tokens of their own: word -> its tokens, which join to it.

    Contractions, with and without their apostrophe, in either form of it; times; abbreviations that keep their full stop; faces.
    """
    cases: dict[str, tuple[str, ...]] = {}
    for parts in _apostrophe_cases():
        for form in ("'", "’"):
            tokens = tuple(part.replace("'", form) for part in parts)
            cases["".join(tokens)] = tokens
    for face in _FACES.split():
        cases[face] = (face,)
    for letter in map(chr, range(ord("a"), ord("z") + 1)):
        cases[f"{letter}."] = (f"{letter}.",)
    for hour, half in product(range(1, 13), ("am", "pm", "a.m.", "p.m.")):
        cases[f"{hour}{half}"] = (str(hour), half)
    for degree in "cfkCFK":
        cases[f"°{degree}."] = ("°", degree, ".")
    return cases


def _apostrophe_cases() -> Iterator[tuple[str, ...]]:
    for hosts, endings in _PERSONS:
        for host, ending in product(hosts.split(), endings.split()):
            for cased in (host, host.title()):
                parts = (cased, *ending.split("|"))
                yield parts
                bare = tuple(part.replace("'", "") for part in parts)
                if "".join(bare).lower() not in _WORDS_THEMSELVES:
                    yield bare
    for word in _SPLIT.split():
        yield tuple(word.split("|"))
        yield tuple((word[0].upper() + word[1:]).split("|"))
    for word in _SPLIT_AS_IS.split():
        yield tuple(word.split("|"))
    for word in _KEPT_WITH_CAPITAL.split():
        yield (word,)
        yield (word[0].upper() + word[1:],)
    for word in _KEPT.split():
        yield (word,)
    for mouth in ("(", ")", "-(", "-)"):
        yield (f":'{mouth}",)


def _classes() -> npt.NDArray[np.uint16]:
    classes = np.zeros(NUM_CODE_POINTS, np.uint16)
    for first, last in _CASED:
        for point in range(first, last + 1):
            kind = category(chr(point))
            if chr(point) not in _CASED_BUT:
                classes[point] |= {"Ll": ALPHA_LOWER, "Lu": ALPHA_UPPER}.get(kind, 0)
    for first, last in _UNCASED:
        classes[first : last + 1] |= ALPHA
    sets = (
        (AFFIX, _PUNCTUATION + _QUOTES),
        (PREFIX, _PREFIXES + _CURRENCY),
        (SUFFIX, _SUFFIXES),
        (QUOTE, _QUOTES),
        # The published pattern puts alternatives into a character class, so that their bars and brackets count too.
        (BEFORE_FULL_STOP, _PUNCTUATION + _QUOTES + "0123456789%²-+|?:()"),
        (CURRENCY, _CURRENCY),
        (NO_WORD, _NO_WORD + _TERMINAL),
        (TERMINAL, _TERMINAL),
        (IDENTIFIER, "_"),
        (INFIX, "….+-*^,–—~:<>=/"),
        (UNIT_END, "".join(unit[-1] for unit in UNITS)),
    )
    for bit, characters in sets:
        classes[[ord(character) for character in characters]] |= np.uint16(bit)
    classes[(classes & ALPHA_LOWER) > 0] |= BEFORE_FULL_STOP
    bits = properties()
    classes[(bits & 2) > 0] |= LETTER
    classes[(bits & 4) > 0] |= IDENTIFIER
    for point in range(0xA6, 0x1FBCB):
        if category(chr(point)) == "So":
            classes[point] |= SYMBOL | AFFIX | INFIX
    classes[[point for point in range(128) if chr(point).isalnum()]] |= np.uint16(HOST)
    classes[0xA1:0x10000] |= HOST
    return classes


def bare_tables() -> Tables:
    """Builds the tables (about 0.3 s), all but `special_joins` and `join_firsts`: these take the kernel (`columnar.tokens.tables`)."""
    cases = special_cases()
    points: list[int] = []
    starts = [0]
    parts = np.zeros(len(cases), np.uint32)
    slots = np.zeros(_NUM_SLOTS, np.int32)
    keys = np.zeros(NUM_KEYS, np.bool_)
    for number, (word, tokens) in enumerate(cases.items()):
        points += map(ord, word)
        starts.append(len(points))
        at = 0
        for token in tokens:
            parts[number] |= np.uint32(1 << at)
            at += len(token)
        slot = special_hash(map(ord, word)) % _NUM_SLOTS
        while slots[slot]:
            slot = (slot + 1) % _NUM_SLOTS
        slots[slot] = number + 1
        keys[special_key(ord(word[0]), ord(word[-1]), len(word))] = True
    units = np.zeros((len(UNITS), MAX_UNIT), np.int32)
    for number, unit in enumerate(UNITS):
        units[number, : len(unit)] = list(map(ord, unit))
    return Tables(
        _classes(),
        np.array(points, np.int32),
        np.array(starts, np.int32),
        parts,
        np.zeros_like(parts),
        slots,
        keys,
        np.zeros(256, np.bool_),
        units,
    )
