"""What is known of a document of the curation run: where it stands, each signal against its threshold, who removed it, its twins.

Reads the run's manifest and, of its Parquet files, the row groups that hold what is asked for. Imports little: people wait for it, and
loading pydantic's models, kernels or Arrow's compute functions takes longer than finding a document.
"""

import contextlib
import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curation.job.manifest import Manifest, load_manifest
from curation.model import Reading
from schemas.arrow import CONTAMINATION, CUTS, DUPLICATES
from schemas.errors import UserError
from schemas.files import open_parquet
from schemas.storage import Location
from schemas.stored_steps import MAP_KINDS, StoredStep, stored_steps

CURATE = "curate"
KEPT = "kept"
#: Characters of the text that are told.
HEAD_CHARACTERS = 1000
#: Documents removed in favour of this one that are told one by one.
MAX_REPLACED = 10
#: Passages of evaluation sets that are told, and how many characters around each.
MAX_PASSAGES = 20
CONTEXT_CHARACTERS = 60
#: More rows than these are taken by Arrow's compute functions, which take longer to load than a few rows to be cut out.
_FEW_ROWS = 200
_AFTER_HEX = "g"  # sorts after every hex digit: ids from `prefix` to before `prefix + "g"` start with the prefix
#: Documents of which it is told where they come from, of those that have a passage first.
MAX_CUT_TWINS = 5
_GROUP = re.compile(r"(?:kept/part|rejects/duplicates)-(\d+)-")
_EVIDENCE = ("id", "kept_id", "similarity", "kept_dump", "cluster_id", "step")
_KEYS = {"id": "key", "kept_id": "kept_key", "cluster_id": "cluster_key"}
_WHERE = ("source", "path", "url", "meta")


@dataclass(frozen=True)
class _Run:
    """The finished curation run under an out folder."""

    folder: Location
    manifest: Manifest

    def files(self, kind: str) -> list[Location]:
        return self.manifest.paths(self.folder, kind)


def document_ids(out: Location, prefix: str, limit: int) -> list[str]:
    """Gives up to `limit` document ids that start with the prefix; none where nothing was curated."""
    run = _run(out)
    return [] if run is None else [row["id"] for row in _index_rows(run, prefix)][:limit]


def explain_document(out: Location, document: str) -> dict[str, Any]:
    """Tells of one document.

    Returns:
        The document's own fields (``source``, ``dump``, ``url``, ``path``, ``repo``, ``timestamp``, ``language``,
        ``language_score``, ``locator``), ``text`` (its first `HEAD_CHARACTERS`), ``characters``; ``outcome`` (kept, or the step
        that removed it), ``file`` and ``row``; ``removed`` (step and every reason) or None; ``steps`` in order, each with its
        ``state`` (passed, removed, not_reached, not_for_source) and ``readings``; ``twin``, the evidence of a removed duplicate;
        ``cuts``, the first passages of the ``num_cuts`` that span deduplication has cut out of it, each with who has it first;
        ``passages``, the first `MAX_PASSAGES` of the ``num_passages`` that it shares with evaluation sets;
        ``replaces``, the first `MAX_REPLACED` of the ``num_replaces`` documents removed in its favour; ``cluster`` with its id
        and how many documents of it were removed.

    Raises:
        UserError: if a file that the index names is missing or holds another row.
    """
    run = _run(out)
    if run is None:
        raise UserError(f"{out}: no finished curation run")
    place = next(iter(_index_rows(run, document)))
    row = _document_row(run, document, place)
    removed = None if place["outcome"] == KEPT else {"step": row["step"], "reasons": row["reasons"]}
    fields = ("source", "dump", "url", "path", "repo", "language", "language_score")
    return {
        "id": document,
        **{name: row[name] for name in fields},
        "timestamp": None if row["timestamp"] is None else row["timestamp"].isoformat(),
        "locator": _locator(row),
        "text": row["text"][:HEAD_CHARACTERS],
        "characters": len(row["text"]),
        "outcome": place["outcome"],
        "file": str(run.folder / place["file"]),
        "row": place["row"],
        "removed": removed,
        "steps": _steps(stored_steps(run.manifest.recipe), row, removed),
        **_passages(run, document, row["text"]),
        **_cuts(run, document, place["file"], row.get("span_cuts") or 0),
        **_twins(run, document, kept=removed is None),
    }


def _run(out: Location) -> _Run | None:
    manifest = load_manifest(out / CURATE / "manifest.json")
    return None if manifest is None else _Run(out / CURATE, manifest)


