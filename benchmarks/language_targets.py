"""What the detector of language mixing is asked to do, and what a result of `bench_language.py` says it does: docs/language.md's rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]

#: Line pass rates with lid.176.ftz on the benchmark's own responses: monolingual, cross-lingual.
PUBLISHED_LINE_PASS = {
    "command-r": (98.0, 67.7),
    "gpt-3.5-turbo": (98.1, 89.1),
    "llama-3-instruct": (45.7, 30.0),
    "mistral-8x7b": (72.8, 69.1),
    "command-r-base": (85.5, 0.7),
}
GIVEN = {"en+zh": 0.997, "en+fr": 0.98, "de+en": 0.97, "es+pt": 0.94, "ru+uk": 0.92}
UNKNOWN = {"en+zh": 0.99, "en+fr": 0.97, "de+en": 0.96, "es+pt": 0.92, "ru+uk": 0.88}
#: Seconds a megabyte that a hostile text may take, whatever it is made of; each is at least one megabyte.
MAX_HOSTILE_SECONDS = 2.0


@dataclass(frozen=True)
class Target:
    """One number that is asked for: `wanted` is a lower bound, or an upper one (`most`)."""

    what: str
    wanted: float
    section: str
    read: Callable[[Result], float]
    unit: str = ""
    digits: int = 3
    most: bool = False

    def met(self, value: float) -> bool:
        """Tells whether a number keeps the bound."""
        return value <= self.wanted if self.most else value >= self.wanted

    def shown(self, value: float) -> str:
        """Writes a number as this one is written."""
        return f"{value:,.{self.digits}f}{self.unit}"


def _each(known: str, take: Callable[[Result], float]) -> Callable[[Result], Iterator[float]]:
    return lambda result: (take(row) for name, row in result["splices"].items() if name.endswith(known))


def _worst(name: str, known: str, worst: Callable[..., float]) -> Callable[[Result], float]:
    return lambda result: worst(_each(known, lambda row: float(row[name]))(result))


def _gain(known: str) -> Callable[[Result], float]:
    return lambda result: min(_each(known, lambda row: row["accuracy"] - row["lingua"]["accuracy"])(result))


def _pair(name: str) -> Callable[[Result], float]:
    return lambda result: float(result["splices"][name]["accuracy"])


def _line_pass_distance(result: Result) -> float:
    return max(
        abs(result["line_pass"][f"{model} {task}"] - value)
        for model, values in PUBLISHED_LINE_PASS.items()
        for task, value in zip(("monolingual", "crosslingual"), values, strict=True)
    )


def _slowest_hostile(result: Result) -> float:
    rows = result["hostile"].values()
    return max(row["seconds"] / row["megabytes"] if "seconds" in row else float("inf") for row in rows)


TARGETS = (
    *(Target(f"words labelled rightly, the two languages given: {pair}", wanted, "splices", _pair(f"{pair} given"), digits=4) for pair, wanted in GIVEN.items()),
    *(Target(f"the same, any of 25 languages: {pair}", wanted, "splices", _pair(f"{pair} unknown"), digits=4) for pair, wanted in UNKNOWN.items()),
    Target("error of the target's share (`strict` ratio), two given, worst pair", 0.03, "splices", _worst("ratio_error", "given", max), most=True),
    Target("the same, any of 25 languages, worst pair", 0.03, "splices", _worst("ratio_error", "unknown", max), most=True),
    Target("clean text flagged: six Tatoeba sentences", 1, "clean", lambda r: 100 * r["clean"]["tatoeba"]["flagged"], " %", 2, most=True),
    Target("clean text flagged: MGSM questions", 2, "clean", lambda r: 100 * r["clean"]["mgsm"]["flagged"], " %", 2, most=True),
    Target("one word of another script in 500 words, found", 99.9, "planted", lambda r: 100 * r["planted"]["word"]["found"], " %", 2),
    Target("one clause of 4-8 words of the same script in 500 words, found", 90, "planted", lambda r: 100 * r["planted"]["clause"]["found"], " %", 1),
    Target("line pass rate, largest distance to the published", 1, "line_pass", _line_pass_distance, " points", 2, most=True),
    Target("check by script, one core, slowest of English, Chinese, French", 150, "throughput", lambda r: min(row["check"] for row in r["throughput"].values()), " MB/s", 0),
    Target("full labelling, English, one core", 20, "throughput", lambda r: r["throughput"]["en"]["labelling"], " MB/s", 1),
    Target("full labelling, Chinese, one core", 20, "throughput", lambda r: r["throughput"]["zh"]["labelling"], " MB/s", 1),
    Target("full labelling, French, one core", 5, "throughput", lambda r: r["throughput"]["fr"]["labelling"], " MB/s", 1),
    Target("more right than lingua's spans, two given, worst pair", 0.0, "splices", _gain("given")),
    Target("more right than lingua's spans, any of 25, worst pair", 0.0, "splices", _gain("unknown")),
    Target("times lingua's speed, two given, worst pair", 20, "splices", _worst("times_lingua", "given", min), " x", 0),
    Target("times lingua's speed, any of 25, worst pair", 20, "splices", _worst("times_lingua", "unknown", min), " x", 0),
    Target("slowest hostile text, for a megabyte", MAX_HOSTILE_SECONDS, "hostile", _slowest_hostile, " s", 2, most=True),
)  # fmt: skip


def table(result: Result) -> list[str]:
    """Gives the rows of a result, whole or in part, as Markdown."""
    lines = ["| what | at least, or at most (≤) | measured | |", "| --- | ---: | ---: | --- |"]
    for target in TARGETS:
        if target.section in result:
            value = target.read(result)
            bound = f"{'≤ ' if target.most else ''}{target.wanted:g}{target.unit}"
            lines.append(
                f"| {target.what} | {bound} | {target.shown(value)} | {'yes' if target.met(value) else '**short**'} |"
            )
    return lines


def pair_table(result: Result) -> list[str]:
    """Gives each pair beside lingua, as Markdown."""
    lines = [
        "| pair, languages | right | lingua | share's error | lingua | formulas and code as `zxx` | times lingua's speed |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in result["splices"].items():
        lingua = row["lingua"]
        lines.append(
            f"| {name} | {row['accuracy']:.4f} | {lingua['accuracy']:.4f} | {row['ratio_error']:.4f} | {lingua['share_error']:.4f} "
            f"| {row['formulas_and_code_as_zxx']:.3f} | {row['times_lingua']:.0f} |"
        )
    return lines


def hostile_table(result: Result) -> list[str]:
    """Gives the hostile texts, as Markdown."""
    lines = ["| text | MB | seconds | peak memory of the process |", "| --- | ---: | ---: | ---: |"]
    for name, row in result["hostile"].items():
        shown = (
            f"{row['megabytes']:.1f} | {row['seconds']:.2f} | {row['peak_bytes'] / 1e6:,.0f} MB"
            if "seconds" in row
            else "| failed |"
        )
        lines.append(f"| {name} | {shown} |")
    return [*lines, "", f"Measured at {result['commit']}; `make bench-language` measures again."]
