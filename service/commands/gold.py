"""`tamis verify --validate-gold`: which golds their own verifiers do not accept."""

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.recipe import VerifyRecipe
from service.commands.common import open_for_reading, store_url
from service.console import Terminal
from workers.gold_check import GoldCheck, Validation, count_prompts, validate_golds
from workers.imports import ImportSource

if TYPE_CHECKING:
    from service.commands.verify import VerifyRequest

_SHOWN = 20
_GOLD_CHARACTERS = 60
_ID_DIGITS = 12  # `tamis explain` takes the first digits of an id


def validate_gold(
    rubric: VerifyRecipe,
    sources: list[ImportSource],
    out: Path,
    store: str | None,
    terminal: Terminal,
    request: "VerifyRequest",
    *,
    dry_run: bool,
) -> int:
    """Runs the check and shows it."""
    if dry_run or not sources:
        engine = open_for_reading(out, store)
        prompts = count_prompts(engine, limit=request.limit)
        engine.dispose()
        if dry_run:
            names = [item.name for item in rubric.verifiers]
            rows = [("prompts in the store", f"{prompts:,}"), ("verifiers", ", ".join(names))]
            terminal.result({"prompts": prompts, "verifiers": names}, title="plan (nothing is checked)", rows=rows)
            return 0
    with terminal.bars() as bars:
        result = validate_golds(
            store_url(out, store), out, sources, rubric, limit=request.limit, max_bad=request.max_bad,
            on_checked=lambda done, total: bars.update("golds", done, total),
        )  # fmt: skip
    _show(result, terminal)
    return result.exit_code


def _show(result: Validation, terminal: Terminal) -> None:
    check = result.check
    if terminal.as_json:
        terminal.result(_as_json(result))
        return
    header = ["verifier", "accepted", "refused", "only read", "no gold"]
    rows = [
        [name, *(f"{number:,}" for number in (tally.accepted, tally.refused, tally.unwritten, tally.without))]
        for name, tally in check.tallies.items()
    ]
    terminal.grid(f"golds of {check.prompts:,} prompts", header, rows, numeric=[1, 2, 3, 4])
    if check.refused:
        listed = [
            [str(row["prompt_id"])[:_ID_DIGITS], str(row["source"]), str(row["verifier"]), _short(str(row["gold"])), str(row["status"]), str(row["reason"] or "")]
            for row in check.refused[:_SHOWN]
        ]  # fmt: skip
        terminal.grid(
            "golds that are not accepted", ["prompt", "source", "verifier", "gold", "status", "reason"], listed
        )
    for line in _remarks(check):
        terminal.say(line)
    if result.imported is not None:
        for place, reason in result.imported.bad:
            terminal.say(f"quarantined: {place}: {reason}")


def _remarks(check: GoldCheck) -> list[str]:
    refused = sum(tally.refused for tally in check.tallies.values())
    lines = [f"{name}: can write no completion for these golds; they were only read" for name in check.unable]
    lines += [f"{name}: no prompt has a gold for it" for name in check.goldless]
    if check.no_gold:
        lines.append(f"judge without a gold: {', '.join(check.no_gold)}")
    if refused > _SHOWN:
        lines.append(f"and {refused - _SHOWN:,} more")
    if refused:
        lines.append(f"all of them: {check.parquet}, {check.lines}")
    return lines


def _as_json(result: Validation) -> dict[str, object]:
    check = result.check
    return {
        "prompts": check.prompts,
        "verifiers": {name: vars(tally) for name, tally in check.tallies.items()},
        "judge_without_gold": list(check.no_gold),
        "only_read": list(check.unable),
        "without_any_gold": check.goldless,
        "refused": [dict(row) for row in check.refused],
        "files": {"parquet": str(check.parquet), "jsonl": str(check.lines)},
        "imported": dict(result.imported.counts) if result.imported else None,
    }


def _short(text: str) -> str:
    return text if len(text) <= _GOLD_CHARACTERS else text[: _GOLD_CHARACTERS - 1] + "…"
