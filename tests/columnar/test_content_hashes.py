import numpy as np
import xxhash
from hypothesis import given
from text_strategies import columns, large_strings

from columnar import hashing
from columnar.hashing import content_hashes


def plain_hash(text):
    digest = xxhash.xxh3_128_intdigest(" ".join(text.split()).encode())
    return [digest >> 64, digest & (2**64 - 1)]


@given(columns)
def test_hashes_are_those_of_text_with_collapsed_white_space(values):
    assert content_hashes(large_strings(values)).tolist() == [plain_hash(value) for value in values]


def test_white_space_alone_makes_no_difference():
    first, second, third = content_hashes(large_strings(["a b\nc", "  a\u3000b \r\n c\u2028", "ab c"])).tolist()
    assert first == second != third


def test_documents_larger_than_a_slice(monkeypatch):
    monkeypatch.setattr(hashing, "_SLICE_BYTES", 8)
    values = ["a" * 20, "", "b  b", "c" * 9, "", "dd"]
    got = content_hashes(large_strings(values))
    assert got.dtype == np.uint64
    assert got.tolist() == [plain_hash(value) for value in values]
