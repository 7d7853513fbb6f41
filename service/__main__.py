"""Where the `tamis` command begins: the whole command line, or `explain` alone, without loading what parses all the others.

Typer makes all commands and a validator for each of their options before any runs, which takes longer than `explain` takes to find a
document among ten million. So a plain `explain` is read here; whatever is not plain (help, a mistake) goes to `service.cli`.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.errors import ResumableError
from service.commands.common import say_errors

DEFAULT_OUT = "out"
_VALUES = ("--out", "--store")


class ExplainRequest(NamedTuple):
    """A plain `tamis explain`: the id, `--out`, `--store` and `--json`."""

    identifier: str
    out: str
    store: str | None
    as_json: bool


def main() -> None:
    """Runs the command; a user's mistake is one line and exit 2, never a traceback."""
    request = plain_explain(sys.argv[1:], os.environ)
    if request is None:
        from service.cli import main as run_any

        run_any()
        return
    logging.basicConfig(format="tamis: %(message)s", level=logging.WARNING)
    with say_errors():
        sys.exit(_explain(request))


def plain_explain(arguments: Sequence[str], environment: Mapping[str, str]) -> ExplainRequest | None:
    """Reads the arguments of a plain `explain` as `service.cli` would; None if they are anything else."""
    if not arguments or arguments[0] != "explain":
        return None
    given: dict[str, str] = {}
    identifiers = []
    as_json = False
    rest = list(arguments[1:])
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--json" and not equals:
            as_json = True
        elif name in _VALUES and (equals or rest):
            given[name] = value if equals else rest.pop(0)
        elif name.startswith("-") or equals:
            return None
        else:
            identifiers.append(name)
    if len(identifiers) != 1 or any(value.startswith("-") or not value for value in given.values()):
        return None
    out = given.get("--out") or environment.get("TAMIS_OUT") or DEFAULT_OUT
    return ExplainRequest(identifiers[0], out, given.get("--store") or environment.get("TAMIS_STORE") or None, as_json)


def _explain(request: ExplainRequest) -> int:
    from schemas.storage import location
    from service.commands.explain import explain

    try:
        return explain(request.identifier, location(request.out), request.store, as_json=request.as_json)
    except KeyboardInterrupt:
        raise ResumableError("stopped; the same command goes on from here") from None


if __name__ == "__main__":
    main()
