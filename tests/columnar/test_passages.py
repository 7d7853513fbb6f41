"""Passages are found exactly where a slow search over lists of words finds them."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text_strategies import large_strings, texts

from columnar.codepoints import ALNUM, SPACE, UNSPACED, properties
from columnar.passage_build import build_index
from columnar.passage_search import MAX_PASSAGES, find_passages
from columnar.passage_words import fold_table, segment
from columnar.passages import MAX_PLACES, suspects
from columnar.text import buffers

_TYPOGRAPHIC = str.maketrans(
    "\u2018\u2019\u201b\u02bc\u2032\u201c\u201d\u201f\u2033\u2010\u2011\u2012\u2013\u2014\u2212",
    "'" * 5 + '"' * 4 + "-" * 6,
)


def kernel_words(text, reading="words"):
    """(folded word, its characters in the text)"""
    offsets, data = buffers(large_strings([text]))
    words = segment(data, offsets[0], offsets[1], fold_table(reading))
    return [
        ("".join(map(chr, words.codes[a:b])), text[first:last])
        for a, b, first, last in zip(words.code_offsets, words.code_offsets[1:], words.first, words.last, strict=False)
    ]


def slow_words(text, reading="words"):
    """Words by regular means: split at white space, letters of unspaced scripts cut out, ends stripped."""
    table = properties()
    found = []
    for chunk in _split(text, table):
        pieces, current, kind = [], "", None
        for char in chunk:
            bits = int(table[ord(char)])
            if reading == "words" and (unicodedata.category(char) == "Cf" or 0xE0000 <= ord(char) < 0xE01F0):
                continue
            if (bits & UNSPACED and kind is not None and kind != "bare") or (
                bits & ALNUM and not bits & UNSPACED and kind == "unspaced"
            ):
                pieces.append(current)
                current = ""
            if bits & UNSPACED:
                kind = "unspaced"
            elif bits & ALNUM:
                kind = "spaced"
            else:
                kind = kind or "bare"
            current += char
        pieces.append(current)
        found += pieces
    if reading == "exact":
        return [word for word in found if word]
    return [word for word in (_stripped(word, table) for word in found) if word]


def _split(text, table):
    return "".join(" " if table[ord(char)] & SPACE else char for char in text).split(" ")


def _stripped(word, table):
    core = [bool(table[ord(c)] & ALNUM) or unicodedata.category(c)[0] == "M" for c in word]
    if not any(core):
        return ""
    first, last = core.index(True), len(core) - core[::-1].index(True)
    return "".join(_fold(c) for c in word[first:last].translate(_TYPOGRAPHIC))


def _fold(char):
    if properties()[ord(char)] & UNSPACED or not char.isalpha():
        return char
    return char.casefold() if len(char.casefold()) == 1 else char.lower()[0]


@given(texts, st.sampled_from(["words", "exact"]))
@settings(max_examples=400, deadline=None)
@example("a\U000e0100\U000e0041", "words")
@example("\U000e0100", "exact")
def test_words_are_those_of_a_slow_cut(text, reading):
    assert [word for word, _ in kernel_words(text, reading)] == slow_words(text, reading)


def test_what_counts_as_the_same_word():
    def same(one, other):
        return [word for word, _ in kernel_words(one)] == [word for word, _ in kernel_words(other)]

    assert same("Janet’s ducks, “Lay” — 16!", "janet's DUCKS lay 16")
    assert same("so\u00adft zero\u200bwidth", "soft zerowidth")
    assert same("芳芳买了一本书，有99页。", "芳芳买了 一本书有 99 页")
    assert not same("x=5", "x=7")
    assert not same("1,000", "1000")
    assert not same("กี่", "กา")  # a vowel is part of its letter
    assert kernel_words("(Foo), bar", "exact") == [("(Foo),", "(Foo),"), ("bar", "bar")]


def slow_search(texts, documents, ngram, min_ngram, reading="words"):
    """{(document, text, first word, word after the last)} of every maximal run that holds a passage."""
    found = set()
    items = [slow_words(text, reading) for text in texts]
    for d, document in enumerate(documents):
        words = slow_words(document, reading)
        for t, item in enumerate(items):
            least = min(ngram, len(item))
            if least < min(min_ngram, ngram) or not item:
                continue
            for i in range(len(words)):
                for j in range(len(item)):
                    if i and j and words[i - 1] == item[j - 1]:
                        continue
                    length = 0
                    while i + length < len(words) and j + length < len(item) and words[i + length] == item[j + length]:
                        length += 1
                    if length >= least:
                        found.add((d, t, i, i + length))
    return found


def as_word_spans(found, documents, reading="words"):
    spans = set()
    for document, text, start, end, count in zip(*found[:5], strict=True):
        before = len(slow_words(documents[document][:start], reading))
        spans.add((document, text, before, before + count))
        assert len(slow_words(documents[document][start:end], reading)) == count
    return spans


_few_words = st.lists(st.sampled_from(["a", "B", "b,", "c", "的", "中", "7"]), max_size=14).map(" ".join)


@given(
    st.lists(_few_words, min_size=1, max_size=3), st.lists(_few_words, max_size=3), st.integers(2, 4), st.integers(1, 3)
)
@settings(max_examples=300, deadline=None)
def test_passages_are_those_of_a_slow_search(items, documents, ngram, min_ngram):
    # A group for each text: so few places that no bound cuts any off.
    index = build_index(large_strings(items), range(len(items)), ngram=ngram, min_ngram=min_ngram).passages
    expected = slow_search(items, documents, ngram, min_ngram)
    found = find_passages(index, large_strings(documents))
    told = as_word_spans(found, documents)
    assert told <= expected
    # Repetitive texts have more places a passage than are remembered: then some runs are not told, but no document is missed.
    assert {(d, t) for d, t, *_ in told} == {(d, t) for d, t, *_ in expected}
    if all(len(item.split()) <= MAX_PLACES for item in items):
        assert told == expected
    words_in = [set() for _ in documents]
    for document, _, first, last in expected:
        words_in[document] |= set(range(first, last))
    if told == expected:
        assert found.covered.tolist() == [len(numbers) for numbers in words_in]
    assert suspects(index, large_strings(documents)).tolist() == [bool(numbers) for numbers in words_in]


@given(st.lists(texts, min_size=1, max_size=3), texts, st.sampled_from(["words", "exact"]))
@settings(max_examples=150, deadline=None)
def test_a_text_is_found_inside_any_other(items, around, reading):
    index = build_index(large_strings(items), range(len(items)), ngram=4, min_ngram=2, reading=reading).passages
    documents = [f"{around} {item} {around}" for item in items]
    marks = suspects(index, large_strings(documents))
    found = find_passages(index, large_strings(documents))
    for number, item in enumerate(items):
        if len(slow_words(item, reading)) >= 2:
            assert marks[number]
            assert number in found.texts[found.documents == number]


_PAD = "z" * 200  # words near the end of a column are read without the vector path


@given(st.text("aB9.,_ \n\u00e9\u4e2d\u00ad\u2019", max_size=150), st.sampled_from(["words", "exact"]))
@settings(max_examples=300, deadline=None)
@example("a" * 70 + " b c d", "words")
@example("\x1c".join("abcd") + "\x0be", "exact")
@example("Abcdefgh ABCDEFGHI @[`{ @Z[ aZ]", "words")
def test_the_vector_path_hashes_as_the_plain_one(text, reading):
    words = slow_words(text, reading)
    item = " ".join(words)
    index = build_index(large_strings([item]), [0], ngram=64, min_ngram=1, reading=reading).passages
    if words and slow_words(item, reading) == words:
        assert suspects(index, large_strings([text, _PAD])).tolist() == [True, False]
        assert suspects(index, large_strings([text])).tolist() == [True]


def numbered(first, count):
    return " ".join(f"w{number}" for number in range(first, first + count))


def test_nine_words_are_no_passage_and_ten_are():
    index = build_index(large_strings([numbered(0, 40)]), [0]).passages
    documents = [f"x {numbered(5, count)} y" for count in (9, 10, 25)]
    found = find_passages(index, large_strings(documents))
    assert found.documents.tolist() == [1, 2]
    assert found.words.tolist() == [10, 25]
    assert [documents[d][s:e] for d, s, e in zip(*found[:1], *found[2:4], strict=True)] == [
        numbered(5, 10),
        numbered(5, 25),
    ]
    assert found.covered.tolist() == [0, 10, 25]


def test_a_short_text_must_be_found_whole_and_a_shorter_one_is_left_out():
    built = build_index(large_strings(["one two three four", "one two", "", "five six seven"]), [0, 0, 0, 1])
    assert built.too_short.tolist() == [False, True, True, False]
    documents = ["one two three", "zero one two three four five", "One, two; three: FOUR!", "five six seven"]
    found = find_passages(built.passages, large_strings(documents))
    assert list(zip(found.documents.tolist(), found.texts.tolist(), strict=True)) == [(1, 0), (2, 0), (3, 3)]


def test_a_chinese_question_of_twelve_characters_is_found():
    question = "小明有十二个苹果给了小红"
    index = build_index(large_strings([question]), [0]).passages
    found = find_passages(
        index, large_strings([f"题目：{question}三个。", "小明有十二个苹果", "给了小红小明有十二个苹果"])
    )
    assert found.documents.tolist() == [0]
    assert found.words.tolist() == [12]
    assert (found.starts[0], found.ends[0]) == (3, 15)


def test_sets_have_their_own_length():
    items = [numbered(0, 30), numbered(100, 30)]
    index = build_index(large_strings(items), [0, 1], ngram=[5, 20]).passages
    documents = [numbered(3, 5), numbered(103, 19), numbered(103, 20)]
    assert find_passages(index, large_strings(documents)).documents.tolist() == [0, 2]


@pytest.mark.parametrize("ngrams", [(1,), (2,), (3,), (10,), (5, 20), (64, 9)])
def test_a_passage_is_found_wherever_it_stands(ngrams):
    # Around the ends of chunks and at every distance from the words at which the gate is asked.
    items = [numbered(1000 * n, ngram + 3) for n, ngram in enumerate(ngrams)]
    index = build_index(large_strings(items), range(len(ngrams)), ngram=ngrams).passages
    places = [*range(12), *range(380, 450), *range(1024 - 70, 1024)]
    documents, expected = [], []
    for n, ngram in enumerate(ngrams):
        for place in places:
            for length in (ngram - 1, ngram):
                documents.append(f"{'x ' * place}{numbered(1000 * n + 1, length)}{' y' * (place % 7)}")
                expected.append(length == ngram)
    assert suspects(index, large_strings([*documents, _PAD])).tolist() == [*expected, False]


def test_what_is_inside_an_excluded_passage_is_no_evidence():
    template = numbered(0, 12)
    items = [f"{template} {numbered(100, 12)}", template]
    built = build_index(large_strings(items), [0, 0], excluded=[template])
    assert built.excluded.tolist() == [False, True]
    documents = [template, f"{template} {numbered(100, 1)}", numbered(100, 12)]
    assert find_passages(built.passages, large_strings(documents)).documents.tolist() == [1, 2]


def test_frequent_passages_are_told_once_each():
    template = numbered(0, 12)
    items = [f"{template} {numbered(100 * n, 11)}" for n in range(1, 31)]
    built = build_index(large_strings([*items, "lonely " + numbered(5000, 20)]), [0] * 31, frequent_texts=30)
    assert [(item.text, item.first, item.words, item.texts) for item in built.frequent] == [(0, 0, 10, 30)]


def test_a_copy_of_a_whole_set_is_bounded_and_names_every_group():
    items = [numbered(1000 * n, 15) for n in range(60)]
    index = build_index(large_strings(items), [number // 30 for number in range(60)]).passages
    found = find_passages(index, large_strings(["\n".join(items)]))
    assert np.bincount(index.groups[found.texts]).tolist() == [MAX_PASSAGES, MAX_PASSAGES]
    assert found.covered.tolist() == [60 * 15]


@pytest.mark.parametrize("text", ["a " * 3_000_000, "\0" * 5_000_000, "的" * 2_000_000, "\n" * 5_000_000])
def test_hostile_documents_end(text):
    index = build_index(large_strings(["a " * 5000, "的" * 5000, "b c d"]), [0, 1, 2]).passages
    found = find_passages(index, large_strings([text]))
    assert len(found.words) <= MAX_PASSAGES * 3


def test_slices_and_empty_columns():
    index = build_index(large_strings(["a b c"]), [0]).passages
    column = pa.array(["x", "a b c", "y"], pa.large_string())
    assert find_passages(index, column.slice(1)).documents.tolist() == [0]
    assert find_passages(index, column.slice(3)).covered.size == 0
    empty = build_index(large_strings([]), []).passages
    assert not suspects(empty, column).any()


def test_settings_are_checked():
    with pytest.raises(ValueError, match=re.escape("ngram must be 1 to 64, not 65")):
        build_index(large_strings(["a"]), [0], ngram=65)
    with pytest.raises(ValueError, match="groups must ascend"):
        build_index(large_strings(["a", "b"]), [1, 0])
