"""`tamis store check`: holds the store against the files that it names, row by row, and repairs what can be made right.

Parquet is what counts: SQL rows are made again from it. Where a file is lost or changed its rows go, and its shard is pending
again, so that the command that made it makes it anew. Files that no row names are orphans of killed landings; they are deleted
under a lock that landings wait for. Touches the store and the runs' folders.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa

from schemas.files import TEMPORARY_PREFIX, sha256_of
from schemas.store import reading
from schemas.tables import Artifact, Run, SelectionItem, Shard, Stage
from workers.check_index import check_index
from workers.check_rows import KINDS, check_rows
from workers.findings import Finding, LandedFile

__all__ = ["Finding", "check_store"]

#: Folders below a run's `out` whose files are landed by shards, and so may hold orphans of ours.
_LANDING_FOLDERS = ("prompts", "generations", "verdicts", "quarantine")
_LANDED_NAME = re.compile(r".+-[0-9a-f]{16}\.(parquet|jsonl)")
_TEMPORARY_AGE_SECONDS = 3600.0
#: Stage kinds whose lost files come back when their shards are done again.
_REPEATABLE = ("verify", "sample", "import")


def check_store(engine: sa.Engine, *, repair: bool = False) -> list[Finding]:
    """Compares every landed file with its row and its rows' rows, shards with files, folders with the store.

    Args:
        engine: the store.
        repair: make right what can be made right; safe beside running work.

    Returns:
        What was found, repaired or not; empty for a store that agrees with its files.
    """
    findings: list[Finding] = []
    whole: list[LandedFile] = []
    away: set[str] = set()
    forgotten: set[int | None] = set()
    for out, files in _files_by_folder(engine):
        if not Path(out).is_dir():
            away.add(out)
            detail = f"{len(files)} files are unreachable with it; nothing of it is repaired"
            findings.append(Finding("folder_missing", out, detail, remedy="mount the folder, or move it back"))
            continue
        for file in files:
            finding = _check_whole(file)
            if finding is None:
                whole.append(file)
                continue
            findings.append(_forget(engine, file, finding) if repair else finding)
            if findings[-1].repaired:
                forgotten.add(file.shard_id)
    whole = [file for file in whole if file.shard_id is None or file.shard_id not in forgotten]
    findings += check_rows(engine, whole, repair=repair)
    for run_files in _by_run(whole):
        findings += check_index(run_files)
    findings += _check_selections(engine, whole)
    findings += _check_shards(engine, repair=repair)
    findings += _check_orphans(engine, away, repair=repair)
    return findings


def collect_orphans(engine: sa.Engine, *, dry_run: bool = False) -> list[Finding]:
    """Deletes files of killed landings, for `tamis store clean`; says which. With `dry_run` it only says."""
    return list(_check_orphans(engine, set(), repair=not dry_run))


def _files_by_folder(engine: sa.Engine) -> list[tuple[str, list[LandedFile]]]:
    query = (
        sa.select(
            Artifact.id,
            Artifact.run_id,
            Artifact.kind,
            Artifact.path,
            Artifact.sha256,
            Artifact.num_rows,
            Artifact.shard_id,
            Run.out,
            Stage.kind.label("stage_kind"),
        )
        .join(Run, Run.id == Artifact.run_id)
        .outerjoin(Shard, Shard.id == Artifact.shard_id)
        .outerjoin(Stage, Stage.id == Shard.stage_id)
        .order_by(Artifact.id)
    )
    folders: dict[str, list[LandedFile]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            file = LandedFile(
                id=row.id,
                run_id=row.run_id,
                kind=row.kind,
                path=Path(row.out) / row.path,
                sha256=row.sha256,
                num_rows=row.num_rows,
                shard_id=row.shard_id,
                stage_kind=row.stage_kind,
            )
            folders.setdefault(row.out, []).append(file)
    return list(folders.items())


def _by_run(files: Sequence[LandedFile]) -> list[list[LandedFile]]:
    runs: dict[str, list[LandedFile]] = {}
    for file in files:
        runs.setdefault(file.run_id, []).append(file)
    return list(runs.values())


def _check_whole(file: LandedFile) -> Finding | None:
    if not file.path.is_file():
        return Finding("file_missing", str(file.path), f"{file.num_rows} {file.kind} rows", remedy=_remedy(file))
    if sha256_of(file.path) != file.sha256:
        return Finding("file_changed", str(file.path), "its SHA-256 is not the store's", remedy=_remedy(file))
    if file.path.suffix == ".parquet" and pq.read_metadata(file.path).num_rows != file.num_rows:
        detail = f"the store says {file.num_rows} rows"
        return Finding("file_changed", str(file.path), detail, remedy=_remedy(file))
    return None


def _remedy(file: LandedFile) -> str:
    if file.stage_kind in _REPEATABLE:
        return "repair, then run the command that made it again"
    return "run the command that made it again with --fresh"


def _forget(engine: sa.Engine, file: LandedFile, finding: Finding) -> Finding:
    """Takes a lost file's rows out of the store and makes its shard pending; rows that were made from it go too."""
    if file.shard_id is None or file.stage_kind not in _REPEATABLE:
        return finding
    with engine.begin() as connection:
        stage_id = connection.execute(sa.select(Shard.stage_id).where(Shard.id == file.shard_id)).scalar_one()
        connection.execute(sa.delete(Artifact).where(Artifact.shard_id == file.shard_id))
        connection.execute(
            sa.update(Shard)
            .where(Shard.id == file.shard_id)
            .values(status="pending", attempts=0, worker=None, lease_expires_at=None, counts={})
        )
        connection.execute(sa.update(Stage).where(Stage.id == stage_id).values(status="running"))
    file.path.unlink(missing_ok=True)
    return replace(finding, repaired=True, remedy="run the command that made it again")


