"""Runs an audit: blocks of generations are measured in processes, kept as they come, and added up in the order of the input.

Touches the files it is given and its own folder: `blocks/` while it runs (what is there is not measured again), then `samples.parquet`,
`quarantine.parquet`, `summary.json`, `audit.html`; `audit.json` says what the folder is for.
"""

import io
import json
import logging
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from curation.job.lock import hold
from schemas.arrow import QUARANTINE
from schemas.errors import ResumableError, UserError
from schemas.files import (
    PartWriter,
    open_part,
    read_json,
    remove_temporaries,
    sha256_of,
    write_bytes_durably,
    write_json_durably,
)
from schemas.version import code_version
from service.audit.measure import Measured
from service.audit.measurers import Measurers, measurers
from service.audit.model import SAMPLES, Settings
from service.audit.page import render_audit
from service.audit.prompts import Prompts
from service.audit.rows import Block, Fault, FilePlan, Reader, count_rows, plan_files
from service.audit.summary import Summary
from service.audit.worst import Worst, WorstSample, key_of

logger = logging.getLogger(__name__)

STATE_FILE: Final = "audit.json"
SUMMARY_FILE: Final = "summary.json"
PAGE_FILE: Final = "audit.html"
SAMPLES_FILE: Final = "samples.parquet"
QUARANTINE_FILE: Final = "quarantine.parquet"
#: Faults that a result and the page list; all stand in `quarantine.parquet`.
LISTED_FAULTS: Final = 20
_BLOCKS: Final = "blocks"
_FAULTS_KEY: Final = b"tamis.faults"

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class AuditPlan:
    """What an audit reads and by which settings."""

    files: Sequence[FilePlan]
    prompts: Prompts | None
    settings: Settings

    def to_json(self) -> dict[str, Any]:
        """Gives the plan as a JSON object."""
        return {
            "settings": self.settings.to_json(),
            "files": [plan.to_json() for plan in self.files],
            "prompts": [str(path) for path in self.prompts.files] if self.prompts else [],
        }

    def identity(self) -> dict[str, Any]:
        """Gives what must be the same for an audit to go on: settings and files by size and checksum."""
        named = [self.settings.lid_model, self.settings.words]
        paths = [
            *(plan.path for plan in self.files),
            *(self.prompts.files if self.prompts else ()),
            *filter(None, named),
        ]
        return {
            "settings": self.settings.to_json(),
            "inputs": [{"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in paths],
        }


@dataclass
class _Run:
    """An audit under way."""

    out: Path
    summary: Summary
    worst: Worst
    samples: PartWriter
    quarantine: PartWriter
    max_bad: int | None
    rows: int = 0
    bad: int = 0
    listed: list[Fault] = field(default_factory=list)

    def take(self, block: Block, measured: Measured) -> None:
        """Adds a measured block up and writes its rows."""
        self.rows += block.raw_rows
        faults = [
            *block.faults,
            *(Fault(block.rows[at].locator, error, block.rows[at].pointer) for at, error in measured.faults),
        ]
        self._quarantine(faults)
        self.summary.add(measured.batch)
        generations = {key_of(row.locator, row.id): row for row in block.rows}
        self.worst.add(measured.batch, generations)
        self.samples.write(measured.batch)

    def _quarantine(self, faults: Sequence[Fault]) -> None:
        if not faults:
            return
        self.bad += len(faults)
        self.listed += faults[: max(0, LISTED_FAULTS - len(self.listed))]
        rows = [
            {"locator": fault.locator, "source": "generations", "stage": "audit", "error": fault.error.encode("utf-8", "replace").decode(), "pointer": fault.pointer}
            for fault in faults
        ]  # fmt: skip
        self.quarantine.write(pa.RecordBatch.from_pylist(rows, QUARANTINE))
        if self.max_bad is not None and self.bad > self.max_bad:
            first = self.listed[0]
            raise ResumableError(
                f"{self.bad} bad rows, more than the {self.max_bad} allowed; the first: {first.locator}: {first.error}"
            )


def plan_audit(paths: Sequence[Path], prompts: Path | None, settings: Settings) -> AuditPlan:
    """Fits the files' columns and checks the settings; reads first rows only.

    Raises:
        UserError: what cannot be: a missing file or column, a model that is none.
    """
    files = plan_files(paths, settings)
    found = Prompts(prompts, settings.columns) if prompts is not None else None
    if found is not None and not any("prompt_id" in plan.own for plan in files):
        raise UserError(
            f"{paths[0]}: no column prompt_id, by which a row could name its prompt; --column prompt_id=COLUMN"
        )
    return AuditPlan(files, found, settings)


def run_audit(
    plan: AuditPlan, out: Path, *, workers: int, max_bad: int | None, fresh: bool, on_progress: OnProgress
) -> dict[str, Any]:
    """Runs the audit, or goes on with it, or finds that it is done; gives the content of `summary.json`.

    Raises:
        UserError: `out` holds another audit and `fresh` was not asked for, or somebody works there.
        ResumableError: more rows than `max_bad` are bad.
    """
    out.mkdir(parents=True, exist_ok=True)
    with hold(out / "audit.lock"):
        identity = plan.identity()
        if fresh:
            _clear(out)
        if _open(out, identity):
            summary: dict[str, Any] = read_json(out / SUMMARY_FILE)
            return summary
        remove_temporaries(out)
        return _measure_all(plan, out, identity, workers=workers, max_bad=max_bad, on_progress=on_progress)


def _open(out: Path, identity: Mapping[str, Any]) -> bool:
    """Says whether the folder's audit is done; begins one in a folder without."""
    try:
        state = read_json(out / STATE_FILE)
    except FileNotFoundError:
        write_json_durably(out / STATE_FILE, {**identity, "code_version": code_version(), "done": False})
        return False
    for what in ("settings", "inputs"):
        if state.get(what) != identity[what]:
            raise UserError(
                f"{out}: holds an audit of other {what}: {_changed(state.get(what), identity[what])}; give another --out, or --fresh"
            )
    if state["code_version"] != code_version():
        logger.warning("%s was begun by code version %s; this is %s", out, state["code_version"], code_version())
    return bool(state["done"])


def _changed(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        return ", ".join(
            f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in now if before.get(key) != now[key]
        )
    names = {entry["name"] for entry in [*(before or []), *now] if entry not in (before or []) or entry not in now}
    return ", ".join(sorted(names))


def _clear(out: Path) -> None:
    for name in (STATE_FILE, SUMMARY_FILE, PAGE_FILE, SAMPLES_FILE, QUARANTINE_FILE):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / _BLOCKS, ignore_errors=True)


def _measure_all(
    plan: AuditPlan,
    out: Path,
    identity: Mapping[str, Any],
    *,
    workers: int,
    max_bad: int | None,
    on_progress: OnProgress,
) -> dict[str, Any]:
    total = sum(count_rows(file.path) for file in plan.files)
    facts = plan.prompts.facts() if plan.prompts else {}
    reader = Reader(plan.files, facts, plan.settings)
    with (
        open_part(out, "samples", SAMPLES) as samples,
        open_part(out, "quarantine", QUARANTINE) as quarantine,
    ):
        run = _Run(out, Summary(), Worst(plan.settings.worst), samples, quarantine, max_bad)
        with measurers(workers, plan.settings) as pool:
            for block, measured in _measured(reader.blocks(), pool, out / _BLOCKS):
                run.take(block, measured)
                on_progress(min(run.rows, total), total, f"{run.bad} quarantined" if run.bad else "")
        on_progress(total, total, f"{run.bad} quarantined" if run.bad else "")
    (out / samples.part.name).replace(out / SAMPLES_FILE)
    (out / quarantine.part.name).replace(out / QUARANTINE_FILE)
    if 2 * run.bad > run.rows:
        logger.warning("%d of %d rows are bad; the first: %s: %s", run.bad, run.rows, *run.listed[0][:2])
    return _finish(plan, out, identity, run)


def _measured(blocks: Iterator[Block], pool: Measurers, folder: Path) -> Iterator[tuple[Block, Measured]]:
    """Gives every block with what it came to, in order; a few are under way at a time."""
    folder.mkdir(exist_ok=True)
    under_way: deque[tuple[Block, Measured | Future[Measured]]] = deque()

    def first() -> tuple[Block, Measured]:
        block, found = under_way.popleft()
        if isinstance(found, Future):
            found = pool.collect(block.rows, found)
            _keep(_part(folder, block), found)
        return block, found

    for block in blocks:
        under_way.append((block, _kept(_part(folder, block)) or pool.submit(block.rows)))
        if len(under_way) > 2 * pool.workers:
            yield first()
    while under_way:
        yield first()


def _part(folder: Path, block: Block) -> Path:
    return folder / f"block-{block.number:06d}.parquet"


def _keep(path: Path, measured: Measured) -> None:
    """Writes a block whole or not at all."""
    faults = json.dumps(measured.faults).encode()
    table = pa.Table.from_batches([measured.batch])
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**SAMPLES.metadata, _FAULTS_KEY: faults}), sink, compression="zstd")
    write_bytes_durably(path, sink.getvalue())


