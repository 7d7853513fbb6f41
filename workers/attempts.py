"""One attempt at one HTTP request: sent once, its answer read within bounds of time and size, and what went wrong named.

Touches the network. Whether and when to try again is decided in `workers.endpoint`.
"""

import contextlib
import dataclasses
import email.utils
import json
import time
import zlib
from collections.abc import Iterator
from typing import Any, Literal

import httpx

#: What went wrong: no answer in time; an answer with an error status; an answer that is cut or is not what the API
#: promises; no connection.
ErrorKind = Literal["timeout", "http_status", "malformed", "refused"]

#: A longer answer is malformed. A token is seldom more than 20 bytes of JSON, so this holds a million of them.
MAX_REPLY_BYTES = 32 * 1024 * 1024

_RETRIED_STATUS = frozenset({408, 425, 429})  # and every 5xx


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why one attempt gave nothing usable."""

    kind: ErrorKind
    detail: str
    status: int | None = None
    retryable: bool = True
    retry_after: float = 0.0


class AttemptError(Exception):
    """One attempt gave nothing usable.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def ask_once(client: httpx.Client, request: httpx.Request, timeout_seconds: float, deadline: float) -> Any:
    """Sends one request and gives the JSON value of its answer.

    Args:
        client: connections to use.
        request: what to send.
        timeout_seconds: longest silence that is endured.
        deadline: on the monotonic clock; the answer must have come by then.

    Raises:
        AttemptError: there is no JSON value.
    """
    silence = max(0.001, min(timeout_seconds, deadline - time.monotonic()))
    request.extensions = {"timeout": httpx.Timeout(silence, pool=None).as_dict()}
    request.headers["Accept-Encoding"] = "identity"
    try:
        response = client.send(request, stream=True)
        try:
            content = _read(response, deadline)
        finally:
            response.close()
    except httpx.TimeoutException as error:
        raise AttemptError(Failure("timeout", f"no answer within {silence:.3g} s ({type(error).__name__})")) from None
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError) as error:
        raise AttemptError(Failure("malformed", f"the answer broke off or is not HTTP: {error}")) from None
    except httpx.TransportError as error:
        raise AttemptError(Failure("refused", f"no connection: {error}")) from None
    if not response.is_success:
        raise AttemptError(_status_failure(response, content))
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AttemptError(Failure("malformed", f"the answer is not JSON ({error}): {content[:80]!r}")) from None


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Reads a body within the sample's budget, also from a server that keeps sending a little."""
    content = bytearray()
    for chunk in _unpacked(response):
        content += chunk
        if len(content) > MAX_REPLY_BYTES:
            raise AttemptError(
                Failure("malformed", f"the answer is longer than {MAX_REPLY_BYTES} bytes", retryable=False)
            )
        if time.monotonic() > deadline:
            raise AttemptError(Failure("timeout", "the answer was still coming when the sample's budget ended"))
    return bytes(content)


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    """Gives a body piece by piece, none far over `MAX_REPLY_BYTES`.

    httpx unpacks a chunk as a whole and packings within packings, so that ten kilobytes become gigabytes. Here one packing is undone,
    of a server that packs though it was asked not to.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        yield from response.iter_raw()
        return
    if encoding not in {"gzip", "deflate"}:
        raise AttemptError(Failure("malformed", f"the answer is packed as {encoding[:40]!r}", retryable=False))
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # reads the header of either
    try:
        for chunk in response.iter_raw():
            yield unpacker.decompress(chunk, MAX_REPLY_BYTES + 1)
    except zlib.error as error:
        raise AttemptError(Failure("malformed", f"the answer cannot be unpacked: {error}")) from None


def _status_failure(response: httpx.Response, content: bytes) -> Failure:
    status = response.status_code
    return Failure(
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
    except (ValueError, RecursionError):
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
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    return 0.0
