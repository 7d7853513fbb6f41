"""The prompts of a probe: a seeded sample of those in a file or in the store, each with its golds and an honest completion where there is one.

Reads files and the store, writes nothing.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from rewards.probe.panel import Case
from rewards.registry import Verifier
from rewards.subject import Subject
from schemas.errors import UserError
from schemas.ids import canonical_json
from schemas.store import reading
from schemas.tables import Generation, Prompt
from workers.imports import ImportSource, as_it_comes, mapped_rows
from workers.lookup import Pointer, fetch
from workers.rows import artifact_files

DEFAULT_PROMPTS: Final = 100
"""So many prompts show an attack that is paid on 5 % of them, and take a minute or two for rules."""


class _Found(NamedTuple):
    """A prompt with its first completion, as it was read."""

    prompt_id: str
    gold: Any
    language: str | None
    messages: Sequence[Any]
    sample: str | None = None


def cases_of_file(source: ImportSource, verifiers: Sequence[Verifier], *, number: int, seed: int = 0) -> list[Case]:
    """Gives a sample of the prompts of a file, in its order. Its first generation of a prompt, if any, is the honest completion.

    Raises:
        UserError: the file cannot be read or holds no prompt.
    """
    source = as_it_comes(source)
    found = _sample(_rows_of(source), number, seed)
    if not found:
        raise UserError(f"{source.path}: holds no prompt that can be read")
    return [_case(one, verifiers) for one in found]


def cases_of_store(
    engine: sa.Engine, out: Path, verifiers: Sequence[Verifier], *, number: int, seed: int = 0
) -> list[Case]:
    """Gives a sample of the prompts of the store, in the order of their ids, each with its first generation, if any.

    Raises:
        UserError: the store has no prompt.
        ContractError: a landed file is missing or damaged.
    """
    with reading(engine) as connection:
        ids = _sample(connection.scalars(sa.select(Prompt.id).order_by(Prompt.id)), number, seed)
        if not ids:
            raise UserError(
                "the store has no prompt: give a file of prompts, or --out the folder of an earlier command"
            )
        query = sa.select(Prompt.id, Prompt.artifact_id, Prompt.row, Prompt.language).where(Prompt.id.in_(ids))
        prompts = connection.execute(query.order_by(Prompt.id)).all()
        generations = connection.execute(
            sa.select(Generation.id, Generation.prompt_id, Generation.artifact_id, Generation.row)
            .where(Generation.prompt_id.in_(ids))
            .order_by(Generation.prompt_id, Generation.sample_index, Generation.id)
        ).all()
        prompt_files = artifact_files(connection, out, "prompts")
        generation_files = artifact_files(connection, out, "generations") if generations else {}
    bulk = fetch({row.id: Pointer(prompt_files[row.artifact_id], row.row) for row in prompts}, ["messages", "gold"])
    first = {row.prompt_id: row for row in reversed(generations)}
    texts = fetch({row.id: Pointer(generation_files[row.artifact_id], row.row) for row in first.values()}, ["text"])
    found = [
        _Found(
            row.id,
            json.loads(bulk[row.id]["gold"] or "null"),
            row.language,
            json.loads(bulk[row.id]["messages"]),
            texts[first[row.id].id]["text"] if row.id in first else None,
        )
        for row in prompts
    ]
    return [_case(one, verifiers) for one in found]


def _rows_of(source: ImportSource) -> Iterator[_Found]:
    for locator, row in mapped_rows(source):
        sample = row.samples[0].text if row.samples else None
        yield _Found(locator, row.gold, row.language or source.language, row.messages, sample)


def _sample(rows: Iterable[Any], number: int, seed: int) -> list[Any]:
    """Draws rows without knowing how many there are, each as likely as another; gives them in their order."""
    draw = random.Random(f"prompts {seed}")
    kept: list[tuple[int, Any]] = []
    for place, row in enumerate(rows):
        if place < number:
            kept.append((place, row))
        elif (at := draw.randrange(place + 1)) < number:
            kept[at] = (place, row)
    return [row for _, row in sorted(kept, key=lambda pair: pair[0])]


def _case(found: _Found, verifiers: Sequence[Verifier]) -> Case:
    # The attack's tokens are not the sample's: None has the verifier count them.
    subject = Subject(found.prompt_id, "", found.gold, found.language, canonical_json(list(found.messages)))
    asked = [str(turn.get("content") or "") for turn in found.messages if turn.get("role") == "user"]
    golds = {verifier.name: subject.gold_for(verifier.gold_key) for verifier in verifiers}
    return Case(found.prompt_id, asked[-1] if asked else "", golds, found.sample)
