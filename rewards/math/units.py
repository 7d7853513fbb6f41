r"""Units of measure behind an answer: `10 cm`, `3\text{ m}^2`, `5.4 cents`. A table and its reading; nothing else.

The rule: the question fixes the unit, so an answer without one stands for the gold's; where both name a unit that is in the
table, they must measure the same thing and are converted. A word that is not in the table (eggs, apples) is an annotation.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

Unit = tuple[tuple[tuple[str, int], ...], Fraction]
"""Dimensions with their exponents, sorted, and the factor to the base unit of each."""

_SCALES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "length": {
        "1": ("m", "meter", "metre"), "1/1000": ("mm", "millimeter", "millimetre"),
        "1/100": ("cm", "centimeter", "centimetre", "厘米"), "1/10": ("dm", "decimeter", "decimetre", "分米"),
        "1000": ("km", "kilometer", "kilometre", "千米", "公里"), "1/1000000000": ("nm", "nanometer"), "127/5000": ("in", "inch", "inche"),
        "381/1250": ("ft", "foot", "feet"), "1143/1250": ("yd", "yard"), "201168/125": ("mi", "mile"),
    },
    "mass": {
        "1": ("g", "gram"), "1/1000": ("mg", "milligram"), "1000": ("kg", "kilogram", "千克", "公斤"), "1000000": ("ton", "tonne", "吨"),
        "45359237/100000": ("lb", "pound"), "45359237/1600000": ("oz", "ounce"),
    },
    "time": {
        "1": ("s", "sec", "second", "秒"), "1/1000": ("ms", "millisecond"), "60": ("min", "minute", "分钟"), "3600": ("h", "hr", "hour", "小时"),
        "86400": ("day", "天"), "604800": ("week",),
    },
    "month": {"1": ("month",), "12": ("year", "yr")},
    "volume": {"1": ("l", "liter", "litre", "升"), "1/1000": ("ml", "milliliter", "millilitre", "毫升")},
    "gallon": {"1": ("gallon", "gal"), "1/4": ("quart",), "1/8": ("pint",), "1/16": ("cup",)},
    "dollar": {"1": ("dollar", "usd"), "1/100": ("cent", "¢")},
    "euro": {"1": ("euro", "eur", "€")},
    "sterling": {"1": ("gbp", "£")},
    "yuan": {"1": ("yuan", "rmb", "元", "¥")},
    "angle": {"1": ("degree", "deg", "°", "度"), "1/60": ("arcminute",), "1/3600": ("arcsecond",)},
    "percent": {"1": ("percent", "percentage")},
    "radian": {"1": ("radian", "rad")},
    "force": {"1": ("n", "newton"), "1000": ("kn",)},
    "energy": {"1": ("j", "joule"), "1000": ("kj",)},
    "electronvolt": {"1": ("ev",), "1000": ("kev",), "1000000": ("mev",)},
    "power": {"1": ("w", "watt"), "1000": ("kw",)},
    "frequency": {"1": ("hz", "hertz"), "1000": ("khz",), "1000000": ("mhz",)},
    "temperature": {"1": ("k", "kelvin")},
    "celsius": {"1": ("°c", "celsius")},
}  # fmt: skip

_TABLE: Final[dict[str, tuple[str, Fraction]]] = {
    name: (dimension, Fraction(factor))
    for dimension, scale in _SCALES.items()
    for factor, names in scale.items()
    for name in names
}
_POWER_WORDS: Final = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_SHORTHANDS: Final = {
    "mph": "mile/hour",
    "kmph": "km/hour",
    "kmh": "km/hour",
    "平方厘米": "cm^2",
    "平方米": "m^2",
    "立方米": "m^3",
    "米": "m",
    "克": "g",
}
_PART: Final = re.compile(
    r"(?P<word>[^\W\d_]+|°c?|[¢€£¥])\.?(?:\s*\^?\s*\{?\s*(?P<power>-?[1-9])\s*\}?)?|(?P<per>/)|(?P<skip>[\s.*·]+|\\cdot)",
    re.IGNORECASE,
)


def is_unit(word: str) -> bool:
    """Says whether the table knows the word, in the singular or the plural."""
    return _find(word) is not None or word.lower() in _POWER_WORDS or word.lower() in _SHORTHANDS


def read_unit(text: str) -> Unit | None:
    """Gives the unit that a text names, None when any word of it is not in the table."""
    for short, full in _SHORTHANDS.items():
        text = re.sub(rf"(?<![^\W\d_]){short}(?![^\W\d_])", full, text)
    text = re.sub(r"\bper\b", "/", text)
    dimensions: dict[str, int] = {}
    factor = Fraction(1)
    sign, pending = 1, 1
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            return None
        position = part.end()
        if part["per"]:
            sign = -1
        word = part["word"]
        if not word:
            continue
        if word.lower() in _POWER_WORDS:
            pending = _POWER_WORDS[word.lower()]
            continue
        entry = _find(word)
        if entry is None:
            return None
        dimension, scale = entry
        power = sign * int(part["power"] or 1) * pending
        pending = 1
        if dimension == "volume" and power == 1:  # litres and cubic metres measure the same
            dimension, scale, power = "length", scale / 1000, 3
            factor *= scale
        else:
            factor *= scale**power
        dimensions[dimension] = dimensions.get(dimension, 0) + power
    named = tuple(sorted((name, power) for name, power in dimensions.items() if power))
    return (named, factor) if named else None


def _find(word: str) -> tuple[str, Fraction] | None:
    lower = word.lower()
    entry = _TABLE.get(lower)
    if entry is None and len(lower) > 2 and lower.endswith("s"):
        entry = _TABLE.get(lower[:-1])
    return entry
