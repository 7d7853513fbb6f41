r"""Finds what in a text is not prose of a language: formulas, code, addresses, tags. Pure: no I/O.

The scan goes over the text once, and its time is linear in the length whatever stands there: generations are hostile input.
"""

import re
from functools import cached_property
from typing import Literal, NamedTuple

MaskKind = Literal["math", "other"]

MAX_INLINE_MATH = 1_000  # characters between two single dollars
MAX_MATH = 20_000  # characters between other delimiters of a formula, or of inline code
MAX_TAG = 1_000  # characters of an HTML tag
MAX_ADDRESS = 2_000  # characters of a URL; of a mail address each side has at most MAX_MAIL
MAX_MAIL = 64


class Mask(NamedTuple):
    """Characters `start` to `end` (exclusive), delimiters included.

    In `math` the letters that formulas use (Latin, Greek, Hebrew) are no language, but others are; in `other` (code, addresses,
    tags) nothing is.
    """

    start: int
    end: int
    kind: MaskKind


# Every alternative begins with a literal character, so that the search skips prose at the speed of a character class.
_OPENERS = re.compile(r"``*|~~~|\$\$?|\\\\|\\[$`]|\\[(\[]|\\[A-Za-z][A-Za-z]*|\[asy\]|:\/\/|www\.|@|<")
_ENVIRONMENT = re.compile(r"\{([A-Za-z]{1,20}\*?)\}")
_ENVIRONMENTS = frozenset(
    (
        *(
            "equation",
            "align",
            "aligned",
            "alignat",
            "gather",
            "gathered",
            "multline",
            "split",
            "math",
            "displaymath",
            "array",
        ),
        *("cases", "matrix", "pmatrix", "bmatrix", "vmatrix", "Bmatrix", "Vmatrix", "eqnarray"),
    )
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}\Z")
# Printable ASCII but quotes, angles, backticks, braces and bars; other letters only right after a slash, since prose may follow.
_ADDRESS = re.compile(r"(?:[!#-;=?-_a-z~]+|(?<=/)[^\W\x00-\x7f][\w.-]*)+")
_MAIL_NAME = re.compile(r"[A-Za-z0-9._%+-]+\Z")
_MAIL_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_TAG = re.compile(r"[/!?|]?[A-Za-z-][\w:|-]*")


def find_masks(text: str) -> list[Mask]:
    r"""Lists what is masked, in order, without overlaps.

    Formulas: `$...$` (on one line, without space inside the dollars or a digit after them: prices are not formulas), `$$...$$`,
    `\(...\)`, `\[...\]`, mathematical environments, and single LaTeX commands with their braces (`\boxed{...}`).
    Other: fenced and inline code, `[asy]...[/asy]`, URLs, mail addresses, tags. A fence without an end reaches to the end of
    the text; any other opener without its closer masks nothing.
    """
    scanner = _Scanner(text)
    masks: list[Mask] = []
    at = 0
    while (match := _OPENERS.search(text, at)) is not None:
        mask = scanner.mask_at(match, at)
        at = match.end()
        if mask is not None:
            masks.append(mask)
            at = max(at, mask.end)
    return masks


class _Scanner:
    """Finds what closes an opener; remembers each search, so that a text of unclosed openers costs one and not n."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._next: dict[str, int] = {}

    def mask_at(self, opener: re.Match[str], floor: int) -> Mask | None:
        """Gives what an opener opens, or None; never begins before `floor`."""
        start, at, symbol = opener.start(), opener.end(), opener.group()
        end: int | None
        match symbol[0]:
            case "`" | "~":
                if len(symbol) >= 3 and self._begins_line(start):
                    end = self._after("\n" + symbol[:3], at, len(self.text)) or len(self.text)
                else:
                    end = self._after(symbol, at, MAX_MATH) if symbol[0] == "`" else None
            case "[":
                end = self._after("[/asy]", at, len(self.text))
            case "<":
                end = self._tag_end(at)
            case ":" | "w" | "@":
                return self._address(start, at, symbol, floor)
            case _:
                end = self._math_end(symbol, at)
                return None if end is None else Mask(start, end, "math")
        return None if end is None else Mask(start, end, "other")

    def _find(self, closer: str, at: int, limit: int) -> int | None:
        """Gives the position of the first `closer` at or after `at`, if it is within `limit` characters."""
        known = self._next.get(closer, 0)
        if known == 0 or 0 < known < at:
            known = self._next[closer] = self.text.find(closer, at)
        return known if known >= 0 and known - at <= limit else None

    def _after(self, closer: str, at: int, limit: int) -> int | None:
        found = self._find(closer, at, limit)
        return None if found is None else found + len(closer)

    def _begins_line(self, start: int) -> bool:
        before = self.text[max(0, start - 4) : start]
        line = before.rpartition("\n")[2]
        return not line.strip(" \t") and (len(before) < 4 or len(line) < 4)

    def _math_end(self, symbol: str, at: int) -> int | None:
        match symbol:
            case "$$":
                return self._after("$$", at, MAX_MATH)
            case "$":
                return self._inline_math_end(at)
            case "\\(" | "\\[":
                return self._after("\\)" if symbol == "\\(" else "\\]", at, MAX_MATH)
            case "\\\\" | "\\$" | "\\`":
                return None
            case "\\begin":
                name = _ENVIRONMENT.match(self.text, at)
                if name is None or name.group(1).rstrip("*") not in _ENVIRONMENTS:
                    return at
                return self._after(f"\\end{{{name.group(1)}}}", at, MAX_MATH) or at
            case _:
                closing = self._braces.get(at)
                return at if closing is None or closing - at > MAX_MATH else closing + 1

    def _inline_math_end(self, at: int) -> int | None:
        closing = self._find("$", at, MAX_INLINE_MATH)
        if closing is None or closing == at:
            return None
        inside, after = self.text[at:closing], self.text[closing + 1 : closing + 2]
        if inside[0].isspace() or inside[-1].isspace() or after.isdigit() or "\n" in inside:
            return None
        return closing + 1

    @cached_property
    def _braces(self) -> dict[int, int]:
        """The closing brace of every opening one."""
        closing: dict[int, int] = {}
        opened: list[int] = []
        for brace in re.finditer(r"[{}]", self.text):
            if brace.group() == "{":
                opened.append(brace.start())
            elif opened:
                closing[opened.pop()] = brace.start()
        return closing

    def _tag_end(self, at: int) -> int | None:
        """Takes `<name>`, `</name>`, `<name key=value>`, `<!-- -->`, `<|token|>`; leaves `a < b and c > d`."""
        closing = self._find(">", at, MAX_TAG)
        if closing is None:
            return None
        name = _TAG.match(self.text, at, closing)
        if name is None:
            return None
        rest = self.text[name.end() : closing]
        if "<" in rest or not (rest.strip(" /?|") == "" or "=" in rest or self.text[at] in "!?"):
            return None
        return closing + 1

    def _address(self, start: int, at: int, symbol: str, floor: int) -> Mask | None:
        if symbol == "@":
            name = _MAIL_NAME.search(self.text[max(floor, start - MAX_MAIL) : start])
            host = _MAIL_HOST.match(self.text, at, at + MAX_MAIL)
            return None if name is None or host is None else Mask(start - len(name.group()), host.end(), "other")
        if symbol == "://":
            scheme = _SCHEME.search(self.text[max(floor, start - 20) : start])
            if scheme is None:
                return None
            start -= len(scheme.group())
        rest = _ADDRESS.match(self.text, at, at + MAX_ADDRESS)
        return None if rest is None else Mask(start, rest.end(), "other")
