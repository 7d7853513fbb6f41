import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from columnar.codepoints import code_points
from columnar.mixing_languages import COMMON_WORDS, LETTERS, SINGLE_LETTER_WORDS
from columnar.word_language import CAP, MAX_WORD_CHARS, score_words, word_tables

LANGUAGES = ("en", "fr", "de", "es", "pt", "it")


def scores(*words, languages=LANGUAGES):
    """The scores of words, by language."""
    ends = np.cumsum([len(word) for word in words])
    out = np.empty((len(words), len(languages)), np.float32)
    starts = np.concatenate(([0], ends[:-1])).astype(np.int64)
    score_words(code_points("".join(words)), starts, ends.astype(np.int64), word_tables(languages), out)
    return [dict(zip(languages, row.tolist(), strict=True)) for row in out]


@pytest.mark.parametrize(
    ("word", "language"),
    [
        ("house", "en"),
        ("the", "en"),
        ("Schule", "de"),
        ("mañana", "es"),
        ("não", "pt"),
        ("beaucoup", "fr"),
        ("qu’il", "fr"),
        ("perché", "it"),
    ],
)
def test_the_likeliest_language_of_a_word(word, language):
    (row,) = scores(word)
    assert row[language] == 0.0 == max(row.values())
    assert sorted(row.values())[-2] <= -1.0
    assert min(row.values()) >= -CAP


def test_case_and_composition_do_not_matter():
    plain, capital, decomposed = scores("mañana", "MAÑANA", unicodedata.normalize("NFD", "mañana"))
    assert plain == capital == decomposed


def test_a_letter_that_a_language_lacks_speaks_against_it():
    russian, ukrainian = scores("вы", "цієї", languages=("ru", "uk"))
    assert russian["uk"] <= -5.0
    assert ukrainian["ru"] <= -5.0


def test_the_model_itself_is_py3langids():
    """Where no table of ours speaks, differences are those of the library's own log probabilities."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    library = LanguageIdentifier.from_model_file(MODEL_FILE)
    library.set_languages(["en", "de"])
    for word in ("station", "wunderbar", "quickly"):
        ranked = dict(library.rank(f" {word} "))
        (row,) = scores(word, languages=("en", "de"))
        if min(row.values()) > -CAP:
            assert (ranked["en"] > ranked["de"]) == (row["en"] > row["de"])


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=20))
def test_scores_do_not_depend_on_what_was_scored_before(words):
    words = [word for word in words if word]
    together = scores(*words)
    apart = [scores(word)[0] for word in words]
    assert together == apart
    assert all(-CAP <= value <= 0.0 for row in together for value in row.values())


def test_a_word_of_a_megabyte_is_read_at_its_beginning():
    long, start = scores("house" * 200_000, ("house" * 20)[:MAX_WORD_CHARS])
    assert long == start


def test_the_tables_are_in_lower_case_and_composed():
    for table in (COMMON_WORDS, LETTERS, SINGLE_LETTER_WORDS):
        for language, words in table.items():
            assert words == words.lower() == unicodedata.normalize("NFC", words), language
    for language, words in COMMON_WORDS.items():
        letters = {c for c in words if c.isalpha() and ord(c) > 127}
        assert letters <= set(LETTERS[language]), (language, letters - set(LETTERS[language]))


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="does not know"):
        word_tables(("en", "tlh"))
