"""How many tokens a text has for a large model's tokenizer, estimated without one. Pure: no I/O.

A text is cut into runs of one kind (a word, digits, marks, a script) and each run costs a constant and so much a character. The
costs are those of DeepSeek-V3's byte-level BPE of 129,280 tokens, fitted with no negative ones and rounded. Against that
tokenizer half of all texts are within 8 % and nine of ten within 29 %: 800 solutions of Qwen2.5-Math (5 % off on average), 750 answers
of o3-mini (10 %), 294 of IFBench (15 %), programs, problems and sentences in 30 languages. The worst are Swahili and Telugu, a third too few.
Other tokenizers differ as much from one another.
"""

import re
from typing import Final, NamedTuple


class _Cost(NamedTuple):
    """A kind of run, as a pattern, and its tokens: `a_run` and `a_char` for each of its characters."""

    pattern: str
    a_run: float
    a_char: float


_COSTS: Final = (
    _Cost("[A-Za-z]+", 0.63, 0.137),  # the space before a word is part of its first token
    _Cost("[0-9]+", 1.2, 0.34),  # at most three digits a token
    _Cost(r"[ \t]*[\r\n]+", 1.0, 0.03),
    _Cost(r"[^\S\r\n]{2,}", 0.0, 0.05),
    _Cost("[!-/:-@\\[-`{-~]+", 0.39, 0.06),
    _Cost("[\u00c0-\u024f\u1e00-\u1eff]+", 0.9, 0.1),  # letters with marks, which break a word's usual pieces
    _Cost("[\u3400-\u9fff]+", 0.58, 0.59),
    _Cost("[\u3040-\u30ff]+", 0.0, 0.57),
    _Cost("[\uac00-\ud7a3]+", 0.64, 0.67),
    _Cost("[\u0370-\u04ff]+", 1.18, 0.15),
    _Cost("[\u0590-\u07ff]+", 0.0, 0.49),
    _Cost("[\u0900-\u0dff]+", 0.0, 0.6),
    _Cost("[\u0e00-\u0fff]+", 0.75, 0.4),
    _Cost("[\u2000-\u206f\u3000-\u303f\uff00-\uff0f]+", 0.4, 0.3),  # quotation marks, dashes, Chinese commas
    _Cost(
        "[\x80-\xbf\u0250-\u036f\u0800-\u08ff\u1000-\u1dff\u1f00-\u1fff\u2070-\u2fff\u3100-\u33ff\ua000-\uabff\ud7a4-\ufeff\uff10-\U0010ffff]+",
        0.0,
        1.0,
    ),
    _Cost("[\x00-\x08\x0e-\x1f\x7f]+", 0.0, 1.0),
)
_RUN: Final = re.compile("|".join(f"({cost.pattern})" for cost in _COSTS))


def estimate_tokens(text: str) -> int:
    """Gives about how many tokens a text has; 0 only for an empty one. Linear in the text, some 3 million characters a second."""
    runs, chars = [0] * len(_COSTS), [0] * len(_COSTS)
    for match in _RUN.finditer(text):
        kind = (match.lastindex or 1) - 1
        runs[kind] += 1
        chars[kind] += match.end() - match.start()
    tokens = sum(cost.a_run * runs[kind] + cost.a_char * chars[kind] for kind, cost in enumerate(_COSTS))
    return max(round(tokens), int(bool(text)))
