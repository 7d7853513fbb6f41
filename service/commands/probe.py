"""`tamis rewards probe`: hostile outputs and a search for more against a rubric, before a model trains on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewards.probe.attack import Attack
from rewards.probe.bank import bank
from rewards.probe.panel import REWARD, Case, Panel
from rewards.probe.probe import Finding, ProbeResult, probe
from rewards.registry import Verifier
from rewards.rubric import Rubric
from schemas.errors import UserError
from schemas.files import write_bytes_durably, write_json_durably
from schemas.recipe import VerifyRecipe, load_recipe
from service.commands.columns import ColumnRequest
from service.commands.common import DONE, QUARANTINED, open_for_reading
from service.commands.rubrics import named_rubric
from service.console import Terminal
from service.probe.page import render_probe
from service.probe.summary import excerpt, summarise
from workers.probe_cases import cases_of_file, cases_of_store
from workers.resources import build_rubric

FOLDER = "probe"
PAGE_FILE = "probe.html"
SUMMARY_FILE = "probe.json"

_SHOWN = 20
_SHOWN_CHARS = 34


@dataclass(frozen=True)
class ProbeRequest:
    """What the command line asked for; see `tamis rewards probe --help`."""

    rubric: str
    prompts: Path | None
    columns: ColumnRequest
    number: int
    threshold: float
    max_share: float
    max_score: float | None
    budget: int
    seed: int
    kinds: tuple[str, ...] = ()

    def attacks(self) -> tuple[Attack, ...]:
        """Gives the attacks of the kinds that are asked for.

        Raises:
            UserError: there is no such kind.
        """
        known = dict.fromkeys(attack.kind for attack in bank())
        unknown = sorted(set(self.kinds) - set(known))
        if unknown:
            raise UserError(f"--kind {unknown[0]}: there are {', '.join(known)}")
        return tuple(attack for attack in bank() if not self.kinds or attack.kind in self.kinds)

    def recipe(self) -> VerifyRecipe:
        """Gives the rubric: a recipe file's, or verifiers by name with default settings and equal weights.

        Raises:
            UserError: one clear line about what does not fit.
        """
        for name, share in (
            ("threshold", self.threshold),
            ("max-share", self.max_share),
            ("max-score", self.max_score),
        ):
            if share is not None and not 0 <= share <= 1:
                raise UserError(f"--{name} must be between 0 and 1, not {share:g}")
        if self.rubric.endswith((".yaml", ".yml")) or Path(self.rubric).is_file():
            return load_recipe(Path(self.rubric), VerifyRecipe)
        return named_rubric(self.rubric, "RUBRIC")


def run_probe(request: ProbeRequest, out: Path, store: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    recipe, attacks = request.recipe(), request.attacks()
    verifiers, rubric = build_rubric(recipe)
    try:
        panel = _panel(request, verifiers, rubric, out, store)
        if dry_run:
            return _show_plan(panel, request, terminal)
        with terminal.bars() as bars:
            result = probe(
                panel,
                attacks=attacks,
                max_share=request.max_share,
                budget=request.budget,
                seed=request.seed,
                on_attack=lambda done, total: bars.update("attacks", done, total),
            )
    finally:
        for verifier in verifiers:
            verifier.close()
    summary = summarise(result, name=recipe.name, seed=request.seed)
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_json_durably(folder / SUMMARY_FILE, summary)
    write_bytes_durably(folder / PAGE_FILE, render_probe(summary).encode())
    _show(result, summary, folder / PAGE_FILE, terminal)
    too_much = request.max_score is not None and result.max_reward > request.max_score
    if too_much:
        terminal.say(
            f"the worst attack earns {result.max_reward:.3f} of the reward, more than --max-score {request.max_score:g}"
        )
    return QUARANTINED if too_much or result.never_scored == 1 else DONE


def _panel(request: ProbeRequest, verifiers: Sequence[Verifier], rubric: Rubric, out: Path, store: str | None) -> Panel:
    try:
        return Panel(verifiers, rubric, _cases(request, verifiers, out, store), request.threshold)
    except ValueError as error:
        raise UserError(str(error)) from None


def _cases(request: ProbeRequest, verifiers: Sequence[Verifier], out: Path, store: str | None) -> list[Case]:
    if request.prompts is not None:
        source = request.columns.source(request.prompts)
        return cases_of_file(source, verifiers, number=request.number, seed=request.seed)
    engine = open_for_reading(out, store)
    try:
        return cases_of_store(engine, out, verifiers, number=request.number, seed=request.seed)
    finally:
        engine.dispose()


def _show_plan(panel: Panel, request: ProbeRequest, terminal: Terminal) -> int:
    value: dict[str, Any] = {
        "prompts": len(panel.cases),
        "attacks": len(request.attacks()),
        "search_budget": request.budget,
        "verifiers": [verifier.name for verifier in panel.verifiers],
    }
    rows = [
        (key.replace("_", " "), ", ".join(one) if isinstance(one, list) else f"{one:,}") for key, one in value.items()
    ]
    terminal.result(value, title="plan (nothing is scored)", rows=rows)
    return DONE


def _show(result: ProbeResult, summary: Mapping[str, Any], page: Path, terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.result({**summary, "page": str(page)})
        return
    rows = [
        [
            scorer.name,
            "gold" if scorer.by_gold else "form",
            _share(scorer.honest_gold),
            _share(scorer.honest_sample),
            _share(scorer.base if scorer.by_gold else None),
            _share(max((outcome.tallies[scorer.name].mean or 0.0) for outcome in result.outcomes)),
            str(len({one.outcome.attack.name for one in result.findings if one.scorer == scorer.name})),
        ]
        for scorer in result.scorers
    ]
    header = ["", "judges", "golds", "samples", "chance", "worst attack", "got through"]
    title = f"{len(result.outcomes)} attacks on {result.num_cases} prompts"
    terminal.grid(title, header, rows, numeric=[2, 3, 4, 5, 6])
    shown = _one_an_attack(result.findings)
    if shown:
        listed = [
            [
                finding.scorer,
                f"{finding.outcome.attack.kind}: {excerpt(finding.outcome.attack.name, _SHOWN_CHARS)}",
                finding.way,
                _share(finding.share),
                _share(finding.outcome.tallies[REWARD].mean),
            ]
            for finding in shown[:_SHOWN]
        ]
        terminal.grid("got through", ["scorer", "attack", "", "prompts", "reward"], listed, numeric=[3, 4])
        if len(shown) > _SHOWN:
            terminal.say(f"{len(shown) - _SHOWN} more on the page")
    elif result.never_scored < 1:
        terminal.say("nothing got through")
    if result.never_scored:
        terminal.say(
            f"{result.never_scored:.0%} of the prompts have no reward whatever is answered, and show nothing: bad golds, or no toolchain"
        )
    if 0 < result.form_share < 1:
        terminal.say(
            f"form alone may earn {result.form_share:.2f} of the reward: a gate that judges by gold would hold it back"
        )
    terminal.say(f"page: {page}")


def _one_an_attack(findings: Sequence[Finding]) -> list[Finding]:
    """Each attack under the first scorer that it passed; the forms that are meant to be paid are left to the page."""
    first: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        if finding.by_gold or finding.way == "unscored":
            first.setdefault((finding.outcome.attack.kind, finding.outcome.attack.name), finding)
    return list(first.values())


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
