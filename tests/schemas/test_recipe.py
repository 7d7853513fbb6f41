"""A recipe that does not validate is refused with one line that names file, line and field."""

import textwrap

import pytest

from schemas.errors import RecipeError
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe, load_recipe, parse_recipe

GOOD = """
name: demo
inputs:
  - source: web
    path: web.warc.gz
steps:
  - extract: {}
  - filter: {rules: gopher_quality}
    sources: [web]
  - exact_dedup: {}
  - near_dedup:
      threshold: 0.7
"""


def write(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def test_a_good_recipe_loads(tmp_path):
    recipe = load_recipe(write(tmp_path, GOOD), CurateRecipe)
    assert [step.title for step in recipe.steps] == ["extract", "gopher_quality", "exact_dedup", "near_dedup"]
    assert recipe.steps[3].near_dedup.threshold == 0.7


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "threshold: 0.7",
            "treshold: 0.7",
            r"recipe\.yaml:12: steps\.3\.near_dedup\.treshold: unknown field \(did you mean 'threshold'\?\)",
        ),
        ("threshold: 0.7", "threshold: 7", r"recipe\.yaml:12: .*threshold: Input should be less than or equal to 1"),
        ("name: demo", "nam: demo", r"recipe\.yaml:2: nam: unknown field \(did you mean 'name'\?\)"),
        ("sources: [web]", "sources: [wbe]", r"names source 'wbe', which no input has \(did you mean 'web'\?\)"),
        ("- exact_dedup: {}", "- {}", r"exactly one of"),
        ("- extract: {}", "- extract: {", r"recipe\.yaml:\d+: not YAML"),
        ("- extract: {}", "- near_dedup: {name: x}", r"recipe\.yaml:7: .*unknown field"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, message):
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(write(tmp_path, GOOD.replace(old, new)), CurateRecipe)
    assert "\n" not in str(caught.value)


def test_dedup_steps_come_last(tmp_path):
    late = GOOD + "  - language: {}\n"
    with pytest.raises(RecipeError, match="dedup steps come last"):
        load_recipe(write(tmp_path, late), CurateRecipe)


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words"])
def test_not_a_mapping(tmp_path, text):
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        load_recipe(write(tmp_path, text), SelectRecipe)


def test_missing_file(tmp_path):
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml", CurateRecipe)


def test_a_verifier_twice_is_refused():
    with pytest.raises(RecipeError, match="'math' is listed twice"):
        parse_recipe({"verifiers": [{"name": "math"}, {"name": "math"}]}, VerifyRecipe, "--verifiers")


@pytest.mark.parametrize(("gate", "least"), [("true", 1.0), ("false", None), ("0.8", 0.8), ("1", 1.0), ("0.0", 0.0)])
def test_a_gate_is_on_or_a_least_score(tmp_path, gate, least):
    path = tmp_path / "rubric.yaml"
    path.write_text(f"verifiers: [{{name: math, gate: {gate}}}]\n")
    assert load_recipe(path, VerifyRecipe).verifiers[0].least_score == least


def test_a_gate_above_one_is_refused(tmp_path):
    path = tmp_path / "rubric.yaml"
    path.write_text("verifiers: [{name: math, gate: 1.5}]\n")
    with pytest.raises(RecipeError, match=r"rubric\.yaml:1: verifiers"):
        load_recipe(path, VerifyRecipe)
