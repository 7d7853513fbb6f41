"""Decides which verdicts a selection goes by, and refuses recipes that name what the store does not have.

Reads the store; writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schemas.errors import UserError
from schemas.recipe import SelectRecipe
from schemas.tables import Artifact, Generation, Prompt, Run, VerdictRow


@dataclass(frozen=True)
class Judge:
    """A verifier as the selection uses it: one version under one settings hash.

    Attributes:
        verifier: its name.
        version: the newest that the store has.
        settings_hash: of the verdicts that count.
        minimum: least score that meets the requirement; None when the verifier only ranks.
        passed_over: other (version, settings_hash, verdicts) that the store has and this selection does not use.
        correct: the status must be `correct` too.
    """

    verifier: str
    version: int
    settings_hash: str
    minimum: float | None
    passed_over: tuple[tuple[int, str, int], ...] = ()
    correct: bool = False


def choose_judges(connection: sa.Connection, recipe: SelectRecipe) -> list[Judge]:
    """Picks the verdicts that count.

    Of each verifier the newest version; of several settings those that the recipe names, else those that the verify run that
    started last has landed.

    Raises:
        UserError: if a verifier has no verdict (the message names those that have), if the settings that the recipe names are
            unknown or ambiguous, or if no run started last.
    """
    ranking = [key.by for key in recipe.order_by if key.by != "tokens"]
    names = list(dict.fromkeys([*recipe.require, *ranking]))
    table = VerdictRow.__table__
    counts = connection.execute(
        sa.select(table.c.verifier, table.c.version, table.c.settings_hash, sa.func.count())
        .where(table.c.verifier.in_(names))
        .group_by(table.c.verifier, table.c.version, table.c.settings_hash)
    ).all()
    known = {row[0] for row in counts}
    missing = [name for name in names if name not in known]
    if missing:
        present = sorted(connection.scalars(sa.select(table.c.verifier).distinct()))
        raise UserError(
            f"select: no verdict of {', '.join(map(repr, missing))} in the store; "
            + (
                f"it has verdicts of {', '.join(map(repr, present))}"
                if present
                else "it has none: run `tamis verify` first"
            )
        )
    return [_judge(connection, recipe, name, [row[1:] for row in counts if row[0] == name]) for name in names]


def _judge(connection: sa.Connection, recipe: SelectRecipe, name: str, found: Sequence[tuple[int, str, int]]) -> Judge:
    requirement = recipe.require.get(name)
    version = max(row[0] for row in found)
    candidates = sorted(row[1] for row in found if row[0] == version)
    wanted = requirement.settings if requirement else None
    if wanted is not None:
        matching = [candidate for candidate in candidates if candidate.startswith(wanted)]
        if len(matching) != 1:
            raise UserError(
                f"select: require.{name}.settings: {wanted!r} is "
                f"{'ambiguous' if matching else 'unknown'}; version {version} has verdicts under {', '.join(candidates)}"
            )
        chosen = matching[0]
    else:
        chosen = candidates[0] if len(candidates) == 1 else _latest_settings(connection, name, version)
    passed_over = tuple(sorted((row[0], row[1], row[2]) for row in found if (row[0], row[1]) != (version, chosen)))
    minimum, correct = (requirement.min_score, requirement.correct) if requirement else (None, False)
    return Judge(name, version, chosen, minimum, passed_over, correct)


def _latest_settings(connection: sa.Connection, name: str, version: int) -> str:
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
        f"select: the last verify run has verdicts of {name!r} version {version} under several settings: "
        f"{', '.join(sorted(latest))}; name one in require.{name}.settings"
    )


def check_scope(connection: sa.Connection, recipe: SelectRecipe) -> None:
    """Raises a UserError for a model or a source that the store does not have: a slip would select nothing in silence."""
    for field, names, column in (
        ("models", recipe.models, Generation.model),
        ("sources", recipe.sources, Prompt.source),
    ):
        for name in names:
            if not connection.scalar(sa.select(sa.exists().where(column == name))):
                present = sorted(connection.scalars(sa.select(column).distinct()))
                raise UserError(
                    f"select: {field}: the store has no {name!r}; it has {', '.join(map(repr, present[:10]))}"
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
