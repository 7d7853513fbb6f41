"""Texts made to break a language detector, by name. Made here, read from nowhere."""

import itertools
from collections.abc import Callable

import numpy as np

from benchmarks.mixed_clauses import clauses

_ENGLISH, _FRENCH = "the house is green and ", "la maison est verte et "


def _clauses(num_bytes: int) -> str:
    """Real clauses of all languages, over and over."""
    pool = [
        clause
        for languages in zip(*(clauses(c, "all") for c in ("en", "fr", "zh", "ru")), strict=False)
        for clause in languages
    ]
    once = " ".join(pool)
    return once * (num_bytes // len(once.encode()) + 1)


def _letters(num_words: int) -> str:
    """Words that nobody has seen: no memory of words helps."""
    letters = np.random.default_rng(0).integers(ord("a"), ord("z") + 1, (num_words, 10)).astype(np.uint8)
    letters[:, -1] = ord(" ")
    return letters.tobytes().decode()


HOSTILE: dict[str, Callable[[], str]] = {
    "a million switches of script": lambda: "word 字 " * 500_000,
    "a million switches inside words": lambda: "aя" * 500_000,
    "switches of language, a million words": lambda: (_ENGLISH + _FRENCH) * 100_000,
    "a million combining marks": lambda: "\u0301" * 1_000_000,
    "a letter with a million marks": lambda: "e" + "\u0301" * 1_000_000 + " the end",
    "a million bidi controls": lambda: "\u202e\u2066\u2069\u202c" * 250_000,
    "bidi controls between all letters": lambda: "\u202e".join("the house is green " * 25_000),
    "a million lone surrogates": lambda: "\ud800\udfff" * 500_000,
    "a million NULs": lambda: "\0" * 1_000_000,
    "a million dollars": lambda: "$ x" * 500_000 + "$" * 500_000,
    "a million opened braces, fences and tags": lambda: "\\boxed{ ` <a [asy] \\( $$ " * 50_000,
    "a million lines": lambda: "the\n字\n" * 500_000,
    "a million words never seen": lambda: _letters(1_000_000),
    "one word of 10 MB": lambda: "abcdefghij" * 1_000_000,
    "one Chinese line of 10 MB": lambda: "的" * 3_333_333,
    "every character of Unicode": lambda: "".join(map(chr, itertools.chain(range(0xD800), range(0xE000, 0x110000)))),
    "50 MB of clauses in four languages": lambda: _clauses(50_000_000),
}
