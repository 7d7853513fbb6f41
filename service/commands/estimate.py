"""`tamis estimate`: pass@k, cons@k, pass-rate bands and advantages from stored verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import UserError
from schemas.recipe import EstimateRecipe, VerifyRecipe, load_recipe, parse_recipe
from service.commands.common import DONE, open_for_reading, refresh_report
from service.console import Terminal, share
from workers.estimate import EstimateResult
from workers.estimate import estimate as run_estimate


@dataclass(frozen=True)
class EstimateRequest:
    """What the command line asked for; see `tamis estimate --help`."""

    recipe: Path | None
    verifier: str | None
    ks: str | None
    min_score: float | None
    advantage: str
    too_hard: float
    too_easy: float
    name: str | None
    models: tuple[str, ...]
    sources: tuple[str, ...]

    def estimate_recipe(self) -> EstimateRecipe:
        """Gives the recipe.

        Raises:
            UserError: one line for the first option that does not fit.
        """
        rubric = load_recipe(self.recipe, VerifyRecipe) if self.recipe is not None else None
        try:
            ks = [int(k) for k in (self.ks or "").split(",") if k.strip()]
        except ValueError:
            raise UserError(f"--k {self.ks}: whole numbers are needed, for example 1,8,64") from None
        value = {
            "name": self.name,
            "rubric": rubric.model_dump(mode="json") if rubric is not None else None,
            "verifier": self.verifier,
            "min_score": self.min_score,
            "k": ks,
            "advantage": self.advantage,
            "too_hard": self.too_hard,
            "too_easy": self.too_easy,
            "models": list(self.models),
            "sources": list(self.sources),
        }
        return parse_recipe(value, EstimateRecipe, "tamis estimate")


def estimate(request: EstimateRequest, out: Path, store: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    recipe = request.estimate_recipe()
    engine = open_for_reading(out, store)
    try:
        with terminal.bars() as bars:
            result = run_estimate(
                engine,
                out,
                recipe,
                dry_run=dry_run,
                on_progress=lambda done, total: bars.update("estimate", done, total),
            )
        show_estimate(result, terminal)
        if not dry_run:
            refresh_report(engine, out, terminal)
    finally:
        engine.dispose()
    return DONE


def show_estimate(result: EstimateResult, terminal: Terminal) -> None:
    """Gives the estimates as the command's result."""
    if terminal.as_json:
        terminal.result(result.to_json())
        return
    _show_sizes(result, terminal)
    if not result.dry_run:
        rows = [row for group in result.groups for row in _k_rows(group)]
        terminal.grid(
            "pass@k and cons@k, in percent with 95 % intervals",
            ["source", "model", "k", "pass@k", "interval", "cons@k", "interval"],
            rows,
            numeric=[2, 3, 5],
        )
        terminal.grid(
            "prompts by pass rate",
            ["source", "model", "too hard", "learnable", "too easy", "unscored", "no signal"],
            [
                [
                    group["source"],
                    group["model"],
                    *(f"{group['bands'][band]:,}" for band in ("too_hard", "learnable", "too_easy", "unscored")),
                    f"{group['reward']['prompts_without_signal']:,}",
                ]
                for group in result.groups
            ],
            numeric=[2, 3, 4, 5, 6],
        )
        terminal.table("files", [(kind.replace("_", " "), str(fact["path"])) for kind, fact in result.files.items()])
    for warning in result.warnings:
        terminal.say(f"warning: {warning}")


def _show_sizes(result: EstimateResult, terminal: Terminal) -> None:
    least = result.verifier["min_score"]
    right = "its status is correct" if least is None else f"its score is at least {least:g}"
    verifier = f"{result.verifier['name']} version {result.verifier['version']}"
    terminal.grid(
        f"{result.name}: a sample is right where {verifier} says so ({right})",
        ["source", "model", "sampling", "prompts", "generations", "samples a prompt", "right"],
        [
            [
                group["source"],
                group["model"],
                group["sampling_hash"][:8],
                f"{group['prompts']:,}",
                f"{group['generations']:,}",
                _range(group["samples_a_prompt"]),
                "-" if result.dry_run else share(group["statuses"].get("correct", 0), group["scored"]),
            ]
            for group in result.groups
        ],
        numeric=[3, 4, 5, 6],
    )


def _range(samples: Mapping[str, int]) -> str:
    fewest, most = samples["fewest"], samples["most"]
    return str(most) if fewest == most else f"{fewest} to {most}"


def _k_rows(group: Mapping[str, Any]) -> list[list[str]]:
    votes = {item["k"]: item for item in group["cons_at"]}
    rows = []
    for number, item in enumerate(group["pass_at"]):
        place = ["", ""] if number else [group["source"], group["model"]]
        rows.append([*place, str(item["k"]), *_cells(item), *_cells(votes.get(item["k"]))])
    return rows


def _cells(item: Mapping[str, Any] | None) -> tuple[str, str]:
    if item is None or item["value"] is None:
        return "-", ""
    return f"{100 * item['value']:.1f}", f"{100 * item['low']:.1f} to {100 * item['high']:.1f}"
