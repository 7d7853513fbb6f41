"""The program in a completion. Pure text rules, linear in the text; the program is never parsed here, because it is hostile.

1. What stands before the last `</think>` is thinking (`rewards.thinking`).
2. A program stands in a fenced block: of the blocks that are named for the gold's language the last that defines the entry point, else
   the last; then of those without a name; then of those with a name that is no language. A fence that is never closed ends with the text.
3. Without any fence the text is the program, less the prose before its first line of code; or the continuation of the gold's
   prompt, when its first line is indented (in a fence as well).
"""

import dataclasses
import re
from collections.abc import Collection, Iterator
from typing import Final, Literal

from rewards.thinking import cut

Form = Literal["auto", "program", "continuation"]
Found = Literal["fence", "text", "continuation"]

MAX_PROGRAM_CHARS: Final = 200_000
"""A longer program is not run."""

STOPS: Final = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where a base model's function has ended, in Python: the stop sequences of human-eval (2107.03374, section 2.2)."""

_FENCE: Final = re.compile(r"[ \t]*(?:>[ \t]?)?(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*\Z")
_NAME: Final = re.compile(r"[{.]*([A-Za-z0-9+#_-]*)")
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_PYTHON_CODE: Final = re.compile(
    r"^(?:import\s+\w|from\s+[\w.]+\s+import\b|(?:async\s+)?def\s+\w|class\s+\w+\s*[:(]|@\w|if\s+__name__|#!|"
    r"(?:for|while|with|if|try)\b.*:[ \t]*(?:#.*)?$|[A-Za-z_][\w.]*(?:\[.*\])?(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*[ \t]*[-+*/|&]?=[^=]|"
    r"[A-Za-z_][\w.]*\()",
    re.MULTILINE,
)
_OTHER_CODE: Final = re.compile(
    r"^(?:#\s*include\b|#!|package\s+\w|import\s+\S|using\s+\w|use\s+\w|(?:public|private|static|final|abstract|export|async|unsafe|pub)\s+\w|"
    r"(?:class|struct|enum|interface|object|trait|impl|template|fn|func|fun|function|def|sub|void|int|long|double|bool|auto|const|let|var|my)\b"
    r".*[({;=<:]|<\?php|\w+\(.*\)\s*\{)",
    re.MULTILINE,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the first word of its fence in small letters, and what stands in it, without the fence's indentation."""

    name: str
    body: str


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What was found in a completion.

    Attributes:
        text: the program, or what continues the prompt; empty when nothing was found.
        found: how.
        reason: why nothing was found: `thinking_not_closed`, `empty_answer`, `other_language`, `no_program`, `program_too_long`.
    """

    text: str
    found: Found = "text"
    reason: str = ""


def extract_program(
    completion: str,
    names: Collection[str],
    other_names: Collection[str] = (),
    *,
    entry_point: str | None = None,
    has_prompt: bool = False,
    form: Form = "auto",
    stop: bool = False,
) -> Program:
    """Finds the program of a completion by the rules of the module.

    Args:
        completion: what the model wrote, the prompt not included.
        names: how fences name the language, in small letters.
        other_names: how they name other languages: a block of those is no program.
        entry_point: the function that is asked for, if there is one: blocks that define it go first.
        has_prompt: whether there is a prompt that the text may continue.
        form: `program` and `continuation` settle what `auto` decides by the text.
        stop: cut a continuation at the first of `STOPS`, as is done for base models.
    """
    _, answer = cut(completion)
    if answer is None:
        return Program("", reason="thinking_not_closed")
    answer = _NOT_TEXT.sub("\ufffd", answer).replace("\r\n", "\n")
    if not answer.strip():
        return Program("", reason="empty_answer")
    continues = form == "auto" and has_prompt
    blocks = list(fenced_blocks(answer)) if form != "continuation" else []
    if blocks:
        body, reason = _chosen(blocks, names, other_names, entry_point)
        if reason:
            return Program("", "fence", reason)
        return _bounded(body, "continuation" if continues and _is_indented(body) else "fence")
    if form == "continuation" or (continues and _is_indented(answer)):
        return _bounded(_stopped(answer) if stop else answer, "continuation")
    begin = (_PYTHON_CODE if "python" in names else _OTHER_CODE).search(answer)
    return _bounded(answer[begin.start() :] if begin else "", "text")


def fenced_blocks(text: str) -> Iterator[Block]:
    """Gives the fenced blocks of a Markdown text in order, the last one to the end of the text where its fence is not closed."""
    fence, name, indent, body = "", "", 0, list[str]()
    for line in text.split("\n"):
        marks = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if not fence:
            if marks:
                fence, body = marks[1], []
                indent = len(line) - len(line.lstrip())
                naming = _NAME.match(marks[2])
                name = naming[1].lower() if naming else ""
        elif marks and marks[1].startswith(fence) and not marks[2]:
            yield Block(name, "\n".join(body) + "\n")
            fence = ""
        else:
            body.append(line[indent:] if not line[:indent].strip() else line)
    if fence and any(line.strip() for line in body):
        yield Block(name, "\n".join(body))


def _chosen(
    blocks: list[Block], names: Collection[str], other_names: Collection[str], entry_point: str | None
) -> tuple[str, str]:
    filled = [block for block in blocks if block.body.strip()]
    named = [block.body for block in filled if block.name in names]
    unnamed = [block.body for block in filled if not block.name]
    unknown = [block.body for block in filled if block.name and block.name not in other_names]
    candidates = named or unnamed or unknown
    if not candidates:
        return "", "other_language" if filled else "no_program"
    if entry_point:
        word = re.escape(entry_point.rpartition(".")[2])
        # Bounded repeats: a text that says `f(` a hundred thousand times must not cost the square of that.
        defines = re.compile(
            rf"\b(?:def|func|fn|fun|function|sub|const|let|var)[ \t]+(?:\([^()\n]{{0,200}}\)[ \t]*)?{word}\b|\b{word}[ \t]*\([^;(]{{0,500}}\{{"
        )
        for body in reversed(candidates):
            if defines.search(body):
                return body, ""
    return candidates[-1], ""


def _is_indented(text: str) -> bool:
    return text.lstrip("\n")[:1] in (" ", "\t")


def _stopped(text: str) -> str:
    ends = [place for place in (text.find(stop) for stop in STOPS) if place >= 0]
    return text[: min(ends)] if ends else text


def _bounded(text: str, found: Found) -> Program:
    if len(text) > MAX_PROGRAM_CHARS:
        return Program("", found, "program_too_long")
    return Program(text, found) if text.strip() else Program("", found, "no_program")
