"""Texts that find mistakes: every plane of Unicode, and the characters that the kernels treat apart, in likely order."""

import pyarrow as pa
from hypothesis import strategies as st

_SPECIAL = st.sampled_from(
    [
        *" \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u2028\u3000\u200b\ufeff",
        *"...…••-*##<>?!,;:'\"()[]{}$_|",
        *"aAbBeEtToOhHfFwWdDnN09",
        *"éÉßẞİıΣσς٣१２½Ⅷ²",
        *"的中ー々〆〇かナﾅㄅกำเຂကក한각ᄀ",
        *"\u0301\u0323\u0e31\u302e\ufffd😀𝐀\U000e0001",
        *("\r\n", "...", " the ", " The,", "with", "<?xml version=", "3.14", "1,000", "١٫٥", "e\u0301", "각"),
    ]
)
characters = st.characters(exclude_categories=["Cs"])
texts = st.one_of(
    st.text(characters, max_size=60),
    st.lists(st.one_of(_SPECIAL, characters), max_size=60).map("".join),
)
word_texts = st.lists(
    st.sampled_from(["a", "b", "c", "d", "the", "Ünïcode", "的", "中", "3.5", "12", "café", "각"]), max_size=30
).map(" ".join)
columns = st.lists(texts, max_size=6)


def large_strings(values: list[str]) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())
