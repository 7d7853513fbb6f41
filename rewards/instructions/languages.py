"""The language of a whole answer, for the checks that ask for one. Pure, and the same in every process.

IFEval asks langdetect without a seed, which answers differently from run to run. Here `columnar.language` decides, with the
default engine, among the languages that langdetect knows: the set the published prompts were made for.
"""

from typing import Final

import pyarrow as pa

from columnar.clean import clean_text
from columnar.language import FOLDED, identify

_LABELS: Final = (
    "af ar bg bn ca cs cy da de el en es et fa fi fr gu he hi hr hu id it ja kn ko lt lv mk ml mr ne nl no pa pl pt ro ru sk sl sq "
    "sv sw ta te th tl tr uk ur vi zh"
)
LANGUAGES: Final = frozenset(_LABELS.split())
"""ISO 639 labels that an answer may have, folded; Somali, which langdetect knows, is not among those of the engine."""


def folded(code: str) -> str | None:
    """Gives the label under which a prompt's language code is known here (`zh-cn` is `zh`), None for one that is not."""
    label = code.strip().lower().partition("-")[0]
    label = FOLDED.get(label, label)
    return label if label in LANGUAGES else None


def language_of(text: str) -> str:
    """Gives the label of the text's language, `zxx` for a text without any."""
    column = pa.array([clean_text(text)[0]], pa.large_string())
    return str(identify(column, languages=LANGUAGES).languages[0].as_py())
