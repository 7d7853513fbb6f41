"""The OpenAI-compatible API as data: the settings of a sample, the body of its request, and the reading of its reply.

Pure: builds and reads JSON values, touches no network and no secret. `workers.endpoint` sends and receives them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from columnar.clean import clean_text
from schemas.errors import UserError

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"

#: Whether a chat reply begins with the prefill. Servers differ: llama.cpp repeats it, vLLM does not. ``auto`` looks at each
#: reply, and so takes an opening that the model itself repeats for an echo.
PrefillEcho = Literal["auto", "yes", "no"]

#: Fields of a request that are set from elsewhere: `Sampling.extra` may not name them.
_OWN_FIELDS = frozenset(
    {"model", "messages", "prompt", "n", "stream", "seed", "stop", "max_tokens", "temperature", "top_p"}
)
_SECRET_NAME = re.compile(r"api[-_]?key|authorization|bearer|secret|password|access[-_]?token", re.IGNORECASE)
_SHOWN_REPLY_CHARACTERS = 200


class Sampling(BaseModel):
    """How a model is sampled: all that shapes the answers beside prompt, model and seed. Recorded with each; holds no secret.

    Attributes:
        api: ``chat`` sends the messages and lets the server apply the model's template; ``completions`` sends the plain
            text of `few_shot_prompt`, for base models.
        temperature: 0 takes the likeliest token.
        top_p: the share of probability that is sampled from.
        max_tokens: limit of a completion in the model's tokens, the prefill apart.
        stop: strings that end a completion; they are not part of it.
        prefill: the beginning of every answer, which the model goes on from (``<think>`` opens the thinking).
        seeded: send each sample's own seed. False for endpoints that refuse the field.
        extra: further fields of the request's body, as the server names them (``top_k``, ``min_p``, ``chat_template_kwargs``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api: Literal["chat", "completions"] = "chat"
    temperature: float = Field(default=0.6, ge=0, allow_inf_nan=False)
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int = Field(default=4096, gt=0)
    stop: tuple[str, ...] = ()
    prefill: str = ""
    seeded: bool = True
    extra: dict[str, Any] = Field(default_factory=dict)

    @field_validator("extra")
    @classmethod
    def _refuse_owned_and_secret(cls, extra: dict[str, Any]) -> dict[str, Any]:
        for name in extra:
            if name in _OWN_FIELDS:
                raise ValueError(f"{name!r} is not an extra field: it is set from elsewhere")
            if _SECRET_NAME.search(name):
                raise ValueError(
                    f"{name!r} looks like a secret; name an environment variable as the endpoint's key instead"
                )
        return extra

    def record(self) -> dict[str, Any]:
        """Gives the JSON object that generations carry and their ids are made from.

        Fields that are not used are left out, so that ids survive a new field of this class.
        """
        used = self.model_dump(mode="json", exclude_defaults=True)
        return {**self.model_dump(mode="json", include={"api", "temperature", "top_p", "max_tokens"}), **used}


class Completion(NamedTuple):
    """One answer. `text` begins with the prefill, so that it stands alone; counts are the server's, None where it gives none."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None


class MalformedReplyError(ValueError):
    """A reply that is not what the API promises. The message shows its beginning."""


def few_shot_prompt(messages: Sequence[Mapping[str, Any]], prefill: str = "") -> str:
    """Gives the plain text of a conversation for base models: ``Question:`` and ``Answer:`` in turn, ending in an open answer.

    Raises:
        UserError: for a role other than system, user, assistant, or a content that is not a string.
    """
    parts = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if not isinstance(content, str):
            raise UserError(f"the completions API takes text only; a {role} message holds {type(content).__name__}")
        match role:
            case "system":
                parts.append(f"{content}\n\n" if content else "")
            case "user":
                parts.append(f"Question: {content}\n")
            case "assistant":
                parts.append(f"Answer: {content}\n\n")
            case _:
                raise UserError(f"the completions API knows system, user and assistant messages, not {role!r}")
    return "".join(parts) + ("Answer: " + prefill if prefill else "Answer:")


def request_path(sampling: Sampling) -> str:
    """Gives the path under the endpoint's base URL that takes these samples."""
    return "/chat/completions" if sampling.api == "chat" else "/completions"


def request_body(model: str, messages: Sequence[Mapping[str, Any]], sampling: Sampling, seed: int) -> dict[str, Any]:
    """Gives the JSON body that asks for one completion.

    Raises:
        UserError: the messages do not fit the completions API.
    """
    body: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.seeded:
        body["seed"] = seed
    if sampling.api == "completions":
        body["prompt"] = few_shot_prompt(messages, sampling.prefill)
    elif sampling.prefill:
        body["messages"] = [*messages, {"role": "assistant", "content": sampling.prefill}]
        # llama.cpp goes on from a trailing assistant message by itself; vLLM and SGLang want to be told.
        body["continue_final_message"] = True
        body["add_generation_prompt"] = False
    else:
        body["messages"] = list(messages)
    return {**body, **sampling.extra}


def read_completion(reply: Any, sampling: Sampling, echo: PrefillEcho = "auto") -> Completion:
    """Reads the completion out of a reply's JSON value.

    Raises:
        MalformedReplyError: the reply holds none.
    """
    try:
        choice = reply["choices"][0]
        reason = choice.get("finish_reason")
        if sampling.api == "completions":
            text = _text(choice["text"])
            text = sampling.prefill + text if sampling.prefill else text.removeprefix(" ")
        else:
            text = _chat_text(choice["message"], reason, sampling.prefill, echo)
    except (KeyError, IndexError, TypeError, AttributeError):
        shown = json.dumps(reply, ensure_ascii=False)[:_SHOWN_REPLY_CHARACTERS]
        raise MalformedReplyError(f"the answer holds no completion: {shown}") from None
    usage = reply.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    reason = None if reason is None else str(reason)
    # JSON can spell NUL and lone surrogates, which neither Arrow nor PostgreSQL hold.
    return Completion(clean_text(text)[0], reason, _count(counts, "prompt_tokens"), _count(counts, "completion_tokens"))


def _chat_text(message: Mapping[str, Any], reason: str | None, prefill: str, echo: PrefillEcho) -> str:
    """Gives the whole answer of a chat message: prefill, thinking and what follows it.

    Servers with a reasoning parser hand the thinking over in a field of its own, without its tags; they are put back. Thinking
    that was cut short stays open.
    """
    content = _text(message.get("content"))
    thinking = _text(message.get("reasoning_content") or message.get("reasoning"))
    if not thinking:
        return _begun_with(prefill, content, echo)
    opened = prefill.removeprefix(THINK_OPEN) if prefill.startswith(THINK_OPEN) else ""
    thinking = THINK_OPEN + _begun_with(opened, thinking, echo)
    if not content and reason == "length":
        return thinking
    return thinking + THINK_CLOSE + content


def _begun_with(prefill: str, text: str, echo: PrefillEcho) -> str:
    if echo == "yes" or (echo == "auto" and text.startswith(prefill)):
        return text
    return prefill + text


def _text(value: Any) -> str:
    """Passes text, takes null for empty, and refuses anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of text")
    return value


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) else None
