"""What the demo asks of each command, as recipes that it also writes down, so that a reader can run and change them by hand."""

from pathlib import Path
from typing import Any

import yaml

from schemas.files import write_bytes_durably
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe, parse_recipe
from service.demo.inputs import DemoInputs

PAGES, MATH, LIBRARY, PACKAGES = "pages", "math", "library", "packages"


def curate_recipe(inputs: DemoInputs) -> CurateRecipe:
    """Pages by Gopher's rules, mathematics with its formulas, code by DeepSeek-Coder's rules; duplicates across all of it."""
    asked: dict[str, Any] = {
        "name": "demo-corpus",
        "inputs": [
            {"source": PAGES, "path": str(inputs.web)},
            {"source": MATH, "path": str(inputs.math)},
            {
                "source": LIBRARY,
                "path": str(inputs.standard_library),
                "format": "source",
                "exclude": ["site-packages/*", "dist-packages/*", "test/*", "*/test/*", "*/tests/*"],
            },
            {"source": PACKAGES, "path": str(inputs.packages), "format": "source", "repo_depth": 1},
        ],
        "steps": [
            {"extract": {"formulas": True}, "sources": [PAGES, MATH]},
            # py3langid is less sure of pages full of names than lid.176, which the usual 0.65 is for.
            {"language": {"keep": ["en"], "min_score": 0.4}, "sources": [PAGES, MATH]},
            {"filter": {"rules": "gopher_quality"}, "sources": [PAGES]},
            {"filter": {"rules": "deepseek_coder"}, "sources": [LIBRARY, PACKAGES]},
            {"exact_dedup": {}},
            {"near_dedup": {"threshold": 0.8}},
        ],
        "output": {"input_shard_bytes": 8 << 20},
    }
    return parse_recipe(asked, CurateRecipe, "demo")


def verify_recipe() -> VerifyRecipe:
    """R1's rule-based reward, and the share of the prompt's language as a metric."""
    asked = {
        "name": "demo-rubric",
        "verifiers": [{"name": "math"}, {"name": "format"}, {"name": "mixing", "weight": 0.0}],
        "shard_generations": 16,
    }
    return parse_recipe(asked, VerifyRecipe, "demo")


def select_recipe() -> SelectRecipe:
    """Right, well-formed and in one language; the shortest two of a prompt."""
    asked = {
        "name": "demo-sft",
        "require": {"math": {"min_score": 1.0}, "format": {"min_score": 1.0}, "mixing": {"min_score": 0.95}},
        "per_prompt": 2,
        "order_by": [{"by": "tokens", "order": "asc"}],
    }
    return parse_recipe(asked, SelectRecipe, "demo")


def write_recipes(folder: Path, recipes: dict[str, CurateRecipe | VerifyRecipe | SelectRecipe]) -> None:
    """Writes each recipe as YAML."""
    for name, recipe in recipes.items():
        value = recipe.model_dump(mode="json", exclude_defaults=True)
        write_bytes_durably(folder / f"{name}.yaml", yaml.safe_dump(value, sort_keys=False).encode())
