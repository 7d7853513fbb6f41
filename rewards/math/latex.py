"""Spelling of mathematics made one: Unicode signs to LaTeX, layout commands away. Text in, text out; no meaning is judged.

Also the string tier: `string_key` gives the same text for two answers that differ in layout only.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

_SIGNS: Final[Mapping[str, str]] = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "×": r"\times ", "÷": r"\div ", "·": r"\cdot ", "⋅": r"\cdot ", "∗": "*", "∙": r"\cdot ",
    "√": r"\sqrt ", "∛": r"\sqrt[3] ", "π": r"\pi ", "∞": r"\infty ", "∅": r"\emptyset ", "≤": r"\le ", "⩽": r"\le ",
    "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ",
    "∓": r"\mp ", "°": r"^\circ ", "º": r"^\circ ", "′": "'", "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}",
    "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "λ": r"\lambda ",
    "∠": r"\angle ", "△": r"\triangle ", "∫": r"\int ", "∑": r"\sum ", "Σ": r"\sum ", "ℝ": r"\mathbb{R}",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "，": ", ", "：": ":", "；": ";", "（": "(", "）": ")", "％": "%", "、": ", ", "＝": "=",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": "",
}  # fmt: skip
_SIGN_TABLE: Final = str.maketrans(dict(_SIGNS))
_SUPERSCRIPTS: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_VULGAR: Final = re.compile("(\\d)([½⅓⅔¼¾])")

_DROPPED: Final = re.compile(
    r"\\(?:left|right)\s*\.(?!\d)|\\(?:left|right|middle|[bB]igg?[lr]?|displaystyle|textstyle|scriptstyle|limits|nolimits|"
    r"boldsymbol|bm|hfill)(?![A-Za-z])"
)
_DIGIT_GAPS: Final = re.compile(r"(?<=\d)(?:\\[,!:; ]|\{,\}|,\\!|\\!,|~)\s*(?=\d{3}(?!\d))")
_DECIMAL_COMMA: Final = re.compile(r"(?<=\d)\{,\}(?=\d)")
_SPACES: Final = re.compile(r"\\[,;:!>~ ]|~|\\q?quad(?![A-Za-z])|\\enspace(?![A-Za-z])|\\thinspace(?![A-Za-z])")
_RENAMED: Final = (
    (re.compile(r"\\(?:d|t|c)frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\(?:d|t)binom(?![A-Za-z])"), r"\\binom"),
    (re.compile(r"\\(?:leq|leqslant|le)(?![A-Za-z])"), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant|ge)(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"\\(?:neq|ne)(?![A-Za-z])"), r"\\ne "),
    (re.compile(r"\\lt(?![A-Za-z])"), "<"),
    (re.compile(r"\\gt(?![A-Za-z])"), ">"),
    (re.compile(r"\\(?:varnothing|emptyset|O(?=\s*$))(?![A-Za-z])"), r"\\emptyset "),
    (re.compile(r"\\(?:lbrace)(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\\(?:lbrack)(?![A-Za-z])"), "["),
    (re.compile(r"\\(?:rbrack)(?![A-Za-z])"), "]"),
    (re.compile(r"\\(?:lvert|rvert|vert)(?![A-Za-z])"), "|"),
    (re.compile(r"\\(?:colon)(?![A-Za-z])"), ":"),
    (re.compile(r"\\(?:land|wedge)(?![A-Za-z])"), r"\\text{and}"),
    (re.compile(r"\\(?:lor|vee)(?![A-Za-z])"), r"\\text{or}"),
    (re.compile(r"\\(?:degree|deg)(?![A-Za-z])"), r"^\\circ "),
    (re.compile(r"\^\s*\{\s*\\circ\s*\}"), r"^\\circ "),
    (re.compile(r"\\(?:mbox|textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathsf|mathit|mathtt|operatorname\*?|textnormal)(?![A-Za-z])"), r"\\text"),
)  # fmt: skip
_DELIMITERS: Final = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`"))
_WRAPPERS: Final = re.compile(r"\\(?:boxed|fbox|text|mathrm|mathbf|textbf)\s*(?=\{)")
_WHITE: Final = re.compile(r"\s++")
_MAX_LAYERS: Final = 16
_TRAILING: Final = " \t\r\n.,;:。"
_KEY_SPACES: Final = re.compile(r"(?<!\w)\s+|\s+(?!\w)")


def matching_brace(text: str, opening: int) -> int:
    """Gives the place of the brace that closes the one at `opening`, -1 when none does. Escaped braces do not count."""
    depth = 0
    position = opening
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1


def strip_delimiters(text: str) -> str:
    r"""Takes off what stands around a whole answer: math delimiters, bold marks, `\boxed{}`, a full stop."""
    for _ in range(_MAX_LAYERS):
        text = text.strip()
        before = text
        if not text.endswith(("...", r"\,", r"\;", r"\:", r"\.")):
            text = text.rstrip(_TRAILING)
        for opening, closing in _DELIMITERS:
            inner = text[len(opening) : len(text) - len(closing)]
            if (
                len(text) > len(opening) + len(closing)
                and text.startswith(opening)
                and text.endswith(closing)
                and opening not in inner
            ):
                text = inner
                break
        wrapper = _WRAPPERS.match(text)
        if wrapper and matching_brace(text, wrapper.end()) == len(text) - 1:
            text = text[wrapper.end() + 1 : -1]
        if text == before:
            break
    return text


@functools.lru_cache(maxsize=8192)
def normalise(text: str) -> str:
    """Gives the answer in one spelling, for the reader. Costs a few passes over the text; idempotent in meaning."""
    text = strip_delimiters(_WHITE.sub(" ", text))
    text = _VULGAR.sub(r"\1 \2", text)
    text = _SUPERSCRIPTS.sub(lambda run: "^{" + unicodedata.normalize("NFKC", run[0]).replace("−", "-") + "}", text)
    text = unicodedata.normalize("NFKC", text.translate(_SIGN_TABLE)).translate(_SIGN_TABLE)
    text = text.replace("$$", " ").replace(r"\(", " ").replace(r"\)", " ")
    if text.count("$") % 2 == 0 and r"\$" not in text:
        text = text.replace("$", " ")  # formulas inside a sentence: $1$ and $2$
    text = _DECIMAL_COMMA.sub(".", _DIGIT_GAPS.sub("", text))
    text = _DROPPED.sub(" ", text)
    text = _SPACES.sub(" ", text)
    for pattern, replacement in _RENAMED:
        text = pattern.sub(replacement, text)
    text = _WHITE.sub(" ", text)
    return strip_delimiters(text)


def string_key(text: str) -> str:
    r"""Gives the text of an answer without layout: two answers with the same key are the same string to a reader.

    Spaces between letters or digits stay (`3 1/2` is not `31/2`), and so do braces (`\frac{1}{23}` is not `\frac{12}{3}`).
    """
    return _KEY_SPACES.sub("", normalise(text))
