"""Reads the rows of public task sets: what is asked, of which task it is, and the gold in the form that its verifier takes.

Pure: a decoded row in, a `TaskRow` out. A row that does not fit gives one clear ValueError. docs/import.md lists the shapes.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from columnar.language_names import NAMES
from columnar.mixing import UNKNOWN
from columnar.mixing_target import base_code
from schemas.errors import UserError
from schemas.ids import digest
from workers.task_rows_code import CODE_SHAPES
from workers.task_shape import Row, Shape, TaskRow, first_text

MAX_OPTIONS: Final = 26
_OPTION_COLUMNS: Final = ("options", "choices")
_QUESTION_COLUMNS: Final = ("question", "problem", "query", "Question", "question_content", "source_text", "text")
_CHOICE_ANSWERS: Final = ("answer_index", "answer_idx", "answer", "answerKey", "label", "correct", "gold", "target")
_GPQA_RIGHT: Final = "Correct Answer"
_GPQA_WRONG: Final = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
_REFERENCES: Final = ("references", "reference", "ref", "target", "tgt", "target_text")
_TARGET_LANGUAGES: Final = ("target_language", "target_lang", "tgt_lang")
_SOURCE_TEXTS: Final = ("source_text", "src", "source", "text")
_JUDGED_BY: Final = ("rubric", "rubrics", "baseline")
_PLAIN_QUESTIONS: Final = ("question", "problem", "query", "Question", "Problem")
_PLAIN_ANSWERS: Final = ("answer", "final_answer", "Answer", "gt", "target", "solution")
_CHOICE_REQUEST: Final = "Think about it, then end with the letter of the right option, as in: The answer is A."


def read_choice(row: Row) -> TaskRow:
    """Reads a multiple-choice row: MMLU, MMLU-Pro, ARC, C-Eval, AQuA, GPQA and others like them.

    GPQA's four answers stand in the order of a hash of the question and each answer, so that the right one is not always A.
    """
    question = first_text(row, _QUESTION_COLUMNS, "a question")
    if _GPQA_RIGHT in row:
        texts = [first_text(row, (column,), column) for column in (_GPQA_RIGHT, *_GPQA_WRONG)]
        options = sorted(texts, key=lambda text: digest("option", question, text))
        letter = chr(65 + options.index(texts[0]))
    else:
        options, labels = _options(row)
        letter = _letter(row, options, labels)
    if len(set(options)) < len(options):
        raise ValueError("two options are the same")
    lines = [f"{chr(65 + number)}. {option}" for number, option in enumerate(options)]
    text = "\n".join([question, "", *lines, "", _CHOICE_REQUEST])
    return TaskRow({"answer": {"letter": letter, "options": options}}, text)


def _options(row: Row) -> tuple[list[str], list[str]]:
    """Gives the options' texts without letters before them, and their labels."""
    given = next((row[column] for column in _OPTION_COLUMNS if row.get(column)), None)
    if given is None:
        letters = [chr(65 + number) for number in range(MAX_OPTIONS) if chr(65 + number) in row]
        texts, labels = [row[letter] for letter in letters], letters
    elif isinstance(given, Mapping) and isinstance(given.get("text"), list):  # ARC
        texts, labels = given["text"], [str(label) for label in given.get("label") or []]
    elif isinstance(given, Mapping):
        labels = sorted(given)
        texts = [given[label] for label in labels]
    else:
        texts, labels = given, []
    if not isinstance(texts, list) or not 2 <= len(texts) <= MAX_OPTIONS:
        raise ValueError(f"2 to {MAX_OPTIONS} options are needed")
    texts = [str(text).strip() for text in texts]
    expected = [chr(65 + number) for number in range(len(texts))]
    labels = labels if len(labels) == len(texts) else expected
    if all(
        text[:1] == letter and text[1:2] in ").:" and text[2:].strip()
        for text, letter in zip(texts, expected, strict=True)
    ):
        texts = [text[2:].strip() for text in texts]  # AQuA: "A)21"
    return texts, labels


def _letter(row: Row, options: Sequence[str], labels: Sequence[str]) -> str:
    for column in _CHOICE_ANSWERS:
        value = row.get(column)
        if value is None or value == "":
            continue
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        place = _place(value, options, labels)
        if place is None:
            raise ValueError(f"{column!r} is {str(value)[:60]!r}, which names none of the {len(options)} options")
        return chr(65 + place)
    raise ValueError(f"no column says which option is right; it may be called {', '.join(_CHOICE_ANSWERS)}")


def _place(value: Any, options: Sequence[str], labels: Sequence[str]) -> int | None:
    """Gives the place of the right option by its label, its number from 0, or its text."""
    if isinstance(value, bool):
        return None
    text = str(value).strip()
    if not isinstance(value, int) and text.strip("().").upper() in labels:
        return labels.index(text.strip("().").upper())
    if text in labels and not isinstance(value, int):
        return labels.index(text)
    if text.isdecimal() and len(text) < 3 and int(text) < len(options):
        return int(text)
    return options.index(text) if options.count(text) == 1 else None


def _has_options(row: Row) -> bool:
    if _GPQA_RIGHT in row:
        return True
    try:
        _letter(row, *_options(row))
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def read_instructions(row: Row) -> TaskRow:
    """Reads a row of IFEval or IFBench; keywords that are null, as Parquet fills them in, are left out."""
    ids, given = _decoded(row["instruction_id_list"]), _decoded(row["kwargs"])
    if not isinstance(ids, list) or not isinstance(given, list) or len(ids) != len(given):
        raise ValueError("instruction_id_list and kwargs must be lists of one length")
    kwargs = [{key: value for key, value in (_decoded(item) or {}).items() if value is not None} for item in given]
    return TaskRow({"instructions": {"instruction_id_list": ids, "kwargs": kwargs}})


