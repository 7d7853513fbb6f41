"""Which language an answer should be in, by rule. Pure: no I/O but the identifier's model.

The rule, first match wins:

1. the language that the caller gives;
2. the one that the prompt asks for ("answer in French", "请用英语回答", "Antworte auf Deutsch"); a direct request (answer, reply, translate)
   before a loose one ("an essay in French"), and of several the last, as people put the form of the answer at the end;
3. the same for the system message;
4. the language that the prompt's own words are in, formulas and code left out;
5. `und`.

A request for two languages at once ("in English and French") asks for none, and one that is denied ("do not answer in French") is none.
Names of languages are in `columnar.language_names`; what is said around them in `columnar.language_requests`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from columnar.langid import classify
from columnar.language_names import ENDINGS, NAMES
from columnar.language_requests import REQUESTS
from columnar.masking import find_masks
from columnar.mixing_model import LANGUAGES
from columnar.writing import FOLDED, NO_LANGUAGE, UNKNOWN, scripts_of

MAX_ENDS: Final = 4_000
"""Characters at each end of a prompt in which a request is looked for."""

MIN_LETTERS: Final = 3
"""A prompt with fewer letters outside formulas and code is in no language; one of Han, kana or Hangul counts for two."""

OTHER_LANGUAGE: Final = 0.95
"""So sure must the identifier be of a language outside `LANGUAGES`; on Tatoeba's sentences it then costs no mistake."""

