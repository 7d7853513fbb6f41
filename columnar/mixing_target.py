"""Which language an answer should be in, by rule. Pure: no I/O but the identifier's model.

The rule, first match wins: the language that somebody gave; the one that the prompt asks for ("answer in French", "用英语回答"); the one that
the prompt itself is in; `und`. The last request of a prompt counts, as people put the form of the answer at the end.
"""

import re
from functools import cache

from columnar.langid import classify
from columnar.masking import find_masks
from columnar.mixing_model import LANGUAGES
from columnar.writing import FOLDED, UNKNOWN, scripts_of

MAX_PROMPT = 20_000
"""Characters that are read at each end of a prompt."""

MIN_LETTERS = 3
"""A prompt with fewer letters outside formulas and code is in no language; Han letters count for two."""

# What a language is called in the language that a request is made in: English, then the requests' own.
_ENGLISH_NAMES = {
    "arabic": "ar", "bengali": "bn", "bangla": "bn", "czech": "cs", "german": "de", "greek": "el", "english": "en", "spanish": "es", "persian": "fa",
    "farsi": "fa", "finnish": "fi", "french": "fr", "hebrew": "he", "hindi": "hi", "hungarian": "hu", "indonesian": "id", "italian": "it",
    "japanese": "ja", "korean": "ko", "dutch": "nl", "norwegian": "no", "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru",
    "swedish": "sv", "swahili": "sw", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr", "ukrainian": "uk", "urdu": "ur",
    "vietnamese": "vi", "chinese": "zh", "mandarin": "zh", "danish": "da", "catalan": "ca", "bulgarian": "bg", "croatian": "hr", "serbian": "sr",
}  # fmt: skip
_OWN_NAMES = {
    "anglais": "en", "français": "fr", "allemand": "de", "espagnol": "es", "italien": "it", "portugais": "pt", "chinois": "zh", "russe": "ru",
    "japonais": "ja", "arabe": "ar", "inglés": "en", "español": "es", "francés": "fr", "alemán": "de", "italiano": "it", "portugués": "pt",
    "chino": "zh", "ruso": "ru", "japonés": "ja", "inglês": "en", "espanhol": "es", "francês": "fr", "alemão": "de", "português": "pt",
    "chinês": "zh", "russo": "ru", "japonês": "ja", "inglese": "en", "francese": "fr", "tedesco": "de", "spagnolo": "es", "portoghese": "pt",
    "cinese": "zh", "giapponese": "ja", "deutsch": "de", "englisch": "en", "französisch": "fr", "spanisch": "es", "italienisch": "it",
    "portugiesisch": "pt", "chinesisch": "zh", "russisch": "ru", "japanisch": "ja", "nederlands": "nl", "engels": "en", "duits": "de",
    "frans": "fr", "svenska": "sv", "engelska": "en", "polsku": "pl", "angielsku": "en", "niemiecku": "de", "česky": "cs", "anglicky": "en",
    "русском": "ru", "английском": "en", "немецком": "de", "французском": "fr", "испанском": "es", "китайском": "zh", "українською": "uk",
    "англійською": "en", "türkçe": "tr", "ingilizce": "en", "indonesia": "id", "inggris": "en", "kiswahili": "sw", "kiingereza": "en",
    "العربية": "ar", "الإنجليزية": "en", "الانجليزية": "en", "الفرنسية": "fr", "الصينية": "zh",
}  # fmt: skip
_EAST_ASIAN_NAMES = {
    "中文": "zh", "汉语": "zh", "漢語": "zh", "普通话": "zh", "简体中文": "zh", "繁體中文": "zh", "英文": "en", "英语": "en", "英語": "en", "日语": "ja", "日文": "ja",
    "日本語": "ja", "韩语": "ko", "韩文": "ko", "韓国語": "ko", "法语": "fr", "法文": "fr", "フランス語": "fr", "德语": "de", "德文": "de", "ドイツ語": "de",
    "西班牙语": "es", "スペイン語": "es", "俄语": "ru", "俄文": "ru", "ロシア語": "ru", "阿拉伯语": "ar", "葡萄牙语": "pt", "意大利语": "it", "中国語": "zh",
    "한국어": "ko", "영어": "en", "중국어": "zh", "일본어": "ja", "프랑스어": "fr",
}  # fmt: skip
_ENGLISH_VERBS = r"answer|repl(?:y|ies)|respond|respon[sc]es?|write|explain|translate[ds]?|translations?|speak|think|reason|solutions?|output|use"
_OWN_VERBS = (
    r"r[ée]pon[ds]\w*|[ée]cri\w+|expliqu\w+|tradui\w+|respond\w+|respuesta|escri\w+|explica\w*|explique\w*|tradu[cz]\w+|traduz\w*|risp\w+|scriv\w+"
    r"|spiega\w*|antwort\w*|schreib\w*|erklär\w*|übersetz\w*|antwoord\w*|schrijf|vertaal|svara\w*|skriv\w*|odpowie\w*|odpowiada\w*|napisz|odpov\w+"
    r"|ответ\w*|отвеч\w*|напиш\w*|переве\w+|объясн\w*|відпові\w*|напиш\w*|переклад\w*|yanıt\w*|cevap\w*|yaz\w*|çevir\w*|jawab\w*|tulis\w*"
    r"|terjemah\w*|jibu|andika|أجب|اكتب|ترجم"
)
_GAP = r"[^.!?。！？\n]{0,60}?"