def read_translation(row: Row) -> TaskRow:
    """Reads a row with a text to translate, references and the language that is asked for."""
    language = base_code(first_text(row, _TARGET_LANGUAGES, "a target language"))
    if language == UNKNOWN:
        raise ValueError(f"the target language {first_text(row, _TARGET_LANGUAGES, '')!r} is no ISO 639 code")
    given = next((row[column] for column in _REFERENCES if row.get(column)), None)
    references = [given] if isinstance(given, str) else given
    if not isinstance(references, list) or not all(isinstance(text, str) and text.strip() for text in references):
        raise ValueError("the references are neither a text nor a list of texts")
    text = next((row[column] for column in _SOURCE_TEXTS if isinstance(row.get(column), str)), None)
    asked = f"Translate into {_english_names().get(language, language)}:\n\n{text}" if text else None
    gold = {"translation": {"references": references, "language": language}, "target_language": language}
    return TaskRow(gold, asked)


def read_judged(row: Row) -> TaskRow:
    """Reads a row that a model judges: by a rubric, against another answer, or both; with a reference answer if there is one."""
    gold: dict[str, Any] = {}
    rubric = row.get("rubric") or row.get("rubrics")
    if rubric:
        gold["rubric"] = rubric if isinstance(rubric, str) else [str(item) for item in rubric]
    if row.get("baseline"):
        gold["baseline"] = row["baseline"]
    reference = next((row[column] for column in ("reference", "reference_answer", "answer") if row.get(column)), None)
    if reference is not None:
        gold["answer"] = reference
    text = next((row[column] for column in _PLAIN_QUESTIONS if isinstance(row.get(column), str)), None)
    return TaskRow(gold or None, text)


def read_puzzle(row: Row) -> TaskRow:
    """Reads an entry of reasoning-gym; the dataset that made it stands in its metadata."""
    metadata = _decoded(row["metadata"])
    name = metadata.get("source_dataset")
    if not isinstance(name, str) or not name:
        raise ValueError("metadata.source_dataset does not name the dataset")
    entry = {"question": row["question"], "answer": row["answer"], "metadata": metadata}
    return TaskRow({"puzzle": {"dataset": name, "entry": entry}}, first_text(row, ("question",), "a question"))


def _is_puzzle(row: Row) -> bool:
    metadata = row.get("metadata")
    return "source_dataset" in metadata if isinstance(metadata, Mapping | str) else False


def read_question(row: Row) -> TaskRow:
    """Reads a question with its answer. Of GSM8K's worked answers the number after the last `####` is the answer."""
    text = first_text(row, _PLAIN_QUESTIONS, "a question")
    answer = next((row[column] for column in _PLAIN_ANSWERS if row.get(column) is not None), None)
    if answer is None:
        return TaskRow(None, text)
    if isinstance(answer, list):
        return TaskRow({"answer": [_plain_answer(item) for item in answer]}, text)
    return TaskRow({"answer": _plain_answer(answer)}, text)


def _plain_answer(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = value if isinstance(value, str) else json.dumps(value)
    return text.rpartition("####")[2].strip()


def _has_no_prompt(row: Row) -> bool:
    return not any(row.get(column) for column in ("prompt", "messages", "input", "conversation", "body"))


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _english_names() -> dict[str, str]:
    """Gives language code -> English name, the first of several."""
    pairs = (item.split(maxsplit=1) for item in " ".join(NAMES["en"].split()).split(", "))
    return {code: names.split("/")[0] for code, names in pairs}


#: In the order in which a file is tried: the most telling columns first.
SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            *CODE_SHAPES,
            Shape(
                "ifeval", "instruction", [("instruction_id_list",), ("kwargs",)], read_instructions, makes_prompt=False
            ),
            Shape(
                "choice",
                "choice",
                [(*_OPTION_COLUMNS, "A", _GPQA_RIGHT), _QUESTION_COLUMNS],
                read_choice,
                frozenset({*_OPTION_COLUMNS, "text"}),
                _has_options,
            ),
            Shape(
                "translation",
                "translation",
                [_TARGET_LANGUAGES, _REFERENCES],
                read_translation,
                frozenset({"text", "target"}),
            ),
            Shape("puzzle", "math", [("question",), ("answer",), ("metadata",)], read_puzzle, fits=_is_puzzle),
            Shape("judge", "judge", [_JUDGED_BY], read_judged),
            Shape("question", "math", [_PLAIN_QUESTIONS], read_question, fits=_has_no_prompt),
        )
    }
)


def find_shape(preset: str, available: Sequence[str], first: Row, where: str) -> Shape | None:
    """Gives the shape of a file's rows, None where they are no task set's.

    Args:
        preset: the shape's name, or any other preset for one that fits.
        available: the file's columns.
        first: its first row.
        where: the file, for messages.

    Raises:
        UserError: the shape that is asked for is not that of the rows.
    """
    asked = SHAPES.get(preset)
    if asked is None:
        found = (shape for shape in SHAPES.values() if shape.has_columns(available) and shape.fits(first))
        return next(found, None)
    if not asked.has_columns(available):
        needed = " and ".join("/".join(columns) for columns in asked.columns)
        raise UserError(
            f"{where}: no row of preset {preset!r}, which needs {needed}; the columns there are "
            + (", ".join(repr(name[:40]) for name in list(available)[:20]) or "none")
        )
    return asked
