"""The options that several commands of `tamis` share, as annotations that typer reads. Nothing heavy is imported here."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from schemas.errors import UserError


def _place(text: str | Path) -> Any:
    from schemas.storage import location

    return location(text)


def _folder(text: str | Path) -> Path:
    place = _place(text)
    if not isinstance(place, Path):
        raise UserError(
            f"{place}: only `curate`, `explain` and `status` work in an object store; give --out a local folder"
        )
    return place


Out = Annotated[
    Path,
    typer.Option(
        "--out",
        help="Folder that holds everything this work makes.",
        envvar="TAMIS_OUT",
        parser=_folder,
        metavar="FOLDER",
    ),
]
AnyOut = Annotated[
    Any,
    typer.Option(
        "--out",
        help="Folder, or s3:// or gs:// URL, that holds everything this work makes.",
        envvar="TAMIS_OUT",
        parser=_place,
        metavar="FOLDER|URL",
    ),
]
Store = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation
    typer.Option(
        "--store",
        help="Store URL; by default OUT/tamis.db. Shown in help and logs without its password.",
        envvar="TAMIS_STORE",
        show_envvar=True,
    ),
]
Broker = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--broker",
        help="Broker URL of separate workers; by default a broker and workers are started here.",
        envvar="TAMIS_BROKER",
    ),
]
Preset = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="Form of the file: vllm, verl, trl, distilabel, messages, or a task set's (choice, ifeval, ...); found by itself."
    ),
]
Columns = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--column", help="OURS=THEIRS, for example prompt=question; may be given again."),
]
Task = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Task of rows that do not say it: math, code, choice, ...; by default math."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")]
Limit = Annotated[Optional[int], typer.Option("--limit", min=1, help="Take at most this many rows of input.")]  # noqa: UP045
MaxBad = Annotated[int | None, typer.Option("--max-bad", min=0, help="Stop when more rows than this are quarantined.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Throw away what an earlier run of this command left under OUT.")]
Workers = Annotated[Optional[int], typer.Option("--workers", min=1, help="Worker processes; by default all cores.")]  # noqa: UP045
CountedRubric = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--recipe", help="YAML rubric whose verdicts count; by default the latest verify run's."),
]
Slots = Annotated[int, typer.Option(min=1, help="Programs that run at once.")]
UnsafeNoSandbox = Annotated[
    bool, typer.Option("--unsafe-no-sandbox", help="Run programs without isolation, where there is none to be had.")
]
DEFAULT_OUT = Path("out")
