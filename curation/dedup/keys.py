"""The numbers that stand for documents in a shuffle: ids as two 64-bit halves, hashes cut into ranges. Pure."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Uint64s = npt.NDArray[np.uint64]
Uint32s = npt.NDArray[np.uint32]

_ID_CHARS = 32
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_NIBBLE = np.full(256, 255, np.uint8)
_NIBBLE[_HEX] = np.arange(16, dtype=np.uint8)


def split_ids(ids: pa.StringArray) -> tuple[Uint64s, Uint64s]:
    """Gives ids of 32 hex digits as their high and low 64 bits; numbers sort as the texts do.

    Raises:
        ValueError: if an id is not 32 lower-case hex digits; names the first such.
    """
    if len(ids) == 0:
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    _, offsets, data = ids.cast(pa.string()).buffers()
    ends = np.frombuffer(offsets, np.int32, len(ids) + 1, ids.offset * 4)
    chars = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    if ids.null_count or (np.diff(ends) != _ID_CHARS).any() or (nibbles := _NIBBLE[chars]).max() > 15:
        wrong = next(str(item) for item in ids.to_pylist() if item is None or not _is_id(item))
        raise ValueError(f"{wrong!r} is no document id of 32 hex digits")
    pairs = nibbles.reshape(-1, 2)
    halves = ((pairs[:, 0] << 4) | pairs[:, 1]).reshape(-1, 16).view(">u8").astype(np.uint64)
    return np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1])


def join_ids(high: Uint64s, low: Uint64s) -> pa.StringArray:
    """Gives the ids back that `split_ids` took apart."""
    halves = np.empty((len(high), 2), ">u8")
    halves[:, 0], halves[:, 1] = high, low
    octets = halves.view(np.uint8).reshape(-1)
    chars = np.empty(octets.size * 2, np.uint8)
    chars[0::2], chars[1::2] = _HEX[octets >> 4], _HEX[octets & 15]
    ends = np.arange(0, chars.size + 1, _ID_CHARS, dtype=np.int32)
    return pa.StringArray.from_buffers(len(high), pa.py_buffer(ends), pa.py_buffer(chars))


def _is_id(text: str) -> bool:
    return len(text) == _ID_CHARS and set(text) <= set("0123456789abcdef")


def hash_range(hashes: Uint64s, ranges: int) -> npt.NDArray[np.int64]:
    """Gives the range, 0..ranges - 1, that each 64-bit hash falls into; ranges are equally wide and in the hashes' order."""
    return ((hashes >> np.uint64(32)) * np.uint64(ranges) >> np.uint64(32)).astype(np.int64)


def pack(shard: Uint32s, row: Uint32s) -> Uint64s:
    """Packs a pointer (shard, row) into one number that sorts as the pair does."""
    return shard.astype(np.uint64) << np.uint64(32) | row.astype(np.uint64)


def unpack(packed: Uint64s) -> tuple[Uint32s, Uint32s]:
    """Gives the pointers back that `pack` packed."""
    return (packed >> np.uint64(32)).astype(np.uint32), packed.astype(np.uint32)


def runs(sorted_keys: Uint64s) -> npt.NDArray[np.int64]:
    """Gives where each run of equal values begins, and at the end the length."""
    if sorted_keys.size == 0:
        return np.zeros(1, np.int64)
    changes = np.flatnonzero(sorted_keys[1:] != sorted_keys[:-1]) + 1
    return np.concatenate(([0], changes, [sorted_keys.size])).astype(np.int64)
