"""What the commands share: where things stand, the open store, the report at the end, the exit code."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from schemas.errors import ResumableError, UserError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from schemas.storage import Location
    from service.console import Terminal

DONE = 0
RESUMABLE = 1
REFUSED = 2
QUARANTINED = 3

STORE_FILE = "tamis.db"
REPORT_FILE = "report.html"


@contextlib.contextmanager
def say_errors() -> Iterator[None]:
    """Says a user's mistake, or that work stopped half way, in one line, and exits with its code."""
    try:
        yield
    except UserError as error:
        _fail(str(error), REFUSED)
    except ResumableError as error:
        _fail(str(error), RESUMABLE)


def _fail(message: str, code: int) -> None:
    print(f"tamis: {message}", file=sys.stderr)  # noqa: T201 - the command's last word
    sys.exit(code)


def store_url(out: "Location", store: str | None) -> str:
    """Gives the store's URL: the one given, or the SQLite file under `out`.

    Raises:
        UserError: `out` is in an object store, where no SQLite file can be, and none is given.
    """
    from schemas.store import sqlite_url

    if store is None and not isinstance(out, Path):
        raise UserError(
            f"{out}: a store cannot stand there; give --store or TAMIS_STORE: postgresql://... or sqlite:////path/to/tamis.db"
        )
    return store or sqlite_url((cast("Path", out) / STORE_FILE).resolve())


def open_for_writing(out: "Location", store: str | None) -> "sa.Engine":
    """Opens the store of a command that makes things, and makes it if it is new."""
    from schemas.store import open_store

    return open_store(store_url(out, store))


def open_for_reading(out: "Location", store: str | None) -> "sa.Engine":
    """Opens the store of a command that only looks.

    Raises:
        UserError: if there is no store file yet, so that a mistyped `--out` does not make one.
    """
    from schemas.store import open_store

    if store is None and isinstance(out, Path) and not (out / STORE_FILE).exists():
        raise UserError(
            f"{out / STORE_FILE}: no store here; give --out the folder of an earlier command, or --store its URL"
        )
    return open_store(store_url(out, store))


def refresh_report(engine: "sa.Engine", out: Path, terminal: "Terminal") -> Path:
    """Writes the page about everything under `out` anew and says where it is."""
    from service.report.page import write_report

    target = write_report(engine, out, out / REPORT_FILE)
    terminal.say(f"report: {target}")
    return target


def exit_code(quarantined: int) -> int:
    """Gives 3 where something was quarantined, else 0."""
    return QUARANTINED if quarantined else DONE