def _index_rows(run: _Run, prefix: str) -> list[dict[str, Any]]:
    """Finds ids by their beginning: index files are sorted, so statistics leave one row group or two to read."""
    found: list[dict[str, Any]] = []
    for path in run.files("index"):
        with _open(path) as file:
            for number in range(file.metadata.num_row_groups):
                low, high = _range_of_ids(file, number)
                if high >= prefix and low < prefix + _AFTER_HEX:
                    table = file.read_row_group(number)
                    ids = table["id"]
                    first, end = (_place(ids, bound) for bound in (prefix, prefix + _AFTER_HEX))
                    found += table.slice(first, end - first).to_pylist()
    return found


def _place(ids: pa.ChunkedArray, bound: str) -> int:
    """Gives how many of the sorted ids are before a bound."""
    return bisect_left(range(len(ids)), bound, key=lambda row: ids[row].as_py())


def _range_of_ids(file: pq.ParquetFile, row_group: int) -> tuple[str, str]:
    column = file.metadata.row_group(row_group).column(file.schema_arrow.get_field_index("id"))
    if column.statistics is None or not column.statistics.has_min_max:
        return "", _AFTER_HEX
    return column.statistics.min, column.statistics.max


def _document_row(run: _Run, document: str, place: Mapping[str, Any]) -> dict[str, Any]:
    path = run.folder / place["file"]
    row = _row(path, place["row"])
    if row is None or row["id"] != document:
        raise UserError(
            f"{path}: the index says that row {place['row']} is document {document}; it is not: curate again"
        )
    return row


def _row(path: Location, number: int, columns: Sequence[str] | None = None) -> dict[str, Any] | None:
    with _open(path) as file:
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if number < rows:
                table = file.read_row_group(group, columns=columns and list(columns))
                return dict(table.slice(number, 1).to_pylist()[0])
            number -= rows
    return None


@contextlib.contextmanager
def _open(path: Location) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path, memory_map=True) if isinstance(path, Path) else open_parquet(path) as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"{path}: the curation run names this file, but it is not there") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _readings(step: StoredStep, row: Mapping[str, Any], before: Sequence[StoredStep]) -> list[Reading]:
    """Gives what a step of those that look at one document saw, from the columns of a row that it was for."""
    if step.filter is not None:
        from curation.rules.readings import filter_readings

        return filter_readings(step, step.filter, row, before)
    from curation.steps.build import readings_from_row
    from schemas.steps import StepRecipe

    return readings_from_row(StepRecipe.model_validate(step.settings), row)


