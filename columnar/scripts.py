"""Which scripts a text is written in: runs with positions, and counts for whole columns. Pure: no I/O.

Scripts are named by their ISO 15924 codes as in `columnar.codepoints.SCRIPTS`; those that only historians write are `Zzzz`.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import COMMON, INHERITED, LETTER, SCRIPTS, code_points, properties, script_numbers
from columnar.text import buffers, decode


class ScriptRun(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text, all of one script."""

    start: int
    end: int
    script: str


def script_runs(text: str) -> list[ScriptRun]:
    """Splits a text into runs of one script; together they cover it.

    Characters that all scripts share (Zyyy: digits, punctuation, spaces, symbols) and marks (Zinh) belong to the run before them,
    or, at the beginning, to the first run. A text of nothing else is one run of `Zyyy`; an empty text has no run.
    """
    if not text:
        return []
    numbers = resolved_scripts(script_numbers()[code_points(text)])
    starts = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
    ends = [*starts[1:], len(text)]
    return [ScriptRun(start, end, SCRIPTS[numbers[start]]) for start, end in zip(starts, ends, strict=True)]


def resolved_scripts(numbers: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Gives shared characters and marks the script number of the character before them, or of the first that has one."""
    own = (numbers != COMMON) & (numbers != INHERITED)
    if not own.any():
        return np.full(numbers.size, COMMON, np.int16)
    last_own = np.maximum.accumulate(np.where(own, np.arange(numbers.size), -1))
    last_own[last_own < 0] = np.argmax(own)
    return numbers[last_own].astype(np.int16)


def script_counts(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Counts the letters of each script in each document.

    Returns:
        int64[len(texts), len(SCRIPTS)]: characters of a letter category, by column as `SCRIPTS` orders them.

    Raises:
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    offsets, data = buffers(texts)
    counts = np.zeros((len(texts), len(SCRIPTS)), np.int64)
    _count_scripts(offsets, data, properties(), script_numbers(), counts)
    return counts


_LATIN = SCRIPTS.index("Latn")
_IS_LETTER = np.array([b < 0x80 and chr(b).isalpha() for b in range(256)], np.bool_)


@nb.njit(cache=True, nogil=True)
def _count_scripts(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint8],
    scripts: npt.NDArray[np.uint8],
    out: npt.NDArray[np.int64],
) -> None:
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        latin = 0
        while at < end:
            if data[at] < 0x80:
                latin += _IS_LETTER[data[at]]
                at += 1
                continue
            point, size = decode(data, at, end)
            at += size
            if table[point] & LETTER:
                out[i, scripts[point]] += 1
        out[i, _LATIN] += latin
