"""`tamis rewards export`: every generation with its reward and verdicts, as one file of JSON Lines."""

from pathlib import Path

from schemas.recipe import VerifyRecipe, load_recipe
from service.commands.common import DONE, open_for_reading
from service.console import Terminal
from workers.score_rows import write_score_rows


def export(recipe: Path | None, out: Path, store: str | None, *, as_json: bool) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    asked = None if recipe is None else load_recipe(recipe, VerifyRecipe)
    engine = open_for_reading(out, store)
    try:
        with terminal.bars() as bars:
            written = write_score_rows(engine, out, asked, lambda done, total: bars.update("rewards", done, total))
    finally:
        engine.dispose()
    value = {"path": str(written.path), "rows": written.rows, "unscored": written.unscored, "mean": written.mean}
    mean = "-" if written.mean is None else f"{written.mean:.3f}"
    rows = [
        ("generations", f"{written.rows:,}"),
        ("without a reward", f"{written.unscored:,}"),
        ("mean reward", mean),
        ("file", str(written.path)),
    ]
    terminal.result(value, title="rewards", rows=rows)
    return DONE
