"""The mixing step: how much of each document is in other languages than its own, and what mixes too much goes."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_kit import batch_of, kept_ids, reasons_of, step_of, step_recipe, texts_of

from columnar.mixing import consistency
from curation.rules.mixing import MIXING_SETTINGS, mixing_rules
from curation.steps.build import build_step, guarded_apply, readings_from_row
from schemas.errors import RecipeError
from schemas.recipe import parse_recipe
from schemas.steps import MixingRecipe, StepRecipe

ENGLISH = "The weather was fine in the morning, but in the afternoon it began to rain and we went home. "
CHINESE = "早上天气很好，但下午开始下雨，我们就回家了。"
RUSSIAN = "Утром была хорошая погода, но днём пошёл дождь, и мы ушли домой. "
MEASURE = {"max_foreign_share": None, "max_off_script_share": None}


def with_language(*rows):
    """A batch of (text, language)."""
    batch = texts_of(*(text for text, _ in rows))
    return batch.append_column("language", pa.array([language for _, language in rows], pa.string()))


def signals(output):
    return [
        {name.removeprefix("mixing_"): value for name, value in row.items() if name.startswith("mixing_")}
        for row in output.kept.to_pylist()
    ]


def test_signals_are_the_detectors():
    texts = [ENGLISH * 5, ENGLISH * 5 + CHINESE, CHINESE * 4 + ENGLISH, "1 + 1 = 2", ""]
    output = step_of(mixing={"target": "en", **MEASURE}).apply(texts_of(*texts))
    assert output.rejects is None
    assert [output.kept.column(name).type for name in output.kept.schema.names[-7:]] == [
        *[pa.float64()] * 4,
        *[pa.int64()] * 2,
        pa.string(),
    ]
    for text, found in zip(texts, signals(output), strict=True):
        counts = consistency(text, "en")
        assert (found["ratio"], found["lenient_ratio"]) == (counts.strict.ratio, counts.lenient.ratio)
        assert (found["off_script_share"], found["switches"]) == (counts.off_script_share, counts.strict.switches)
        assert found["spans"] == sum(span.severity != "minor" for span in counts.spans)
    assert [found["main_language"] for found in signals(output)] == ["en", "en", "zh", "zxx", "zxx"]
    clean, mixed, foreign, *none = signals(output)
    assert (clean["ratio"], clean["foreign_share"], clean["spans"]) == (1.0, 0.0, 0)
    assert 0.02 < mixed["foreign_share"] < 0.1
    assert 0.3 < foreign["foreign_share"] < 0.9
    assert all(found["ratio"] == 1.0 and found["foreign_share"] == 0.0 for found in none)


def test_what_mixes_too_much_goes_with_every_reason():
    texts = [ENGLISH * 20, ENGLISH * 20 + CHINESE, ENGLISH * 5 + CHINESE * 10, ENGLISH * 5 + RUSSIAN]
    settings_ = {"target": "en", "max_foreign_share": 0.3}
    output = step_of(mixing=settings_).apply(texts_of(*texts))
    assert kept_ids(output) == ["0", "1"]
    assert reasons_of(output) == {"2": ["mixed_languages", "off_script"], "3": ["off_script"]}
    off = step_of(mixing={**settings_, "max_off_script_share": None}).apply(texts_of(*texts))
    assert reasons_of(off) == {"2": ["mixed_languages"]}
    recipe = step_recipe(mixing=settings_)
    for batch in (output.kept, output.rejects):
        row = batch.to_pylist()[-1]
        readings = readings_from_row(recipe, row)
        assert readings == step_of(mixing=settings_).explain(row["text"])
        assert [reading.reason for reading in readings if reading.failed] == row.get("reasons", [])
        assert {reading.signal for reading in readings} == {name for name in row if name.startswith("mixing_")}
    assert not readings_from_row(recipe, {"text": "x", "source": "s"})


def test_the_target_is_the_settings_then_the_columns_then_the_texts_own():
    rows = [
        (CHINESE, "zh"),
        (CHINESE, "en"),
        (CHINESE, None),
        (CHINESE, "zxx"),
        (CHINESE, "chinese"),
        (CHINESE, "zh-TW"),
    ]
    by_column = signals(step_of(mixing=MEASURE).apply(with_language(*rows)))
    assert [found["ratio"] for found in by_column] == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert {found["main_language"] for found in by_column} == {"zh"}
    by_setting = signals(step_of(mixing={"target": "en", **MEASURE}).apply(with_language(*rows)))
    assert {found["ratio"] for found in by_setting} == {0.0}
    without = signals(step_of(mixing=MEASURE).apply(texts_of(RUSSIAN * 3, ENGLISH * 3 + CHINESE)))
    assert [found["main_language"] for found in without] == ["ru", "en"]
    assert without[0]["ratio"] == 1.0 > without[1]["ratio"] > 0.5


def test_scripts_alone_say_what_the_detector_says_without_words():
    texts = [ENGLISH * 3, ENGLISH + CHINESE, "sinh成的 x", "λ and π, 5 km", "my pаypal account", "", "42", "naïve café"]
    quick = step_of(mixing={"target": "en", "compare": "scripts", **MEASURE}).apply(texts_of(*texts))
    for text, found in zip(texts, signals(quick), strict=True):
        counts = consistency(text, "en", candidates=())
        assert (found["ratio"], found["switches"]) == (counts.strict.ratio, counts.strict.switches), text
        assert found["spans"] == sum(span.severity != "minor" for span in counts.spans), text
    detected = step_of(mixing={"compare": "scripts", **MEASURE}).apply(
        texts_of(CHINESE, RUSSIAN, "1", ENGLISH * 5 + CHINESE)
    )
    assert [found["ratio"] for found in signals(detected)][:3] == [1.0, 1.0, 1.0]
    assert [found["main_language"] for found in signals(detected)] == ["zh", "ru", "zxx", "en"]


def test_only_words_tell_languages_of_one_script_apart():
    french = "Le temps était beau le matin, mais dans l'après-midi il a commencé à pleuvoir et nous sommes rentrés. "
    batch = texts_of(ENGLISH * 3 + french * 2, ENGLISH * 5)
    by_words = step_of(mixing={"target": "en"}).apply(batch)
    assert reasons_of(by_words) == {"0": ["mixed_languages"]}
    assert kept_ids(step_of(mixing={"target": "en", "compare": "scripts"}).apply(batch)) == ["0", "1"]


def test_rows_of_other_sources_pass_with_nulls():
    batch = batch_of({"text": CHINESE}, {"text": CHINESE, "source": "other"})
    output = step_of(sources=["s"], mixing={"target": "en"}).apply(batch)
    assert reasons_of(output) == {"0": ["mixed_languages", "off_script"]}
    assert signals(output)[0] == dict.fromkeys(
        ("ratio", "lenient_ratio", "off_script_share", "foreign_share", "switches", "spans", "main_language")
    )
    second = step_of(name="again", sources=["other"], mixing={"target": "zh"}).apply(output.kept)
    assert second.rejects is None
    assert signals(second)[0]["ratio"] == 1.0
    assert second.kept.schema.names.count("mixing_ratio") == 1


def test_an_empty_batch_has_the_columns():
    output = step_of(mixing={}).apply(texts_of(ENGLISH).slice(0, 0))
    assert output.kept.schema.names[-7:] == [item.name for item in step_of(mixing={}).output_fields()]


_PIECES = [
    "the cat ",
    "成的",
    "привет ",
    "の",
    "$x$ ",
    "```\n",
    "\u202e",
    "\x00",
    "\u0301",
    "한글 ",
    "IT ",
    ". ",
    "\n\n",
    "a" * 200,
]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(_PIECES), max_size=15).map("".join), min_size=1, max_size=6), st.data())
def test_any_cut_of_the_batches_gives_the_same(texts, data):
    languages = data.draw(st.lists(st.sampled_from(["en", "ru", None, "x"]), min_size=len(texts), max_size=len(texts)))
    batch = with_language(*zip(texts, languages, strict=True))
    for compare in ("words", "scripts"):
        step = step_of(mixing={"compare": compare, **MEASURE})
        whole = signals(guarded_apply(step, batch))
        assert whole == [signals(step.apply(batch.slice(row, 1)))[0] for row in range(len(texts))]
        for found in whole:
            shares = [found[name] for name in ("ratio", "lenient_ratio", "off_script_share", "foreign_share")]
            assert all(0.0 <= share <= 1.0 for share in shares)
            assert np.isfinite(shares).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"target": "English"}, "mixing.target"),
        ({"candidates": ["en", "no such"]}, "mixing.candidates"),
        ({"max_foreign_share": 1.5}, "mixing.max_foreign_share"),
        ({"compare": "letters"}, "mixing.compare"),
        ({"max_share": 0.5}, "unknown field"),
        ({"target": "und"}, "step 'mixing': mixing: 'und' is no language"),
        ({"candidates": ["en"], "compare": "scripts"}, "candidates need compare: words"),
    ],
)
def test_bad_settings_are_one_line_before_any_work(wrong, message):
    with pytest.raises(RecipeError, match=message) as caught:
        build_step(parse_recipe({"mixing": wrong}, StepRecipe, "recipe"))
    assert "\n" not in str(caught.value)


def test_rules_are_the_settings():
    recipe = MixingRecipe.model_validate({})
    assert {rule.reason: rule.threshold for rule in mixing_rules(recipe)} == {
        reason: getattr(recipe, setting) for reason, setting in MIXING_SETTINGS.items()
    }
    assert [rule.doc for rule in mixing_rules(recipe)] == [
        rule.doc for rule in mixing_rules(MixingRecipe(max_foreign_share=0.2, max_off_script_share=0.2))
    ]
    assert mixing_rules(MixingRecipe.model_validate(MEASURE)) == ()
