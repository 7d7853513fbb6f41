import unicodedata

import pytest

from columnar.codepoints import (
    ALNUM,
    BULLET,
    DECIMAL,
    LETTER,
    LINE_BREAK,
    NUM_CODE_POINTS,
    SCRIPTS,
    SPACE,
    UNSPACED,
    UNSPACED_SCRIPTS,
    code_points,
    properties,
    script_numbers,
)


@pytest.mark.parametrize(
    ("bit", "says"),
    [
        (SPACE, str.isspace),
        (LETTER, str.isalpha),
        (ALNUM, str.isalnum),
        (DECIMAL, str.isdecimal),
        (LINE_BREAK, lambda c: len(f"a{c}a".splitlines()) > 1),
        (BULLET, lambda c: c in "-*•‣◦⁃∙▪●○■"),
    ],
    ids=["space", "letter", "alnum", "decimal", "line break", "bullet"],
)
def test_properties_are_pythons_for_every_code_point(bit, says):
    table = properties()
    wrong = [hex(c) for c in range(NUM_CODE_POINTS) if bool(table[c] & bit) != says(chr(c))]
    assert wrong == []


def test_every_letter_of_a_script_without_spaces_is_marked_and_nothing_else():
    numbers, table = script_numbers(), properties()
    for c in range(NUM_CODE_POINTS):
        unspaced = SCRIPTS[numbers[c]] in UNSPACED_SCRIPTS and chr(c).isalnum()
        assert bool(table[c] & UNSPACED) == unspaced, hex(c)


@pytest.mark.parametrize(
    ("characters", "script"),
    [
        ("aZéﬁƏÅKＡ", "Latn"),
        ("αΩΩ", "Grek"),
        ("жЀ", "Cyrl"),
        ("的中㐀𠀀豈々〇", "Hani"),
        ("かゟ", "Hira"),
        ("ナﾅー", "Kana"),
        ("ㄅ", "Bopo"),
        ("한ᄀㄱ", "Hang"),
        ("שא", "Hebr"),
        ("عپ", "Arab"),
        ("अऽ", "Deva"),
        ("กำ", "Thai"),
        ("ກ", "Laoo"),
        ("က", "Mymr"),
        ("ក", "Khmr"),
        ("1.,。！😀ℵ𝐀ʰ½ ", "Zyyy"),
        ("\u0301\ufe0f", "Zinh"),
        ("𓀀", "Zzzz"),
    ],
)
def test_scripts_of_known_characters(characters, script):
    assert [SCRIPTS[script_numbers()[ord(c)]] for c in characters] == [script] * len(characters)


def test_hangul_and_han_blocks_are_whole():
    numbers = script_numbers()
    for c in (*range(0x4E00, 0x9FFD), *range(0xAC00, 0xD7A4)):
        assert SCRIPTS[numbers[c]] == ("Hang" if c >= 0xAC00 else "Hani")
        assert unicodedata.category(chr(c)) == "Lo"


def test_tables_are_made_once_and_cannot_be_changed():
    assert properties() is properties()
    with pytest.raises(ValueError, match="read-only"):
        properties()[65] = 0


def test_code_points_keep_lone_surrogates():
    assert code_points("a\ud800😀").tolist() == [0x61, 0xD800, 0x1F600]
