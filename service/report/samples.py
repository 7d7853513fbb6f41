"""Chooses generations to show, and reads their texts, prompts and verdict details by their pointers.

Ids are hashes, so the first by id are as good as drawn at random, and the same ones each time. Reads the store and, of the Parquet
files, the row groups that hold the chosen rows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.tables import Artifact, Generation, Prompt, Run, Selection, SelectionItem, VerdictRow
from service.report.facts import SAMPLE_TAGS, Chip, SampleFact
from service.report.highlight import Span, excerpt, shorten
from service.report.parquet import read_rows
from service.report.verdicts import FORMAT_VERIFIERS, LANGUAGE_VERIFIERS, PASSED, Key, in_keys

#: How many samples of each kind at most.
SAMPLES_OF_KIND = 8
#: Characters of a generation and of a prompt that are shown at most.
MAX_TEXT_CHARACTERS = 2400
MAX_PROMPT_CHARACTERS = 1000
MAX_WHY_CHARACTERS = 300


@dataclass(frozen=True)
class _Row:
    """A generation's and its prompt's narrow rows, with the files that hold their texts."""

    id: str
    prompt_id: str
    model: str
    tokens: int | None
    domain: str
    language: str
    file: Path
    row: int
    prompt_file: Path
    prompt_row: int


def sample_facts(
    connection: sa.Connection, files: "ArtifactFiles", runs: Sequence[str], keys: Sequence[Key]
) -> list[SampleFact]:
    """Gives up to `SAMPLES_OF_KIND` samples of each tag.

    Args:
        connection: the store.
        files: where the artifacts are.
        runs: the runs of the report.
        keys: the verdicts that count, one key a verifier.
    """
    ids = _choose(connection, runs, keys)
    rows = _rows(connection, files, ids)
    texts = _fetch(((row.id, row.file, row.row) for row in rows.values()), ("id", "text"))
    prompts = _fetch(((row.id, row.prompt_file, row.prompt_row) for row in rows.values()), ("messages", "gold"))
    verdicts = _verdicts(connection, files, ids, keys)
    selected = _selected_in(connection, runs, ids)
    facts = []
    for number in ids:
        text = texts.get(number)
        # A file that is gone or holds another row is `tamis store check`'s matter; the page shows the samples that are there.
        if number not in rows or text is None or text["id"] != number:
            continue
        row, found = rows[number], verdicts.get(number, [])
        prompt = prompts.get(number, {})
        chips = [chip for chip, _ in found]
        spans = [span for _, detail in found for span in spans_of(detail)]
        facts.append(
            SampleFact(
                id=number,
                prompt_id=row.prompt_id,
                tags=_tags(chips, selected=number in selected),
                prompt=excerpt(conversation_text(prompt.get("messages")), [], MAX_PROMPT_CHARACTERS),
                text=excerpt(text["text"], spans, MAX_TEXT_CHARACTERS),
                gold=gold_text(prompt.get("gold")),
                characters=len(text["text"]),
                tokens=row.tokens,
                model=row.model,
                domain=row.domain,
                language=row.language,
                selected_in=selected.get(number, []),
                chips=chips,
            )
        )
    return facts


class ArtifactFiles:
    """Finds the file of an artifact: under its run's folder, or under `out` when that was moved together with its store."""

    def __init__(self, connection: sa.Connection, out: Path) -> None:
        self._connection = connection
        self._out = out
        self._known: dict[int, Path] = {}

    def __getitem__(self, artifact: int) -> Path:
        if artifact not in self._known:
            path, folder = self._connection.execute(
                sa.select(Artifact.path, Run.out).join(Run, Run.id == Artifact.run_id).where(Artifact.id == artifact)
            ).one()
            file = Path(folder) / path
            self._known[artifact] = file if file.exists() else self._out / path
        return self._known[artifact]


