"""A curation's manifest becomes rows, once; the check holds its files and its index to them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from curation.job.manifest import Artifact as ManifestArtifact
from curation.job.manifest import FunnelStep, Manifest, StageReport
from schemas.arrow import DOCUMENTS, INDEX, REJECTS
from schemas.files import write_part
from schemas.store import open_store, reading
from schemas.tables import Artifact, Run, Shard, Stage
from workers.check import check_store
from workers.ingest import ingest_curation


@pytest.fixture
def engine(store_url: str) -> sa.Engine:
    return open_store(store_url)


def documents(schema: pa.Schema, ids: list[str]) -> pa.Table:
    blank: dict[str, Any] = {
        "text": "x",
        "source": "web",
        "meta": "{}",
        "step": "gopher_quality",
        "reasons": ["too_few_words"],
    }
    return pa.Table.from_pylist(
        [{**{name: blank.get(name) for name in schema.names}, "id": key} for key in ids], schema=schema
    )


def make_manifest(out: Path, **changes: Any) -> dict[str, Any]:
    curate = out / "curate"
    kept = write_part(curate / "kept", "part-00000", documents(DOCUMENTS, ["a", "c", "e"]))
    rejects = write_part(curate / "rejects", "part-00000", documents(REJECTS, ["b", "d"]))
    places = [
        ("a", "kept", kept.name, 0),
        ("b", "gopher_quality", rejects.name, 0),
        ("c", "kept", kept.name, 1),
        ("d", "gopher_quality", rejects.name, 1),
        ("e", "kept", kept.name, 2),
    ]
    index = [
        {"id": key, "outcome": outcome, "file": f"{'kept' if outcome == 'kept' else 'rejects'}/{name}", "row": row}
        for key, outcome, name, row in places
    ]
    part = write_part(curate / "index", "part-00000", pa.Table.from_pylist(index, schema=INDEX))
    parts = {"kept": kept, "rejects": rejects, "index": part}
    manifest = Manifest(
        run_id="run-1",
        name="made",
        code_version="1",
        recipe={"name": "made"},
        limit=None,
        inputs={"web": {"files": 1, "bytes": 10}},
        skipped={},
        read={"web": {"documents": 5, "bytes": 5}},
        kept={"web": {"documents": 3, "bytes": 3}},
        funnel=[FunnelStep("gopher_quality", 5, 5, 2, 2, {}, {})],
        stats={},
        stages=[
            StageReport("01-measure", "map", 3, {"documents": 5}, [1, 2], 0.5),
            StageReport("03-buckets", "shuffle", 2, {}, [1], 0.1),
        ],
        artifacts=[
            ManifestArtifact(kind, f"{kind}/{item.name}", item.sha256, item.rows, item.bytes)
            for kind, item in parts.items()
        ],
        quarantined=0,
        quarantine_head=[],
        warnings=[],
        started_at="2026-01-02T03:04:05+00:00",
        finished_at="2026-01-02T03:05:05+00:00",
        seconds=60.0,
    )
    return json.loads(json.dumps({**manifest.to_json(), **changes}))


def test_a_manifest_becomes_rows_once(engine: sa.Engine, tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path)
    assert ingest_curation(engine, manifest, tmp_path) == "run-1"

    def everything() -> list[Any]:
        with reading(engine) as connection:
            tables = (Run, Stage, Shard, Artifact)
            return [connection.execute(sa.select(*table.__table__.c).order_by(table.id)).all() for table in tables]

    before = everything()
    assert [len(rows) for rows in before] == [1, 2, 5, 3]
    assert before[0][0].counts["kept"] == {"documents": 3, "bytes": 3}
    ingest_curation(engine, manifest, tmp_path)
    assert everything() == before
    assert check_store(engine) == []


def test_a_fresh_run_takes_the_place_of_the_old(engine: sa.Engine, tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path)
    ingest_curation(engine, manifest, tmp_path)
    ingest_curation(
        engine, {**manifest, "artifacts": manifest["artifacts"][:1], "stages": manifest["stages"][:1]}, tmp_path
    )
    with reading(engine) as connection:
        counts = [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (Stage, Shard, Artifact)
        ]
    assert counts == [1, 3, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda rows: [{**row, "row": 2 - row["row"]} if row["file"].startswith("kept") else row for row in rows],
            "are not those",
        ),
        (lambda rows: rows[:-1], "the index has 2 rows for its 3 documents"),
        (lambda rows: [{**row, "row": row["row"] + 1} for row in rows], "rows beyond its end"),
        (lambda rows: [row for row in rows if row["outcome"] == "kept"], "none of its 2 documents is in the index"),
        (lambda rows: [{**row, "file": "kept/other.parquet"} for row in rows], "names a file that has not landed"),
    ],
)
def test_an_index_that_differs_is_found(engine: sa.Engine, tmp_path: Path, change: Any, message: str) -> None:
    manifest = make_manifest(tmp_path)
    item = next(item for item in manifest["artifacts"] if item["kind"] == "index")
    rows = pq.read_table(tmp_path / "curate" / item["path"]).to_pylist()
    part = write_part(tmp_path / "curate" / "index", "part-00000", pa.Table.from_pylist(change(rows), schema=INDEX))
    item.update(path=f"index/{part.name}", sha256=part.sha256, rows=part.rows, bytes=part.bytes)
    ingest_curation(engine, manifest, tmp_path)
    findings = check_store(engine)
    assert {finding.kind for finding in findings} == {"index_differs"}
    assert message in " ".join(finding.detail for finding in findings)
