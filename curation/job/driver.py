"""Runs the curation job: plan, lock, stages, manifest. The one door of this package for commands.

Touches the run's folder ``<out>/curate``; the work on documents is done by the stages in worker processes.
"""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curation.job import lock
from curation.job.layout import INDEX, MEASURE, OUTPUTS, WRITE, Layout
from curation.job.manifest import (
    QUARANTINE_HEAD,
    Artifact,
    Manifest,
    StageReport,
    funnel_warnings,
    load_manifest,
    make_funnel,
    save_manifest,
)
from curation.job.pipelines import Runtime
from curation.job.plan import Plan, load_plan, make_plan, refusal, save_plan
from curation.job.stages import LOCAL_SHUFFLE_BYTES, Chain, Progress, Stage, run_stage
from curation.job.tally import Tally
from schemas.errors import ResumableError, UserError
from schemas.failpoints import failpoint
from schemas.files import remove_temporaries
from schemas.recipe import CurateRecipe

RUN_FOLDER = "curate"
_LOG = logging.getLogger(__name__)


def plan_job(recipe: CurateRecipe, base: Path, *, limit: int | None = None) -> Plan:
    """Makes the plan of a job and writes nothing. See `curation.job.plan.make_plan` for arguments and errors."""
    return make_plan(recipe, base, limit)


