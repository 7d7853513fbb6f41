"""The case tables beside this file, one row a bug ever found in a grader."""

import json
from pathlib import Path
from typing import Any


def cases(name: str) -> list[Any]:
    return json.loads((Path(__file__).parent / "cases" / f"{name}.json").read_text(encoding="utf-8"))
