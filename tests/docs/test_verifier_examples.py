"""The examples of docs/verifiers.md do what they say: each line with a comment gives the value in it."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verifiers.md"
SHOWN = re.compile(r"^(\S.*?)  # (.+)$")


def sections() -> dict[str, str]:
    """Gives the sections of the page that have an example, by name."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    examples = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        found = re.search(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        if found:
            examples[name] = found[1]
    return examples


@pytest.mark.parametrize("section", ["code", "instructions"])
def test_the_example_gives_what_it_shows(section: str) -> None:
    names: dict[str, Any] = {}
    shown = 0
    pending = ""
    for line in sections()[section].splitlines():
        value = SHOWN.match(line)
        if value and not pending:
            shown += 1
            assert eval(value[1], names) == ast.literal_eval(value[2]), line
            continue
        pending += line + "\n"
        try:
            compile(pending, "example", "exec")
        except SyntaxError:
            continue
        exec(pending, names)
        pending = ""
    assert shown >= 2
    assert not pending
