"""C4's line edits against a plain-Python oracle, and against the wording of paper and released code."""

import pyarrow as pa
import pytest
from c4_oracle import edit as oracle
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text_strategies import large_strings, texts

from columnar.line_c4 import COUNTS
from columnar.lines import LINE_EDITS, edit_lines
from columnar.segments import PUNKT, SPACY, count_sentences

C4 = ["c4_tfds", "c4_paper", "c4_datatrove", "c4_fineweb", "c4_dolma"]
READING = {"c4_tfds": PUNKT, "c4_paper": PUNKT, "c4_datatrove": SPACY, "c4_fineweb": SPACY}

PIECES = st.sampled_from(
    ["a", "bc", "é", "的", " ", " ", " ", "\n", "\n", "\r\n", "\r", "\u2028", "\x0b", "\x85", "\xa0", ".", "?", "!", '"', "'", "...",
     "{", "[12]", "[]", "[edit]", "[citation needed]", "[１]", "[", "]", "[[1]]", "Javascript", "java[1]script", "LOREM ipsum", "lorem",
     " ipsum", "privacy policy", "use coo\u212aies", "Uses Cookies", "terms of use", "word word word word.", "x" * 1001, "x" * 1000,
     "One two three four five.", "Dr. No went out. He left!", "end.Next"]
)  # fmt: skip
PAGES = st.one_of(st.lists(PIECES, max_size=40).map("".join), texts)


def run(text, preset):
    edited, signals = edit_lines(large_strings([text]), preset)
    edited.validate(full=True)
    values = signals.to_pylist()[0]
    return edited[0].as_py(), {name.removeprefix(f"{preset}_"): value for name, value in values.items()}


@settings(max_examples=300, deadline=None)
@given(page=PAGES, preset=st.sampled_from(C4))
@example("", "c4_dolma")
@example("a\r\nb", "c4_dolma")
@example("[1] [2] [3]", "c4_fineweb")
def test_as_the_oracle_says(page, preset):
    text, counts = run(page, preset)
    expected, expected_counts, kept = oracle(page, preset)
    assert text == expected
    sentences = counts.pop("sentences")
    del expected_counts["sentences"]
    assert counts == expected_counts
    if preset in READING:
        assert sentences == int(count_sentences(large_strings(kept), READING[preset]).sum())


@settings(max_examples=60, deadline=None)
@given(pages=st.lists(PAGES, max_size=6), start=st.integers(0, 3), preset=st.sampled_from(C4))
def test_documents_do_not_touch_each_other(pages, start, preset):
    whole = edit_lines(large_strings(pages), preset)
    sliced = edit_lines(large_strings(pages).slice(start), preset)
    assert sliced.texts.to_pylist() == whole.texts.slice(start).to_pylist()
    assert sliced.signals.to_pylist() == whole.signals.slice(start).to_pylist()
    assert whole.texts.to_pylist() == [run(page, preset)[0] for page in pages]


GOOD = "This line has more than five words."


@pytest.mark.parametrize(
    ("line", "preset", "stays"),
    [
        (GOOD, "c4_tfds", GOOD),
        ("No mark at its end anywhere here", "c4_tfds", ""),
        ("No mark at its end anywhere here", "c4_fineweb", "No mark at its end anywhere here"),
        ("It goes on and on and on...", "c4_tfds", ""),
        ("It goes on and on and on…", "c4_tfds", ""),
        ("It goes on and on and on...", "c4_dolma", "It goes on and on and on..."),
        ("'They said it was the end'", "c4_datatrove", "'They said it was the end'"),
        ("'They said it was the end'", "c4_paper", ""),
        ("Only four words here.", "c4_tfds", ""),
        ("Only four words here.", "c4_paper", "Only four words here."),
        ("These five words [1] [2] are left.", "c4_tfds", "These five words   are left."),
        ("Two [1] [2].", "c4_tfds", ""),
        ("Two [1] [2].", "c4_datatrove", "Two  ."),
        ("The city [edit] has many[3] people[citation needed].", "c4_tfds", "The city  has many people."),
        ("Please enable JavaScript to read this page.", "c4_tfds", ""),
        ("Please enable JavaScript to read this page.", "c4_dolma", "Please enable JavaScript to read this page."),
        ("By visiting you accept our Privacy Policy today.", "c4_tfds", ""),
        ("This site uses cookies for many reasons.", "c4_datatrove", ""),
        ("A cookie is a sweet thing to eat.", "c4_datatrove", "A cookie is a sweet thing to eat."),
        ("A line with " + "x" * 1001 + " in its very middle.", "c4_tfds", ""),
        ("   \t" + GOOD + "\xa0 ", "c4_tfds", GOOD),
    ],
)
def test_known_lines(line, preset, stays):
    assert run(line, preset)[0] == stays
    assert run(f"{GOOD}\n{line}\n{GOOD}", preset)[0] == "\n".join(filter(None, [GOOD, stays, GOOD]))


def test_a_page_is_read_on_after_what_drops_it():
    page = "Lorem ipsum dolor sit amet now.\nfunction() { return 1 } is some code here.\nThat is the very last line."
    _, counts = run(page, "c4_tfds")
    assert (counts["lorem_ipsum_lines"], counts["curly_bracket_lines"], counts["sentences"]) == (1, 1, 3)


@pytest.mark.parametrize("preset", C4)
def test_hostile_texts_end(preset):
    hostile = ["[" * 1_000_000, "[1" * 500_000, "\n" * 1_000_000, "a. " * 300_000, "." * 1_000_000, "\xa0" * 300_000 + ".",
               "\0" * 1000, "é" * 500_000, "a.\n" * 300_000]  # fmt: skip
    edited, signals = edit_lines(large_strings(hostile), preset)
    edited.validate(full=True)
    assert signals.column(f"{preset}_lines").to_pylist()[2] == 1_000_000 + (preset == "c4_dolma")


def test_broken_utf8_stays_in_its_bounds():
    broken = b"One two three four \xe2\x82. \xff{\xf0\x9f[1]\xc3."
    offsets = pa.py_buffer(b"".join(n.to_bytes(8, "little") for n in (0, len(broken), 2 * len(broken))))
    texts = pa.LargeStringArray.from_buffers(2, offsets, pa.py_buffer(broken * 2))
    for preset in C4:
        signals = edit_lines(texts, preset).signals
        assert signals.column(f"{preset}_curly_bracket_lines").to_pylist() == [1, 1]


def test_columns_are_named_after_the_preset():
    for name in C4:
        assert list(LINE_EDITS[name].signals) == [f"{name}_{count}" for count in COUNTS]
        assert edit_lines(large_strings([]), name).texts.to_pylist() == []
