"""Messages between a pool and its processes: JSON behind a four-byte length, over a stream socket. Nothing is ever unpickled."""

import json
import socket
import struct
from typing import Any, Final

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
"""The longest message that is read; a longer one means a broken peer."""

_LENGTH: Final = struct.Struct(">I")


class FrameError(Exception):
    """The peer went away in the middle of a message or sent something that is not one."""


def send_frame(peer: socket.socket, message: Any) -> None:
    """Sends one JSON value. ASCII escapes carry lone surrogates through unharmed.

    Raises:
        FrameError: for a message over `MAX_FRAME_BYTES`.
        OSError: when the peer is gone.
    """
    body = json.dumps(message, ensure_ascii=True).encode("ascii")
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(f"a message of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    peer.sendall(_LENGTH.pack(len(body)) + body)


def receive_frame(peer: socket.socket) -> Any:
    """Receives one JSON value; waits as long as the socket's own timeout allows.

    Raises:
        EOFError: when the peer closed its end between two messages.
        FrameError: when it closed within one, or sent what is not a message.
        OSError: when the connection broke or the socket's timeout ran out.
    """
    head = _receive_exactly(peer, _LENGTH.size)
    if not head:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > MAX_FRAME_BYTES:
        raise FrameError(f"the peer announces {length} bytes, over the limit of {MAX_FRAME_BYTES}")
    try:
        return json.loads(_receive_exactly(peer, length))
    except ValueError as failure:
        raise FrameError(f"not a JSON message: {failure}") from failure


def _receive_exactly(peer: socket.socket, length: int) -> bytes:
    parts: list[bytes] = []
    missing = length
    while missing:
        part = peer.recv(min(missing, 1 << 20))
        if not part:
            if missing == length:
                return b""
            raise FrameError(f"the peer closed {missing} bytes before the end of a message")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
