"""Messages between the host, the judge and the program: bytes behind a four-byte length, over a stream socket. Nothing is unpickled."""

import _socket
import socket
import struct
from typing import Final

_LENGTH: Final = struct.Struct(">I")
_NUMBER: Final = struct.Struct("=i")
_CHUNK: Final = 1 << 13
_HANDED_SPACE: Final = socket.CMSG_LEN(4 * _NUMBER.size)
"""For up to four descriptors."""


def handing(*descriptors: int) -> tuple[int, int, bytes]:
    """Gives what goes beside a message for its receiver to have these descriptors too."""
    return socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"={len(descriptors)}i", *descriptors)


def receive_handed(peer: _socket.socket, max_bytes: int) -> tuple[bytes, list[int]]:
    """Receives at most so many bytes with up to four descriptors, which no program started later inherits (`recv_fds` cannot do that)."""
    data, ancillary, _, _ = peer.recvmsg(max_bytes, _HANDED_SPACE, socket.MSG_CMSG_CLOEXEC)
    descriptors: list[int] = []
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            whole = content[: len(content) - len(content) % _NUMBER.size]
            descriptors.extend(number for (number,) in _NUMBER.iter_unpack(whole))
    return data, descriptors


class TooLongError(Exception):
    """The peer announced a message over the limit."""


class Channel:
    """One end of a socket that carries messages; not for several threads at once.

    Args:
        peer: the socket; the channel owns it.
        max_bytes: the longest message that is received.
    """

    __slots__ = ("_rest", "max_bytes", "peer")

    def __init__(self, peer: _socket.socket, max_bytes: int) -> None:
        self.peer = peer
        self.max_bytes = max_bytes
        self._rest = b""

    def send(self, body: bytes, descriptors: tuple[int, ...] = ()) -> None:
        """Sends one message, and descriptors with its first bytes. Raises OSError when the peer is gone."""
        data = _LENGTH.pack(len(body)) + body
        if descriptors:
            data = data[self.peer.sendmsg([data], [handing(*descriptors)]) :]
        if data:  # who has read all of it may be gone already
            self.peer.sendall(data)

    def receive(self) -> bytes:
        """Receives one message.

        Raises:
            EOFError: the peer closed its end.
            TooLongError: for a message over `max_bytes`; the channel is of no more use then.
            OSError: the connection broke.
        """
        data = self._rest
        while len(data) < _LENGTH.size:
            part = self.peer.recv(_CHUNK)
            if not part:
                raise EOFError
            data += part
        (length,) = _LENGTH.unpack_from(data)
        if length > self.max_bytes:
            raise TooLongError(length)
        end = _LENGTH.size + length
        if len(data) < end:
            parts = [data]
            missing = end - len(data)
            while missing > 0:
                part = self.peer.recv(min(max(missing, _CHUNK), 1 << 20))
                if not part:
                    raise EOFError
                parts.append(part)
                missing -= len(part)
            data = b"".join(parts)
        self._rest = data[end:]
        return data[_LENGTH.size : end]

    def receive_with_descriptors(self) -> tuple[bytes, list[int]]:
        """Receives one message of a peer who waits for its answer, with the descriptors that came with it. Raises as `receive`."""
        data, descriptors = receive_handed(self.peer, _CHUNK)
        if not data:
            raise EOFError
        self._rest = data
        return self.receive(), descriptors
