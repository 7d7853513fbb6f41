"""`tamis rewards curate-tests`: tests of programming problems, made by trusted solutions and sifted by right and wrong ones."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rewards.code.executors import OwnExecutor, own_executor
from rewards.code.problem_rows import curate_row
from schemas.errors import UserError
from schemas.files import write_lines
from service.commands.common import DONE, QUARANTINED
from service.console import Terminal

_SHOWN = 20


def curate_problems(
    problems: Path,
    out: Path,
    *,
    min_caught: float,
    minimal: bool,
    slots: int,
    limit: int | None,
    unsafe_no_sandbox: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs the command. The file is written when all rows are done; a bad row is counted, named and left out."""
    terminal = Terminal(as_json=as_json)
    if not problems.is_file():
        raise UserError(f"{problems}: there is no such file")
    lines = problems.read_bytes().splitlines()[:limit]
    executor = own_executor(slots=slots, unsafe_no_sandbox=unsafe_no_sandbox)
    if dry_run:
        terminal.result({"problems": len(lines)}, title="plan (nothing is run)", rows=[("problems", f"{len(lines):,}")])
        return DONE
    counts: Counter[str] = Counter()
    bad: list[tuple[int, str]] = []
    try:
        with terminal.bars() as bars:
            rows = _curated(lines, executor, counts, bad, min_caught=min_caught, minimal=minimal, bars=bars)
            part = write_lines(out, "curated_tests", rows)
    finally:
        executor.close()
    path = out / part.name
    summary = {"problems": len(lines), "file": str(path), **counts, "bad_rows": len(bad)}
    terminal.result(
        summary, title="curated tests", rows=[(name.replace("_", " "), str(value)) for name, value in summary.items()]
    )
    for number, reason in bad[:_SHOWN]:
        terminal.say(f"{problems}:{number}: {reason}")
    return QUARANTINED if bad else DONE


def _curated(
    lines: list[bytes],
    executor: OwnExecutor,
    counts: Counter[str],
    bad: list[tuple[int, str]],
    *,
    bars: Any,
    **settings: Any,
) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        bars.update("problems", number - 1, len(lines))
        try:
            done = curate_row(json.loads(line), executor, **settings)
        except (ValueError, RecursionError) as failure:
            bad.append((number, str(failure)[:300]))
            continue
        counts["kept" if done["gold"] is not None else done["reason"]] += 1
        counts["tests_kept"] += len(done["kept"])
        counts["tests_dropped"] += len(done["dropped"])
        yield json.dumps(done, ensure_ascii=False, sort_keys=True).encode(errors="replace").decode()
    bars.update("problems", len(lines), len(lines))