def _choose(connection: sa.Connection, runs: Sequence[str], keys: Sequence[Key]) -> list[str]:
    """Gives the ids of generations of every kind, each kind's first by id, in the order of the kinds."""
    form, language = VerdictRow.verifier.in_(FORMAT_VERIFIERS), VerdictRow.verifier.in_(LANGUAGE_VERIFIERS)
    answer = ~VerdictRow.verifier.in_((*FORMAT_VERIFIERS, *LANGUAGE_VERIFIERS))
    failed = sa.and_(VerdictRow.score.is_not(None), VerdictRow.status != PASSED)
    selected = (
        sa.select(SelectionItem.generation_id)
        .join(Selection, Selection.id == SelectionItem.selection_id)
        .where(Selection.run_id.in_(runs))
    )
    kinds = (
        sa.and_(answer, VerdictRow.status == PASSED, VerdictRow.generation_id.not_in(selected)),
        sa.and_(answer, failed),
        sa.and_(form, failed),
        sa.and_(language, VerdictRow.score < 1.0),
        VerdictRow.score.is_(None),
    )
    artifacts = sa.select(Artifact.id).where(Artifact.run_id.in_(runs))
    ordered = selected.order_by(SelectionItem.generation_id).distinct().limit(SAMPLES_OF_KIND)
    chosen = dict.fromkeys(connection.scalars(ordered))
    for kind in kinds:
        # In the order of the primary key, so that the first few are found without looking at all.
        found = connection.scalars(
            sa.select(VerdictRow.generation_id)
            .where(in_keys(keys), kind, VerdictRow.artifact_id.in_(artifacts))
            .order_by(VerdictRow.generation_id)
            .distinct()
            .limit(SAMPLES_OF_KIND)
        )
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _tags(chips: Sequence[Chip], *, selected: bool) -> list[str]:
    """Gives the filter buttons that show a sample."""
    forms = (*FORMAT_VERIFIERS, *LANGUAGE_VERIFIERS)
    failed = [chip for chip in chips if chip.score is not None and chip.status != PASSED]
    holds = {
        "selected": selected,
        "right": any(chip.status == PASSED and chip.verifier not in forms for chip in chips),
        "wrong": any(chip.verifier not in forms for chip in failed),
        "malformed": any(chip.verifier in FORMAT_VERIFIERS for chip in failed),
        # The score is a share of words: a single foreign word is worth seeing.
        "mixed": any(
            chip.verifier in LANGUAGE_VERIFIERS and chip.score is not None and chip.score < 1.0 for chip in chips
        ),
        "unscored": any(chip.score is None for chip in chips),
    }
    return [tag for tag in SAMPLE_TAGS if holds[tag]]


def _rows(connection: sa.Connection, files: ArtifactFiles, ids: Sequence[str]) -> dict[str, _Row]:
    rows = connection.execute(
        sa.select(
            Generation.id,
            Generation.prompt_id,
            Generation.model,
            Generation.tokens,
            Generation.artifact_id,
            Generation.row,
            sa.func.coalesce(Prompt.domain, Prompt.source),
            Prompt.language,
            Prompt.artifact_id,
            Prompt.row,
        )
        .join(Prompt, Prompt.id == Generation.prompt_id)
        .where(Generation.id.in_(ids))
    ).all()
    return {
        row[0]: _Row(
            id=row[0],
            prompt_id=row[1],
            model=row[2],
            tokens=row[3],
            domain=row[6] or "",
            language=row[7] or "",
            file=files[row[4]],
            row=int(row[5]),
            prompt_file=files[row[8]],
            prompt_row=int(row[9]),
        )
        for row in rows
    }


def _fetch(pointers: Iterable[tuple[Any, Path, int]], columns: Sequence[str]) -> dict[Any, dict[str, Any]]:
    """Reads rows by (key, file, row); what cannot be found is left out."""
    by_file: dict[Path, list[tuple[Any, int]]] = {}
    for key, file, row in pointers:
        by_file.setdefault(file, []).append((key, row))
    found = {}
    for file, wanted in by_file.items():
        values = read_rows(file, [row for _, row in wanted], columns)
        found.update({key: values[row] for key, row in wanted if row in values})
    return found


