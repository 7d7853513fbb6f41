r"""Answers that words announce: "the answer is", in several languages, and the `answer` field of JSON. Text in, text out.

The last announcement of a text counts. It is looked for from the end by plain search of its key word, so that a long completion
costs little; every pattern here is linear in the text, whatever stands in it: repeats are bounded, possessive, or stop at what
begins anew.
"""

import re
from collections.abc import Callable
from typing import Final

import regex

from rewards.math.units import read_unit

MAX_ANSWER_SPAN: Final = 20_000
"""A longer candidate is cut; it is far over what is read as mathematics, and would only be carried about."""

# Possessive repeats of a group are `regex`'s: the `re` of Python before 3.11.5 loses the last turn of some.
FORMULA: Final = regex.compile(
    r"\$\$([^$]{1,4000}+)\$\$|\$([^$\n]{1,2000}+)\$|\\\(((?:[^\\]++|\\(?![()])){1,4000}+)\\\)|\\\[((?:[^\\]++|\\(?![\[\]])){1,4000}+)\\\]",
    regex.DOTALL,
)
RUN: Final = regex.compile(
    r"(?:[-+−±]\s{0,3})?(?:[$£€¥]\s{0,3})?(?:\\?[({\[]\s{0,3}){0,9}(?:\\[A-Za-z]++\s*+|√\s*+|[π∞]|\.?\d)"
    r"(?:[\d\s.,^_*/×·÷√π∞°%!(){}\[\]|²³⁻¹⁰-⁹½¼¾:+\-−±]++|\\[A-Za-z]++|\\[{}%!,]|(?<![A-Za-z])[a-zA-Z](?![A-Za-z]))*+"
)
NUMBER: Final = re.compile(r"[-−]?[$£€¥]?\d[\d,]*+(?:\.\d++)?(?:\s{0,3}/\s{0,3}\d++)?\s{0,3}%?|[-−]?\.\d++")
CHOICE: Final = re.compile(r"[\s(*（]{0,9}([A-J])[\s)*）]{0,9}")

_IS: Final = (
    r"\s{0,3}(?:\s(?:is|are|was|should\s{1,3}be|would\s{1,3}be|must\s{1,3}be|will\s{1,3}be|equals|comes\s{1,3}(?:out\s{1,3})?to)(?![A-Za-z])"
    r"|[:：=]|\*{1,2}\s{0,3}[:：])"
)
_TAIL: Final = r"\s{0,9}[:：]?\s{0,9}"
_ASKED: Final = r"(?!多少|什么|什麼|否|几|哪)"
_ENGLISH: Final = re.compile(
    rf"(?:(?<![A-Za-z])(?:answers?(?:\s{{1,3}}(?:to|of|for)\s[^.\n:=]{{1,80}}?)?|result){_IS}"
    rf"|(?<=final\s)answer[*:：]{{0,4}}[ \t]{{0,3}}\n){_TAIL}",
    re.IGNORECASE,
)
_PHRASES: Final = (
    ("a:", re.compile(rf"(?<![^\n])A[ \t]{{0,3}}:{_TAIL}", re.IGNORECASE)),
    ("answer", _ENGLISH),
    ("result", _ENGLISH),
    ("respuesta", re.compile(rf"respuesta(?:\s{{1,3}}final)?\s{{1,3}}es{_TAIL}", re.IGNORECASE)),
    ("antwort", re.compile(rf"antwort\s{{1,3}}(?:ist|lautet){_TAIL}", re.IGNORECASE)),
    ("resposta", re.compile(rf"resposta(?:\s{{1,3}}final)?\s{{1,3}}é{_TAIL}", re.IGNORECASE)),
    ("risposta", re.compile(rf"risposta(?:\s{{1,3}}finale)?\s{{1,3}}è{_TAIL}", re.IGNORECASE)),
    ("reponse", re.compile(rf"reponse(?:\s{{1,3}}finale)?\s{{1,3}}est{_TAIL}", re.IGNORECASE)),
    ("jibu", re.compile(rf"jibu\s{{1,3}}ni{_TAIL}", re.IGNORECASE)),
)
"""The key word in small letters, and the announcement that begins with it."""
_MORE_PHRASES: Final = (
    ("réponse", re.compile(rf"réponse(?:\s{{1,3}}finale)?\s{{1,3}}est{_TAIL}", re.IGNORECASE)),
    ("答案", re.compile(rf"答案\s{{0,3}}(?:应该是|应当是|应为|應為|就是|是|为|為|选|選|[:：=]){_ASKED}{_TAIL}")),
    ("结果", re.compile(rf"结果\s{{0,3}}(?:是|为|等于|[:：=]){_ASKED}{_TAIL}")),
    ("选", re.compile(rf"(?<=[故以此应])选(?:择|项)?{_TAIL}")),
    ("答", re.compile(rf"(?<![^\n])答\s{{0,3}}[:：]{_TAIL}")),
    ("答え", re.compile(rf"答え(?:は|\s{{0,3}}[:：]){_TAIL}")),
    ("답", re.compile(rf"답(?:은|\s{{0,3}}[:：]){_TAIL}")),
    ("ответ", re.compile(rf"(?<!\w)ответ\s{{0,3}}(?:[:：—-]|\s(?:равен|это)){_TAIL}", re.IGNORECASE)),
    ("คำตอบ", re.compile(rf"คำตอบคือ{_TAIL}")),
    ("উত্তর", re.compile(rf"উত্তর\s{{0,3}}[:：]{_TAIL}")),
    ("జవాబు", re.compile(rf"జవాబు\s{{0,3}}[:：]{_TAIL}")),
)
"""The same for texts that are not ASCII alone."""
_ALL_PHRASES: Final = (*_PHRASES, *_MORE_PHRASES)

