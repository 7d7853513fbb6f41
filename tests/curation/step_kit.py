"""What the step tests share: batches in a line, and outcomes as plain values."""

from typing import Any

import pyarrow as pa

from curation.meta import meta_json
from curation.model import RAW, Step, StepOutput
from curation.steps.build import build_step
from schemas.steps import StepRecipe


def step_recipe(**kind: Any) -> StepRecipe:
    return StepRecipe.model_validate(kind)


def step_of(**kind: Any) -> Step:
    return build_step(step_recipe(**kind))


def batch_of(*rows: dict[str, Any]) -> pa.RecordBatch:
    """A raw batch; `id` is the row's number unless given."""
    filled = []
    for number, row in enumerate(rows):
        base = {"id": str(number), "source": "s", "meta": meta_json(f"f#{number}"), "replaced_characters": 0}
        filled.append({**base, **row})
    return pa.RecordBatch.from_pylist(filled, schema=RAW)


def texts_of(*texts: str, **common: Any) -> pa.RecordBatch:
    return batch_of(*({"text": text, **common} for text in texts))


def reasons_of(output: StepOutput) -> dict[str, list[str]]:
    """Id -> reasons of every rejected row."""
    if output.rejects is None:
        return {}
    output.rejects.validate(full=True)
    return dict(zip(output.rejects.column("id").to_pylist(), output.rejects.column("reasons").to_pylist(), strict=True))


def kept_ids(output: StepOutput) -> list[str]:
    output.kept.validate(full=True)
    return output.kept.column("id").to_pylist()
