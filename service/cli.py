"""The `tamis` command: parses, and hands over to `service.commands`. Every heavy import waits until its command runs.

Exit codes: 0 done; 1 failed or stopped, the same command goes on; 2 refused before any work; 3 done, with quarantined rows.
"""

import contextlib
import logging
import os
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
import typer.core

from schemas.errors import ResumableError
from service.cli_rewards import rewards_app
from service.cli_store import store_app
from service.commands.common import say_errors
from service.options import (
    DEFAULT_OUT,
    AnyOut,
    AsJson,
    Broker,
    Columns,
    CountedRubric,
    DryRun,
    Fresh,
    Limit,
    MaxBad,
    Out,
    Preset,
    Store,
    Task,
    UnsafeNoSandbox,
    Workers,
)


class _Group(typer.core.TyperGroup):
    """Says on Ctrl-C what to do next, where typer would say only that it aborted."""

    def invoke(self, context: Any) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise ResumableError("stopped; the same command goes on from here") from None


app = typer.Typer(
    cls=_Group,
    name="tamis",
    help="Curate corpora, verify generations, select what trains: with a reason kept for every row.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(store_app, name="store")
app.add_typer(rewards_app, name="rewards")


#: Beam says so at every import where its optional Google clients are absent, which is everywhere but at Google.
_BEAM_NOISE = "apitools not found"


@app.command(
    short_help="Turn raw pages, files and tables into a corpus.",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def curate(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(help="YAML recipe: inputs, steps, output.")],
    out: AnyOut = DEFAULT_OUT,
    store: Store = None,
    workers: Workers = None,
    limit: Limit = None,
    max_bad: MaxBad = None,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Turn raw pages, files and tables into a corpus; what follows ` -- ` are options of Beam (-- --runner=...)."""
    from curation.job.nursery import standing_nursery

    # The workers' parent imports Beam and kernels while this process does; Beam options may name another runner.
    early = contextlib.nullcontext() if dry_run or context.args else standing_nursery(at_once=True)
    with early:
        from service.commands.curate import curate as run

        code = run(
            recipe, out, store, workers, limit, max_bad, context.args, fresh=fresh, dry_run=dry_run, as_json=as_json
        )
    raise typer.Exit(code)


@app.command(short_help="Sample generations from a model.")
def sample(
    model: Annotated[str, typer.Option(help="Model name; `smollm2` runs SmolLM2-135M on this machine.")],
    prompts: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="Prompts (JSONL or Parquet); left out, those that are in the store."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Samples a prompt.")] = 4,
    preset: Preset = None,
    columns: Columns = None,
    task: Task = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="OpenAI-compatible endpoint, up to /v1.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option("--api-key-env", help="Name of the variable that holds the key.")
    ] = None,
    api: Annotated[str, typer.Option(help="chat, or completions for base models.")] = "chat",
    temperature: Annotated[float, typer.Option(min=0.0)] = 1.0,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0)] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1)] = 4096,
    prefill: Annotated[str, typer.Option(help="Text that opens the answer, for example '<think>'.")] = "",
    stop: Annotated[Optional[list[str]], typer.Option(help="Stop sequence; may be given again.")] = None,  # noqa: UP045
    out: Out = DEFAULT_OUT,
    store: Store = None,
    broker: Broker = None,
    workers: Workers = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Sample generations from a model; what has landed is never sampled again."""
    from service.commands.columns import ColumnRequest
    from service.commands.sample import SampleRequest
    from service.commands.sample import sample as run

    request = SampleRequest(
        model, samples, base_url, api_key_env, api, temperature, top_p, max_tokens, prefill, tuple(stop or ())
    )
    mapping = ColumnRequest(preset, tuple(columns or ()), task)
    raise typer.Exit(
        run(prompts, request, mapping, out, store, broker, workers, limit, dry_run=dry_run, as_json=as_json)
    )


@app.command()
def verify(
    generations: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="Others' generations (JSONL or Parquet); left out, those that are in the store."),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="YAML rubric: verifiers, settings, weights, gates.")
    ] = None,
    verifiers: Annotated[
        str,
        typer.Option(
            help="Verifiers with default settings, when there is no recipe; mixing is recorded and not summed."
        ),
    ] = "math,format,mixing",
    preset: Preset = None,
    columns: Columns = None,
    task: Task = None,
    language: Annotated[
        str | None, typer.Option(help="Language of the file's prompts, where no column says it.")
    ] = None,
    retry_status: Annotated[
        str | None, typer.Option("--retry-status", help="Score again what has this status, for example error.")
    ] = None,
    validate_gold: Annotated[
        bool,
        typer.Option(
            "--validate-gold", help="Score nothing: give each prompt's gold to its verifier, list those refused."
        ),
    ] = False,
    unsafe_no_sandbox: UnsafeNoSandbox = False,
    out: Out = DEFAULT_OUT,
    store: Store = None,
    broker: Broker = None,
    workers: Workers = None,
    limit: Limit = None,
    max_bad: MaxBad = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Score generations by verifiers that run in workers."""
    from service.commands.verify import VerifyRequest
    from service.commands.verify import verify as run

    request = VerifyRequest(
        generations, recipe, verifiers, preset, tuple(columns or ()), language, retry_status, limit, max_bad,
        validate_gold, unsafe_no_sandbox, task,
    )  # fmt: skip
    raise typer.Exit(run(request, out, store, broker, workers, dry_run=dry_run, as_json=as_json))


@app.command(short_help="Measure how far generations mix languages.")
def audit(
    generations: Annotated[list[Path], typer.Argument(help="Generations (JSONL or Parquet); files, folders or globs.")],
    out: Out = DEFAULT_OUT,
    prompts: Annotated[
        Path | None, typer.Option("--prompts", help="Their prompts, by prompt_id, for language and domain.")
    ] = None,
    preset: Preset = None,
    columns: Columns = None,
    language: Annotated[
        str | None, typer.Option(help="Language that answers should be in, where no column says it.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="A smaller share of target words fails the filter; 0.95 as in `mixing`.")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="strict: every word counts; lenient: borrowed terms and names may.")
    ] = "strict",
    lid_model: Annotated[
        Path | None, typer.Option("--lid-model", help="fastText model (lid.176.ftz) for the line pass rate.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="English word list, a word a line, for the word pass rate.")
    ] = None,
    worst: Annotated[int, typer.Option(min=0, max=2000, help="Samples on the page.")] = 200,
    workers: Workers = None,
    limit: Limit = None,
    max_bad: MaxBad = None,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Measure how far generations mix languages, by model, language, domain, step and place in the text."""
    from service.commands.audit import AuditRequest
    from service.commands.audit import audit as run

    request = AuditRequest(
        tuple(generations), prompts, preset, tuple(columns or ()), language, threshold, mode, lid_model, words, worst,
        limit, max_bad,
    )  # fmt: skip
    raise typer.Exit(run(request, out, workers, fresh=fresh, dry_run=dry_run, as_json=as_json))


