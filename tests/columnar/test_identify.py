import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from text_strategies import columns, large_strings

from columnar.language import ENGINES, FOLDED, check_engine, identify

SENTENCES = {
    "en": "The quick brown fox jumps over the lazy dog while everybody is watching it from the window.",
    "de": "Die Würde des Menschen ist unantastbar, sie zu achten ist Verpflichtung aller staatlichen Gewalt.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits depuis toujours.",
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах, они наделены разумом.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神互相对待。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
}
NO_LANGUAGE = ["", "12 + 34 = 46", "a b", "№ 5 — ½", "----------- ok -----------------------", "😀😀😀", "是"]


@pytest.fixture(scope="module")
def library():
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@pytest.fixture(scope="module")
def fasttext_model(tmp_path_factory):
    """A model of our own, as real as lid.176 but of three languages: trained here in a moment."""
    import fasttext

    folder = tmp_path_factory.mktemp("fasttext")
    corpus = folder / "corpus.txt"
    lines = [f"__label__{name} {SENTENCES[code]}" for name, code in (("en", "en"), ("de", "de"), ("yue", "zh"))]
    corpus.write_text("\n".join(lines * 50), encoding="utf-8")
    # Eleven threads: fastText has each initialise a tenth of the weights, and the eleventh the rest of that division.
    model = fasttext.train_supervised(str(corpus), dim=10, epoch=100, minn=2, maxn=4, bucket=1000, thread=11, verbose=0)
    path = folder / "model.bin"
    model.save_model(str(path))
    return path


@pytest.mark.parametrize("engine", ["py3langid", "langdetect"])
def test_known_languages(engine):
    labels, scores = identify(large_strings(list(SENTENCES.values())), engine)
    assert labels.to_pylist() == list(SENTENCES)
    assert labels.type == pa.string()
    assert scores.type == pa.float32()
    assert all(0.5 < score <= 1.0 for score in scores.to_pylist())


@pytest.mark.parametrize("engine", ["py3langid", "langdetect"])
def test_too_few_letters_are_no_language(engine):
    labels, scores = identify(large_strings(NO_LANGUAGE), engine)
    assert labels.to_pylist() == ["zxx"] * len(NO_LANGUAGE)
    assert scores.to_pylist() == [1.0] * len(NO_LANGUAGE)


@pytest.mark.parametrize(
    "text", [*SENTENCES.values(), "SHOUTING IN CAPITALS", "cafe\u0301 au lait s'il vous plai\u0302t", "xqzt"]
)
def test_the_compiled_model_is_the_librarys(library, text):
    label, score = library.classify(text)
    labels, scores = identify(large_strings([text]))
    assert labels.to_pylist() == [FOLDED.get(label, label)]
    if label not in FOLDED.values():  # a folded label has the score of all its parts
        assert scores[0].as_py() == pytest.approx(score, abs=1e-4)


@settings(max_examples=30)
@given(columns)
def test_the_same_text_has_the_same_answer_in_any_batch(values):
    labels, scores = identify(large_strings(values))
    alone = [identify(large_strings([value])) for value in values]
    assert labels.to_pylist() == [one.languages[0].as_py() for one in alone]
    assert scores.to_pylist() == [one.scores[0].as_py() for one in alone]


@pytest.mark.parametrize("engine", ["py3langid", "langdetect"])
def test_languages_restrict_the_choice(engine, library):
    texts = large_strings([SENTENCES["de"], SENTENCES["zh"]])
    labels, scores = identify(texts, engine, languages=["en", "de"])
    assert labels[0].as_py() == "de"
    assert labels[1].as_py() in {"en", "de"}
    if engine == "py3langid":
        library.set_languages(["en", "pcm", "de"])
        assert scores[0].as_py() == pytest.approx(library.classify(SENTENCES["de"])[1], abs=1e-4)
        library.set_languages(None)


def test_near_languages_are_folded():
    labels, _ = identify(large_strings(["佢哋喺度做緊乜嘢呀，我哋一齊去食飯啦，好唔好呀？"]))
    assert labels.to_pylist() == ["zh"]
    assert set(FOLDED.values()) == {"zh", "ar", "en"}


def test_langdetect_is_repeatable():
    texts = large_strings(["ok this is", "una casa", "een huis"] * 5)
    first, second = identify(texts, "langdetect"), identify(texts, "langdetect")
    assert first.languages.equals(second.languages)
    assert first.scores.equals(second.scores)
    assert first.languages.to_pylist() == first.languages.to_pylist()[:3] * 5


def test_langdetect_without_any_feature_is_no_language():
    labels, scores = identify(large_strings(["ᚠᚢᚦᚨᚱᚲ ᚠᚢᚦᚨᚱᚲ"]), "langdetect")
    assert (labels.to_pylist(), scores.to_pylist()) == (["zxx"], [0.0])


