"""What the filter step measures beside `columnar.signals`: pages and comments of source trees, marks of mathematics, listed words, tokens.

Each is measured only if a rule asks for it. Lists and tokenizers are read at the first row, once a process.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from columnar.comments import LANGUAGES, comment_chars
from columnar.phrases import PhraseTable, count_phrases, phrase_table
from curation.steps.pages import visible_chars
from schemas.errors import UserError

#: Marks of mathematics in a page, in lower case, as OpenWebMath's first filter looks for them.
PAGE_MARKS = (
    "mathjax", "mathml", "<math", "katex", "math-container", "katex.min.css", "latex.php", "codecogs", "tex.cgi", 'class="tex"',
    "class='tex'", "class='latex", 'class="latex', "wp-content/plugins/latex", "\\begin{equation", "\\begin{align",
)  # fmt: skip
_COMMANDS = (
    "end begin ref frac label bf right rm em left sum dfrac tfrac sqrt int lim prod partial infty alpha beta gamma delta epsilon "
    "varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi varphi chi psi omega Gamma Delta Theta Lambda Sigma Phi "
    "Psi Omega cdot times div pm mp leq geq neq equiv approx sim simeq propto subset supset subseteq cup cap forall exists nabla "
    "mathbb mathcal mathbf mathrm mathfrak operatorname text hat bar vec tilde overline underline overrightarrow widehat binom ldots "
    "cdots dots to rightarrow leftarrow Rightarrow Leftrightarrow mapsto sin cos tan log ln exp max min sup inf det ker dim quad"
)
_LATEX = re.compile(
    r"\\(?:" + "|".join(sorted(_COMMANDS.split(), key=len, reverse=True)) + r")(?![A-Za-z])"
    r"|\\[(\[]|\$\$|\$(?![\s$])[^$\n]{0,200}?[\\^_={][^$\n]{0,200}?\$"
)


class Given(NamedTuple):
    """What a filter's settings name: paths, or None."""

    bad_words: str | None = None
    tokenizer: str | None = None


class Measure(NamedTuple):
    """Signals that are measured together.

    Attributes:
        signals: signal -> its type and what it says.
        kind: kind of file that they are for; null for every other row. Empty for all.
        run: (texts, rows of the batch, settings) -> signal -> one value a text.
    """

    signals: Mapping[str, tuple[pa.DataType, str]]
    kind: str
    run: Callable[[pa.LargeStringArray, pa.RecordBatch, Given], dict[str, pa.Array]]


def _pages(texts: pa.LargeStringArray, _batch: pa.RecordBatch, _given: Given) -> dict[str, pa.Array]:
    visible = np.array([visible_chars(text) for text in texts.to_pylist()], np.int64)
    return {"visible_chars": pa.array(visible), "visible_char_share": pa.array(visible / _chars(texts))}


def _chars(texts: pa.LargeStringArray) -> Any:
    return np.maximum(pc.utf8_length(texts).to_numpy(zero_copy_only=False), 1)


def _comments_in(language: str) -> Measure:
    def run(texts: pa.LargeStringArray, _batch: pa.RecordBatch, _given: Given) -> dict[str, pa.Array]:
        counted = comment_chars(texts, language)
        return {"comment_chars": pa.array(counted), "comment_char_share": pa.array(counted / _chars(texts))}

    return Measure(_COMMENT_SIGNALS, language, run)


def _math(texts: pa.LargeStringArray, batch: pa.RecordBatch, _given: Given) -> dict[str, pa.Array]:
    found = [sum(1 for _ in _LATEX.finditer(text)) for text in texts.to_pylist()]
    marks = list(found)
    if "html" in batch.schema.names:
        for row, page in enumerate(batch.column("html").to_pylist()):
            if page is not None:
                lowered = page.lower()
                marks[row] += sum(mark.encode() in lowered for mark in PAGE_MARKS)
    return {
        "has_latex": pa.array([number > 0 for number in found], pa.bool_()),
        "math_marks": pa.array(marks, pa.int64()),
    }


def _bad_words(texts: pa.LargeStringArray, _batch: pa.RecordBatch, given: Given) -> dict[str, pa.Array]:
    if given.bad_words is None:
        return {"bad_words": pa.nulls(len(texts), pa.int64())}
    return {"bad_words": pa.array(count_phrases(texts, load_phrases(given.bad_words)))}


@lru_cache(maxsize=8)
def load_phrases(path: str) -> PhraseTable:
    """Reads a list, one word or phrase a line; lines that begin with `#` are remarks.

    Raises:
        UserError: it cannot be read.
    """
    return phrase_table(line for line in read_list(path))


def read_list(path: str) -> list[str]:
    """Reads the lines of a list, less white space around, empty lines and remarks.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no UTF-8 at byte {error.start}") from None
    return [line for line in lines if line and not line.startswith("#")]


def _tokens(texts: pa.LargeStringArray, _batch: pa.RecordBatch, given: Given) -> dict[str, pa.Array]:
    if given.tokenizer is None:
        return {"chars_per_token": pa.nulls(len(texts), pa.float64())}
    tokenizer = _tokenizer(given.tokenizer)
    encoded = tokenizer.encode_batch(texts.to_pylist(), add_special_tokens=False)
    counted = np.array([len(item.ids) for item in encoded], np.int64)
    return {"chars_per_token": pa.array(_chars(texts) / np.maximum(counted, 1))}


@lru_cache(maxsize=2)
def _tokenizer(path: str) -> Any:
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - an extra
    except ImportError:
        raise UserError("filter: tokenizer: needs the package `tokenizers`") from None
    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # noqa: BLE001 - the library raises bare Exceptions
        raise UserError(f"{path}: no tokenizer: {error}") from None


_INT, _FLOAT, _FLAG = pa.int64(), pa.float64(), pa.bool_()
_COMMENT_SIGNALS: Mapping[str, tuple[pa.DataType, str]] = MappingProxyType(
    {
        "comment_chars": (_INT, "Python, Java, JavaScript: characters of comments and documentation strings"),
        "comment_char_share": (_FLOAT, "their share of the characters"),
    }
)
MEASURES: tuple[Measure, ...] = (
    Measure(
        {
            "visible_chars": (_INT, "HTML files: characters of visible text"),
            "visible_char_share": (_FLOAT, "their share of the characters"),
        },
        "html",
        _pages,
    ),
    *(_comments_in(language) for language in LANGUAGES),
    Measure(
        {
            "has_latex": (_FLAG, "a LaTeX command or formula stands in the text"),
            "math_marks": (
                _INT,
                "LaTeX commands and formulas in the text, and marks of mathematics in the page's HTML if it is there",
            ),
        },
        "",
        _math,
    ),
    Measure({"bad_words": (_INT, "places where a word or phrase of the list stands")}, "", _bad_words),
    Measure({"chars_per_token": (_FLOAT, "characters a token of the given tokenizer")}, "", _tokens),
)
#: Every signal that these measure, with its type and what it says.
MEASURED: Mapping[str, tuple[pa.DataType, str]] = MappingProxyType(
    {name: value for measure in MEASURES for name, value in measure.signals.items()}
)
