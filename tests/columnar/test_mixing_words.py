"""Languages that share a script: what words tell, and what must not be told."""

import pytest

from columnar.mixing import consistency, consistency_batch, label_tokens, spans


def labels(text, candidates=None, target=None):
    tokens = label_tokens(text, candidates, target)
    rows = zip(tokens.start.tolist(), tokens.end.tolist(), tokens.language.tolist(), strict=True)
    return {text[start:end]: tokens.names[language] for start, end, language in rows}


ENGLISH = "We first compute the area of the square, and then we subtract the area of the circle from it. "


def test_clauses_are_told_apart_with_two_languages_given():
    found = labels("The weather was nice, mais il a plu toute la journée.", ("en", "fr"))
    assert [found[w] for w in ("weather", "nice")] == ["en", "en"]
    assert [found[w] for w in ("mais", "il", "toute", "journée")] == ["fr"] * 4


@pytest.mark.parametrize(
    ("clause", "language"),
    [
        ("weil ich es nicht wusste", "de"),
        ("porque no lo sabía nadie", "es"),
        ("porque ele não sabia disso", "pt"),
        ("bo nikt tego nie wiedział", "pl"),
        ("karena tidak ada yang tahu", "id"),
        ("vì không ai biết điều đó", "vi"),
    ],
)
def test_a_clause_in_500_words_is_reported_whoever_it_is_of(clause, language):
    text = ENGLISH * 15 + clause + ", " + ENGLISH * 15
    (span,) = spans(text, target="en")
    assert (text[span.start : span.end], span.language, span.severity) == (clause, language, "same_script")
    assert 0.9 < span.score <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        "Janet has 3 apples and Wolfgang Amadeus Mozart has $5$. How many does she have?",
        "The déjà vu of Angela Merkel in Buenos Aires was a kind of Schadenfreude.",
        "Let k, k and o be such that i, k, o, z, k, a, k are the letters of a word that we spell.",
        "THE END OF THE WORLD, said the BBC and the NASA.",
        "Let f(x) = sin(x) + max(a, b); see `le code est ici et là` and https://le.monde.fr/la/vie/est/belle",
    ],
)
def test_names_terms_and_code_are_not_reported(text):
    assert spans(text, target="en") == []
    assert consistency(text, "en").lenient.ratio == 1.0


def test_strict_counts_what_lenient_forgives():
    counts = consistency("我们用 Python 写了 Machine Learning 的代码。", "zh")
    assert {span.severity for span in counts.spans} == {"minor"}
    assert counts.strict.ratio < 1.0 == counts.lenient.ratio
    assert counts.off_script_share == 0.0


def test_the_target_may_be_the_texts_own():
    counts = consistency("Il fait beau aujourd'hui et nous allons à la plage avec les enfants.", "und")
    assert (counts.target, counts.strict.ratio) == ("fr", 1.0)
    assert consistency("1 + 1", "und").target == "und"


def test_kana_and_simplified_characters_tell_japanese_from_chinese():
    assert set(labels("これは日本語です。", ("zh", "ja")).values()) == {"ja"}
    assert set(labels("这是中文。", ("zh", "ja")).values()) == {"zh"}
    text = "これは本です。这个问题很难。次に進みます。"
    (span,) = spans(text, target="ja")
    assert (text[span.start : span.end], span.language) == ("这个问题很难", "zh")
    assert spans("東京大学。これは大学です。", target="ja") == []


def test_a_batch_answers_as_each_text_alone():
    texts = [
        ENGLISH,
        "",
        "Das ist gut, but not so nice as we had thought. " * 3,
        "成的 $x$",
        "Привет, як справи у тебе?",
        ENGLISH + "成",
    ]
    targets = ["en", "en", "de", "en", "ru", "und"]
    assert consistency_batch(texts, targets) == [consistency(t, g) for t, g in zip(texts, targets, strict=True)]
    with pytest.raises(ValueError, match="argument"):
        consistency_batch(["a"], [])


def test_bad_candidates_are_refused():
    with pytest.raises(ValueError, match="ISO 639"):
        spans("text", ["english"], "en")
    assert spans("un texte", ["tlh"], "tlh") == []  # a language that the model does not know is told by its script


@pytest.mark.parametrize(
    "text",
    [
        "a成" * 50_000,
        "the le " * 20_000,
        "aα" * 50_000,
        "aб" * 50_000,
        "\u0301" * 100_000,
        "\u202e\u2066\u200f" * 30_000,
        "\ud800x" * 30_000,
        "w" * 200_000,
        "a'" * 50_000,
        "A " * 50_000,
        "$" * 100_000,
        "の漢" * 50_000,
        "\0" * 1_000 + "\n" * 100_000,
        "1.2," * 50_000,
    ],
    ids=lambda text: ascii(text[:4]),
)
@pytest.mark.parametrize("target", ["en", "ja"])
def test_hostile_texts_end(text, target):
    counts = consistency(text, target)
    assert 0.0 <= counts.strict.ratio <= counts.lenient.ratio <= 1.0
    at = 0
    for span in counts.spans:
        assert at <= span.start < span.end <= len(text)
        at = span.end
