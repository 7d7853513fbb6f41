"""`tamis estimate`: what the stored verdicts of many samples say of models and prompts: pass@k, cons@k, pass rates, advantages.

Reads the store and the verdicts' files; writes under ``<out>/estimates/<name>/`` and then, in one transaction, the rows of the run.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from columnar.clean import clean_text
from rewards.rubric import Rubric
from schemas.arrow import ADVANTAGES, PROMPT_ESTIMATES
from schemas.errors import UserError
from schemas.failpoints import failpoint
from schemas.files import Part, PartWriter, open_part, write_json_durably
from schemas.ids import canonical_json, digest
from schemas.recipe import EstimateRecipe, VerifyRecipe
from schemas.store import reading
from schemas.tables import Artifact, Generation, Run
from schemas.version import code_version
from workers.estimate_groups import Group, Setting, SettingSize, read_groups, setting_sizes
from workers.estimate_totals import MAX_ANSWER_CHARS, Measured, Measurer, Totals, totals_of
from workers.judges import Judge, check_scope, rubric_verdicts
from workers.rows import Wanted, artifact_files, fetch_in_order

ESTIMATES = "estimates.json"
#: Called with generations done and all generations.
OnEstimate = Callable[[int, int], None]


@dataclass(frozen=True)
class EstimateResult:
    """What an estimate came to.

    Attributes:
        estimate_id: hash of what was asked, of the verdicts that count and of the files.
        name: of the folder.
        folder: where its files are (or would be, when `dry_run`).
        verifier: name, version and settings hash of the verifier that says what is right, and `min_score`.
        rubric: weights, gates and metrics of the reward, and the verdicts that it goes by.
        advantage: the kind of advantages.
        groups: a JSON object for each source, model and sampling; docs/estimates.md has its fields. With `dry_run`: sizes only.
        warnings: what a reader must not miss.
        files: kind (prompt_estimates, advantages) -> path below the command's folder, sha256, rows, bytes.
        dry_run: nothing was read but counts, nothing written.
    """

    estimate_id: str
    name: str
    folder: Path
    verifier: Mapping[str, Any]
    rubric: Mapping[str, Any]
    advantage: str
    groups: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Gives the fields as a JSON object."""
        return {**asdict(self), "folder": str(self.folder)}


@dataclass(frozen=True)
class _Plan:
    """A recipe with what it leaves open filled in: whose verdicts count, and what is in scope."""

    recipe: EstimateRecipe
    rubric: Rubric
    judges: Sequence[Judge]
    main: int
    sizes: Sequence[SettingSize]
    name: str

    def verifier(self) -> dict[str, Any]:
        return {**_key(self.judges[self.main]), "min_score": self.recipe.min_score}

    def rubric_facts(self) -> dict[str, Any]:
        return {
            "weights": dict(self.rubric.weights),
            "gates": dict(self.rubric.gates),
            "metrics": list(self.rubric.metrics),
            "verdicts": [_key(judge) for judge in self.judges],
        }


def estimate(
    engine: sa.Engine,
    out: Path,
    recipe: EstimateRecipe,
    *,
    dry_run: bool = False,
    on_progress: OnEstimate | None = None,
) -> EstimateResult:
    """Estimates pass@k, cons@k and pass-rate bands by source, model and sampling, and writes a row a prompt and a row a generation.

    A generation without a score is our failure: it is counted, and is in no rate, no vote's verdict and no advantage. Verdicts that
    count are those of the newest version of a verifier under the settings of the rubric, or of the latest verify run.
    The same verdicts give the same files and the same id.

    Args:
        engine: the store.
        out: the folder of the command; files go to ``estimates/<name>/`` below it.
        recipe: what is asked.
        dry_run: only say which verdicts count and what is in scope.
        on_progress: called some times.

    Raises:
        UserError: the store lacks a verifier's verdicts, a model or a source, or no prompt has `k` samples. Nothing is written then.
    """
    with reading(engine) as connection:
        plan = _plan(connection, recipe)
        folder = out / "estimates" / plan.name
        if dry_run:
            sizes = [{**size.setting._asdict(), **_size_facts(size)} for size in plan.sizes]
            return EstimateResult(
                "", plan.name, folder, plan.verifier(), plan.rubric_facts(), recipe.advantage, sizes, [], dry_run=True
            )
        started = datetime.now(UTC)
        totals, parts = _measure(connection, out, folder, plan, on_progress)
        samplings = _samplings(connection, out, plan.sizes)
    groups = [
        totals[size.setting].to_json(recipe.too_hard, recipe.too_easy, samplings.get(size.setting.sampling_hash))
        for size in plan.sizes
    ]
    asked = {**recipe.model_dump(mode="json"), "name": plan.name}
    result = EstimateResult(
        digest(
            "estimate", *map(canonical_json, (asked, plan.rubric_facts(), [part.sha256 for part in parts.values()]))
        ),
        plan.name,
        folder,
        plan.verifier(),
        plan.rubric_facts(),
        recipe.advantage,
        groups,
        _warnings(plan, groups),
        {kind: _file_fact(folder, part) for kind, part in parts.items()},
    )
    facts = {key: value for key, value in result.to_json().items() if key not in ("folder", "dry_run")}
    write_json_durably(folder / ESTIMATES, {**facts, "code_version": code_version()})
    failpoint("estimate.after_files")
    _commit(engine, out, result, asked, started)
    return result


