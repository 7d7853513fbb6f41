"""Fits others' columns to ours: which of their columns feeds which of our fields, and what is left for `meta`. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from curation.readers.batches import parse_timestamp
from schemas.errors import UserError

#: Fields of ours that a column may feed. `html` stands in place of `text`, for columns of pages.
MAPPABLE = ("text", "html", "url", "path", "repo", "timestamp")
#: Longest URL, path or repository name that is taken over; longer ones are cut.
MAX_FIELD_CHARS = 4096


@dataclass(frozen=True)
class ColumnMap:
    """Our fields and their columns, for one file.

    Attributes:
        content: ``text`` or ``html``.
        content_column: their column of it.
        fields: (our field, their column) for url, path, repo and timestamp, as far as they are there.
        used: their columns that feed a field; all others go into `meta`.
    """

    content: str
    content_column: str
    fields: tuple[tuple[str, str], ...]
    used: frozenset[str]

    def values(self, row: Mapping[str, Any], counts: Counter[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Gives (our fields, what goes into `meta`) of one row; the content itself is in neither.

        A value that does not fit its field goes into `meta` under our field's name; `counts` has how often.
        """
        ours: dict[str, Any] = {}
        rest = {name: value for name, value in row.items() if name not in self.used}
        for field, column in self.fields:
            value = row.get(column)
            if value is None or value == "":
                continue
            if field == "timestamp":
                ours[field] = parse_timestamp(value)
                if ours[field] is None:
                    rest[field] = value
                    counts["unreadable_timestamps"] += 1
            elif isinstance(value, str):
                ours[field] = value[:MAX_FIELD_CHARS]
            else:
                rest[field] = value
        return ours, rest


def map_columns(columns: Iterable[tuple[str, str]], available: Iterable[str], where: str) -> ColumnMap:
    """Resolves a recipe's mapping against the columns that a file has. A field without a mapping takes the column of its name.

    Args:
        columns: (our field, their column) as the recipe says.
        available: the columns that are there, in the file's order.
        where: the file, for the message.

    Raises:
        UserError: a field that does not exist is mapped, or a column is missing; names the file, the column, and what is there.
    """
    mapping = dict(columns)
    check_fields(mapping, where)
    there = list(available)
    if "html" in mapping:
        content = "html"
    else:
        content = "text"
        mapping.setdefault("text", "text")
    for field, column in mapping.items():
        if column not in there:
            listed = ", ".join(repr(name) for name in there[:20]) or "none"
            hint = (
                "" if field in dict(columns) else f"; say which one holds the {field}, with `columns: {{{field}: ...}}`"
            )
            raise UserError(
                f"{where}: column {column!r} for {field!r} is missing; the columns there are {listed}{hint}"
            )
    for field in MAPPABLE:
        if field not in mapping and field not in ("text", "html") and field in there:
            mapping[field] = field
    fields = tuple((field, column) for field, column in sorted(mapping.items()) if field not in ("text", "html"))
    return ColumnMap(content, mapping[content], fields, frozenset(mapping.values()))


def check_fields(mapping: Mapping[str, str], where: str) -> None:
    """Raises UserError for a mapped field that does not exist, or if both `text` and `html` are mapped."""
    unknown = sorted(set(mapping) - set(MAPPABLE))
    if unknown:
        raise UserError(f"{where}: columns: {unknown[0]!r} is no field of a document; there are {', '.join(MAPPABLE)}")
    if "text" in mapping and "html" in mapping:
        raise UserError(f"{where}: columns: map either text or html, not both")
