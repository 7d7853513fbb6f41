"""Opens plain, gzip and zstd files as one stream of bytes that knows where it broke.

Standard readers raise in the middle of a buffer, or end in silence, when a file is cut. This one gives every byte before the cut,
then ends, and `fault` says what happened. Memory is bounded by the read size whatever a file expands to.
"""

import zlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Self

import zstandard

from schemas.storage import Location

#: Bytes of output asked for at a time, and of stored input fed to zlib at a time.
CHUNK_BYTES = 256 << 10
#: zstd has no bound on the output of one call; a block of 128 KiB takes 4 bytes at least, so this much input gives 64 MB at most.
ZSTD_FEED_BYTES = 2 << 10

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
#: gzip decoding with header and trailer, window of 32 KiB.
_GZIP_WINDOW = 31


class Member(NamedTuple):
    """Where a compressed member starts: in the decompressed stream, and in the file."""

    position: int
    offset: int


class InputStream:
    """A file's decompressed bytes, for sequential reading.

    Attributes:
        fault: why the stream ended early, or None; set at the latest when `read` gives an empty result.
        position: decompressed bytes given so far.
        members: starts of the compressed members seen so far; one at (0, 0) for a plain file.
        compression: gzip, zstd or None; told by the file's first bytes, not by its name.
    """

    def __init__(self, path: Location) -> None:
        """Opens the file.

        Raises:
            OSError: it cannot be opened or its first bytes cannot be read.
        """
        self._file: BinaryIO = path.open("rb")
        magic = self._file.read(len(_ZSTD_MAGIC))
        self._file.seek(0)
        self.fault: str | None = None
        self.position = 0
        self.members = [Member(0, 0)]
        self._stored_bytes = 0  # taken from the file
        self._given_bytes = 0  # decompressed, taken from the decoder
        self._ready = b""
        self._ready_start = 0  # bytes of `_ready` that are given away already
        self.compression: str | None = None
        self._chunks = self._plain()
        if magic.startswith(_GZIP_MAGIC):
            self.compression, self._chunks = "gzip", self._gunzip()
        elif magic == _ZSTD_MAGIC:
            self.compression, self._chunks = "zstd", self._unzstd()

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """Gives up to `size` bytes (`CHUNK_BYTES` for a negative size), and at least one unless the stream has ended."""
        size = size if size >= 0 else CHUNK_BYTES
        if self._ready_start == len(self._ready):
            self._ready, self._ready_start = next(self._chunks, b""), 0
        chunk = self._ready[self._ready_start : self._ready_start + size]
        self._ready_start += len(chunk)
        self.position += len(chunk)
        return chunk

    def tell(self) -> int:
        """Gives `position`."""
        return self.position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Refuses: the stream goes forward only."""
        raise OSError(f"this stream goes forward only (seek to {offset}, whence {whence})")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def locate(self, position: int) -> tuple[int, int]:
        """Finds a byte of the decompressed stream: (file offset of the member that holds it, its distance from the member's start)."""
        member = self.members[bisect_right(self.members, position, key=lambda item: item.position) - 1]
        return member.offset, position - member.position

    def _stored(self, size: int) -> bytes:
        try:
            chunk = self._file.read(size)
        except OSError as error:
            self.fault = f"reading stopped at byte {self._stored_bytes}: {error.strerror or error}"
            return b""
        self._stored_bytes += len(chunk)
        return chunk

    def _plain(self) -> Iterator[bytes]:
        while chunk := self._stored(CHUNK_BYTES):
            yield chunk

    def _cut(self) -> None:
        self.fault = (
            self.fault or f"the {self.compression} stream is cut: the file ends inside it, at byte {self._stored_bytes}"
        )

    def _damaged(self, unread: int, why: object) -> None:
        near = self._stored_bytes - unread
        self.fault = f"the {self.compression} stream is damaged at or before byte {near}: {why}"

    def _gunzip(self) -> Iterator[bytes]:
        decoder = zlib.decompressobj(_GZIP_WINDOW)
        stored = self._stored(CHUNK_BYTES)
        while True:
            try:
                chunk = decoder.decompress(stored, CHUNK_BYTES)
            except zlib.error as error:
                return self._damaged(len(stored), error)
            if chunk:
                self._given_bytes += len(chunk)
                yield chunk
            if decoder.eof:
                # Zeros after a member are padding; anything else must be the next member.
                stored = decoder.unused_data.lstrip(b"\0")
                while not stored:
                    following = self._stored(CHUNK_BYTES)
                    if not following:
                        return None
                    stored = following.lstrip(b"\0")
                self.members.append(Member(self._given_bytes, self._stored_bytes - len(stored)))
                decoder = zlib.decompressobj(_GZIP_WINDOW)
                continue
            stored = decoder.unconsumed_tail
            if not stored and not chunk:
                stored = self._stored(CHUNK_BYTES)
                if not stored:
                    return self._cut()

    def _unzstd(self) -> Iterator[bytes]:
        factory = zstandard.ZstdDecompressor()
        decoder = factory.decompressobj()
        while stored := self._stored(ZSTD_FEED_BYTES):
            while stored:
                if decoder.eof:
                    self.members.append(Member(self._given_bytes, self._stored_bytes - len(stored)))
                    decoder = factory.decompressobj()
                try:
                    chunk = decoder.decompress(stored)
                except zstandard.ZstdError as error:
                    return self._damaged(len(stored), error)
                stored = decoder.unused_data if decoder.eof else b""
                if chunk:
                    self._given_bytes += len(chunk)
                    yield chunk
        if not decoder.eof:
            self._cut()
        return None
