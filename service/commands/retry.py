"""`tamis rules --try`: what other thresholds would make of a finished run's documents, from their stored signals.

Reads the run's manifest and, of its kept and rejected files, the columns that the rules look at; no text, and nothing is measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.job.manifest import Manifest, load_manifest
from curation.rules.judging import columns_of, judge, values_of
from curation.rules.mixing import MIXING_SETTINGS, mixing_rules
from curation.rules.model import Rule
from curation.rules.tables import RULE_SETS, edits_before, resolve_filter
from schemas.errors import RecipeError, UserError
from schemas.files import open_parquet
from schemas.recipe import CurateRecipe, load_recipe
from schemas.steps import FilterRecipe, StepRecipe
from service.console import Terminal

CURATE = "curate"
_BATCH_ROWS = 65_536
_ALWAYS = ("id", "source", "path", "language", "step", "reasons")
_REMOVED, _KEPT = "removed", "kept"
_MIXING = "mixing"


@dataclass(frozen=True)
class _Filter:
    """A filter or mixing step as it is tried."""

    title: str
    rules: tuple[Rule, ...]
    languages: Mapping[str, Mapping[str, float | None]]
    sources: tuple[str, ...]


@dataclass
class _Count:
    """How many documents one rule fails, of those that the run kept and of those that its filters removed."""

    now: list[int] = field(default_factory=lambda: [0, 0])
    then: list[int] = field(default_factory=lambda: [0, 0])
    measured: int = 0


@dataclass
class _Trial:
    """What is counted while files are read."""

    counts: dict[tuple[str, str], _Count] = field(default_factory=dict)
    kept: list[int] = field(default_factory=lambda: [0, 0])
    removed: list[int] = field(default_factory=lambda: [0, 0])
    by_others: int = 0
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {_REMOVED: [], _KEPT: []})


def try_rules(what: str, out: Path, changes: Sequence[str], num_samples: int, terminal: Terminal) -> None:
    """Tries a recipe's filters, or one table, on the run under `out`, and tells what would change.

    Args:
        what: a recipe file, the name of a table, or `mixing` for the run's step of that kind.
        out: the folder of the run.
        changes: `reason=threshold`, in place of what recipe or table say.
        num_samples: ids to show of documents that change sides, each way.
        terminal: where the result goes.

    Raises:
        UserError: no finished run, no such recipe, table or reason.
    """
    manifest = load_manifest(out / CURATE / "manifest.json")
    if manifest is None:
        raise UserError(f"{out}: no finished curation run")
    run = CurateRecipe.model_validate(manifest.recipe)
    now = _filters(run.steps, "the run's recipe")
    then = _filters(_changed(_steps_to_try(what, run), changes), what)
    trial = _Trial({(step.title, rule.reason): _Count() for step in then for rule in step.rules})
    for kind in (_KEPT, "rejects"):
        for path in manifest.paths(out / CURATE, kind):
            for batch in _batches(path, now, then):
                _count(trial, batch, now, then, num_samples)
    _tell(_result(manifest, trial, now, then), terminal)


def _steps_to_try(what: str, run: CurateRecipe) -> list[StepRecipe]:
    """Gives the steps of a recipe file, or the run's with one filter step by this table: its own if it had one, else a new one.

    `mixing` is the run's own step of that kind.
    """
    if what == _MIXING and any(step.mixing is not None for step in run.steps):
        return list(run.steps)
    if what not in RULE_SETS:
        path = Path(what)
        if not path.exists():
            raise UserError(
                f"{what!r} is neither a recipe nor a table; there are the tables {', '.join(sorted(RULE_SETS))}"
            )
        recipe = load_recipe(path, CurateRecipe)
        return list(recipe.steps)
    if any(step.filter is not None and step.filter.rules == what for step in run.steps):
        return list(run.steps)
    return [*run.steps, StepRecipe(filter=FilterRecipe.model_validate({"rules": what}))]


def _changed(steps: Sequence[StepRecipe], changes: Sequence[str]) -> list[StepRecipe]:
    changed = list(steps)
    for change in changes:
        reason, equals, value = change.partition("=")
        try:
            threshold = float(value)
        except ValueError:
            equals = ""
            threshold = 0.0
        if not equals:
            raise UserError(f"--set {change}: must be reason=threshold, a number")
        found = False
        for index, step in enumerate(changed):
            if step.mixing is not None and reason in MIXING_SETTINGS:
                found = True
                limits = step.mixing.model_copy(update={MIXING_SETTINGS[reason]: threshold})
                changed[index] = step.model_copy(update={"mixing": limits})
                continue
            settings = step.filter
            if settings is None or reason not in {rule.reason for rule in RULE_SETS[settings.rules].rules}:
                continue
            found = True
            thresholds = {**settings.thresholds, reason: threshold}
            disable = [item for item in settings.disable if item != reason]
            update = settings.model_copy(update={"thresholds": thresholds, "disable": disable})
            changed[index] = step.model_copy(update={"filter": update})
        if not found:
            raise UserError(f"--set {change}: no table here has the reason {reason!r}")
    return changed


def _filters(steps: Sequence[StepRecipe], where: str) -> list[_Filter]:
    found = []
    for number, step in enumerate(steps):
        if step.mixing is not None:
            found.append(_Filter(step.title, mixing_rules(step.mixing), {}, tuple(step.sources)))
        if step.filter is None:
            continue
        try:
            rules = resolve_filter(step.filter, f"{where}: step {step.title!r}", edits_before(steps, number))
        except RecipeError as error:
            raise UserError(str(error)) from None
        found.append(_Filter(step.title, rules, step.filter.languages, tuple(step.sources)))
    if not found:
        raise UserError(f"{where}: no filter or mixing step")
    return found


def _batches(path: Path, *filters: Sequence[_Filter]) -> Iterator[pa.RecordBatch]:
    wanted = {name for steps in filters for step in steps for name in columns_of(step.rules)} | set(_ALWAYS)
    with open_parquet(path) as file:
        columns = [name for name in file.schema_arrow.names if name in wanted]
        yield from file.iter_batches(_BATCH_ROWS, columns=columns)


def _count(
    trial: _Trial, batch: pa.RecordBatch, now: Sequence[_Filter], then: Sequence[_Filter], num_samples: int
) -> None:
    rejected = "step" in batch.schema.names
    if rejected:
        titles = pa.array([step.title for step in now], pa.string())
        ours = np.asarray(pc.is_in(batch.column("step"), value_set=titles).to_numpy(zero_copy_only=False))
        trial.by_others += int((~ours).sum())
        batch = batch.filter(pa.array(ours))
    side = int(rejected)
    before = {(step.title, rule.reason): fails for step in now for rule, fails in _judged(step, batch)}
    failing = np.zeros(batch.num_rows, np.bool_)
    reasons: list[tuple[str, npt.NDArray[np.bool_]]] = []
    for step in then:
        for rule, fails in _judged(step, batch):
            key = (step.title, rule.reason)
            count = trial.counts[key]
            count.then[side] += int(fails.sum())
            count.now[side] += int(before[key].sum()) if key in before else 0
            count.measured += int((~np.isnan(values_of(batch, rule.signal))).sum())
            failing |= fails
            reasons.append((rule.reason, fails))
    (trial.removed if rejected else trial.kept)[0] += batch.num_rows
    trial.kept[1] += int((~failing).sum())
    trial.removed[1] += int(failing.sum())
    way = _KEPT if rejected else _REMOVED
    for row in np.flatnonzero(~failing if rejected else failing):
        if len(trial.samples[way]) >= num_samples:
            break
        told = batch.column("reasons")[int(row)].as_py() if rejected else [name for name, mask in reasons if mask[row]]
        trial.samples[way].append({"id": batch.column("id")[int(row)].as_py(), "reasons": told})


def _judged(step: _Filter, batch: pa.RecordBatch) -> list[tuple[Rule, npt.NDArray[np.bool_]]]:
    failing = judge(step.rules, batch, step.languages)
    if step.sources:
        sources = pa.array(step.sources, pa.string())
        failing &= np.asarray(pc.is_in(batch.column("source"), value_set=sources).to_numpy(zero_copy_only=False))
    return list(zip(step.rules, failing, strict=True))


def _result(manifest: Manifest, trial: _Trial, now: Sequence[_Filter], then: Sequence[_Filter]) -> dict[str, Any]:
    before = {(step.title, rule.reason): rule.threshold for step in now for rule in step.rules}
    rules = []
    for step in then:
        for rule in step.rules:
            count = trial.counts[step.title, rule.reason]
            rules.append(
                {
                    "step": step.title,
                    "reason": rule.reason,
                    "signal": rule.signal,
                    "operator": rule.operator,
                    "threshold_now": before.get((step.title, rule.reason)),
                    "threshold_then": rule.threshold,
                    "measured": count.measured,
                    "kept_failing_now": count.now[0],
                    "kept_failing_then": count.then[0],
                    "removed_failing_now": count.now[1],
                    "removed_failing_then": count.then[1],
                }
            )
    return {
        "run": manifest.run_id,
        "rules": rules,
        "not_measured": list(
            dict.fromkeys(f"{rule['step']}: {rule['signal']}" for rule in rules if not rule["measured"])
        ),
        "kept": {"now": trial.kept[0], "then": trial.kept[1]},
        "removed_by_filters": {"now": trial.removed[0], "then": trial.removed[1]},
        "removed_by_other_steps": trial.by_others,
        "would_be_removed": trial.samples[_REMOVED],
        "would_pass": trial.samples[_KEPT],
    }


def _tell(result: dict[str, Any], terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.result(result)
        return
    rows = [
        [
            f"{rule['step']}: {rule['reason']}",
            f"{rule['operator']} {_change(rule['threshold_now'], rule['threshold_then'])}",
            *(
                _change(rule[f"{side}_failing_now"], rule[f"{side}_failing_then"]) if rule["measured"] else "-"
                for side in ("kept", "removed")
            ),
        ]
        for rule in result["rules"]
    ]
    heads = ["rule", "drop if", "kept, failing", "removed, failing"]
    terminal.grid("documents that fail each rule, now -> then", heads, rows, numeric=[2, 3])
    totals = [(name.replace("_", " "), f"{n['now']:,} -> {n['then']:,}") for name, n in result.items() if _is_total(n)]
    totals.append(("removed by other steps", f"{result['removed_by_other_steps']:,} (not tried)"))
    terminal.table("documents", totals)
    for name in result["not_measured"]:
        terminal.say(f"not measured, so not tried: {name}")
    for way in ("would_be_removed", "would_pass"):
        for item in result[way]:
            terminal.say(f"{way.replace('_', ' ')}: {item['id']} ({', '.join(item['reasons'])})")


def _is_total(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"now", "then"}


def _change(now: float | None, then: float) -> str:
    return f"{then:,g}" if now in (None, then) else f"{now:,g} -> {then:,g}"
