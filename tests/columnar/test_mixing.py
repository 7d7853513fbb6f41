import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import texts

from columnar.mixing import consistency, consistency_batch, label_tokens, spans
from columnar.writing import scripts_of


def found(text, target):
    return [(text[span.start : span.end], span.language, span.severity) for span in spans(text, target=target)]


def off(*fragments):
    return [(fragment, language, "off_script") for fragment, language in fragments]


@pytest.mark.parametrize(
    ("text", "target", "fragments"),
    [
        ("f(x) = sinh成的 và", "vi", [("成的", "zh")]),
        ("the answer is sinh成的.", "en", [("成的", "zh")]),
        ("So we have 因此, 答案是 42 indeed", "en", [("因此, 答案是", "zh")]),
        ("line 一\n二 line", "en", [("一", "zh"), ("二", "zh")]),
        ("это слово hello", "en", [("это слово", "ru")]),
        ("これは日本語 ok", "en", [("これは日本語", "ja")]),
        ("答えは日本", "zh", [("答えは日本", "ja")]),
        ("한국어 中國", "ko", [("中國", "zh")]),
        ("my pаypal account", "en", [("pаypal", "ru")]),  # a Cyrillic а
        ("gοοgle it", "en", [("gοοgle", "el")]),  # two omicrons
        ("это пaроль", "ru", [("пaроль", "und")]),  # a Latin a
        ("so $x = 成$ and $\\text{где}$", "en", [("成", "zh"), ("где", "ru")]),
        ("नमस्ते दुनिया to all", "en", [("नमस्ते दुनिया", "hi")]),
        ("Ελληνικά here", "en", [("Ελληνικά", "el")]),
        ("مرحبا بالعالم hello", "tr", [("مرحبا بالعالم", "ar")]),
        ("1. 一、二", "de", [("一、二", "zh")]),
        ("она said this is what all of them did to us", "ru", [("said this is what all of them did to us", "en")]),
    ],
)
def test_fragments_in_a_foreign_script_are_found(text, target, fragments):
    assert found(text, target) == off(*fragments)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Plain English, 100 % clean.", "en"),
        ("A café, naïve, Ångström, ﬁt, ½ №", "en"),
        ("Full width： ＡＢＣ，１２３。！", "en"),
        ("😀 👩‍👩‍👧 ✌️ → ∑ ℝ ℵ 𝐀 ™ €", "en"),
        (r"Let $α + β$, \(Ω\), α ≤ β, Δx, 5 μm, sinθcosφ, 3 kΩ and αβ", "en"),
        ("see `成的` or\n```\n# 成的\n```\nhttps://пример.рф/成 <b title='成'>x</b>", "en"),
        ("Tiếng Việt có dấu: được, những, Đà Nẵng", "vi"),
        ("今天GPU和x、sin(x)、5 kg的T恤", "zh-CN"),
        ("東京タワーは日本にあります。", "ja"),
        ("IT-компания купила 5 GB, x = y", "ru"),
        ("Србија and Srbija", "sr"),
        ("한국어 API를 쓴다", "ko"),
        ("สวัสดีครับ 5 km", "th"),
        ("", "en"),
        ("", "zh"),
    ],
)
def test_clean_text_has_no_spans(text, target):
    assert found(text, target) == []


@pytest.mark.parametrize(
    ("text", "target", "fragments"),
    [
        ("это Python от Google", "ru", ["Python", "Google"]),
        ("我喜欢 Machine Learning 课", "zh", ["Machine Learning"]),
        ("Python은 좋다", "ko", ["Python"]),
    ],
)
def test_a_few_latin_words_in_another_script_are_minor(text, target, fragments):
    assert found(text, target) == [(fragment, "en", "minor") for fragment in fragments]


def test_scores_are_shares_of_foreign_letters():
    (span,) = spans("pаypal", target="en")
    assert span.score == pytest.approx(1 / 6)
    assert [span.score for span in spans("sinh成的", target="en")] == [1.0]


def test_known_counts():
    counts = consistency("f(x) = sinh成的 và", "vi")
    assert (counts.words, counts.strict.target_words, counts.zxx_words) == (6, 1, 3)
    assert counts.strict.ratio == pytest.approx(1 / 3)
    assert counts.strict.shares == {"vi": pytest.approx(1 / 3), "zh": pytest.approx(2 / 3)}
    assert counts.strict.switches == 1
    assert counts.strict.transitions == {("zh", "vi"): 1}
    assert counts.off_script_share == pytest.approx(2 / 4)
    assert counts.spans == spans("f(x) = sinh成的 và", target="vi")


def test_text_without_language_is_consistent():
    counts = consistency("1 + 1 = 2, $x$", "en")
    assert (counts.strict.target_words, counts.strict.ratio, counts.off_script_share, counts.strict.shares) == (
        0,
        1.0,
        0.0,
        {},
    )
    assert counts.zxx_words == counts.words == 4


def test_text_in_another_language_is_not():
    counts = consistency("人人生而自由", "en")
    assert (counts.strict.ratio, counts.off_script_share, counts.strict.switches) == (0.0, 1.0, 0)
    assert counts.strict.shares == {"zh": 1.0}


@pytest.mark.parametrize("target", ["en", "zh", "ja", "ru", "ko", "el"])
@settings(max_examples=100)
@given(
    text=st.one_of(
        texts,
        st.lists(st.sampled_from(["成", "の", "a", "б", "λ", "$", "`", " ", "\u0301", "한", "IT", "."])).map("".join),
    )
)
def test_counts_are_consistent(text, target):
    counts = consistency(text, target)
    for tally in (counts.strict, counts.lenient):
        assert 0 <= tally.target_words <= tally.words == counts.words - counts.zxx_words
        assert 0.0 <= tally.ratio <= 1.0
        assert sum(tally.shares.values()) == pytest.approx(1.0 if tally.words else 0.0)
        assert tally.switches < max(1, tally.words)
    assert counts.lenient.target_words >= counts.strict.target_words
    assert 0.0 <= counts.off_script_share <= 1.0
    at = 0
    for span in counts.spans:
        assert at <= span.start < span.end <= len(text)
        assert span.language != target
        assert 0.0 < span.score <= 1.0
        at = span.end
    tokens = label_tokens(text, target=target)
    labels = [tokens.names[i] for i in tokens.language.tolist()]
    assert len(labels) == counts.words
    assert labels.count("zxx") == counts.zxx_words
    assert labels.count(target) == counts.strict.target_words
    assert consistency_batch([text], [target]) == [counts]


def test_targets():
    assert scripts_of("en") == scripts_of("pt-BR") == {"Latn"}
    assert scripts_of("zh_Hant") == {"Hani", "Bopo"}
    for target in ("english", "", "e", "中文"):
        with pytest.raises(ValueError, match="must be an ISO 639 code"):
            spans("text", target=target)


def test_false_alarms_on_clean_sentences(reference_data):
    """Of 1,000 sentences each; those that remain are real: a Latin i in Ukrainian, Spanish among the Arabic."""
    folder = reference_data("tatoeba")
    for code, target in {
        "ara": "ar",
        "cmn": "zh",
        "fra": "fr",
        "jpn": "ja",
        "rus": "ru",
        "tha": "th",
        "kor": "ko",
    }.items():
        lines = (folder / f"tatoeba.{code}-eng.{code}").read_text(encoding="utf-8").splitlines()
        alarms = [line for line in lines if any(s.severity == "off_script" for s in spans(line, target=target))]
        assert len(alarms) <= 0.003 * len(lines), alarms
