"""The command `explain`. A module of its own, with few imports: people wait for its answer."""

from functools import partial

from schemas.storage import Location
from service.commands.common import DONE, open_for_reading
from service.console import Terminal
from service.explain import explain as find


def explain(identifier: str, out: Location, store: str | None, *, as_json: bool) -> int:
    """Runs `tamis explain`."""
    terminal = Terminal(as_json=as_json)
    explanation = find(partial(open_for_reading, out, store), out, identifier)
    if as_json:
        terminal.result(explanation.to_json())
    else:
        explanation.render(terminal.results)
    return DONE
