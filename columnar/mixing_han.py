"""Tells Japanese from Chinese: by kana, by characters that only one of them has, by what stands around. Pure: no I/O."""

from functools import lru_cache
from typing import Final

import numba as nb
import numpy as np
import numpy.typing as npt

from columnar.codepoints import SCRIPTS
from columnar.mixing_tokens import SENTENCE, ZXX, Tokens

MIN_KANA_SHARE: Final = 0.2
"""So much of a run must be kana to be Japanese in a text that is not: Chinese shop names have a single の, and no more."""

MIN_HAN_ALONE: Final = 16
"""So many Han characters in a run without any kana are Chinese in a Japanese text; shorter ones are names and headings."""

MIN_ONE_SIDED: Final = 0.1
"""The share of simplified characters from which a run without kana is Chinese in a Japanese text."""

_FIRST, _END = 0x4E00, 0xA000
_HAN, _HIRAGANA, _KATAKANA, _BOPOMOFO = (SCRIPTS.index(name) for name in ("Hani", "Hira", "Kana", "Bopo"))


@lru_cache(maxsize=1)
def simplified() -> npt.NDArray[np.bool_]:
    """Says of each code point from U+4E00 on whether the Chinese character set of 1980 has it and the Japanese one does not."""
    pairs = bytes(byte for a in range(0xA1, 0xFF) for b in range(0xA1, 0xFF) for byte in (a, b))
    every = "".join(map(chr, range(_FIRST, _END)))
    chinese = set(pairs.decode("gb2312", "ignore"))
    japanese = set(every.encode("euc_jp", "ignore").decode("euc_jp"))
    return np.array([c in chinese and c not in japanese for c in every])


@nb.njit(cache=True, nogil=True)
def label_han(
    points: npt.NDArray[np.uint32],
    tokens: Tokens,
    bounds: npt.NDArray[np.int64],
    simplified: npt.NDArray[np.bool_],
    han: int,
    chinese: int,
    japanese: int,
    target: int,
    languages: npt.NDArray[np.int16],
) -> None:
    """Writes the language of each Han, kana and Bopomofo token to `languages`: that of its run, up to the end of a sentence.

    The tokens are of several texts: those of text i are `bounds[i]` to `bounds[i + 1]`. `han` is what Han without kana is in by default,
    `target` the target or -1, all as `languages` has them: int16[n].
    """
    starts, _, scripts, flags, gaps = tokens
    for text in range(bounds.size - 1):
        last = han
        first = bounds[text]
        while first < bounds[text + 1]:
            num_han = num_kana = chinese_only = 0
            to = first
            while to < bounds[text + 1] and (to == first or gaps[to] < SENTENCE):
                if not flags[to] & ZXX:
                    script = scripts[to]
                    if script in (_HIRAGANA, _KATAKANA):
                        num_kana += 1
                    elif script == _HAN:
                        num_han += 1
                        point = np.int64(points[starts[to]])
                        if _FIRST <= point < _END:
                            chinese_only += simplified[point - _FIRST]
                to += 1
            if num_han + num_kana:
                one = chinese_only > MIN_ONE_SIDED * num_han
                least_kana = 2 if num_han else 1
                if num_kana >= least_kana and num_kana >= MIN_KANA_SHARE * (num_han + num_kana):
                    language = japanese
                elif han == japanese:
                    language = chinese if one or (num_kana == 0 and num_han >= MIN_HAN_ALONE) else japanese
                elif last == japanese and han != target and not one and num_kana == 0 and num_han < MIN_HAN_ALONE:
                    language = japanese  # what a heading or a name among Japanese sentences is in
                else:
                    language = han
                for i in range(first, to):
                    script = scripts[i]
                    if script in (_HAN, _HIRAGANA, _KATAKANA, _BOPOMOFO):
                        languages[i] = language
                last = language
            first = to
