import numpy as np
import pytest
from normal_words import simplified

from columnar.codepoints import NUM_CODE_POINTS
from columnar.normalization import BLANK, DIGIT, DROPPED, HANGUL, SEQUENCE, normal_form, normal_forms


def test_table_is_the_definition_for_every_code_point():
    forms, starts, pool = normal_forms()
    for c in range(NUM_CODE_POINTS):
        character, entry = chr(c), int(forms[c])
        if entry == DIGIT:
            assert character.isdecimal()
        elif entry == HANGUL:
            assert "가" <= character <= "힣"
        else:
            expected = " " if character.isspace() else normal_form(character)
            if entry == BLANK:
                got = " "
            elif entry == DROPPED:
                got = ""
            elif entry <= SEQUENCE:
                k = SEQUENCE - entry
                got = "".join(map(chr, pool[starts[k] : starts[k + 1]]))
            else:
                got = chr(entry)
            assert got == expected, hex(c)
    assert {int(forms[c]) for c in range(0xAC00, 0xD7A4)} == {HANGUL}
    assert all(forms[c] == DIGIT for c in map(ord, "0123456789०９"))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Crème Brûlée", "creme brulee"),
        ("ÅNGSTRÖM", "angstrom"),
        ("İstanbul ΟΔΟΣ", "istanbul οδοσ"),
        ("3.14 and 1,000,000", "0 and 0 0"),
        ("v1.2.3-rc4", "v0 0 rc0"),
        ("x_y(z)=[a]", "x y z a"),
        ("１２３ ٣٫٥", "0 0"),
        ("a\u00a0b\u2003c\x07d", "a b c d"),
        ("ざ", "さ"),
    ],
)
def test_oracle_normalises_as_published(text, normal):
    assert simplified(text) == normal


def test_tables_cannot_be_changed():
    for table in normal_forms():
        with pytest.raises(ValueError, match="read-only"):
            table[:1] = np.int32(0)
