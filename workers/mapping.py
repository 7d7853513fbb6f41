"""Fits others' rows of prompts and generations to ours: vLLM, OpenAI, verl, TRL and `messages` files, or columns named one by one.

Pure: a decoded row in, one prompt with its samples out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from schemas.arrow import TASKS
from schemas.errors import UserError

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
        # One conversation a row; its last message, the assistant's, is the generation.
        "messages": {**_COMMON, "prompt": ("messages", "conversation"), "generation": ("messages", "conversation")},
    }
)
_AUTO_ORDER = ("vllm", "trl", "verl", "messages", "tamis")
#: JSON text that our own contracts hold where others have objects.
_JSON_PRESET = "tamis"


@dataclass(frozen=True)
class Sample:
    """One generation of a row. `index` is None where the row does not say which sample of its prompt it is."""

    text: str
    index: int | None = None
    finish_reason: str | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class MappedRow:
    """A prompt and its samples. `gold` is a JSON object or None; fields that the row does not have are None."""

    messages: list[dict[str, str]]
    gold: dict[str, Any] | None
    samples: Sequence[Sample]
    language: str | None = None
    domain: str | None = None
    task: str | None = None
    source: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class RowMapping:
    """Which of their columns feeds which of our fields, for the files of one import."""

    preset: str
    columns: Mapping[str, str]
    prompts_only: bool
    prompt_optional: bool = False

    def read(self, row: Mapping[str, Any]) -> MappedRow:
        """Maps one row. Without a column for the prompt, where that is allowed, the row has no messages.

        Raises:
            ValueError: says what is missing or of the wrong shape; a message for the user.
        """
        if "prompt" not in self.columns:
            if self.prompt_optional:
                return self._mapped(row, [], None, self._samples(row, [], conversation=False))
            raise ValueError("no column holds the prompt")
        prompt = value_at(row, self.columns["prompt"])
        gold = value_at(row, self.columns["gold"]) if "gold" in self.columns else None
        if self.preset == _JSON_PRESET:
            prompt, gold = _from_json(prompt, "messages"), _from_json(gold, "gold")
        messages = _messages(prompt, self.columns["prompt"])
        conversation = self.columns.get("generation") == self.columns["prompt"]
        ends_in_answer = (conversation or self.prompts_only) and messages[-1]["role"] == "assistant"
        samples: Sequence[Sample] = ()
        if not self.prompts_only:
            samples = self._samples(row, messages, conversation=conversation)
        if ends_in_answer:
            messages = messages[:-1]
        if not messages:
            raise ValueError(f"{self.columns['prompt']!r} has no message before the answer")
        return self._mapped(row, messages, gold, samples)

    def _mapped(
        self, row: Mapping[str, Any], messages: list[dict[str, str]], gold: Any, samples: Sequence[Sample]
    ) -> MappedRow:
        task = self._text(row, "task")
        if task is not None and task not in TASKS:
            raise ValueError(f"task is {task!r}; there are {', '.join(TASKS)}")
        return MappedRow(
            messages,
            _gold(gold),
            samples,
            language=_bounded(self._field(row, "language"), "language", 16),
            domain=self._text(row, "domain"),
            task=task,
            source=self._text(row, "source"),
            model=self._text(row, "model"),
        )

    def _samples(self, row: Mapping[str, Any], messages: list[dict[str, str]], *, conversation: bool) -> list[Sample]:
        column = self.columns["generation"]
        if conversation:
            if messages[-1]["role"] != "assistant":
                raise ValueError(f"{column!r} does not end in a message of the assistant")
            return [self._sample(row, messages[-1]["content"], column)]
        value = value_at(row, column)
        several = isinstance(value, list) and not (value and _is_message(value[0]))
        if several and not value:
            raise ValueError(f"{column!r} is an empty list")
        if not several:
            return [self._sample(row, value, column)]
        return [self._sample({} if len(value) > 1 else row, item, column) for item in value]

    def _sample(self, row: Mapping[str, Any], value: Any, column: str) -> Sample:
        """Reads a sample; the row's own fields count for it where the row has one sample."""
        inner = value if isinstance(value, dict) else {}
        tokens = inner.get("token_ids")
        return Sample(
            _generation_text(value, column),
            _integer(self._field(row, "sample_index"), "sample_index"),
            _bounded(inner.get("finish_reason") or self._field(row, "finish_reason"), "finish_reason", 32),
            len(tokens) if isinstance(tokens, list) else _integer(self._field(row, "tokens"), "tokens"),
        )

    def _field(self, row: Mapping[str, Any], name: str) -> Any:
        return value_at(row, self.columns[name]) if name in self.columns else None

    def _text(self, row: Mapping[str, Any], name: str) -> str | None:
        return _optional_text(self._field(row, name))


