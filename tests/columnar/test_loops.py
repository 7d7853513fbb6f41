"""Loops and repeated words against their definitions, written plainly."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from columnar.loops import MIN_LOOP_BYTES, MIN_TURNS, measure_repetition


def measure(*texts, ngram=3):
    return measure_repetition(pa.array(texts, pa.large_string()), ngram)


def plain_loop(text):
    """Where the longest loop at the end begins, and its period, by trying each period."""
    data = text.encode()
    best, best_period = 0, 0
    for period in range(1, len(data) // MIN_TURNS + 1):
        same = 0
        while same + period < len(data) and data[-1 - same] == data[-1 - same - period]:
            same += 1
        whole = same + period
        turn = data[-period:].decode(errors="replace").replace("\ufffd", "")
        if whole >= max(MIN_LOOP_BYTES, MIN_TURNS * period, best + 1) and any(map(str.isalnum, turn)):
            best, best_period = whole, period
    return len(data) - best, best_period


def plain_repeated(words, ngram):
    seen, repeated = set(), set()
    for at in range(len(words) - ngram + 1):
        run = tuple(words[at : at + ngram])
        if run in seen:
            repeated.update(range(at, at + ngram))
        seen.add(run)
    return len(repeated)


LOOPING = st.builds(
    lambda head, turn, times, cut: head + turn * times + turn[:cut],
    st.text("ab 中\n.", max_size=40),
    st.text("abc 中。é-", min_size=1, max_size=30),
    st.integers(1, 60),
    st.integers(0, 20),
)


@given(st.lists(LOOPING, max_size=4))
@example(["-" * 500])
@example(["a" * 500, "", "哈" * 200])
def test_loops_are_those_of_the_definition(texts):
    found = measure(*texts)
    assert list(zip(found.loop_start.tolist(), found.loop_period.tolist(), strict=True)) == [
        plain_loop(t) for t in texts
    ]


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=60), max_size=5), st.integers(1, 5))
def test_repeated_words_are_those_of_the_definition(texts, ngram):
    found = measure(*map(" ".join, texts), ngram=ngram)
    assert found.words.tolist() == list(map(len, texts))
    assert found.repeated_words.tolist() == [plain_repeated(words, ngram) for words in texts]


def test_scripts_without_spaces_count_by_letters():
    found = measure("我们去学校我们去学校", ngram=5)
    assert (found.words[0], found.repeated_words[0]) == (10, 5)


def test_a_slice_is_measured_as_it_stands():
    texts = pa.array(["x y z x y z", "a b c d", "哈" * 100], pa.large_string())
    whole, part = measure_repetition(texts, 3), measure_repetition(texts.slice(1), 3)
    for all_of_it, last_two in zip(whole, part, strict=True):
        assert all_of_it[1:].tolist() == last_two.tolist()


def test_hostile_texts_end_soon():
    found = measure("a" * 3_000_000, "ab" * 1_000_000, "a " * 1_000_000 + "b", "\u0301" * 500_000)
    assert found.loop_period.tolist() == [1, 2, 0, 0]
    assert found.repeated_words.tolist()[2] == 999_999


def test_an_ngram_of_nothing_is_refused():
    with pytest.raises(ValueError, match="ngram"):
        measure("a", ngram=0)
