r"""The `choice` verifier: which of the options does the completion settle on? Pure text rules.

The answer is looked for as `rewards.math.extract` does: the answer tag, the last box, `####`, "the answer is" in several languages;
without any of these, the last line if it begins with a letter that stands for an option. What is read as options:

| written | read |
| --- | --- |
| `C`, `(c)`, `**C**`, `\text{C}`, `Option C`, `选项C` | C |
| `C. 12 m`, `(C) 12 m`, `C: because` | C |
| `C because`, `C, since`, `C 因为` | C; but `A man`, `I think` are words |
| `A and C`, `A, C`, `AC`, `A、C` | A and C |
| the text of exactly one option, where the gold lists them | that option |

The set of options must be the gold's: a completion that lists them all has guessed none.
"""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from rewards.matching import take_part
from rewards.math.extract import extract_answer
from rewards.math.phrases import lists_options
from rewards.registry import Check, CheckWithGold, verifier
from rewards.verdict import Verdict
from rewards.visible import seen

MAX_OPTIONS: Final = 26
"""Options are the letters A to Z."""

MAX_ANSWER_CHARS: Final = 2_000
"""Of a longer answer only the beginning is read: the letter stands there."""

_SHOWN_CHARS: Final = 300
_DRESS: Final = re.compile(r"\\(?:text|textbf|mathrm|mathbf|boldsymbol)(?![A-Za-z])|[{}$*_`\s]+")
_PREFIX: Final = re.compile(
    r"(?:(?:the\s)?(?:option|choice|answer)(?:\sis)?|选项|選項|答案)\s?[:：]?\s?(?=[(（\[]?[A-Za-z]\b)", re.IGNORECASE
)
_ALONE: Final = re.compile(r"[(（\[]?\s?([A-Za-z])\s?[)）\]]?[.。,:：]?")
_LED: Final = re.compile(r"(?:[(（\[]\s?([A-Za-z])\s?[)）\]]|([A-Za-z])\s?[)）\].:：、])(?=\s?\S)")
_REASONED: Final = re.compile(
    r"([A-Z])(?:,\s?|\s?，|\s)(?:because|since|as|by|due|which|where|given|因为|因為|由于)(?![a-z])"
)
_TAKEN_BACK: Final = re.compile(
    r"^[(（\[*\s]*[A-Za-z][)）\].:：、*\s]*(?:(?:is|was|are)\s)?(?:not\s(?:correct|right|the\s(?:correct\s|right\s)?(?:answer|option|choice))"
    r"|incorrect|wrong|ruled\sout|eliminated|(?:是)?错误|(?:是)?不正确|不对)",
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])")
_FULL_WIDTH: Final = {0xFEE0 + ord(letter): letter for letter in string.ascii_letters}
_JOIN: Final = re.compile(r"\s?(?:,|;|/|&|、|，|\+|\band\b|\bor\b|和|与|及)\s?(?:and\s)?", re.IGNORECASE)
_RUN_TOGETHER: Final = re.compile(r"[A-Z]{2,8}")
_SPACES: Final = re.compile(r"\s+")


class _Gold(NamedTuple):
    letters: frozenset[str]
    options: Mapping[str, str]  # letter -> its text, folded; empty where the gold does not list them


@verifier("choice", version=3, gold_key="answer")
def choice(*, multiple: bool = False, prose: bool = True) -> Check:
    """Scores 1.0 when the options named are exactly the gold's, else 0.0; `unparseable` when none is named.

    Args:
        multiple: the gold may be several letters (`AC`, `A, C`), and the share of agreement (intersection over union) is
            the score of an answer that is partly right.
        prose: take a letter that begins the last line, where nothing announces the answer.

    The gold is a letter, a letter with its option (`C. 12 m`), several letters if `multiple`, or an object with `letter` and
    `options` (a list of texts, A first).
    """

    def check(completion: str, gold: Any, /) -> Verdict:
        try:
            wanted = _read_gold(gold, multiple=multiple)
        except ValueError as failure:
            return Verdict(None, "bad_gold", {"reason": "unreadable_gold", "error": str(failure)})
        answer, source = _find_answer(completion, prose=prose)
        if not answer:
            return Verdict(0.0, "unparseable", {"reason": source})
        detail: dict[str, Any] = {"answer": answer[:_SHOWN_CHARS], "source": source}
        given = read_letters(answer) or _by_text(answer, wanted.options)
        if not given:
            return Verdict(0.0, "unparseable", {"reason": "no_option_named", **detail})
        detail["letters"] = sorted(given)
        if given == wanted.letters:
            return Verdict(1.0, "correct", detail)
        if not multiple or not given & wanted.letters:
            return Verdict(0.0, "incorrect", detail)
        return Verdict(len(given & wanted.letters) / len(given | wanted.letters), "partial", detail)

    def write(gold: Any) -> str | None:
        try:
            return rf"\boxed{{{', '.join(sorted(_read_gold(gold, multiple=multiple).letters))}}}"
        except ValueError:
            return None

    return CheckWithGold(check, write)


