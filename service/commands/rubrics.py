"""The rubric of verifiers that the command line names, without a recipe file."""

from schemas.recipe import VerifyRecipe, parse_recipe

_RECORDED = ("mixing",)
"""Met by a text without any word: beside others recorded and not summed, unless a recipe weighs it behind a gate."""


def named_rubric(names: str, where: str) -> VerifyRecipe:
    """Gives the rubric of verifiers by name, with default settings and equal weights.

    Args:
        names: with commas between them.
        where: what a message calls the place that says so.

    Raises:
        UserError: one clear line about what does not fit.
    """
    known = [name.strip() for name in names.split(",") if name.strip()]
    alone = all(name in _RECORDED for name in known)
    verifiers = [{"name": name, "weight": 0.0 if name in _RECORDED and not alone else 1.0} for name in known]
    return parse_recipe({"verifiers": verifiers}, VerifyRecipe, where)
