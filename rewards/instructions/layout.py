"""IFBench's checks of form: lists, lines, brackets, quotes, emoji, templates. Pure.

As all checks: a `Response` and the instruction's arguments; None when it is followed, else why it is not.
"""

import re
from itertools import pairwise
from typing import Final

from rewards.instructions.emoji import VARIATION_SELECTORS, is_emoji
from rewards.instructions.response import Response
from rewards.instructions.sentences import split_sentences
from rewards.instructions.words import PUNCTUATION, without_punctuation

_MIN_DEPTH: Final = 5
_MIN_QUOTE_DEPTH: Final = 3
_MIN_ITEMS: Final = 2
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_BRACKET: Final = re.compile(r"[()\[\]{}]")
_LETTER_OPTIONS: Final = re.compile(r"[^\w]*[aA][^\w]*[bB][^\w]*[cC]")
_TEMPLATE: Final = ("My Answer:", "My Conclusion:", "Future Outlook:")
_ITALICS: Final = (("<i>", "</i>"), ("<em>", "</em>"))


def nested_brackets(response: Response) -> str | None:
    """Brackets of three kinds stand five deep, and the innermost is closed by its own kind; a wrong close begins anew."""
    open_brackets: list[str] = []
    deepest = 0
    for match in _BRACKET.finditer(response.text):
        bracket = match[0]
        if bracket not in _CLOSES:
            open_brackets.append(bracket)
            deepest = max(deepest, len(open_brackets))
        elif open_brackets and open_brackets[-1] == _CLOSES[bracket]:
            if deepest >= _MIN_DEPTH:
                return None
            open_brackets.pop()
        else:
            open_brackets.clear()
            deepest = 0
    return f"brackets less than {_MIN_DEPTH} deep"


def nested_quotes(response: Response) -> str | None:
    """Straight quotes stand three deep, double in single or single in double, and are closed; an apostrophe counts as a quote."""
    open_quotes: list[str] = []
    deepest = 0
    for match in re.finditer("[\"']", response.text):
        if open_quotes and open_quotes[-1] == match[0]:
            open_quotes.pop()
            if deepest - len(open_quotes) >= _MIN_QUOTE_DEPTH:
                return None
        else:
            open_quotes.append(match[0])
            deepest = max(deepest, len(open_quotes))
    return f"quotes less than {_MIN_QUOTE_DEPTH} deep"


def one_option(response: Response, options: str) -> str | None:
    """One of the options and nothing else. Letters like `a)` as written; other answers whatever their case and end mark."""
    by_letter = _LETTER_OPTIONS.match(options) is not None
    separator = "/" if "/" in options else " or " if " or " in options else ","
    permitted = [option.strip() for option in options.split(separator)]
    answer = response.text.strip()
    if not by_letter:
        permitted = [option.strip(PUNCTUATION + " ").lower() for option in permitted]
        answer = answer.strip(PUNCTUATION + " ").lower()
    return None if answer in permitted else f"{answer[:40]!r} is no option"


def word_a_line(response: Response) -> str | None:
    """As many lines with words as words, less punctuation."""
    text = without_punctuation(response.text)
    lines = sum(1 for line in text.split("\n") if line.strip())
    words = len(text.split())
    return None if lines == words else f"{words} words in {lines} lines"


def emoji_at_ends(response: Response) -> str | None:
    """Each sentence ends in an emoji, or the next begins with one: `Yes! 😀 No. 😀`. Punctuation around it is let be."""
    sentences = [_ink(sentence) for sentence in response.sentences]
    for place, ink in enumerate(sentences):
        if not ink:
            return f"sentence {place + 1} is punctuation alone"
        following = sentences[place + 1] if place + 1 < len(sentences) else ""
        if not (is_emoji(ink[-1]) or (len(ink) > 1 and is_emoji(ink[-2])) or (following and is_emoji(following[0]))):
            return f"sentence {place + 1} ends without an emoji"
    return None


def stairs(response: Response) -> str | None:
    """Two lines with text or more, each beginning with more spaces than the one before."""
    if len(response.filled_lines) < _MIN_ITEMS:
        return "one line makes no stairs"
    indents = [len(line) - len(line.lstrip(" ")) for line in response.filled_lines]
    for number, (above, below) in enumerate(pairwise(indents), 1):
        if below <= above:
            return f"line {number + 1} is indented by {below}, the one above by {above}"
    return None


def explained_quotes(response: Response) -> str | None:
    """No quotation follows another at once, and the last is not the end."""
    text = "".join(response.text.replace("\u201c", '"').replace("\u201d", '"').replace("'\"'", "").split())
    if '""' in text:
        return "a quotation follows another at once"
    end = text.strip("0123456789" + PUNCTUATION.replace('"', ""))
    return "ends with a quotation" if end.endswith('"') else None


def list_with_separator(response: Response, separator: str) -> str | None:
    """The separator stands at least twice."""
    found = response.text.count(separator)
    return None if found >= _MIN_ITEMS else f"{found} times {separator!r}, wanted at least {_MIN_ITEMS}"


def thesis(response: Response) -> str | None:
    """Text in HTML italics, and text after it."""
    for opening, closing in _ITALICS:
        begin = response.text.find(opening)
        end = response.text.find(closing, begin)
        if 0 <= begin < end:
            inside = response.text[begin + len(opening) : end]
            after = response.text[end + len(closing) :]
            return None if inside.strip() and after.strip() else "nothing in or after the italics"
    return "no italics"


def sub_bullets(response: Response) -> str | None:
    """A `*` stands somewhere, and a `-` between each and the next."""
    bullets = response.text.split("*")[1:]
    if not bullets:
        return "no bullets"
    return "a bullet without a sub-bullet" if any("-" not in bullet for bullet in bullets) else None


def sentences_then_bullets(response: Response) -> str | None:
    """Lines of two sentences and more, then two lines and more that begin with `*`, and nothing after them."""
    num_sentences = num_bullets = 0
    for line in response.filled_lines:
        if line.lstrip().startswith("*"):
            num_bullets += 1
        elif num_bullets:
            return "text after the bullets"
        else:
            num_sentences += len(split_sentences(line))
    if num_sentences < _MIN_ITEMS:
        return f"{num_sentences} sentences, wanted at least {_MIN_ITEMS}"
    return None if num_bullets >= _MIN_ITEMS else f"{num_bullets} bullets, wanted at least {_MIN_ITEMS}"


def template(response: Response) -> str | None:
    """The three headings of the template stand in it."""
    missing = [heading for heading in _TEMPLATE if heading not in response.text]
    return f"no {missing[0]!r}" if missing else None


def no_whitespace(response: Response) -> str | None:
    """No white space, at the ends neither."""
    return "has white space" if any(map(str.isspace, response.text)) else None


def _ink(sentence: str) -> str:
    """A sentence less punctuation, white space at its ends, and what only chooses how an emoji is drawn."""
    return without_punctuation(sentence).strip().rstrip(VARIATION_SELECTORS)
