"""The commands that only look: `rules`, `status`, `report`, `schema`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from schemas.errors import UserError
from schemas.recipe import CurateRecipe, SelectRecipe, VerifyRecipe
from schemas.storage import Location
from schemas.store import reading
from schemas.tables import Artifact, Run, Shard, Stage
from service.commands.common import DONE, REPORT_FILE, open_for_reading
from service.console import Terminal, flat_rows, human_bytes

_RECIPES: dict[str, type[BaseModel]] = {"curate": CurateRecipe, "verify": VerifyRecipe, "select": SelectRecipe}
_SHOWN_ERRORS = 20


def rules(
    rule_set: str | None,
    text: Path | None,
    *,
    tried: str | None = None,
    out: Path = Path(),
    changes: Sequence[str] = (),
    num_samples: int = 0,
    as_json: bool,
) -> int:
    """Runs `tamis rules`: the tables of thresholds, one text against them, or a finished run against other thresholds."""
    from columnar.lines import LINE_EDITS
    from curation.rules.tables import RULE_SETS

    terminal = Terminal(as_json=as_json)
    if tried is not None:
        from service.commands.retry import try_rules

        if rule_set is not None or text is not None:
            raise UserError("--try takes neither a rule set nor --text: name the table or recipe after --try")
        try_rules(tried, out, changes, num_samples, terminal)
        return DONE
    if changes:
        raise UserError("--set is for --try")
    if rule_set is not None and rule_set not in RULE_SETS:
        raise UserError(f"no rule set is called {rule_set!r}; there are {', '.join(sorted(RULE_SETS))}")
    names = [rule_set] if rule_set else sorted(RULE_SETS)
    if text is not None:
        return _measure(names, text, terminal)
    listed: dict[str, dict[str, Any]] = {
        name: {
            "source": RULE_SETS[name].source,
            "edit": RULE_SETS[name].edit,
            "edit_rules": list(LINE_EDITS[RULE_SETS[name].edit].rules) if RULE_SETS[name].edit else [],
            "rules": [
                {"reason": r.reason, "signal": r.signal, "operator": r.operator, "threshold": r.threshold, "doc": r.doc,
                 "only": sorted(r.only), "never": sorted(r.never), "when": r.when, "unless": r.unless, "needs": r.needs,
                 "given": r.given}
                for r in RULE_SETS[name].rules
            ],
        }
        for name in names
    }  # fmt: skip
    if as_json:
        terminal.result(listed)
        return DONE
    for name, table in listed.items():
        rows = [
            [r["reason"], f"{r['signal']} {r['operator']} {r['threshold']:g}", _scope(r), r["doc"]]
            for r in table["rules"]
        ]
        if table["edit"]:
            terminal.say(f"{name} first edits lines ({table['edit']}): {'; '.join(table['edit_rules'])}")
        terminal.grid(f"{name}: {table['source']}", ["reason", "drop if", "files", "what it is"], rows)
    return DONE


def _measure(names: list[str], path: Path, terminal: Terminal) -> int:
    """Measures one text against rule sets and shows each signal beside its threshold."""
    from columnar.clean import clean_text
    from curation.steps.build import build_step
    from schemas.steps import FilterRecipe, StepRecipe

    try:
        content, _ = clean_text(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    readings = [
        reading
        for name in names
        for reading in build_step(StepRecipe(filter=FilterRecipe.model_validate({"rules": name}))).explain(content)
    ]
    value = [vars(reading) for reading in readings]
    if terminal.as_json:
        terminal.result(value)
        return DONE
    rows = [
        [r.step, r.signal, _number(r.value), f"{r.operator} {_number(r.threshold)}", r.reason if r.failed else "passes"]
        for r in readings
    ]
    terminal.grid(str(path), ["rule set", "signal", "value", "drop if", "verdict"], rows, numeric=[2])
    return DONE


def _scope(rule: dict[str, Any]) -> str:
    kinds = ", ".join(rule["only"]) or (f"not {', '.join(rule['never'])}" if rule["never"] else "all")
    conditions = [f"if {rule['when']}"] * bool(rule["when"]) + [f"unless {rule['unless']}"] * bool(rule["unless"])
    conditions += [f"with {rule['needs']}"] * bool(rule["needs"])
    return "; ".join([kinds, *conditions])


def _number(value: float | str | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def status(run: str | None, out: Location, store: str | None, *, as_json: bool) -> int:
    """Runs `tamis status`: all runs, or one with its stages, shards and files."""
    terminal = Terminal(as_json=as_json)
    engine = open_for_reading(out, store)
    try:
        with reading(engine) as connection:
            return _all_runs(connection, terminal) if run is None else _one_run(connection, run, terminal)
    finally:
        engine.dispose()


def _all_runs(connection: sa.Connection, terminal: Terminal) -> int:
    runs = connection.execute(
        sa.select(Run.id, Run.kind, Run.name, Run.status, Run.started_at).order_by(Run.started_at)
    ).all()
    if terminal.as_json:
        terminal.result([row._asdict() for row in runs])
        return DONE
    rows = [[row.id[:12], row.kind, row.name, row.status, f"{row.started_at:%Y-%m-%d %H:%M:%S}"] for row in runs]
    terminal.grid("runs", ["run", "kind", "name", "status", "started (UTC)"], rows)
    return DONE


def _one_run(connection: sa.Connection, prefix: str, terminal: Terminal) -> int:
    found = connection.execute(sa.select(Run).where(Run.id.startswith(prefix, autoescape=True)).limit(2)).all()
    if len(found) != 1:
        raise UserError(
            f"{'several runs start' if found else 'no run starts'} with {prefix!r}; `tamis status` lists them"
        )
    run = found[0]
    stages = connection.execute(sa.select(Stage).where(Stage.run_id == run.id).order_by(Stage.ordinal)).all()
    shards = connection.execute(
        sa.select(Stage.name, Shard.status, sa.func.count().label("shards"))
        .join(Stage, Shard.stage_id == Stage.id)
        .where(Stage.run_id == run.id)
        .group_by(Stage.name, Shard.status)
    ).all()
    errors = connection.execute(
        sa.select(Stage.name, Shard.number, Shard.error)
        .join(Stage, Shard.stage_id == Stage.id)
        .where(Stage.run_id == run.id, Shard.error.is_not(None))
        .order_by(Stage.ordinal, Shard.number)
        .limit(_SHOWN_ERRORS)
    ).all()
    files = connection.execute(
        sa.select(Artifact.kind, sa.func.count(), sa.func.sum(Artifact.num_rows), sa.func.sum(Artifact.num_bytes))
        .where(Artifact.run_id == run.id)
        .group_by(Artifact.kind)
    ).all()
    by_stage: dict[str, dict[str, int]] = {}
    for name, state, count in shards:
        by_stage.setdefault(name, {})[state] = count
    value = {
        "id": run.id, "kind": run.kind, "name": run.name, "status": run.status, "out": run.out,
        "code_version": run.code_version, "counts": run.counts,
        "stages": [{"name": s.name, "status": s.status, "shards": by_stage.get(s.name, {}), "counts": s.counts} for s in stages],
        "files": [{"kind": kind, "files": n, "rows": int(rows), "bytes": int(size)} for kind, n, rows, size in files],
        "errors": [{"stage": name, "shard": number, "error": error} for name, number, error in errors],
    }  # fmt: skip
    if terminal.as_json:
        terminal.result(value)
        return DONE
    head = [("run", run.id), ("kind", run.kind), ("status", run.status), ("code", run.code_version)]
    terminal.table(run.name, head + flat_rows(run.counts))
    if stages:
        rows = [
            [s.name, s.status, ", ".join(f"{n} {state}" for state, n in by_stage.get(s.name, {}).items())]
            for s in stages
        ]
        terminal.grid("stages", ["stage", "status", "shards"], rows)
    terminal.grid(
        "files",
        ["kind", "files", "rows", "size"],
        [[kind, f"{n:,}", f"{rows:,}", human_bytes(size)] for kind, n, rows, size in files],
        numeric=[1, 2, 3],
    )
    for name, number, error in errors:
        terminal.say(f"{name} shard {number}: {error}")
    return DONE


def report(out: Path, store: str | None, target: Path | None, *, as_json: bool) -> int:
    """Runs `tamis report`."""
    from service.report.page import write_report

    terminal = Terminal(as_json=as_json)
    engine = open_for_reading(out, store)
    try:
        page = write_report(engine, out, target or out / REPORT_FILE)
    finally:
        engine.dispose()
    terminal.result({"report": str(page)}, title="report", rows=[("page", str(page))])
    return DONE


def recipe_schema(recipe: str) -> int:
    """Runs `tamis schema`."""
    if recipe not in _RECIPES:
        raise UserError(f"no recipe is called {recipe!r}; there are {', '.join(_RECIPES)}")
    print(json.dumps(_RECIPES[recipe].model_json_schema(), indent=2))  # noqa: T201 - the command's result
    return DONE