def test_fasttext_by_path(fasttext_model):
    texts = large_strings([SENTENCES["en"], SENTENCES["de"] + "\nzweite Zeile", SENTENCES["zh"], ""])
    labels, scores = identify(texts, "fasttext", model_path=fasttext_model)
    assert labels.to_pylist() == ["en", "de", "zh", "zxx"]
    assert all(score > 0.5 for score in scores.to_pylist())
    labels, scores = identify(texts, "fasttext", ["de", "zh"], fasttext_model)
    assert set(labels.to_pylist()[:3]) <= {"de", "zh"}
    assert len(identify(texts.slice(3), "fasttext", model_path=fasttext_model).languages) == 1


def test_max_chars_reads_only_the_beginning():
    text = SENTENCES["en"]
    longer = large_strings([text + SENTENCES["ru"] * 100])
    assert identify(longer).languages.to_pylist() == ["ru"]
    assert identify(longer, max_chars=len(text)) == identify(large_strings([text]))


FORMULAS = [
    r"$x^2 + \alpha = \frac{a}{b}$",
    "\\begin{align} a &= b + c \\\\ d &= e \\end{align}",
    "www.example.org/news\nhttps://example.org/about",
    "someone@example.com",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_and_addresses_are_no_language(text):
    labels, scores = identify(large_strings([text, f"{SENTENCES['en']} {text}"]))
    assert labels.to_pylist() == ["zxx", "en"]
    assert scores[0].as_py() == 1.0


def test_a_formula_with_words_of_another_script_is_language():
    assert identify(large_strings([r"$\text{如果天气很好我们就去公园}$"])).languages.to_pylist() == ["zh"]


def test_lid176_restricted_and_folded(language_model):
    texts = large_strings([*SENTENCES.values(), "佢哋喺度做緊乜嘢呀，我哋一齊去食飯啦，好唔好呀？"])
    labels, scores = identify(texts, "fasttext", model_path=language_model)
    assert labels.to_pylist() == [*SENTENCES, "zh"]
    restricted = identify(texts, "fasttext", SENTENCES, language_model)
    assert restricted.languages.to_pylist() == [*SENTENCES, "zh"]
    for among_ten, among_all in zip(restricted.scores.to_pylist(), scores.to_pylist(), strict=True):
        assert among_all - 1e-3 <= among_ten <= 1.0
    # A text of none of the languages gets one of them: a share of very little.
    assert identify(large_strings([SENTENCES["ja"]]), "fasttext", ["de", "fr"], language_model).languages[
        0
    ].as_py() in {
        "de",
        "fr",
    }


def test_engines_are_checked_before_there_is_a_text(language_model):
    check_engine("fasttext", ["zh", "en", "ar"], language_model)
    check_engine("langdetect", ["en"])
    with pytest.raises(ValueError, match=r"lid.176.ftz does not know the language\(s\) xx; it knows af, als, am"):
        check_engine("fasttext", ["xx"], language_model)
    with pytest.raises(ValueError, match=r"py3langid does not know the language\(s\) yue; it knows ace, af, am"):
        check_engine("py3langid", ["yue"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"engine": "cld2"}, "engine must be one of py3langid, langdetect, fasttext, not 'cld2'"),
        ({"languages": ["en", "klingon"]}, r"py3langid does not know the language\(s\) klingon"),
        ({"engine": "langdetect", "languages": ["xx"]}, r"langdetect does not know the language\(s\) xx"),
        ({"languages": []}, "languages is empty"),
        ({"engine": "fasttext"}, "engine 'fasttext' needs model_path"),
        ({"engine": "fasttext", "model_path": "no/such.bin"}, "no/such.bin: no such fastText model"),
        ({"model_path": "x.bin"}, "engine 'py3langid' takes no model_path"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        identify(large_strings(["some text"]), **arguments)


def test_slices_and_nothing():
    texts = large_strings(["", *SENTENCES.values()])
    assert identify(texts.slice(2, 2)).languages.to_pylist() == list(SENTENCES)[1:3]
    for engine in set(ENGINES) - {"fasttext"}:
        assert len(identify(large_strings([]), engine).languages) == 0


def test_composition_does_not_matter():
    text = SENTENCES["vi"]
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert identify(large_strings([composed])) == identify(large_strings([decomposed]))


def test_accuracy_on_short_sentences(reference_data):
    """Published for py3langid restricted to 25 languages: 0.993 on Tatoeba."""
    names = {
        "ara": "ar",
        "cmn": "zh",
        "deu": "de",
        "fra": "fr",
        "hin": "hi",
        "ita": "it",
        "jpn": "ja",
        "kor": "ko",
        "nld": "nl",
    }
    names |= {"pol": "pl", "por": "pt", "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk"}
    folder = reference_data("tatoeba")
    texts, truth = [], []
    for code, language in names.items():
        lines = (folder / f"tatoeba.{code}-eng.{code}").read_text(encoding="utf-8").splitlines()
        texts += lines
        truth += [language] * len(lines)
    labels, _ = identify(large_strings(texts), languages=set(truth))
    right = sum(a == b for a, b in zip(labels.to_pylist(), truth, strict=True))
    assert right / len(truth) > 0.985
