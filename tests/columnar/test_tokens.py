"""English words against the rules as patterns, and known answers of spaCy's (which benchmarks/bench_agreement.py runs itself)."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plain_readings import plain_tokens
from text_strategies import texts

from columnar.tokens import split_words
from columnar.tokens_tables import special_cases

# Pieces that no URL, face or other special case than the oracle's comes of.
_PIECES = [
    "foo",
    "Bar",
    "BAZ",
    "don't",
    "it's",
    "I'm",
    "cannot",
    "3",
    "42",
    "km",
    ",",
    "..",
    "...",
    '"',
    "#",
    "+",
    "%",
    "&",
    "-",
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join))
@example("foo--Bar")
@example("3-4-Bar")
@example("'don't'")
@example("foo...Bar")
def test_tokens_are_what_patterns_say(chunk):
    assert split_words(chunk) == plain_tokens(chunk)


@given(texts)
def test_tokens_join_to_their_chunks(text):
    assert "".join(split_words(text)) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, (world)!", "Hello|,|(|world|)|!"),
        ("don't can't it's we'll", "do|n't|ca|n't|it|'s|we|'ll"),
        ("don’t ‘quoted’", "do|n’t|‘|quoted|’"),
        ("im cannot gonna", "i|m|can|not|gon|na"),
        ("Mr. Smith, U.S.A. e.g. this.", "Mr.|Smith|,|U.S.A.|e.g.|this|."),
        ("at 9am, 5km or 10%", "at|9|am|,|5|km|or|10|%"),
        ("US$5 5$ $5", "US$|5|5|$|$|5"),
        ("see https://example.com/a?b=c, or foo@bar.org.", "see|https://example.com/a?b=c|,|or|foo@bar.org|."),
        ("8.8.8.8 10.0.0.1 localhost:80 www.a-b.com:80/x", "8.8.8.8|10.0.0.1|localhost:80|www.a-b.com:80/x"),
        ("well-known a--b x/y a=b 1-2 v1.2", "well|-|known|a|--|b|x|/|y|a|=|b|1|-|2|v1.2"),
        ("wait...what end.Start", "wait|...|what|end|.|Start"),
        (":) hello:) <3 (o_O)", ":)|hello|:)|<3|(|o_O|)"),
        ("x\u3000y\x85z", "x|y|z"),
        ("C++ +1 1+ ++", "C++|+1|1|+|+|+"),
        ("你好，世界。", "你好，世界|。"),
        ("I❤you ☀", "I|❤|you|☀"),
    ],
)
def test_known_answers(text, tokens):
    assert split_words(text) == tokens.split("|")


def test_special_cases_are_tokens_that_join_to_them():
    cases = special_cases()
    assert len(cases) == 1343
    assert all("".join(tokens) == word for word, tokens in cases.items())
    assert all(split_words(word) == list(tokens) for word, tokens in cases.items())
    assert "its" not in cases
    assert "well" not in cases
