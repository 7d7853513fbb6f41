"""Sentence counts in both readings: known answers of Punkt and of spaCy's sentencizer, and bounds that any text keeps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import large_strings, texts

from columnar.segments import PUNKT, SPACY, count_sentences


def count(text, reading):
    return int(count_sentences(large_strings([text]), reading)[0])


# The answers are NLTK's `sent_tokenize` and spaCy's blank English pipeline with its sentencizer.
@pytest.mark.parametrize(
    ("text", "punkt", "spacy"),
    [
        ("", 0, 0),
        ("  \n ", 0, 0),
        ("No mark at all", 1, 1),
        ("Hello world. This is it.", 2, 2),
        ("Mr. Smith went. He left!", 2, 2),
        ("He went to the U.S. The end.", 2, 1),
        ("Wait... what? No... The end.", 3, 2),
        ("3.5 percent.", 1, 1),
        ("end.Next one.", 1, 2),
        ("Say (yes.) Now", 2, 2),
        ('J. Smith won. "Really?" he said.', 3, 3),
        ("What?! Never.", 2, 2),
        ("这是一句。这是另一句。", 1, 1),
    ],
)
def test_known_answers(text, punkt, spacy):
    assert (count(text, PUNKT), count(text, SPACY)) == (punkt, spacy)


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(texts, st.text("aB .?!\"'()…。", max_size=40)), reading=st.sampled_from([PUNKT, SPACY]))
def test_bounds(text, reading):
    found = count(text, reading)
    assert (found == 0) == (not text.strip())
    assert found <= 1 + len(text)
    if reading == PUNKT:
        assert found <= max(1, len(text.split()))
    assert count(f" {text}\n", reading) == found


@pytest.mark.parametrize("reading", [PUNKT, SPACY])
def test_hostile_texts_end(reading):
    hostile = ["." * 1_000_000, "a." * 500_000, "a. " * 300_000, "?!" * 500_000, ". " * 500_000, "A" * 1_000_000 + "."]
    assert (count_sentences(large_strings(hostile), reading) >= 1).all()
