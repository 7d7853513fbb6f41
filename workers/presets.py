"""Which columns of others' files feed our fields, by preset. Pure tables, and how they are fitted to a file's columns."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

#: Fields of ours that a column may feed. Dots in a column's name go into objects: `reward_model.ground_truth`.
FIELDS = (
    "prompt",
    "generation",
    "gold",
    "language",
    "domain",
    "task",
    "source",
    "model",
    "sample_index",
    "finish_reason",
    "tokens",
)
Candidates = Mapping[str, Sequence[str]]

_GOLDS = ("gold", "reward_model.ground_truth", "ground_truth", "gts", "answer", "solution", "gt")
_COMMON: Candidates = MappingProxyType(
    {
        "gold": _GOLDS,
        "language": ("language", "lang"),
        "domain": ("domain", "data_source", "subject"),
        "model": ("model", "response.body.model"),
        "sample_index": ("sample_index",),
        "finish_reason": ("finish_reason",),
        "tokens": ("tokens", "num_tokens"),
    }
)

#: Preset -> our field -> their columns, the first that is there counts.
PRESETS: Mapping[str, Candidates] = MappingProxyType(
    {
        # Our own contracts as JSON Lines or Parquet; messages and gold are JSON text there.
        "tamis": {
            "prompt": ("messages",),
            "generation": ("text",),
            "gold": ("gold",),
            "language": ("language",),
            "domain": ("domain",),
            "task": ("task",),
            "source": ("source",),
            "model": ("model",),
            "sample_index": ("sample_index",),
            "finish_reason": ("finish_reason",),
            "tokens": ("tokens",),
        },
        # RequestOutput of vLLM, and the rows of the OpenAI batch API with the request's body beside the response.
        "vllm": {
            **_COMMON,
            "prompt": ("prompt", "messages", "body.messages", "request.body.messages"),
            "generation": ("outputs", "choices", "response.body.choices"),
        },
        # Roll-out dumps and training files of verl.
        "verl": {
            **_COMMON,
            "prompt": ("input", "prompt"),
            "generation": ("output", "outputs", "responses", "response"),
            "gold": ("gts", "reward_model.ground_truth", "ground_truth", "answer"),
        },
        # Prompt-completion data sets of TRL, plain or conversational.
        "trl": {**_COMMON, "prompt": ("prompt",), "generation": ("completion", "completions")},
        # Rows of distilabel, and any that name their columns as we name our fields.
        "distilabel": {
            **_COMMON,
            "prompt": ("prompt", "instruction"),
            "generation": ("generation", "generations"),
        },
        # One conversation a row; its last message, the assistant's, is the generation.
        "messages": {**_COMMON, "prompt": ("messages", "conversation"), "generation": ("messages", "conversation")},
    }
)
AUTO_ORDER = ("vllm", "trl", "verl", "distilabel", "messages", "tamis")
#: JSON text that our own contracts hold where others have objects.
JSON_PRESET = "tamis"


def fit_columns(candidates: Candidates, available: Sequence[str], first: Mapping[str, Any]) -> dict[str, str]:
    """Gives the first column that is there for each field; fields without one are left out. See `resolve` for the arguments."""
    fitted = {}
    for field, columns in candidates.items():
        match = next((column for column in columns if has_column(column, available, first)), None)
        if match is not None:
            fitted[field] = match
    return fitted


def has_column(column: str, available: Sequence[str], first: Mapping[str, Any]) -> bool:
    """Says whether a file has the column, or the object field that dots lead to. See `resolve` for the arguments."""
    if column in available:
        return True
    top, _, rest = column.partition(".")
    if not rest or top not in available:
        return False
    value: Any = first.get(top)
    for part in rest.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def listed(names: Sequence[str]) -> str:
    """Gives names for a message."""
    return ", ".join(repr(name[:40]) for name in names[:20]) or "none"


def value_at(row: Mapping[str, Any], column: str) -> Any:
    """Gives what a column of a row holds, or the object field that dots lead to; None where it is not there."""
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
