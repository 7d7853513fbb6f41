"""RefinedWeb's line-wise corrections: the paper's words, line by line."""

import pytest
from hypothesis import given, settings
from text_strategies import large_strings, texts

from columnar.lines import edit_lines

GOOD = "An ordinary line of text."


def run(text):
    edited, signals = edit_lines(large_strings([text]), "refinedweb_lines")
    edited.validate(full=True)
    return edited[0].as_py(), {k.removeprefix("refinedweb_lines_"): v for k, v in signals.to_pylist()[0].items()}


@pytest.mark.parametrize(
    ("line", "stays", "count"),
    [
        ("READ ALL ABOUT It", None, "removed_uppercase"),
        ("ÄÖÜ ÉÈÀ ок", None, "removed_uppercase"),
        ("Read All About It", "Read All About It", None),
        ("12,345.67", None, "removed_numeric"),
        ("12:30 - 14:45", None, "removed_numeric"),
        ("१२३ ४५", None, "removed_numeric"),
        ("12 apples and pears", "12 apples and pears", None),
        ("3 likes", None, "removed_counter"),
        ("1.2K views!", None, "removed_counter"),
        ("* 15 M Followers", None, "removed_counter"),
        ("3 likes of many", "3 likes of many", None),
        ("3 cats", "3 cats", None),
        ("Home", None, "removed_single_word"),
        ("这里有一行中文字", "这里有一行中文字", None),
        ("Sign-in to see all of it", " to see all of it", "mended"),
        ("We have more of it. Read more...", "We have more of it. ", "mended"),
        ("You have 3 items in cart now", "You have 3  now", "mended"),
        ("one two three four five six seven eight nine ten Read more...",) * 2 + (None,),
        ("-", None, "removed_single_word"),
        ("", "", None),
    ],
)
def test_known_lines(line, stays, count):
    text, counts = run(f"{GOOD}\r\n{line}\n{GOOD}")
    assert text == "\n".join([GOOD, GOOD] if stays is None else [GOOD, stays, GOOD])
    changed = {name for name in counts if name.startswith("removed_") and name != "removed_word_share" and counts[name]}
    assert changed | ({"mended"} if counts["mended"] else set()) == ({count} if count else set())


def test_the_share_is_of_all_words():
    _, counts = run("one two three four five six seven\nHome\nten eleven Read more...")
    assert (counts["words"], counts["words_removed"], counts["removed_word_share"]) == (12, 3, 0.25)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_lines_are_counted_and_nothing_is_invented(text):
    edited, counts = run(text)
    removed = sum(
        value for name, value in counts.items() if name.startswith("removed_") and name != "removed_word_share"
    )
    assert counts["lines"] == len(text.splitlines()) == counts["kept"] + removed
    assert len(edited) <= len(text)
    assert 0 <= counts["removed_word_share"] <= 1


def test_hostile_texts_end():
    hostile = ["A" * 1_000_000, "\n" * 1_000_000, "items in cart " * 100_000, "1 " * 500_000, "\r\n" * 100_000]
    edited, _ = edit_lines(large_strings(hostile), "refinedweb_lines")
    edited.validate(full=True)
