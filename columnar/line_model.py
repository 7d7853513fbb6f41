"""What a line edit is: a named, versioned set of rules that removes or mends lines, and counts what it did. Pure types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from columnar.text import TextBuffers


class EditedBuffers(NamedTuple):
    """What an edit's kernel gives.

    Attributes:
        offsets: int64[documents + 1]; the edited document `i` is `data[offsets[i]:offsets[i + 1]]`.
        data: uint8[...], UTF-8.
        counts: int64[len(signals), documents].
    """

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class LineEdit:
    """A preset of line rules.

    Attributes:
        name: what recipes, tables and columns call it. Another meaning is another name: `c4_tfds` stays what it is.
        source: where its rules are published.
        rules: what it does, in its order, in words.
        counts: count -> what it says; the signal's column, an int64, is called `<name>_<count>`.
        run: the compiled pass.
        shares: share -> (count, count that it is a share of, what it says); its column, a float64, is named alike. Over nothing it is 0.
    """

    name: str
    source: str
    rules: tuple[str, ...]
    counts: Mapping[str, str]
    run: Callable[[TextBuffers], EditedBuffers]
    shares: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    @property
    def signals(self) -> Mapping[str, tuple[pa.DataType, str]]:
        """Column -> its type and what it says."""
        counts = {f"{self.name}_{count}": (pa.int64(), doc) for count, doc in self.counts.items()}
        return counts | {f"{self.name}_{share}": (pa.float64(), doc) for share, (_, _, doc) in self.shares.items()}
