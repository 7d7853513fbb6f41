import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.rubric import Rubric, aggregate
from rewards.verdict import Verdict
from schemas.recipe import VerifyRecipe, parse_recipe

RIGHT, WRONG, OURS = Verdict(1.0, "correct"), Verdict(0.0, "incorrect"), Verdict(None, "error")


def half(score=0.5):
    return Verdict(score, "partial")


def test_r1_rules_are_accuracy_plus_format():
    rubric = Rubric({"math": 1.0, "format": 1.0})
    assert rubric.score({"math": RIGHT, "format": RIGHT}) == 2.0
    assert rubric.score({"math": WRONG, "format": RIGHT}) == 1.0


def test_what_we_failed_to_score_is_never_summed_past():
    rubric = Rubric({"math": 1.0, "format": 1.0})
    assert rubric.score({"math": OURS, "format": RIGHT}) is None
    assert rubric.score({"format": RIGHT}) is None


def test_a_gate_that_failed_decides_and_one_unknown_does_not():
    rubric = Rubric({"math": 1.0}, gates={"format": 1.0})
    assert rubric.score({"math": RIGHT, "format": RIGHT}) == 1.0
    assert rubric.score({"math": RIGHT, "format": WRONG}) == 0.0
    assert rubric.score({"math": OURS, "format": WRONG}) == 0.0
    assert rubric.score({"math": RIGHT, "format": OURS}) is None


def test_penalties_stand_where_a_gate_failed():
    rubric = Rubric({"math": 1.0, "length": 0.5, "repetition": -1.0}, gates={"format": 1.0})
    known = {"math": RIGHT, "length": half(-1.0), "repetition": half(0.25)}
    assert rubric.score({**known, "format": RIGHT}) == 1.0 - 0.5 - 0.25
    assert rubric.score({**known, "format": WRONG}) == -0.5 - 0.25
    assert rubric.score({**known, "format": WRONG, "math": OURS}) == -0.75
    assert rubric.score({**known, "format": WRONG, "repetition": OURS}) is None


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.3, 1.0]), min_size=3, max_size=3), st.sampled_from([-2.0, -0.5, 0.5, 2.0])
)
def test_nothing_is_gained_by_failing_a_gate(scores, weight):
    rubric = Rubric({"a": 1.0, "b": weight, "c": -0.5}, gates={"format": 1.0})
    verdicts = {name: half(score) for name, score in zip("abc", scores, strict=True)}
    assert rubric.score({**verdicts, "format": WRONG}) <= rubric.score({**verdicts, "format": RIGHT})


def test_metrics_are_never_summed():
    rubric = Rubric({"math": 1.0}, metrics=("length", "mixing"))
    verdicts = {"math": RIGHT, "length": half(7.0), "mixing": OURS}
    assert rubric.score(verdicts) == rubric.score({"math": RIGHT}) == 1.0


def test_the_hash_names_the_numbers_and_not_their_order():
    one = Rubric({"a": 1.0, "b": 2.0}, metrics=("x", "y"))
    assert one.settings_hash == Rubric({"b": 2.0, "a": 1.0}, metrics=("y", "x")).settings_hash
    assert one.settings_hash != Rubric({"a": 1.0, "b": 2.5}, metrics=("x", "y")).settings_hash


@pytest.mark.parametrize(
    "arguments", [{"weights": {}}, {"weights": {"a": math.nan}}, {"weights": {"a": 1.0}, "metrics": ("a",)}]
)
def test_senseless_rubrics_are_refused(arguments):
    with pytest.raises(ValueError, match="rubric"):
        Rubric(**arguments)


@given(st.lists(st.sampled_from([RIGHT, WRONG, OURS, half()]), max_size=30))
def test_an_aggregate_counts_what_it_leaves_out(verdicts):
    result = aggregate(verdicts)
    scores = [v.score for v in verdicts if v.score is not None]
    assert (result.num_scored, result.num_unscored) == (len(scores), len(verdicts) - len(scores))
    assert result.mean == (pytest.approx(sum(scores) / len(scores)) if scores else None)
    assert sum(result.statuses.values()) == len(verdicts)


def test_a_recipe_says_weights_gates_and_metrics():
    recipe = parse_recipe(
        {
            "verifiers": [
                {"name": "math", "weight": 2.0},
                {"name": "format", "gate": 0.5},
                {"name": "choice", "weight": 0.0, "gate": True},
                {"name": "mixing", "weight": 0.0},
            ]
        },
        VerifyRecipe,
        "here",
    )
    assert Rubric.of(recipe) == Rubric({"math": 2.0, "format": 1.0}, {"format": 0.5, "choice": 1.0}, ("mixing",))
