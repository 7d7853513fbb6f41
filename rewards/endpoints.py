"""What judges and reward models ask of a model that somebody serves, as Protocols and plain data. Touches no network.

`workers.model_client` speaks to a server; a test or a notebook may hand in any object that has the method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

FailureKind = Literal["timeout", "http_status", "malformed", "refused", "budget_spent"]
"""Why there is no reply: none in time; an error status; a reply that is cut or not what the API promises; no connection; the caps
on what may be spent are reached."""


@dataclass(frozen=True, slots=True)
class EndpointFailure:
    """In the place of a reply: ours, never the judged model's.

    Attributes:
        kind: see `FailureKind`.
        detail: what happened, in the server's words where it has any; holds no secret.
        status: the HTTP status, for kind `http_status`.
    """

    kind: FailureKind
    detail: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion to be made.

    Attributes:
        model: the name under which the server knows the model.
        messages: {role, content} each.
        temperature: 0 takes the likeliest token.
        max_tokens: limit of the reply.
        seed: of this request, 31 bits.
        extra: further fields of the request's body, `response_format` among them.
    """

    model: str
    messages: Sequence[Mapping[str, str]]
    temperature: float
    max_tokens: int
    seed: int
    extra: Mapping[str, Any] = field(default_factory=dict)


class ChatReply(NamedTuple):
    """What came back: the text with its thinking in `<think>` tags, why it ended, and the server's counts where it gives them."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """One JSON body to be sent.

    Attributes:
        path: under the server's root, `/v1/score` or `/classify`.
        body: a JSON object.
        read: gives what is wanted of the reply's JSON value; raises ValueError for a value that is not what the API promises, which
            is then asked for again.
    """

    path: str
    body: Mapping[str, Any]
    read: Callable[[Any], Any]


@runtime_checkable
class ChatEndpoint(Protocol):
    """A served model that writes."""

    def chat(self, requests: Sequence[ChatRequest], /) -> Sequence[ChatReply | EndpointFailure]:
        """Gives the reply of each request, in order, in bounded time; raises nothing for what a server does."""


@runtime_checkable
class JsonEndpoint(Protocol):
    """A server with paths of its own, such as those of reward models."""

    def post(self, requests: Sequence[JsonRequest], /) -> Sequence[Any | EndpointFailure]:
        """Gives what `read` made of each reply, in order, in bounded time; raises nothing for what a server does."""
