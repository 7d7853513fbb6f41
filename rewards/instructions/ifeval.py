"""The 25 checks of IFEval (Zhou et al. 2023, 2311.07911), by rules of our own. Pure.

Each takes a `Response` and the instruction's arguments, and gives None when the instruction is followed, else why it is not.
Keywords are looked for as they are spelt: what a prompt gives is never read as a pattern.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

from rewards.instructions.languages import language_of
from rewards.instructions.response import Response
from rewards.instructions.words import stands_alone

_ANSWERS: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_DIVIDER: Final = re.compile(r"\s?\*\*\*\s?")
_FENCE: Final = re.compile(r"```(?:json|Json|JSON)?(?![A-Za-z])")
_FIRST_WORD_ENDS: Final = re.compile(r"[.,?!'\"]")
_RESPONSES: Final = "******"


def compare(what: str, found: int, relation: str, wanted: int) -> str | None:
    """Says why a count does not stand in the relation (`at least`, `less than`) that is wanted; None when it does."""
    if (found >= wanted) == (relation == "at least"):
        return None
    return f"{found} {what}, wanted {relation} {wanted}"


def keywords(response: Response, wanted: Sequence[str]) -> str | None:
    """Every keyword stands somewhere, in large or small letters, inside longer words too."""
    missing = [word for word in wanted if not _find(word, response.text)]
    return f"missing {missing[0]!r}" if missing else None


def keyword_frequency(response: Response, keyword: str, frequency: int, relation: str) -> str | None:
    """The keyword stands so often, in large or small letters, inside longer words too."""
    return compare(f"times {keyword!r}", _occurrences(keyword.strip(), response.text), relation, frequency)


def forbidden_words(response: Response, forbidden: Sequence[str]) -> str | None:
    """None of the words stands by itself, in large or small letters."""
    for word in forbidden:
        if stands_alone(word, response.text):
            return f"has {word!r}"
    return None


def letter_frequency(response: Response, letter: str, frequency: int, relation: str) -> str | None:
    """The letter, or other single character, stands so often, in large or small letters."""
    return compare(f"times {letter!r}", response.text.lower().count(letter.lower()), relation, frequency)


def language(response: Response, wanted: str) -> str | None:
    """The text as a whole is in the language; a text without any language is not."""
    found = language_of(response.text)
    return None if found == wanted else f"language {found}, wanted {wanted}"


def num_sentences(response: Response, wanted: int, relation: str) -> str | None:
    """So many sentences."""
    return compare("sentences", len(response.sentences), relation, wanted)


def num_paragraphs(response: Response, wanted: int) -> str | None:
    """Exactly so many paragraphs between `***`; none empty, but one before the first divider and after the last may be."""
    paragraphs = _DIVIDER.split(response.text)
    if any(not paragraph.strip() for paragraph in paragraphs[1:-1]):
        return "an empty paragraph"
    found = sum(1 for paragraph in paragraphs if paragraph.strip())
    return None if found == wanted else f"{found} paragraphs, wanted {wanted}"


def num_words(response: Response, wanted: int, relation: str) -> str | None:
    """So many runs of word characters."""
    return compare("words", response.num_word_runs, relation, wanted)


def paragraph_first_word(response: Response, num_paragraphs: int, nth: int, first_word: str) -> str | None:
    """So many paragraphs between blank lines, and the nth begins with the word, in large or small letters."""
    paragraphs = response.text.split("\n\n")
    found = sum(1 for paragraph in paragraphs if paragraph.strip())
    if found != num_paragraphs:
        return f"{found} paragraphs, wanted {num_paragraphs}"
    begin = paragraphs[nth - 1].split(maxsplit=1) if nth <= len(paragraphs) else []
    if not begin:
        return f"paragraph {nth} is empty"
    word = _FIRST_WORD_ENDS.split(begin[0].lstrip("'").lstrip('"'), maxsplit=1)[0].lower()
    return None if word == first_word.lower() else f"paragraph {nth} begins with {word[:40]!r}"


def placeholders(response: Response, wanted: int) -> str | None:
    """At least so many `[...]`, each in one line."""
    found = 0
    for line in response.lines:
        at = line.find("[")
        while at >= 0 and (close := line.find("]", at)) >= 0:
            found += 1
            at = line.find("[", close)
    return compare("placeholders", found, "at least", wanted)


def postscript(response: Response, marker: str) -> str | None:
    """The marker stands somewhere, in large or small letters; `P.S.` and `P.P.S` also with a space after each full stop."""
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    pattern = known.get(marker.strip(), re.escape(marker.strip().lower()))
    return None if re.search(pattern, response.text.lower()) else f"no {marker.strip()}"


def num_bullets(response: Response, wanted: int) -> str | None:
    """Exactly so many lines that begin with `-`, or with one `*` and something after it that is no `*`."""
    found = 0
    for line in response.filled_lines:
        begin = line.lstrip()
        found += begin[0] == "-" or (begin[0] == "*" and len(begin) > 1 and begin[1] != "*")
    return None if found == wanted else f"{found} bullets, wanted {wanted}"


def constrained_answer(response: Response) -> str | None:
    """One of the three permitted answers stands in it, and no other."""
    found = sum(answer in response.text for answer in _ANSWERS)
    return None if found == 1 else f"{found} of the permitted answers"


def num_highlights(response: Response, wanted: int) -> str | None:
    """At least so many `*...*` with something inside, each in one line; `**...**` is one, as IFEval's second pattern counts."""
    found = 0
    for line in response.lines:
        found += _count_between(line, "*") + _count_between(line, "**")
    return compare("highlights", found, "at least", wanted)


