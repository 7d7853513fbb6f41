"""The language step: labels every document of its sources, and keeps the languages that the recipe names."""

import numpy as np
import pytest
from step_kit import batch_of, kept_ids, reasons_of, step_of, step_recipe, texts_of

from curation.steps.build import readings_from_row
from schemas.errors import RecipeError, UserError

ENGLISH = "The weather was fine in the morning, but in the afternoon it began to rain and we went home."
GERMAN = "Am Morgen war das Wetter schön, aber am Nachmittag begann es zu regnen, und wir gingen nach Hause."
JAPANESE = "朝は天気が良かったのですが、午後から雨が降り始めたので、私たちは家に帰りました。"
NUMBERS = "1 2 3 4 5 6"


def test_without_languages_to_keep_it_only_labels():
    output = step_of(language={}).apply(texts_of(ENGLISH, GERMAN, JAPANESE, NUMBERS))
    assert output.kept.column("language").to_pylist() == ["en", "de", "ja", "zxx"]
    assert output.rejects is None
    scores = output.kept.column("language_score").to_numpy()
    assert scores.dtype == np.float32
    assert (scores > 0.9).all()


def test_other_languages_and_unsure_labels_are_rejected_with_every_reason():
    output = step_of(language={"keep": ["en", "ja"]}).apply(texts_of(ENGLISH, GERMAN, JAPANESE, NUMBERS))
    assert kept_ids(output) == ["0", "2"]
    assert reasons_of(output) == {"1": ["language_not_kept"], "3": ["language_not_kept"]}
    strict = step_of(language={"keep": ["en"], "min_score": 1.0})
    labelled = strict.apply(texts_of("on a", ENGLISH))
    scores = {
        row["id"]: row["language_score"]
        for batch in (labelled.kept, labelled.rejects)
        if batch
        for row in batch.to_pylist()
    }
    for row, reasons in reasons_of(labelled).items():
        assert ("language_score_too_low" in reasons) == (scores[row] < 1.0)


def test_a_score_at_the_least_score_passes():
    score = step_of(language={}).apply(texts_of("on a")).kept.column("language_score")[0].as_py()
    label = step_of(language={}).apply(texts_of("on a")).kept.column("language")[0].as_py()
    assert step_of(language={"keep": [label], "min_score": score}).apply(texts_of("on a")).rejects is None


def test_rows_of_other_sources_pass_with_nulls_and_keep_earlier_labels():
    batch = batch_of({"text": GERMAN}, {"text": GERMAN, "source": "other"})
    first = step_of(sources=["other"], language={}).apply(batch)
    assert first.kept.column("language").to_pylist() == [None, "de"]
    second = step_of(name="b", sources=["s"], language={"keep": ["de"]}).apply(first.kept)
    assert second.kept.column("language").to_pylist() == ["de", "de"]
    assert second.rejects is None
    assert second.kept.schema.names.count("language") == 1


def test_a_written_row_explains_itself():
    recipe = step_recipe(language={"keep": ["en"]})
    output = step_of(language={"keep": ["en"]}).apply(texts_of(ENGLISH, GERMAN))
    for batch in (output.kept, output.rejects):
        row = batch.to_pylist()[0]
        readings = readings_from_row(recipe, row)
        assert readings == step_of(language={"keep": ["en"]}).explain(row["text"])
        assert [reading.reason for reading in readings if reading.failed] == row.get("reasons", [])
        assert (readings[0].operator, readings[0].threshold, readings[1].threshold) == ("not in", "en", 0.65)
    assert not readings_from_row(recipe, {"text": "x", "source": "s"})


def test_candidates_and_max_chars_reach_the_engine():
    batch = texts_of(GERMAN, ENGLISH + " " + JAPANESE * 50)
    output = step_of(language={"candidates": ["en", "ja"], "max_chars": 100}).apply(batch)
    assert output.kept.column("language").to_pylist()[1] == "en"
    assert output.kept.column("language").to_pylist()[0] in {"en", "ja"}
    step = step_of(language={"candidates": ["en", "klingon"]})
    for act in (step.check, lambda: step.apply(batch), lambda: step.explain(ENGLISH)):
        with pytest.raises(
            UserError, match=r"step 'language': language: py3langid does not know .* klingon; it knows ace, af"
        ):
            act()


def test_fasttext_by_path(language_model):
    recipe = {"engine": "fasttext", "model_path": str(language_model), "keep": ["en"]}
    output = step_of(language=recipe).apply(texts_of(ENGLISH, GERMAN, NUMBERS))
    assert kept_ids(output) == ["0"]
    assert reasons_of(output) == {"1": ["language_not_kept"], "2": ["language_not_kept"]}
    with pytest.raises(UserError, match="no such fastText model"):
        step_of(language={"engine": "fasttext", "model_path": "no/such.ftz"}).check()


def test_an_engine_without_its_model_is_refused_before_work():
    with pytest.raises(RecipeError, match="step 'language': language: fasttext needs a model_path"):
        step_of(language={"engine": "fasttext"})
    with pytest.raises(RecipeError, match="py3langid takes no model_path"):
        step_of(language={"model_path": "x"})