@app.command(short_help="Select a training set, with its data card.")
def select(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe: what each verifier must have said, best of n, limit.")],
    out: Out = DEFAULT_OUT,
    store: Store = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Select a training set from verified generations, with a data card."""
    from service.commands.select import select as run

    raise typer.Exit(run(recipe, out, store, dry_run=dry_run, as_json=as_json))


@app.command(short_help="Estimate pass@k, cons@k and pass rates of prompts.")
def estimate(
    recipe: CountedRubric = None,
    verifier: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Which verifier says what is right; by default the rubric's first."),
    ] = None,
    ks: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--k", help="For pass@k and cons@k, as 1,8,64; by default 1, 4, 16, ... and all samples."),
    ] = None,
    min_score: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--min-score", help="Right from this score on; by default where the status is `correct`."),
    ] = None,
    advantage: Annotated[str, typer.Option(help="Of the advantages file: grpo, dr_grpo or rloo.")] = "grpo",
    too_hard: Annotated[float, typer.Option("--too-hard", help="The highest pass rate of a prompt too hard.")] = 0.0,
    too_easy: Annotated[float, typer.Option("--too-easy", help="The lowest pass rate of a prompt too easy.")] = 1.0,
    name: Annotated[Optional[str], typer.Option(help="Of the folder under OUT/estimates; the verifier's.")] = None,  # noqa: UP045
    models: Annotated[Optional[list[str]], typer.Option("--model", help="Only this model; may be given again.")] = None,  # noqa: UP045
    sources: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--source", help="Only prompts of this source; may be given again."),
    ] = None,
    out: Out = DEFAULT_OUT,
    store: Store = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Estimate pass@k, cons@k and pass rates of prompts from verdicts, and write advantages for training."""
    from service.commands.estimate import EstimateRequest
    from service.commands.estimate import estimate as run

    request = EstimateRequest(
        recipe, verifier, ks, min_score, advantage, too_hard, too_easy, name, tuple(models or ()), tuple(sources or ())
    )
    raise typer.Exit(run(request, out, store, dry_run=dry_run, as_json=as_json))


@app.command(short_help="Train a fastText classifier for the `quality` step.")
def train(
    positive: Annotated[list[Path], typer.Option("--positive", help="Documents that are wanted; may be given again.")],
    negative: Annotated[list[Path], typer.Option("--negative", help="Documents that are not; may be given again.")],
    out: Annotated[Path, typer.Option("--out", help="The model: .bin, or .ftz with --quantize.")],
    dim: Annotated[int, typer.Option(min=1, max=4096, help="Size of a vector.")] = 256,
    lr: Annotated[float, typer.Option(min=0.0, help="Learning rate.")] = 0.1,
    word_ngrams: Annotated[int, typer.Option("--word-ngrams", min=1, max=10, help="Longest run of words.")] = 3,
    min_count: Annotated[int, typer.Option("--min-count", min=1, help="A rarer word is unknown.")] = 3,
    epoch: Annotated[int, typer.Option(min=1, help="Passes over the documents.")] = 3,
    buckets: Annotated[int, typer.Option(min=1, help="Rows that n-grams share.")] = 2_000_000,
    text_column: Annotated[
        str, typer.Option("--text-column", help="Column of the text in JSONL and Parquet.")
    ] = "text",
    held_out: Annotated[float, typer.Option("--held-out", help="Share that the model is measured on.")] = 0.1,
    quantize: Annotated[bool, typer.Option("--quantize", help="Write a small .ftz.")] = False,
    seed: Annotated[int, typer.Option(help="Order of the documents and choice of the held-out ones.")] = 0,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Train a fastText classifier for the `quality` step; the defaults are DeepSeekMath's."""
    from service.commands.train import TrainRequest
    from service.commands.train import train as run

    request = TrainRequest(
        tuple(positive), tuple(negative), dim, lr, word_ngrams, min_count, epoch, buckets, text_column, held_out,
        quantize, seed, limit,
    )  # fmt: skip
    raise typer.Exit(run(request, out, as_json=as_json))


@app.command(short_help="Say where a row came from, and why it is where it is.")
def explain(
    identifier: Annotated[str, typer.Argument(help="Id of a document, generation or prompt, or its first digits.")],
    out: AnyOut = DEFAULT_OUT,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Say of any row where it came from and why it was kept, dropped or scored so."""
    from service.commands.explain import explain as run

    raise typer.Exit(run(identifier, out, store, as_json=as_json))


@app.command(short_help="List and try rule sets, with thresholds and sources.")
def rules(
    rule_set: Annotated[Optional[str], typer.Argument(help="One rule set; left out, all.")] = None,  # noqa: UP045
    text: Annotated[Optional[Path], typer.Option("--text", help="A text file to measure against the rules.")] = None,  # noqa: UP045
    tried: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--try", help="A recipe, a table or `mixing` to try on the run under --out, from its stored signals."
        ),
    ] = None,
    out: Out = DEFAULT_OUT,
    changes: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--set", help="With --try: reason=threshold in place of the recipe's or table's; may be repeated."
        ),
    ] = None,
    sample: Annotated[int, typer.Option("--sample", min=0, help="With --try: ids to show each way.")] = 5,
    as_json: AsJson = False,
) -> None:
    """List rule sets with their thresholds and sources, measure one text against them, or try thresholds on a finished run."""
    from service.commands.look import rules as run

    raise typer.Exit(
        run(rule_set, text, tried=tried, out=out, changes=changes or [], num_samples=sample, as_json=as_json)
    )


@app.command(short_help="Show runs, their stages, and what was quarantined.")
def status(
    run: Annotated[Optional[str], typer.Argument(help="Run id or its first digits; left out, all runs.")] = None,  # noqa: UP045
    out: AnyOut = DEFAULT_OUT,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Show runs, their stages and shards, and what was quarantined."""
    from service.commands.look import status as show

    raise typer.Exit(show(run, out, store, as_json=as_json))


@app.command(short_help="Write one HTML page about everything under OUT.")
def report(
    out: Out = DEFAULT_OUT,
    store: Store = None,
    target: Annotated[Optional[Path], typer.Option("--target", help="The page; by default OUT/report.html.")] = None,  # noqa: UP045
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page about everything under OUT."""
    from service.commands.look import report as run

    raise typer.Exit(run(out, store, target, as_json=as_json))


@app.command(short_help="Run a worker that samples and verifies.")
def worker(
    store: Annotated[str, typer.Option("--store", help="Store URL.", envvar="TAMIS_STORE")],
    broker: Annotated[
        str, typer.Option("--broker", help="Broker URL, for example redis://host:6379/0.", envvar="TAMIS_BROKER")
    ],
    concurrency: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    ping: Annotated[
        bool, typer.Option("--ping", help="Only ask whether a worker of this store answers; for health checks.")
    ] = False,
) -> None:
    """Run a worker that samples and verifies for commands elsewhere; many may share one store and broker."""
    from service.commands.serve import worker as run

    raise typer.Exit(run(store, broker, concurrency, ping=ping))


@app.command(short_help="Run the whole way on real text and a small real model.")
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the demo.")] = Path("demo-out"),
    store: Store = None,
    prompts: Annotated[int, typer.Option(min=1, help="How many prompts to sample.")] = 48,
    samples: Annotated[int, typer.Option(min=1, help="Samples a prompt.")] = 3,
    fresh: Fresh = False,
) -> None:
    """Run the whole way on real text and a real small model that this machine has."""
    from service.commands.demo import demo as run

    raise typer.Exit(run(out, store, prompts, samples, fresh=fresh))


@app.command()
def schema(
    recipe: Annotated[str, typer.Argument(help="curate, verify or select.")],
) -> None:
    """Print the JSON Schema of a recipe, for editors."""
    from service.commands.look import recipe_schema

    raise typer.Exit(recipe_schema(recipe))


def main() -> None:
    """Runs the command; a user's mistake is one line and exit 2, never a traceback."""
    logging.basicConfig(format="tamis: %(message)s", level=logging.WARNING)
    logging.getLogger().addFilter(lambda record: _BEAM_NOISE not in record.getMessage())
    with say_errors():
        app()


if __name__ == "__main__":
    main()
