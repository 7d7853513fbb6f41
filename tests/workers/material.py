"""Prompts and generations that tests of the queue verify: small, in several scripts, some right and some not."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from schemas.recipe import VerifyRecipe
from schemas.store import reading
from schemas.tables import Artifact, Generation, Run, VerdictRow
from workers.imports import ImportSource
from workers.lookup import Pointer, _group_sizes, _row_group, fetch

PROMPTS = 60
SAMPLES = 8
SHARD_GENERATIONS = 16
NUM_SHARDS = PROMPTS * SAMPLES // SHARD_GENERATIONS


def recipe(verifiers: Sequence[str]) -> VerifyRecipe:
    """Gives a rubric of these verifiers with small shards."""
    items = [{"name": name} for name in verifiers]
    return VerifyRecipe.model_validate({"name": "made", "verifiers": items, "shard_generations": SHARD_GENERATIONS})


_ANSWERS = (
    "<think>Two and two, that makes {gold} when it is added up.</think>\nThe answer is {gold}.",
    "<think>This text is sinh成的 by a model that could not keep to one language.</think>\nIt is {gold}.",
    "The answer is {gold}, and nothing was thought before.",
    "<think>Это очень простой вопрос, ответ на него знает каждый.</think>\nThe answer is {gold}.",
    "<think>unclosed thinking about {gold}",
    "",
    "<think>a</think><think>b</think> twice",
    "<think>The number \\u0000 is {gold}.</think>\n{gold}",
)


def write_generations(path: Path, prompts: int = PROMPTS, samples: int = SAMPLES, first: int = 0) -> Path:
    """Writes verl-like rows, one a sample, gzipped."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for number in range(prompts):
            for sample in range(first, first + samples):
                text = _ANSWERS[(number + sample) % len(_ANSWERS)].replace("{gold}", str(number + sample))
                row = {
                    "input": f"What is {number} and nothing?",
                    "output": json.loads(
                        f'"{text.replace(chr(10), chr(92) + "n").replace(chr(34), chr(92) + chr(34))}"'
                    ),
                    "gts": str(number),
                    "language": "en",
                    "sample_index": sample,
                }
                file.write(json.dumps(row) + "\n")
    return path


def source(path: Path) -> ImportSource:
    return ImportSource(path, "made", preset="verl", model="made-model")


def verdicts(engine: sa.Engine) -> list[tuple[object, ...]]:
    """Gives every verdict, from the file that the store points to, less the volatile column; checks it against the store's row."""
    _group_sizes.cache_clear()
    _row_group.cache_clear()
    query = (
        sa.select(VerdictRow, Artifact.path, Run.out)
        .join(Artifact, Artifact.id == VerdictRow.artifact_id)
        .join(Run, Run.id == Artifact.run_id)
    )
    rows = []
    columns = ["verifier", "version", "settings_hash", "score", "status", "detail"]
    with reading(engine) as connection:
        for row in connection.execute(query):
            pointer = Pointer(Path(row.out) / row.path, row.row)
            there = fetch({row.generation_id: pointer}, columns, key="generation_id")[row.generation_id]
            assert (there["verifier"], there["version"], there["settings_hash"]) == (
                row.verifier,
                row.version,
                row.settings_hash,
            )
            assert (there["score"], there["status"]) == (row.score, row.status)
            rows.append((row.generation_id, *there.values()))
    return sorted(rows, key=repr)


def count_generations(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(Generation)).scalar_one()
