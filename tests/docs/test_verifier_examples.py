"""The Python examples of the pages about rewards do what they say: each line with a comment gives the value in it."""

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/verifiers.md", "docs/training.md")
SHOWN = re.compile(r"^(\S.*?)  # (.+)$")
LEFT_OUT = (
    "http://",
    "reasoning_gym",
)  # somebody's server; ten seconds of imports, which the tests of `puzzle` pay already


class Example(NamedTuple):
    page: str
    section: str
    code: str


def examples() -> list[Example]:
    """Gives the examples of the pages, each under the section that it stands in."""
    found = []
    for page in PAGES:
        parts = re.split(r"^##+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        for section, text in zip(parts[::2], parts[1::2], strict=True):
            blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
            found += [Example(page, section, block) for block in blocks]
    return found


def statements(code: str) -> list[tuple[str, str | None]]:
    """Gives an example's statements, each with the value that it shows, if any."""
    found: list[tuple[str, str | None]] = []
    pending = ""
    for line in code.splitlines():
        value = SHOWN.match(line)
        if value and not pending:
            found.append((value[1], None if _is_statement(value[1]) else value[2]))
            continue
        pending += line + "\n"
        try:
            compile(pending, "example", "exec")
        except SyntaxError:
            continue
        found.append((pending, None))
        pending = ""
    assert not pending, pending
    return found


def _is_statement(text: str) -> bool:
    try:
        compile(text, "example", "eval")
    except SyntaxError:
        return True
    return False


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{example.page} {example.section}")
        for example in examples()
        if not any(needed in example.code for needed in LEFT_OUT)
    ],
)
def test_the_example_gives_what_it_shows(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    for code, shown in statements(example.code):
        if shown is None:
            exec(code, names)
        else:
            assert eval(code, names) == ast.literal_eval(shown), code


def test_examples_show_something() -> None:
    shown = {example.page: 0 for example in examples()}
    for example in examples():
        shown[example.page] += sum(value is not None for _, value in statements(example.code))
    assert min(shown[page] for page in PAGES) >= 2
