"""What the store and the data cards say of the selected sets. SQL that only reads, and one small JSON file a set."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.files import read_json
from schemas.tables import Artifact, Generation, Selection, SelectionItem
from service.report.facts import LeftFact, ReasonFact, SelectionFact

MAX_SELECTIONS = 12
MAX_FILES = 20
#: Bins of the token histogram a factor of ten.
TOKEN_BINS_PER_DECADE = 8

_POINTS = {
    "in_store": "in the store",
    "in_scope": "in scope",
    "met_requirements": "meet every requirement",
    "distinct_texts": "distinct texts of a prompt",
    "selected": "selected",
}


def selection_facts(connection: sa.Connection, out: Path, runs: Sequence[str]) -> list[SelectionFact]:
    """Gives the selections of the runs, the newest first."""
    rows = connection.execute(
        sa.select(Selection)
        .where(Selection.run_id.in_(runs))
        .order_by(Selection.created_at.desc(), Selection.id)
        .limit(MAX_SELECTIONS)
    ).all()
    return [_fact(connection, out, row) for row in rows]


def _fact(connection: sa.Connection, out: Path, row: Any) -> SelectionFact:
    counts: Mapping[str, Any] = row.counts or {}
    items, prompts, roles = connection.execute(
        sa.select(sa.func.count(), sa.func.count(sa.distinct(Generation.prompt_id)), sa.func.min(SelectionItem.role))
        .join(Generation, Generation.id == SelectionItem.generation_id)
        .where(SelectionItem.selection_id == row.id)
    ).one()
    tokens = _tokens(connection, row.id)
    edges, bins = log_bins(tokens, TOKEN_BINS_PER_DECADE)
    generations = counts.get("generations", {})
    first, every = counts.get("dropped_first", {}), counts.get("dropped_all", {})
    files = connection.execute(
        sa.select(Artifact.path, Artifact.num_rows, Artifact.num_bytes)
        .where(Artifact.run_id == row.run_id)
        .order_by(Artifact.path)
        .limit(MAX_FILES)
    )
    return SelectionFact(
        id=row.id,
        name=row.name,
        role=str(roles or ""),
        items=int(items),
        prompts=int(prompts),
        warnings=_warnings(out, row.name, row.id),
        steps=[LeftFact(label, int(generations[key])) for key, label in _POINTS.items() if key in generations],
        reasons=[
            ReasonFact(reason, int(first.get(reason, 0)), int(every.get(reason, first.get(reason, 0))))
            for reason in dict.fromkeys([*every, *first])
        ],
        tokens_total=sum(count * number for count, number in tokens.items()),
        token_edges=edges,
        token_counts=bins,
        files=[(str(path), int(rows), int(size)) for path, rows, size in files],
    )


def _tokens(connection: sa.Connection, selection: str) -> dict[int, int]:
    """Counts the selected generations by their number of tokens."""
    rows = connection.execute(
        sa.select(Generation.tokens, sa.func.count())
        .join(SelectionItem, SelectionItem.generation_id == Generation.id)
        .where(SelectionItem.selection_id == selection, Generation.tokens.is_not(None))
        .group_by(Generation.tokens)
    )
    return {int(tokens or 0): int(count) for tokens, count in rows}


def log_bins(counted: Mapping[int, int], per_decade: int) -> tuple[list[float], list[int]]:
    """Puts counted whole numbers into bins of equal width on a logarithmic axis; 0 goes with 1.

    Returns:
        Edges (powers of ten at every `per_decade`-th one) and counts between them; both empty for nothing.
    """
    places: Counter[int] = Counter()
    for value, count in counted.items():
        places[_log_place(max(1, value), per_decade)] += count
    if not places:
        return [], []
    low, high = min(places), max(places)
    edges = [10 ** (place / per_decade) for place in range(low, high + 2)]
    return edges, [places[place] for place in range(low, high + 1)]


def _log_place(value: int, per_decade: int) -> int:
    place = 0
    while 10 ** ((place + 1) / per_decade) <= value * (1 + 1e-12):
        place += 1
    return place


def _warnings(out: Path, name: str, selection: str) -> list[str]:
    """Gives the warnings of the data card, if it stands beside the store and is this selection's."""
    try:
        card = read_json(out / "selections" / name / "card.json")
    except (OSError, json.JSONDecodeError):
        return []
    if not isinstance(card, dict) or card.get("selection_id") != selection:
        return []
    return [str(warning) for warning in card.get("warnings", [])][:MAX_FILES]
