"""The report's text and number layer: visible marks, excerpts, differences, formats, intervals, charts."""

import difflib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from service.report import charts
from service.report.formats import format_bytes, format_number, format_percent
from service.report.highlight import (
    MAX_MARKUP_FACTOR,
    MAX_SPANS,
    Span,
    differences,
    excerpt,
    plain_marks,
    shorten,
    visible,
)
from service.report.selected import log_bins
from service.report.verdicts import rate_interval

BIDI = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)]
INVISIBLE = [
    *BIDI,
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u2028",
    "\u2029",
    "\x00",
    "\x1b",
    "\x7f",
    "\x85",
    "\U000e0041",
    "\ud800",
]


def plain(markup: Markup) -> str:
    """The text that a reader sees, without the marks' titles."""
    pieces: list[str] = []
    parser = HTMLParser(convert_charrefs=True)
    parser.handle_data = pieces.append  # type: ignore[method-assign]
    parser.feed(str(markup))
    parser.close()
    return "".join(pieces)


@pytest.mark.parametrize("character", INVISIBLE, ids=[f"U+{ord(character):04X}" for character in INVISIBLE])
def test_a_character_that_no_eye_sees_becomes_a_mark(character):
    for shown in (plain_marks(f"a{character}b"), str(visible(f"a{character}b"))):
        assert character not in shown
        assert len(shown) > 2


def test_marks_say_which_character_it_was():
    assert plain_marks("\u202eevil\x00\t\n") == "\u27e6RLO\u27e7evil\u2400\t\n"
    assert 'title="U+202E RIGHT-TO-LEFT OVERRIDE"' in visible("\u202e")


def test_joiners_stay_for_the_scripts_that_need_them():
    persian, family = "می\u200cخواهم", "👩\u200d👧"
    assert plain_marks(persian + family) == persian + family


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from([*INVISIBLE, "<", "&", '"'])), max_size=200))
def test_visible_text_reads_as_plain_marks_and_opens_no_element(text):
    markup = visible(text)
    assert plain(markup) == plain_marks(text)
    assert set(re.findall(r"<(/?\w+)", str(markup))) <= {"span", "/span"}


@given(
    st.text(max_size=400),
    st.lists(st.tuples(st.integers(-5, 420), st.integers(-5, 420)), max_size=8),
    st.integers(20, 500),
)
def test_an_excerpt_shows_the_text_less_what_it_says_it_leaves_out(text, places, limit):
    markup = excerpt(text, [Span(start, end, "zh") for start, end in places], limit, context=10)
    counted = [int(found.replace(",", "")) for found in re.findall(r"⋯ ([\d,]+) character", str(markup))]
    without_gaps = re.sub(r' <span class="gap".*?</span> ', "\0", str(markup))
    kept = plain(Markup(without_gaps)).split("\0")
    if str(markup).count("<") > 60 or any(mark in plain_marks(text) for mark in "⟦␀\ufffd⋯"):
        return
    assert sum(map(len, kept)) + sum(counted) == len(text)


def test_spans_far_inside_a_long_text_are_shown_highlighted():
    text = "a" * 50_000 + "sinh成的" + "b" * 50_000
    markup = excerpt(text, [Span(50_004, 50_006, "zh", "off_script")], 600)
    assert '<mark title="zh, off_script">成的</mark>' in markup
    assert len(plain(markup)) < 1000
    assert plain(markup).startswith("aaa")


def test_hostile_texts_cannot_blow_the_page_up():
    limit = 1000
    spans = [Span(place, place + 1, "x" * 60) for place in range(0, 100_000, 2)]
    for text in ("\u202e\u2066" * 50_000, "\x00" * 100_000, '<">' * 40_000):
        assert len(excerpt(text, [], limit)) <= MAX_MARKUP_FACTOR * limit
    assert excerpt("a" * 100_000, spans, limit).count("<mark") <= MAX_SPANS


def test_overlapping_spans_never_nest_or_repeat_text():
    markup = excerpt("abcdef", [Span(0, 4, "x"), Span(2, 6, "y"), Span(3, 3, "z"), Span(9, 12, "w")], 100)
    assert plain(markup) == "abcdef"
    assert str(markup) == '<mark title="x">abcd</mark><mark title="y">ef</mark>'


def test_differences_mark_exactly_the_words_that_differ():
    left = "one two three four five " * 40 + "the cat sat on the mat " + "six seven " * 40
    hunks, more = differences(left, left.replace("cat", "dog"), 4)
    assert more == 0
    assert len(hunks) == 1
    assert '<mark class="kept-only">cat</mark>' in hunks[0].left
    assert '<mark class="removed-only">dog</mark>' in hunks[0].right
    assert hunks[0].skipped > 150


def test_differences_find_single_ideographs():
    hunks, _ = differences("东京大学的研究人员发布了数据", "东京大学的学生发布了数据", 4)
    assert '<mark class="kept-only">研究人员</mark>' in hunks[0].left
    assert '<mark class="removed-only">学生</mark>' in hunks[0].right


def test_differences_escape_what_they_show():
    hunks, _ = differences("x <script>a</script> y", "x <script>b\u202e</script> y", 4)
    assert "<script" not in hunks[0].left + hunks[0].right
    assert "RLO" in hunks[0].right


