"""The signals of repetition, and those of datatrove's, dolma's and FineWeb's readings of words and lines. Pure: no I/O.

What each counts is in `columnar.signal_words`, `columnar.repetition` and `columnar.repetition_lines`; a share over nothing is 0.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from columnar.repetition import DUPLICATE_SIZES, TOP_SIZES
from columnar.signal_model import Column, Counts, Family, Signal, count_of, ratio
from columnar.signal_words import count_words


def _share(group: str, part: str, whole: str, doc: str) -> Signal:
    return Signal(group, pa.float64(), doc, ratio(part, whole))


def _count(group: str, name: str, doc: str) -> Signal:
    return Signal(group, pa.int64(), doc, count_of(name))


def _at_most_one(part: str, whole: str) -> Signal:
    def derive(counts: Counts) -> Column:
        shares: Column = np.minimum(counts[part] / np.maximum(counts[whole], 1), 1.0)
        return shares

    doc = "characters of the most common {n}-gram of words times its count, if that is 2 or more, of the words' characters; at most 1"
    return Signal("repetition", pa.float64(), doc.replace("{n}", part.split("_")[2].removesuffix("gram")), derive)


def _without_newlines(counts: Counts) -> Column:
    shares: Column = counts["fineweb_duplicate_line_chars"] / np.maximum(counts["chars"] - counts["newlines"], 1)
    return shares


def _paper() -> dict[str, Signal]:
    """Gopher's repetition as the paper has it, over our words (`columnar.words`), bare lines and paragraphs between blank lines."""
    group = "repetition"
    signals = {
        "duplicate_paragraph_share": _share(
            group,
            "paper_duplicate_paragraphs",
            "paper_paragraphs",
            "share of paragraphs that have stood before; blank lines part paragraphs",
        ),
        "duplicate_paragraph_char_share": _share(
            group, "paper_duplicate_paragraph_chars", "paper_line_chars", "their characters, of those of all lines"
        ),
        "duplicate_line_share": _share(
            group,
            "paper_duplicate_lines",
            "paper_lines",
            "share of lines that have stood before, blank ones and white space around them left out",
        ),
        "duplicate_line_char_share": _share(
            group, "paper_duplicate_line_chars", "paper_line_chars", "their characters, of those of all lines"
        ),
    }
    for n in TOP_SIZES:
        signals[f"top_{n}gram_char_share"] = _at_most_one(f"paper_top_{n}gram_chars", "word_chars")
    for n in DUPLICATE_SIZES:
        signals[f"duplicate_{n}gram_char_share"] = _share(
            group,
            f"paper_duplicate_{n}gram_chars",
            "word_chars",
            f"share of the words' characters that lie in a {n}-gram of words that occurs twice or more",
        )
    return signals


def _datatrove() -> dict[str, Signal]:
    """Gopher's quality and repetition as datatrove 0.10 has them, over the tokens of `columnar.tokens`."""
    group = "datatrove"
    signals = {
        "datatrove_tokens": _count(group, "tokens", "tokens of spaCy's English rules, punctuation too"),
        "datatrove_words": _count(group, "token_words", "tokens that are more than punctuation"),
        "datatrove_mean_word_length": _share(group, "token_word_chars", "token_words", "characters of those, each"),
        "datatrove_hash_to_word_ratio": _share(group, "hashes", "tokens", "`#` a token"),
        "datatrove_ellipsis_to_word_ratio": _share(group, "ellipses", "tokens", "`...` and `…` a token"),
        "datatrove_bullet_line_share": _share(
            group, "dash_lines", "lines", "share of lines that start, after white space, with - or •"
        ),
        "datatrove_alpha_word_share": _share(group, "alpha_tokens", "tokens", "share of tokens with a letter"),
        "datatrove_stop_words": _count(
            group, "token_stop_words", "how many of the, be, to, of, and, that, have, with are tokens, in lower case"
        ),
        "datatrove_duplicate_paragraph_share": _share(
            group,
            "datatrove_duplicate_paragraphs",
            "datatrove_paragraphs",
            "share of paragraphs that have stood before; two and more line feeds part paragraphs",
        ),
        "datatrove_duplicate_paragraph_char_share": _share(
            group, "datatrove_duplicate_paragraph_chars", "chars", "their characters, of all"
        ),
        "datatrove_duplicate_line_share": _share(
            group,
            "datatrove_duplicate_lines",
            "datatrove_lines",
            "share of lines that have stood before; runs of line feeds part lines",
        ),
        "datatrove_duplicate_line_char_share": _share(
            group, "datatrove_duplicate_line_chars", "chars", "their characters, of all"
        ),
    }
    for n in TOP_SIZES:
        signals[f"datatrove_top_{n}gram_char_share"] = _share(
            group,
            f"datatrove_top_{n}gram_chars",
            "chars",
            f"characters of the most common {n}-gram of tokens, blanks between them too, times its count, of all",
        )
    for n in DUPLICATE_SIZES:
        signals[f"datatrove_duplicate_{n}gram_char_share"] = _share(
            group,
            f"datatrove_duplicate_{n}gram_chars",
            "chars",
            f"share of characters in {n}-grams of tokens that a scan has met before; it goes on behind each",
        )
    return signals


