"""Gives the gold of each prompt to the verifiers of a rubric as a completion: what a verifier does not accept of it, no model can answer.

Reads the store and landed prompts, writes the folder `golds/` below the run's. No sampling and no queue: the prompts alone suffice.
Memory: a page of prompts, whatever the store holds.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from rewards.registry import Verifier
from rewards.subject import Subject
from rewards.verdict import Verdict
from schemas.arrow import CONTRACTS
from schemas.errors import UserError
from schemas.files import open_part, write_lines
from schemas.ids import canonical_json
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading
from schemas.tables import Prompt
from workers.imports import ImportResult, ImportSource, as_it_comes, import_rows
from workers.landing import contract_table
from workers.lookup import Pointer, fetch
from workers.resources import build_verifier
from workers.rows import artifact_files, batched
from workers.scoring import with_detail

PAGE_PROMPTS: Final = 512
"""Prompts that are in memory at a time; the gold of one may hold megabytes of tests."""

MAX_LISTED: Final = 1_000
"""So many golds that were not accepted are listed in a result; the files hold them all."""

FOLDER: Final = "golds"
PARQUET: Final = "refused.parquet"
LINES: Final = "refused.jsonl"

OnChecked = Callable[[int, int], None]
"""Called with the prompts that are done and all of them."""


@dataclass
class GoldTally:
    """What one verifier made of the golds.

    Attributes:
        accepted: it scores 1.0 the completion that it writes for the gold.
        refused: it does not, or the gold is a bad one.
        unwritten: it can write no completion for the gold, which was read and is not a bad one.
        without: prompts that have no gold for it.
        written: completions that it wrote and judged.
    """

    accepted: int = 0
    refused: int = 0
    unwritten: int = 0
    without: int = 0
    written: int = 0


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


class _PromptGold(NamedTuple):
    """A prompt, for which `subject` says what each verifier is passed."""

    prompt_id: str
    source: str
    subject: Subject


class _Asked(NamedTuple):
    """What one verifier is passed of a prompt."""

    prompt_id: str
    source: str
    gold: Any


@dataclass
class _Page:
    """Rows on their way to the file."""

    columns: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in CONTRACTS["refused_golds"].names}
    )

    def add(self, asked: _Asked, verifier: Verifier, completion: str | None, verdict: Verdict) -> dict[str, Any]:
        verdict, detail = with_detail(verdict)
        row = {
            "prompt_id": asked.prompt_id,
            "source": asked.source,
            "verifier": verifier.name,
            "version": verifier.version,
            "settings_hash": verifier.settings_hash,
            "gold": _writable(canonical_json(asked.gold)),
            "score": verdict.score,
            "status": verdict.status,
            "reason": _reason(verdict),
            "completion": None if completion is None else _writable(completion),
            "detail": detail,
        }
        for name, value in row.items():
            self.columns[name].append(value)
        return {name: row[name] for name in ("prompt_id", "source", "verifier", "gold", "score", "status", "reason")}


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
    judging = [verifier for verifier in verifiers if verifier.knows_answer]
    tallies = {verifier.name: GoldTally() for verifier in judging}
    listed: list[dict[str, Any]] = []
    folder, done = out / FOLDER, 0
    with open_part(folder, "refused", CONTRACTS["refused_golds"]) as writer:
        questions = any(verifier.gold_key == "dialogue" for verifier in judging)
        for prompts in _pages(engine, out, sources, total, ["gold", "messages"] if questions else ["gold"]):
            page = _Page()
            for verifier in judging:
                rows = _check_page(verifier, prompts, tallies[verifier.name], page)
                listed.extend(rows[: MAX_LISTED - len(listed)])
            for batch in contract_table("refused_golds", page.columns).to_batches():
                writer.write(batch)
            done += len(prompts)
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


def _check_page(
    verifier: Verifier, prompts: Sequence[_PromptGold], tally: GoldTally, page: _Page
) -> list[dict[str, Any]]:
    """Counts the golds of a page and gives those that are not accepted."""
    passed = [_Asked(one.prompt_id, one.source, one.subject.gold_for(verifier.gold_key)) for one in prompts]
    asked = [one for one in passed if one.gold is not None]
    tally.without += len(prompts) - len(asked)
    completions = [verifier.gold_completion(one.gold) for one in asked]
    tally.written += sum(completion is not None for completion in completions)
    # Where none can be written, an empty completion still shows whether the gold can be read.
    verdicts = verifier.verify_batch([text or "" for text in completions], [one.gold for one in asked])
    refused = []
    for one, completion, verdict in zip(asked, completions, verdicts, strict=True):
        if completion is None and verdict.status != "bad_gold":
            tally.unwritten += 1
        elif completion is not None and verdict.score == 1.0:
            tally.accepted += 1
        else:
            tally.refused += 1
            refused.append(page.add(one, verifier, completion, verdict))
    return refused


def _pages(
    engine: sa.Engine, out: Path, sources: frozenset[str] | None, total: int, columns: Sequence[str]
) -> Iterator[list[_PromptGold]]:
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
            yield [_PromptGold(row.id, row.source, _subject(row, bulk[row.id])) for row in page]


def _subject(row: Any, bulk: Mapping[str, Any]) -> Subject:
    return Subject(row.id, "", json.loads(bulk["gold"] or "null"), row.language, bulk.get("messages"))


def _reason(verdict: Verdict) -> str | None:
    """Gives the reason that the verifier names, else the answer that it has read, which then is not the gold."""
    if "reason" in verdict.detail:
        return _writable(str(verdict.detail["reason"]))
    return _writable(f"read {verdict.detail['answer']!r}") if "answer" in verdict.detail else None


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


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
