"""The quality step: a score of every document of its sources by a fastText model, and what is below the least score goes."""

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from step_kit import batch_of, kept_ids, reasons_of, step_of, step_recipe, texts_of

from curation.steps.build import guarded_apply, readings_from_row
from schemas.errors import UserError

MATHS = "Let n be a prime number. We prove by induction that the sum of the first n squares is a polynomial in n."
NEWS = "The mayor opened the new market on Monday. Visitors bought bread and cheese, and a band played until noon."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    lines = []
    for number in range(40):
        lines += [
            f"__label__{label} {' '.join(text.split()[number % 9 :])}" for label, text in (("hq", MATHS), ("lq", NEWS))
        ]
    (folder / "train.txt").write_text("\n".join(lines * 3))
    trained = fasttext.train_supervised(
        str(folder / "train.txt"), dim=8, epoch=20, lr=0.5, wordNgrams=3, bucket=2000, thread=11, verbose=0
    )
    trained.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def test_scores_are_the_librarys_and_only_scores_without_a_least(model):
    output = step_of(quality={"model_path": str(model), "label": "hq", "signal": "maths"}).apply(
        texts_of(MATHS, NEWS, MATHS + "\n" + NEWS, "")
    )
    assert output.rejects is None
    column = output.kept.column("maths_score")
    assert column.type == pa.float32()
    library = fasttext.load_model(str(model))
    for text, score in zip((MATHS, NEWS, MATHS + " " + NEWS, ""), column.to_pylist(), strict=True):
        names, values = library.predict(text, k=-1)
        expected = dict(zip(names, values, strict=True)).get("__label__hq", 0.0)
        assert score == pytest.approx(min(1.0, expected), abs=1e-4)


def test_what_is_below_the_least_score_goes(model):
    settings = {"model_path": str(model), "label": "hq", "min_score": 0.5}
    output = step_of(quality=settings).apply(texts_of(MATHS, NEWS))
    assert kept_ids(output) == ["0"]
    assert reasons_of(output) == {"1": ["quality_too_low"]}
    recipe = step_recipe(quality=settings)
    for batch in (output.kept, output.rejects):
        row = batch.to_pylist()[0]
        readings = readings_from_row(recipe, row)
        assert readings == step_of(quality=settings).explain(row["text"])
        assert [reading.reason for reading in readings if reading.failed] == row.get("reasons", [])
    score = output.kept.column("quality_score")[0].as_py()
    assert step_of(quality={**settings, "min_score": score}).apply(texts_of(MATHS)).rejects is None
    assert not readings_from_row(recipe, {"text": "x", "source": "s"})


def test_only_rows_of_its_sources_and_only_the_beginning(model):
    batch = batch_of({"text": NEWS}, {"text": MATHS, "source": "other"})
    output = step_of(sources=["s"], quality={"model_path": str(model), "label": "hq"}).apply(batch)
    assert output.kept.column("quality_score").to_pylist()[1] is None
    prefix = step_of(quality={"model_path": str(model), "label": "hq", "max_chars": 100})
    scores = prefix.apply(texts_of(MATHS[:100], MATHS[:100] + NEWS * 50)).kept.column("quality_score").to_numpy()
    assert scores.dtype == np.float32
    assert scores[0] == scores[1]


def test_a_wrong_label_or_model_is_one_line_for_the_user(model, tmp_path):
    (tmp_path / "junk.bin").write_bytes(b"junk" * 100)
    for settings, message in (
        (
            {"model_path": str(model), "label": "good"},
            "step 'quality': the model has no label 'good'; it has (hq, lq|lq, hq)",
        ),
        ({"model_path": str(tmp_path / "junk.bin"), "label": "hq"}, "not a fastText model"),
        ({"model_path": str(tmp_path / "none.bin"), "label": "hq"}, "no such fastText model"),
    ):
        step = step_of(quality=settings)
        for act in (step.check, lambda step=step: guarded_apply(step, texts_of(NEWS))):
            with pytest.raises(UserError, match=message):
                act()
