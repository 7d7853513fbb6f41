"""Turns a recipe's inputs into pieces: finds the files, tells their formats, cuts big Parquet files, checks columns."""

from collections import Counter
from pathlib import Path

from curation.model import Fault, Piece
from schemas.recipe import CurateRecipe


def list_pieces(recipe: CurateRecipe, base: Path, counts: Counter[str] | None = None) -> tuple[list[Piece], list[Fault]]:
    """Finds every piece of the recipe's inputs, in the order of the inputs and then of the paths' bytes.

    Args:
        recipe: the recipe.
        base: folder that relative input paths start from.
        counts: is added to, if given: `skipped_unknown_format`, `skipped_symlink`, ... for files in folders that are no input.

    Returns:
        The pieces, and a fault (stage ``list``) for every file that is broken already now: its pieces are not in the list.

    Raises:
        UserError: an input finds nothing, a file that is named by itself has no known format, or a column is missing.
    """
    raise NotImplementedError