def run_job(
    recipe: CurateRecipe,
    base: Path,
    out: Path,
    *,
    fresh: bool = False,
    limit: int | None = None,
    max_bad: int | None = None,
    beam_options: Sequence[str] = (),
    num_workers: int | None = None,
    keep_intermediate: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Runs a curation job, or takes it up where an earlier command left it.

    Args:
        recipe: the validated recipe.
        base: folder that relative input paths start from.
        out: the work's folder; the run stands in ``<out>/curate``.
        fresh: throw away an earlier run first.
        limit: read at most this many documents; each shard an equal share of them.
        max_bad: stop when more rows than this are quarantined; None for never.
        beam_options: ordinary Beam options, for example ``--runner=FlinkRunner``.
        num_workers: worker processes on this machine; None for all cores.
        keep_intermediate: leave the stages' files for inspection.
        on_progress: is told about progress, from this thread, at least once a stage.

    Returns:
        The manifest, also of a run that was finished before. It lists what was quarantined and what looks wrong.

    Raises:
        UserError: bad inputs or options, another command that works here, an earlier run of another recipe or other inputs
            without `fresh`, or two documents with one id.
        ResumableError: the work stopped on the way; the same call goes on.
    """
    runtime = Runtime.make(beam_options, num_workers, out / RUN_FOLDER / "logs")
    plan = make_plan(recipe, base, limit)
    layout = Layout(out / RUN_FOLDER, plan.run_id)
    with lock.hold(layout.lock), runtime.nursery:
        finished = _take_up(layout, plan, fresh=fresh)
        if finished is not None:
            return finished
        return _Run(layout, plan, runtime, max_bad, on_progress).finish(keep_intermediate=keep_intermediate)


def _take_up(layout: Layout, plan: Plan, *, fresh: bool) -> Manifest | None:
    """Readies the run's folder; gives the manifest if the run is done."""
    old = load_plan(layout.plan)
    if fresh or old is None:
        # A plan that cannot be read is none; what it left would only be in the way.
        clear(layout)
    elif old.run_id != plan.run_id:
        raise refusal(old, plan, layout.root)
    elif old.code_version != plan.code_version:
        _LOG.warning(
            "this run was begun by version %s, this is %s: use --fresh to start over",
            old.code_version,
            plan.code_version,
        )
    manifest = load_manifest(layout.manifest)
    if manifest is not None and manifest.run_id == plan.run_id:
        return manifest
    remove_temporaries(layout.root)
    save_plan(layout.plan, plan)
    failpoint("curate.after_plan")
    return None


def clear(layout: Layout) -> None:
    """Removes a run but for its lock. The manifest goes first: without it nobody takes the rest for a result."""
    layout.manifest.unlink(missing_ok=True)
    layout.plan.unlink(missing_ok=True)
    for folder in (layout.stages, layout.logs, *(layout.root / name for name in OUTPUTS)):
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """One command's work on a run."""

    def __init__(
        self,
        layout: Layout,
        plan: Plan,
        runtime: Runtime,
        max_bad: int | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._layout = layout
        self._plan = plan
        self._runtime = runtime
        self._max_bad = max_bad
        self._tell = on_progress or (lambda _progress: None)
        self._chain = Chain(plan, layout, LOCAL_SHUFFLE_BYTES if runtime.is_local else None)
        self._seen: dict[tuple[str, int], dict[str, Any]] = {}
        self._told: Progress | None = None

    def finish(self, *, keep_intermediate: bool) -> Manifest:
        """Brings every stage to its end and writes the manifest."""
        started, clock = datetime.now(UTC), time.monotonic()
        stages = []
        for stage in self._chain.stages():
            stages.append(stage)
            self._report(stage)
            run_stage(stage, self._layout, self._runtime, partial(self._report, stage))
            self._report(stage)
        self._refuse_twins()
        failpoint("curate.before_manifest")
        manifest = self._manifest(stages, started, time.monotonic() - clock)
        save_manifest(self._layout.manifest, manifest)
        failpoint("curate.after_manifest")
        self._clean(manifest, keep_intermediate=keep_intermediate)
        return manifest

    def _markers(self, stage: Stage) -> list[dict[str, Any]]:
        """Gives the stage's markers that are there; each is read once."""
        found = []
        for unit in stage.units:
            for number in range(unit.total):
                key = (unit.folder, number)
                if key not in self._seen:
                    marker = self._layout.read_marker(unit.folder, number)
                    if marker is None:
                        continue
                    self._seen[key] = marker
                found.append(self._seen[key])
        return found

    def _report(self, stage: Stage) -> None:
        markers = self._markers(stage)
        tally = self._tally(MEASURE)
        read = tally.tree.get("read", {}).values()
        progress = Progress(
            stage.name,
            len(markers),
            stage.total,
            sum(item["documents"] for item in read),
            sum(item["bytes"] for item in read),
        )
        if progress != self._told:
            self._told = progress
            self._tell(progress)
            self._refuse_bad(_count_faults(tally))

    def _refuse_bad(self, faults: int) -> None:
        if self._max_bad is not None and faults > self._max_bad:
            raise ResumableError(
                f"{faults} rows are quarantined, --max-bad is {self._max_bad}; see {self._layout.root / 'quarantine'}"
            )

    def _tally(self, folder: str) -> Tally:
        tally = Tally()
        for (name, _), marker in self._seen.items():
            if name == folder:
                tally.merge(marker["tally"])
        return tally

    def _refuse_twins(self) -> None:
        twins = [
            twin for (folder, _), marker in sorted(self._seen.items()) if folder == INDEX for twin in marker["twins"]
        ]
        if twins:
            document, one, other = twins[0]
            places = f"{self._layout.root}: {one} and {other}"
            raise UserError(
                f"two documents have the id {document} ({places}); {len(twins)} such ids are named in {self._layout.stage(INDEX)}"
            )

    def _manifest(self, stages: list[Stage], started: datetime, seconds: float) -> Manifest:
        tally = self._tally(MEASURE)
        tally.merge(self._tally(WRITE).tree)
        funnel = make_funnel([step.title for step in self._plan.recipe.steps], tally)
        artifacts = self._artifacts()
        quarantined = sum(item.rows for item in artifacts if item.kind == "quarantine")
        warnings = funnel_warnings(funnel)
        if not tally.tree.get("kept"):
            warnings.append("no document was kept")
        inputs: Tally = Tally()
        for item in self._plan.inputs:
            inputs.add(1, item.source, "files")
            inputs.add(item.bytes, item.source, "bytes")
        skipped = Tally(self._plan.skipped)
        skipped.merge(
            {name: count for name, count in tally.tree.get("reading", {}).items() if name.startswith("skipped_")}
        )
        return Manifest(
            run_id=self._plan.run_id,
            name=self._plan.recipe.name,
            code_version=self._plan.code_version,
            recipe=self._plan.recipe.model_dump(mode="json"),
            limit=self._plan.limit,
            inputs=inputs.tree,
            skipped=skipped.tree,
            read=tally.tree.get("read", {}),
            kept=tally.tree.get("kept", {}),
            funnel=funnel,
            stats={"lengths": tally.tree.get("lengths", {}), "languages": tally.tree.get("languages", {})},
            stages=[self._stage_report(stage) for stage in stages],
            artifacts=artifacts,
            quarantined=quarantined,
            quarantine_head=self._quarantine_head(artifacts),
            warnings=warnings,
            started_at=started.isoformat(timespec="seconds"),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
        )

    def _stage_report(self, stage: Stage) -> StageReport:
        markers = self._markers(stage)
        counts = Tally()
        for marker in markers:
            for name in ("rows", "compared", "moved"):
                counts.add(marker.get(name, 0), name)
        kept = {name: count for name, count in counts.tree.items() if count or name == "rows"}
        pids = sorted({marker["pid"] for marker in markers})
        return StageReport(
            stage.name, stage.kind, stage.total, kept, pids, round(sum(marker["seconds"] for marker in markers), 3)
        )

    def _artifacts(self) -> list[Artifact]:
        """Lists what the run leaves, from the markers alone."""
        kinds = {MEASURE: ("rejects", "quarantine"), WRITE: ("kept", "rejects", "duplicates"), INDEX: ("index",)}
        found = []
        for (folder, _), marker in self._seen.items():
            for kind in kinds.get(folder, ()):
                part = marker["parts"][kind]
                if part is not None:
                    found.append(Artifact(kind, f"{kind}/{part['name']}", part["sha256"], part["rows"], part["bytes"]))
        return sorted(found, key=lambda item: item.path)

    def _quarantine_head(self, artifacts: list[Artifact]) -> list[dict[str, str]]:
        head: list[dict[str, str]] = []
        for item in artifacts:
            if item.kind == "quarantine" and len(head) < QUARANTINE_HEAD:
                head += pq.read_table(self._layout.root / item.path).slice(0, QUARANTINE_HEAD - len(head)).to_pylist()
        return head

    def _clean(self, manifest: Manifest, *, keep_intermediate: bool) -> None:
        """Removes intermediate files, and output files that a killed worker left without a marker."""
        listed = {item.path for item in manifest.artifacts}
        for kind in OUTPUTS:
            for path in (self._layout.root / kind).glob("*"):
                if f"{kind}/{path.name}" not in listed:
                    path.unlink()
        if not keep_intermediate:
            shutil.rmtree(self._layout.stages, ignore_errors=True)
            shutil.rmtree(self._layout.logs, ignore_errors=True)


def _count_faults(tally: Tally) -> int:
    return sum(count for stage in tally.tree.get("faults", {}).values() for count in stage.values())
