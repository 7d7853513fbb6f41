"""Inserts many rows at once: COPY on PostgreSQL, one prepared statement on SQLite. Touches the store only."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import sqlalchemy as sa

from schemas.tables import Base
from workers.rows import batched

_INSERT_ROWS = 5000


def bulk_insert(
    connection: sa.Connection,
    model: type[Base],
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    *,
    replace: bool = False,
) -> None:
    """Inserts rows in the caller's transaction, in their order.

    Args:
        connection: in a transaction.
        model: the table.
        columns: what a row holds, in order.
        rows: any number; they are not held in memory together.
        replace: rows whose key is there take the new values; else they stay as they are.
    """
    target = cast("sa.Table", model.__table__)
    keys = [column.name for column in target.primary_key.columns]
    names = ", ".join(f'"{name}"' for name in columns)
    if replace:
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in keys)
        conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    else:
        conflict = "ON CONFLICT DO NOTHING"
    if connection.dialect.name == "postgresql":
        staging = f"landing_{target.name}"
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT {names} FROM {target.name} LIMIT 0"  # noqa: S608 - names of our own tables
        )
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {staging} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.exec_driver_sql(
            f"INSERT INTO {target.name} ({names}) SELECT {names} FROM {staging} {conflict}"  # noqa: S608 - names of our own tables
        )
        connection.exec_driver_sql(f"DROP TABLE {staging}")
        return
    marks = ", ".join("?" for _ in columns)
    statement = f"INSERT INTO {target.name} ({names}) VALUES ({marks}) {conflict}"  # noqa: S608 - names of our own tables
    for batch in batched(rows, _INSERT_ROWS):
        connection.exec_driver_sql(statement, batch)
