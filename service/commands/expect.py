"""`tamis rewards expect`: what the tests of programming problems expect, computed by the solutions that came with them, in the sandbox."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rewards.code.curation import with_expected
from rewards.code.executors import OwnExecutor, own_executor
from schemas.errors import UserError
from schemas.files import write_lines
from schemas.ids import canonical_json, digest
from service.commands.columns import ColumnRequest
from service.commands.common import DONE, QUARANTINED
from service.console import Bars, Terminal
from workers.imports import ImportSource, as_it_comes, mapped_rows
from workers.mapping import MappedRow

_SHOWN = 20


def expect_outputs(
    problems: Path,
    columns: ColumnRequest,
    out: Path,
    *,
    slots: int,
    limit: int | None,
    unsafe_no_sandbox: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs the command. The file is written when all rows are done, and a stopped command goes on; an unusable row is named and left out."""
    terminal = Terminal(as_json=as_json)
    source = as_it_comes(columns.source(problems))
    bad: list[tuple[str, str]] = []
    rows = _rows(source, bad)[:limit]
    if not rows:
        raise UserError(f"{problems}: holds no problem with a `code` gold")
    executor = own_executor(slots=slots, unsafe_no_sandbox=unsafe_no_sandbox)
    stem = problems.name.split(".")[0] or "problems"
    journal = _Journal(out / f"{stem}.partial.jsonl")
    if dry_run:
        executor.close()
        terminal.result({"problems": len(rows)}, title="plan (nothing is run)", rows=[("problems", f"{len(rows):,}")])
        return DONE
    counts: Counter[str] = Counter({"made": 0, "tests": 0, "tests_dropped": 0})
    try:
        with terminal.bars() as bars:
            computed = _made(rows, executor, journal, bars)
            part = write_lines(out, stem, _usable(computed, counts, bad))
    finally:
        executor.close()
    journal.path.unlink(missing_ok=True)
    path = out / part.name
    summary = {"problems": len(rows), "file": str(path), **counts, "bad_rows": len(bad)}
    terminal.result(
        summary,
        title="problems with what is expected",
        rows=[
            (name.replace("_", " "), f"{one:,}" if isinstance(one, int) else str(one)) for name, one in summary.items()
        ],
    )
    for place, reason in bad[:_SHOWN]:
        terminal.say(f"{place}: {reason}")
    if len(bad) > _SHOWN:
        terminal.say(f"and {len(bad) - _SHOWN:,} more")
    return QUARANTINED if bad else DONE


def _rows(source: ImportSource, bad: list[tuple[str, str]]) -> list[tuple[str, MappedRow]]:
    found = []
    for place, row in mapped_rows(source, lambda place, fault: bad.append((place, fault))):
        if isinstance((row.gold or {}).get("code"), dict):
            found.append((place, row))
        else:
            bad.append((place, "no `code` gold"))
    return found


class _Journal:
    """What is computed, line by line, so that a command that was stopped does not begin anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, dict[str, Any]] = {}
        if path.is_file():
            for line in path.read_bytes().splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError):  # the last line may be half of one
                    value = json.loads(line)
                    self._known[value["key"]] = value["made"]

    def get(self, key: str) -> dict[str, Any] | None:
        return self._known.get(key)

    def put(self, key: str, made: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(json.dumps({"key": key, "made": made}) + "\n")


def _made(
    rows: list[tuple[str, MappedRow]], executor: OwnExecutor, journal: _Journal, bars: Bars
) -> Iterator[tuple[str, MappedRow, dict[str, Any]]]:
    """Gives each row with its gold, or the reason why there is none."""
    for done, (place, row) in enumerate(rows):
        bars.update("problems", done, len(rows))
        code = (row.gold or {})["code"]
        key = digest("expect", canonical_json(code))
        made = journal.get(key)
        if made is None:
            try:
                found = with_expected(code, executor)
            except (ValueError, RecursionError) as failure:
                made = {"reason": str(failure)[:300]}
            else:
                first = f": {found.dropped[0].reason}" if found.gold is None and found.dropped else ""
                made = {"gold": found.gold, "dropped": len(found.dropped), "reason": f"{found.reason}{first}"}
            journal.put(key, made)
        yield place, row, made
    bars.update("problems", len(rows), len(rows))


def _usable(
    made: Iterable[tuple[str, MappedRow, dict[str, Any]]], counts: Counter[str], bad: list[tuple[str, str]]
) -> Iterator[str]:
    for place, row, one in made:
        counts["tests_dropped"] += one.get("dropped", 0)
        if not one.get("gold"):
            bad.append((place, one["reason"]))
            continue
        counts["made"] += 1
        counts["tests"] += len(one["gold"]["tests"])
        value = _written(row, {**(row.gold or {}), "code": one["gold"]})
        yield json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()


def _written(row: MappedRow, gold: dict[str, Any]) -> dict[str, Any]:
    """Gives a row that `tamis sample` and `tamis verify` read by themselves."""
    value: dict[str, Any] = {"prompt": row.messages, "gold": gold, "task": "code"}
    known = {"language": row.language, "domain": row.domain, "source": row.source, "model": row.model}
    value.update({name: one for name, one in known.items() if one is not None})
    return value | ({"completions": [sample.text for sample in row.samples]} if row.samples else {})
