"""Builds a rejection-sampling SFT set from verdicts: the best generations of each prompt that meet what the recipe requires.

Reads the store and the Parquet files that it names; writes under ``<out>/selections/<name>/`` and then, in one transaction, the
rows of the selection. Generations and verdicts are left as they are.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
import xxhash
from sqlalchemy.dialects import postgresql, sqlite

from schemas.arrow import SELECTION
from schemas.errors import UserError
from schemas.failpoints import failpoint
from schemas.files import Part, read_json, sha256_of, write_bytes_durably, write_json_durably, write_part
from schemas.ids import canonical_json, digest
from schemas.recipe import SelectRecipe
from schemas.store import reading
from schemas.tables import Artifact, Run, Selection, SelectionItem
from schemas.version import code_version
from workers.datacard import build_card, count_funnel, list_warnings, render_card
from workers.judges import Judge, check_scope, choose_judges, verify_runs
from workers.ranking import AnyRow, Ranking
from workers.rows import BATCH_ROWS, batched
from workers.trainset import write_training_files

CARD, CARD_TEXT = "card.json", "card.md"


@dataclass(frozen=True)
class SelectionResult:
    """What a selection came to.

    Attributes:
        selection_id: hash of the recipe and of the verdicts that it rests on: the same id means the same rows and files.
        name: of the set.
        folder: where its files are (or would be, when `dry_run`).
        counts: the funnel; see `workers.datacard.count_funnel`, with ``models``, ``sources`` and ``tokens``.
        warnings: what a reader must not miss.
        files: kind (selection, training_set, training_lines) -> files, each with its ``path`` below the command's folder and its
            ``sha256``, ``rows`` and ``bytes``; empty when `dry_run`.
        dry_run: nothing was written.
        unchanged: the set was there already, complete; nothing was written.
    """

    selection_id: str
    name: str
    folder: Path
    counts: dict[str, Any]
    warnings: list[str]
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    dry_run: bool = False
    unchanged: bool = False

    @property
    def num_selected(self) -> int:
        """How many generations the set holds."""
        return int(self.counts["generations"]["selected"])

    def to_json(self) -> dict[str, Any]:
        """Gives the fields as a JSON object."""
        return {**asdict(self), "folder": str(self.folder)}


def select(engine: sa.Engine, out: Path, recipe: SelectRecipe, *, dry_run: bool = False) -> SelectionResult:
    """Selects, for each prompt, the best generations whose verdicts meet every requirement, and writes them as a training set.

    A generation meets a requirement when the verifier's verdict has a score, it is at least `min_score`, and its status is `correct`
    if the requirement says so. No score is our failure: the generation is not selected, and counted apart, never as wrong.
    Verdicts that count are those of the newest version of a verifier and, of several settings, those that the recipe names or
    that the verify run that started last has landed.
    With `pass_rate` only prompts that are neither too hard nor too easy are looked at.
    Identical texts of a prompt count once, at their best place. Ranks go by `order_by` (no value comes last), then by
    generation id. Running it again over the same verdicts gives the same id, rows and files.

    Memory: a batch of rows of the store, one row group of a file, one bucket of texts; temporary tables hold the rest.

    Args:
        engine: the store.
        out: the folder of the command; files go to ``selections/<name>/`` below it.
        recipe: what to select.
        dry_run: only count; texts are still read, to tell identical ones apart.

    Raises:
        UserError: for a verifier, model, source or settings hash that the store does not have, for a file that is missing, or
            when another process writes this selection. Nothing has been written then.
    """
    folder = out / "selections" / recipe.name
    with reading(engine) as connection:
        check_scope(connection, recipe)
        judges = choose_judges(connection, recipe)
        with Ranking(connection, recipe, judges) as ranking:
            ranking.fill(out)
            counts = _count(ranking)
            warnings = list_warnings(judges, counts)
            draft = SelectionResult(
                _selection_id(ranking, counts), recipe.name, folder, counts, warnings, dry_run=dry_run
            )
            if dry_run:
                return draft
            with _sole_writer(folder):
                files = _files_in_place(ranking, folder, draft.selection_id)
                if files is not None:
                    return replace(draft, files=files, unchanged=True)
                return _write(engine, ranking, out, draft)


def describe_choice(row: AnyRow, judges: Sequence[Judge], scores: Mapping[str, float | None]) -> str:
    """Says in one sentence why a generation is in the set, with its scores.

    For example: rank 1 of 4 distinct that meet math >= 1 (1), format >= 1 (1); 212 tokens.
    """
    required = [judge for judge in judges if judge.minimum is not None]
    met = ", ".join(
        f"{judge.verifier} >= {judge.minimum:g}{' and correct' * judge.correct} ({scores[judge.verifier]:.4g})"
        for judge in required
    )
    ranked = [judge.verifier for judge in judges if judge.minimum is None]
    beside = "".join(f"; {name} {'unscored' if scores[name] is None else f'{scores[name]:.4g}'}" for name in ranked)
    tokens = "" if row.tokens is None else f"; {row.tokens} tokens"
    return f"rank {row.rank} of {row.distinct_rivals} distinct that meet {met}{beside}{tokens}"


def _count(ranking: Ranking) -> dict[str, Any]:
    counts = count_funnel(
        ranking.judges,
        ranking.outcomes(),
        ranking.scope(),
        ranking.count_distinct(),
        ranking.num_chosen(),
        ranking.count_outside(),
    )
    return {**counts, **ranking.breakdown(), "tokens": ranking.tokens()}


def _selection_id(ranking: Ranking, counts: Mapping[str, Any]) -> str:
    facts = xxhash.xxh3_128()
    for row in ranking.chosen():
        fact = [row.generation_id, row.rank, row.distinct_rivals, row.tokens, ranking.scores(row)]
        facts.update(canonical_json(fact).encode() + b"\n")
    judges = [[judge.verifier, judge.version, judge.settings_hash] for judge in ranking.judges]
    # A set that asks for no pass rate has the id that it had before there were any.
    unasked = {"pass_rate"} if ranking.recipe.pass_rate is None else set()
    recipe = ranking.recipe.model_dump(mode="json", exclude=unasked)
    # What else the store holds makes no other set.
    scoped = {name: counts[name] for name in ("dropped_all", "verdicts", "models", "sources")}
    return digest("selection", *map(canonical_json, (recipe, judges, scoped)), facts.hexdigest())


def _write(engine: sa.Engine, ranking: Ranking, out: Path, draft: SelectionResult) -> SelectionResult:
    """Writes the files, then commits: a kill in between leaves files that the same command writes again under their names."""
    started = datetime.now(UTC)
    folder, selection_id = draft.folder, draft.selection_id
    spool = folder / ".spool"
    shutil.rmtree(spool, ignore_errors=True)  # of a writer that was killed
    try:
        training = write_training_files(ranking, out, folder, spool)
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    parts = {
        "selection": [write_part(folder, "selection", _selection_batches(ranking, selection_id), SELECTION)],
        "training_set": training.parquet,
        "training_lines": training.lines,
    }
    judges = [_judge_facts(ranking.connection, judge) for judge in ranking.judges]
    version = code_version()
    card = build_card(
        selection_id,
        ranking.recipe,
        judges=[_without_run_ids(judge) for judge in judges],
        counts=draft.counts,
        samplings=training.samplings,
        files=parts,
        warnings=draft.warnings,
        code_version=version,
    )
    write_bytes_durably(folder / CARD_TEXT, render_card(card).encode())
    write_json_durably(folder / CARD, card)
    failpoint("select.after_files")
    run = {
        "id": selection_id,
        "kind": "select",
        "name": ranking.recipe.name,
        "out": str(out.resolve()),
        "recipe": card["recipe"],
        "inputs": judges,
        "code_version": version,
        "status": "done",
        "counts": draft.counts,
        "started_at": started,
        "finished_at": datetime.now(UTC),
    }
    _commit(engine, ranking, run, folder, parts)
    return replace(
        draft, files={kind: [_file_fact(folder, part) for part in written] for kind, written in parts.items()}
    )


def _selection_batches(ranking: Ranking, selection_id: str) -> Iterator[pa.RecordBatch]:
    for batch in batched(_items(ranking, selection_id), BATCH_ROWS):
        yield pa.RecordBatch.from_pylist(batch, schema=SELECTION)


def _items(ranking: Ranking, selection_id: str) -> Iterator[dict[str, Any]]:
    for row in ranking.chosen():
        yield {
            "selection_id": selection_id,
            "generation_id": row.generation_id,
            "role": ranking.recipe.role,
            "rank": row.rank,
            "why": describe_choice(row, ranking.judges, ranking.scores(row)),
        }


def _judge_facts(connection: sa.Connection, judge: Judge) -> dict[str, Any]:
    """Gives what the card says of a verifier; its settings come from the recipe of a run that used it."""
    runs = verify_runs(connection, judge)
    recipes = (item for run in runs for item in run["recipe"].get("verifiers", []) if item["name"] == judge.verifier)
    facts = asdict(judge)
    del facts["passed_over"]
    return {
        **facts,
        "settings": next((item.get("settings", {}) for item in recipes), None),
        "runs": [{key: run[key] for key in ("id", "name", "code_version")} for run in runs],
    }


def _without_run_ids(judge: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what the folder of the runs is hashed into, so that the same set has the same card in any folder."""
    runs = sorted({(run["name"], run["code_version"]) for run in judge["runs"]})
    return {**judge, "runs": [{"name": name, "code_version": version} for name, version in runs]}


