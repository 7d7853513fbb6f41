"""Fetches many rows by the store's pointers (artifact, row), in the order of the files, a batch at a time.

Reads the store's artifact rows and, through `workers.lookup`, the Parquet files that they name.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from schemas.errors import UserError
from schemas.tables import Artifact, Run
from workers.lookup import Pointer, fetch

#: Rows that are fetched from or sent to the store at a time.
BATCH_ROWS = 8192
_Key = TypeVar("_Key")


class Wanted(NamedTuple):
    """A row to fetch: `row` counts from 0 in the file of `artifact`, whose `id` column must say `id` there."""

    artifact: int
    row: int
    id: str


def artifact_file(out: Path, run_out: str, path: str) -> Path:
    """Gives an artifact's file: under its run's folder, or under `out` when that folder was moved together with its store."""
    file = Path(run_out) / path
    return file if file.exists() else out / path


def artifact_files(connection: sa.Connection, out: Path, kind: str) -> dict[int, Path]:
    """Gives the file of every artifact of a kind by artifact id. A store has one a shard: thousands, never millions."""
    statement = sa.select(Artifact.id, Artifact.path, Run.out).join(Run).where(Artifact.kind == kind)
    return {number: artifact_file(out, run_out, path) for number, path, run_out in connection.execute(statement)}


def fetch_in_order(
    files: Mapping[int, Path], wanted: Iterable[tuple[Wanted, _Key]], columns: Sequence[str]
) -> Iterator[list[tuple[_Key, dict[str, Any]]]]:
    """Reads rows for keys, batch by batch.

    Args:
        files: artifact id -> file.
        wanted: ordered by (artifact, row), so that each row group is decoded once.
        columns: what to read.

    Yields:
        Keys with their rows (column -> value), in the order of `wanted`. Memory: a batch and a few row groups.

    Raises:
        UserError: if a file is missing or holds another row at that place; the store and its files then disagree.
    """
    for batch in batched(wanted, BATCH_ROWS):
        for place, _ in batch:
            if place.artifact not in files:
                raise UserError(f"artifact {place.artifact}: the store has no such file; run `tamis store check`")
        pointers = {place.id: Pointer(files[place.artifact], place.row) for place, _ in batch}
        records = fetch(pointers, columns)
        yield [(key, records[place.id]) for place, key in batch]


def batched(items: Iterable[_Key], size: int) -> Iterator[list[_Key]]:
    """Cuts items into lists of `size`; the last may be shorter."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch
