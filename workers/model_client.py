"""What `rewards.endpoints` asks for, over HTTP: served judges and reward models, with caps on what is spent.

Touches the network by way of `workers.endpoint`, whose retries, back-off and care with keys apply.
"""

import dataclasses
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import httpx

from rewards.endpoints import ChatReply, ChatRequest, EndpointFailure, JsonRequest
from workers.endpoint import Endpoint, EndpointError, ask_many, post_json
from workers.openai_api import MalformedReplyError, Sampling, read_completion, request_body, request_path
from workers.spending import Account, Budget, BudgetSpentError, Ledger, RequestMeter, Spending

FAILURES_IN_A_ROW: Final = 12
"""After so many requests without a reply, one after the other and each with its retries, the rest of a call is given up."""

#: A chat template adds so many tokens a message at most; a token of text is a byte at least.
_TEMPLATE_TOKENS = 64

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


class ModelClient:
    """A served model: a `ChatEndpoint` and a `JsonEndpoint`. May be shared by threads; holds no connection between calls."""

    def __init__(self, endpoint: Endpoint, *, concurrency: int = 8, budget: Budget | None = None) -> None:
        """Binds an endpoint.

        Args:
            endpoint: where and how patiently to ask. A chat request names its own model.
            concurrency: requests under way at a time, at least 1.
            budget: what may be spent, over the life of this object or the work that `begin` names.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        self._endpoint = endpoint
        self._concurrency = concurrency
        self._ledger = Ledger(budget or Budget())

    @property
    def spent(self) -> Spending:
        """What was spent here so far, or since `begin`."""
        return self._ledger.spent

    @property
    def budget(self) -> Budget:
        """What may be spent."""
        return self._ledger.budget

    @property
    def is_capped(self) -> bool:
        """Whether the budget limits anything that others may spend of it."""
        return self._ledger.is_capped

    def begin(self, work: object, account: Account | None = None) -> None:
        """Begins a piece of work whose spending is booked in `account`, by default its own; another `work` begins the time anew."""
        self._ledger.begin(work, account)

    def chat(self, requests: Sequence[ChatRequest], /) -> list[ChatReply | EndpointFailure]:
        """Gives the reply of each request, in order.

        Raises:
            UserError: the key's environment variable is not set.
        """

        def ask(request: ChatRequest, endpoint: Endpoint, client: httpx.Client) -> ChatReply:
            sampling = Sampling(
                temperature=request.temperature,
                top_p=1.0,
                max_tokens=request.max_tokens,
                extra=dict(request.extra),
            )
            url = endpoint.url + request_path(sampling)
            body = request_body(request.model, request.messages, sampling, request.seed)
            meter = RequestMeter(self._ledger, _most_tokens(body), request.max_tokens)
            read: Callable[[Any], ChatReply] = lambda reply: ChatReply(*read_completion(reply, sampling))  # noqa: E731
            return post_json(endpoint, url, body, read, client=client, meter=meter)

        return self._all(requests, ask)

    def post(self, requests: Sequence[JsonRequest], /) -> list[Any | EndpointFailure]:
        """Gives what `read` made of each reply, in order.

        Raises:
            UserError: the key's environment variable is not set.
        """

        def ask(request: JsonRequest, endpoint: Endpoint, client: httpx.Client) -> Any:
            def read(reply: Any) -> Any:
                try:
                    return request.read(reply)
                except ValueError as error:
                    raise MalformedReplyError(str(error)) from None

            url = endpoint.url.removesuffix("/v1") + request.path
            meter = RequestMeter(self._ledger, _most_tokens(request.body), 0)
            return post_json(endpoint, url, dict(request.body), read, client=client, meter=meter)

        return self._all(requests, ask)

    def _all(
        self, requests: Sequence[_Request], ask: Callable[[_Request, Endpoint, httpx.Client], _Reply]
    ) -> list[_Reply | EndpointFailure]:
        streak = _Streak()

        def guarded(request: _Request, client: httpx.Client) -> _Reply | EndpointFailure:
            if streak.is_hopeless():
                return EndpointFailure("refused", f"given up: the last {FAILURES_IN_A_ROW} requests had no reply")
            try:
                reply = ask(request, self._limited(), client)
            except BudgetSpentError as error:
                return EndpointFailure("budget_spent", str(error))
            except EndpointError as error:
                return streak.failed(self._failure(error))
            streak.succeeded()
            return reply

        replies: list[_Reply | EndpointFailure] = [EndpointFailure("refused", "not asked")] * len(requests)
        for index, reply in ask_many(self._endpoint, requests, guarded, self._concurrency):
            replies[index] = self._failure(reply) if isinstance(reply, EndpointError) else reply
        return replies

    def _limited(self) -> Endpoint:
        """Gives the endpoint with no more time than the budget has left."""
        left = self._ledger.seconds_left()
        if left is None:
            return self._endpoint
        return dataclasses.replace(self._endpoint, budget_seconds=min(self._endpoint.budget_seconds, left))

    def _failure(self, error: EndpointError) -> EndpointFailure:
        if self._ledger.seconds_left() == 0.0:  # what it cut short was cut short by the cap
            return EndpointFailure("budget_spent", "wall_seconds")
        return EndpointFailure(error.kind, error.detail, error.status)


class _Streak:
    """Counts requests in a row that the server left without a reply, so that a dead server does not cost every request its retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0

    def is_hopeless(self) -> bool:
        return self._failures >= FAILURES_IN_A_ROW

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, failure: EndpointFailure) -> EndpointFailure:
        answers = failure.kind == "http_status" and (failure.status or 0) < httpx.codes.INTERNAL_SERVER_ERROR
        with self._lock:  # a refusal of one request says that the server lives, a 429 that it is busy
            self._failures = 0 if answers and failure.status != httpx.codes.TOO_MANY_REQUESTS else self._failures + 1
        return failure


def _most_tokens(body: Any) -> int:
    """Gives a number of tokens that the prompt of a body cannot pass: a token is a byte of its text at least."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")) + _TEMPLATE_TOKENS
