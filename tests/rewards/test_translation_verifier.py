"""What `translation` pays, beside a chrF written out here, sacrebleu's own spBLEU, and real sentence pairs."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from rewards import get_verifier
from schemas.errors import UserError

FRENCH = "Le chat noir dort sur le vieux canapé du salon depuis ce matin."
VARIANT = "Depuis ce matin, le chat noir dort sur le vieux sofa du salon."
ENGLISH = "The black cat has been sleeping on the old sofa in the living room since this morning."


def french(*references):
    return {"references": list(references), "language": "fr"}


def ngrams(units, n):
    return Counter(tuple(units[i : i + n]) for i in range(len(units) - n + 1))


def chrf(response, reference, word_order):
    """Popović's chrF (2015, 2017) of one sentence: mean precision and recall over the orders that both have, beta 2."""
    words = []
    for word in response.split(), reference.split():
        cut = []
        for one in word:
            cut += [one[:-1], one[-1]] if len(one) > 1 and one[-1] in ".,!?" else [one]
        words.append(cut)
    chars = ["".join(text.split()) for text in (response, reference)]
    kinds = [(chars, n) for n in range(1, 7)] + [(words, n) for n in range(1, word_order + 1)]
    precisions, recalls = [], []
    for (ours, theirs), n in kinds:
        found, wanted = ngrams(ours, n), ngrams(theirs, n)
        if found and wanted:
            same = (found & wanted).total()
            precisions.append(same / found.total())
            recalls.append(same / wanted.total())
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize(("metric", "word_order"), [("chrf", 0), ("chrf++", 2)])
def test_chrf_is_the_published_one(metric, word_order):
    verdict = get_verifier("translation", metric=metric)(VARIANT, french(FRENCH))
    assert verdict.score == pytest.approx(chrf(VARIANT, FRENCH, word_order))
    assert verdict.status == "correct"
    assert verdict.detail["language_share"] == 1.0


def test_the_nearest_of_several_references_counts():
    translation = get_verifier("translation")
    assert translation(VARIANT, french("Il fait froid aujourd'hui.", VARIANT, FRENCH)).score == pytest.approx(1.0)
    far, near = (translation(VARIANT, french(one)).score for one in ("Il fait froid aujourd'hui, dit-il.", FRENCH))
    assert translation(VARIANT, french(FRENCH, "Il fait froid.")).score == pytest.approx(near)
    assert near > far


def test_another_language_earns_nothing():
    paid = {"references": [FRENCH], "language": "fr"}
    verdict = get_verifier("translation")(ENGLISH[:75], paid)
    assert (verdict.score, verdict.status, verdict.detail["reason"]) == (0.0, "incorrect", "other_language")
    assert chrf(ENGLISH[:75], FRENCH, 2) > 0.05  # what chrF alone would pay for letters
    chinese = {"references": "这只黑猫从今天早上起就睡在客厅的旧沙发上。", "language": "zh-CN"}
    assert get_verifier("translation")("The black cat.", chinese).score == 0.0
    assert get_verifier("translation")("这只黑猫从今早起就睡在客厅的旧沙发上。", chinese).status == "correct"


@pytest.mark.parametrize("name", ["fra", "cmn", "ara", "ukr", "tha"])
def test_real_translations_pass_and_their_sources_do_not(reference_data, name):
    folder = reference_data("tatoeba")
    ours, theirs = (
        (folder / f"tatoeba.{name}-eng.{language}").read_text(encoding="utf-8").splitlines()[:200]
        for language in (name, "eng")
    )
    code = {"fra": "fr", "cmn": "zh", "ara": "ar", "ukr": "uk", "tha": "th"}[name]
    translation = get_verifier("translation")
    golds = [{"references": [text], "language": code} for text in ours]
    assert {verdict.score for verdict in translation.verify_batch(ours, golds)} == {1.0}
    sources = translation.verify_batch(theirs, golds)
    assert sum(verdict.score == 0.0 for verdict in sources) >= 0.97 * len(sources)
    assert max(verdict.score for verdict in sources) < 0.5


