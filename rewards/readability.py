"""The `readability` verifier: is the thinking written as a person can read it? Text rules alone.

DeepSeek-R1 left out of its rejection-sampling data chains of thought with long paragraphs and code blocks, and describes the
thinking that it wants as short paragraphs, conversational, without Markdown; it publishes no thresholds, so those here are ours.
"""

import re
from typing import Any, Final

import pyarrow as pa

from columnar.clean import clean_text
from columnar.loops import count_words
from rewards.registry import Check, verifier
from rewards.thinking import cut
from rewards.verdict import Verdict

MAX_PARAGRAPH_WORDS: Final = 300
"""About a page of a book; letters of scripts without spaces count one by one, so it is a third of a page of Chinese."""

MAX_MARKDOWN_SHARE: Final = 0.1
"""A tenth of the lines: a list now and then is no slide deck."""

_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*+\n")
_FENCE: Final = re.compile(r"^[ \t]{0,8}(?:```|~~~)", re.MULTILINE)
_MARKDOWN: Final = re.compile(
    r"[ \t]{0,8}(?:#{1,6}[ \t]|[-*+•][ \t]+\S|\d{1,3}[.)][ \t]+\*\*|\||>[ \t]|(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*+$|\*\*[^*\n]{1,200}\*\*[:：.]?[ \t]*+$)"
)


@verifier("readability", version=2)
def readability(
    *,
    max_paragraph_words: int = MAX_PARAGRAPH_WORDS,
    max_markdown_share: float = MAX_MARKDOWN_SHARE,
    allow_code: bool = False,
    answer_too: bool = False,
) -> Check:
    """Scores 1.0 for thinking that reads well, else 0.0 with every reason and the measures in the detail.

    Reasons: `long_paragraph`, `code_block`, `markdown`. A completion without `</think>` is thinking as a whole.

    Args:
        max_paragraph_words: paragraphs are what blank lines part; words as `columnar.words` counts them.
        max_markdown_share: lines that are headings, items, quotations, tables, rules or bold titles, over all lines with text.
        allow_code: let fenced code stand in the thinking; it is then neither a paragraph nor Markdown.
        answer_too: judge the answer by the same rules, code and Markdown allowed there: its paragraphs only.
    """
    if max_paragraph_words < 1:
        raise ValueError(f"max_paragraph_words must be at least 1, not {max_paragraph_words}")
    if not 0.0 <= max_markdown_share <= 1.0:
        raise ValueError(f"max_markdown_share must be between 0 and 1, not {max_markdown_share}")

    def check(completion: str, _gold: Any, /) -> Verdict:
        text, _ = clean_text(completion)
        before, after = cut(text)
        thinking, answer = (before, after or "") if before is not None else (text, "")
        if not thinking.strip():
            return Verdict(0.0, "unparseable", {"reason": "empty_completion" if before is None else "no_thinking"})
        prose, num_blocks = _without_code(thinking)
        judged = [*_paragraphs(prose), *(_paragraphs(_without_code(answer)[0]) if answer_too else [])]
        longest = int(count_words(pa.array(judged or [""], pa.large_string())).max())
        share = _markdown_share(prose)
        reasons = ["long_paragraph"] * (longest > max_paragraph_words)
        reasons += ["code_block"] * (num_blocks > 0 and not allow_code)
        reasons += ["markdown"] * (share > max_markdown_share)
        detail: dict[str, Any] = {
            "longest_paragraph_words": longest,
            "code_blocks": num_blocks,
            "markdown_share": share,
        }
        if reasons:
            return Verdict(0.0, "incorrect", {"reason": reasons[0], "reasons": reasons, **detail})
        return Verdict(1.0, "correct", detail)

    return check


def _without_code(text: str) -> tuple[str, int]:
    """Takes fenced blocks out, and counts them; one that is never closed reaches to the end."""
    fences = [match.start() for match in _FENCE.finditer(text)]
    parts, at = [], 0
    for opening, closing in zip(fences[::2], [*fences[1::2], len(text)], strict=False):
        parts.append(text[at:opening])
        end = text.find("\n", closing)
        at = len(text) if end < 0 else end
    return "\n\n".join([*parts, text[at:]]), (len(fences) + 1) // 2


def _paragraphs(text: str) -> list[str]:
    return [paragraph for paragraph in _BLANK_LINE.split(text) if paragraph.strip()]


def _markdown_share(text: str) -> float:
    lines = [line for line in text.split("\n") if line.strip()]
    return sum(_MARKDOWN.match(line) is not None for line in lines) / len(lines) if lines else 0.0
