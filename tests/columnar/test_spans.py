"""Passages and their cutting against plain Python, over hostile texts."""

import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from span_oracle import atoms, cut, spans

from columnar.spans import HashSet, SpanRule, count_anchors, cut_texts, find_spans

PIECES = st.sampled_from(
    ["a", "b", "ab", "c.", "d!", "?", '."', " ", "  ", "\n", "\n\n", "\r\n", "\t", "\u2028", "中", "文。", "。」", "か", "ไ", "é", "…",
     "\x00", "\x1c", "𝒳", "(", "'", "1", "\u3000", "ab ab\n", "c. c. "]
)  # fmt: skip
TEXTS = st.lists(st.lists(PIECES, max_size=30).map("".join), min_size=1, max_size=5)
RULES = [
    SpanRule("line"),
    SpanRule("line", 1, 3),
    SpanRule("paragraph"),
    SpanRule("paragraph", 1, 4),
    SpanRule("sentence", 1),
    SpanRule("sentence", 3, 6),
    SpanRule("ngram", 5),
    SpanRule("ngram", 1),
]


def _column(texts):
    return pa.array(["left out", *texts], pa.large_string()).slice(1)


def _characters(text, octets):
    return len(text.encode()[:octets].decode())


def _expected(texts, rule):
    return [
        (row, *span) for row, text in enumerate(texts) for span in spans(text, rule.unit, rule.size, rule.min_chars)
    ]


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=150, deadline=None)
@given(TEXTS)
@example(["A b.  C d! “E.” f\ng"])
@example(["中文。」中。！a"])
@example(["  x\r\ny\r\n\r\nz  "])
def test_spans_are_those_of_plain_python(rule, texts):
    found = find_spans(_column(texts), rule)
    expected = _expected(texts, rule)
    assert [
        (row, _characters(texts[row], start), _characters(texts[row], end))
        for row, start, end in zip(*(column.tolist() for column in found[:3]), strict=True)
    ] == [item[:3] for item in expected]
    by_hash = {}
    for h, item in zip(found.hashes.tolist(), expected, strict=True):
        assert by_hash.setdefault(h, item[3]) == item[3]
    assert len(by_hash) == len({item[3] for item in expected})
    assert 0 not in by_hash


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_what_repeats_has_an_anchor_that_does(rule, texts):
    texts = [*texts, texts[0]]
    anchors, counts = count_anchors(_column(texts), rule)
    assert (np.diff(anchors.astype(object)) > 0).all()
    every = find_spans(_column(texts), rule)
    copies = Counter(every.hashes.tolist())
    for least in (2, 3):
        some = find_spans(_column(texts), rule, HashSet(anchors[counts >= least]))
        left = Counter(some.hashes.tolist())
        assert all(left[h] == number for h, number in copies.items() if number >= least)
        assert set(left) <= set(copies)


def test_anchors_are_few():
    text = " ".join(f"w{number}" for number in range(20_000))
    anchors, counts = count_anchors(_column([text]), SpanRule("ngram", 50))
    assert counts.max() == 1
    # Two of 27 are expected: a window of 26 runs of 25 words.
    assert 0.06 < anchors.size / 20_000 < 0.09


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.data())
def test_cutting(texts, data):
    intervals = []
    for text in texts:
        ends = st.integers(0, len(text))
        drawn = data.draw(
            st.lists(st.tuples(ends, ends).map(sorted).filter(lambda pair: pair[0] < pair[1]), max_size=4)
        )
        intervals.append(sorted(map(tuple, drawn)))
    flat = [
        (row, len(texts[row][:start].encode()), len(texts[row][:end].encode()))
        for row, some in enumerate(intervals)
        for start, end in some
    ]
    rows, starts, ends = np.array(flat, np.int64).reshape(-1, 3).T.copy()
    result = cut_texts(_column(texts), rows, starts, ends)
    left = [cut(text, some) for text, some in zip(texts, intervals, strict=True)]
    assert result.texts.to_pylist() == left
    assert result.chars.tolist() == [len(text) for text in texts]
    assert result.cut_chars.tolist() == [len(text) - len(rest) for text, rest in zip(texts, left, strict=True)]
    for some, number in zip(intervals, result.cuts.tolist(), strict=True):
        gone = {at for start, end in some for at in range(start, end)}
        assert number == sum(at - 1 not in gone for at in gone)


def test_words_of_unspaced_scripts():
    assert [said for _, said in atoms("今日は、晴れ。ok 3", "ngram")] == ["今", "日", "は、", "晴", "れ。", "ok", "3"]
    column = _column(["前" + "同じ文です" * 3 + "後", "同じ文です" * 3])
    found = find_spans(column, SpanRule("ngram", 15))
    assert Counter(found.hashes.tolist()).most_common(1)[0][1] == 2


@pytest.mark.parametrize("unit", ["line", "paragraph", "sentence", "ngram"])
def test_hostile_texts_take_no_longer_than_others(unit):
    rule = SpanRule(unit, 50 if unit == "ngram" else 3 if unit == "sentence" else 1)
    find_spans(_column(["a"]), rule, HashSet(count_anchors(_column(["a"]), rule)[0]))
    texts = [
        "same\n" * 1_000_000,
        "x" * 20_000_000,
        "a " * 2_000_000,
        "\n" * 5_000_000,
        ". " * 2_000_000,
        "",
        "\x00" * 1_000_000,
    ]
    started = time.process_time()
    anchors, counts = count_anchors(_column(texts), rule)
    repeated = HashSet(anchors[counts > 1])
    found = find_spans(_column(texts), rule, repeated)
    result = cut_texts(_column(texts), found.rows, found.starts, found.ends)
    assert time.process_time() - started < 60  # a quadratic step would take hours
    assert len(result.texts) == len(texts)
    assert result.texts[1].as_py() == texts[1]


def test_rules_are_checked():
    with pytest.raises(ValueError, match="unit must be one of line"):
        SpanRule("page")
    with pytest.raises(ValueError, match="a line span cannot have 2 atoms"):
        SpanRule("line", 2)
    with pytest.raises(TypeError):
        find_spans(pa.array(["a"]), SpanRule("line"))
