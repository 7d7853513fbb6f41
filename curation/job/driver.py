"""Runs the curation job: plan, lock, stages, manifest. The one door of this package for commands.

Touches the run's folder ``<out>/curate``; the work on documents is done by the stages in worker processes.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from curation.job import lock
from curation.job.layout import INDEX, OUTPUTS, Layout
from curation.job.ledger import Ledger
from curation.job.manifest import Manifest, load_manifest, save_manifest
from curation.job.pipelines import Runtime
from curation.job.plan import Plan, load_plan, make_plan, refusal, save_plan
from curation.job.segment_stages import add_segment, check_added
from curation.job.stages import LOCAL_SHUFFLE_BYTES, Chain, Progress, Stage, run_stage
from curation.job.summary import summarise
from schemas.errors import ResumableError, UserError
from schemas.failpoints import failpoint
from schemas.files import remove_temporaries
from schemas.recipe import CurateRecipe
from schemas.storage import Location, check_access, remove_tree

RUN_FOLDER = "curate"
#: Between two looks at the markers of a run in an object store.
_REMOTE_POLL_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


def plan_job(recipe: CurateRecipe, base: Path, *, limit: int | None = None) -> Plan:
    """Makes the plan of a job and writes nothing. See `curation.job.plan.make_plan` for arguments and errors."""
    return make_plan(recipe, base, limit)


def run_job(
    recipe: CurateRecipe,
    base: Path,
    out: Location,
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
        out: the work's folder, local or ``s3://``; the run stands in ``<out>/curate``.
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
            without `fresh`, two documents with one id, or a signature index that does not fit or was added to meanwhile.
        ResumableError: the work stopped on the way; the same call goes on.
    """
    runtime = Runtime.make(beam_options, num_workers, Layout(out / RUN_FOLDER).logs)
    check_access(out)
    plan = make_plan(recipe, base, limit)
    layout = Layout(out / RUN_FOLDER, plan.run_id)
    with lock.hold(layout.lock) as check_lock, runtime.nursery:
        warnings = _take_up(layout, plan, fresh=fresh)
        manifest = load_manifest(layout.manifest)
        if manifest is None:
            manifest = _Run(layout, plan, runtime, max_bad, on_progress, check_lock).finish(warnings)
        else:
            check_added(plan)
        _clean(layout, manifest, keep_intermediate=keep_intermediate)
        return manifest


def _take_up(layout: Layout, plan: Plan, *, fresh: bool) -> list[str]:
    """Readies the run's folder: empty, or with an earlier command's part of the same work. Gives what looks wrong."""
    old = load_plan(layout.plan)
    warnings = []
    if fresh or old is None:
        # A plan that cannot be read is none; what it left would only be in the way.
        clear(layout)
    elif old.run_id != plan.run_id:
        raise refusal(old, plan, layout.root)
    elif old.code_version != plan.code_version:
        warnings.append(
            f"begun by version {old.code_version}, taken up by {plan.code_version}: --fresh would start over"
        )
        _LOG.warning("%s: %s", layout.root, warnings[0])
    if not layout.manifest.exists():
        remove_temporaries(layout.root)
        save_plan(layout.plan, plan)
        failpoint("curate.after_plan")
    return warnings


def clear(layout: Layout) -> None:
    """Removes a run but for its lock. The manifest goes first: without it nobody takes the rest for a result."""
    layout.manifest.unlink(missing_ok=True)
    layout.plan.unlink(missing_ok=True)
    for folder in (layout.stages, layout.logs, *(layout.root / name for name in OUTPUTS)):
        remove_tree(folder)


def _clean(layout: Layout, manifest: Manifest, *, keep_intermediate: bool) -> None:
    """Removes intermediate files, and output files that a killed worker left without a marker."""
    listed = {item.path for item in manifest.artifacts}
    for kind in OUTPUTS:
        for path in (layout.root / kind).glob("*"):
            if f"{kind}/{path.name}" not in listed:
                path.unlink(missing_ok=True)
    if not keep_intermediate:
        remove_tree(layout.stages)
        remove_tree(layout.logs)


class _Run:
    """One command's work on a run."""

    def __init__(
        self,
        layout: Layout,
        plan: Plan,
        runtime: Runtime,
        max_bad: int | None,
        on_progress: Callable[[Progress], None] | None,
        check_lock: Callable[[], None],
    ) -> None:
        self._layout = layout
        self._plan = plan
        self._runtime = runtime
        self._max_bad = max_bad
        self._tell = on_progress or (lambda _progress: None)
        self._check_lock = check_lock
        self._ledger = Ledger(layout)
        self._asked = -math.inf
        self._told: Progress | None = None

    def finish(self, warnings: list[str]) -> Manifest:
        """Brings every stage to its end and writes the manifest."""
        started, clock = datetime.now(UTC), time.monotonic()
        chain = Chain(self._plan, self._layout, LOCAL_SHUFFLE_BYTES if self._runtime.is_local else None)
        stages = []
        for stage in chain.stages():
            stages.append(stage)
            self._report(stage)
            run_stage(stage, self._layout, self._runtime, partial(self._poll, stage))
            self._report(stage)
        self._refuse_twins()
        add_segment(self._plan, chain.files())
        failpoint("curate.before_manifest")
        self._check_lock()
        seconds = time.monotonic() - clock
        manifest = summarise(self._plan, self._layout, self._ledger, stages, started, seconds, warnings)
        save_manifest(self._layout.manifest, manifest)
        failpoint("curate.after_manifest")
        return manifest

    def _poll(self, stage: Stage) -> None:
        """Reports while a pipeline runs. An object store is asked less often: it lists for money."""
        if isinstance(self._layout.root, Path) or time.monotonic() - self._asked > _REMOTE_POLL_SECONDS:
            self._asked = time.monotonic()
            self._report(stage)

    def _report(self, stage: Stage) -> None:
        self._check_lock()
        done = self._ledger.refresh(stage.units)
        progress = Progress(stage.name, done, stage.total, self._ledger.documents, self._ledger.bytes)
        if progress == self._told:
            return
        self._told = progress
        self._tell(progress)
        if self._max_bad is not None and self._ledger.faults > self._max_bad:
            folder = self._layout.root / "quarantine"
            raise ResumableError(
                f"{self._ledger.faults} rows are quarantined, --max-bad is {self._max_bad}; see {folder}"
            )

    def _refuse_twins(self) -> None:
        twins = [twin for marker in self._ledger.markers(INDEX) for twin in marker["twins"]]
        if twins:
            document, one, other = twins[0]
            more = f" ({len(twins) - 1} more such ids)" if len(twins) > 1 else ""
            raise UserError(f"{self._layout.root}: {one} and {other} have the same id {document}{more}")
