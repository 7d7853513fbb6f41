"""`tamis select`: a training set from verified generations, with its data card."""

from pathlib import Path

from schemas.recipe import SelectRecipe, load_recipe
from service.commands.common import DONE, open_for_reading, refresh_report
from service.console import Terminal, share
from workers.select import SelectionResult
from workers.select import select as run_selection


def select(recipe: Path, out: Path, store: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Runs the command; see `tamis select --help`."""
    terminal = Terminal(as_json=as_json)
    asked = load_recipe(recipe, SelectRecipe)
    engine = open_for_reading(out, store)
    try:
        result = run_selection(engine, out, asked, dry_run=dry_run)
        show_selection(result, terminal)
        if not dry_run:
            refresh_report(engine, out, terminal)
    finally:
        engine.dispose()
    return DONE


def show_selection(result: SelectionResult, terminal: Terminal) -> None:
    """Gives the selection as the command's result."""
    generations = result.counts["generations"]
    rows = [
        ("selection", result.selection_id),
        *((name.replace("_", " "), f"{count:,}") for name, count in generations.items() if isinstance(count, int)),
        ("kept of all", share(result.num_selected, generations["in_scope"])),
        (
            "files",
            ", ".join(str(item["path"]) for parts in result.files.values() for item in parts) or "none (dry run)",
        ),
    ]
    terminal.result(result.to_json(), title=f"selection {result.name}", rows=rows)
    for warning in result.warnings:
        terminal.say(f"warning: {warning}")
