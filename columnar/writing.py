"""Languages and their scripts: which a language is written in, which language a script mostly writes. Facts only; pure.

Sources: the exemplar characters of Unicode's CLDR, and the Wikipedias' own scripts for what CLDR leaves out.
"""

import re

NO_LANGUAGE = "zxx"  # ISO 639: no linguistic content
UNKNOWN = "und"  # ISO 639: undetermined
# Languages that are told apart by few and used as one by most, and other spellings of a label.
FOLDED = {"wuu": "zh", "yue": "zh", "zh-cn": "zh", "zh-tw": "zh", "arz": "ar", "ary": "ar", "pcm": "en"}

_LATIN_ONLY = frozenset({"Latn"})
# Scripts of the languages that are not, or not only, written in Latin letters.
_SCRIPTS_OF: dict[str, frozenset[str]] = {
    language: frozenset(scripts.split())
    for scripts, languages in {
        "Arab": "ar ary arz ckb fa ps sd ug ur ks bal",
        "Arab Latn": "ku sdh",
        "Armn": "hy",
        "Beng": "as bn",
        "Cyrl": "ab av ba be bg ce cv kv ky mk os ru sah tg tt tyv uk udm",
        "Cyrl Latn": "crh kk sr tk uz",
        "Cyrl Mong": "mn",
        "Deva": "awa bho brx doi gom hi kok mai mr ne new sa",
        "Ethi": "am gez ti",
        "Geor": "ka xmf",
        "Grek": "el grc",
        "Gujr": "gu",
        "Guru Arab": "pa",
        "Hang": "ko",
        "Hani Bopo": "zh wuu yue lzh hak nan gan",
        "Hani Hira Kana": "ja",
        "Hebr": "he hbo yi iw",
        "Khmr": "km",
        "Knda": "kn",
        "Laoo": "lo",
        "Mlym": "ml",
        "Mymr": "my shn",
        "Olck": "sat",
        "Orya": "or",
        "Sinh": "si",
        "Taml": "ta",
        "Telu": "te",
        "Thaa": "dv",
        "Thai": "th",
        "Tibt": "bo dz",
    }.items()
    for language in languages.split()
}

# The language that most text of a script is in. Latin is not here: most text in it is in one of many.
LANGUAGE_OF = {
    "Arab": "ar",
    "Armn": "hy",
    "Beng": "bn",
    "Bopo": "zh",
    "Cyrl": "ru",
    "Deva": "hi",
    "Ethi": "am",
    "Geor": "ka",
    "Grek": "el",
    "Gujr": "gu",
    "Guru": "pa",
    "Hang": "ko",
    "Hani": "zh",
    "Hebr": "he",
    "Hira": "ja",
    "Kana": "ja",
    "Khmr": "km",
    "Knda": "kn",
    "Laoo": "lo",
    "Mlym": "ml",
    "Mong": "mn",
    "Mymr": "my",
    "Orya": "or",
    "Sinh": "si",
    "Taml": "ta",
    "Telu": "te",
    "Thai": "th",
    "Tibt": "bo",
}


def scripts_of(language: str) -> frozenset[str]:
    """Gives the scripts (ISO 15924) that a language is written in; Latin unless known otherwise.

    Args:
        language: ISO 639 of two or three letters; a region or script after `-` or `_` is ignored (`pt-BR`).

    Raises:
        ValueError: not such a code.
    """
    code = re.split(r"[-_]", language, maxsplit=1)[0].lower()
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise ValueError(f"a language must be an ISO 639 code such as 'en', not {language!r}")
    return _SCRIPTS_OF.get(code, _LATIN_ONLY)
