"""`tamis rewards compare`: which of two systems' completions a judge finds better."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rewards.judge.comparison import Comparison, Share
from schemas.errors import UserError
from schemas.recipe import VerifyRecipe, load_recipe
from service.commands.columns import ColumnRequest
from service.commands.common import DONE, STORE_FILE, open_for_reading, open_for_writing
from service.console import Terminal, share
from workers.compare import CompareRequest, CompareResult, compare_pairs
from workers.compare_sides import PairText, Side, pairs_of, read_side

_SHOWN = 20


@dataclass(frozen=True)
class CompareOptions:
    """What the command line asked for; see `tamis rewards compare --help`."""

    a: str
    b: str
    judge: str
    base_url: str | None
    api_key_env: str | None
    votes: int | None
    margin: float
    samples: int
    max_requests: int | None
    max_tokens: int | None
    name: str | None
    columns: ColumnRequest
    limit: int | None

    def request(self) -> CompareRequest:
        """Gives whom to ask and how: a rubric's judge, or a model at an address, with the caps of the command line.

        Raises:
            UserError: one clear line about what does not fit.
        """
        settings = self._settings()
        if self.votes is not None:
            settings["votes"] = self.votes
        endpoint = settings.get("endpoint")
        caps = {"requests": self.max_requests, "tokens": self.max_tokens}
        given = {name: cap for name, cap in caps.items() if cap is not None}
        if given:
            where: dict[str, Any] = {"url": endpoint} if isinstance(endpoint, str) else dict(endpoint or {})
            settings["endpoint"] = {**where, "budget": {**(where.get("budget") or {}), **given}}
        if self.name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.name):
            raise UserError(f"--name {self.name}: letters, digits, dots, dashes and underscores, at most 64")
        return CompareRequest(self.name or self._made_name(), (self.a, self.b), settings, self.margin)

    def _settings(self) -> dict[str, Any]:
        if self.judge.endswith((".yaml", ".yml")) or Path(self.judge).is_file():
            recipe = load_recipe(Path(self.judge), VerifyRecipe)
            judges = [item for item in recipe.verifiers if item.name == "judge"]
            if not judges:
                raise UserError(f"{self.judge}: the rubric has no verifier `judge`")
            if self.base_url or self.api_key_env:
                raise UserError("--base-url and --api-key-env go with a model's name; the rubric has its endpoint")
            return dict(judges[0].settings)
        if self.base_url is None:
            raise UserError(f"--judge {self.judge}: a model needs --base-url, or give a YAML rubric with a judge")
        endpoint = {"url": self.base_url, "api_key_env": self.api_key_env}
        return {"model": self.judge, "endpoint": {key: value for key, value in endpoint.items() if value is not None}}

    def _made_name(self) -> str:
        stems = (
            re.sub(r"[^\w.-]+", "_", Path(side).name.split(".jsonl")[0].split(".parquet")[0])
            for side in (self.a, self.b)
        )
        return "-vs-".join(stem.strip("._")[:28] or "unnamed" for stem in stems)


def run_compare(options: CompareOptions, out: Path, store: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    request = options.request()
    request.verifier().close()  # what is wrong with it is said before anything is read
    sides, pairs = _read(options, out, store)
    if dry_run:
        return _show_plan(sides, pairs, request, terminal)
    engine = open_for_writing(out, store)
    try:
        with terminal.bars() as bars:
            result = compare_pairs(
                engine, out, pairs, request, on_compared=lambda done, total: bars.update("pairs", done, total)
            )
    finally:
        engine.dispose()
    _show(result, sides, request, terminal)
    return result.exit_code


def _read(options: CompareOptions, out: Path, store: str | None) -> tuple[tuple[Side, Side], list[PairText]]:
    engine: sa.Engine | None = None
    if store is not None or (out / STORE_FILE).exists():
        engine = open_for_reading(out, store)
    try:
        first, second = (
            read_side(engine, out, name, options.columns.source, samples=options.samples)
            for name in (options.a, options.b)
        )
    finally:
        if engine is not None:
            engine.dispose()
    return (first, second), pairs_of(first, second, limit=options.limit)


def _show_plan(sides: tuple[Side, Side], pairs: list[PairText], request: CompareRequest, terminal: Terminal) -> int:
    value = {
        "pairs": len(pairs),
        **_unpaired(sides),
        "judge": str(request.settings.get("model")),
        "folder": request.name,
    }
    rows = [(key.replace("_", " "), f"{one:,}" if isinstance(one, int) else str(one)) for key, one in value.items()]
    terminal.result(value, title="plan (nothing is asked)", rows=rows)
    return DONE


def _unpaired(sides: tuple[Side, Side]) -> dict[str, int]:
    first, second = (side.texts.keys() for side in sides)
    return {
        "prompts_in_both": len(first & second),
        "prompts_only_in_a": len(first - second),
        "prompts_only_in_b": len(second - first),
        "unreadable_rows": sum(len(side.bad) for side in sides),
    }


def _show(result: CompareResult, sides: tuple[Side, Side], request: CompareRequest, terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.result({"a": request.names[0], "b": request.names[1], **_unpaired(sides), **result.to_json()})
        return
    found = result.comparison
    judged = found.wins + found.ties + found.losses
    rows = [
        ("A", request.names[0]),
        ("B", request.names[1]),
        ("judge", str(request.settings.get("model"))),
        ("A wins", f"{found.wins:,} of {judged:,} pairs, {share(found.wins, judged)}"),
        ("ties", f"{found.ties:,}, {share(found.ties, judged)}"),
        ("B wins", f"{found.losses:,}, {share(found.losses, judged)}"),
        ("win rate of A, a tie as half", _interval(found.win_rate)),
        ("the same at equal length", _interval(found.length_controlled)),
        ("orders that contradict each other", f"{share(found.conflicts, found.rounds)} of {found.rounds:,} rounds; pairs with such: {found.pairs_in_conflict:,}"),
        ("mean length of A and B", f"{found.chars[0]:,.0f} and {found.chars[1]:,.0f} characters"),
        ("won by the longer answer", "-" if found.longer_wins is None else f"{100 * found.longer_wins:.1f} % of what was won"),
        ("asked", f"{_asked(found, result)}"),
        ("file", str(result.folder / result.part.name)),
    ]  # fmt: skip
    terminal.table(f"comparison {request.name}", rows)
    for line in _remarks(found, sides):
        terminal.say(line)


def _asked(found: Comparison, result: CompareResult) -> str:
    spent = result.spent
    tokens = int(spent.get("prompt_tokens", 0) + spent.get("completion_tokens", 0))
    money = f", {spent['money']:.2f} of money" if "money" in spent else ""
    return (
        f"{int(spent.get('requests', 0)):,} requests, {tokens:,} tokens{money}; "
        f"{result.cached:,} pairs were judged before, {found.by_rule:,} by rule"
    )


def _remarks(found: Comparison, sides: tuple[Side, Side]) -> list[str]:
    lines = [f"not judged: {count:,} pairs ({reason})" for reason, count in sorted(found.unjudged.items())]
    if lines:
        cap = "raise the cap and " if "budget_spent" in found.unjudged else ""
        lines.append(f"{cap}run the command again to ask about those alone")
    if 2 * found.conflicts > found.rounds:
        lines.append("the judge goes by place in more than half of the rounds: what it says of these answers is little")
    apart = _unpaired(sides)
    for key, side in (("prompts_only_in_a", "A"), ("prompts_only_in_b", "B")):
        if apart[key]:
            lines.append(f"{apart[key]:,} prompts are in {side} alone and left out")
    bad = [fault for side in sides for fault in side.bad]
    lines += [f"left out: {place}: {fault}" for place, fault in bad[:_SHOWN]]
    return lines if len(bad) <= _SHOWN else [*lines, f"and {len(bad) - _SHOWN:,} rows more"]


def _interval(value: Share | None) -> str:
    return "-" if value is None else f"{100 * value.value:.1f} % ({100 * value.low:.1f} to {100 * value.high:.1f})"
