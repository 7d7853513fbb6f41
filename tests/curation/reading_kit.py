"""What the reader tests share: recipes in a line, and everything that an input gives, as plain rows."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from curation.model import RAW, Fault, Piece
from curation.readers.listing import list_pieces
from curation.readers.reading import read_pieces
from schemas.recipe import CurateRecipe, OutputRecipe, parse_recipe


class Everything(NamedTuple):
    rows: list[dict[str, Any]]
    faults: list[Fault]
    counts: Counter[str]
    batches: list[pa.RecordBatch]

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows]

    @property
    def errors(self) -> list[str]:
        return [fault.error for fault in self.faults]


def recipe_of(*inputs: dict[str, Any], steps: list[dict[str, Any]] | None = None, **output: int) -> CurateRecipe:
    value = {"name": "test", "inputs": list(inputs), "steps": steps or [{"extract": {}}], "output": output}
    return parse_recipe(value, CurateRecipe, "test")


def read(pieces: list[Piece], **output: int) -> Everything:
    counts: Counter[str] = Counter()
    batches, faults = [], []
    for found in read_pieces(pieces, OutputRecipe.model_validate(output), counts):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            assert found.schema.equals(RAW)
            found.validate(full=True)
            batches.append(found)
    return Everything([row for batch in batches for row in batch.to_pylist()], faults, counts, batches)


def read_input(base: Path, path: str, *, output: dict[str, int] | None = None, **item: Any) -> Everything:
    """Lists and reads one input; faults of the listing come first."""
    recipe = recipe_of({"source": "s", "path": path, **item}, **(output or {}))
    pieces, faults = list_pieces(recipe, base)
    found = read(pieces, **(output or {}))
    return found._replace(faults=faults + found.faults)