_USUAL_END: Final = 256
"""How much of a text is first searched for the `answer` field of JSON."""

MAX_ANNOUNCEMENT_CHARS: Final = 256
"""No announcement is so long: its repeats are all bounded, the longest is that of what an answer is `to`."""

_JSON_FIELD: Final = re.compile(
    r"""(["'])(?:final_)?answer\1\s{0,9}:\s{0,9}(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"|'([^'\\]*+(?:\\.[^'\\]*+)*)'|([^\s"'][^\n]*+))""",
    re.IGNORECASE | re.DOTALL,
)
_JSON_ESCAPE: Final = re.compile(r'\\(["\\/])')
_JSON_SPACE: Final = re.compile(r"(?<!\\)\\[nrt](?![A-Za-z])")
_JSON_END: Final = " \t\r,}`"
_SENTENCE_END: Final = re.compile(r"[。！？\n]|\\n(?![A-Za-z])|[.?](?=\s|$)|(?<!\\)!(?=$|\n|\s[A-Z])")
_FORMULA_JOIN: Final = re.compile(r"\s{0,9}(?:,|;|、|(?:,\s{0,3})?(?:and|or|和|或))?\s{0,9}(?=\$|\\[(\[])")
_STATES: Final = re.compile(r"(?:(?<![A-Za-z])(?:is|are|be|equals|equal\s{1,3}to)|[=:：是为])\s{0,3}$", re.IGNORECASE)
_LEAD: Final = re.compile(
    r"(?:that|simply|just|exactly|indeed|therefore|thus|then|hence|approximately|about|roughly|around)\s{1,3}|,\s{0,3}",
    re.IGNORECASE,
)
_REASON: Final = re.compile(
    r"\s{0,3}[,;，；]?\s{0,3}(?:(?<![A-Za-z])(?:as|because|since|which|so\s{1,3}that|due\s{1,3}to)(?![A-Za-z])|因为|由于|其中)"
)
_WORD: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_DENIED: Final = re.compile(r"(?<![A-Za-z])(?:not?|never|cannot|unknown|undefined)(?![A-Za-z])|n't", re.IGNORECASE)
_WORDS_FOLLOW: Final = re.compile(r"[\s\"]{1,3}[A-Za-z]{2,}")
_UNIT_WORD: Final = re.compile(r"[^\W\d_]+")
_NUMBER_ALONE: Final = re.compile(r"-?\$?[0-9]++(?:,[0-9]{3})*(?:\.[0-9]++)?")
"""What nearly every announcement says. It is the answer as it stands, which the rules for sentences need not find out."""
_NUMBER_AHEAD: Final = re.compile(rf"[ \t*:：\n]*+({_NUMBER_ALONE.pattern})(?:\n|\.\s|\.?\Z)")
_QUOTES: Final = (('"', '"'), ("“", "”"), ("'", "'"), ("`", "`"))
_PROSE_WORDS: Final = 3


