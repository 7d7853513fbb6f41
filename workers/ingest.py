"""Brings a finished curation into the store: the manifest's run, stages, shards and files become rows.

Beam workers write no SQL; the command calls this once the manifest is there, and may call it again. Touches the store only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from schemas.storage import Location
from schemas.tables import Artifact, Run, Shard, Stage

#: A curation's own folder below `--out`, which its manifest's paths are relative to.
FOLDER = "curate"


def ingest_curation(engine: sa.Engine, manifest: Mapping[str, Any], out: Location) -> str:
    """Makes the store say what the manifest says, in one transaction; the same manifest again changes nothing.

    Args:
        engine: the store.
        manifest: `curation.job.manifest.Manifest.to_json()`.
        out: the `--out` folder or URL, which holds `curate/`.

    Returns:
        The run's id.
    """
    run_id: str = manifest["run_id"]
    run = _run_row(manifest, out)
    with engine.begin() as connection:
        # What stood in this folder before (another recipe, with --fresh) is gone from it.
        connection.execute(sa.delete(Run).where(Run.kind == run["kind"], Run.out == run["out"], Run.id != run_id))
        if connection.execute(sa.select(Run.id).where(Run.id == run_id).with_for_update()).scalar() is None:
            connection.execute(sa.insert(Run).values(run))
        else:
            connection.execute(sa.update(Run).where(Run.id == run_id).values(run))
        if _landed(connection, run_id) == {_facts(item) for item in manifest["artifacts"]}:
            return run_id
        connection.execute(sa.delete(Artifact).where(Artifact.run_id == run_id))
        connection.execute(sa.delete(Stage).where(Stage.run_id == run_id))
        _insert_stages(connection, run_id, manifest["stages"])
        files = [
            {
                "run_id": run_id,
                "shard_id": None,
                "kind": item["kind"],
                "path": f"{FOLDER}/{item['path']}",
                "sha256": item["sha256"],
                "num_rows": item["rows"],
                "num_bytes": item["bytes"],
            }
            for item in manifest["artifacts"]
        ]
        if files:
            connection.execute(sa.insert(Artifact), files)
    return run_id


def _run_row(manifest: Mapping[str, Any], out: Location) -> dict[str, Any]:
    totals = {name: _total(manifest[name]) for name in ("read", "kept")}
    funnel = {
        item["step"]: {"in": item["documents_in"], "rejected": item["documents_rejected"]}
        for item in manifest["funnel"]
    }
    return {
        "id": manifest["run_id"],
        "kind": "curate",
        "name": manifest["name"],
        "out": str(out.resolve()),
        "recipe": manifest["recipe"],
        "inputs": [{"source": source, **numbers} for source, numbers in sorted(manifest["inputs"].items())],
        "code_version": manifest["code_version"],
        "status": "done",
        "counts": {**totals, "funnel": funnel, "quarantined": manifest["quarantined"]},
        "started_at": datetime.fromisoformat(manifest["started_at"]),
        "finished_at": datetime.fromisoformat(manifest["finished_at"]),
    }


def _total(by_source: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {unit: sum(item[unit] for item in by_source.values()) for unit in ("documents", "bytes")}


def _facts(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return (item["kind"], f"{FOLDER}/{item['path']}", item["sha256"])


def _landed(connection: sa.Connection, run_id: str) -> set[tuple[str, str, str]]:
    query = sa.select(Artifact.kind, Artifact.path, Artifact.sha256).where(Artifact.run_id == run_id)
    return {(row.kind, row.path, row.sha256) for row in connection.execute(query)}


def _insert_stages(connection: sa.Connection, run_id: str, stages: Sequence[Mapping[str, Any]]) -> None:
    for ordinal, item in enumerate(stages):
        stage_id = connection.execute(
            sa.insert(Stage)
            .values(
                run_id=run_id,
                ordinal=ordinal,
                name=item["name"],
                kind=item["kind"],
                num_shards=item["num_shards"],
                status="done",
                counts={**item["counts"], "seconds": item["seconds"]},
            )
            .returning(Stage.id)
        ).scalar_one()
        shards = [
            {"stage_id": stage_id, "number": number, "status": "done", "payload": {}, "attempts": 1, "counts": {}}
            for number in range(item["num_shards"])
        ]
        if shards:
            connection.execute(sa.insert(Shard), shards)
