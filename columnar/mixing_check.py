"""The fast check for letters of a foreign script, over whole batches: one pass over the UTF-8 bytes. Pure: no I/O.

It looks at scripts alone, in formulas and code too; `columnar.mixing` tells what a fragment is and where it stands.
"""

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.codepoints import COMMON, INHERITED, SCRIPTS, script_numbers
from columnar.mixing_model import OffScript
from columnar.text import buffers, decode
from columnar.writing import scripts_of

MAX_GREEK_SYMBOL = 2
"""So many Greek letters together are mathematics and not Greek."""

_HOME, _NO_LETTER, _FOREIGN, _FOREIGN_LATIN, _FOREIGN_GREEK = range(5)


def off_script(texts: pa.LargeStringArray, target: str) -> OffScript:
    """Counts the letters of each document that are in a script foreign to the target language, by script alone.

    Args:
        texts: the documents; slices are honoured.
        target: ISO 639 code; a region after it is ignored.

    Raises:
        ValueError: `target` is no ISO 639 code.
        TypeError: see `columnar.text.buffers`.
    """
    scripts = scripts_of(target)
    kinds = np.full(256, _FOREIGN, np.uint8)
    for number, name in enumerate(SCRIPTS):
        if name in scripts:
            kinds[number] = _HOME
    kinds[[COMMON, INHERITED]] = _NO_LETTER
    for name, kind in (("Latn", _FOREIGN_LATIN), ("Grek", _FOREIGN_GREEK)):
        if name not in scripts:
            kinds[SCRIPTS.index(name)] = kind
    offsets, data = buffers(texts)
    counts = np.zeros((3, len(texts)), np.int64)
    _count(offsets, data, kinds[script_numbers()], counts)
    return OffScript(*(pa.array(row) for row in counts))


@nb.njit(cache=True, nogil=True)
def _count(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    kinds: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
) -> None:
    """Adds up letters, foreign letters and foreign Latin letters: `counts` int64[3, documents]; `kinds` by code point."""
    ascii_kinds = kinds[:128].copy()
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        letters = foreign = latin = greek = 0
        while at < end:
            byte = data[at]
            if byte < 0x80:
                kind = ascii_kinds[byte]
                at += 1
            else:
                point, size = decode(data, at, end)
                kind = kinds[point]
                at += size
            letters += kind != _NO_LETTER
            if kind == _FOREIGN_GREEK:
                greek += 1
                continue
            if greek:
                foreign += greek if greek > MAX_GREEK_SYMBOL else 0
                greek = 0
            foreign += kind == _FOREIGN
            latin += kind == _FOREIGN_LATIN
        counts[0, i] = letters
        counts[1, i] = foreign + (greek if greek > MAX_GREEK_SYMBOL else 0)
        counts[2, i] = latin