def find_announced(text: str, *, sentences: bool = True) -> tuple[str, str] | None:
    """Gives the answer that the last announcement makes and its source, `phrase` or `json`; None where nothing is announced.

    Without `sentences` an announced sentence is the answer as it stands, and no number is taken out of it.
    """
    read = of_sentence if sentences else tidy
    lower, field = "", None
    if len(text) > 2 * _USUAL_END:  # a field is mostly the last thing, and then nothing ahead of it counts
        end_of_text = text[-_USUAL_END:]
        lower = _lowered(end_of_text)
        field = _last_field(end_of_text, lower)
    if field is not None:
        text = end_of_text
    else:
        lower = _lowered(text)
        field = _last_field(text, lower)
    # Only a phrase that ends after the field counts against it: it begins behind the key, and not far before the field's end.
    behind = -1 if field is None else max(field.end(1) + len("answer"), field.end() - MAX_ANNOUNCEMENT_CHARS)
    begin, end = _last_phrase(text, lower, behind)
    announced_last = begin >= 0 and (field is None or field.end() <= end)
    spoken = _after_phrase(text[end : end + MAX_ANSWER_SPAN], read) if announced_last else ""
    if field is not None and (field.end() > end or _says_nothing(spoken)):
        _, double, single, bare = field.groups()
        quoted = double if double is not None else single
        answer = (_unescaped(quoted) if quoted is not None else _bare_value(bare)).strip()
        if answer and not _NUMBER_ALONE.fullmatch(answer):
            answer = read(answer)
        return answer, "json" if answer else "empty_answer"
    return (spoken, "phrase") if spoken else None


def _lowered(text: str) -> str:
    lower = text.lower()
    # A few letters change their length: then only capitals of ASCII are known.
    return lower if len(lower) == len(text) else text.translate(_ASCII_LOWER)


def _says_nothing(spoken: str) -> bool:
    """Whether a sentence does not say which number it means: `provided in the answer field`, `5 days for all 210 photos`."""
    return len(_WORD.findall(spoken)) >= _PROSE_WORDS and not any(char in "$\\" for char in spoken)


_ASCII_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _last_phrase(text: str, lower: str, floor: int) -> tuple[int, int]:
    """The last announcement that begins after `floor` as (begin, end), (-1, -1) for none."""
    begin = end = -1
    low = max(0, floor + 1)
    plain = text.isascii()
    for word, pattern in _PHRASES if plain else _ALL_PHRASES:
        if plain and low and not lower[low:].islower():  # no letter is left: it holds no word
            break
        at = lower.rfind(word, low)
        while at >= low:
            match = pattern.match(text, at)
            if match is not None:
                if match.end() > end:
                    begin, end = at, match.end()
                    low = at + 1
                break
            at = lower.rfind(word, low, at)
    return begin, end


def _last_field(text: str, lower: str) -> re.Match[str] | None:
    at = lower.rfind("answer")
    while at >= 0:
        start = at - 7 if lower.startswith("final_", at - 6) else at - 1
        match = _JSON_FIELD.match(text, start) if start >= 0 and text[start] in "\"'" else None
        if match is not None:
            return match
        at = lower.rfind("answer", 0, at)
    return None


def _unescaped(value: str) -> str:
    return _JSON_ESCAPE.sub(r"\1", _JSON_SPACE.sub(" ", value)) if "\\" in value else value


def _bare_value(line: str) -> str:
    """A value without quotes: to the end of the line, less what closes the object."""
    value = line.rstrip(_JSON_END)
    return value + "}" * (line[len(value) :].count("}") > 0 and value.count("{") > value.count("}"))


def _after_phrase(rest: str, read: Callable[[str], str]) -> str:
    """The answer that follows "the answer is": its formula if it is one, else its sentence without what trails."""
    number = _NUMBER_AHEAD.match(rest)
    if number is not None:
        return number[1]
    rest = rest.lstrip(" \t*:：\n")
    lead = _LEAD.match(rest)
    rest = rest[lead.end() :] if lead else rest
    formula = FORMULA.match(rest)
    if formula and not _is_money(formula):
        return _formula_list(rest)
    end = _SENTENCE_END.search(rest)
    return read(rest[: end.start()] if end else rest)