def test_close_differences_stand_in_one_piece():
    left = "one two three four. " * 3 + "red and green and blue things " + "five six " * 30 + "last word"
    right = left.replace("red", "RED").replace("blue", "BLUE").replace("last", "LAST")
    hunks, more = differences(left, right, 4)
    assert more == 0
    assert [str(hunk.left).count("<mark") for hunk in hunks] == [2, 1]
    assert "and green and" in hunks[0].right
    assert differences(left, right, 1)[1] == 1


def test_a_comparison_that_is_cut_off_shows_no_difference_of_its_own():
    left = " ".join(f"word{number}" for number in range(40_000))
    right = left.replace("word10 ", "changed ").replace("word39990 ", "changed again ")
    hunks, _ = differences(left, right, 8)
    assert [str(hunk.left).count("<mark") for hunk in hunks] == [1]
    assert ">word10<" in hunks[0].left


def test_what_is_added_at_the_end_is_marked_alone():
    hunks, _ = differences("a b c", "a b c\n# copy", 4)
    assert (str(hunks[0].left), str(hunks[0].right)) == ("a b c", 'a b c\n<mark class="removed-only"># copy</mark>')


def test_a_difference_in_white_space_alone_is_marked_with_it():
    hunks, _ = differences("a b c", "a  b c", 4)
    assert '<mark class="removed-only">a  </mark>' in hunks[0].right


def test_equal_texts_give_their_beginning():
    hunks, more = differences("same words " * 500, "same words " * 500, 4)
    assert (len(hunks), more) == (1, 0)
    assert hunks[0].left == hunks[0].right
    assert "<mark" not in hunks[0].left


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30),
    st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30),
)
def test_differences_agree_with_difflib_on_whether_texts_differ(left, right):
    hunks, _ = differences(" ".join(left), " ".join(right), 100)
    marked = any("<mark" in hunk.left + hunk.right for hunk in hunks)
    assert marked == (difflib.SequenceMatcher(None, left, right).ratio() < 1)


def test_long_names_are_cut_in_the_middle():
    assert shorten("a" * 50 + "b" * 50, 21) == "a" * 10 + "…" + "b" * 10
    assert shorten("short", 21) == "short"


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "0.977 KiB"), (1 << 20, "1 MiB"), (5 << 40, "5,120 GiB")]
)
def test_sizes(value, shown):
    assert format_bytes(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 %"), (0.00001, "<0.1 %"), (0.5, "50 %"), (0.4567, "45.7 %"), (0.99999, ">99.9 %"), (1, "100 %")],
)
def test_shares_never_round_to_none_or_all(value, shown):
    assert format_percent(value) == shown


def test_numbers():
    assert [format_number(value) for value in (None, 1234567, 0.01234, 12.0)] == ["–", "1,234,567", "0.0123", "12"]


@pytest.mark.parametrize(
    ("passed", "scored", "low", "high"),
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_against_published_values(passed, scored, low, high):
    assert rate_interval(passed, scored) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_of_nothing_is_everything():
    assert rate_interval(0, 0) == (0.0, 1.0)


@given(st.dictionaries(st.integers(0, 10**7), st.integers(1, 50), min_size=1, max_size=40))
def test_log_bins_hold_every_value_once(counted):
    edges, bins = log_bins(counted, 6)
    values = np.repeat([max(1, value) for value in counted], list(counted.values()))
    assert bins == np.histogram(values, np.array(edges) * (1 - 1e-13))[0].tolist()


@pytest.mark.parametrize("top", [1, 3, 7, 99, 100, 12_345, 10**9])
def test_axis_ticks_are_few_round_and_reach_the_top(top):
    ticks = charts.nice_ticks(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top
    assert 2 <= len(ticks) <= 7
    assert all(float(tick).is_integer() for tick in ticks)


def parsed(markup: Markup) -> ET.Element:
    return ET.fromstring(str(markup))


def test_histogram_bars_are_as_high_as_their_counts():
    series = [charts.Series("before", "came in", [0, 10, 5]), charts.Series("after", "kept", [0, 5, 5])]
    root = parsed(charts.histogram([1, 10, 100, 1000], series, title="t<", x_label="x", y_label="y", log=True))
    heights = [float(bar.get("height", 0)) for bar in root.iter("rect")]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.05)
    assert heights[1] == pytest.approx(heights[2], abs=0.05)
    assert root.findtext("title") == "t<"
    labels = [node.text for node in root.iter("text")]
    assert {"x", "y", "1", "10", "100", "1k"} <= set(labels)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_stacked_parts_never_leave_the_bar(shares):
    root = parsed(charts.share_bar([("p-kept", "part", share) for share in shares], "bar"))
    for bar in root.iter("rect"):
        assert 0 <= float(bar.get("x", 0)) <= 1000.01 or float(bar.get("width", 0)) == 0


def test_charts_escape_labels():
    markup = charts.interval_bar(0.5, 0.2, 0.8, '"><script>alert(1)</script>')
    assert "<script" not in markup
    assert parsed(markup).get("aria-label") == '"><script>alert(1)</script>'
