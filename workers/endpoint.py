"""Client for any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp's server or a hosted API.

Touches the network and the environment variable that holds the endpoint's key, nothing else. A key is read when a request is
made; it stands in no object, representation, log or error. What is sent and read is told in `workers.openai_api`.
"""

import dataclasses
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import httpx

from schemas.errors import UserError
from workers.attempts import AttemptError, ErrorKind, Failure, ask_once
from workers.openai_api import (
    Completion,
    MalformedReplyError,
    PrefillEcho,
    Sampling,
    read_completion,
    request_body,
    request_path,
)

__all__ = [
    "Completion",
    "Endpoint",
    "EndpointError",
    "ErrorKind",
    "Meter",
    "SampleRequest",
    "Sampling",
    "ask_many",
    "open_client",
    "post_json",
    "sample",
    "sample_many",
]

logger = logging.getLogger(__name__)

_MAX_DETAIL_CHARACTERS = 300
_MAX_BACKOFF_SECONDS = 60.0
_GRACE_SECONDS = 5.0
_LOOK_SECONDS = 0.5

_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")


@dataclasses.dataclass(frozen=True, repr=False)
class Endpoint:
    """Where a model is served, and how patiently it is asked. Holds no secret.

    Attributes:
        base_url: up to and with the version, ``https://host/v1``; without user, password or query.
        model: the name under which the server knows the model.
        api_key_env: name of the environment variable that holds the key; None sends none.
        timeout_seconds: longest silence that one attempt endures.
        retries: attempts after the first, on connection errors, time-outs, unreadable answers and status 408, 425, 429, 5xx.
        backoff_seconds: pause before the first retry; doubles each time up to a minute, with jitter. A server's longer
            ``Retry-After`` is honoured.
        budget_seconds: a sample's whole time, attempts and pauses together. No retry begins that it cannot hold.
        prefill_echo: whether a chat reply begins with the prefill; see `workers.openai_api.PrefillEcho`.
    """

    base_url: str
    model: str
    api_key_env: str | None = None
    timeout_seconds: float = 120.0
    retries: int = 5
    backoff_seconds: float = 0.5
    budget_seconds: float = 600.0
    prefill_echo: PrefillEcho = "auto"

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL:  # its message may show a password
            raise UserError("the endpoint's base URL cannot be read") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise UserError("an endpoint's base URL begins with http:// or https:// and names a host")
        if url.userinfo or url.query or url.fragment:
            raise UserError(
                f"{self.url}: a base URL holds no user, password, query or fragment; give a key by the name of its "
                "environment variable"
            )
        if not self.model:
            raise UserError(f"{self.url}: an endpoint needs the name of a model")

    @property
    def url(self) -> str:
        """The base URL without a trailing slash, as it may be shown and recorded."""
        return str(httpx.URL(self.base_url).copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")

    def __repr__(self) -> str:
        return f"Endpoint(url={self.url!r}, model={self.model!r}, api_key_env={self.api_key_env!r})"

    def api_key(self) -> str | None:
        """Reads the key from its environment variable.

        Raises:
            UserError: names the variable that is not set.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise UserError(f"{self.url}: the environment variable {self.api_key_env}, named for the key, is not set")
        return key


class SampleRequest(NamedTuple):
    """One sample to be made: the prompt's messages ({role, content}), the settings, and the sample's seed (31 bits)."""

    messages: Sequence[Mapping[str, Any]]
    sampling: Sampling
    seed: int


class Meter(Protocol):
    """Counts what one request spends, attempt by attempt."""

    def begin(self) -> None:
        """Called before each attempt; what it raises ends the request."""

    def end(self, reply: Any, *, billed: bool) -> None:
        """Called after each attempt with the reply's JSON value, None where there is none; `billed` where it may have cost."""


class EndpointError(Exception):
    """The endpoint gave no usable answer: never the model's failure. Can be pickled; names no secret.

    Attributes:
        kind: see `ErrorKind`.
        url: the address that was asked.
        detail: what happened, in the server's words where it has any.
        status: the HTTP status, for kind ``http_status``.
        attempts: how often it was tried.
    """

    def __init__(self, kind: ErrorKind, url: str, detail: str, *, status: int | None = None, attempts: int = 1) -> None:
        super().__init__(kind, url, detail)
        self.kind: ErrorKind = kind
        self.url = url
        self.detail = detail
        self.status = status
        self.attempts = attempts

    def __str__(self) -> str:
        what = self.kind if self.status is None else f"{self.kind} {self.status}"
        return f"{self.url}: {what} after {self.attempts} attempt{'s' * (self.attempts != 1)}: {self.detail}"


def open_client(endpoint: Endpoint, connections: int = 1) -> httpx.Client:
    """Opens the connections that `sample` may share between calls and threads; the caller closes them.

    The environment's proxies apply, except for an endpoint on this machine.
    """
    local = httpx.URL(endpoint.base_url).host in {"localhost", "127.0.0.1", "::1"}
    # The threads that ask bound the connections; one that hangs must not keep another from its own.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=connections)
    return httpx.Client(limits=limits, trust_env=not local)


def sample(
    endpoint: Endpoint,
    messages: Sequence[Mapping[str, Any]],
    sampling: Sampling,
    seed: int,
    *,
    client: httpx.Client | None = None,
) -> Completion:
    """Asks for one completion, and again where asking again can help.

    Args:
        endpoint: whom to ask.
        messages: the prompt, {role, content} each, ending before the answer.
        sampling: how to sample.
        seed: of this sample, see `schemas.ids.sample_seed`; not sent when the sampling is not seeded.
        client: connections to use, from `open_client`; without them one is opened for this call.

    Raises:
        EndpointError: no usable answer within the endpoint's retries and budget.
        UserError: the key's environment variable is not set, or the messages do not fit the API.
    """
    return post_json(
        endpoint,
        endpoint.url + request_path(sampling),
        request_body(endpoint.model, messages, sampling, seed),
        lambda reply: read_completion(reply, sampling, endpoint.prefill_echo),
        client=client,
    )


def post_json(
    endpoint: Endpoint,
    url: str,
    body: Mapping[str, Any],
    read: Callable[[Any], _Answer],
    *,
    client: httpx.Client | None = None,
    meter: Meter | None = None,
) -> _Answer:
    """Sends a JSON body and reads the reply, and does so again where asking again can help.

    Args:
        endpoint: whose key, retries and budget apply; its model and base URL do not.
        url: where to send it.
        body: a JSON object.
        read: gives what is wanted of the reply's JSON value, and raises `MalformedReplyError` where it is not there.
        client: connections to use, from `open_client`; without them one is opened for this call.
        meter: asked before each attempt and told of each reply.

    Raises:
        EndpointError: no usable answer within the endpoint's retries and budget.
        UserError: the key's environment variable is not set.
    """
    if client is None:
        with open_client(endpoint) as own:
            return post_json(endpoint, url, body, read, client=own, meter=meter)
    key = endpoint.api_key()
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    request = client.build_request("POST", url, json=body, headers=headers)
    deadline = time.monotonic() + endpoint.budget_seconds
    attempt = 1
    while True:
        if meter is not None:
            meter.begin()
        try:
            reply = ask_once(client, request, endpoint.timeout_seconds, deadline)
        except AttemptError as error:
            failure = error.failure
            if meter is not None:
                meter.end(None, billed=failure.kind in {"timeout", "malformed"})
        else:
            if meter is not None:
                meter.end(reply, billed=True)
            try:
                return read(reply)
            except MalformedReplyError as error:
                failure = Failure("malformed", str(error))
        pause = max(failure.retry_after, _backoff(endpoint, attempt))
        if not failure.retryable or attempt > endpoint.retries or time.monotonic() + pause >= deadline:
            raise EndpointError(
                failure.kind, url, _fit_to_show(failure.detail, key), status=failure.status, attempts=attempt
            )
        logger.info(
            "endpoint_retry kind=%s status=%s attempt=%s pause=%.2f", failure.kind, failure.status, attempt, pause
        )
        time.sleep(pause)
        attempt += 1


def sample_many(
    endpoint: Endpoint, requests: Sequence[SampleRequest], concurrency: int
) -> Iterator[tuple[int, Completion | EndpointError]]:
    """Asks for many completions at once and gives each as it comes, with the index of its request.

    A request that fails gives its error in place of a completion and disturbs no other. Closing the iterator drops what has not
    begun and abandons what is under way.

    Args:
        endpoint: whom to ask.
        requests: what to ask.
        concurrency: requests under way at a time, at least 1.

    Raises:
        UserError: the key's environment variable is not set, or messages do not fit the API.
    """

    def ask(request: SampleRequest, client: httpx.Client) -> Completion:
        return sample(endpoint, request.messages, request.sampling, request.seed, client=client)

    return ask_many(endpoint, requests, ask, concurrency)


def ask_many(
    endpoint: Endpoint,
    requests: Sequence[_Request],
    ask: Callable[[_Request, httpx.Client], _Answer],
    concurrency: int,
) -> Iterator[tuple[int, _Answer | EndpointError]]:
    """Calls `ask` for each request from several threads over shared connections; gives answers as `sample_many` does.

    Raises:
        UserError: the key's environment variable is not set.
        Exception: what `ask` raises that is no EndpointError.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    endpoint.api_key()  # refuse before any work
    with open_client(endpoint, concurrency) as client:
        asking = _Asking(requests, lambda request: ask(request, client), endpoint)
        for _ in range(min(concurrency, len(requests))):
            asking.start_thread()
        left = set(range(len(requests)))
        try:
            while left:
                index, answer = asking.next_answer()
                if isinstance(answer, Exception) and not isinstance(answer, EndpointError):
                    raise answer
                if index in left:  # not one that was given up
                    left.discard(index)
                    yield index, answer
        finally:
            asking.stop.set()


class _Asking(Generic[_Request, _Answer]):
    """Requests on their way through threads, each known by its index."""

    def __init__(self, requests: Sequence[_Request], ask: Callable[[_Request], _Answer], endpoint: Endpoint) -> None:
        self.stop = threading.Event()
        self._ask = ask
        self._endpoint = endpoint
        self._waiting: queue.SimpleQueue[tuple[int, _Request]] = queue.SimpleQueue()
        for item in enumerate(requests):
            self._waiting.put(item)
        self._answered: queue.SimpleQueue[tuple[int, _Answer | Exception]] = queue.SimpleQueue()
        self._begun: dict[int, float] = {}  # what is under way, and since when

    def start_thread(self) -> None:
        # Daemons: a thread that waits for a slow answer must not hold up an interrupted command.
        threading.Thread(target=self._work, name="sample", daemon=True).start()

    def _work(self) -> None:
        while not self.stop.is_set():
            try:
                index, request = self._waiting.get_nowait()
            except queue.Empty:
                return
            self._begun[index] = time.monotonic()
            try:
                self._answered.put((index, self._ask(request)))
            except Exception as error:  # noqa: BLE001 - handed to the caller's thread, which raises what is not an answer
                self._answered.put((index, error))

    def next_answer(self) -> tuple[int, _Answer | Exception]:
        """Waits for an answer, or gives up a request that should long have ended; another thread takes the place of its own.

        No time-out of ours reaches a look-up of a name, or headers that come byte by byte.
        """
        while True:
            try:
                index, answer = self._answered.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                latest = time.monotonic() - self._endpoint.budget_seconds - _GRACE_SECONDS
                late = [index for index, at in list(self._begun.items()) if at < latest]
                if not late:
                    continue
                self.start_thread()
                index, answer = (
                    late[0],
                    EndpointError("timeout", self._endpoint.url, "it hung beyond the sample's budget"),
                )
            self._begun.pop(index, None)
            return index, answer


def _backoff(endpoint: Endpoint, attempt: int) -> float:
    seconds = min(_MAX_BACKOFF_SECONDS, endpoint.backoff_seconds * 2.0 ** (attempt - 1))
    return seconds * random.uniform(0.75, 1.25)  # many workers must not come back at once


def _fit_to_show(detail: str, key: str | None) -> str:
    """Strikes the key from a server's words, which some repeat, and shortens them."""
    return (detail if key is None else detail.replace(key, "***"))[:_MAX_DETAIL_CHARACTERS]
