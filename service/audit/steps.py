"""The order of training steps and checkpoints that are named, not numbered. Pure."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def step_order(step: str) -> tuple[float, str]:
    """Gives what to sort by: the last number in the name (`checkpoint-500`, `step 2000`), then the name; names without one first."""
    number = step_number(step)
    return (-1.0 if number is None else number), step


def step_number(step: str) -> float | None:
    """Gives the last number in a step's name, None where there is none."""
    numbers = _NUMBER.findall(step[:200])
    return float(numbers[-1]) if numbers else None
