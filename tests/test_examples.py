"""The examples that users copy are valid, and say what they say they do."""

from pathlib import Path

import pytest

from curation.steps.build import build_steps
from rewards import get_verifier
from rewards.rubric import Rubric
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe, load_recipe

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
CURATE = ("curate", "web", "fineweb", "c4")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        *((name, CurateRecipe) for name in CURATE),
        ("rubric", VerifyRecipe),
        ("rubric_rl", VerifyRecipe),
        ("select", SelectRecipe),
    ],
)
def test_example_is_valid(name, model):
    assert load_recipe(EXAMPLES / f"{name}.yaml", model).name


@pytest.mark.parametrize("name", CURATE)
def test_every_step_of_an_example_can_be_built(name):
    assert build_steps(load_recipe(EXAMPLES / f"{name}.yaml", CurateRecipe), EXAMPLES)


def test_the_set_asks_only_for_what_the_rubric_gives():
    rubric = load_recipe(EXAMPLES / "rubric.yaml", VerifyRecipe)
    wanted = load_recipe(EXAMPLES / "select.yaml", SelectRecipe)
    assert set(wanted.require) <= {verifier.name for verifier in rubric.verifiers}
    for verifier in rubric.verifiers:
        get_verifier(verifier.name, **verifier.settings)


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("", 0.0),
        (".", 0.0),
        ("Thought:", 0.0),
        ("<think>so</think>7", 0.0),
        ("\\boxed{}", 0.0),
        ("<think>Two and two.</think>The answer is 4.", 3.0),
        ("The answer is 4.", 2.0),
    ],
)
def test_what_pays_form_alone_is_held_back_by_the_gate(completion, reward):
    recipe = load_recipe(EXAMPLES / "rubric_rl.yaml", VerifyRecipe)
    golds = {"math": "4", "mixing": "en"}
    verdicts = {
        item.name: get_verifier(item.name, **item.settings)(completion, golds.get(item.name))
        for item in recipe.verifiers
    }
    assert Rubric.of(recipe).score(verdicts) == reward


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {*CURATE, "rubric", "rubric_rl", "select"}
