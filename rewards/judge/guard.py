"""What is settled before a model is asked: is there an answer at all? Pure text rules.

A judge that is shown a bare colon or "Thought process:" says "correct" far too often, so such an answer is never shown to one.
"""

import re
import unicodedata
from typing import Final

from columnar.clean import clean_text
from rewards.judge.master_keys import MASTER_KEYS
from rewards.thinking import cut

_TAGS: Final = re.compile(r"</?(?:think|answer|final|solution|response)\s{0,4}>", re.IGNORECASE)
_BOX: Final = re.compile(r"\\(?:boxed|fbox|text|mathrm|mathbf)\b")
_ASCII_SYMBOLS: Final = frozenset("$+<=>^`|~")


def take_answer(completion: str) -> tuple[str, str]:
    """Gives what follows the thinking, or an empty text and the reason why there is none.

    NUL and lone surrogates, which no server takes, become U+FFFD. Reasons: `empty_completion`, `thinking_not_closed`, `empty_answer`.
    """
    if not completion.strip():
        return "", "empty_completion"
    _, answer = cut(completion)
    if answer is None:
        return "", "thinking_not_closed"
    return (clean_text(answer)[0], "") if answer.strip() else ("", "empty_answer")


def has_own_content(answer: str) -> bool:
    """Says whether an answer has a word or a number beside the openers of `MASTER_KEYS`.

    Marks, white space, Markdown, empty tags and empty boxes are no content; a sign such as ∅ or an emoji is. Openers may follow one
    another. Linear in the text.
    """
    text = _fold(answer)
    return _OPENERS_ALONE.fullmatch(text) is None


def _fold(text: str) -> str:
    """Keeps what carries meaning: letters, numbers and signs in small letters, with single spaces for all that parts them."""
    bare = _BOX.sub(" ", _TAGS.sub(" ", text))
    folded = unicodedata.normalize("NFKC", bare).casefold().replace("'", "").replace("’", "")
    return " ".join("".join(char if _is_content(char) else " " for char in folded).split())


def _is_content(char: str) -> bool:
    # Marks that combine (M) are parts of words in Hindi, Thai and Arabic.
    return unicodedata.category(char)[0] in "LNSM" and char not in _ASCII_SYMBOLS


_FOLDED: Final = sorted({folded for key in MASTER_KEYS if (folded := _fold(key.text))}, key=len, reverse=True)
# Atomic, so that a flood of openers is read once.
_OPENERS_ALONE: Final = re.compile(rf"(?>(?:{'|'.join(map(re.escape, _FOLDED))})(?: |$))*+")