_BEFORE_CHARS: Final = 90
_AFTER_CHARS: Final = 50
# A word before the request by which it is none.
_DENIED = re.compile(
    r"(?:n['’]t|\b(?:words? of|not|never|avoid|without|no|ne|n['’]|pas|non|nunca|não|nicht|nie|niet|inte|не|jangan|đừng|usi)|لا|別|别|不要|不|勿|मत|ห้าม|อย่า)\s?(?:\w+\s)?$"
)
# Between two names that are asked for together.
_TOGETHER = re.compile(
    r"\s*(?:,|/|&|\+|、|\b(?:and|or|then|et|ou|y|o|e|und|oder|en|of|och|eller|i|lub|a|nebo|и|или|та|і|або|ve|veya|dan|atau|và|hoặc|na)\b|و|和|与|與|及|或|と|और|এবং|และ|과|와|및)"
    r"\s*(?:\b(?:in|en|auf|em|på|tiếng|bahasa|по-)\s?|ภาษา|ال)?"
)
_STEPS = re.compile(r"[.!?。！？\n](?=\s|$)|[。！？\n]")
# Languages whose names are looked for as strings, and the letters without which a text has none of them; names of the others are words.
_ATTACHED: Final[Mapping[str, re.Pattern[str]]] = {
    "ar": re.compile("[\u0600-\u06ff]"),
    "bn": re.compile("[\u0980-\u09ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "ja": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "ko": re.compile("[\uac00-\ud7a3]"),
    "te": re.compile("[\u0c00-\u0c7f]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "zh": re.compile("[\u4e00-\u9fff]"),
}
_WORD = re.compile(r"[^\W\d_]+")
_DROPPED = re.compile("[\u0307\u200b-\u200d]")  # the dot of a lower-case İ, and joiners


def target_of(prompt: str, given: str | None = None, system: str = "") -> str:
    """Gives the language that the answer to a prompt should be in; the module tells the rule.

    Args:
        prompt: what was asked, the last message of a conversation; of a long one its ends are read.
        given: the language by decision of the caller or of the data set; None, empty or `und` is not given.
        system: the system message.

    Returns:
        ISO 639 code, without a region; `und` where nothing tells.

    Raises:
        ValueError: `given` is no ISO 639 code.
    """
    code = base_code(given) if given and given.strip() else UNKNOWN
    if code != UNKNOWN:
        return code
    return asked_for(prompt) or asked_for(system) or own_language(prompt)


@lru_cache(maxsize=1024)
def base_code(language: str) -> str:
    """Gives a language code without region and script, in lower case: `pt` for `pt-BR`.

    Raises:
        ValueError: it is no ISO 639 code of two or three letters.
    """
    scripts_of(language.strip())
    return re.split(r"[-_]", language.strip(), maxsplit=1)[0].lower()


def asked_for(prompt: str) -> str | None:
    """Gives the language that a prompt asks to be answered in, None if it asks for none or for several together."""
    text = _normal(_ends(prompt))
    names = sorted(set(_names_in(text)))
    together = _asked_together(text, names)
    direct = loose = None
    for name in names:
        if name in together:
            continue
        strength = _strength(text, name)
        if strength == "direct":
            direct = name.code
        elif strength == "loose":
            loose = name.code
    return direct or loose


def own_language(text: str) -> str:
    """Gives the language that most of a text is in, formulas and code left out; `und` for too few letters.

    Of a long text beginning, middle and end are read. One of `LANGUAGES`, as fewer languages make fewer mistakes, unless another is
    `OTHER_LANGUAGE` sure: so Finnish is not called Swedish.
    """
    if len(text) > 3 * MAX_ENDS:
        middle = (len(text) - MAX_ENDS) // 2
        text = "\n".join((text[:MAX_ENDS], text[middle : middle + MAX_ENDS], text[-MAX_ENDS:]))
    parts, at = [], 0
    for mask in find_masks(text):
        parts.append(text[at : mask.start])
        at = mask.end
    prose = " ".join([*parts, text[at:]])
    if sum(1 + (c > "\u2e7f") for c in prose if c.isalpha()) < MIN_LETTERS:
        return UNKNOWN
    (label,), (score,) = classify([prose], None, FOLDED)
    if label not in LANGUAGES and score >= OTHER_LANGUAGE and label != NO_LANGUAGE:
        return label
    (label,), _ = classify([prose], frozenset(LANGUAGES), FOLDED)
    return label


class _Name(NamedTuple):
    """The name of a language in a text: the language that it is a word of, and the code that it stands for."""

    start: int
    end: int
    language: str
    code: str


def _ends(prompt: str) -> str:
    return prompt if len(prompt) <= 2 * MAX_ENDS else f"{prompt[:MAX_ENDS]}\n{prompt[-MAX_ENDS:]}"


def _normal(text: str) -> str:
    return _DROPPED.sub("", unicodedata.normalize("NFC", text.lower()))


def _names_in(text: str) -> Iterator[_Name]:
    words, patterns = _vocabulary()
    for match in _WORD.finditer(text):
        for language, name, code in words.get(match[0], ()):
            end = match.start() + len(name)
            if text.startswith(name, match.start()) and not text[end : end + 1].isalpha():
                yield _Name(match.start(), end, language, code)
    for language, letters in _ATTACHED.items():
        if letters.search(text):
            pattern, codes = patterns[language]
            for match in pattern.finditer(text):
                yield _Name(match.start(), match.end(), language, codes[match[0]])


def _asked_together(text: str, names: list[_Name]) -> set[_Name]:
    found: set[_Name] = set()
    for left, right in pairwise(names):
        apart = left.code != right.code and left.end <= right.start
        if apart and right.start - left.end < _AFTER_CHARS and _TOGETHER.fullmatch(text, left.end, right.start):
            found |= {left, right}
    return found


def _strength(text: str, name: _Name) -> str | None:
    """Says whether what stands around a name asks for that language: `direct`, `loose` or None."""
    start = max(0, name.start - _BEFORE_CHARS)
    before = text[start : name.start]
    steps = [match.end() for match in _STEPS.finditer(before)]
    if steps:
        before = before[steps[-1] :].lstrip()
    elif start:
        before = f"x{before}"  # the sentence does not begin here
    after = text[name.end : name.end + _AFTER_CHARS]
    found = None
    for request_before, request_after, loose in _patterns(name.language):
        asking = request_before.search(before)
        if asking and request_after.match(after) and not _DENIED.search(before[: asking.start()]):
            if not loose:
                return "direct"
            found = "loose"
    return found


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str], bool], ...]:
    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(unicodedata.normalize("NFC", pattern))

    return tuple(
        (compiled(rf"(?:{item.before})\Z" if item.before else ""), compiled(item.after), item.loose)
        for item in REQUESTS[language]
    )


@cache
def _vocabulary() -> tuple[dict[str, list[tuple[str, str, str]]], dict[str, tuple[re.Pattern[str], dict[str, str]]]]:
    """Gives first word -> (language, whole name, code), and for the attached languages a pattern and name -> code."""
    words: dict[str, list[tuple[str, str, str]]] = {}
    patterns = {}
    for language, table in NAMES.items():
        codes: dict[str, str] = {}
        for entry in " ".join(table.split()).split(", "):
            code, _, names = entry.partition(" ")
            for name in _normal(names).split("/"):
                codes |= {f"{name}{ending}": code for ending in ENDINGS.get(language, ("",))}
                if name.endswith("语"):
                    codes |= {f"{name[:-1]}{ending}": code for ending in "語文"}
        if language in _ATTACHED:
            longest_first = sorted(codes, key=len, reverse=True)
            patterns[language] = (re.compile("|".join(map(re.escape, longest_first))), codes)
            continue
        for name, code in codes.items():
            first = _WORD.findall(name)[0]
            words.setdefault(first, []).append((language, name, code))
    return words, patterns