def _steps(
    steps: Sequence[StoredStep], row: Mapping[str, Any], removed: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    told = []
    reached = True
    for number, step in enumerate(steps):
        is_for = not step.sources or row["source"] in step.sources
        readings = _readings(step, row, steps[:number]) if reached and is_for and step.kind in MAP_KINDS else []
        if not is_for:
            state = "not_for_source"
        elif not reached:
            state = "not_reached"
        else:
            state = "removed" if removed is not None and step.title == removed["step"] else "passed"
        told.append(
            {
                "step": step.title,
                "kind": step.kind,
                "state": state,
                "readings": [asdict(reading) for reading in readings],
            }
        )
        reached = reached and state != "removed"
    return told


def _twins(run: _Run, document: str, *, kept: bool) -> dict[str, Any]:
    """Tells the direct evidence. A document that stays has no evidence of its own; one that goes is nobody's `kept_id`."""
    told: dict[str, Any] = {"twin": None, "replaces": [], "num_replaces": 0, "cluster": None}
    rows = _evidence(run, "kept_id" if kept else "id", document)
    if rows.num_rows == 0:
        return told
    order = np.lexsort((np.array(rows["id"].to_pylist()), -rows["similarity"].to_numpy()))
    first = [rows.slice(at, 1).to_pylist()[0] for at in order[:MAX_REPLACED].tolist()]
    cluster = first[0]["cluster_id"]
    told["cluster"] = {"id": cluster, "removed": _evidence(run, "cluster_id", cluster, ["cluster_id"]).num_rows}
    if not kept:
        return {**told, "twin": {**first[0], "where": _where(run, first[0]["kept_id"])}}
    replaced = [{**row, "where": _where(run, row["id"])} for row in first]
    return {**told, "replaces": replaced, "num_replaces": rows.num_rows}


def _passages(run: _Run, document: str, text: str) -> dict[str, Any]:
    """Tells the evidence of decontamination, with what stands around each passage.

    A later step may have changed the text: then a passage no longer stands in its place, and is told without.
    """
    paths = run.files("contamination")
    if not paths:
        return {"passages": [], "num_passages": 0}
    import pyarrow.compute as pc

    found = [CONTAMINATION.empty_table()]
    for path in paths:
        with _open(path) as file:
            for group in range(file.metadata.num_row_groups):
                matches = pc.equal(file.read_row_group(group, columns=["id"])["id"], document)
                if pc.any(matches).as_py():
                    found.append(file.read_row_group(group).select(CONTAMINATION.names).filter(matches))
    table = pa.concat_tables([item.replace_schema_metadata() for item in found])
    rows = table.sort_by([("step", "ascending"), ("start", "ascending"), ("benchmark", "ascending")]).to_pylist()
    for row in rows[:MAX_PASSAGES]:
        start, end = row["start"], row["end"]
        there = text[start:end] == row["text"]
        row["before"] = text[max(0, start - CONTEXT_CHARACTERS) : start] if there else ""
        row["after"] = text[end : end + CONTEXT_CHARACTERS] if there else ""
    return {"passages": rows[:MAX_PASSAGES], "num_passages": len(rows)}


def _cuts(run: _Run, document: str, file: str, number: int) -> dict[str, Any]:
    """Tells what span deduplication has cut out of a document. The evidence of an output file's documents stands in one of its number."""
    group = _GROUP.search(file)
    if number == 0 or group is None:
        return {"cuts": [], "num_cuts": number}
    half = np.uint64(int(document[:16], 16))
    rows: list[dict[str, Any]] = []
    for path in run.files("cuts"):
        if not path.name.startswith(f"part-{group[1]}-"):
            continue
        with _open(path) as stored:
            places = np.flatnonzero(stored.read(columns=["key"])["key"].to_numpy() == half)
            if places.size:  # a document's passages stand in a row
                table = stored.read(columns=[name for name in CUTS.names if name != "key"])
                rows += table.slice(places[0], places[-1] - places[0] + 1).to_pylist()
    rows = [row for row in rows if row.pop("id") == document]
    twins = list(dict.fromkeys(row["kept_id"] for row in rows if row["kept_id"] != document))
    where = {twin: _where(run, twin) for twin in twins[:MAX_CUT_TWINS]}
    return {"cuts": [{**row, "where": where.get(row["kept_id"], "")} for row in rows], "num_cuts": number}


def _evidence(run: _Run, column: str, value: str, columns: Sequence[str] = _EVIDENCE) -> pa.Table:
    """Gives the rows of evidence with this value.

    Evidence is not sorted by any id: one column of numbers is read through, files side by side, and the others only of row
    groups that have the value.
    """
    key = _KEYS[column]
    half = np.uint64(int(value[:16], 16))

    def search(path: Location) -> list[pa.Table]:
        found = []
        with _open(path) as file:
            rows = np.flatnonzero(file.read(columns=[key], use_threads=False)[key].to_numpy() == half)
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            ends = np.cumsum(sizes)
            groups = np.searchsorted(ends, rows, "right")
            for group in np.flatnonzero(np.bincount(groups)).tolist():
                table = file.read_row_group(group, columns=list({column, *columns}))
                places = rows[groups == group] - (ends[group] - sizes[group])
                found.append(_rows_with(table, places, column, value).select(list(columns)))
        return found

    with ThreadPoolExecutor() as pool:
        tables = [table for found in pool.map(search, run.files("duplicates")) for table in found]
    empty = pa.schema([DUPLICATES.field(name) for name in columns]).empty_table()
    return pa.concat_tables([empty, *(table.replace_schema_metadata() for table in tables)])


def _rows_with(table: pa.Table, places: npt.NDArray[np.int64], column: str, value: str) -> pa.Table:
    """Gives the rows, of those at these places, that have a value; half of it was looked for."""
    if places.size > _FEW_ROWS:
        import pyarrow.compute as pc

        return table.filter(pc.equal(table[column], value))
    values = table[column]
    return pa.concat_tables(
        [table.slice(0, 0), *(table.slice(at, 1) for at in places.tolist() if values[at].as_py() == value)]
    )


def _where(run: _Run, document: str) -> str:
    """Gives where a twin comes from, as people know it."""
    places = _index_rows(run, document)
    if not places:
        return "of an earlier run, by the signature index"
    row = _row(run.folder / places[0]["file"], places[0]["row"], _WHERE)
    if row is None:
        return ""
    return f"{row['source']}: {row['path'] or row['url'] or _locator(row)}"


def _locator(row: Mapping[str, Any]) -> str | None:
    try:
        meta = json.loads(row["meta"])
    except ValueError:
        return None
    locator = meta.get("locator") if isinstance(meta, dict) else None
    return None if locator is None else str(locator)
