"""Reads the rows of public sets of programming problems: HumanEval, mxeval, MBPP, EvalPlus, APPS, TACO, LiveCodeBench.

Pure, by the rules of `workers.task_rows`; the golds are made by `rewards.code.golds`. No row's code is run.
"""

import json
from typing import Any, Final

from rewards.code.golds import (
    from_humaneval,
    from_humaneval_plus,
    from_input_output,
    from_livecodebench,
    from_mbpp,
    from_mbpp_plus,
    from_mxeval,
)
from workers.task_shape import Row, Shape, TaskRow, first_text

_STDIN_REQUEST: Final = "Write a Python program that reads standard input and writes standard output."
_STARTER_REQUEST: Final = "Write it in Python, and begin with:"
_TESTS_REQUEST: Final = "Your code should pass these tests:"

#: `language` here is that of the program; `code`, `text` and `test` are no generations.
_USES: Final = frozenset({"language", "lang", "code", "text", "test", "solution", "solutions", "canonical_solution"})


def read_humaneval(row: Row) -> TaskRow:
    """Reads a row of HumanEval, or of mxeval where a `language` says which."""
    return TaskRow({"code": from_mxeval(row) if row.get("language") else from_humaneval(row)})


def read_evalplus(row: Row) -> TaskRow:
    """Reads a row of HumanEval+ or MBPP+. What is expected of the calls has to be computed from the row's solution, in a sandbox."""
    return TaskRow({"code": from_mbpp_plus(row) if "assertion" in row else from_humaneval_plus(row)})


def read_mbpp(row: Row) -> TaskRow:
    """Reads a row of MBPP. The message is the problem with its tests, which name the function, as the paper asks it."""
    problem = first_text(row, ("text", "prompt"), "the problem")
    tests = "\n".join(str(test) for test in row["test_list"])
    return TaskRow({"code": from_mbpp(row)}, f"{problem}\n\n{_TESTS_REQUEST}\n\n{tests}")


def read_input_output(row: Row) -> TaskRow:
    """Reads a row of APPS or TACO."""
    gold = from_input_output(row["input_output"], solution=_first_solution(row.get("solutions")))
    return TaskRow({"code": gold}, _asked(row, ("question", "description")))


def read_livecodebench(row: Row) -> TaskRow:
    """Reads a row of LiveCodeBench."""
    return TaskRow({"code": from_livecodebench(row)}, _asked(row, ("question_content", "question")))


def _asked(row: Row, columns: tuple[str, ...]) -> str:
    question, starter = first_text(row, columns, "the problem"), row.get("starter_code")
    if isinstance(starter, str) and starter.strip():
        return f"{question}\n\n{_STARTER_REQUEST}\n\n{starter.strip()}"
    return f"{question}\n\n{_STDIN_REQUEST}"


def _first_solution(value: Any) -> str | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else None


#: In the order in which a file is tried.
CODE_SHAPES: Final = (
    Shape("evalplus", "code", [("base_input",), ("entry_point",)], read_evalplus, _USES, makes_prompt=False),
    Shape("livecodebench", "code", [("public_test_cases",)], read_livecodebench, _USES),
    Shape("apps", "code", [("input_output",)], read_input_output, _USES),
    Shape("mbpp", "code", [("test_list",), ("text", "prompt")], read_mbpp, _USES),
    Shape("humaneval", "code", [("entry_point",), ("test",), ("prompt",)], read_humaneval, _USES, makes_prompt=False),
)
