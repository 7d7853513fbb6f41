"""Real sentences, clauses, formulas and code of the reference data (`TAMIS_REFERENCE_DATA`), by language, cut in two parts.

Thresholds are set on the part `tune`; what is reported is measured on `test`, which holds other rows. For the scripts here and for
tests; reads files, writes none.
"""

import gzip
import json
import os
import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from columnar.codepoints import COMMON, INHERITED, SCRIPTS, code_points, script_numbers
from columnar.writing import scripts_of

DATA = Path(os.environ.get("TAMIS_REFERENCE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
#: The languages of Tatoeba that are used, by the code in the file's name.
TATOEBA = {
    "ara": "ar", "ces": "cs", "cmn": "zh", "deu": "de", "fra": "fr", "hin": "hi", "ind": "id", "ita": "it", "jpn": "ja",
    "kor": "ko", "nld": "nl", "pol": "pl", "por": "pt", "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr",
    "ukr": "uk", "vie": "vi",
}  # fmt: skip
LANGUAGES = ("en", *sorted(TATOEBA.values()))
MGSM = ("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh")

CLAUSE_WORDS = (4, 12)
CLAUSE_CHARS = (4, 30)
MAX_FORMULA = 60
MAX_CODE = 300
END_MARKS = " \t,;:.?!،؛؟।，。？！；：、…"

Part = Literal["tune", "test", "all"]

# Python's `\w` knows no combining marks, which words of Hindi and Thai are full of.
_MARKS = "".join(chr(point) for point in range(0x300, 0x3100) if unicodedata.category(chr(point))[0] == "M")
#: A pattern: letters and the marks on them.
LETTERS = rf"[^\W\d_](?:[^\W\d_]|[{_MARKS}])*"
_CLAUSE_ENDS = re.compile(r"(?<=[,;:.?!،؛؟।])\s+|(?<=[，。？！；：、])")
_FORMULA = re.compile(r"\$[^$\n]+\$")
_WORDS_IN_FORMULA = re.compile(r"\\(?:text|mbox|mathrm|operatorname)|%")
_HOMOGLYPHS = re.compile(r"[A-Za-z][Ѐ-ӿ]|[Ѐ-ӿ][A-Za-z]")


@cache
def sentences(language: str, part: Part = "test") -> tuple[str, ...]:
    """Gives Tatoeba's sentences of a language."""
    code = next((code for code, name in TATOEBA.items() if name == language), "deu")
    path = DATA / "tatoeba" / f"tatoeba.{code}-eng.{'eng' if language == 'en' else code}"
    return _of_part([line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()], part)


@cache
def questions(language: str, part: Part = "test") -> tuple[str, ...]:
    """Gives MGSM's questions in a language."""
    lines = (DATA / "mgsm" / f"mgsm_{language}.tsv").read_text(encoding="utf-8").split("\n")
    return _of_part([line.split("\t")[0] for line in lines if line.strip()], part)


@cache
def clauses(language: str, part: Part = "test") -> tuple[str, ...]:
    """Gives the clauses of a language.

    A clause is a Tatoeba sentence, or a piece of an MGSM question between two marks, of `CLAUSE_WORDS` words (of `CLAUSE_CHARS`
    characters where a script has no spaces), all letters of which are in the language's own scripts.
    """
    pieces = list(sentences(language, part))
    if language in MGSM:
        pieces += [clause.strip() for question in questions(language, part) for clause in _CLAUSE_ENDS.split(question)]
    return tuple(p for p in dict.fromkeys(pieces) if _fits(p, language) and not has_foreign_letters(p, language))


def is_unspaced(language: str) -> bool:
    """Says whether a language is written without spaces between words."""
    return bool(scripts_of(language) & {"Hani", "Thai"})


def joined(parts: Sequence[str], language: str) -> str:
    """Writes sentences one after the other."""
    return ("" if "Hani" in scripts_of(language) else " ").join(parts)


def clean_sentences(language: str, part: Part = "test") -> list[str]:
    """Gives the sentences that are in their language indeed.

    Left out are those without a letter of the language's scripts (there are Spanish ones among the Arabic) and those with Latin
    letters inside Cyrillic words. Names in Latin letters stay.
    """
    return [s for s in sentences(language, part) if _count_letters(s, language)[0] and not _HOMOGLYPHS.search(s)]


def has_foreign_letters(text: str, language: str) -> bool:
    """Says whether a text has letters of other scripts than its language's."""
    return _count_letters(text, language)[1] > 0


def generator(*names: str | int) -> np.random.Generator:
    """Gives random numbers that depend on these names alone."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, names)).encode()))


def _count_letters(text: str, language: str) -> tuple[int, int]:
    numbers = script_numbers()[code_points(text)]
    letters = numbers[(numbers != COMMON) & (numbers != INHERITED)]
    own = int(np.isin(letters, [SCRIPTS.index(name) for name in scripts_of(language)]).sum())
    return own, letters.size - own


def _fits(clause: str, language: str) -> bool:
    if is_unspaced(language):
        return CLAUSE_CHARS[0] <= len(clause.rstrip(END_MARKS)) <= CLAUSE_CHARS[1]
    return CLAUSE_WORDS[0] <= len(re.findall(LETTERS, clause)) <= CLAUSE_WORDS[1]


def _of_part(rows: list[str], part: Part) -> tuple[str, ...]:
    """Keeps a part: by row number, so that a question is in the same part in every language."""
    return tuple(rows) if part == "all" else tuple(rows[("tune", "test").index(part) :: 2])


@cache
def inserts(part: Part) -> tuple[str, ...]:
    """Gives formulas in all four delimiters and code, inline and fenced, as many of each."""
    formulas = []
    for row in _rows(DATA / "math" / "math500_test.jsonl.gz"):
        formulas += [f[1:-1].strip() for f in _FORMULA.findall(row["problem"]) if len(f) <= MAX_FORMULA]
    # What is in words inside a formula is prose: it has a language.
    formulas = [f for f in dict.fromkeys(formulas) if f and not _WORDS_IN_FORMULA.search(f)]
    blocks = [row["canonical_solution"].strip("\n") for row in _rows(DATA / "humaneval" / "HumanEval.jsonl.gz")]
    blocks = [block for block in blocks if 10 <= len(block) <= MAX_CODE and "#" not in block]
    lines = [line.strip() for block in blocks for line in block.split("\n") if 4 <= len(line.strip()) <= MAX_FORMULA]
    shapes = (
        *((delimiter, formulas) for delimiter in ("${}$", "$${}$$", r"\({}\)", r"\[{}\]")),
        ("`{}`", lines),
        ("\n```python\n{}\n```\n", blocks),
    )
    found = [[shape.replace("{}", body) for body in _of_part(bodies, part)] for shape, bodies in shapes]
    return tuple(text for few in zip(*(texts[: min(map(len, found))] for texts in found), strict=True) for text in few)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
