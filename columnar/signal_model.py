"""What a signal is, and how families of them plug into `columnar.signals`. Pure: no I/O."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.text import TextBuffers

Counts = Mapping[str, npt.NDArray[np.int64]]
Column = npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.bool_]


class Signal(NamedTuple):
    """A column of `measure`: its group, its Arrow type, what it says, and how it follows from its family's counts."""

    group: str
    type: pa.DataType
    doc: str
    derive: Callable[[Counts], Column]


@dataclass(frozen=True)
class Family:
    """Signals that one kernel counts.

    Attributes:
        signals: name -> signal, in the order of the columns.
        count: counts the documents for the groups asked for, at least: name -> int64, one value a document.
    """

    signals: Mapping[str, Signal]
    count: Callable[[TextBuffers, Collection[str]], Counts]


def count_of(name: str) -> Callable[[Counts], Column]:
    """Derives a signal that is a count itself."""
    return lambda counts: counts[name]


def ratio(part: str, whole: str) -> Callable[[Counts], Column]:
    """Derives a share or mean; over nothing it is 0."""
    return lambda counts: counts[part] / np.maximum(counts[whole], 1)
