"""The two sides of a comparison: completions by prompt, out of files or the store, and their pairs. Reads both, writes nothing.

Memory: the prompts and the first few completions of each, of both sides.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from rewards.subject import Subject
from schemas.errors import UserError
from schemas.ids import canonical_json, digest
from schemas.store import reading
from schemas.tables import Artifact, Generation, Prompt, Run
from workers.imports import ImportSource, mapped_rows
from workers.lookup import Pointer, fetch
from workers.rows import artifact_files, batched

_RUN_DIGITS = 6
_ROWS_AT_A_TIME = 2048


class PairText(NamedTuple):
    """Two completions of one prompt.

    Attributes:
        prompt_id: hash of the messages.
        number: of the pair among its prompt's, from 0.
        dialogue: messages, and what of the prompt's gold helps to judge; see `rewards.dialogue`.
        first: the completion of A.
        second: that of B.
    """

    prompt_id: str
    number: int
    dialogue: Mapping[str, Any]
    first: str
    second: str


@dataclass
class Side:
    """What one system wrote: hash of a prompt's messages -> its completions, in their order, and the prompt as a judge is shown it."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    dialogues: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    bad: list[tuple[str, str]] = field(default_factory=list)

    def add(self, dialogue: Mapping[str, Any], texts: Iterable[str], samples: int) -> None:
        """Adds completions of a prompt while it has fewer than `samples`."""
        key = digest("compared", canonical_json(dialogue["messages"]))
        kept = self.texts.setdefault(key, [])
        kept.extend(list(texts)[: samples - len(kept)])
        self.dialogues.setdefault(key, dialogue)


def read_side(
    engine: sa.Engine | None, out: Path, name: str, as_source: Callable[[Path], ImportSource], *, samples: int
) -> Side:
    """Reads what `name` stands for: a file or folder of generations; else a model of the store; else a run of it by its first digits.

    Args:
        engine: the store; None where there is none.
        out: the folder of the command, for files that were moved together with their store.
        name: see above.
        as_source: gives the column mapping of a file.
        samples: at most so many completions of a prompt, the first ones.

    Raises:
        UserError: it is none of the three, or has no generation that can be read.
    """
    path = Path(name)
    side = _of_file(as_source(path), samples) if path.exists() else _of_store(engine, out, name, samples)
    if not any(side.texts.values()):
        raise UserError(f"{name}: holds no generation that can be read")
    return side


def pairs_of(first: Side, second: Side, *, limit: int | None = None) -> list[PairText]:
    """Pairs the completions of the prompts that both sides have, one by one, in the order of A's prompts.

    Raises:
        UserError: they have no prompt in common.
    """
    common = [key for key, texts in first.texts.items() if texts and second.texts.get(key)]
    if not common:
        raise UserError("A and B have no prompt in common: they are paired by equal messages")
    return [
        PairText(key, number, {**second.dialogues[key], **first.dialogues[key]}, *texts)
        for key in common[:limit]
        for number, texts in enumerate(zip(first.texts[key], second.texts[key], strict=False))
    ]


def _of_file(source: ImportSource, samples: int) -> Side:
    side = Side()
    for _, row in mapped_rows(source, lambda place, fault: side.bad.append((place, fault))):
        subject = Subject("", "", row.gold, row.language, canonical_json(list(row.messages)))
        side.add(subject.gold_for("dialogue"), (sample.text for sample in row.samples), samples)
    return side


def _of_store(engine: sa.Engine | None, out: Path, name: str, samples: int) -> Side:
    if engine is None:
        raise UserError(f"{name}: no such file, and there is no store here to have a model of that name")
    with reading(engine) as connection:
        scope = _scope(connection, name)
        prompt_files, files = (artifact_files(connection, out, kind) for kind in ("prompts", "generations"))
        query = sa.select(
            Generation.id, Generation.artifact_id, Generation.row, Generation.prompt_id,
            Prompt.artifact_id.label("prompt_artifact"), Prompt.row.label("prompt_row"),
        ).join(Prompt, Prompt.id == Generation.prompt_id)  # fmt: skip
        order = (Prompt.artifact_id, Prompt.row, Generation.sample_index, Generation.id)
        rows = connection.execute(query.where(scope).order_by(*order)).all()
    side = Side()
    for batch in batched(_first_of_each(rows, samples), _ROWS_AT_A_TIME):
        texts = fetch({row.id: Pointer(files[row.artifact_id], row.row) for row in batch}, ["text"])
        asked = {row.prompt_id: Pointer(prompt_files[row.prompt_artifact], row.prompt_row) for row in batch}
        prompts = fetch(asked, ["messages", "gold"])
        for row in batch:
            said = prompts[row.prompt_id]
            subject = Subject(row.id, "", _object(said["gold"]), None, said["messages"])
            side.add(subject.gold_for("dialogue"), [texts[row.id]["text"]], samples)
    return side


def _first_of_each(rows: Iterable[Any], samples: int) -> Iterator[Any]:
    seen: dict[str, int] = {}
    for row in rows:
        seen[row.prompt_id] = seen.get(row.prompt_id, 0) + 1
        if seen[row.prompt_id] <= samples:
            yield row


def _scope(connection: sa.Connection, name: str) -> sa.ColumnElement[bool]:
    models = sorted(connection.scalars(sa.select(Generation.model).distinct()))
    if name in models:
        return Generation.model == name
    made = sa.select(Artifact.run_id).where(Artifact.kind == "generations").distinct().subquery()
    found: Sequence[str] = []
    if len(name) >= _RUN_DIGITS and name.isalnum():
        found = connection.scalars(
            sa.select(Run.id).join(made, made.c.run_id == Run.id).where(Run.id.startswith(name))
        ).all()
    if len(found) != 1:
        known = ", ".join(map(repr, models[:10])) or "none"
        raise UserError(
            f"{name}: neither a file, nor a model of the store ({known}), nor one run that made generations"
        )
    return Generation.artifact_id.in_(sa.select(Artifact.id).where(Artifact.run_id == found[0]))


def _object(text: str | None) -> Any:
    return json.loads(text) if text else None
