"""Fits others' rows of prompts and generations to ours: vLLM, OpenAI, verl, TRL and `messages` files, or columns named one by one.

What the rows of public task sets say of task and gold is read by `workers.task_rows`, whatever form the generations beside it have.
Pure: a decoded row in, one prompt with its samples out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rewards.subject import as_gold
from schemas.arrow import TASKS
from schemas.errors import UserError
from workers.presets import AUTO_ORDER, FIELDS, JSON_PRESET, PRESETS, fit_columns, has_column, listed, value_at
from workers.task_rows import SHAPES, find_shape
from workers.task_shape import Shape, TaskRow


@dataclass(frozen=True)
class Sample:
    """One generation of a row. `index` is None where the row does not say which sample of its prompt it is."""

    text: str
    index: int | None = None
    finish_reason: str | None = None
    tokens: int | None = None


_TASK_OF_GOLD: Final = {"code": "code", "instructions": "instruction", "translation": "translation"}
"""What a row with such a gold is, where it does not say."""


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
    shape: Shape | None = None

    def read(self, row: Mapping[str, Any]) -> MappedRow:
        """Maps one row. Without a column for the prompt, where that is allowed, the row has no messages.

        Raises:
            ValueError: says what is missing or of the wrong shape; a message for the user.
        """
        task_row = self.shape.task_row(row) if self.shape is not None else None
        if "prompt" not in self.columns:
            if task_row is not None and task_row.text is not None:
                said = [] if self.prompts_only else self._samples(row, [], conversation=False)
                return self._mapped(row, _messages(task_row.text, "the question"), None, said, task_row)
            if self.prompt_optional:
                return self._mapped(row, [], None, self._samples(row, [], conversation=False))
            raise ValueError("no column holds the prompt")
        prompt = value_at(row, self.columns["prompt"])
        gold = value_at(row, self.columns["gold"]) if "gold" in self.columns else None
        if self.preset == JSON_PRESET:
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
        return self._mapped(row, messages, gold, samples, task_row)

    def _mapped(
        self,
        row: Mapping[str, Any],
        messages: list[dict[str, str]],
        gold: Any,
        samples: Sequence[Sample],
        task_row: TaskRow | None = None,
    ) -> MappedRow:
        task = self._text(row, "task")
        if task_row is not None and self.shape is not None:
            gold = task_row.gold if "gold" not in self.columns else gold
            task = task or task_row.task or self.shape.task
        if task is not None and task not in TASKS:
            raise ValueError(f"task is {task!r}; there are {', '.join(TASKS)}")
        gold = as_gold(gold)
        return MappedRow(
            messages,
            gold,
            samples,
            language=_bounded(self._field(row, "language"), "language", 16),
            domain=self._text(row, "domain"),
            task=task or next((_TASK_OF_GOLD[kind] for kind in _TASK_OF_GOLD if kind in (gold or {})), None),
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
        preset: a key of `PRESETS` or of `workers.task_rows.SHAPES`, or `auto` for what fits.
        columns: our field -> their column; goes before the preset's.
        available: the top columns of the file.
        first: its first row, to see into objects; a file of Parquet may give an empty one.
        where: the file, for messages.
        prompts_only: no generations are wanted.
        prompt_optional: a file without a column for the prompt will do, if no preset finds one; tasks and golds are not looked for.

    Raises:
        UserError: for an unknown preset or field, or a column that is missing; names the file and what is there.
    """
    there = list(available)
    _check_named(preset, columns, there, first, where)
    shape = None
    # Our own rows say their task themselves; a user who names the gold needs no task set to be found.
    if preset in SHAPES or not (prompt_optional or preset == JSON_PRESET or "gold" in columns):
        shape = find_shape(preset, there, first, where)
    usual = [name for name in there if shape is None or name not in shape.uses]
    names = (preset,) if preset in PRESETS else AUTO_ORDER
    fits = {name: {**fit_columns(PRESETS[name], usual, first), **columns} for name in names}
    others: tuple[str, ...] = () if prompts_only else ("generation",)
    wanted = [("prompt", *others)]
    if prompt_optional or (shape is not None and shape.makes_prompt):
        wanted.append(others)
    for fields in wanted:
        for name, fitted in fits.items():
            if all(field in fitted for field in fields):
                if shape is not None:
                    fitted = _beside(shape, fitted, columns)  # noqa: PLW2901 - the loop ends here
                return RowMapping(name, fitted, prompts_only, prompt_optional, shape)
    found = [{field for field in wanted[-1] if field in fitted} for fitted in fits.values()]
    lacking = next(field for field in wanted[-1] if field not in max(found, key=len))
    raise UserError(
        f"{where}: no column holds the {lacking}; the columns there are {listed(there)}; name it as {lacking}=COLUMN"
    )


def _check_named(
    preset: str, columns: Mapping[str, str], there: Sequence[str], first: Mapping[str, Any], where: str
) -> None:
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        raise UserError(f"{where}: {unknown[0]!r} is no field of ours; there are {', '.join(FIELDS)}")
    for field, column in columns.items():
        if not has_column(column, there, first):
            raise UserError(
                f"{where}: column {column!r} for {field!r} is missing; the columns there are {listed(there)}"
            )
    if preset not in ("auto", *PRESETS, *SHAPES):
        raise UserError(f"{where}: no preset is called {preset!r}; there are auto, {', '.join((*PRESETS, *SHAPES))}")


def _beside(shape: Shape, fitted: Mapping[str, str], named: Mapping[str, str]) -> dict[str, str]:
    """Leaves out the columns whose meaning the shape knows better, unless the user has named them."""
    return {
        field: column
        for field, column in fitted.items()
        if field in named or (field != "gold" and column not in shape.uses)
    }


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
