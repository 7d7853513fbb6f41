"""What is known of a generation and of a prompt: verdicts with their details, scores, and which sets hold it or why not.

Reads the store and the rows of Parquet files that it points to.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.tables import Artifact, Generation, Prompt, Run, Selection, SelectionItem, VerdictRow
from workers.lookup import Pointer, fetch
from workers.rows import artifact_file

#: Generations of a prompt that are told one by one.
MAX_GENERATIONS = 256
_AFTER_HEX = "g"  # sorts after every hex digit: ids from `prefix` to before `prefix + "g"` start with the prefix


def generation_ids(connection: sa.Connection, _out: Path, prefix: str, limit: int) -> list[str]:
    """Gives up to `limit` generation ids that start with the prefix."""
    return _ids(connection, Generation.id, prefix, limit)


def prompt_ids(connection: sa.Connection, _out: Path, prefix: str, limit: int) -> list[str]:
    """Gives up to `limit` prompt ids that start with the prefix."""
    return _ids(connection, Prompt.id, prefix, limit)


def explain_generation(connection: sa.Connection, out: Path, generation: str) -> dict[str, Any]:
    """Tells of one generation.

    Returns:
        ``text``, ``model``, ``sampling``, ``sample_index``, ``finish_reason``, ``tokens``, ``file`` and ``row``; ``prompt`` as in
        `explain_prompt`; ``verdicts``, a list by verifier, newest first (``current`` marks the ones that count: of each verifier the
        newest version, under the settings of the run that started last); ``selections``, for each set name the latest
        selection: ``selected`` with ``rank`` and ``why``, or else the ``reasons``.
    """
    row = connection.execute(sa.select(Generation.__table__).where(Generation.id == generation)).one()
    place = _place(connection, out, row.artifact_id, row.row)
    columns = ("text", "model", "sampling", "sample_index", "finish_reason", "tokens")
    stored = fetch({generation: place}, columns)[generation]
    verdicts = _verdicts(connection, out, generation)
    return {
        **stored,
        "sampling": _parsed(stored["sampling"]),
        "file": str(place.path),
        "row": place.row,
        "prompt": _prompt(connection, out, row.prompt_id),
        "verdicts": verdicts,
        "selections": [
            _standing(connection, out, selection, row, verdicts=verdicts, text=stored["text"])
            for selection in _latest(connection)
        ],
    }


def explain_prompt(connection: sa.Connection, out: Path, prompt: str) -> dict[str, Any]:
    """Tells of one prompt.

    Returns:
        ``task``, ``source``, ``language``, ``domain``, ``messages``, ``gold``, ``file`` and ``row``; ``num_generations``;
        ``generations``, the first `MAX_GENERATIONS` by model and sample, each with ``scores`` (verifier -> score and status of
        the current verdict) and ``selected_in`` (names of the latest sets that hold it).
    """
    count = connection.scalar(sa.select(sa.func.count()).where(Generation.prompt_id == prompt))
    columns = (Generation.id, Generation.model, Generation.sample_index, Generation.tokens, Generation.finish_reason)
    generations = connection.execute(
        sa.select(*columns)
        .where(Generation.prompt_id == prompt)
        .order_by(Generation.model, Generation.sample_index, Generation.id)
        .limit(MAX_GENERATIONS)
    ).all()
    ids = [row.id for row in generations]
    scores: dict[str, dict[str, Any]] = {number: {} for number in ids}
    for verdict in _verdict_rows(connection, ids):
        if verdict["current"]:
            said = {"score": verdict["score"], "status": verdict["status"]}
            scores[verdict["generation_id"]][verdict["verifier"]] = said
    held = _held_by(connection, ids)
    return {
        **_prompt(connection, out, prompt),
        "num_generations": count,
        "generations": [
            {**row._asdict(), "scores": scores[row.id], "selected_in": held.get(row.id, [])} for row in generations
        ],
    }


def _ids(connection: sa.Connection, column: Any, prefix: str, limit: int) -> list[str]:
    inside = sa.select(column).where(column >= prefix, column < prefix + _AFTER_HEX).order_by(column).limit(limit)
    return [str(number) for number in connection.scalars(inside)]


def _place(connection: sa.Connection, out: Path, artifact: int, row: int) -> Pointer:
    statement = sa.select(Run.out, Artifact.path).join(Run, Run.id == Artifact.run_id).where(Artifact.id == artifact)
    return Pointer(artifact_file(out, *connection.execute(statement).one()), row)


def _prompt(connection: sa.Connection, out: Path, prompt: str) -> dict[str, Any]:
    row = connection.execute(sa.select(Prompt.__table__).where(Prompt.id == prompt)).one()
    place = _place(connection, out, row.artifact_id, row.row)
    stored = fetch({prompt: place}, ("task", "source", "language", "domain", "messages", "gold"))[prompt]
    stored["messages"], stored["gold"] = _parsed(stored["messages"]), _parsed(stored["gold"])
    return {"id": prompt, **stored, "file": str(place.path), "row": place.row}


def _parsed(text: str | None) -> Any:
    """Gives a JSON column's value; what is not JSON stays text."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def _verdict_rows(connection: sa.Connection, generations: Sequence[str]) -> list[dict[str, Any]]:
    table = VerdictRow.__table__
    rows = connection.execute(
        sa.select(table, Run.started_at, Run.name.label("run"))
        .join(Artifact, Artifact.id == table.c.artifact_id)
        .join(Run, Run.id == Artifact.run_id)
        .where(table.c.generation_id.in_(generations))
        .order_by(
            table.c.generation_id,
            table.c.verifier,
            table.c.version.desc(),
            Run.started_at.desc(),
            table.c.settings_hash,
        )
    ).mappings()
    seen: set[tuple[str, str]] = set()
    told = []
    for row in rows:
        key = (row["generation_id"], row["verifier"])
        told.append({**row, "current": key not in seen})
        seen.add(key)
    return told


