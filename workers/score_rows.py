"""Writes stored verdicts beside what was judged: a line of JSON a generation, with its reward. Reads the store and landed files.

For who wants labels for rows and no pipeline: what `tamis verify` has scored, in one file, in the order of the input.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from rewards.rubric import Rubric
from rewards.verdict import Verdict
from schemas.errors import UserError
from schemas.files import write_lines
from schemas.ids import canonical_json
from schemas.recipe import VerifyRecipe
from schemas.store import reading
from schemas.tables import Generation, Prompt, VerdictRow
from workers.judges import Judge, join_verdicts, rubric_verdicts
from workers.lookup import Pointer, fetch
from workers.rows import BATCH_ROWS, artifact_files, batched
from workers.scoring import load_subjects

FILE: Final = "rewards.jsonl"

OnWritten = Callable[[int, int], None]
"""Called with the rows that are written and all of them."""


@dataclass(frozen=True)
class ScoreRows:
    """What was written.

    Attributes:
        path: a JSON object a line: `generation_id`, `prompt_id`, `source`, `model`, `sample_index`, `messages`, `text`, `reward` (null where it
            is not known) and `verdicts`, by verifier `score`, `status` and `detail`, or null where it has not judged.
        rows: generations.
        unscored: of these without a reward: our failure, or not verified.
        mean: of the rewards that are known; None without any.
    """

    path: Path
    rows: int
    unscored: int
    mean: float | None


class _Row(NamedTuple):
    """A generation as the store has it, with score, status, file and row of each judge's verdict."""

    generation_id: str
    prompt_id: str
    source: str
    model: str
    sample_index: int
    verdicts: Sequence[tuple[Any, ...]]


class _Rewards:
    """Counts rewards while rows are written."""

    def __init__(self) -> None:
        self.rows = self.known = 0
        self.sum = 0.0

    def add(self, reward: float | None) -> None:
        self.rows += 1
        if reward is not None:
            self.known += 1
            self.sum += reward


def write_score_rows(
    engine: sa.Engine, out: Path, asked: VerifyRecipe | None = None, on_written: OnWritten | None = None
) -> ScoreRows:
    """Writes every generation of the store with its verdicts and reward to `out/rewards.jsonl`, in the order of the prompts.

    Memory: a batch of rows. The file takes the place of an earlier one when it is whole.

    Args:
        engine: the store.
        out: the folder of the command.
        asked: the rubric; None for that of the verify run that started last.
        on_written: called after each batch.

    Raises:
        UserError: there is no verify run, a verifier of the rubric has no verdicts, or the rubric has no weight.
        ContractError: a landed file is missing or damaged.
    """
    with reading(engine) as connection:
        recipe, judges = rubric_verdicts(connection, asked, "export")
        total: int = connection.scalar(sa.select(sa.func.count()).select_from(Generation)) or 0
        files = artifact_files(connection, out, "verdicts")
    try:
        rubric = Rubric.of(recipe)
    except ValueError as error:
        raise UserError(f"export: {error}") from None
    rewards = _Rewards()

    def lines() -> Iterator[str]:
        for batch in _batches(engine, judges):
            for row in _described(engine, out, batch, judges, files):
                row["reward"] = rubric.score(_verdicts(row["verdicts"]))
                rewards.add(row["reward"])
                yield canonical_json(row).encode("utf-8", "replace").decode()
            if on_written is not None:
                on_written(rewards.rows, total)

    part = write_lines(out, "rewards", lines())
    path = (out / part.name).replace(out / FILE)
    return ScoreRows(
        path, rewards.rows, rewards.rows - rewards.known, rewards.sum / rewards.known if rewards.known else None
    )


def _batches(engine: sa.Engine, judges: Sequence[Judge]) -> Iterator[Sequence[_Row]]:
    generations, prompts = Generation.__table__, Prompt.__table__
    tables = [VerdictRow.__table__.alias(f"verdict_{number}") for number in range(len(judges))]
    said = [column for table in tables for column in (table.c.score, table.c.status, table.c.artifact_id, table.c.row)]
    statement = (
        sa.select(generations.c.id, prompts.c.id, prompts.c.source, generations.c.model, generations.c.sample_index, *said)
        .select_from(join_verdicts(generations.join(prompts), judges, tables))
        .order_by(
            prompts.c.artifact_id, prompts.c.row, generations.c.model, generations.c.sampling_hash,
            generations.c.sample_index, generations.c.id,
        )
    )  # fmt: skip
    with reading(engine) as connection:
        rows = connection.execute(statement.execution_options(yield_per=BATCH_ROWS))
        for batch in batched((tuple(row) for row in rows), BATCH_ROWS):
            yield [
                _Row(row[0], row[1], row[2], row[3], row[4], [row[at : at + 4] for at in range(5, len(row), 4)])
                for row in batch
            ]


def _described(
    engine: sa.Engine, out: Path, batch: Sequence[_Row], judges: Sequence[Judge], files: Mapping[int, Path]
) -> Iterator[dict[str, Any]]:
    details = [_details(batch, number, files) for number in range(len(judges))]
    subjects = load_subjects(engine, out, [row.generation_id for row in batch], with_messages=True)
    for row, subject in zip(batch, subjects, strict=True):
        yield {
            "generation_id": row.generation_id,
            "prompt_id": row.prompt_id,
            "source": row.source,
            "model": row.model,
            "sample_index": row.sample_index,
            "messages": json.loads(subject.messages or "[]"),
            "text": subject.text,
            "verdicts": {
                judge.verifier: None
                if status is None
                else {"score": score, "status": status, "detail": details[number].get(row.generation_id, {})}
                for number, (judge, (score, status, _, _)) in enumerate(zip(judges, row.verdicts, strict=True))
            },
        }


def _details(batch: Sequence[_Row], number: int, files: Mapping[int, Path]) -> dict[str, Any]:
    """Reads the details of one judge's verdicts out of their files."""
    pointers = {}
    for row in batch:
        _, _, artifact, place = row.verdicts[number]
        if artifact is not None:
            pointers[row.generation_id] = Pointer(files[artifact], place)
    found = fetch(pointers, ["detail"], key="generation_id")
    return {key: json.loads(row["detail"]) for key, row in found.items()}


def _verdicts(said: Mapping[str, Any]) -> dict[str, Verdict]:
    return {name: Verdict(one["score"], one["status"]) for name, one in said.items() if one is not None}
