"""The command group `tamis rewards`: parses, and hands over to `service.commands.rewards` and its neighbours, imported when they run."""

import typer

from service.options import AsJson

rewards_app = typer.Typer(
    help="Look at verifiers, and try them before they reward a model.", no_args_is_help=True, rich_markup_mode=None
)


@rewards_app.command("list")
def rewards_list(as_json: AsJson = False) -> None:
    """List the verifiers with version, gold and settings."""
    from service.commands.rewards import list_verifiers as run

    raise typer.Exit(run(as_json=as_json))
