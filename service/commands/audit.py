"""`tamis audit`: how far generations mix languages, by model, language, domain, step and place; Parquet, JSON and a page."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from schemas.errors import UserError
from service.audit.model import Mode, Settings
from service.commands.columns import read_columns
from service.commands.common import DONE, QUARANTINED
from service.console import Terminal

_SHOWN_ROWS = 30


@dataclass(frozen=True)
class AuditRequest:
    """What the command line asked for; see `tamis audit --help`."""

    generations: tuple[Path, ...]
    prompts: Path | None
    preset: str | None
    columns: tuple[str, ...]
    language: str | None
    threshold: float | None
    mode: str
    lid_model: Path | None
    words: Path | None
    worst: int
    limit: int | None
    max_bad: int | None

    def settings(self) -> Settings:
        """Gives the settings, checked.

        Raises:
            UserError: one clear line about the first that cannot be.
        """
        from columnar.writing import scripts_of
        from rewards.language import THRESHOLD

        columns = read_columns(self.columns)
        threshold = THRESHOLD if self.threshold is None else self.threshold
        if not 0 <= threshold <= 1:
            raise UserError(f"--threshold must be between 0 and 1, not {threshold:g}")
        if self.mode not in get_args(Mode):
            raise UserError(f"--mode must be one of {', '.join(get_args(Mode))}, not {self.mode!r}")
        if self.language is not None:
            try:
                scripts_of(self.language)
            except ValueError as error:
                raise UserError(f"--language: {error}") from None
        _check_model(self.lid_model)
        if self.words is not None and not self.words.is_file():
            raise UserError(f"--words {self.words}: no such file")
        return Settings(
            threshold=threshold,
            mode="strict" if self.mode == "strict" else "lenient",
            language=self.language,
            preset=self.preset or "auto",
            columns=columns,
            lid_model=self.lid_model,
            words=self.words,
            worst=self.worst,
            limit=self.limit,
        )


def _check_model(path: Path | None) -> None:
    from columnar.fasttext_model import ModelFileError, read_labels

    if path is None:
        return
    try:
        read_labels(path)
    except (ModelFileError, OSError) as error:
        raise UserError(f"--lid-model {path}: {error}") from None


def audit(request: AuditRequest, out: Path, workers: int | None, *, fresh: bool, dry_run: bool, as_json: bool) -> int:
    """Runs the command."""
    from service.audit.rows import count_rows
    from service.audit.run import PAGE_FILE, plan_audit, run_audit

    terminal = Terminal(as_json=as_json)
    plan = plan_audit(request.generations, request.prompts, request.settings())
    if dry_run:
        value = plan.to_json()
        rows = [
            (file.path.name, f"{count_rows(file.path):,} rows, " + _columns({**file.mapping.columns, **file.own}))
            for file in plan.files
        ]
        terminal.result(value, title="plan (nothing is measured)", rows=rows)
        return DONE
    with terminal.bars() as bars:
        summary = run_audit(
            plan,
            out,
            workers=workers or os.cpu_count() or 1,
            max_bad=request.max_bad,
            fresh=fresh,
            on_progress=lambda done, total, note: bars.update("audit", done, total, note),
        )
    _show(summary, out / PAGE_FILE, terminal)
    return QUARANTINED if summary["bad_rows"] else DONE


def _columns(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{ours} from {theirs!r}" for ours, theirs in columns.items())


def _show(summary: Mapping[str, Any], page: Path, terminal: Terminal) -> None:
    if terminal.as_json:
        kept = ("generations", "rows", "bad_rows", "bad", "target_sources", "all", "settings", "code_version")
        value = {name: summary[name] for name in kept}
        terminal.result({**value, "models": summary["by"].get("model", []), "page": str(page)})
        return
    asked = [name for name, needed in (("lpr", "lid_model"), ("wpr", "words")) if summary["settings"][needed]]
    measures = ["failed", "other_language", "strict_ratio", "lenient_ratio", *asked]
    groups = summary["by"].get("model", [])[:_SHOWN_ROWS]
    if summary["all"]:
        groups = [*groups, {"model": "all", **summary["all"]}]
    rows = [
        [
            group["model"],
            f"{group['num_generations']:,}",
            _percent(group["reported"]["value"]),
            # One interval says how sure such a table can be; the page and summary.json have all.
            f"{_percent(group['reported']['low'])}-{_percent(group['reported']['high'])}",
            *(_percent(group[name]["value"]) for name in measures),
        ]
        for group in groups
    ]
    header = [
        "model",
        "texts",
        "mixed",
        "95 %",
        "fail",
        "other",
        "strict",
        "lenient",
        *(name.upper() for name in asked),
    ]
    terminal.grid("language mixing, in percent", header, rows, numeric=range(1, len(header)))
    for fault in summary["bad"]:
        terminal.say(f"quarantined: {fault['locator']}: {fault['error']}")
    terminal.say(f"page: {page}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