def _verdicts(
    connection: sa.Connection, files: ArtifactFiles, ids: Sequence[str], keys: Sequence[Key]
) -> dict[str, list[tuple[Chip, Mapping[str, Any]]]]:
    rows = connection.execute(
        sa.select(VerdictRow)
        .where(VerdictRow.generation_id.in_(ids), in_keys(keys))
        .order_by(VerdictRow.generation_id, VerdictRow.verifier)
    ).all()
    pointers = (((row.generation_id, row.verifier), files[row.artifact_id], int(row.row)) for row in rows)
    details = _fetch(pointers, ("generation_id", "detail"))
    found: dict[str, list[tuple[Chip, Mapping[str, Any]]]] = {}
    for row in rows:
        read = details.get((row.generation_id, row.verifier), {})
        detail = _json_object(read.get("detail")) if read.get("generation_id") == row.generation_id else {}
        chip = Chip(row.verifier, row.status, row.score, why_text(detail))
        found.setdefault(row.generation_id, []).append((chip, detail))
    return found


def _selected_in(connection: sa.Connection, runs: Sequence[str], ids: Sequence[str]) -> dict[str, list[str]]:
    rows = connection.execute(
        sa.select(SelectionItem.generation_id, Selection.name)
        .join(Selection, Selection.id == SelectionItem.selection_id)
        .where(SelectionItem.generation_id.in_(ids), Selection.run_id.in_(runs))
        .order_by(SelectionItem.generation_id, Selection.name)
    )
    found: dict[str, list[str]] = {}
    for number, name in rows:
        if name not in found.setdefault(number, []):
            found[number].append(name)
    return found


def _json_object(text: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _written(value: Any) -> str:
    # Not canonical JSON: a detail from elsewhere may hold NaN, and a page is no place to refuse it.
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def spans_of(detail: Mapping[str, Any]) -> list[Span]:
    """Gives the spans of a verdict's detail: a list of objects with `start`, `end` (characters) and what was found there."""
    spans = []
    found = detail.get("spans")
    for item in found if isinstance(found, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get("start"), int) or not isinstance(item.get("end"), int):
            continue
        label = str(item.get("language") or item.get("label") or item.get("reason") or "found")
        spans.append(Span(item["start"], item["end"], shorten(label, 60), shorten(str(item.get("severity") or ""), 30)))
    return spans


def why_text(detail: Mapping[str, Any]) -> str:
    """Gives what a verdict's detail says in a few words: its reason, the answer that was found, how many spans."""
    parts = [str(detail["reason"])] if detail.get("reason") else []
    if isinstance(detail.get("answer"), str):
        parts.append(f"answer {detail['answer']}")
    if detail.get("num_spans"):
        parts.append(f"{detail['num_spans']} foreign spans" if detail["num_spans"] != 1 else "1 foreign span")
    return shorten(", ".join(parts), MAX_WHY_CHARACTERS)


def conversation_text(messages: str | None) -> str:
    """Gives a prompt's messages as text, each under its role; a single message without it."""
    try:
        value = json.loads(messages or "[]")
    except ValueError:
        return messages or ""
    turns = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def content(item: Mapping[str, Any]) -> str:
        held = item.get("content")
        return held if isinstance(held, str) else _written(held)

    if len(turns) == 1:
        return content(turns[0])
    return "\n\n".join(f"{item.get('role', '')}: {content(item)}" for item in turns)


def gold_text(gold: str | None) -> str:
    """Gives a prompt's gold answer, or its gold as JSON where it has no answer."""
    value = _json_object(gold)
    answer = value.get("answer", value or None)
    if answer is None:
        return ""
    return answer if isinstance(answer, str) else _written(answer)