def _plan(connection: sa.Connection, recipe: EstimateRecipe) -> _Plan:
    check_scope(connection, recipe, "estimate")
    asked, judges = rubric_verdicts(connection, recipe.rubric, "estimate")
    names = [item.name for item in asked.verifiers]
    verifier = recipe.verifier or names[0]
    if verifier not in names:
        raise UserError(f"estimate: the rubric has no verifier {verifier!r}; it has {', '.join(map(repr, names))}")
    sizes = setting_sizes(connection, recipe)
    most = max((size.most for size in sizes), default=0)
    if not most:
        raise UserError("estimate: no generation is in scope")
    too_large = [k for k in recipe.k if k > most]
    if too_large:
        raise UserError(f"estimate: k = {too_large[0]}: no prompt has so many samples; the most is {most}")
    return _Plan(recipe, _rubric(asked), judges, names.index(verifier), sizes, recipe.name or verifier)


def _rubric(recipe: VerifyRecipe) -> Rubric:
    try:
        return Rubric.of(recipe)
    except ValueError as error:
        raise UserError(f"estimate: {error}") from None


def _measure(
    connection: sa.Connection, out: Path, folder: Path, plan: _Plan, on_progress: OnEstimate | None
) -> tuple[dict[Setting, Totals], dict[str, Part]]:
    totals = totals_of(plan.sizes, sorted(set(plan.recipe.k)))
    names = [judge.verifier for judge in plan.judges]
    measurer = Measurer(plan.recipe, names, plan.main, plan.rubric)
    total, done = sum(size.generations for size in plan.sizes), 0
    with (
        open_part(folder, "prompts", PROMPT_ESTIMATES) as prompts,
        open_part(folder, "advantages", ADVANTAGES) as gained,
    ):
        for groups in read_groups(connection, out, plan.recipe, plan.judges, plan.main):
            measured = [(group, measurer.measure(group)) for group in groups]
            for group, found in measured:
                totals[group.setting].add(group, found, plan.main)
            _write(prompts, PROMPT_ESTIMATES, [_prompt_row(*pair) for pair in measured])
            _write(gained, ADVANTAGES, [row for pair in measured for row in _advantage_rows(*pair)])
            done += sum(len(group.samples) for group in groups)
            if on_progress is not None:
                on_progress(done, total)
    return totals, {"prompt_estimates": prompts.part, "advantages": gained.part}