def _dolma() -> dict[str, Signal]:
    """Gopher's quality and repetition as dolma's tagger `gopher_v1` has them, over white-space words."""
    group = "dolma"
    signals = {
        "dolma_words": _count(group, "chunks", "white-space words"),
        "dolma_median_word_length": Signal(
            group,
            pa.float64(),
            "their median length in characters; longer ones than 256 count as 256",
            lambda counts: counts["twice_median_chunk"] / 2,
        ),
        "dolma_symbol_to_word_ratio": _share(group, "symbol_chunks", "chunks", "share of words that hold `#` or `…`"),
        "dolma_alpha_word_share": _share(group, "alpha_chunks", "chunks", "share of words with a letter"),
        "dolma_stop_words": _count(
            group, "stop_chunks", "words that are one of the, be, to, of, and, that, have, with: each occurrence counts"
        ),
        "dolma_bullet_line_share": _share(
            group, "dolma_bullet_lines", "dolma_lines", "share of lines whose first character is - or *"
        ),
        "dolma_ellipsis_line_share": _share(
            group, "dolma_ellipsis_lines", "dolma_lines", "share of lines whose last character is `…`"
        ),
        "dolma_duplicate_line_share": _share(
            group, "dolma_duplicate_lines", "dolma_lines", "share of lines that occur twice or more, empty ones too"
        ),
        "dolma_duplicate_line_char_share": _share(
            group, "dolma_duplicate_line_chars", "chunk_chars", "their characters, of all that are not white space"
        ),
    }
    for n in TOP_SIZES:
        signals[f"dolma_top_{n}gram_char_share"] = _share(
            group,
            f"dolma_top_{n}gram_chars",
            "chunk_chars",
            f"characters of the most common {n}-gram of words times its count, of all that are not white space",
        )
    for n in DUPLICATE_SIZES:
        signals[f"dolma_duplicate_{n}gram_char_share"] = _share(
            group,
            f"dolma_duplicate_{n}gram_chars",
            f"dolma_all_duplicate_{n}gram_chars",
            f"characters of {n}-grams of words that occur twice or more, of those of all {n}-grams",
        )
    return signals


def _fineweb() -> dict[str, Signal]:
    """FineWeb's rules as datatrove 0.10 has them."""
    group = "fineweb"
    return {
        "fineweb_terminal_line_share": _share(
            group, "fineweb_terminal_lines", "fineweb_lines", "share of lines, not blank, that end in a sentence's end"
        ),
        "fineweb_short_line_share": _share(
            group, "fineweb_short_lines", "fineweb_lines", "share of lines, not blank, of 30 characters or fewer"
        ),
        "fineweb_duplicate_line_char_share": Signal(
            group, pa.float64(), "characters of lines, not blank, that have stood before, of all", _without_newlines
        ),
        "fineweb_newline_to_word_ratio": _share(group, "newlines", "tokens", "line feeds a token (`datatrove_tokens`)"),
    }


READING_SIGNALS: Mapping[str, Signal] = MappingProxyType({**_fineweb(), **_paper(), **_datatrove(), **_dolma()})
READINGS = Family(READING_SIGNALS, count_words)
