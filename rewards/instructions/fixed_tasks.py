"""IFBench's checks that belong to one prompt each: what the prompt asks for is known, and so is what a right answer looks like. Pure.

As all checks: a `Response`; None when the instruction is followed, else why it is not.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final

from rewards.instructions.lexicon import EUROPEAN_CAPITALS
from rewards.instructions.response import Response
from rewards.instructions.words import PUNCTUATION, without_punctuation

_MULTIPLES: Final = [str(number) for number in range(14, 51, 7)]
_QUESTION: Final = re.compile(r"Question \d+[.|):;]?\s*")
_OPTION: Final = re.compile(r"[A-Ea-e][.|)]\s*\w")
_NUM_QUESTIONS, _NUM_OPTIONS = 4, 5
_MIN_COUNTRIES: Final = 52
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NAPOLEON: Final = (1769, 1821)
_QUOTED: Final = re.compile(r'"[^"]*[^\w\s"][^"]*"')
_CITY_COLUMNS: Final = ("ID", "Country", "City", "Year", "Count")
_PRODUCT_COLUMNS: Final = ("ProductID", "Category", "Brand", "Price", "Stock")
_STUDENT_COLUMNS: Final = ("StudentID", "Subject", "Grade", "Semester", "Score")


def multiples(response: Response) -> str | None:
    """The numbers in it are 14, 21, 28, 35, 42 and 49, in this order."""
    found = re.findall(r"\d+", response.text)
    return None if found == _MULTIPLES else f"numbers {' '.join(found[:10])[:60]}"


def growing_questions(response: Response) -> str | None:
    """`Question 1` to 4 and nothing before; each longer than the one before, and with five options."""
    if not response.text.startswith("Question"):
        return "text before the first question"
    questions = [part.strip() for part in _QUESTION.split(response.text) if part.strip()]
    if len(questions) != _NUM_QUESTIONS:
        return f"{len(questions)} questions, wanted {_NUM_QUESTIONS}"
    lengths = []
    for number, question in enumerate(questions, 1):
        lines = [line.strip() for line in question.split("\n")]
        options = [place for place, line in enumerate(lines) if _OPTION.match(line)]
        if len(options) != _NUM_OPTIONS:
            return f"question {number} has {len(options)} options"
        lengths.append(len(" ".join(lines[: options[0]]).strip()))
    return None if all(left < right for left, right in pairwise(lengths)) else "the questions do not grow"


def african_countries(response: Response) -> str | None:
    """From Zimbabwe on, at least 52 lines, each before the last in the alphabet; accents are let be."""
    lines = [line for raw in response.lines if (line := raw.strip(PUNCTUATION + " \t\r"))]
    start = next((place for place, line in enumerate(lines) if "Zimbabwe" in line), None)
    if start is None:
        return "no Zimbabwe"
    countries = [_ascii(line) for line in lines[start:]]
    if len(countries) < _MIN_COUNTRIES:
        return f"{len(countries)} countries, wanted at least {_MIN_COUNTRIES}"
    for above, below in pairwise(countries):
        if below > above:
            return f"{below[:40]!r} after {above[:40]!r}"
    return None


def reversed_words(response: Response) -> str | None:
    """The words, less punctuation, name the bald eagle when they are read backwards."""
    backwards = " ".join(reversed(without_punctuation(response.text.lower()).split()))
    return None if "bald eagle" in backwards else "no 'eagle bald'"


def reversed_letters(response: Response) -> str | None:
    """The letters read backwards name the bald eagle."""
    return None if "elgae dlab" in response.text.lower() else "no 'elgae dlab'"


def capitals_by_latitude(response: Response) -> str | None:
    """The 27 capitals in their order, commas between them, and nothing else; accents are let be."""
    found = [name.strip() for name in _ascii(response.text).split(",") if name.strip()]
    for place, wanted in enumerate(EUROPEAN_CAPITALS):
        if place >= len(found) or found[place] != wanted:
            return f"no {wanted} at place {place + 1}"
    return None if len(found) == len(EUROPEAN_CAPITALS) else f"{len(found)} capitals, wanted {len(EUROPEAN_CAPITALS)}"


def city_csv(response: Response) -> str | None:
    """Comma-separated: the header and seven rows of five fields; a blank line is a row, but the end of the last one is none."""
    return _check_table(_rows(response.text, ","), _CITY_COLUMNS, 7)


def special_character_csv(response: Response) -> str | None:
    """Comma-separated: the header and fourteen rows of five fields, one of them in double quotes and with a special character."""
    rows = _rows(response.text, ",")
    wrong = _check_table(rows, _PRODUCT_COLUMNS, 14)
    if wrong is None and not any(_QUOTED.search(line) for line in response.lines[1:]):
        return "no quoted field with a special character"
    return wrong


def quoted_csv(response: Response) -> str | None:
    """Separated by tabs: the header and three rows of five fields, each field in double quotes, the header's too."""
    wrong = _check_table(_rows(response.text, "\t"), _STUDENT_COLUMNS, 3)
    if wrong is not None:
        return wrong
    for line in response.filled_lines:
        for field in line.split("\t"):
            bare = field.strip()
            if len(bare) < 2 or not bare[0] == '"' == bare[-1]:
                return f"{bare[:40]!r} is not in double quotes"
    return None


def napoleon_dates(response: Response) -> str | None:
    """Dates of Napoleon's life as YYYY-MM-DD, commas between them, and nothing else."""
    for raw in response.text.split(","):
        written = raw.strip()
        if not _DATE.fullmatch(written):
            return f"{written[:40]!r} is no date"
        try:
            day = date.fromisoformat(written)
        except ValueError:
            return f"there is no {written}"
        if not _NAPOLEON[0] <= day.year <= _NAPOLEON[1]:
            return f"{written} is not of Napoleon's life"
    return None


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def _rows(text: str, delimiter: str) -> list[list[str]] | str:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as failure:
        return f"no CSV: {failure}"[:80]


def _check_table(rows: list[list[str]] | str, columns: Sequence[str], num_rows: int) -> str | None:
    if isinstance(rows, str):
        return rows
    if not rows or [name.strip() for name in rows[0]] != list(columns):
        return "not the header that is wanted"
    if len(rows) != num_rows + 1:
        return f"{len(rows) - 1} rows, wanted {num_rows}"
    short = next((row for row in rows if len(row) != len(columns)), None)
    return None if short is None else f"a row of {len(short)} fields, wanted {len(columns)}"
