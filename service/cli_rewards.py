"""The command group `tamis rewards`: parses, and hands over to `service.commands.rewards` and its neighbours, imported when they run."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from service.options import (
    DEFAULT_OUT,
    AsJson,
    Columns,
    CountedRubric,
    DryRun,
    Limit,
    Out,
    Preset,
    Slots,
    Store,
    Task,
    UnsafeNoSandbox,
)

rewards_app = typer.Typer(
    help="Look at verifiers, and try them before they reward a model.", no_args_is_help=True, rich_markup_mode=None
)


@rewards_app.command("list")
def rewards_list(as_json: AsJson = False) -> None:
    """List the verifiers with version, gold and settings."""
    from service.commands.rewards import list_verifiers as run

    raise typer.Exit(run(as_json=as_json))


@rewards_app.command("probe", short_help="Try hostile outputs on a rubric, and search for more.")
def rewards_probe(
    rubric: Annotated[
        str, typer.Argument(help="YAML rubric, as `verify` takes it; or verifiers by name: math,format.")
    ],
    prompts: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation
        typer.Argument(help="Prompts with golds (JSONL or Parquet); left out, those that are in the store."),
    ] = None,
    number: Annotated[int, typer.Option("--prompts", min=1, help="So many of the prompts, drawn by the seed.")] = 100,
    threshold: Annotated[float, typer.Option(help="A score above this is paid.")] = 0.5,
    max_share: Annotated[
        float, typer.Option("--max-share", help="Paid on more than this share of the prompts, an attack got through.")
    ] = 0.05,
    max_score: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--max-score", help="Exit with 3 when an attack earns more than this share of the full reward."),
    ] = None,
    budget: Annotated[int, typer.Option(min=0, help="Constants that the search may try; 0 for no search.")] = 200,
    kinds: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--kind", help="Only attacks of this kind (empty, list, code, key, ...); may be given again."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the prompts drawn and of the search.")] = 0,
    preset: Preset = None,
    columns: Columns = None,
    task: Task = None,
    language: Annotated[
        str | None, typer.Option(help="Language of the file's prompts, where no column says it.")
    ] = None,
    out: Out = DEFAULT_OUT,
    store: Store = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Try hostile outputs on a rubric, and search for more, before a model finds them; writes OUT/probe/."""
    from service.commands.columns import ColumnRequest
    from service.commands.probe import ProbeRequest
    from service.commands.probe import run_probe as run

    mapping = ColumnRequest(preset, tuple(columns or ()), task, language)
    request = ProbeRequest(
        rubric, prompts, mapping, number, threshold, max_share, max_score, budget, seed, tuple(kinds or ())
    )
    raise typer.Exit(run(request, out, store, dry_run=dry_run, as_json=as_json))


@rewards_app.command("compare", short_help="Have a judge say which of two systems answers better.")
def rewards_compare(
    a: Annotated[str, typer.Argument(help="File of generations (JSONL or Parquet), or a model or run of the store.")],
    b: Annotated[str, typer.Argument(help="The same, of the other system; paired with A by equal prompts.")],
    judge: Annotated[str, typer.Option(help="Model that judges, with --base-url; or a YAML rubric with a judge.")],
    base_url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="OpenAI-compatible endpoint of the judge, up to /v1."),
    ] = None,
    api_key_env: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of the variable that holds the key."),
    ] = None,
    votes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=2, help="Votes a pair, half of them in each order; by default 4."),
    ] = None,
    margin: Annotated[
        float, typer.Option(help="A mean preference (0 to 2) that is not above it is a tie; R1 labelled pairs at 1.")
    ] = 0.0,
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, help="Completions of a prompt that are compared, one by one.")
    ] = 1,
    max_requests: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Cap on requests, earlier calls of the same comparison included."),
    ] = None,
    max_tokens: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Cap on tokens of prompts and replies, likewise."),
    ] = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Folder below OUT/comparisons; by default A-vs-B."),
    ] = None,
    preset: Preset = None,
    columns: Columns = None,
    task: Task = None,
    out: Out = DEFAULT_OUT,
    store: Store = None,
    limit: Annotated[Optional[int], typer.Option("--limit", min=1, help="Compare at most this many prompts.")] = None,  # noqa: UP045
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Have a judge say which of two systems answers better, in both orders; what it has said is never asked again."""
    from service.commands.columns import ColumnRequest
    from service.commands.compare import CompareOptions
    from service.commands.compare import run_compare as run

    mapping = ColumnRequest(preset, tuple(columns or ()), task)
    options = CompareOptions(
        a, b, judge, base_url, api_key_env, votes, margin, samples, max_requests, max_tokens, name, mapping, limit
    )
    raise typer.Exit(run(options, out, store, dry_run=dry_run, as_json=as_json))


@rewards_app.command("export", short_help="Write generations with rewards and verdicts as JSON Lines.")
def rewards_export(
    recipe: CountedRubric = None,
    out: Out = DEFAULT_OUT,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Write every generation with its reward and verdicts to OUT/rewards.jsonl."""
    from service.commands.export import export as run

    raise typer.Exit(run(recipe, out, store, as_json=as_json))


@rewards_app.command("curate-tests", short_help="Sift tests of programs, and add what they expect.")
def rewards_curate_tests(
    problems: Annotated[Path, typer.Argument(help="JSON Lines: gold, and accepted and wrong programs or a generator.")],
    out: Out = DEFAULT_OUT,
    min_caught: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Drop a problem whose tests catch less of its wrong programs.")
    ] = 1.0,
    minimal: Annotated[bool, typer.Option("--minimal", help="Keep as few tests as catch the same programs.")] = False,
    slots: Slots = 1,
    unsafe_no_sandbox: UnsafeNoSandbox = False,
    limit: Limit = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Sift tests of programs: drop those that judge wrongly, and compute what others expect."""
    from service.commands.curate_tests import curate_problems as run

    raise typer.Exit(
        run(
            problems, out, min_caught=min_caught, minimal=minimal, slots=slots, limit=limit,
            unsafe_no_sandbox=unsafe_no_sandbox, dry_run=dry_run, as_json=as_json,
        )
    )  # fmt: skip


@rewards_app.command("expect", short_help="Compute what the tests of HumanEval+ and MBPP+ expect.")
def rewards_expect(
    problems: Annotated[
        Path, typer.Argument(help="Problems with inputs and a solution: HumanEval+, MBPP+, or our own.")
    ],
    preset: Preset = None,
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    slots: Slots = 2,
    unsafe_no_sandbox: UnsafeNoSandbox = False,
    limit: Limit = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run the solutions of HumanEval+ or MBPP+ for what their tests expect; gives a file for `sample` and `verify`."""
    from service.commands.columns import ColumnRequest
    from service.commands.expect import expect_outputs as run

    raise typer.Exit(
        run(
            problems, ColumnRequest(preset, tuple(columns or ()), "code"), out, slots=slots, limit=limit,
            unsafe_no_sandbox=unsafe_no_sandbox, dry_run=dry_run, as_json=as_json,
        )
    )  # fmt: skip
