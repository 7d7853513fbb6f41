"""Decides which verdicts a selection or an estimate goes by, and refuses recipes that name what the store does not have.

Reads the store; writes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from rewards.registry import resolve_settings
from schemas.errors import UserError
from schemas.ids import settings_hash
from schemas.recipe import EstimateRecipe, SelectRecipe, VerifyRecipe, parse_recipe
from schemas.tables import Artifact, Generation, Prompt, Run, VerdictRow


@dataclass(frozen=True)
class Judge:
    """A verifier as a selection or an estimate uses it: one version under one settings hash.

    Attributes:
        verifier: its name.
        version: the newest that the store has.
        settings_hash: of the verdicts that count.
        minimum: least score that meets the requirement; None when nothing is required.
        passed_over: other (version, settings_hash, verdicts) that the store has and that are not used.
        correct: the status must be `correct` too.
    """

    verifier: str
    version: int
    settings_hash: str
    minimum: float | None
    passed_over: tuple[tuple[int, str, int], ...] = ()
    correct: bool = False


@dataclass(frozen=True)
class Wish:
    """Which of a verifier's verdicts are wanted.

    Attributes:
        settings: settings hash, or its start; None for the latest run's.
        where: what the message calls the place that says so.
    """

    settings: str | None
    where: str


def choose_judges(connection: sa.Connection, recipe: SelectRecipe) -> list[Judge]:
    """Picks the verdicts that a selection goes by; see `choose_verdicts`."""
    ranking = [key.by for key in recipe.order_by if key.by != "tokens"]
    wanted = {name: Wish(item.settings, f"select: require.{name}.settings") for name, item in recipe.require.items()}
    others = [*ranking, recipe.pass_rate.verifier] if recipe.pass_rate else ranking
    wanted |= {name: Wish(None, f"select: require.{name}.settings") for name in others if name not in wanted}
    return [
        replace(judge, minimum=item.min_score, correct=item.correct) if item is not None else judge
        for judge in choose_verdicts(connection, wanted, "select")
        for item in (recipe.require.get(judge.verifier),)
    ]


def rubric_verdicts(
    connection: sa.Connection, asked: VerifyRecipe | None, door: str
) -> tuple[VerifyRecipe, list[Judge]]:
    """Picks the verdicts that make a rubric's reward, in the order of its verifiers.

    Args:
        connection: the store.
        asked: the rubric; None for that of the verify run that started last.
        door: the command, for messages.

    Returns:
        The rubric and whose verdicts count.

    Raises:
        UserError: no verify run, or as `choose_verdicts` does.
    """
    recipe = asked or _latest_rubric(connection, door)
    wishes = {
        item.name: Wish(
            settings_hash(resolve_settings(item.name, item.settings)) if asked and item.settings else None,
            f"{door}: the settings of {item.name!r} in the rubric",
        )
        for item in recipe.verifiers
    }
    return recipe, choose_verdicts(connection, wishes, door)


def _latest_rubric(connection: sa.Connection, door: str) -> VerifyRecipe:
    """Gives the rubric of the verify run that started last."""
    statement = sa.select(Run.recipe).where(Run.kind == "verify").order_by(Run.started_at.desc(), Run.id).limit(1)
    found = connection.scalar(statement)
    if found is None:
        raise UserError(f"{door}: the store has no verify run: run `tamis verify` first")
    return parse_recipe(found, VerifyRecipe, "the latest verify run's recipe")


def choose_verdicts(connection: sa.Connection, wanted: Mapping[str, Wish], door: str) -> list[Judge]:
    """Picks the verdicts that count, in the order of `wanted`.

    Of each verifier the newest version; of several settings those that are wished for, else those that the verify run that
    started last has landed.

    Args:
        connection: the store.
        wanted: verifier -> which settings.
        door: the command, for messages.

    Raises:
        UserError: if a verifier has no verdict (the message names those that have), if the settings that are wished for are
            unknown or ambiguous, or if no run started last.
    """
    table = VerdictRow.__table__
    counts = connection.execute(
        sa.select(table.c.verifier, table.c.version, table.c.settings_hash, sa.func.count())
        .where(table.c.verifier.in_(wanted))
        .group_by(table.c.verifier, table.c.version, table.c.settings_hash)
    ).all()
    known = {row[0] for row in counts}
    missing = [name for name in wanted if name not in known]
    if missing:
        present = sorted(connection.scalars(sa.select(table.c.verifier).distinct()))
        raise UserError(
            f"{door}: no verdict of {', '.join(map(repr, missing))} in the store; "
            + (
                f"it has verdicts of {', '.join(map(repr, present))}"
                if present
                else "it has none: run `tamis verify` first"
            )
        )
    return [
        _judge(connection, name, wish, door, [row[1:] for row in counts if row[0] == name])
        for name, wish in wanted.items()
    ]


def _judge(connection: sa.Connection, name: str, wish: Wish, door: str, found: Sequence[tuple[int, str, int]]) -> Judge:
    version = max(row[0] for row in found)
    candidates = sorted(row[1] for row in found if row[0] == version)
    if wish.settings is not None:
        matching = [candidate for candidate in candidates if candidate.startswith(wish.settings)]
        if len(matching) != 1:
            raise UserError(
                f"{wish.where}: {wish.settings!r} is "
                f"{'ambiguous' if matching else 'unknown'}; version {version} has verdicts under {', '.join(candidates)}"
            )
        chosen = matching[0]
    else:
        chosen = candidates[0] if len(candidates) == 1 else _latest_settings(connection, name, version, wish, door)
    passed_over = tuple(sorted((row[0], row[1], row[2]) for row in found if (row[0], row[1]) != (version, chosen)))
    return Judge(name, version, chosen, None, passed_over)


def join_verdicts(base: sa.FromClause, judges: Sequence[Judge], verdicts: Sequence[sa.FromClause]) -> sa.FromClause:
    """Joins each judge's verdict, where there is one, to the generations in `base`; `verdicts` are aliases of the table."""
    for judge, verdict in zip(judges, verdicts, strict=True):
        same = (
            (verdict.c.generation_id == Generation.__table__.c.id)
            & (verdict.c.verifier == judge.verifier)
            & (verdict.c.version == judge.version)
            & (verdict.c.settings_hash == judge.settings_hash)
        )
        base = base.outerjoin(verdict, same)
    return base


