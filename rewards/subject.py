"""A completion with what verifiers are passed of its prompt. Pure, but for the language model that finds a prompt's language."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rewards.dialogue import DIALOGUE_FIELDS
from schemas.ids import canonical_json

GOLD_KINDS: Final = frozenset({"answer", "code", "instructions", "puzzle", "schema", "translation", *DIALOGUE_FIELDS})
"""The keys of a gold that verifiers know."""


def as_gold(value: Any) -> dict[str, Any] | None:
    """Gives the gold that a column holds: an object as it is; anything else is the answer, of a list any of which will do.

    An object has a key for each kind of gold: `{"answer": "4"}`, `{"code": {...}}`, `{"instructions": {...}}`.
    """
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, list):
        answers = [answer if isinstance(answer, str) else json.dumps(answer) for answer in value]
        return {"answer": answers} if len(answers) != 1 else {"answer": answers[0]}
    return {"answer": value if isinstance(value, str) else json.dumps(value)}


@dataclass(frozen=True)
class Subject:
    """A completion to be judged.

    Attributes:
        generation_id: names it; empty where nobody asks.
        text: the completion.
        gold: the prompt's, an object with a key for each kind of gold.
        language: the prompt's, an ISO 639 code.
        messages: the conversation as JSON text, where a verifier reads the question or the language must be found by it.
        tokens: of the completion, as its sampler counted them.
    """

    generation_id: str
    text: str
    gold: Mapping[str, Any] | None
    language: str | None = None
    messages: str | None = None
    tokens: int | None = None

    def gold_for(self, gold_key: str | None) -> Any:
        """Gives what a verifier with this `gold_key` is passed; None where the prompt does not have it.

        The language is the gold's `target_language`, else the prompt's, else that of `columnar.mixing.target_of`. (A gold's `language`
        is the programming language of a code task.)
        """
        gold = self.gold or {}
        if gold_key == "dialogue":
            known = {name: gold[name] for name in DIALOGUE_FIELDS if name in gold}
            return _dialogue(self.messages or "[]", canonical_json(known))
        if gold_key == "language":
            said = gold.get("target_language") or self.language
            return said or (_target(self.messages) if self.messages else None)
        if gold_key == "tokens":
            return self.tokens
        return None if gold_key is None else gold.get(gold_key)


@functools.lru_cache(maxsize=4096)  # a prompt's samples follow each other
def _target(messages: str) -> str:
    """Gives the language in which a conversation asks for its next message; `und` where nothing tells."""
    from columnar.mixing import target_of  # noqa: PLC0415 - its model, which only prompts without a language need

    turns = [(turn.get("role"), str(turn.get("content") or "")) for turn in json.loads(messages)]
    asked = [content for role, content in turns if role == "user"] or [content for _, content in turns[-1:]]
    system = "\n".join(content for role, content in turns if role == "system")
    return target_of(asked[-1] if asked else "", system=system)


@functools.lru_cache(maxsize=512)  # one object for all samples of a prompt
def _dialogue(messages: str, gold: str) -> dict[str, Any]:
    """Gives the gold of a judge: the question, and what of the prompt's gold helps to judge an answer."""
    return {"messages": json.loads(messages), **json.loads(gold)}