def _write(writer: PartWriter, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    writer.write(pa.RecordBatch.from_pylist(rows, schema=schema))


def _prompt_row(group: Group, measured: Measured) -> dict[str, Any]:
    majority = measured.majority
    known = [reward for reward in measured.rewards if reward is not None]
    row = {
        "prompt_id": group.prompt_id,
        "domain": group.domain,
        **group.setting._asdict(),
        "samples": len(group.samples),
        "scored": measured.scored,
        "correct": measured.correct,
        "pass_rate": measured.correct / measured.scored if measured.scored else None,
        "band": measured.band,
        "mean_reward": sum(known) / len(known) if known else None,
    }
    if majority is None:
        return row
    answer, _ = clean_text(group.samples[majority.first].answer or "")
    return {
        **row,
        "answers": majority.classes,
        "majority_answer": answer[:MAX_ANSWER_CHARS],
        "majority_share": majority.votes / len(group.samples),
        "majority_correct": majority.correct,
    }


def _advantage_rows(group: Group, measured: Measured) -> list[dict[str, Any]]:
    return [
        {
            "generation_id": sample.generation_id,
            "prompt_id": group.prompt_id,
            "sample_index": sample.sample_index,
            "band": measured.band,
            "reward": reward,
            "advantage": advantage,
        }
        for sample, reward, advantage in zip(group.samples, measured.rewards, measured.advantages, strict=True)
    ]


def _samplings(connection: sa.Connection, out: Path, sizes: Sequence[SettingSize]) -> dict[str, dict[str, Any]]:
    """Reads each sampling's settings off one generation; the store's rows have their hash alone."""
    first = (
        sa.select(sa.func.min(Generation.id))
        .where(Generation.sampling_hash.in_({size.setting.sampling_hash for size in sizes}))
        .group_by(Generation.sampling_hash)
    )
    statement = (
        sa.select(Generation.artifact_id, Generation.row, Generation.id, Generation.sampling_hash)
        .where(Generation.id.in_(first))
        .order_by(Generation.artifact_id, Generation.row)
    )
    places = [(Wanted(row[0], row[1], row[2]), str(row[3])) for row in connection.execute(statement)]
    files = artifact_files(connection, out, "generations")
    found = {}
    for batch in fetch_in_order(files, places, ["sampling"]):
        found.update({key: json.loads(row["sampling"]) for key, row in batch})
    return found


def _warnings(plan: _Plan, groups: Sequence[Mapping[str, Any]]) -> list[str]:
    warnings = []
    unscored, missing = (sum(group[name] for group in groups) for name in ("unscored", "not_verified"))
    if unscored:
        warnings.append(
            f"{unscored} generations have no score: our failure, so they are in no rate; try `tamis verify --retry-status error`"
        )
    if missing:
        warnings.append(
            f"{missing} generations have no verdict of {plan.judges[plan.main].verifier!r}; run `tamis verify`"
        )
    if not any(group["cons_at"] for group in groups) and any(size.most > 1 for size in plan.sizes):
        warnings.append(f"{plan.judges[plan.main].verifier!r} says no answers to vote by, so there is no cons@k")
    warnings.extend(
        f"{judge.verifier}: {number} verdicts of version {version}, settings {settings} are passed over"
        for judge in plan.judges
        for version, settings, number in judge.passed_over
    )
    return warnings


def _commit(engine: sa.Engine, out: Path, result: EstimateResult, asked: Mapping[str, Any], started: datetime) -> None:
    """Makes the estimate true in one transaction. The same one again becomes the latest of its name."""
    facts = result.to_json()
    run = {
        "id": result.estimate_id,
        "kind": "estimate",
        "name": result.name,
        "out": str(out.resolve()),
        "recipe": asked,
        "inputs": result.rubric["verdicts"],
        "code_version": code_version(),
        "status": "done",
        "counts": {name: facts[name] for name in ("verifier", "rubric", "advantage", "groups", "warnings")},
        "started_at": started,
        "finished_at": datetime.now(UTC),
    }
    with engine.begin() as connection:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        latest = {name: run[name] for name in ("out", "counts", "code_version", "started_at", "finished_at")}
        statement = insert(Run).values(run).on_conflict_do_update(index_elements=[Run.id], set_=latest)
        connection.execute(statement)
        connection.execute(sa.delete(Artifact).where(Artifact.run_id == result.estimate_id))
        artifacts = [
            {
                "run_id": result.estimate_id,
                "kind": kind,
                "path": fact["path"],
                "sha256": fact["sha256"],
                "num_rows": fact["rows"],
                "num_bytes": fact["bytes"],
            }
            for kind, fact in result.files.items()
        ]
        connection.execute(sa.insert(Artifact), artifacts)


def _file_fact(folder: Path, part: Part) -> dict[str, Any]:
    path = f"estimates/{folder.name}/{part.name}"
    return {"path": path, "sha256": part.sha256, "rows": part.rows, "bytes": part.bytes}


def _size_facts(size: SettingSize) -> dict[str, Any]:
    return {
        "prompts": size.prompts,
        "generations": size.generations,
        "samples_a_prompt": {"fewest": size.fewest, "most": size.most},
    }


def _key(judge: Judge) -> dict[str, Any]:
    return {"name": judge.verifier, "version": judge.version, "settings_hash": judge.settings_hash}