def _kept(path: Path) -> Measured | None:
    if not path.exists():
        return None
    table = pq.read_table(path)
    faults = [(int(at), str(error)) for at, error in json.loads(table.schema.metadata[_FAULTS_KEY])]
    rows = table.replace_schema_metadata(SAMPLES.metadata).combine_chunks().to_batches()
    return Measured(rows[0] if rows else pa.RecordBatch.from_pylist([], SAMPLES), faults)


def _finish(plan: AuditPlan, out: Path, identity: Mapping[str, Any], run: _Run) -> dict[str, Any]:
    summary = {
        **run.summary.to_json(),
        **identity,
        "code_version": code_version(),
        "rows": run.rows,
        "bad_rows": run.bad,
        "bad": [fault._asdict() for fault in run.listed],
    }
    shown = run.worst.chosen()
    summary["worst"] = [
        {name: sample.row[name] for name in ("id", "model", "target", "kind", "strict_ratio", "locator")}
        for sample in shown
    ]
    write_json_durably(out / SUMMARY_FILE, summary)
    write_bytes_durably(out / PAGE_FILE, render_audit(summary, _with_prompts(plan, shown)).encode())
    write_json_durably(out / STATE_FILE, {**identity, "code_version": code_version(), "done": True})
    shutil.rmtree(out / _BLOCKS)
    return summary


def _with_prompts(plan: AuditPlan, shown: Sequence[WorstSample]) -> list[WorstSample]:
    """Reads the prompts of the shown samples that come from a file of their own."""
    if plan.prompts is None:
        return list(shown)
    texts = plan.prompts.texts({sample.row["prompt_key"] for sample in shown if not sample.prompt})
    return [
        sample.with_prompt(texts.get(sample.row["prompt_key"], "")) if not sample.prompt else sample for sample in shown
    ]
