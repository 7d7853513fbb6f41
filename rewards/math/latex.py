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

_NO_BRACKET: Final = re.compile(r"\\(?:left|right)\s*\.(?!\d)")
_DIGIT_GAPS: Final = re.compile(r"(?<=\d)(?:\\[,!:; ]|\{,\}|,\\!|\\!,|~)\s*(?=\d{3}(?!\d))")
_DECIMAL_COMMA: Final = re.compile(r"(?<=\d)\{,\}(?=\d)")
_SPACES: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\[,;:!>~ ]|~")
"""Spaces and `~`; the second backslash of `\\\\`, which ends a row, begins none."""
_ROW_GAP: Final = re.compile(r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|ex|em|mm|cm)\s*\]")
_COMMAND: Final = re.compile(r"\\([A-Za-z]+)(\*?)")
_SPELLINGS: Final[Mapping[str, str]] = {
    " ": "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle limits "
    "nolimits boldsymbol bm hfill quad qquad enspace thinspace",
    r"\frac": "dfrac tfrac cfrac", r"\binom": "dbinom tbinom",
    r"\le ": "le leq leqslant", r"\ge ": "ge geq geqslant", r"\ne ": "ne neq", "<": "lt", ">": "gt",
    r"\emptyset ": "emptyset varnothing", r"\{": "lbrace", r"\}": "rbrace", "[": "lbrack", "]": "rbrack",
    "|": "lvert rvert vert", ":": "colon", r"\text{and}": "land wedge", r"\text{or}": "lor vee", r"^\circ ": "degree deg",
    r"\text": "mbox textbf textit textrm textsf texttt mathrm mathbf mathsf mathit mathtt operatorname textnormal",
}  # fmt: skip
_SPELLING: Final = {name: spelling for spelling, names in _SPELLINGS.items() for name in names.split()}
"""Commands that mean the same as another, or are layout."""
_DANISH_O: Final = re.compile(r"\\O\s*\Z")
_BRACED_DEGREE: Final = re.compile(r"\^\s*\{\s*\\circ\s*\}")
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
            if not (text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing)):
                continue
            inner = text[len(opening) : len(text) - len(closing)]
            if opening not in inner:
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
    if not text.isascii():
        text = _VULGAR.sub(r"\1 \2", text)
        text = _SUPERSCRIPTS.sub(lambda run: "^{" + unicodedata.normalize("NFKC", run[0]).replace("−", "-") + "}", text)
        text = unicodedata.normalize("NFKC", text.translate(_SIGN_TABLE)).translate(_SIGN_TABLE)
    if "$" in text:
        text = text.replace("$$", " ")
    text = text.replace(r"\(", " ").replace(r"\)", " ")
    if "$" in text and text.count("$") % 2 == 0 and r"\$" not in text:
        text = text.replace("$", " ")  # formulas inside a sentence: $1$ and $2$
    if "{,}" in text or "\\" in text or "~" in text:
        text = _respell(text)
    return strip_delimiters(_WHITE.sub(" ", text))


def _respell(text: str) -> str:
    """One spelling of the commands, and none for layout."""
    text = _DECIMAL_COMMA.sub(".", _DIGIT_GAPS.sub("", text))
    text = _SPACES.sub(r"\1 ", _NO_BRACKET.sub(" ", text))
    text = _ROW_GAP.sub(r"\\\\", text) if "\\\\" in text else text
    text = _DANISH_O.sub(r"\\emptyset ", _COMMAND.sub(_spelling, text))
    return _BRACED_DEGREE.sub(r"^\\circ ", text) if r"\circ" in text else text


def _spelling(command: re.Match[str]) -> str:
    name, star = command.groups()
    spelling = _SPELLING.get(name)
    if spelling is None:
        return command[0]
    return spelling if name == "operatorname" else spelling + star


def string_key(text: str) -> str:
    r"""Gives the text of an answer without layout: two answers with the same key are the same string to a reader.

    Spaces between letters or digits stay (`3 1/2` is not `31/2`), and so do braces (`\frac{1}{23}` is not `\frac{12}{3}`).
    """
    return _KEY_SPACES.sub("", normalise(text))