def _latest_settings(connection: sa.Connection, name: str, version: int, wish: Wish, door: str) -> str:
    table = VerdictRow.__table__
    rows = connection.execute(
        sa.select(table.c.settings_hash, sa.func.max(Run.started_at))
        .select_from(table.join(Artifact.__table__).join(Run.__table__))
        .where(table.c.verifier == name, table.c.version == version)
        .group_by(table.c.settings_hash)
    ).all()
    last = max(row[1] for row in rows)
    latest = [row[0] for row in rows if row[1] == last]
    if len(latest) == 1:
        return str(latest[0])
    raise UserError(
        f"{door}: the last verify run has verdicts of {name!r} version {version} under several settings: "
        f"{', '.join(sorted(latest))}; name one in {wish.where.removeprefix(f'{door}: ')}"
    )


def check_scope(connection: sa.Connection, recipe: SelectRecipe | EstimateRecipe, door: str = "select") -> None:
    """Raises a UserError for a model or a source that the store does not have: a slip would select nothing in silence."""
    for field, names, column in (
        ("models", recipe.models, Generation.model),
        ("sources", recipe.sources, Prompt.source),
    ):
        for name in names:
            if not connection.scalar(sa.select(sa.exists().where(column == name))):
                present = sorted(connection.scalars(sa.select(column).distinct()))
                raise UserError(
                    f"{door}: {field}: the store has no {name!r}; it has {', '.join(map(repr, present[:10]))}"
                )


def verify_runs(connection: sa.Connection, judge: Judge) -> list[dict[str, Any]]:
    """Gives the runs (id, name, recipe, code_version) whose verdicts a judge uses, by id."""
    table = VerdictRow.__table__
    artifacts = (
        sa.select(table.c.artifact_id)
        .where(
            table.c.verifier == judge.verifier,
            table.c.version == judge.version,
            table.c.settings_hash == judge.settings_hash,
        )
        .distinct()
        .subquery()
    )
    statement = (
        sa.select(Run.id, Run.name, Run.recipe, Run.code_version)
        .join(Artifact, Artifact.run_id == Run.id)
        .join(artifacts, artifacts.c.artifact_id == Artifact.id)
        .order_by(Run.id)
    )
    return list({row["id"]: dict(row) for row in connection.execute(statement).mappings()}.values())
