"""The examples that users copy are valid, and say what they say they do."""

from pathlib import Path

import pytest

from curation.steps.build import build_steps
from rewards import get_verifier
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe, load_recipe

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
CURATE = ("curate", "web", "fineweb", "c4")


@pytest.mark.parametrize(
    ("name", "model"),
    [*((name, CurateRecipe) for name in CURATE), ("rubric", VerifyRecipe), ("select", SelectRecipe)],
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


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {*CURATE, "rubric", "select"}
