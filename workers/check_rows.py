"""Holds the narrow SQL rows of prompts, generations and verdicts against the Parquet rows that they point to.

Of several files that hold a key the store's row points to one; the others are older versions of it (a verdict that was scored
again) and are right as they are. A verdict of a generation that landed anew after it is stale, and is not brought back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from schemas.store import reading
from schemas.tables import Generation
from workers.findings import Finding, LandedFile
from workers.landing import NARROW, narrow_rows, upsert_rows
from workers.rows import batched

_BATCH_ROWS = 8192
_KEYS_A_QUERY = 500
#: In the order of their foreign keys.
KINDS = ("prompts", "generations", "verdicts")
_Row = tuple[Any, ...]


@dataclass
class _Faults:
    """What is wrong with one file's rows; `rows` are the right ones, to be written where it is repaired."""

    missing: list[_Row] = field(default_factory=list)
    differing: list[_Row] = field(default_factory=list)
    twice: list[_Row] = field(default_factory=list)


def check_rows(engine: sa.Engine, files: Sequence[LandedFile], *, repair: bool) -> Iterator[Finding]:
    """Compares and repairs kind by kind. The files must be there and whole.

    Args:
        engine: the store.
        files: landed files of any kind; those without narrow rows are passed over.
        repair: write the rows that the files say into the store, and delete rows that no file has.
    """
    for kind in KINDS:
        # From the latest file to the earliest: where a key stands in several and in no SQL row, the latest counts.
        latest_first = sorted((file for file in files if file.kind == kind), key=lambda file: -file.id)
        astray: set[_Row] = set()
        for file in latest_first:
            keys = _astray(engine, kind, file)
            astray |= keys
            if keys:
                detail = f"{len(keys)} rows that the file does not hold, for example {_key_of(kind, min(keys))}"
                yield Finding("rows_without_file_row", str(file.path), detail, repaired=repair)
        for file in latest_first:
            yield from _check_file(engine, kind, file, astray, repair=repair)
        if astray and repair:
            # What another file holds points there by now; what is left is in no file.
            for file in latest_first:
                _delete(engine, kind, file, _astray(engine, kind, file))


def _astray(engine: sa.Engine, kind: str, file: LandedFile) -> set[_Row]:
    """Gives the keys of SQL rows that point into the file, which does not hold them."""
    table = _table(kind)
    query = sa.select(*table.primary_key).where(table.c.artifact_id == file.id)
    with reading(engine) as connection:
        pointing = {tuple(row) for row in connection.execute(query)}
    return pointing - {row[: _key_length(kind)] for row in _file_rows(kind, file)} if pointing else set()


def _delete(engine: sa.Engine, kind: str, file: LandedFile, keys: set[_Row]) -> None:
    table = _table(kind)
    with engine.begin() as connection:
        for key in keys:
            same = [column == part for column, part in zip(table.primary_key, key, strict=True)]
            connection.execute(sa.delete(table).where(*same, table.c.artifact_id == file.id))


def _check_file(
    engine: sa.Engine, kind: str, file: LandedFile, astray: set[_Row], *, repair: bool
) -> Iterator[Finding]:
    faults = _compare(engine, kind, file, astray)
    wrong = [*faults.missing, *faults.differing]
    if repair and wrong:
        astray.difference_update(row[: _key_length(kind)] for row in wrong)
        with engine.begin() as connection:
            upsert_rows(connection, kind, iter(wrong), replace=True)
    for name, rows in (("rows_missing", faults.missing), ("rows_differ", faults.differing)):
        if rows:
            detail = f"{len(rows)} rows of {file.num_rows}, for example {_key_of(kind, rows[0])}"
            yield Finding(name, str(file.path), detail, repaired=repair)
    if faults.twice:
        detail = f"{len(faults.twice)} keys stand twice in the file, for example {_key_of(kind, faults.twice[0])}"
        yield Finding("duplicate_keys", str(file.path), detail, remedy="the first of them counts")


def _table(kind: str) -> sa.Table:
    return cast("sa.Table", NARROW[kind][0].__table__)


def _key_of(kind: str, row: _Row) -> str:
    return "/".join(str(part) for part in row[: _key_length(kind)])


def _key_length(kind: str) -> int:
    return len(_table(kind).primary_key)


def _compare(engine: sa.Engine, kind: str, file: LandedFile, astray: set[_Row]) -> _Faults:
    faults = _Faults()
    table, columns = _table(kind), NARROW[kind][1]
    pointed = sa.select(*(table.c[name] for name in columns)).where(table.c.artifact_id == file.id)
    width = _key_length(kind)
    seen: set[_Row] = set()
    elsewhere: list[_Row] = []
    with reading(engine) as connection:
        here = {tuple(row[:width]): tuple(row) for row in connection.execute(pointed)}
        for row in _file_rows(kind, file):
            key = row[:width]
            if key in seen:
                faults.twice.append(row)
                continue
            seen.add(key)
            found = here.get(key)
            if found is None:
                elsewhere.append(row)
            elif found != row:
                faults.differing.append(row)
        for chunk in batched(elsewhere, _KEYS_A_QUERY):
            there = _present(connection, kind, [row[:width] for row in chunk]) - astray
            absent = [row for row in chunk if row[:width] not in there]
            faults.missing += absent if kind != "verdicts" else _not_stale(connection, absent, file.id)
    return faults


def _file_rows(kind: str, file: LandedFile) -> Iterator[_Row]:
    columns = ["sampling" if name == "sampling_hash" else name for name in NARROW[kind][1][:-2]]
    first = 0
    with pq.ParquetFile(file.path) as parquet:
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns):
            yield from narrow_rows(kind, pa.Table.from_batches([batch]), file.id, first)
            first += batch.num_rows


def _present(connection: sa.Connection, kind: str, keys: Sequence[_Row]) -> set[_Row]:
    table = _table(kind)
    key_columns = list(table.primary_key)
    # By the first column of the key, which is selective; the rest is compared here.
    query = sa.select(*key_columns).where(key_columns[0].in_({key[0] for key in keys}))
    return {tuple(row) for row in connection.execute(query)}


def _not_stale(connection: sa.Connection, rows: Sequence[_Row], artifact_id: int) -> list[_Row]:
    """Leaves out verdicts whose generation is gone, or landed after them: they were given to another text."""
    query = sa.select(Generation.id, Generation.artifact_id).where(Generation.id.in_({row[0] for row in rows}))
    landed = {row.id: row.artifact_id for row in connection.execute(query)}
    return [row for row in rows if landed.get(row[0], artifact_id) < artifact_id]