@pytest.mark.parametrize(
    "response",
    [f"{FRENCH} Ou bien : {VARIANT}", "\n".join([FRENCH] * 3), FRENCH + " x" * 50_000, FRENCH + "\u202e" * 100],
)
def test_several_translations_at_once_earn_nothing(response):
    verdict = get_verifier("translation")(response, french(FRENCH))
    assert (verdict.score, verdict.detail["reason"]) == (0.0, "much_longer_than_references")


@pytest.mark.parametrize(
    ("completion", "status"),
    [
        ("", "unparseable"),
        (" \n", "unparseable"),
        (f"<think>{FRENCH}", "unparseable"),
        (f"<think>{FRENCH}</think>", "unparseable"),
        (f"<think>{ENGLISH}</think>\n{FRENCH}", "correct"),
        ("a\ud800\0", "partial"),
    ],
)
def test_only_the_response_is_read(completion, status):
    assert get_verifier("translation")(completion, french(FRENCH)).status == status


@pytest.mark.parametrize(
    "gold",
    [None, FRENCH, {}, {"references": []}, {"references": [" "]}, {"references": [FRENCH]}, {"references": [1]},
     {"references": [FRENCH], "language": "no such language"}, {"references": [FRENCH] * 101, "language": "fr"}],
)  # fmt: skip
def test_golds_that_are_none(gold):
    verdict = get_verifier("translation")(FRENCH, gold)
    assert (verdict.score, verdict.status) == (None, "bad_gold")


def test_the_setting_says_the_language_where_the_gold_does_not():
    translation = get_verifier("translation", target="fr")
    assert translation(FRENCH, {"references": FRENCH}).score == pytest.approx(1.0)
    assert translation(ENGLISH, {"references": ENGLISH, "language": "en"}).score == pytest.approx(1.0)
    assert translation.check.gold_completion({"references": [FRENCH, VARIANT]}) == FRENCH


@pytest.fixture(scope="module")
def spm_model(tmp_path_factory):
    """A sentencepiece model, trained here: FLORES's own is not in any package."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    folder = tmp_path_factory.mktemp("spm") / "models"
    folder.mkdir()
    (folder / "text").write_text(f"{FRENCH}\n{VARIANT}\n{ENGLISH}\n" * 20, encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"), model_prefix=str(folder / "small"), vocab_size=48, minloglevel=3
    )
    return (folder / "small.model").rename(folder / "flores200sacrebleuspm")


def test_spbleu_is_sacrebleus_with_the_model_at_hand(spm_model):
    ours = get_verifier("translation", metric="spbleu", spm_model=str(spm_model))(VARIANT, french(FRENCH))
    program = (
        "import sys, sacrebleu; bleu = sacrebleu.BLEU(tokenize='flores200', effective_order=True);"
        "print(bleu.sentence_score(sys.argv[1], [sys.argv[2]]).score)"
    )
    environment = {**os.environ, "SACREBLEU": str(spm_model.parent.parent), "PYTHONIOENCODING": "utf-8"}
    theirs = subprocess.run(
        [sys.executable, "-c", program, VARIANT, FRENCH], env=environment, capture_output=True, text=True, check=True
    )
    assert 0 < ours.score < 1
    assert ours.score == pytest.approx(float(theirs.stdout) / 100)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "bleu"}, "metric must be one of chrf, chrf"),
        ({"metric": "spbleu"}, "spbleu needs `spm_model`"),
        ({"spm_model": "x"}, "spbleu needs `spm_model`"),
        ({"metric": "spbleu", "spm_model": "no/such.model"}, "nothing is downloaded"),
        ({"target": "Frenchish"}, "ISO 639"),
        ({"part": "half"}, "part must be one of"),
        ({"accepted": 1.5}, "accepted must be between 0 and 1"),
        ({"max_length_ratio": 0.5}, "max_length_ratio must be between"),
    ],
)
def test_bad_settings_are_one_line(settings, said):
    with pytest.raises(UserError, match=said):
        get_verifier("translation", **settings)
