"""`tamis demo`: the whole way on input that this machine has, ending with what was found and the path of the report."""

import importlib.util
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from curation.job.manifest import Manifest
from schemas.errors import UserError
from schemas.files import write_json_durably
from schemas.recipe import EstimateRecipe
from schemas.store import reading, redacted
from schemas.tables import VerdictRow
from schemas.version import code_version
from service.commands.common import exit_code, open_for_writing, refresh_report, store_url
from service.commands.curate import CurateRequest, run_curation, show_corpus
from service.commands.estimate import show_estimate
from service.commands.sample import sample_locally, show_progress, show_samples
from service.commands.select import show_selection
from service.commands.verify import show_verdicts
from service.console import Terminal
from service.demo.findings import near_copies, rows_of_findings
from service.demo.inputs import DemoInputs, make_inputs
from service.demo.recipes import curate_recipe, select_recipe, verify_recipe, write_recipes
from workers.estimate import EstimateResult, estimate

_SHOWN_COPIES = 5


@dataclass
class _Demo:
    out: Path
    store: str
    terminal: Terminal
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Announces a part of the demo and times it."""
        self.terminal.say(f"\n== {name}")
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)


def demo(out: Path, store: str | None, prompts: int, samples: int, *, fresh: bool) -> int:
    """Runs the command; a second call goes on, or does nothing where all is done."""
    for module, what in (("reasoning_gym", "problems"), ("xllamacpp", "the model's runtime")):
        if importlib.util.find_spec(module) is None:
            raise UserError(f"the demo needs {what}: pip install 'tamis[demo]', or `make demo` in a clone")
    from workers.local_model import check_installed

    check_installed()
    run = _Demo(out, store_url(out, store), Terminal())
    open_for_writing(out, store).dispose()
    with run.part("pages: pydoc renders the standard library and SymPy"), run.terminal.bars() as bars:
        inputs = make_inputs(out / "inputs", lambda done, total: bars.update("pages", done, total))
    write_recipes(
        out / "recipes", {"curate": curate_recipe(inputs), "verify": verify_recipe(), "select": select_recipe()}
    )
    with run.part("corpus: pages, mathematics and code through every step"):
        manifest = _curate(run, inputs, fresh=fresh)
    with run.part("samples: SmolLM2-135M answers small problems"):
        generations = _sample(run, prompts, samples)
    with run.part("verdicts: math, format and mixing, in workers"):
        statuses = _verify(run)
    with run.part("estimates: what a second sample is worth"):
        estimated = _estimate(run)
    with run.part("selection: right, well-formed, in one language"):
        selected = _select(run)
    engine = open_for_writing(out, store)
    try:
        run.terminal.say("")
        report = refresh_report(engine, out, Terminal(as_json=True))
        both = _right_and_in_one_language(engine)
    finally:
        engine.dispose()
    _summary(run, inputs, manifest, generations, statuses, estimated, both, selected, report)
    return exit_code(manifest.quarantined)


def _curate(run: _Demo, inputs: DemoInputs, *, fresh: bool) -> Manifest:
    request = CurateRequest(curate_recipe(inputs), Path.cwd(), fresh=fresh)
    manifest = run_curation(request, run.out, run.store, run.terminal)
    show_corpus(manifest, run.terminal)
    return manifest


def _sample(run: _Demo, prompts: int, samples: int) -> int:
    from workers.local_model import local_model
    from workers.problems import DEMO_SAMPLING, demo_prompts

    with local_model() as url, run.terminal.bars() as bars:
        result = sample_locally(
            demo_prompts(prompts),
            url,
            DEMO_SAMPLING,
            samples,
            run.out,
            run.store,
            "demo",
            show_progress("samples", bars),
        )
    show_samples(result, run.terminal)
    return result.generations


def _verify(run: _Demo) -> Mapping[str, Mapping[str, int]]:
    from workers.verify import verify

    with run.terminal.bars() as bars:
        result = verify(run.store, run.out, [], verify_recipe(), on_progress=show_progress("verify", bars))
    show_verdicts(result, run.terminal)
    return result.statuses


def _estimate(run: _Demo) -> EstimateResult:
    engine = open_for_writing(run.out, run.store)
    try:
        result = estimate(engine, run.out, EstimateRecipe(verifier="math"))
    finally:
        engine.dispose()
    show_estimate(result, run.terminal)
    return result


def _select(run: _Demo) -> int:
    from workers.select import select

    engine = open_for_writing(run.out, run.store)
    try:
        result = select(engine, run.out, select_recipe())
    finally:
        engine.dispose()
    show_selection(result, run.terminal)
    return result.num_selected


def _right_and_in_one_language(engine: sa.Engine) -> int:
    """Counts the generations that are right and in the prompt's language."""
    right = sa.select(VerdictRow.generation_id).where(VerdictRow.verifier == "math", VerdictRow.score == 1.0)
    language = sa.select(sa.func.count(sa.distinct(VerdictRow.generation_id))).where(
        VerdictRow.verifier == "mixing", VerdictRow.status == "correct", VerdictRow.generation_id.in_(right)
    )
    with reading(engine) as connection:
        return int(connection.execute(language).scalar_one())


def _right_in_k(estimated: EstimateResult) -> str:
    points = estimated.groups[0]["pass_at"]
    return ", ".join(f"{100 * point['value']:.0f} % in {point['k']}" for point in points if point["value"] is not None)


def _summary(
    run: _Demo,
    inputs: DemoInputs,
    manifest: Manifest,
    generations: int,
    statuses: Mapping[str, Mapping[str, int]],
    estimated: EstimateResult,
    right_in_one_language: int,
    selected: int,
    report: Path,
) -> None:
    copies = near_copies(run.out, manifest, _SHOWN_COPIES)
    rows = [
        ("pages rendered", f"{sum(inputs.pages.values()):,} ({inputs.pages['math']:,} with formulas)"),
        *rows_of_findings(manifest),
        *((f"near-copies, {copy.similarity:.1%} alike", f"{copy.removed}\nof {copy.kept}") for copy in copies),
        ("SmolLM2's answers", f"{generations:,}"),
        ("  right", f"{statuses['math'].get('correct', 0):,}"),
        ("  right in k samples", _right_in_k(estimated)),
        ("  well-formed", f"{statuses['format'].get('correct', 0):,}"),
        ("  right and in one language", f"{right_in_one_language:,}"),
        ("selected for training", f"{selected:,}"),
        ("seconds", ", ".join(f"{name.split(':')[0]} {seconds:.0f}" for name, seconds in run.seconds.items())),
        ("store", redacted(run.store)),
        ("report", str(report.resolve())),
    ]
    run.terminal.table("what the demo found", rows)
    some = next(iter(copies), None)
    if some is not None:
        run.terminal.say(
            f"\nAsk of any row why it is where it is, for example:\n  tamis explain {some.removed_id} --out {run.out}"
        )
    figures = [(name, value) for name, value in rows if name not in ("store", "report")]
    result = {"commit": code_version(), "cores": os.cpu_count(), "seconds": run.seconds, "rows": figures}
    write_json_durably(run.out / "demo.json", result)
