"""Renders an audit into one HTML page without any outside resource. Reads the package's own templates and nothing else.

The page shows what `summary.json` holds and the worst samples, so its size does not grow with the generations.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from service.audit import drawings
from service.audit.model import KINDS
from service.audit.steps import step_number
from service.audit.worst import WorstSample
from service.report.formats import format_percent
from service.report.page import content_policy, page_environment, template_source

MAX_PAGE_BYTES: Final = 6 << 20
#: Rows and columns of the tables on the page; `summary.json` has all.
MAX_MODELS: Final = 12
MAX_LANGUAGES: Final = 40
MAX_MATRIX: Final = 14
MAX_ROWS: Final = 40
NUM_LEVELS: Final = 10
ALL: Final = "all models"


class Measure(NamedTuple):
    """A number as the page shows it: `good` says whether more is better, `needs` which setting it is measured with."""

    name: str
    label: str
    told: str
    good: bool = False
    needs: str = ""


MEASURES: Final = (
    Measure("reported", "Mixed", "generations with a reported span in another language"),
    Measure("failed", "Fails the filter", "generations whose share of target words is below the threshold"),
    Measure("other_language", "Other language", "generations with more than half of their words in another language"),
    Measure("off_script", "Other script", "generations with a span in another script"),
    Measure("strict_ratio", "Strict ratio", "target words over words, all texts together; R1's reward", good=True),
    Measure("lenient_ratio", "Lenient ratio", "the same with borrowed terms, acronyms and names allowed", good=True),
    Measure(
        "lpr", "LPR", "line pass rate: every line is in the target language, by fastText", good=True, needs="lid_model"
    ),
    Measure("wpr", "WPR", "word pass rate: no English word, among those that pass LPR", good=True, needs="words"),
)
KIND_WORDS: Final[Mapping[str, str]] = {
    "other_language": "Other language",
    "off_script": "Other script",
    "same_script": "Same script",
    "minor": "Minor",
    "clean": "Clean",
    "no_words": "No words",
}


class Cell(NamedTuple):
    """A cell of a heat map: an estimate or None, how bad it is from 0 to `NUM_LEVELS`, and what it says on hover."""

    found: Mapping[str, Any] | None
    level: int


class Matrix(NamedTuple):
    """Counts of one model by two languages, as rows (language, cells) under the columns `languages`."""

    model: str
    total: int
    per_thousand: float
    languages: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[int, int]]]]  # (count, level)


def render_audit(summary: Mapping[str, Any], samples: Sequence[WorstSample]) -> str:
    """Gives the page, with as many samples as fit into `MAX_PAGE_BYTES`. The same numbers give the same page."""
    page = _render(summary, samples)
    while samples and len(page.encode()) > MAX_PAGE_BYTES:
        samples = samples[: len(samples) // 2]
        page = _render(summary, samples)
    return page


def _render(summary: Mapping[str, Any], samples: Sequence[WorstSample]) -> str:
    environment = page_environment("service.audit")
    environment.globals.update(
        drawings=drawings, told=drawings.told, kind_words=KIND_WORDS, KINDS=KINDS, level=level_of
    )
    environment.filters.update(rate=format_rate)
    style = "\n".join(template_source(environment, name) for name in ("style.css", "audit.css"))
    script = "\n".join(template_source(environment, name) for name in ("script.js", "audit.js"))
    models = [group["model"] for group in summary["by"].get("model", [])]
    measures = [measure for measure in MEASURES if not measure.needs or summary["settings"][measure.needs]]
    return environment.get_template(
        "audit.html.j2"
    ).render(
        summary=summary,
        samples=samples,
        policy=content_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own files
        measures=measures,
        absent=[measure for measure in MEASURES if measure not in measures],
        models=models[:MAX_MODELS],
        num_models=len(models),
        languages=[group["target"] for group in summary["by"].get("target", [])[:MAX_LANGUAGES]],
        heat={measure.name: heat_map(summary, measure, models[:MAX_MODELS]) for measure in measures},
        positions=[part for model in models[:MAX_MODELS] for part in summary["positions"] if part["model"] == model],
        matrices=matrices(summary, models[:MAX_MODELS]),
        instead=found_instead(summary, models[:MAX_MODELS]),
        trends=trends(summary, models[: drawings.NUM_COLOURS]),
        tables=[
            (field, summary["by"].get(field, [])[:MAX_ROWS], len(summary["by"].get(field, [])))
            for field in ("domain", "finish_reason", "step")
        ],
        sample_models=Counter(sample.row["model"] for sample in samples),
        sample_targets=Counter(sample.row["target"] for sample in samples),
        sample_kinds=Counter(sample.row["kind"] for sample in samples),
    )


def format_rate(value: float) -> str:
    """Gives a share in percent with one decimal, so that columns align; only nothing is 0 and only all is 100."""
    return format_percent(value) if value in {0, 1} or not 0.001 <= value <= 0.999 else f"{100 * value:.1f} %"


def level_of(measure: Measure, found: Mapping[str, Any] | None) -> int:
    """Gives how dark a number is drawn: by the square root, so that one percent is told from none."""
    if found is None or found["value"] is None:
        return 0
    bad = 1 - found["value"] if measure.good else found["value"]
    return min(NUM_LEVELS, math.ceil(NUM_LEVELS * math.sqrt(max(0.0, bad)) - 1e-9))


def heat_map(summary: Mapping[str, Any], measure: Measure, models: Sequence[str]) -> list[tuple[str, list[Cell]]]:
    """Gives a row a target language, the language with most generations first, and in it a cell a model."""
    by_pair = {(group["model"], group["target"]): group for group in summary["by"].get("model,target", [])}
    rows = []
    for group in summary["by"].get("target", [])[:MAX_LANGUAGES]:
        found = [by_pair.get((model, group["target"]), {}).get(measure.name) for model in models]
        cells = [*found, group[measure.name]] if len(models) > 1 else found
        rows.append((group["target"], [Cell(cell, level_of(measure, cell)) for cell in cells]))
    return rows


def matrices(summary: Mapping[str, Any], models: Sequence[str]) -> list[Matrix]:
    """Gives the switch matrix of all models together, then of each that has one."""
    counts = _by_model(summary["transitions"], ("source", "target"), several=len(models) > 1)
    words = {group["model"]: group["num_strict_words"] for group in summary["by"].get("model", [])}
    words[ALL] = sum(words.values())
    found = []
    for model in (ALL, *models):
        if counts.get(model):
            languages = _largest(counts[model], (0, 1))
            found.append(_matrix(model, counts[model], languages, languages, words.get(model, 0)))
    return found


def found_instead(summary: Mapping[str, Any], models: Sequence[str]) -> list[Matrix]:
    """Gives for each target language in how many generations a span of each other language was found, as `matrices` does."""
    counts = _by_model(summary["found"], ("target", "language"), several=len(models) > 1)
    return [
        _matrix(model, counts[model], _largest(counts[model], (0,)), _largest(counts[model], (1,)))
        for model in (ALL, *models)
        if counts.get(model)
    ]


def _by_model(
    entries: Sequence[Mapping[str, Any]], fields: tuple[str, str], *, several: bool
) -> dict[str, Counter[tuple[str, str]]]:
    counts: dict[str, Counter[tuple[str, str]]] = {ALL: Counter()}
    for entry in entries:
        pair = (entry[fields[0]], entry[fields[1]])
        counts[ALL][pair] += entry["count"]
        if several:
            counts.setdefault(entry["model"], Counter())[pair] += entry["count"]
    return counts


def _largest(counts: Counter[tuple[str, str]], sides: Sequence[int]) -> list[str]:
    """Gives the languages that stand most often on these sides of a pair."""
    sizes: Counter[str] = Counter()
    for pair, count in counts.items():
        for side in sides:
            sizes[pair[side]] += count
    return [name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:MAX_MATRIX]]


def _matrix(
    model: str, counts: Counter[tuple[str, str]], from_: Sequence[str], to: Sequence[str], words: int = 0
) -> Matrix:
    most = max(counts.values())
    rows = [
        (one, [(counts[one, other], math.ceil(NUM_LEVELS * math.sqrt(counts[one, other] / most))) for other in to])
        for one in from_
    ]
    total = counts.total()
    return Matrix(model, total, 1000 * total / words if words else 0.0, to, rows)


def trends(summary: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any] | None:
    """Gives the steps and each model's shares at them; None unless there are two steps."""
    steps = [group["step"] for group in summary["by"].get("step", []) if group["step"]]
    if len(steps) < 2:
        return None
    numbers = [step_number(step) for step in steps]
    rising = all(number is not None for number in numbers) and len(set(numbers)) == len(numbers)
    places = numbers if rising else [float(place) for place in range(len(steps))]
    by_pair = {(group["model"], group["step"]): group for group in summary["by"].get("model,step", [])}

    def lines(name: str) -> dict[str, list[Any]]:
        found = {model: [by_pair.get((model, step), {}).get(name) for step in steps] for model in models}
        return {model: line for model, line in found.items() if any(line)}

    return {"steps": steps, "numbers": places, "reported": lines("reported"), "failed": lines("failed")}
