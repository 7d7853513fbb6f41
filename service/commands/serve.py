"""`tamis worker` and `tamis store ...`: what runs beside the commands and looks after what they leave."""

from pathlib import Path

from schemas.errors import UserError
from schemas.store import open_store, redacted
from service.commands.common import DONE, RESUMABLE, open_for_reading, store_url
from service.console import Terminal

_PING_SECONDS = 5.0
_SHOWN = 20


def worker(store: str, broker: str, concurrency: int, *, ping: bool) -> int:
    """Runs `tamis worker` until it is told to stop; with `ping`, asks whether one answers."""
    if ping:
        return _ping(store, broker)
    from workers.app import run_worker

    open_store(store).dispose()  # refuse a wrong URL before anything starts
    Terminal().say(
        f"worker: {concurrency} processes, store {redacted(store)}; Ctrl-C stops it, what it holds is given back"
    )
    return run_worker(store, broker, concurrency)


def _ping(store: str, broker: str) -> int:
    from workers.app import make_app, queue_name

    engine = open_store(store)
    app = make_app(store, broker, queue_name(engine))
    try:
        answers = app.control.ping(timeout=_PING_SECONDS)
    except OSError as error:
        raise UserError(f"broker: no answer: {error}") from None
    finally:
        app.close()
        engine.dispose()
    Terminal().say(f"{len(answers)} workers answer")
    return DONE if answers else RESUMABLE


def store_upgrade(out: Path, store: str | None) -> int:
    """Runs `tamis store upgrade`."""
    url = store_url(out, store)
    open_store(url).dispose()
    Terminal().say(f"store {redacted(url)} has this version's tables")
    return DONE


def store_check(out: Path, store: str | None, *, repair: bool, as_json: bool) -> int:
    """Runs `tamis store check`."""
    from workers.check import check_store

    terminal = Terminal(as_json=as_json)
    engine = open_for_reading(out, store)
    try:
        findings = check_store(engine, repair=repair)
    finally:
        engine.dispose()
    open_findings = [finding for finding in findings if not finding.repaired]
    if as_json:
        terminal.result({"findings": [vars(finding) for finding in findings], "open": len(open_findings)})
    else:
        for finding in findings[:_SHOWN]:
            state = "mended" if finding.repaired else "wrong"
            terminal.say(
                f"{state}: {finding.kind} {finding.subject}: {finding.detail}"
                + (f" ({finding.remedy})" if finding.remedy else "")
            )
        if len(findings) > _SHOWN:
            terminal.say(f"and {len(findings) - _SHOWN:,} more; --json lists all")
        terminal.say(f"{len(findings)} findings, {len(open_findings)} open")
    return RESUMABLE if open_findings else DONE


def store_clean(out: Path, store: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Runs `tamis store clean`."""
    from workers.check import collect_orphans
    from workers.verdict_cache import drop_old_verdicts

    terminal = Terminal(as_json=as_json)
    engine = open_for_reading(out, store)
    try:
        found = collect_orphans(engine, dry_run=dry_run)
        verdicts = drop_old_verdicts(engine, dry_run=dry_run)
    finally:
        engine.dispose()
    done = "would be deleted" if dry_run else "deleted"
    terminal.result(
        {"files": [finding.subject for finding in found], "cached_verdicts": verdicts, "dry_run": dry_run},
        title="files that no run knows of, and cached verdicts of older verifiers",
        rows=[
            (f"files {done}", f"{len(found):,}"),
            *((item.subject, "") for item in found[:_SHOWN]),
            *((f"cached verdicts of {name} {done}", f"{rows:,}") for name, rows in verdicts.items()),
        ],
    )
    return DONE
