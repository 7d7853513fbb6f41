"""The form of the rows of one kind of task set, and what is read of one. Pure; the forms stand in `workers.task_rows`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TaskRow:
    """What a row of a task set says.

    Attributes:
        gold: by the keys of the verifiers; None where the row has none.
        text: the user's message, for a row that has no finished prompt of its own.
        task: one of `schemas.arrow.TASKS`, where it is not the shape's.
    """

    gold: dict[str, Any] | None
    text: str | None = None
    task: str | None = None


@dataclass(frozen=True)
class Shape:
    """The form of the rows of one kind of task set.

    Attributes:
        name: as a preset.
        task: one of `schemas.arrow.TASKS`.
        columns: by which the rows are told; of each inner tuple one must be there.
        uses: columns that mean something else here than in a row of generations.
        read: reads a row; raises ValueError or KeyError.
        fits: a closer look at the first row, where columns alone do not tell.
        makes_prompt: whether `read` writes the user's message, where no column holds a finished prompt.
    """

    name: str
    task: str
    columns: Sequence[Sequence[str]]
    read: Callable[[Row], TaskRow]
    uses: frozenset[str] = frozenset()
    fits: Callable[[Row], bool] = lambda _row: True
    makes_prompt: bool = True

    def has_columns(self, available: Sequence[str]) -> bool:
        """Says whether a file has the columns of this form."""
        return all(any(column in available for column in columns) for columns in self.columns)

    def task_row(self, row: Row) -> TaskRow:
        """Reads a row.

        Raises:
            ValueError: names the shape and what does not fit.
        """
        try:
            return self.read(row)
        except KeyError as error:
            raise ValueError(f"{self.name}: the row has no {error.args[0]!r}") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.name}: {error}") from None


def first_text(row: Row, columns: Sequence[str], what: str) -> str:
    """Gives the first of the columns that holds a text.

    Raises:
        ValueError: none does; `what` is what it should hold.
    """
    for column in columns:
        value = row.get(column)
        if isinstance(value, str) and value.strip():
            return value.strip()
    raise ValueError(f"no column holds {what}; it may be called {', '.join(columns)}")
