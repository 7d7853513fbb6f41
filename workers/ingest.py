"""Brings a curation's manifest into the store: its run, stages, shards and files. Beam workers write no SQL; this does, afterwards.

Touches the store only. Documents get no rows: they are found through the run's own index files.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.tables import Artifact, Run, Shard, Stage

_KIND = "curate"


def ingest_curation(engine: sa.Engine, manifest: Mapping[str, Any], folder: Path) -> None:
    """Makes the store's rows for a finished curation, in one transaction; the same manifest again changes nothing.

    A run that stood in the same folder before (another recipe, with `--fresh`) is forgotten: its files are gone.

    Args:
        engine: the store.
        manifest: as `curation.job.manifest.Manifest.to_json` gives it.
        folder: the run's folder, which the manifest's paths are relative to.
    """
    out = str(folder.resolve())
    with engine.begin() as connection:
        known = connection.execute(sa.select(Run.started_at, Run.status).where(Run.id == manifest["run_id"])).one_or_none()
        if known is not None and known.status == "done" and _same_files(connection, manifest, out):
            return
        connection.execute(sa.delete(Run).where(Run.kind == _KIND, Run.out == out))
        connection.execute(sa.delete(Run).where(Run.id == manifest["run_id"]))
        connection.execute(sa.insert(Run).values(_run_row(manifest, out)))
        for ordinal, stage in enumerate(manifest["stages"]):
            _insert_stage(connection, manifest["run_id"], ordinal, stage)
        if manifest["artifacts"]:
            connection.execute(sa.insert(Artifact), [_artifact_row(manifest["run_id"], item) for item in manifest["artifacts"]])


def _same_files(connection: sa.Connection, manifest: Mapping[str, Any], out: str) -> bool:
    rows = connection.execute(
        sa.select(Artifact.path, Artifact.sha256)
        .join(Run, Run.id == Artifact.run_id)
        .where(Run.id == manifest["run_id"], Run.out == out)
    )
    return {(path, sha256) for path, sha256 in rows} == {(item["path"], item["sha256"]) for item in manifest["artifacts"]}


def _run_row(manifest: Mapping[str, Any], out: str) -> dict[str, Any]:
    return {
        "id": manifest["run_id"],
        "kind": _KIND,
        "name": manifest["name"],
        "out": out,
        "recipe": manifest["recipe"],
        "inputs": [{"source": source, **numbers} for source, numbers in sorted(manifest["inputs"].items())],
        "code_version": manifest["code_version"],
        "status": "done",
        "counts": {"read": manifest["read"], "kept": manifest["kept"], "quarantined": manifest["quarantined"]},
        "started_at": datetime.fromisoformat(manifest["started_at"]),
        "finished_at": datetime.fromisoformat(manifest["finished_at"]),
    }


def _insert_stage(connection: sa.Connection, run_id: str, ordinal: int, stage: Mapping[str, Any]) -> None:
    row = {
        "run_id": run_id,
        "ordinal": ordinal,
        "name": stage["name"],
        "kind": stage["kind"],
        "num_shards": stage["num_shards"],
        "status": "done",
        "counts": stage["counts"],
    }
    stage_id = connection.execute(sa.insert(Stage).values(row).returning(Stage.id)).scalar_one()
    shards = [
        {"stage_id": stage_id, "number": number, "status": "done", "payload": {}, "attempts": 1, "counts": {}}
        for number in range(stage["num_shards"])
    ]
    if shards:
        connection.execute(sa.insert(Shard), shards)


def _artifact_row(run_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "shard_id": None,
        "kind": item["kind"],
        "path": item["path"],
        "sha256": item["sha256"],
        "num_rows": item["rows"],
        "num_bytes": item["bytes"],
    }
