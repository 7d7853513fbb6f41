"""Asks a served judge for votes: structured output where the server has it, lost votes asked again, all votes of a batch at once.

The endpoint is handed in; nothing else is touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from rewards.endpoints import ChatEndpoint, ChatRequest, EndpointFailure
from rewards.judge.prompts import Form
from rewards.judge.replies import Reading, read_reply
from rewards.setting_types import check_choice
from schemas.ids import digest

Structured = Literal["auto", "json_schema", "json_object", "none"]

TRIES: Final = 2
"""A vote whose reply cannot be read is asked for so often in all, each time with another seed."""

_LEVELS: Final = ("json_schema", "json_object", "none")
_NOT_SUPPORTED: Final = frozenset({400, 415, 422, 501})
_SHOWN_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class JudgeModel:
    """Which model is asked, and how.

    Attributes:
        model: the name under which the server knows it.
        temperature: 0 takes the likeliest token.
        max_tokens: limit of one reply, the judge's own thinking included.
        structured: what the server is told of the reply's form. `auto` begins with `json_schema` and falls back where it is refused.
        extra: further fields of the request's body.
    """

    model: str
    temperature: float
    max_tokens: int
    structured: Structured = "auto"
    extra: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            ValueError: names the setting.
        """
        if not self.model or not isinstance(self.model, str):
            raise ValueError("model must be the name of the judge, as its server knows it")
        if not 0.0 <= self.temperature <= 2.0:
            raise ValueError(f"temperature must be between 0 and 2, not {self.temperature}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {self.max_tokens}")
        check_choice("structured", self.structured, Structured)


class Ask(NamedTuple):
    """One vote to be asked for: the messages, the judged texts that they hold, and what the vote's seed is made from."""

    messages: Sequence[Mapping[str, str]]
    answers: Sequence[str]
    seed: str


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote.

    Attributes:
        value: the verdict; None where the vote is lost.
        lost: why, empty where it is not.
        analysis: the beginning of what the judge wrote.
        error: what the endpoint said, for a vote that it lost.
    """

    value: str | int | None
    lost: str = ""
    analysis: str = ""
    error: str = ""


class Panel:
    """A judge on an endpoint. Remembers which structured output its server takes."""

    def __init__(self, endpoint: ChatEndpoint, judge: JudgeModel, form: Form) -> None:
        self._endpoint = endpoint
        self._judge = judge
        self._form = form
        self._level = 0 if judge.structured == "auto" else _LEVELS.index(judge.structured)

    def ask(self, asks: Sequence[Ask]) -> list[Ballot]:
        """Gives the vote of each, in order; a vote that cannot be had is lost and says why."""
        ballots = [Ballot(None, "not_asked")] * len(asks)
        left = [_Try(place, self._level) for place in range(len(asks))]
        while left:
            replies = self._endpoint.chat([self._request(asks[one.place], one) for one in left])
            again = []
            for one, reply in zip(left, replies, strict=True):
                if isinstance(reply, EndpointFailure):
                    ballots[one.place] = Ballot(None, reply.kind, error=_described(reply))
                    retry = self._lower(one, reply)
                else:
                    reading = read_reply(reply.text, reply.finish_reason, self._form, asks[one.place].answers)
                    ballots[one.place] = _ballot(reading)
                    self._level = max(self._level, one.level)  # this server has taken it; it refused what is above
                    retry = replace(one, number=one.number + 1) if reading.lost and one.number < TRIES else None
                if retry is not None:
                    again.append(retry)
            left = again
        return ballots

    def _lower(self, one: "_Try", failure: EndpointFailure) -> "_Try | None":
        """Gives the same vote with less structure asked of the server, where that may be what it refused."""
        refused = failure.kind == "http_status" and failure.status in _NOT_SUPPORTED
        if self._judge.structured != "auto" or not refused or one.level + 1 >= len(_LEVELS):
            return None
        return replace(one, level=one.level + 1)

    def _request(self, ask: Ask, one: "_Try") -> ChatRequest:
        extra = dict(self._judge.extra or {})
        if _LEVELS[one.level] == "json_schema":
            schema = {"name": "verdict", "strict": True, "schema": self._form.schema()}
            extra["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif _LEVELS[one.level] == "json_object":
            extra["response_format"] = {"type": "json_object"}
        seed = int(digest("judge", ask.seed, str(one.number))[:8], 16) & 0x7FFFFFFF
        return ChatRequest(
            self._judge.model, ask.messages, self._judge.temperature, self._judge.max_tokens, seed, extra
        )


@dataclass(frozen=True, slots=True)
class _Try:
    """A vote under way: its place in the batch, how structured it is asked for, and how often it was."""

    place: int
    level: int
    number: int = 1


def _ballot(reading: Reading) -> Ballot:
    return Ballot(reading.value, reading.lost, reading.analysis[:_SHOWN_CHARS])


def _described(failure: EndpointFailure) -> str:
    status = "" if failure.status is None else f"{failure.status} "
    return f"{status}{failure.detail}"[:_SHOWN_CHARS]