def target_of(prompt: str, given: str | None = None) -> str:
    """Gives the language that the answer to a prompt should be in.

    Args:
        prompt: what was asked; of a long one its ends are read.
        given: the language by decision of the caller or by the data set; empty or `und` is not given.

    Returns:
        ISO 639 code, without a region; `und` where nothing tells.

    Raises:
        ValueError: `given` is no ISO 639 code.
    """
    code = base_code(given) if given else UNKNOWN
    if code != UNKNOWN:
        return code
    if len(prompt) > 2 * MAX_PROMPT:
        prompt = prompt[:MAX_PROMPT] + "\n" + prompt[-MAX_PROMPT:]
    return _asked_for(prompt) or own_language(prompt)


def base_code(language: str) -> str:
    """Gives a language code without region and script, in lower case.

    Raises:
        ValueError: it is no ISO 639 code of two or three letters.
    """
    scripts_of(language.strip())
    return re.split(r"[-_]", language.strip(), maxsplit=1)[0].lower()


def _asked_for(prompt: str) -> str | None:
    found = [
        (match.start(), names[match.group(1).lower()])
        for pattern, names in _requests()
        for match in pattern.finditer(prompt)
    ]
    return max(found)[1] if found else None


@cache
def _requests() -> tuple[tuple[re.Pattern[str], dict[str, str]], ...]:
    def names(table: dict[str, str]) -> str:
        return "(" + "|".join(sorted(table, key=len, reverse=True)) + ")"

    english = rf"\b(?:{_ENGLISH_VERBS})\b{_GAP}\b(?:in|into|to|use)\s+(?:only\s+|plain\s+|simple\s+)?{names(_ENGLISH_NAMES)}\b"
    shorthand = rf"\bin\s+{names(_ENGLISH_NAMES)}(?:\s+(?:only|please|language))\b"
    own = rf"\b(?:{_OWN_VERBS})\b{_GAP}\b{names(_OWN_NAMES)}\b"
    east_before = rf"(?:用|以|使用|请用|請用|改用|翻译成|翻译为|翻譯成)\s*{names(_EAST_ASIAN_NAMES)}"
    east_after = rf"{names(_EAST_ASIAN_NAMES)}\s*(?:回答|作答|回复|回覆|解答|で答え|で回答|で説明|で書|に翻訳|に訳|로\s*(?:답|대답|설명|작성|번역|써))"
    return (
        *((re.compile(pattern, re.IGNORECASE), _ENGLISH_NAMES) for pattern in (english, shorthand)),
        (re.compile(own, re.IGNORECASE), _OWN_NAMES),
        *((re.compile(pattern), _EAST_ASIAN_NAMES) for pattern in (east_before, east_after)),
    )


def own_language(text: str) -> str:
    """Gives the language that most of a text is in, formulas and code left out; `und` for too few letters."""
    parts, at = [], 0
    for mask in find_masks(text):
        parts.append(text[at : mask.start])
        at = mask.end
    prose = " ".join([*parts, text[at:]])
    if sum(1 + (c > "\u2e7f") for c in prose if c.isalpha()) < MIN_LETTERS:
        return UNKNOWN
    (label,), _ = classify([prose], frozenset(LANGUAGES), FOLDED)
    return label