def resolve(
    preset: str,
    columns: Mapping[str, str],
    available: Iterable[str],
    first: Mapping[str, Any],
    where: str,
    *,
    prompts_only: bool,
    prompt_optional: bool = False,
) -> RowMapping:
    """Fits a preset and the columns that the user named to what a file has.

    Args:
        preset: a key of `PRESETS`, or `auto` for the first that fits.
        columns: our field -> their column; goes before the preset's.
        available: the top columns of the file.
        first: its first row, to see into objects; a file of Parquet may give an empty one.
        where: the file, for messages.
        prompts_only: no generations are wanted.
        prompt_optional: a file without a column for the prompt will do, if no preset finds one.

    Raises:
        UserError: for an unknown preset or field, or a column that is missing; names the file and what is there.
    """
    there = list(available)
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        raise UserError(f"{where}: {unknown[0]!r} is no field of ours; there are {', '.join(FIELDS)}")
    for field, column in columns.items():
        if not has_column(column, there, first):
            raise UserError(
                f"{where}: column {column!r} for {field!r} is missing; the columns there are {_listed(there)}"
            )
    if preset not in ("auto", *PRESETS):
        raise UserError(f"{where}: no preset is called {preset!r}; there are auto, {', '.join(PRESETS)}")
    wanted: tuple[str, ...] = ("prompt",) if prompts_only else ("prompt", "generation")
    names = _AUTO_ORDER if preset == "auto" else (preset,)
    fits = {name: {**fit_columns(PRESETS[name], there, first), **columns} for name in names}
    for fields in (wanted, ("generation",)) if prompt_optional else (wanted,):
        for name, fitted in fits.items():
            if all(field in fitted for field in fields):
                return RowMapping(name, fitted, prompts_only, prompt_optional)
    lacking = next(field for field in fields if field not in fits[names[-1]])
    raise UserError(
        f"{where}: no column holds the {lacking}; the columns there are {_listed(there)}; name it as {lacking}=COLUMN"
    )


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


def _listed(names: Sequence[str]) -> str:
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


def _from_json(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from None


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value and "content" in value


def _messages(value: Any, column: str) -> list[dict[str, str]]:
    if isinstance(value, str):
        if not value.strip():
            raise ValueError(f"{column!r} is empty")
        return [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise ValueError(f"{column!r} is neither a text nor a list of messages")
    messages = []
    for item in value:
        if not _is_message(item) or not isinstance(item["role"], str):
            raise ValueError(f"{column!r} has a message without role or content")
        messages.append({"role": item["role"], "content": _content(item["content"], column)})
    return messages


def _content(value: Any, column: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):  # parts of a message; only text can be scored
        parts = [part.get("text") for part in value if isinstance(part, dict) and part.get("type", "text") == "text"]
        if len(parts) == len(value) and all(isinstance(part, str) for part in parts):
            return "".join(str(part) for part in parts)
    raise ValueError(f"{column!r} has a message whose content is not text")


def _generation_text(value: Any, column: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and _is_message(value[-1]):
        return _content(value[-1]["content"], column)
    if isinstance(value, dict):
        for name in ("text", "content"):
            if name in value:
                return _content(value[name], column)
        if isinstance(value.get("message"), dict):
            return _content(value["message"].get("content"), column)
    if value is None:
        raise ValueError(f"{column!r} is null or missing")
    raise ValueError(f"{column!r} holds no text that could be a generation")


def _gold(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, list):
        answers = [answer if isinstance(answer, str) else json.dumps(answer) for answer in value]
        return {"answer": answers} if len(answers) != 1 else {"answer": answers[0]}
    return {"answer": value if isinstance(value, str) else json.dumps(value)}


def _optional_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _bounded(value: Any, name: str, characters: int) -> str | None:
    text = _optional_text(value)
    if text is not None and len(text) > characters:
        raise ValueError(f"{name} has {len(text)} characters, more than {characters}")
    return text


def _integer(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"{name} is {value!r}, not a whole number from 0")
    return value