def _commit(
    engine: sa.Engine, ranking: Ranking, run: Mapping[str, Any], folder: Path, parts: Mapping[str, Sequence[Part]]
) -> None:
    """Makes the set true in one transaction. A set that is there gets its files anew and becomes the latest of its name."""
    with engine.begin() as connection:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(Run).values(run).on_conflict_do_nothing())
        connection.execute(sa.delete(Artifact).where(Artifact.run_id == run["id"]))
        artifacts = [
            {
                "run_id": run["id"],
                "kind": kind,
                "path": _file_fact(folder, part)["path"],
                "sha256": part.sha256,
                "num_rows": part.rows,
                "num_bytes": part.bytes,
            }
            for kind, written in parts.items()
            for part in written
        ]
        connection.execute(sa.insert(Artifact), artifacts)
        selection = {
            "id": run["id"],
            "run_id": run["id"],
            "name": run["name"],
            "recipe": run["recipe"],
            "counts": run["counts"],
            "created_at": run["finished_at"],
        }
        connection.execute(
            insert(Selection)
            .values(selection)
            .on_conflict_do_update(index_elements=[Selection.id], set_={"created_at": run["finished_at"]})
        )
        for batch in batched(_items(ranking, run["id"]), BATCH_ROWS):
            connection.execute(insert(SelectionItem).on_conflict_do_nothing(), batch)
        failpoint("select.before_commit")


