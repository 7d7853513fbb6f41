"""The texts that language mixing is measured on: their truth, and the scores of labellings that are known."""

import pytest

from benchmarks import mixed_clauses as source
from benchmarks import mixed_texts as mixed

EN_ZH = mixed.MixedText(
    "He said 你好吗 and $x+y$ left. 再见 TV a",
    "en",
    (
        mixed.Piece(0, 7, "en"),
        mixed.Piece(8, 11, "zh"),
        mixed.Piece(12, 15, "en"),
        mixed.Piece(16, 21, "zxx"),
        mixed.Piece(22, 27, "en"),
        mixed.Piece(28, 30, "zh"),
        mixed.Piece(31, 35, "en"),
    ),
)


@pytest.fixture(autouse=True)
def data(reference_data):
    for name in ("tatoeba", "mgsm", "math", "humaneval"):
        reference_data(name)


def test_words_are_scored_or_characters_where_there_are_no_spaces():
    text = "Tom's 11 deep-sea 你好 dogs, I am in the USA, हिन्दी п'ять x2 sinh成的 ไทย"
    words = list(mixed.words_of(text))
    assert " ".join(text[start:end] for start, end, scored in words if not scored) == "I USA x"
    assert (
        " ".join(text[start:end] for start, end, scored in words if scored)
        == "Tom's deep-sea 你 好 dogs am in the हिन्दी п'ять sinh 成 的 ไ ท ย"
    )


def test_the_truth_itself_scores_full_marks():
    for text in (EN_ZH, *mixed.splices(("ru", "uk"), 20)):
        found = mixed.score(text, text.pieces)
        assert found.right == found.words
        assert found.true_share == found.found_share
        assert found.zxx_right == found.zxx_chars


def test_errors_are_counted_by_word_and_formulas_apart():
    found = mixed.score(EN_ZH, [(0, len(EN_ZH.text), "en")])
    assert found == mixed.Score(words=9, right=4, true_share=6 / 11, found_share=1.0, zxx_chars=2, zxx_right=0)
    found = mixed.score(EN_ZH, [(0, 2, "en"), (3, 7, "zxx"), (8, 10, "zh"), (16, 21, "zxx")])
    assert (found.words, found.right, found.found_share, found.zxx_right) == (9, 3, 1 / 3, 2)
    assert mixed.accuracy([found, found]) == 3 / 9
    assert mixed.share_error([found]) == pytest.approx(6 / 11 - 1 / 3)
    assert mixed.score(EN_ZH, []).right == 0


def test_a_word_has_the_label_of_most_of_its_characters():
    text = mixed.MixedText("Hausmeister", "de", (mixed.Piece(0, 11, "de"),))
    assert mixed.score(text, [(0, 4, "en"), (4, 11, "de")]).right == 1
    assert mixed.score(text, [(0, 7, "en"), (7, 11, "de")]).right == 0


def test_a_clause_is_found_when_half_of_it_is_covered():
    text = mixed.MixedText(
        "ab cd ef", "de", (mixed.Piece(0, 2, "de"), mixed.Piece(3, 5, "en"), mixed.Piece(6, 8, "de"))
    )
    assert mixed.is_found(text, [(4, 8, "fr")])
    assert not mixed.is_found(text, [(0, 3, "fr"), (5, 8, "fr")])
    assert mixed.flagged_share([text, text], lambda _: []) == 0.0
    assert mixed.flagged_share([text, EN_ZH], lambda found: [(0, 2, "en")] if found is text else []) == 0.5


@pytest.mark.parametrize("pair", mixed.PAIRS)
def test_splices_hold_both_languages_and_what_has_none(pair):
    texts = mixed.splices(pair, 30)
    assert texts == mixed.splices(pair, 30)
    assert texts != mixed.splices(pair, 30, seed=1)
    for text in texts:
        assert text.foreign()
        assert {piece.language for piece in text.pieces} <= {*pair, "zxx"}
        assert all(left.end <= right.start for left, right in zip(text.pieces, text.pieces[1:], strict=False))
        gaps = zip((0, *(p.end for p in text.pieces)), (*(p.start for p in text.pieces), len(text.text)), strict=True)
        assert all(not text.text[start:end].strip() for start, end in gaps)
        for piece in text.pieces:
            if piece.language != "zxx":
                assert not source.has_foreign_letters(text.text[piece.start : piece.end], piece.language)
    kinds = [t.text[p.start : p.end].strip()[:2] for t in texts for p in t.pieces if p.language == "zxx"]
    assert {kind[0] for kind in kinds} == {"$", "\\", "`"}


def test_what_thresholds_are_set_on_is_never_what_is_reported():
    for language in mixed.LANGUAGES:
        assert set(source.sentences(language, "tune")).isdisjoint(source.clean_sentences(language, "test"))
    tuned, tested = (mixed.splices(("en", "zh"), 20, part) for part in ("tune", "test"))
    assert {t.text for t in tuned}.isdisjoint(t.text for t in tested)
    assert set(source.questions("de", "tune")).isdisjoint(source.questions("de"))
    assert len(source.questions("de", "all")) == 250


def test_clean_texts_are_of_one_language_each():
    found = mixed.clean_texts()
    assert len(found["mgsm"]) == 11 * 125
    assert len(found["tatoeba"]) > 1600
    assert all(len(text.pieces) == 1 and not text.foreign() for texts in found.values() for text in texts)
    assert not any("Laila se quedó" in text.text for text in mixed.clean_texts("all")["tatoeba"])


def test_one_word_of_another_script_is_planted_in_500():
    for text in mixed.planted_words(60):
        (planted,) = text.foreign()
        word = text.text[planted.start : planted.end]
        assert len(word.split()) == 1
        assert len(word) >= 2
        before, after = text.text[: planted.start], text.text[planted.end :]
        assert not source.has_foreign_letters(before + after, text.target)
        assert source.has_foreign_letters(word, text.target)
        words = len(before + after) if source.is_unspaced(text.target) else len((before + after).split())
        assert 500 <= words < 600


def test_one_clause_of_the_same_script_is_planted_in_500_words():
    targets = set()
    for text in mixed.planted_clauses(60):
        (planted,) = text.foreign()
        assert 4 <= len(text.text[planted.start : planted.end].split()) <= 8
        assert not source.has_foreign_letters(text.text, text.target)
        targets.add(text.target)
    assert targets & {"ru", "uk"}
