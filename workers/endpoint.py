"""Client for any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp's server or a hosted API.

Touches the network and the environment variable that holds the endpoint's key, nothing else. A key is read when a request is
made; it stands in no object, representation, log or error. What is sent and read is told in `workers.openai_api`.
"""

import contextlib
import dataclasses
import email.utils
import json
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import httpx

from schemas.errors import UserError
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
    "SampleRequest",
    "Sampling",
    "open_client",
    "sample",
    "sample_many",
]

logger = logging.getLogger(__name__)

#: What went wrong: no answer in time; an answer with an error status; an answer that is cut or is not what the API
#: promises; no connection.
ErrorKind = Literal["timeout", "http_status", "malformed", "refused"]

#: A longer answer is malformed. A token is seldom more than 20 bytes of JSON, so this holds a million of them.
MAX_REPLY_BYTES = 32 * 1024 * 1024

_RETRIED_STATUS = frozenset({408, 425, 429})  # and every 5xx
_MAX_DETAIL_CHARACTERS = 300
_MAX_BACKOFF_SECONDS = 60.0


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
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
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
    if client is None:
        with open_client(endpoint) as own:
            return sample(endpoint, messages, sampling, seed, client=own)
    key = endpoint.api_key()
    url = endpoint.url + request_path(sampling)
    request = client.build_request(
        "POST",
        url,
        json=request_body(endpoint.model, messages, sampling, seed),
        headers={} if key is None else {"Authorization": f"Bearer {key}"},
    )
    deadline = time.monotonic() + endpoint.budget_seconds
    attempt = 1
    while True:
        try:
            return read_completion(_ask_once(client, request, endpoint, deadline), sampling, endpoint.prefill_echo)
        except MalformedReplyError as error:
            failure = _Failure("malformed", str(error))
        except _AttemptError as error:
            failure = error.failure
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
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    endpoint.api_key()  # refuse before any work
    waiting: queue.SimpleQueue[tuple[int, SampleRequest]] = queue.SimpleQueue()
    for item in enumerate(requests):
        waiting.put(item)
    answered: queue.SimpleQueue[tuple[int, Completion | Exception]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                index, request = waiting.get_nowait()
            except queue.Empty:
                return
            answered.put((index, _answer(endpoint, request, client)))

    with open_client(endpoint, concurrency) as client:
        for number in range(min(concurrency, len(requests))):
            # Daemons: a thread that waits for a slow answer must not hold up an interrupted command.
            threading.Thread(target=work, name=f"sample-{number}", daemon=True).start()
        try:
            for _ in requests:
                index, answer = answered.get()
                if isinstance(answer, Exception) and not isinstance(answer, EndpointError):
                    raise answer
                yield index, answer
        finally:
            stop.set()


def _answer(endpoint: Endpoint, request: SampleRequest, client: httpx.Client) -> Completion | Exception:
    try:
        return sample(endpoint, request.messages, request.sampling, request.seed, client=client)
    except Exception as error:  # noqa: BLE001 - handed to the caller's thread, which raises what is not an answer
        return error


@dataclasses.dataclass(frozen=True)
class _Failure:
    """Why one attempt gave nothing usable."""

    kind: ErrorKind
    detail: str
    status: int | None = None
    retryable: bool = True
    retry_after: float = 0.0


class _AttemptError(Exception):
    def __init__(self, failure: _Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def _ask_once(client: httpx.Client, request: httpx.Request, endpoint: Endpoint, deadline: float) -> Any:
    """Sends one request and gives the JSON value of its answer."""
    silence = max(0.001, min(endpoint.timeout_seconds, deadline - time.monotonic()))
    request.extensions = {"timeout": httpx.Timeout(silence, pool=None).as_dict()}
    try:
        response = client.send(request, stream=True)
        try:
            content = _read(response, deadline)
        finally:
            response.close()
    except httpx.TimeoutException as error:
        raise _AttemptError(_Failure("timeout", f"no answer within {silence:.3g} s ({type(error).__name__})")) from None
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError) as error:
        raise _AttemptError(_Failure("malformed", f"the answer broke off or is not HTTP: {error}")) from None
    except httpx.TransportError as error:
        raise _AttemptError(_Failure("refused", f"no connection: {error}")) from None
    if not response.is_success:
        raise _AttemptError(_status_failure(response, content))
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _AttemptError(_Failure("malformed", f"the answer is not JSON ({error}): {content[:80]!r}")) from None


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Reads a body within the sample's budget, also from a server that keeps sending a little."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_REPLY_BYTES:
            raise _AttemptError(
                _Failure("malformed", f"the answer is longer than {MAX_REPLY_BYTES} bytes", retryable=False)
            )
        if time.monotonic() > deadline:
            raise _AttemptError(_Failure("timeout", "the answer was still coming when the sample's budget ended"))
    return bytes(content)


def _status_failure(response: httpx.Response, content: bytes) -> _Failure:
    status = response.status_code
    return _Failure(
        "http_status",
        _server_words(content) or response.reason_phrase or "no message",
        status=status,
        retryable=status in _RETRIED_STATUS or status >= httpx.codes.INTERNAL_SERVER_ERROR,
        retry_after=_retry_after(response.headers.get("Retry-After", "")),
    )


def _server_words(content: bytes) -> str:
    """Gives the message of an error body, or the body's text."""
    try:
        body = json.loads(content)
    except ValueError:
        return content.decode(errors="replace").strip()
    for name in ("error", "message", "detail"):
        if isinstance(body, dict) and name in body:
            body = body[name]
    return str(body).strip()


def _retry_after(header: str) -> float:
    """Reads the seconds of a ``Retry-After`` header in either of its two forms; 0 where it is absent or unreadable."""
    header = header.strip()
    if header.isdecimal():
        return float(header)
    with contextlib.suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    return 0.0


def _backoff(endpoint: Endpoint, attempt: int) -> float:
    seconds = min(_MAX_BACKOFF_SECONDS, endpoint.backoff_seconds * 2.0 ** (attempt - 1))
    return seconds * random.uniform(0.75, 1.25)  # many workers must not come back at once


def _fit_to_show(detail: str, key: str | None) -> str:
    """Strikes the key from a server's words, which some repeat, and shortens them."""
    return (detail if key is None else detail.replace(key, "***"))[:_MAX_DETAIL_CHARACTERS]
