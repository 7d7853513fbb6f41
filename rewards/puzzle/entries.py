"""What an entry of reasoning-gym says of itself. Pure: neither reasoning-gym nor a pool."""

import json
from collections.abc import Mapping
from typing import Any, Final

_WRITTEN_ANSWERS: Final = ("possible_answer", "example_answer", "example_correct_answer")
"""Where datasets with several right answers and no gold keep one."""


def own_answer(entry: Mapping[str, Any]) -> str | None:
    """Gives the answer that an entry comes with, as a model would write it; None where the puzzle is only checked."""
    metadata = entry.get("metadata")
    written = [metadata.get(key) for key in _WRITTEN_ANSWERS] if isinstance(metadata, Mapping) else []
    answer = next((one for one in (entry.get("answer"), *written) if one is not None), None)
    return json.dumps(answer) if isinstance(answer, dict | list) else None if answer is None else str(answer)
