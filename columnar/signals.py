"""Every signal that a filter rule may need, measured at once. Pure: no I/O.

Signals come in groups, so that a job pays for what its rules ask; each group's kernels and definitions are in a `columnar.signal_*`
module of its own, and are put together here.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import pyarrow as pa

from columnar.signal_basic import BASIC
from columnar.signal_model import Family, Signal
from columnar.signal_readings import READINGS
from columnar.text import buffers

_FAMILIES: tuple[Family, ...] = (BASIC, READINGS)

#: Every signal by name, in the order of `measure`'s columns.
SIGNALS: Mapping[str, Signal] = MappingProxyType(
    {name: signal for family in _FAMILIES for name, signal in family.signals.items()}
)

#: What may be measured apart: `basic` (no rival's reading), `fineweb`, `repetition` (the paper's reading), and the readings of
#: `datatrove` and `dolma`.
GROUPS: tuple[str, ...] = ("basic", "fineweb", "repetition", "datatrove", "dolma")


def measure(texts: pa.LargeStringArray, groups: Collection[str] | None = None) -> pa.RecordBatch:
    """Measures every document.

    Args:
        texts: the documents; slices are honoured.
        groups: which of `GROUPS` to measure; None means all.

    Returns:
        One row a document, one column for each of `SIGNALS` that is of these groups, in its order; no nulls.

    Raises:
        ValueError: a group does not exist; or see `columnar.text.buffers`.
        TypeError: see `columnar.text.buffers`.
    """
    wanted = frozenset(GROUPS if groups is None else groups)
    if unknown := wanted.difference(GROUPS):
        raise ValueError(f"no group of signals {min(unknown)!r}; there are {', '.join(GROUPS)}")
    text_buffers = buffers(texts)
    signals = {name: signal for name, signal in SIGNALS.items() if signal.group in wanted}
    # The words of the readings bring the basic counts with them; a pass for these alone is quicker still.
    counts = (READINGS if wanted - {"basic"} else BASIC).count(text_buffers, wanted)
    columns = [pa.array(signal.derive(counts), signal.type) for signal in signals.values()]
    return pa.RecordBatch.from_arrays(columns, names=list(signals))
