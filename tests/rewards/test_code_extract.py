"""Which text of a completion is its program, and which is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.code.extract import MAX_PROGRAM_CHARS, Form, extract_program, fenced_blocks

PY = ("python", "py", "python3")
OTHERS = ("cpp", "c++", "bash", "sh", "json")


def found(
    text: str, *, entry_point: str | None = None, has_prompt: bool = False, form: Form = "auto", stop: bool = False
) -> str:
    program = extract_program(text, PY, OTHERS, entry_point=entry_point, has_prompt=has_prompt, form=form, stop=stop)
    return program.reason or f"{program.found}:{program.text}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\nx = 1\n```", "fence:x = 1\n"),
        ("<think>```python\nbad\n```</think>So:\n```py\nx = 1\n```\nDone.", "fence:x = 1\n"),
        ("```python\nx = 1\n```\nor\n```python\nx = 2\n```", "fence:x = 2\n"),
        ("```\nx = 1\n```\nrun it:\n```bash\npython x.py\n```", "fence:x = 1\n"),
        ("```python\nx = 1\n```\ngives\n```\n1\n```", "fence:x = 1\n"),
        ("```solution\nx = 1\n```", "fence:x = 1\n"),
        ("```cpp\nint x;\n```", "other_language"),
        ("```python\n\n```", "no_program"),
        ("```python\nx = 1", "fence:x = 1"),
        ("~~~~python\ns = '''\n~~~\n'''\n~~~~", "fence:s = '''\n~~~\n'''\n"),
        ("1. so\n   ```python\n   if x:\n       y\n   ```", "fence:if x:\n    y\n"),
        ("````python title=a\nx = '```'\n````", "fence:x = '```'\n"),
        ("```{.python}\nx = 1\n```", "fence:x = 1\n"),
        ("Here you are.\n\nimport sys\nprint(1)\n", "text:import sys\nprint(1)\n"),
        ("print(input())", "text:print(input())"),
        ("I cannot do that.", "no_program"),
        ("", "empty_answer"),
        ("<think>x</think> \n", "empty_answer"),
        ("<think>```python\nx = 1\n```", "thinking_not_closed"),
        ("```python\r\nx = 1\r\n```", "fence:x = 1\n"),
        ("```python\nx = '\x00\ud800'\n```", "fence:x = '\ufffd\ufffd'\n"),
    ],
)
def test_the_program_is_found(text: str, expected: str) -> None:
    assert found(text) == expected


def test_the_block_that_defines_the_function_goes_before_an_example_of_its_use() -> None:
    text = "```python\ndef f(x):\n    return x\n```\nUse:\n```python\nprint(f(1))\n```"
    assert found(text, entry_point="f") == "fence:def f(x):\n    return x\n"
    assert found(text) == "fence:print(f(1))\n"
    both = text + "\nBetter:\n```python\ndef f(x):\n    return 2\n```"
    assert found(both, entry_point="Solution.f") == "fence:def f(x):\n    return 2\n"


def test_a_continuation_goes_on_from_the_prompt() -> None:
    assert found("    return 1\n", has_prompt=True) == "continuation:    return 1\n"
    assert found("\n    return 1\n", has_prompt=True) == "continuation:\n    return 1\n"
    assert found("```python\n    return 1\n```", has_prompt=True) == "continuation:    return 1\n"
    assert found("    return 1\n") == "no_program"
    assert found("def f():\n    return 1\n", has_prompt=True) == "text:def f():\n    return 1\n"
    assert found("return 1\n```python\nx\n```", form="continuation") == "continuation:return 1\n```python\nx\n```"


def test_a_continuation_is_cut_only_where_asked() -> None:
    text = "    return 1\n\n\ndef g():\n    pass\nprint(1)"
    assert found(text, has_prompt=True) == f"continuation:{text}"
    assert found(text, form="continuation", stop=True) == "continuation:    return 1\n\n"


def test_another_language_finds_its_first_line_of_code() -> None:
    text = "Sure!\n#include <iostream>\nint main() {}\n"
    assert extract_program(text, ("cpp", "c++")).text == "#include <iostream>\nint main() {}\n"
    text = "```cpp\nint g() { return 0; }\n```\n```cpp\nint f(int a) {\n  return a;\n}\n```\n```cpp\nint main() { f(1); }\n```"
    assert extract_program(text, ("cpp",), entry_point="f").text == "int f(int a) {\n  return a;\n}\n"


def test_a_huge_program_is_not_run() -> None:
    assert found("```python\n" + "x = 1\n" * MAX_PROGRAM_CHARS) == "program_too_long"


@pytest.mark.parametrize(
    "piece",
    [
        "```python\n",
        "f(",
        "```",
        "def f(",
        "a, ",
        "if :",
        "a[]",
        "\n\n",
        "func (",
        "`",
        "x.",
        "~~~\nx\n~~~\n",
        "\t",
        "( f",
    ],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    begun = time.process_time()
    for wrapped in (text, f"```python\n{text}\n```"):
        found(wrapped, entry_point="f", has_prompt=True)
        extract_program(wrapped, ("cpp",), entry_point="f")
    assert time.process_time() - begun < 30  # a square would take minutes


@given(st.text(alphabet="`~\n x=pyton", max_size=60))
def test_blocks_never_hold_more_than_the_text(text: str) -> None:
    assert sum(len(block.body) for block in fenced_blocks(text)) <= len(text) + 1
