"""Edits the lines of documents by a named preset, and counts what it did. Pure: no I/O.

The presets are in `columnar.line_*`. An edit's parameters belong to the name of the signals that follow from it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from columnar.line_c4 import C4_EDITS
from columnar.line_model import LineEdit
from columnar.line_refinedweb import REFINEDWEB_LINES
from columnar.text import buffers

#: Every preset by name.
LINE_EDITS: Mapping[str, LineEdit] = MappingProxyType({edit.name: edit for edit in (*C4_EDITS, REFINEDWEB_LINES)})


class EditedTexts(NamedTuple):
    """What an edit makes of documents.

    Attributes:
        texts: the edited documents, in order; possibly empty, never null.
        signals: one column a count or share, called `<preset>_<count>`.
    """

    texts: pa.LargeStringArray
    signals: pa.RecordBatch


def edit_lines(texts: pa.LargeStringArray, preset: str) -> EditedTexts:
    """Edits every document by a preset.

    Args:
        texts: the documents; slices are honoured.
        preset: a key of `LINE_EDITS`.

    Raises:
        KeyError: no such preset.
        TypeError, ValueError: see `columnar.text.buffers`.
    """
    edit = LINE_EDITS[preset]
    offsets, data, counts = edit.run(buffers(texts))
    edited = pa.LargeStringArray.from_buffers(
        len(texts), pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(data))
    )
    number = {count: row for row, count in enumerate(edit.counts)}
    shares = [counts[number[part]] / np.maximum(counts[number[whole]], 1) for part, whole, _ in edit.shares.values()]
    columns = [pa.array(values) for values in (*counts, *shares)]
    return EditedTexts(edited, pa.RecordBatch.from_arrays(columns, names=list(edit.signals)))