def _is_money(formula: "regex.Match[str]") -> bool:
    """Whether two dollar signs are amounts of money with words between, `$335, as Ellen spent $105`, and no formula."""
    content = formula[2]
    return (
        content is not None
        and content[:1].isdigit()
        and (len(_WORD.findall(content)) > 1 or bool(_REASON.search(content)))
    )


def of_sentence(sentence: str) -> str:
    """Takes the answer out of a sentence that states it: without its reasons, as its formula, or as its only number.

    `7, which is the y-coordinate` is 7, `that they need 1 box of crackers` is `1 box of crackers`. A sentence with several numbers
    or with a denial stays as it is: which of them is meant is not guessed.
    """
    if not RUN.match(sentence):
        formulas = [one for one in FORMULA.finditer(sentence) if not _is_money(one)]
        if formulas:
            stated = [one for one in formulas if _STATES.search(sentence, max(0, one.start() - 20), one.start())]
            return _formula_list(sentence[(stated[-1] if stated else formulas[0]).start() :])
    reason = _REASON.search(sentence)
    if reason and reason.start() > 0:
        sentence = sentence[: reason.start()]
    sentence = tidy(sentence)
    if len(_WORD.findall(sentence)) < _PROSE_WORDS:
        return sentence
    numbers = list(NUMBER.finditer(sentence))
    if len(numbers) != 1 or _DENIED.search(sentence, 0, numbers[0].start()):
        return sentence
    start, number = numbers[0].start(), numbers[0][0].rstrip()
    rest = sentence[start + len(number) :]
    if start == 0 and not _WORDS_FOLLOW.match(rest):
        return sentence
    return number + _unit_ahead(rest)


def _unit_ahead(rest: str) -> str:
    """The words that begin a text as far as they are a unit: ` miles per hour` of ` miles per hour on the way`."""
    words = list(_UNIT_WORD.finditer(rest[:60]))[:4]
    for last in reversed(words):
        if read_unit(rest[: last.end()].strip()) is not None:
            return rest[: last.end()]
    return ""


def _formula_list(text: str) -> str:
    """Formulas that commas or `and` join are one answer: `$1$ and $2$`."""
    parts: list[str] = []
    at = 0
    while formula := FORMULA.match(text, at):
        parts.append(formula_content(formula))
        join = _FORMULA_JOIN.match(text, formula.end())
        if join is None or join.end() == formula.end():
            break
        at = join.end()
    return ", ".join(parts)


def formula_content(formula: "regex.Match[str]") -> str:
    """Gives what stands between the delimiters of a formula."""
    return next(str(group) for group in formula.groups() if group is not None)


def tidy(sentence: str) -> str:
    """Takes bold marks, quotation marks, a full stop and the brackets of a choice off a short answer."""
    sentence = sentence.strip().strip("*").strip()
    if '"' in sentence:
        sentence = sentence.replace('\\"', '"')
        sentence = sentence.strip('"') if sentence.count('"') % 2 else sentence
    choice = CHOICE.fullmatch(sentence)
    if choice:
        return choice[1]
    sentence = sentence.rstrip(" \t.,;:。，；、")
    for opening, closing in _QUOTES:
        inner = sentence[1:-1]
        if len(sentence) > 2 and sentence[0] == opening and sentence[-1] == closing and opening not in inner:
            return inner.strip()
    return sentence


# Possessive, so that a row of letters is read in one way only.
_LISTED: Final = re.compile(
    r"(?:or|and|[/,;&|+、，])\s*+[(（\[]?\s*+[A-Z](?![A-Za-z]).*+|(?:[(（\[]?+\s*+[A-Z]\s*+[)）\].:：、]\s*+)++[A-Z]?\s*+",
    re.DOTALL,
)


def lists_options(rest: str) -> bool:
    """Says whether what follows a letter and its mark (`B) C)`, `B. or C.`) is no option's text but more letters."""
    return _LISTED.fullmatch(rest.strip(" *")) is not None