def num_sections(response: Response, splitter: str, wanted: int) -> str | None:
    """At least so many times the splitter with a number after it."""
    found = len(re.findall(rf"{re.escape(splitter.strip())}\s?\d", response.text))
    return compare("sections", found, "at least", wanted)


def is_json(response: Response) -> str | None:
    """All of it is one JSON value, in Markdown ticks or not. `NaN` and `Infinity` pass, as they do in the published check."""
    text = response.text.strip()
    fence = _FENCE.match(text)
    if fence:
        text = text[fence.end() :]
    text = text.removesuffix("```").strip()
    try:
        json.loads(text, parse_int=len)  # the number itself is not needed, and a long one takes long
    except ValueError as failure:
        return f"no JSON: {failure}"[:80]
    except RecursionError:
        return "JSON too deep"
    return None


def title(response: Response) -> str | None:
    """`<<...>>` stands in one line, with something inside."""
    for line in response.lines:
        begin, end = line.find("<<"), line.rfind(">>")
        if 0 <= begin < end and line[begin : end + 2].strip("<>").strip():
            return None
    return "no title in << >>"


def two_responses(response: Response) -> str | None:
    """Two different texts with `******` between them; before the first and after the last may be nothing more."""
    parts = response.text.split(_RESPONSES)
    if any(not part.strip() for part in parts[1:-1]):
        return "an empty response"
    filled = [part.strip() for part in parts if part.strip()]
    if len(filled) != 2:
        return f"{len(filled)} responses, wanted 2"
    return "the two are the same" if filled[0] == filled[1] else None


def repeat_prompt(response: Response, prompt: str) -> str | None:
    """It begins with the prompt, word for word, in large or small letters."""
    begins = response.text.strip().lower().startswith(prompt.strip().lower())
    return None if begins else "does not begin with the request"


def end_phrase(response: Response, phrase: str) -> str | None:
    """It ends with the phrase, in large or small letters; quotation marks after it are nothing."""
    ends = response.text.strip().strip('"').lower().endswith(phrase.strip().lower())
    return None if ends else f"ends with {response.text.strip()[-40:]!r}"


def capital_words(response: Response, frequency: int, relation: str) -> str | None:
    """So many tokens in capital letters; `I`, `A` and `COVID-19` are such."""
    return compare("words in capitals", sum(map(str.isupper, response.tokens)), relation, frequency)


def all_capitals(response: Response) -> str | None:
    """English, and no small letter."""
    return _one_case(response, "capital" if response.text.isupper() else None, "capital")


def all_small(response: Response) -> str | None:
    """English, and no capital letter."""
    return _one_case(response, "small" if response.text.islower() else None, "small")


def no_comma(response: Response) -> str | None:
    """No comma."""
    return f"{response.text.count(',')} commas" if "," in response.text else None


def quotation(response: Response) -> str | None:
    """It begins and ends with a double quotation mark, and something stands between them."""
    text = response.text.strip()
    return None if text[1:-1].strip() and text[0] == '"' == text[-1] else "not in double quotation marks"


def _find(word: str, text: str) -> bool:
    return re.search(re.escape(word), text, re.IGNORECASE) is not None


def _occurrences(word: str, text: str) -> int:
    return len(re.findall(re.escape(word), text, re.IGNORECASE))


def _count_between(line: str, mark: str) -> int:
    """Counts `mark...mark` from left to right, without a `*` and with more than white space inside."""
    found = 0
    at = line.find(mark)
    while at >= 0:
        begin = at + len(mark)
        star = line.find("*", begin)
        if star < 0:
            break
        if line.startswith(mark, star):
            found += bool(line[begin:star].strip())
            at = line.find(mark, star + len(mark))
        else:
            at = line.find(mark, at + 1)
    return found


def _one_case(response: Response, found: str | None, wanted: str) -> str | None:
    if found is None:
        return f"not all in {wanted} letters"
    spoken = language_of(response.text.lower())
    return None if spoken == "en" else f"language {spoken}, wanted en"