def _files_in_place(ranking: Ranking, folder: Path, selection_id: str) -> dict[str, list[dict[str, Any]]] | None:
    """Gives the set's files by kind if store, files and card hold the whole set; else None, and writing it again mends it."""
    connection = ranking.connection
    items = sa.select(sa.func.count()).where(SelectionItem.selection_id == selection_id)
    known = connection.scalar(sa.select(Selection.id).where(Selection.id == selection_id)) is not None
    if not known or connection.scalar(items) != ranking.num_chosen():
        return None
    try:
        card = read_json(folder / CARD)
    except (OSError, ValueError):
        return None
    if card.get("selection_id") != selection_id or not (folder / CARD_TEXT).exists():
        return None
    columns = (Artifact.kind, Artifact.path, Artifact.sha256, Artifact.num_rows, Artifact.num_bytes)
    files: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(sa.select(*columns).where(Artifact.run_id == selection_id).order_by(Artifact.id)):
        file = folder / Path(row.path).name
        if not file.is_file() or sha256_of(file) != row.sha256:
            return None
        part = Part(file.name, row.sha256, row.num_rows, row.num_bytes)
        files.setdefault(row.kind, []).append(_file_fact(folder, part))
    return files


def _file_fact(folder: Path, part: Part) -> dict[str, Any]:
    path = f"selections/{folder.name}/{part.name}"
    return {"path": path, "sha256": part.sha256, "rows": part.rows, "bytes": part.bytes}


@contextlib.contextmanager
def _sole_writer(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the system gives back when the process dies however it dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another `tamis select` is writing this selection") from None
        yield
