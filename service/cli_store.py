"""`tamis store`: upgrade, check, clean. Parses, and hands over to `service.commands.serve`."""

from typing import Annotated

import typer

from service.options import DEFAULT_OUT, AsJson, DryRun, Out, Store

store_app = typer.Typer(
    help="Look after the store: upgrade, check, clean.", no_args_is_help=True, rich_markup_mode=None
)


@store_app.command("upgrade")
def store_upgrade(out: Out = DEFAULT_OUT, store: Store = None) -> None:
    """Bring the store to this version's tables."""
    from service.commands.serve import store_upgrade as run

    raise typer.Exit(run(out, store))


@store_app.command("check")
def store_check(
    out: Out = DEFAULT_OUT,
    store: Store = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare Parquet, index and SQL; exit with 1 when something is wrong and was not mended."""
    from service.commands.serve import store_check as run

    raise typer.Exit(run(out, store, repair=repair, as_json=as_json))


@store_app.command("clean")
def store_clean(out: Out = DEFAULT_OUT, store: Store = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete files that no run knows of: what killed writers and losers of a race left."""
    from service.commands.serve import store_clean as run

    raise typer.Exit(run(out, store, dry_run=dry_run, as_json=as_json))
