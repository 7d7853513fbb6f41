"""Reads stored verdicts as groups: the samples of one prompt, by one model under one sampling. Prompt by prompt, in bounded memory.

Reads the store, and for the answers that samples give the verdicts' files.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from rewards.math.classes import classes_of_answers
from rewards.verdict import Verdict
from schemas.errors import UserError
from schemas.ids import canonical_json
from schemas.recipe import EstimateRecipe
from schemas.tables import Generation, Prompt, VerdictRow
from workers.judges import Judge, join_verdicts
from workers.lookup import Pointer, fetch
from workers.rows import BATCH_ROWS, artifact_files

#: A verifier whose answers are compared as mathematics; of others, equal answers are the same text.
_BY_EQUIVALENCE = "math"

#: Where a verdict's detail says what the sample's answer is; `answer` where nothing stands here.
_ANSWER_FIELDS = {"choice": "letters", "code": "behaviour"}


class Setting(NamedTuple):
    """Where samples come from: what estimates are given for."""

    source: str
    model: str
    sampling_hash: str


@dataclass(frozen=True)
class SettingSize:
    """How many prompts and generations a setting has, and the fewest and most samples of a prompt."""

    setting: Setting
    prompts: int
    generations: int
    fewest: int
    most: int


class Sample(NamedTuple):
    """A generation with its verdicts, one a judge in their order (None where there is none), and the answer it gives, if any."""

    generation_id: str
    sample_index: int
    verdicts: tuple[Verdict | None, ...]
    answer: str | None


@dataclass(frozen=True)
class Group:
    """The samples of one prompt by one model under one sampling, in the order of their indices; never empty."""

    prompt_id: str
    domain: str | None
    setting: Setting
    samples: Sequence[Sample]


def setting_sizes(connection: sa.Connection, recipe: EstimateRecipe) -> list[SettingSize]:
    """Counts what is in scope, in the order of settings."""
    keys = [Prompt.source, Generation.model, Generation.sampling_hash]
    labelled = [column.label(f"key_{number}") for number, column in enumerate(keys)]
    groups = (
        _scoped(sa.select(*labelled, sa.func.count().label("samples")), recipe)
        .select_from(Generation.__table__.join(Prompt.__table__))
        .group_by(*keys, Generation.prompt_id)
        .subquery()
    )
    samples = groups.c.samples
    statement = sa.select(
        *groups.c[:3], sa.func.count(), sa.func.sum(samples), sa.func.min(samples), sa.func.max(samples)
    ).group_by(*groups.c[:3])
    sizes = [SettingSize(Setting(*row[:3]), *map(int, row[3:])) for row in connection.execute(statement)]
    return sorted(sizes, key=lambda size: size.setting)


def read_groups(
    connection: sa.Connection, out: Path, recipe: EstimateRecipe, judges: Sequence[Judge], main: int
) -> Iterator[list[Group]]:
    """Gives the groups in scope, some thousand samples at a time, in the order of the prompts' files.

    Memory: a batch of rows, the row groups that it stands in, and at least one whole group.

    Args:
        connection: the store.
        out: the folder of the command, for files that were moved together with their store.
        recipe: models and sources.
        judges: whose verdicts are wanted.
        main: the place of the judge whose verdicts tell the answers.

    Raises:
        ContractError: a file is missing or holds another row than the store says.
    """
    files = artifact_files(connection, out, "verdicts")
    verdicts = [VerdictRow.__table__.alias(f"verdict_{number}") for number in range(len(judges))]
    said = [column for verdict in verdicts for column in (verdict.c.score, verdict.c.status)]
    generations, prompts = Generation.__table__, Prompt.__table__
    statement = _scoped(
        sa.select(
            prompts.c.id,
            prompts.c.domain,
            prompts.c.source,
            generations.c.model,
            generations.c.sampling_hash,
            generations.c.id,
            generations.c.sample_index,
            verdicts[main].c.artifact_id,
            verdicts[main].c.row,
            *said,
        ).select_from(join_verdicts(generations.join(prompts), judges, verdicts)),
        recipe,
    ).order_by(
        prompts.c.artifact_id, prompts.c.row, generations.c.model, generations.c.sampling_hash,
        generations.c.sample_index, generations.c.id,
    )  # fmt: skip
    rows = connection.execute(statement.execution_options(yield_per=BATCH_ROWS))
    batch: list[list[tuple[Any, ...]]] = []
    held = 0
    for _, group in itertools.groupby((tuple(row) for row in rows), key=lambda row: (row[0], row[3], row[4])):
        batch.append(list(group))
        held += len(batch[-1])
        if held >= BATCH_ROWS:
            yield _with_answers(batch, files, judges[main].verifier)
            batch, held = [], 0
    if batch:
        yield _with_answers(batch, files, judges[main].verifier)


def answer_classes(verifier: str, answers: Sequence[str | None]) -> list[int | str | None]:
    """Gives the class of each answer, for votes: those of `math` by equivalence, of other verifiers by their text."""
    if verifier != _BY_EQUIVALENCE:
        return list(answers)
    known = {answer for answer in answers if answer is not None}
    if len(known) < 2:
        return list(answers)
    return list(classes_of_answers([answer or "" for answer in answers]))


def _scoped(statement: sa.Select[*tuple[Any, ...]], recipe: EstimateRecipe) -> sa.Select[*tuple[Any, ...]]:
    if recipe.models:
        statement = statement.where(Generation.model.in_(recipe.models))
    if recipe.sources:
        statement = statement.where(Prompt.source.in_(recipe.sources))
    return statement


def _with_answers(batch: Sequence[Sequence[tuple[Any, ...]]], files: Mapping[int, Path], verifier: str) -> list[Group]:
    pointers = {}
    for row in itertools.chain.from_iterable(batch):
        if row[7] is not None:
            if row[7] not in files:
                raise UserError(f"artifact {row[7]}: the store has no such file; run `tamis store check`")
            pointers[row[5]] = Pointer(files[row[7]], row[8])
    details = fetch(pointers, ["detail"], key="generation_id")
    answers = {key: _answer(verifier, json.loads(row["detail"])) for key, row in details.items()}
    return [
        Group(
            rows[0][0],
            rows[0][1],
            Setting(*rows[0][2:5]),
            [Sample(row[5], row[6], _verdicts(row[9:]), answers.get(row[5])) for row in rows],
        )
        for rows in batch
    ]


def _verdicts(said: Sequence[Any]) -> tuple[Verdict | None, ...]:
    pairs = zip(said[::2], said[1::2], strict=True)
    return tuple(None if status is None else Verdict(score, status) for score, status in pairs)


def _answer(verifier: str, detail: Mapping[str, Any]) -> str | None:
    """Gives what a verdict's detail says the sample's answer is; None where it says none."""
    answer = detail.get(_ANSWER_FIELDS.get(verifier, "answer"))
    if answer is None or answer in ("", []):
        return None
    return answer.strip() or None if isinstance(answer, str) else canonical_json(answer)
