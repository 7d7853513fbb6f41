"""Shingles, signatures and bands of a corpus that touches every path of the kernels, pinned by digest.

Indexes of earlier dumps are compared with these values: a failure here means that all of them are lost. The kernels take text that
is followed by enough other text in another way than a text at the end of its column: both ways are held to be the same here.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import large_strings, texts

from columnar.minhash import MinHashPreset, band_hashes, shingles, signatures

PRESET = MinHashPreset()
_PADDING = "and some more words behind it " * 8
_PLAIN = "a I on the This whole letters different WordsOfEight extraordinarily"
_NUMBERS = "0 7 42 1999 3.14 1,000 1,234,567 1.2.3 5.0e-01 x1 2nd a1b2c3 1.a 3. .5 1,٣ ٣٫١ 12345678901234567890 1.٢٣"
_SPACED = (
    "naïve Éclair STRASSE Straße e\u0301 \u0301x Ὀδυσσεύς Σίσυφος İstanbul ǆ ﷺ слово и їжак שלום עברית مرحبا हिन्दी"
)
_UNSPACED = "中文 の 日本語のテキスト 한국어 각 กำลัง ကမ္ဘာ a中b 1中2 😀 x😀y 𝐀 \u200b € a€b \ufffd"
_SIGNS = "... -- _ snake_case_name camelCase don't (parens) [x] {y} <tag/> #hash @you a/b/c \x00 \x7f \x85 “quoted” —"
_TOKENS = tuple(
    f"{_PLAIN} {'characteristically' * 5} {_NUMBERS} {_SPACED} {_UNSPACED} {_SIGNS}".split(" "),
)
_GAPS = (" ", " ", " ", " ", "  ", "\n", "\t", ", ", ". ", "-", "\u3000", "\r\n", "")


def lcg(state: int) -> Iterator[int]:
    """Numbers that no library release will change."""
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def corpus() -> list[str]:
    drawn = lcg(2026)
    documents = []
    for number in range(300):
        # Every third is plain words mostly; lengths run from none to some kilobytes.
        kinds = _TOKENS[:10] if number % 3 == 0 else _TOKENS
        length = next(drawn) % (40 if number % 2 else 900)
        parts = []
        for _ in range(length):
            parts.append(kinds[next(drawn) % len(kinds)])
            parts.append(_GAPS[next(drawn) % len(_GAPS)])
        documents.append("".join(parts))
    return documents


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).astype("<u8").tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def column() -> pa.LargeStringArray:
    return large_strings(corpus())


def test_the_corpus_is_the_one_that_was_pinned(column):
    assert hashlib.sha256("\n".join(column.to_pylist()).encode()).hexdigest()[:16] == "54e82374e832f6f2"


def test_shingles_never_change(column):
    sets = shingles(column, PRESET)
    assert digest(sets.values.to_numpy()) == "b59417b1c90b4e1f"
    assert digest(sets.offsets.to_numpy()) == "ed6d7a8be29f7649"
    assert digest(shingles(column, MinHashPreset(ngram=1)).values.to_numpy()) == "779f7323824ebeff"


def test_signatures_never_change(column):
    signed = signatures(column, PRESET)
    assert digest(signed.fill_null([0] * PRESET.num_perm).values.to_numpy()) == "e59a6f8f2a885548"
    assert digest(band_hashes(signed, PRESET)) == "1f7118750d3d9e32"
    # A number of functions that fills no vector.
    odd = MinHashPreset(num_perm=61, bands=12, rows=5, ngram=3, seed=9)
    assert digest(band_hashes(signatures(column, odd), odd)) == "6f9fac4975f1cc37"


@settings(max_examples=400)
@given(st.lists(texts, max_size=5))
def test_what_follows_a_document_does_not_matter(values):
    alone = signatures(large_strings(values), PRESET)
    followed = signatures(large_strings([*values, _PADDING]), PRESET)
    assert followed.slice(0, len(values)).equals(alone)


@settings(max_examples=400)
@given(st.lists(st.sampled_from([*"aZé\u030105.,-_ 中٣٫", "abcdefg", "a" * 63]), max_size=150).map("".join))
def test_no_place_in_a_window_matters(text):
    alone = shingles(large_strings([text]), MinHashPreset(ngram=2))
    for shift in (0, 1, 7):
        moved = shingles(large_strings(["-" * shift + text, _PADDING]), MinHashPreset(ngram=2))
        assert moved[0] == alone[0]
