"""Makes the manifest of a finished run from its plan and its markers. Reads the head of the quarantine files, writes nothing."""

from datetime import UTC, datetime

from curation.job.funnel import funnel_warnings, make_funnel
from curation.job.layout import INDEX, MEASURE, WRITE, Layout
from curation.job.ledger import Ledger
from curation.job.manifest import QUARANTINE_HEAD, Artifact, Manifest, StageReport
from curation.job.plan import Plan
from curation.job.stages import Stage
from curation.job.tally import Tally
from schemas.files import read_parquet

#: Which parts of a stage's markers stay when the run is over.
_LEFT = {
    MEASURE: ("rejects", "quarantine", "contamination"),
    WRITE: ("kept", "rejects", "duplicates", "cuts"),
    INDEX: ("index",),
}
#: Steps that are right to remove about nothing.
_SERVING = ("extract", "language", "decontaminate", "pii")
_COUNTED = ("rows", "compared", "moved")


def summarise(
    plan: Plan,
    layout: Layout,
    ledger: Ledger,
    stages: list[Stage],
    started: datetime,
    seconds: float,
    warnings: list[str],
) -> Manifest:
    """Makes the manifest.

    Args:
        plan: the run's plan.
        layout: its folders.
        ledger: has seen every marker.
        stages: in their order.
        started: when the command began.
        seconds: how long it took.
        warnings: what looked wrong on the way.
    """
    tally = ledger.tally(MEASURE)
    tally.merge(ledger.tally(WRITE).tree)
    tree = tally.tree
    funnel = make_funnel([step.title for step in plan.recipe.steps], tally)
    artifacts = _artifacts(ledger)
    serving = {step.title for step in plan.recipe.steps if step.kind in _SERVING}
    nothing = [] if tree.get("kept") else ["no document was kept"]
    return Manifest(
        run_id=plan.run_id,
        name=plan.recipe.name,
        code_version=plan.code_version,
        recipe=plan.recipe.model_dump(mode="json"),
        limit=plan.limit,
        inputs=_inputs(plan),
        skipped=_skipped(plan, tree.get("reading", {})),
        read=tree.get("read", {}),
        kept=tree.get("kept", {}),
        funnel=funnel,
        stats={name: tree.get(name, {}) for name in ("lengths", "languages", "histograms", "cuts")},
        stages=[_stage_report(stage, ledger) for stage in stages],
        artifacts=artifacts,
        quarantined=sum(item.rows for item in artifacts if item.kind == "quarantine"),
        quarantine_head=_quarantine_head(layout, artifacts),
        warnings=[*warnings, *funnel_warnings(funnel, serving), *nothing],
        started_at=started.isoformat(timespec="seconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
    )


def _inputs(plan: Plan) -> dict[str, dict[str, int]]:
    inputs = Tally()
    for item in plan.inputs:
        inputs.add(1, item.source, "files")
        inputs.add(item.bytes, item.source, "bytes")
    return inputs.tree


def _skipped(plan: Plan, reading: dict[str, int]) -> dict[str, int]:
    skipped = Tally(plan.skipped)
    skipped.merge({name: count for name, count in reading.items() if name.startswith("skipped_")})
    return skipped.tree


def _artifacts(ledger: Ledger) -> list[Artifact]:
    """Lists what the run leaves, from the markers alone: a file that no marker names is not there."""
    found = []
    for folder, kinds in _LEFT.items():
        for marker in ledger.markers(folder):
            parts = ((kind, marker["parts"][kind]) for kind in kinds)
            found += [
                Artifact(kind, f"{kind}/{part['name']}", part["sha256"], part["rows"], part["bytes"])
                for kind, part in parts
                if part
            ]
    return sorted(found, key=lambda item: item.path)


def _stage_report(stage: Stage, ledger: Ledger) -> StageReport:
    markers = [marker for unit in stage.units for marker in ledger.markers(unit.folder)]
    counts = {name: sum(marker.get(name, 0) for marker in markers) for name in _COUNTED}
    counts = {name: count for name, count in counts.items() if count or name == "rows"}
    pids = sorted({marker["pid"] for marker in markers})
    seconds = round(sum(marker["seconds"] for marker in markers), 3)
    return StageReport(stage.name, stage.kind, stage.total, counts, pids, seconds)


def _quarantine_head(layout: Layout, artifacts: list[Artifact]) -> list[dict[str, str]]:
    head: list[dict[str, str]] = []
    for item in artifacts:
        if item.kind == "quarantine" and len(head) < QUARANTINE_HEAD:
            head += read_parquet(layout.root / item.path).slice(0, QUARANTINE_HEAD - len(head)).to_pylist()
    return head
