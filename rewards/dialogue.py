"""The gold `dialogue`: a question with what helps to judge an answer to it, as judges and reward models are passed it. Pure.

`{"messages": [{"role": ..., "content": ...}, ...], "answer": ..., "rubric": ..., "baseline": ...}`; all but the messages may be absent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from columnar.clean import clean_text

DIALOGUE_FIELDS: Final = ("answer", "rubric", "baseline")
"""What is taken from a prompt's gold beside its messages."""

MAX_DIALOGUE_CHARS: Final = 400_000
"""A longer question with its gold is refused: no judge reads it."""

MAX_TURNS: Final = 1_000
MAX_REFERENCES: Final = 100


class BadDialogueError(ValueError):
    """A gold that is no dialogue. The message is the named reason."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What an answer is judged by.

    Attributes:
        turns: (role, content) of the conversation that the answer ends; the last is the user's.
        references: answers that are known to be right, any of which will do; empty where none is known.
        rubric: what to look for, one item a line; empty for nothing.
        baseline: another's answer, which this one is compared with; empty for none.
    """

    turns: tuple[tuple[str, str], ...]
    references: tuple[str, ...]
    rubric: str
    baseline: str

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns as an API takes them."""
        return [{"role": role, "content": content} for role, content in self.turns]

    @property
    def question(self) -> str:
        """The conversation as one text: the content alone where there is one turn, else each turn under its role."""
        if len(self.turns) == 1:
            return self.turns[0][1]
        return "\n\n".join(f"[{role}]\n{content}" for role, content in self.turns)


def read_dialogue(gold: Any) -> Dialogue:
    """Reads the gold that a caller passed.

    `messages` may be one text, which is then the user's question. A message's content is text or the text parts of a list. `answer` is
    a text, a number, or a list of them; any other JSON value is shown as JSON. `rubric` is a text or a list of texts. NUL and lone
    surrogates, which no server takes, become U+FFFD.

    Raises:
        BadDialogueError: there is no question, something is no text where it must be, or all together is too long.
    """
    if not isinstance(gold, Mapping):
        raise BadDialogueError("no_question")
    turns = _turns(gold.get("messages"))
    references = _references(gold.get("answer"))
    rubric = gold.get("rubric")
    if isinstance(rubric, list | tuple) and all(isinstance(item, str) for item in rubric):
        rubric = "\n".join(f"- {item}" for item in rubric)
    baseline = gold.get("baseline")
    for name, value in (("rubric", rubric), ("baseline", baseline)):
        if value is not None and not isinstance(value, str):
            raise BadDialogueError(f"{name}_is_no_text")
    dialogue = Dialogue(turns, references, _clean(rubric or "").strip(), _clean(baseline or ""))
    texts = (*(content for _, content in turns), *references, dialogue.rubric, dialogue.baseline)
    if sum(map(len, texts)) > MAX_DIALOGUE_CHARS:
        raise BadDialogueError("question_too_long")
    return dialogue


def _turns(messages: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list | tuple) or not messages:
        raise BadDialogueError("no_question")
    if len(messages) > MAX_TURNS:
        raise BadDialogueError("question_too_long")
    turns = tuple(_turn(message) for message in messages)
    if turns[-1][0] != "user" or not turns[-1][1].strip():
        raise BadDialogueError("no_question")
    return turns


def _turn(message: Any) -> tuple[str, str]:
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(role, str):
        raise BadDialogueError("message_without_role")
    content = message.get("content")
    if isinstance(content, list | tuple):
        parts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
        if all(isinstance(part, str) for part in parts):
            content = "\n".join(map(str, parts))
    if not isinstance(content, str):
        raise BadDialogueError("message_without_text")
    return role, _clean(content)


def _references(answer: Any) -> tuple[str, ...]:
    if answer is None:
        return ()
    answers = answer if isinstance(answer, list | tuple) else [answer]
    if len(answers) > MAX_REFERENCES:
        raise BadDialogueError("too_many_references")
    try:
        texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in answers]
    except (TypeError, ValueError, RecursionError):
        raise BadDialogueError("reference_is_no_json") from None
    return tuple(_clean(text) for text in texts if text.strip())


def _clean(text: str) -> str:
    return clean_text(text)[0]
