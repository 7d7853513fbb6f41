"""Which of two similar documents stays: one number a document, the smaller is preferred. Pure, over Arrow.

The number and then the id make the order in which near-deduplication goes through the documents. `first` orders by the dump's
rank alone, so a later dump never changes what an earlier one has kept; the other policies order by what a document is, and are
for jobs that see all of their documents at once.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.keys import Uint32s, Uint64s
from schemas.steps import Keep

#: Bits of a value (length, time, signal) in an order number, and of the dump's rank beside it.
VALUE_BITS = 40
DUMP_BITS = 24
_GREATEST = np.uint64((1 << VALUE_BITS) - 1)
_SIGN = np.uint64(1 << 63)


def order_numbers(batch: pa.RecordBatch, dump: Uint32s, keep: Keep, keep_by: str | None) -> Uint64s:
    """Gives the order number of each document.

    Args:
        batch: of the documents contract, with the column `keep_by` if there is one.
        dump: rank of each document's dump. For `newest` the newest dump has rank 0.
        keep: `first`: the earliest dump; `longest`: most characters, then the earliest dump; `newest`: the latest dump, in it
            the latest timestamp in whole seconds, one without being the oldest; `best`: the highest value of `keep_by`, to 28
            binary digits, then the earliest dump; null and NaN are the lowest.
        keep_by: a numeric column, for `best`.

    Returns:
        uint64[batch.num_rows].

    Raises:
        ValueError: there are more than 2^24 dumps.
    """
    if dump.size and int(dump.max()) >> DUMP_BITS:
        raise ValueError(f"more than {1 << DUMP_BITS} dumps")
    rank = dump.astype(np.uint64)
    if keep == "first":
        return rank
    if keep == "newest":
        return rank << np.uint64(VALUE_BITS) | (_GREATEST - _seconds(batch["timestamp"]))
    value = _lengths(batch["text"]) if keep == "longest" else sortable(batch[keep_by])
    return (_GREATEST - value) << np.uint64(DUMP_BITS) | rank


def _lengths(texts: pa.Array) -> Uint64s:
    lengths: Uint64s = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.uint64)
    return np.minimum(lengths, _GREATEST)


def _seconds(timestamps: pa.Array) -> Uint64s:
    """Gives whole seconds since 1970 plus one; 0 where there is no time or an earlier one."""
    micros = pc.fill_null(timestamps.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return np.minimum(np.where(micros < 0, 0, micros // 1_000_000 + 1).astype(np.uint64), _GREATEST)


def sortable(values: pa.Array) -> Uint64s:
    """Gives numbers as unsigned ones of `VALUE_BITS` bits in the same order: sign, exponent and 28 binary digits; null and NaN 0."""
    floats: npt.NDArray[np.float64] = pc.fill_null(values.cast(pa.float64()), float("nan")).to_numpy(
        zero_copy_only=False
    )
    bits = np.ascontiguousarray(floats + 0.0).view(np.uint64)  # minus zero becomes zero
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN) >> np.uint64(64 - VALUE_BITS)
    return np.where(np.isnan(floats), np.uint64(0), ordered)
