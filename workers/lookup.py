"""Reads rows of landed Parquet files by their pointers (file, row). Touches those files only."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import ContractError

#: Row groups that a process keeps decoded: neighbouring shards read the same ones.
_KEPT_ROW_GROUPS = 4


@dataclass(frozen=True)
class Pointer:
    """Where a row stands: the file's full path and the row's number in it, from 0."""

    path: Path
    row: int


def fetch(pointers: Mapping[str, Pointer], columns: Sequence[str], key: str = "id") -> dict[str, dict[str, Any]]:
    """Reads rows by key.

    Args:
        pointers: key of each wanted row -> where it stands.
        columns: the columns to read, without the key's.
        key: the column that must hold the key, as a check that the pointer is right.

    Returns:
        Key -> column -> value, in the order of `pointers`.

    Raises:
        ContractError: when a file is missing or holds another row there than the store says.
    """
    by_group: dict[tuple[Path, int], list[tuple[str, int]]] = {}
    for name, pointer in pointers.items():
        group, offset = _locate(pointer)
        by_group.setdefault((pointer.path, group), []).append((name, offset))
    found: dict[str, dict[str, Any]] = {}
    for (path, group), wanted in by_group.items():
        table = _row_group(path, group, (key, *columns)).take([offset for _, offset in wanted])
        for (name, _), record in zip(wanted, table.to_pylist(), strict=True):
            if record.pop(key) != name:
                raise ContractError(
                    f"{path}: the row that the store names for {name} holds another; run `tamis store check`"
                )
            found[name] = record
    return {name: found[name] for name in pointers}


def _locate(pointer: Pointer) -> tuple[int, int]:
    offset = pointer.row
    for group, rows in enumerate(_group_sizes(pointer.path)):
        if offset < rows:
            return group, offset
        offset -= rows
    raise ContractError(f"{pointer.path}: has no row {pointer.row}, which the store names; run `tamis store check`")


@functools.lru_cache(maxsize=256)
def _group_sizes(path: Path) -> tuple[int, ...]:
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ContractError(f"{path}: cannot be read: {error}; run `tamis store check`") from None
    return tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))


@functools.lru_cache(maxsize=_KEPT_ROW_GROUPS)  # a landed file never changes, its name holds its content's hash
def _row_group(path: Path, group: int, columns: tuple[str, ...]) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read_row_group(group, columns=list(columns))
