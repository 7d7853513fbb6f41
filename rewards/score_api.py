"""The APIs of served reward models as data: what is sent for conversations, and how the scores are read. Pure.

| api | path | server | takes |
| --- | --- | --- | --- |
| `score` | `/v1/score` | vLLM | pairs of question and answer, many a request |
| `pooling` | `/pooling` | vLLM | messages, one conversation a request; with a chat template texts, many a request |
| `classify` | `/classify` | vLLM, SGLang's `/v1/classify` likewise | the same |
| `sglang` | `/classify` | SGLang | texts under a chat template, many a request |
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rewards.dialogue import Dialogue
from rewards.endpoints import JsonRequest

ScoreApi = Literal["score", "pooling", "classify", "sglang"]

_PATHS: Final[Mapping[ScoreApi, str]] = {
    "score": "/v1/score",
    "pooling": "/pooling",
    "classify": "/classify",
    "sglang": "/classify",
}


@dataclass(frozen=True, slots=True)
class ScoreForm:
    """How conversations are sent to a reward model.

    Attributes:
        model: the name under which the server knows it.
        api: see the module.
        chat_template: Jinja, as tokenizers have it; None lets the server apply its own to messages.
        template_tokens: `bos_token`, `eos_token` and what else the template names.
        label: the place of the score among a classifier's outputs; -1 is the last.
        batch: conversations a request, where the API takes several.
        path: in place of the API's own.
        extra: further fields of a request's body (`use_activation: false` gives vLLM's raw scores).
    """

    model: str
    api: ScoreApi
    chat_template: str | None = None
    template_tokens: Mapping[str, str] = field(default_factory=dict)
    label: int = -1
    batch: int = 32
    path: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def per_request(self) -> int:
        """Conversations that one request may hold."""
        return self.batch if self.api == "score" or self.chat_template is not None else 1

    def request(self, conversations: Sequence[tuple[Dialogue, str]]) -> JsonRequest:
        """Gives the request for at most `per_request` conversations, each a dialogue with the answer to score; it reads as many scores.

        Raises:
            ValueError: the chat template does not take the conversation.
        """
        body: dict[str, Any] = {"model": self.model}
        if self.api == "score":
            body["text_1"] = [dialogue.question for dialogue, _ in conversations]
            body["text_2"] = [answer for _, answer in conversations]
        elif self.chat_template is not None:
            texts = [self._text(dialogue, answer) for dialogue, answer in conversations]
            body["text" if self.api == "sglang" else "input"] = texts
        else:
            [(dialogue, answer)] = conversations
            body["messages"] = [*dialogue.messages, {"role": "assistant", "content": answer}]
            # The answer is whole: nothing may be opened after it.
            body["add_generation_prompt"] = False
        read = functools.partial(_READERS[self.api], number=len(conversations), label=self.label)
        return JsonRequest(self.path or _PATHS[self.api], {**body, **self.extra}, read)

    def _text(self, dialogue: Dialogue, answer: str) -> str:
        from jinja2 import TemplateError  # noqa: PLC0415 - only templates of recipes need it

        messages = [*dialogue.messages, {"role": "assistant", "content": answer}]
        try:
            return str(
                compile_template(self.chat_template or "").render(
                    messages=messages, add_generation_prompt=False, **self.template_tokens
                )
            )
        except (TemplateError, TypeError, ArithmeticError, LookupError) as error:
            raise ValueError(f"the chat template does not take this conversation: {error}") from None


@functools.lru_cache(maxsize=16)
def compile_template(source: str) -> Any:
    """Compiles a chat template in Jinja's sandbox, as tokenizers do.

    Raises:
        ValueError: it is no template.
    """
    from jinja2 import TemplateError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = raise_exception
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise ValueError(f"chat_template: {error}") from None


def _read_data(reply: Any, number: int, score: Callable[[Mapping[str, Any]], Any]) -> list[float]:
    """Reads an OpenAI-like list: objects under `data`, each with its `index`."""
    data = reply.get("data") if isinstance(reply, Mapping) else None
    if not isinstance(data, list) or len(data) != number or not all(isinstance(one, Mapping) for one in data):
        raise ValueError(f"the reply has no list of {number} scores under `data`")
    places = [one.get("index", place) for place, one in enumerate(data)]
    if not all(type(place) is int for place in places) or sorted(places) != list(range(number)):
        raise ValueError("the reply numbers its scores wrongly")
    scores = [0.0] * number
    for place, one in zip(places, data, strict=True):
        scores[place] = _finite(score(one))
    return scores


def _read_score(reply: Any, number: int, label: int) -> list[float]:
    del label  # one number a pair
    return _read_data(reply, number, lambda one: one.get("score"))


def _read_probs(reply: Any, number: int, label: int) -> list[float]:
    return _read_data(reply, number, lambda one: _at(one.get("probs"), label))


def _read_pooling(reply: Any, number: int, label: int) -> list[float]:
    def last(one: Mapping[str, Any]) -> Any:
        values = one.get("data")
        if isinstance(values, list) and values and isinstance(values[-1], list):
            values = values[-1]  # a vector a token: the last one has read all
        return _at(values, label)

    return _read_data(reply, number, last)


def _read_sglang(reply: Any, number: int, label: int) -> list[float]:
    found = [reply] if isinstance(reply, Mapping) and number == 1 else reply
    if not isinstance(found, list) or len(found) != number or not all(isinstance(one, Mapping) for one in found):
        raise ValueError(f"the reply is no list of {number} objects")
    return [_finite(_at(one.get("embedding"), label)) for one in found]


_READERS: Final[Mapping[ScoreApi, Callable[..., list[float]]]] = {
    "score": _read_score,
    "pooling": _read_pooling,
    "classify": _read_probs,
    "sglang": _read_sglang,
}


def _at(values: Any, label: int) -> Any:
    if not isinstance(values, list) or not -len(values) <= label < len(values):
        raise ValueError(f"the reply has no output at place {label}")
    return values[label]


def _finite(value: Any) -> float:
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:  # a whole number that no float holds
        pass
    raise ValueError(f"{value!r:.40} in place of a score")
