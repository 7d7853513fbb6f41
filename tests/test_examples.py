"""The examples that users copy are valid, and say what they say they do."""

from pathlib import Path

import pytest

from rewards import get_verifier
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe, load_recipe

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize(
    ("name", "model"), [("curate", CurateRecipe), ("rubric", VerifyRecipe), ("select", SelectRecipe)]
)
def test_example_is_valid(name, model):
    assert load_recipe(EXAMPLES / f"{name}.yaml", model).name


def test_the_set_asks_only_for_what_the_rubric_gives():
    rubric = load_recipe(EXAMPLES / "rubric.yaml", VerifyRecipe)
    wanted = load_recipe(EXAMPLES / "select.yaml", SelectRecipe)
    assert set(wanted.require) <= {verifier.name for verifier in rubric.verifiers}
    for verifier in rubric.verifiers:
        get_verifier(verifier.name, **verifier.settings)


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {"curate", "rubric", "select"}
