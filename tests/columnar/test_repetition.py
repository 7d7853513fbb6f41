"""Repetition, lines and the rivals' readings against plain Python, and known answers."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plain_readings import datatrove, dolma, fineweb, paper
from text_strategies import columns, large_strings, texts

from columnar import signal_words
from columnar.signals import SIGNALS, measure
from columnar.tokens import split_words
from columnar.vocabulary import MAX_KEPT

# Few words and many line breaks, so that everything repeats.
repetitive = st.lists(
    st.sampled_from(
        ["a", "b", "cd", "e", "the", "成", "sinh成的", "...", "\n", "\n\n", "\r\n", " \n", "\x85", "- ", "x.", "…"]
    ),
    max_size=60,
).map(" ".join)
tight = st.text(st.sampled_from("ab .\n"), max_size=80)


def expected(text):
    tokens = split_words(text)  # the tokens themselves are tested in test_tokens
    return {**fineweb(text, tokens), **paper(text), **datatrove(text, tokens), **dolma(text)}


def measured(values):
    names = [name for name, signal in SIGNALS.items() if signal.group != "basic"]
    return measure(large_strings(values)).select(names).to_pylist()


def is_close(found, wanted):
    return found.keys() == wanted.keys() and all(
        found[name] == pytest.approx(wanted[name], abs=1e-12) for name in wanted
    )


@settings(max_examples=400)
@given(st.one_of(texts, repetitive, tight))
@example("")
@example("\n")
@example(" \n\n a\n\na \n")
@example("a\r\na\r\n\r\na")
@example("a b " * 30)
@example("x" * 300 + " y")
@example("\n\nfoo\n\nfoo\n\n")
def test_signals_are_what_plain_python_says(text):
    found, wanted = measured([text])[0], expected(text)
    assert is_close(found, wanted), {
        name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]
    }


@given(st.lists(st.one_of(repetitive, tight), max_size=5))
def test_documents_do_not_touch_each_other(values):
    assert measured(values) == [measured([value])[0] for value in values]


@given(columns)
def test_slices_are_honoured(values):
    column = large_strings(["before", *values])
    assert measure(column.slice(1)).equals(measure(large_strings(values)))


def test_more_strings_than_a_vocabulary_keeps():
    long = [" ".join(f"w{i * 7919 + k}" for k in range(25_000)) for i in range(12)]
    values = [long[0], long[1], long[0] + " " + long[0], *long, "the end"]
    assert measured(values) == [measured([value])[0] for value in values]
    found = measured([long[0] + " " + long[0]])[0]
    assert found["duplicate_10gram_char_share"] == 1.0
    assert found["datatrove_duplicate_10gram_char_share"] == pytest.approx(0.5, abs=0.1)


def test_what_a_thread_remembers_is_bounded():
    values = [" ".join(f"v{i * 7919 + k}x" for k in range(20_000)) for i in range(20)]
    measure(large_strings(values))
    kept = signal_words._vocabulary(1)
    assert kept is signal_words._vocabulary(1 << 18)
    before = int(kept.state[0])
    assert before <= MAX_KEPT + 2 * 20_001
    measure(large_strings([" ".join(f"u{k}" for k in range(100_000))]))  # too long for it
    assert int(kept.state[0]) == before


def test_known_answers():
    text = "one two three\none two three\n\nfour\n\none two three\none two three\n\n"
    (found,) = measured([text])
    assert found["duplicate_line_share"] == pytest.approx(3 / 5)
    assert found["duplicate_paragraph_share"] == pytest.approx(1 / 3)
    assert found["dolma_duplicate_line_share"] == pytest.approx(8 / 9)  # four lines, and four empty ones
    assert found["datatrove_duplicate_line_share"] == pytest.approx(3 / 6)  # the last one is empty
    assert found["top_2gram_char_share"] == pytest.approx(4 * 6 / (4 * 11 + 4))
    assert found["datatrove_top_2gram_char_share"] == pytest.approx(4 * 7 / len(text))
    assert found["fineweb_newline_to_word_ratio"] == pytest.approx(text.count("\n") / 13)


def test_a_text_of_nothing_but_one_character_is_quick():
    huge = ["x" * 1_000_000, "\n" * 300_000, "a " * 300_000, "a\n" * 300_000, "@." * 200_000, "''" * 200_000]
    found = measured(huge)
    assert found[2]["top_2gram_char_share"] == 1.0
    assert found[3]["duplicate_line_share"] == pytest.approx(1.0, abs=1e-4)
    assert found[1]["dolma_duplicate_line_share"] == 1.0
