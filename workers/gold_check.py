"""Gives the gold of each prompt to the verifiers of a rubric as a completion: what a verifier does not accept of it, no model can answer.

Reads the store and landed prompts, writes the folder `golds/` below the run's. No sampling and no queue: the prompts alone suffice.
Memory: a few pages of prompts, whatever the store holds.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from rewards.registry import Verifier
from rewards.subject import Subject
from schemas.arrow import CONTRACTS
from schemas.errors import UserError
from schemas.files import open_part, write_lines
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading
from schemas.tables import Prompt
from workers.gold_pages import GoldTally, PromptGold, check_page, judges_gold
from workers.imports import ImportResult, ImportSource, as_it_comes, import_rows
from workers.landing import contract_table
from workers.lookup import Pointer, fetch
from workers.resources import build_verifier
from workers.rows import artifact_files, batched

PAGE_PROMPTS: Final = 32
"""Prompts that are checked at a time; the gold of one may hold megabytes of tests."""

MAX_LISTED: Final = 1_000
"""So many golds that were not accepted are listed in a result; the files hold them all."""

FOLDER: Final = "golds"
PARQUET: Final = "refused.parquet"
LINES: Final = "refused.jsonl"

OnChecked = Callable[[int, int], None]
"""Called with the prompts that are done and all of them."""


@dataclass(frozen=True)
class GoldCheck:
    """The result of `check_golds`.

    Attributes:
        prompts: how many were looked at.
        tallies: verifier -> its counts.
        no_gold: verifiers of the rubric that judge by no gold of a prompt.
        unable: verifiers that could write a completion for none of the golds: these were only read.
        refused: the first golds that were not accepted: rows of the contract `refused_golds` without completion and detail.
        parquet: the file of them all.
        lines: the same as JSON Lines.
    """

    prompts: int
    tallies: Mapping[str, GoldTally]
    no_gold: Sequence[str]
    unable: Sequence[str]
    refused: Sequence[Mapping[str, Any]]
    parquet: Path
    lines: Path

    @property
    def goldless(self) -> list[str]:
        """Verifiers that judge by a gold which no prompt has."""
        return [name for name, tally in self.tallies.items() if self.prompts and tally.without == self.prompts]

    @property
    def exit_code(self) -> int:
        """3 where a gold is not accepted, or a verifier has no gold at all; else 0."""
        return 3 if self.goldless or any(tally.refused for tally in self.tallies.values()) else 0


@dataclass(frozen=True)
class Validation:
    """What `validate_golds` came to: the check, and what came in from files first, if any."""

    check: GoldCheck
    imported: ImportResult | None = None

    @property
    def exit_code(self) -> int:
        """3 where a gold is not accepted or a row is quarantined, else 0."""
        return self.check.exit_code or (self.imported.exit_code if self.imported is not None else 0)


def validate_golds(
    store_url: str,
    out: Path,
    sources: Sequence[ImportSource],
    recipe: VerifyRecipe,
    *,
    limit: int | None = None,
    max_bad: int | None = None,
    on_checked: OnChecked | None = None,
) -> Validation:
    """Imports the sources, as `workers.verify.verify` does or their prompts alone, and checks their golds by the rubric.

    Args:
        store_url: the store.
        out: folder of the files.
        sources: files to import first; the scope is then theirs. None given means all prompts that the store has.
        recipe: the rubric.
        limit: only the first so many prompts.
        max_bad: more quarantined rows than this end the work.
        on_checked: see `check_golds`.

    Raises:
        UserError: for a rubric, a store or files that are refused before any work, or without any prompt.
        ResumableError: when the import stopped half way.
    """
    verifiers = [build_verifier(item.name, item.settings) for item in recipe.verifiers]
    engine = open_store(store_url)
    try:
        sources = [as_it_comes(source) for source in sources]
        imported = import_rows(engine, out, sources, max_bad=max_bad) if sources else None
        names = frozenset(source.source for source in sources) if sources else None
        check = check_golds(engine, out, verifiers, sources=names, limit=limit, on_checked=on_checked)
        return Validation(check, imported)
    finally:
        engine.dispose()
        for verifier in verifiers:
            verifier.close()


def check_golds(
    engine: sa.Engine,
    out: Path,
    verifiers: Sequence[Verifier],
    *,
    sources: frozenset[str] | None = None,
    limit: int | None = None,
    on_checked: OnChecked | None = None,
) -> GoldCheck:
    """Checks the golds of the prompts in scope; writes those not accepted to `out/golds/`, in place of an earlier check's.

    Args:
        engine: the store.
        out: folder of the files.
        verifiers: of the rubric. A completion that one writes for a gold (`rewards.registry.GoldCheck`) must score 1.0 by it.
        sources: only prompts of these sources; None means all.
        limit: only the first so many prompts.
        on_checked: called after each page.

    Raises:
        UserError: when there is no prompt in scope.
        ContractError: when a landed file is missing or damaged.
    """
    total = count_prompts(engine, sources=sources, limit=limit)
    if not total:
        raise UserError("no prompt to check: give a file of prompts, or --out the folder of an earlier command")
    judging = [verifier for verifier in verifiers if judges_gold(verifier)]
    tallies = {verifier.name: GoldTally() for verifier in judging}
    listed: list[dict[str, Any]] = []
    folder, done = out / FOLDER, 0
    columns = ["gold", "messages"] if any(verifier.gold_key == "dialogue" for verifier in judging) else ["gold"]
    with open_part(folder, "refused", CONTRACTS["refused_golds"]) as writer:
        for prompts in _pages(engine, out, sources, total, columns):
            page = check_page(judging, prompts)
            for name, tally in page.tallies.items():
                tallies[name].add(tally)
            listed.extend(page.listed[: MAX_LISTED - len(listed)])
            for batch in contract_table("refused_golds", page.columns).to_batches():
                writer.write(batch)
            done += page.prompts
            if on_checked is not None:
                on_checked(done, total)
    parquet, lines = _settle(folder, writer.part.name)
    return GoldCheck(
        prompts=done,
        tallies=tallies,
        no_gold=[verifier.name for verifier in verifiers if not verifier.knows_answer],
        unable=[name for name, tally in tallies.items() if tally.without < done and not tally.written],
        refused=listed,
        parquet=parquet,
        lines=lines,
    )


def count_prompts(engine: sa.Engine, *, sources: frozenset[str] | None = None, limit: int | None = None) -> int:
    """Gives how many prompts `check_golds` would look at."""
    query = sa.select(sa.func.count()).select_from(Prompt).where(_in_scope(sources))
    with reading(engine) as connection:
        number: int = connection.execute(query).scalar_one()
    return number if limit is None else min(number, limit)


def _pages(
    engine: sa.Engine, out: Path, sources: frozenset[str] | None, total: int, columns: Sequence[str]
) -> Iterator[list[PromptGold]]:
    """Gives the first `total` prompts in the order of their files, a page at a time; no transaction stays open meanwhile."""
    with reading(engine) as connection:
        files = artifact_files(connection, out, "prompts")
        artifacts = connection.scalars(
            sa.select(Prompt.artifact_id).where(_in_scope(sources)).distinct().order_by(Prompt.artifact_id)
        ).all()
    left = total
    narrow = sa.select(Prompt.id, Prompt.row, Prompt.source, Prompt.language).where(_in_scope(sources))
    for artifact in artifacts:
        query = narrow.where(Prompt.artifact_id == artifact).order_by(Prompt.row).limit(left)
        with reading(engine) as connection:
            rows = connection.execute(query).all()
        left -= len(rows)
        for page in batched(rows, PAGE_PROMPTS):
            bulk = fetch({row.id: Pointer(files[artifact], row.row) for row in page}, columns)
            yield [PromptGold(row.id, row.source, _subject(row, bulk[row.id])) for row in page]


def _subject(row: Any, bulk: Mapping[str, Any]) -> Subject:
    return Subject(row.id, "", json.loads(bulk["gold"] or "null"), row.language, bulk.get("messages"))


def _in_scope(sources: frozenset[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if sources is None else Prompt.source.in_(sorted(sources))


def _settle(folder: Path, name: str) -> tuple[Path, Path]:
    """Gives the file its lasting name, and writes the same rows as JSON Lines beside it."""
    parquet = (folder / name).replace(folder / PARQUET)
    with pq.ParquetFile(parquet) as file:
        lines = write_lines(folder, "refused", (_line(row) for batch in file.iter_batches() for row in _rows(batch)))
    return parquet, (folder / lines.name).replace(folder / LINES)


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _line(row: Mapping[str, Any]) -> str:
    value = {**row, "gold": json.loads(row["gold"]), "detail": json.loads(row["detail"])}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
