"""`tamis sample`: generations from an endpoint, or from the small model that this machine has."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from schemas.errors import UserError
from service.commands.columns import ColumnRequest
from service.commands.common import open_for_reading, store_url
from service.console import Bars, Terminal
from workers.endpoint import Endpoint
from workers.openai_api import Sampling
from workers.sampling import SampleResult
from workers.sampling import sample as run_sampling
from workers.stages import OnProgress, Progress

LOCAL_MODEL = "smollm2"


@dataclass(frozen=True)
class SampleRequest:
    """What the command line asked for; see `tamis sample --help`."""

    model: str
    samples: int
    base_url: str | None
    api_key_env: str | None
    api: str
    temperature: float
    top_p: float
    max_tokens: int
    prefill: str
    stop: tuple[str, ...]

    def sampling(self) -> Sampling:
        """Gives the settings.

        Raises:
            UserError: names the field that is out of range.
        """
        try:
            return Sampling.model_validate(
                {
                    "api": self.api,
                    "temperature": self.temperature,
                    "top_p": self.top_p,
                    "max_tokens": self.max_tokens,
                    "prefill": self.prefill,
                    "stop": self.stop,
                }
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from None


def sample(
    prompts: Path | None,
    request: SampleRequest,
    mapping: ColumnRequest,
    out: Path,
    store: str | None,
    broker: str | None,
    workers: int | None,
    limit: int | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs the command."""
    terminal = Terminal(as_json=as_json)
    sampling = request.sampling()
    sources = [mapping.source(prompts, prompts_only=True)] if prompts is not None else None
    if dry_run:
        return _show_plan(request, prompts, out, store, limit, terminal)
    with _endpoint(request) as endpoint, terminal.bars() as bars:
        result = run_sampling(
            store_url(out, store),
            out,
            sources,
            endpoint,
            sampling,
            n=request.samples,
            broker_url=broker,
            concurrency=1 if request.model == LOCAL_MODEL else workers,
            on_progress=show_progress("sample", bars),
            limit=limit,
        )
    show_samples(result, terminal)
    return result.exit_code


def sample_locally(
    prompts: pa.Table,
    url: str,
    sampling: Sampling,
    samples: int,
    out: Path,
    store: str,
    name: str,
    on_progress: OnProgress,
) -> SampleResult:
    """Samples prompts that are in memory from the local model, which has one slot and so one request at a time."""
    from workers.local_model import model_name

    endpoint = Endpoint(url, model_name(), prefill_echo="yes")
    return run_sampling(
        store, out, prompts, endpoint, sampling, n=samples, name=name, shard_samples=8, parallel=1, concurrency=1,
        on_progress=on_progress,
    )  # fmt: skip


def show_progress(name: str, bars: Bars) -> OnProgress:
    """Gives the callback that moves the bar `name` with a stage's shards."""

    def move(progress: Progress) -> None:
        note = progress.note or (f"{progress.quarantined} quarantined" if progress.quarantined else "")
        bars.update(name, progress.shards_done, progress.shards_total, note)

    return move


def show_samples(result: SampleResult, terminal: Terminal) -> None:
    """Gives the sampling as the command's result."""
    value = {
        "run": result.run_id,
        "prompts": result.prompts,
        "generations": result.generations,
        "newly_planned": result.planned,
        "quarantined": [vars(item) for item in result.quarantined],
    }
    rows = [
        ("run", result.run_id),
        *((key.replace("_", " "), f"{value[key]:,}") for key in ("prompts", "generations", "newly_planned")),
    ]
    terminal.result(value, title="samples", rows=rows)
    for item in result.quarantined:
        terminal.say(f"quarantined: {', '.join(map(str, item.items))}: {item.error}")


@contextlib.contextmanager
def _endpoint(request: SampleRequest) -> Iterator[Endpoint]:
    if request.model == LOCAL_MODEL and request.base_url is None:
        from workers.local_model import local_model, model_name

        with local_model() as url:
            yield Endpoint(url, model_name(), prefill_echo="yes")
        return
    if request.base_url is None:
        raise UserError(
            f"--base-url: an endpoint is needed for model {request.model!r}; only {LOCAL_MODEL!r} runs here by itself"
        )
    yield Endpoint(request.base_url, request.model, api_key_env=request.api_key_env)


def _show_plan(
    request: SampleRequest,
    prompts: Path | None,
    out: Path,
    store: str | None,
    limit: int | None,
    terminal: Terminal,
) -> int:
    from workers.sampling import preview_sample

    model = request.model
    if request.base_url is None and model == LOCAL_MODEL:
        from workers.local_model import model_name

        model = model_name()
    if prompts is None:
        open_for_reading(out, store).dispose()
    plan = preview_sample(store_url(out, store), prompts, model, request.sampling(), n=request.samples, limit=limit)
    terminal.result(plan, title="plan (nothing is sampled)", rows=[(key, f"{count:,}") for key, count in plan.items()])
    return 0
