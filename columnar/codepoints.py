"""Tables of Unicode properties by code point, for the kernels of this room.

They are made once a process from the interpreter's own `unicodedata` (about 0.1 s, on first use) and never written to disk, so
they follow the Unicode version of the Python that runs: characters assigned after it have no properties. Pure: no I/O.
"""

from functools import cache
from typing import NamedTuple
from unicodedata import category, name

import numpy as np
import numpy.typing as npt

NUM_CODE_POINTS = 0x110000
REPLACEMENT = 0xFFFD

# Bits of `properties()`. SPACE is `str.isspace`, so that `str.split` is an oracle: Unicode's White_Space and U+001C..U+001F.
SPACE = 1
LETTER = 2  # `str.isalpha`
ALNUM = 4  # `str.isalnum`
UNSPACED = 8  # a letter of a script that puts no spaces between words: each counts as a word
LINE_BREAK = 16  # ends a line for `str.splitlines`
DECIMAL = 32  # category Nd: what `\d` matches
BULLET = 64  # begins an item of a list when it begins a line

BULLETS = "-*•‣◦⁃∙▪●○■"
LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
SPACES = "\t \x1f\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))) + LINE_BREAKS

# ISO 15924 code of each script, by the first words of its characters' names. Scripts that only historians write are "Zzzz".
_SCRIPT_BY_NAME = {
    "ADLAM": "Adlm",
    "ARABIC": "Arab",
    "ARMENIAN": "Armn",
    "BALINESE": "Bali",
    "BENGALI": "Beng",
    "BOPOMOFO": "Bopo",
    "CANADIAN": "Cans",
    "CHAKMA": "Cakm",
    "CHAM": "Cham",
    "CHEROKEE": "Cher",
    "CJK": "Hani",
    "COPTIC": "Copt",
    "CYRILLIC": "Cyrl",
    "DEVANAGARI": "Deva",
    "ETHIOPIC": "Ethi",
    "GEORGIAN": "Geor",
    "GREEK": "Grek",
    "GUJARATI": "Gujr",
    "GURMUKHI": "Guru",
    "HANGUL": "Hang",
    "HANGZHOU": "Hani",
    "HEBREW": "Hebr",
    "HENTAIGANA": "Hira",
    "HIRAGANA": "Hira",
    "IDEOGRAPHIC": "Hani",
    "JAVANESE": "Java",
    "KANNADA": "Knda",
    "KATAKANA": "Kana",
    "KATAKANA-HIRAGANA": "Kana",
    "KHMER": "Khmr",
    "LAO": "Laoo",
    "LATIN": "Latn",
    "LIMBU": "Limb",
    "LISU": "Lisu",
    "MALAYALAM": "Mlym",
    "MEETEI": "Mtei",
    "MONGOLIAN": "Mong",
    "MYANMAR": "Mymr",
    "NKO": "Nkoo",
    "OL": "Olck",
    "ORIYA": "Orya",
    "ROMAN": "Latn",
    "SINHALA": "Sinh",
    "SUNDANESE": "Sund",
    "SYRIAC": "Syrc",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "THAANA": "Thaa",
    "THAI": "Thai",
    "TIBETAN": "Tibt",
    "TIFINAGH": "Tfng",
    "VAI": "Vaii",
    "YI": "Yiii",
}
# Names that do not begin with their script's.
_SCRIPT_BY_CODE_POINT = {
    0x2126: "Grek",
    0x212A: "Latn",
    0x212B: "Latn",
    0x2071: "Latn",
    0x207F: "Latn",
    0xAA: "Latn",
    0xBA: "Latn",
}
# Letters that stand for symbols: in Scripts.txt most are common, and the Latin ones (modifiers: ʰ) are phonetics and footnotes.
_NO_SCRIPT_NAMES = (
    *("MATHEMATICAL", "MODIFIER", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER", "PLANCK", "MICRO", "VERTICAL", "MUSICAL"),
    *("VEDIC", "CARON", "TURNED", "ALEF", "BET", "GIMEL", "DALET"),
)
_WIDTHS = ("HALFWIDTH ", "FULLWIDTH ")

# Zyyy: shared by all scripts (digits, punctuation, symbols). Zinh: marks that take the script of their base. Zzzz: any other.
SCRIPTS: tuple[str, ...] = ("Zyyy", "Zinh", "Zzzz", *sorted(set(_SCRIPT_BY_NAME.values())))
COMMON, INHERITED, OTHER = 0, 1, 2
UNSPACED_SCRIPTS = frozenset({"Hani", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr"})

# Blocks of one script whose names tell nothing more: not worth 100,000 calls.
_UNIFORM_BLOCKS = (
    (0x3400, 0x4DC0, "Hani"),
    (0x4E00, 0xA000, "Hani"),
    (0xAC00, 0xD7A4, "Hang"),
    (0x20000, 0x33480, "Hani"),
)
# Nothing else is assigned beyond 0x33480 but tags, variation selectors and private use.
_SCANNED = (range(0x33480), range(0xE0000, 0xE01F0))


class _Tables(NamedTuple):
    properties: npt.NDArray[np.uint8]
    scripts: npt.NDArray[np.uint8]


def _script_of(code_point: int, kind: str) -> str:
    """Names the script of a character of general category `kind`, by its character name."""
    if code_point in _SCRIPT_BY_CODE_POINT:
        return _SCRIPT_BY_CODE_POINT[code_point]
    if kind[0] not in "LM" and kind != "Nl":
        return "Zyyy"
    words = name(chr(code_point), "").removeprefix(_WIDTHS[0]).removeprefix(_WIDTHS[1]).split(" ", 1)
    if words[0] in _SCRIPT_BY_NAME:
        return _SCRIPT_BY_NAME[words[0]]
    if kind[0] == "M" and words[0] in {"COMBINING", "VARIATION", "VEDIC"}:
        return "Zinh"
    return "Zyyy" if words[0] in _NO_SCRIPT_NAMES else "Zzzz"


def _property_bits(kind: str, script: str) -> int:
    """Gives the bits that follow from a general category and a script."""
    if kind[0] == "L":
        return LETTER | ALNUM | (UNSPACED if script in UNSPACED_SCRIPTS else 0)
    if kind == "Nl" and script == "Hani":
        return ALNUM | UNSPACED
    if kind[0] == "N":
        return ALNUM | (DECIMAL if kind == "Nd" else 0)
    return 0


@cache
def _tables() -> _Tables:
    properties = np.zeros(NUM_CODE_POINTS, np.uint8)
    scripts = np.zeros(NUM_CODE_POINTS, np.uint8)
    number = {script: index for index, script in enumerate(SCRIPTS)}
    uniform = {block[0]: block for block in _UNIFORM_BLOCKS}
    bits_of: dict[tuple[str, str], int] = {}
    for scanned in _SCANNED:
        skip_to = 0
        for code_point in scanned:
            if code_point in uniform:
                _, skip_to, script = uniform[code_point]
                kinds = np.array([category(chr(c))[0] == "L" for c in range(code_point, skip_to)])
                properties[code_point:skip_to][kinds] = _property_bits("Lo", script)
                scripts[code_point:skip_to][kinds] = number[script]
            if code_point < skip_to:
                continue
            kind = category(chr(code_point))
            if kind == "Cn":
                continue
            script = _script_of(code_point, kind)
            key = (kind, script)
            if key not in bits_of:
                bits_of[key] = _property_bits(kind, script)
            properties[code_point] = bits_of[key]
            scripts[code_point] = number[script]
    for characters, bit in ((SPACES, SPACE), (LINE_BREAKS, LINE_BREAK), (BULLETS, BULLET)):
        properties[[ord(character) for character in characters]] |= np.uint8(bit)
    properties.flags.writeable = scripts.flags.writeable = False
    return _Tables(properties, scripts)


def properties() -> npt.NDArray[np.uint8]:
    """Gives the property bits of every code point: uint8[0x110000], read only."""
    return _tables().properties


def script_numbers() -> npt.NDArray[np.uint8]:
    """Gives, for every code point, the index of its script in `SCRIPTS`: uint8[0x110000], read only."""
    return _tables().scripts


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Gives the code points of a string, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