def _verdicts(connection: sa.Connection, out: Path, generation: str) -> list[dict[str, Any]]:
    told = []
    for row in _verdict_rows(connection, [generation]):
        place = _place(connection, out, row["artifact_id"], row["row"])
        detail = fetch({generation: place}, ["detail"], key="generation_id")[generation]["detail"]
        kept = ("verifier", "version", "settings_hash", "score", "status", "elapsed_ms", "run", "current")
        told.append({**{name: row[name] for name in kept}, "detail": _parsed(detail)})
    return told


def _latest(connection: sa.Connection) -> list[Any]:
    """Gives the latest selection of each name."""
    table = Selection.__table__
    newest = (
        sa.func.row_number()
        .over(partition_by=table.c.name, order_by=[table.c.created_at.desc(), table.c.id])
        .label("age")
    )
    ranked = sa.select(table, newest).subquery()
    statement = (
        sa.select(ranked, Run.inputs)
        .join(Run, Run.id == ranked.c.run_id)
        .where(ranked.c.age == 1)
        .order_by(ranked.c.name)
    )
    return list(connection.execute(statement))


def _held_by(connection: sa.Connection, generations: Sequence[str]) -> dict[str, list[str]]:
    names = {row.id: row.name for row in _latest(connection)}
    table = SelectionItem.__table__
    held: dict[str, list[str]] = {}
    for row in connection.execute(
        sa.select(table.c.generation_id, table.c.selection_id).where(
            table.c.generation_id.in_(generations), table.c.selection_id.in_(list(names))
        )
    ):
        held.setdefault(row.generation_id, []).append(names[row.selection_id])
    return {generation: sorted(found) for generation, found in held.items()}


def _standing(
    connection: sa.Connection,
    out: Path,
    selection: Any,
    generation: Any,
    *,
    verdicts: Sequence[Mapping[str, Any]],
    text: str,
) -> dict[str, Any]:
    """Tells whether the set holds the generation, and if not, everything that kept it out."""
    items = SelectionItem.__table__
    of_prompt = connection.execute(
        sa.select(items, Generation.artifact_id, Generation.row)
        .join(Generation, Generation.id == items.c.generation_id)
        .where(items.c.selection_id == selection.id, Generation.prompt_id == generation.prompt_id)
        .order_by(items.c.rank)
    ).all()
    told = {"name": selection.name, "id": selection.id, "selected": False, "rank": None, "why": None, "reasons": []}
    own = [item for item in of_prompt if item.generation_id == generation.id]
    if own:
        return {**told, "selected": True, "rank": own[0].rank, "why": own[0].why}
    reasons = _scope_reasons(connection, selection.recipe, generation)
    reasons += _requirement_reasons(selection.inputs, verdicts)
    return {**told, "reasons": reasons or [_beaten(connection, out, selection.recipe, of_prompt, text)]}


def _scope_reasons(connection: sa.Connection, recipe: Mapping[str, Any], generation: Any) -> list[str]:
    source = connection.scalar(sa.select(Prompt.source).where(Prompt.id == generation.prompt_id))
    reasons = []
    if recipe["models"] and generation.model not in recipe["models"]:
        reasons.append(f"the set takes only models {', '.join(recipe['models'])}")
    if recipe["sources"] and source not in recipe["sources"]:
        reasons.append(f"the set takes only sources {', '.join(recipe['sources'])}")
    return reasons


def _requirement_reasons(judges: Sequence[Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    said = {(verdict["verifier"], verdict["version"], verdict["settings_hash"]): verdict for verdict in verdicts}
    reasons = []
    for judge in judges:
        name, minimum = judge["verifier"], judge["minimum"]
        verdict = said.get((name, judge["version"], judge["settings_hash"]))
        if minimum is None:
            continue
        if verdict is None:
            reasons.append(f"{name}: no verdict of version {judge['version']}, settings {judge['settings_hash']}")
        elif verdict["score"] is None:
            reasons.append(f"{name}: no score ({verdict['status']}): our failure, not counted as wrong")
        elif verdict["score"] < minimum:
            reasons.append(f"{name}: {verdict['score']:.4g} < {minimum:g} ({verdict['status']})")
        elif judge.get("correct") and verdict["status"] != "correct":
            reasons.append(f"{name}: {verdict['score']:.4g}, but {verdict['status']} and not correct")
    return reasons


def _beaten(
    connection: sa.Connection, out: Path, recipe: Mapping[str, Any], of_prompt: Sequence[Any], text: str
) -> str:
    for item in of_prompt:
        place = _place(connection, out, item.artifact_id, item.row)
        if fetch({item.generation_id: place}, ["text"])[item.generation_id]["text"] == text:
            return f"meets every requirement, but its text is that of {item.generation_id}, which is selected"
    if len(of_prompt) >= recipe["per_prompt"]:
        best = ", ".join(item.generation_id for item in of_prompt)
        return f"meets every requirement, but ranks behind {best} (at most {recipe['per_prompt']} a prompt)"
    if recipe["limit"] is not None:
        return f"meets every requirement, but the set was full (at most {recipe['limit']} in all)"
    return "meets every requirement now; its verdicts came after this selection"