def read_letters(answer: str) -> frozenset[str]:
    """Gives the options that a short answer names, in capitals; empty for none. The module tells the rules."""
    plain = _DRESS.sub(" ", seen(answer[:MAX_ANSWER_CHARS]).translate(_FULL_WIDTH)).strip()
    plain = _PREFIX.sub("", plain, count=1).strip()
    alone = _ALONE.fullmatch(plain)
    if alone:
        return frozenset(alone[1].upper())
    if _RUN_TOGETHER.fullmatch(plain) and list(plain) == sorted(set(plain)):
        return frozenset(plain)
    parts = [_ALONE.fullmatch(part.strip()) for part in _JOIN.split(plain)]
    if len(parts) > 1 and len(parts) <= MAX_OPTIONS and all(parts):
        return frozenset(part[1].upper() for part in parts if part)
    led = _LED.match(plain)
    if led and lists_options(plain[led.end() :]):
        return frozenset(letter.upper() for letter in _LETTER.findall(plain))
    led = led or _REASONED.match(plain)
    return frozenset(next(letter for letter in led.groups() if letter).upper()) if led else frozenset()


def _find_answer(completion: str, *, prose: bool) -> tuple[str, str]:
    found = extract_answer(completion, prose=False)
    if found.answer or not prose or found.source != "no_answer":
        return found.answer, found.source
    line = take_part(completion, "response")[0].rstrip().rpartition("\n")[2].strip()[:MAX_ANSWER_CHARS]
    # Where every option is gone through, the last line may say of the last one that it is wrong.
    return (line, "line") if read_letters(line) and not _TAKEN_BACK.search(line) else ("", found.source)


def _read_gold(gold: Any, *, multiple: bool) -> _Gold:
    """Reads the gold.

    Raises:
        ValueError: it names no option, or several where one is asked for, or one beyond its list.
    """
    options: dict[str, str] = {}
    if isinstance(gold, Mapping):
        texts = gold.get("options")
        if not isinstance(texts, Sequence) or isinstance(texts, str) or not 0 < len(texts) <= MAX_OPTIONS:
            raise ValueError(f"`options` must list 1 to {MAX_OPTIONS} texts")
        options = {chr(65 + i): _fold(str(text)) for i, text in enumerate(texts)}
        gold = gold.get("letter")
    letters = read_letters(gold) if isinstance(gold, str) else frozenset()
    if not letters:
        raise ValueError(f"{str(gold)[:_SHOWN_CHARS]!r} names no option")
    if len(letters) > 1 and not multiple:
        raise ValueError(f"{str(gold)[:_SHOWN_CHARS]!r} names several options: set `multiple`")
    if options and not letters <= options.keys():
        raise ValueError(f"{str(gold)[:_SHOWN_CHARS]!r} is beyond the {len(options)} options")
    return _Gold(letters, options)


def _by_text(answer: str, options: Mapping[str, str]) -> frozenset[str]:
    """Finds the one option whose text the answer is; none where two have the same text."""
    text = _fold(answer[:MAX_ANSWER_CHARS])
    same = [letter for letter, option in options.items() if option == text and text]
    return frozenset(same) if len(same) == 1 else frozenset()


def _fold(text: str) -> str:
    return _SPACES.sub(" ", _DRESS.sub(" ", text)).strip().rstrip(".。").casefold()