def _check_selections(engine: sa.Engine, files: Sequence[LandedFile]) -> Iterator[Finding]:
    for file in files:
        if file.kind != "selection":
            continue
        columns = ["selection_id", "generation_id", "role", "rank"]
        rows = {tuple(row.values()) for row in pq.read_table(file.path, columns=columns).to_pylist()}
        query = sa.select(*(SelectionItem.__table__.c[name] for name in columns)).where(
            SelectionItem.selection_id.in_(sorted({row[0] for row in rows}))
        )
        with reading(engine) as connection:
            items = {tuple(row) for row in connection.execute(query)}
        if items != rows:
            detail = f"the file has {len(rows)} items, the store {len(items)}; {len(items ^ rows)} differ"
            yield Finding("selection_differs", str(file.path), detail, remedy="run `tamis select` again")


def _check_shards(engine: sa.Engine, *, repair: bool) -> Iterator[Finding]:
    """Finds done shards that should have a file and have none, and stages that count other shards than they have."""
    query = (
        sa.select(
            Shard.id, Shard.number, Shard.counts, Stage.id.label("stage_id"), Stage.name, Stage.kind, Stage.run_id
        )
        .join(Stage, Stage.id == Shard.stage_id)
        .outerjoin(Artifact, Artifact.shard_id == Shard.id)
        .where(Shard.status == "done", Stage.kind.in_(_REPEATABLE), Artifact.id.is_(None))
    )
    with reading(engine) as connection:
        bare = [row for row in connection.execute(query) if any(row.counts.get(kind) for kind in KINDS)]
    for row in bare:
        if repair:
            with engine.begin() as connection:
                connection.execute(
                    sa.update(Shard)
                    .where(Shard.id == row.id)
                    .values(status="pending", attempts=0, worker=None, counts={})
                )
                connection.execute(sa.update(Stage).where(Stage.id == row.stage_id).values(status="running"))
        subject = f"shard {row.number} of {row.name} of run {row.run_id}"
        detail = f"is done with {dict(row.counts)}, and has no file"
        yield Finding("shard_without_file", subject, detail, repaired=repair, remedy="run its command again")
    counted = sa.func.count(Shard.id)
    stages = (
        sa.select(Stage.id, Stage.name, Stage.run_id, Stage.num_shards, counted)
        .outerjoin(Shard, Shard.stage_id == Stage.id)
        .where(Stage.kind.in_(_REPEATABLE))
        .group_by(Stage.id, Stage.name, Stage.run_id, Stage.num_shards)
        .having(counted != Stage.num_shards)
    )
    with reading(engine) as connection:
        differing = connection.execute(stages).all()
    for stage_id, name, run_id, said, there in differing:
        if repair:
            with engine.begin() as connection:
                connection.execute(sa.update(Stage).where(Stage.id == stage_id).values(num_shards=there))
        yield Finding("shard_count", f"{name} of run {run_id}", f"says {said} shards, has {there}", repaired=repair)


def _check_orphans(engine: sa.Engine, away: set[str], *, repair: bool) -> Iterator[Finding]:
    with reading(engine) as connection:
        folders = sorted(set(connection.execute(sa.select(Run.out)).scalars()) - away)
    for out in folders:
        suspects = list(_unnamed(Path(out), _paths_of(engine, out)))
        if not suspects:
            continue
        if repair:
            suspects = _delete_orphans(engine, out)
        for path in suspects:
            yield Finding("orphan_file", str(path), "no row of the store names it", repaired=repair)


def _delete_orphans(engine: sa.Engine, out: str) -> list[Path]:
    """Deletes what no row names while no landing can commit: each has either its row by now, or will find its file gone."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE artifacts IN SHARE ROW EXCLUSIVE MODE"))
        orphans = list(_unnamed(Path(out), _paths_in(connection, out)))
        for path in orphans:
            path.unlink(missing_ok=True)
    return orphans


def _paths_of(engine: sa.Engine, out: str) -> set[Path]:
    with reading(engine) as connection:
        return _paths_in(connection, out)


def _paths_in(connection: sa.Connection, out: str) -> set[Path]:
    query = sa.select(Artifact.path).join(Run, Run.id == Artifact.run_id).where(Run.out == out)
    return {Path(out) / path for path in connection.execute(query).scalars()}


def _unnamed(out: Path, named: set[Path]) -> Iterator[Path]:
    for folder in _LANDING_FOLDERS:
        for path in sorted((out / folder).glob("*")) if (out / folder).is_dir() else ():
            if path.name.startswith(TEMPORARY_PREFIX):
                # It may be under a writer's hands; none takes this long over one file.
                if time.time() - path.stat().st_mtime > _TEMPORARY_AGE_SECONDS:
                    yield path
            elif path not in named and _LANDED_NAME.fullmatch(path.name):
                yield path
