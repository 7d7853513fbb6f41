"""Histograms of signals that merge exactly: whole counts in classes that are the same for every signal, shard and run. Pure.

The classes are fine enough to see where a threshold cuts: a hundredth wide up to 1, where shares and ratios live, then sixteen to
each doubling.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.job.tally import Tally
from curation.model import Step

#: Lower edges of the classes; the last class is open.
EDGES: npt.NDArray[np.float64] = np.concatenate((np.arange(100) / 100, 2.0 ** (np.arange(40 * 16 + 1) / 16)))
#: Their names in a tally.
_NAMES = [f"{edge:.6g}" for edge in EDGES]
_INDEX = {name: number for number, name in enumerate(_NAMES)}


def judged_signals(step: Step) -> list[str]:
    """Gives the signals that a step's thresholds look at, sorted: those of its rules, and numbers that it adds itself."""
    rules = getattr(step, "rules", None)
    if rules is not None:
        return sorted({rule.signal for rule in rules})
    return sorted(field.name for field in step.output_fields() if pa.types.is_floating(field.type))


def add_histograms(tally: Tally, step: str, batch: pa.RecordBatch, signals: Sequence[str]) -> None:
    """Adds the rows' values as ``histograms.<step>.<source>.<signal>.<lower edge>``; values that were not measured are left out."""
    present = [name for name in signals if name in batch.schema.names]
    if not present or batch.num_rows == 0:
        return
    for source in pc.unique(batch["source"]).to_pylist():
        rows = pc.equal(batch["source"], source)
        for name in present:
            values = _numbers(batch[name].filter(rows))
            found = np.searchsorted(EDGES, np.maximum(values, 0.0), "right") - 1
            counts = np.bincount(found, minlength=1)
            for number in np.flatnonzero(counts).tolist():
                tally.add(int(counts[number]), "histograms", step, source, name, _NAMES[number])


def merged(by_source: Mapping[str, Mapping[str, Mapping[str, int]]], signal: str) -> npt.NDArray[np.int64]:
    """Gives a signal's counts over all sources, int64, one a class of `EDGES`."""
    counts = np.zeros(EDGES.size, np.int64)
    for signals in by_source.values():
        for name, count in signals.get(signal, {}).items():
            counts[_INDEX[name]] += count
    return counts


def _numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    return values[~np.isnan(values)]
