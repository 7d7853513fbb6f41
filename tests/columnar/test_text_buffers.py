import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_strategies import columns, large_strings, texts

from columnar.clean import clean_text
from columnar.hashing import content_hashes
from columnar.minhash import MinHashPreset, shingles
from columnar.scripts import script_counts
from columnar.signals import measure
from columnar.text import buffers


@given(columns, st.integers(0, 6), st.integers(0, 6))
def test_buffers_hold_the_texts_of_any_slice(values, start, length):
    offsets, data = buffers(large_strings(values).slice(start, length))
    read = [bytes(data[a:b]).decode() for a, b in itertools.pairwise(offsets)]
    assert read == values[start : start + length]


def test_buffers_are_views():
    column = large_strings(["one", "two"])
    _, data = buffers(column)
    assert data.ctypes.data == column.buffers()[2].address
    assert not data.flags.writeable


@pytest.mark.parametrize("column", [large_strings([]), large_strings(["a"]).slice(1), large_strings(["", ""])])
def test_buffers_of_nothing(column):
    offsets, _ = buffers(column)
    assert offsets.size == len(column) + 1
    assert set(np.diff(offsets).tolist()) <= {0}
    assert measure(column).num_rows == len(column)


def test_buffers_refuse_other_types_and_nulls():
    with pytest.raises(TypeError, match="large_string array, not string"):
        buffers(pa.array(["a"]))
    with pytest.raises(TypeError, match="not list"):
        buffers(["a"])
    with pytest.raises(ValueError, match="1 of 2 texts are null"):
        buffers(pa.array(["a", None], pa.large_string()))


@given(columns, st.integers(0, 5), st.integers(0, 5))
def test_every_measure_of_a_slice_is_the_slice_of_the_measure(values, start, length):
    column = large_strings(values)
    part = column.slice(start, length)
    preset = MinHashPreset(ngram=2)
    assert measure(part).equals(measure(column).slice(start, length))
    assert shingles(part, preset).equals(shingles(column, preset).slice(start, length))
    assert np.array_equal(content_hashes(part), content_hashes(column)[start : start + length])
    assert np.array_equal(script_counts(part), script_counts(column)[start : start + length])


@given(st.text(st.characters(codec=None) | st.sampled_from("\0\ud800\udfff"), max_size=20))
def test_clean_text_replaces_what_utf8_and_sql_refuse(text):
    unfit = [c for c in text if c == "\0" or 0xD800 <= ord(c) < 0xE000]
    clean, count = clean_text(text)
    assert count == len(unfit)
    assert clean == "".join("\ufffd" if c in unfit else c for c in text)
    clean.encode()


@given(texts)
def test_clean_text_leaves_clean_text_alone(text):
    if "\0" not in text:
        assert clean_text(text) == (text, 0)


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=4))
def test_broken_utf8_stays_within_its_document(values):
    """Parquet may hold bytes that are not UTF-8; kernels must neither read past a document nor past their tables."""
    offsets = np.cumsum([0, *map(len, values)])
    column = pa.LargeStringArray.from_buffers(
        len(values), pa.py_buffer(offsets.astype(np.int64).tobytes()), pa.py_buffer(b"".join(values))
    )
    whole = measure(column)
    for row, value in enumerate(values):
        alone = pa.LargeStringArray.from_buffers(
            1, pa.py_buffer(np.array([0, len(value)], np.int64).tobytes()), pa.py_buffer(value)
        )
        assert measure(alone).equals(whole.slice(row, 1))
    shingles(column, MinHashPreset())
    content_hashes(column)
    script_counts(column)
