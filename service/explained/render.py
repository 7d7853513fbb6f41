"""Shows what is known of an id on a terminal. Everything that comes from data is escaped: it may try to steer the terminal.

Pure but for the console that it is given.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from service.report.highlight import Span, plain_marks

#: Characters of a text that are shown from its beginning, and on each side of a span that stands further on.
MAX_TEXT_CHARACTERS = 4000
SPAN_CONTEXT_CHARACTERS = 80
MAX_LATER_SPANS = 10
MAX_PROMPT_CHARACTERS = 1500
_MAX_LINE_CHARACTERS = 300
_GOOD, _BAD, _OURS, _DIM = "green", "bold red", "yellow", "dim"


def render(kind: str, number: str, facts: Mapping[str, Any], console: Console) -> None:
    """Shows the facts of `explain` for a kind."""
    console.print(Text(f"{kind} {number}", style="bold"))
    _SHOWN[kind](facts, console)


def safe(value: Any, limit: int = _MAX_LINE_CHARACTERS) -> str:
    """Gives a value in one line: controls, bidi controls and line ends as visible marks, cut at `limit` characters."""
    text = plain_marks(str(value)[: limit + 1]).replace("\n", "\u240a").replace("\t", "\u2409")
    return text if len(text) <= limit else f"{text[:limit]}\u2026"


def _show_generation(facts: Mapping[str, Any], console: Console) -> None:
    from service.report.samples import spans_of, why_text  # with the store's tables, which documents do not need

    sampling = facts["sampling"]
    _pairs(
        console,
        [
            ("model", facts["model"]),
            ("sampling", _inline(sampling) if isinstance(sampling, dict) else sampling),
            ("sample", facts["sample_index"]),
            ("tokens", "not counted" if facts["tokens"] is None else facts["tokens"]),
            ("finish reason", facts["finish_reason"]),
            ("file", f"{facts['file']} row {facts['row']}"),
        ],
    )
    _show_question(facts["prompt"], console)
    verdicts = Table(title="verdicts", title_justify="left", title_style="bold", pad_edge=False)
    for name in ("verifier", "status", "score", "why", "version", "settings"):
        verdicts.add_column(name, overflow="fold")
    for verdict in facts["verdicts"]:
        style = _verdict_style(verdict) if verdict["current"] else _DIM
        detail = verdict["detail"] if isinstance(verdict["detail"], dict) else {"detail": verdict["detail"]}
        cells = (
            Text(safe(verdict["verifier"])),
            Text(safe(verdict["status"]), style=style),
            Text(_number(verdict["score"]), style=style),
            Text(safe(why_text(detail))),
            Text(f"{verdict['version']}" + ("" if verdict["current"] else ", older")),
            Text(safe(verdict["settings_hash"])),
        )
        verdicts.add_row(*cells)
    console.print(verdicts if facts["verdicts"] else Text("no verdict yet: run `tamis verify`", style=_OURS))
    for standing in facts["selections"]:
        _show_standing(standing, console)
    spans = [
        span
        for verdict in facts["verdicts"]
        if verdict["current"] and isinstance(verdict["detail"], dict)
        for span in spans_of(verdict["detail"])
    ]
    _show_text("text", facts["text"], console, spans)


def _show_standing(standing: Mapping[str, Any], console: Console) -> None:
    name = safe(standing["name"])
    if standing["selected"]:
        console.print(Text.assemble(("selected", _GOOD), f" in {name}: {safe(standing['why'])}"))
        return
    console.print(Text.assemble(("not selected", _BAD), f" in {name}:"))
    for reason in standing["reasons"]:
        console.print(Text(f"  {safe(reason)}"))


def _show_prompt(facts: Mapping[str, Any], console: Console) -> None:
    _show_question(facts, console)
    names = sorted({name for generation in facts["generations"] for name in generation["scores"]})
    table = Table(
        title=f"{facts['num_generations']:,} generations", title_justify="left", title_style="bold", pad_edge=False
    )
    for name in ("generation", "model", "sample", "tokens", *map(safe, names), "selected in"):
        table.add_column(name, overflow="fold")
    for generation in facts["generations"]:
        scores = generation["scores"]
        table.add_row(
            Text(generation["id"]),
            Text(safe(generation["model"])),
            Text(str(generation["sample_index"])),
            Text("" if generation["tokens"] is None else str(generation["tokens"])),
            *(_score_cell(scores.get(name)) for name in names),
            Text(safe(", ".join(generation["selected_in"])), style=_GOOD),
        )
    console.print(table)
    left = facts["num_generations"] - len(facts["generations"])
    if left:
        console.print(Text(f"and {left:,} more", style=_DIM))


def _show_question(prompt: Mapping[str, Any], console: Console) -> None:
    from service.report.samples import conversation_text, gold_text

    _pairs(
        console,
        [
            ("prompt", prompt["id"]),
            ("task", prompt["task"]),
            ("source", prompt["source"]),
            ("domain", prompt["domain"]),
            ("language", prompt["language"]),
            ("gold", gold_text(json.dumps(prompt["gold"], ensure_ascii=False))),
        ],
    )
    messages = conversation_text(json.dumps(prompt["messages"], ensure_ascii=False))
    _show_text("prompt", messages, console, limit=MAX_PROMPT_CHARACTERS)


def _show_document(facts: Mapping[str, Any], console: Console) -> None:
    outcome = facts["outcome"]
    if facts["removed"] is None:
        console.print(Text("kept", style=_GOOD))
    else:
        reasons = ", ".join(facts["removed"]["reasons"])
        console.print(Text.assemble(("removed", _BAD), f" by {safe(outcome)}: {safe(reasons)}"))
    names = ("source", "dump", "url", "path", "repo", "timestamp", "language", "language_score", "locator")
    _pairs(console, [(name.replace("_", " "), facts[name]) for name in names])
    _pairs(console, [("file", f"{facts['file']} row {facts['row']}"), ("characters", f"{facts['characters']:,}")])
    for step in facts["steps"]:
        _show_step(step, console)
    _show_passages(facts, console)
    _show_cuts(facts, console)
    _show_twins(facts, console)
    _show_text("text", facts["text"], console, cut=facts["characters"] - len(facts["text"]))


def _show_step(step: Mapping[str, Any], console: Console) -> None:
    style = {"removed": _BAD, "passed": _GOOD}.get(step["state"], _DIM)
    said = {"not_reached": "not reached", "not_for_source": "not for this source"}.get(step["state"], step["state"])
    console.print(Text.assemble((safe(step["step"]), "bold"), f" ({safe(step['kind'])}): ", (said, style)))
    if not step["readings"]:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for name in ("signal", "value", "fails if", ""):
        table.add_column(name, justify="right" if name == "value" else "left", header_style=_DIM, overflow="fold")
    for reading in step["readings"]:
        limit = "" if reading["threshold"] is None else f"{reading['operator']} {_number(reading['threshold'])}"
        verdict = (
            Text(f"\u2717 {safe(reading['reason'])}", style=_BAD) if reading["failed"] else Text("\u2713", style=_GOOD)
        )
        table.add_row(Text(safe(reading["signal"])), Text(_number(reading["value"])), Text(safe(limit)), verdict)
    console.print(table)


def _show_passages(facts: Mapping[str, Any], console: Console) -> None:
    if not facts["passages"]:
        return
    console.print(Text(f"{facts['num_passages']:,} passages of evaluation sets", style="bold"))
    for row in facts["passages"]:
        where = f"{safe(row['benchmark'])}, item {safe(row['item'])}: {row['words']:,} words, characters {row['start']:,} to {row['end']:,}"
        console.print(Text(f"  {where} ({safe(row['step'])})"))
        around = (safe(row[name]).replace("\n", " ") for name in ("before", "text", "after"))
        before, passage, after = around
        console.print(Text.assemble("    ", (before, _DIM), (passage, _BAD), (after, _DIM)))


def _show_cuts(facts: Mapping[str, Any], console: Console) -> None:
    if not facts["num_cuts"]:
        return
    console.print(Text(f"{facts['num_cuts']:,} passages cut out, for they stand earlier elsewhere", style="bold"))
    for row in facts["cuts"]:
        dump = f" of dump {safe(row['kept_dump'])}" if row["kept_dump"] else ""
        first = (
            "above in this text" if row["kept_id"] == facts["id"] else f"in {row['kept_id']}{dump} {safe(row['where'])}"
        )
        console.print(Text(f"  characters {row['start']:,} to {row['end']:,} ({safe(row['step'])}), first {first}"))
        console.print(Text(f"    {safe(row['text'])}", style=_BAD))


def _show_twins(facts: Mapping[str, Any], console: Console) -> None:
    twin = facts["twin"]
    if twin is not None:
        dump = f" of dump {safe(twin['kept_dump'])}" if twin["kept_dump"] else ""
        console.print(
            Text(
                f"stays in its place: {twin['kept_id']}{dump} {safe(twin['where'])} (similarity {twin['similarity']:.3f})"
            )
        )
    if facts["replaces"]:
        console.print(Text(f"{facts['num_replaces']:,} documents were removed in its favour"))
        for other in facts["replaces"]:
            console.print(
                Text(f"  {other['id']} {other['similarity']:.3f} {safe(other['step'])} {safe(other['where'])}")
            )
    if facts["cluster"] is not None:
        console.print(Text(f"cluster {facts['cluster']['id']}: {facts['cluster']['removed']:,} removed documents"))


def _show_text(
    title: str,
    text: str,
    console: Console,
    spans: Sequence[Span] = (),
    *,
    limit: int = MAX_TEXT_CHARACTERS,
    cut: int = 0,
) -> None:
    """Shows the beginning of a text with its spans, then the surroundings of spans further on, then how much is left out."""
    console.print(Rule(Text(title, style=_DIM), align="left", style=_DIM))
    console.print(highlighted(text, spans, 0, min(limit, len(text))))
    later = [span for span in spans if span.end > limit]
    for span in later[:MAX_LATER_SPANS]:
        start = max(limit, span.start - SPAN_CONTEXT_CHARACTERS)
        stop = min(len(text), span.end + SPAN_CONTEXT_CHARACTERS, start + 4 * SPAN_CONTEXT_CHARACTERS)
        console.print(Text(f"\u2026 at character {start:,}:", style=_DIM))
        console.print(highlighted(text, spans, start, stop))
    hidden = max(0, len(text) - limit) + cut
    if hidden:
        console.print(Text(f"\u2026 {hidden:,} characters more", style=_DIM))


def highlighted(text: str, spans: Iterable[Span], start: int, stop: int) -> Text:
    """Gives a stretch of a text with its spans marked and named; overlapping spans are cut at the end of the one before."""
    shown = Text()
    position = start
    for span in sorted(spans, key=lambda item: (item.start, item.end)):
        left, right = max(span.start, position), min(span.end, stop)
        if left >= right:
            continue
        shown.append(plain_marks(text[position:left]))
        shown.append(plain_marks(text[left:right]), style="bold white on red")
        shown.append(f"[{safe(span.label)}]", style=_DIM)
        position = right
    shown.append(plain_marks(text[position:stop]))
    return shown


def _pairs(console: Console, rows: Sequence[tuple[str, Any]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style=_DIM, min_width=13)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value not in (None, ""):
            table.add_row(Text(name), Text(safe(value)))
    console.print(table)


def _inline(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value[key]}" for key in sorted(value))


def _number(value: float | str | None) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else safe(value)


def _verdict_style(verdict: Mapping[str, Any]) -> str:
    if verdict["score"] is None:
        return _OURS
    return _GOOD if verdict["score"] >= 1.0 or verdict["status"] == "correct" else _BAD


def _score_cell(said: Mapping[str, Any] | None) -> Text:
    if said is None:
        return Text("not verified", style=_DIM)
    return Text(f"{_number(said['score'])} {safe(said['status'])}", style=_verdict_style(said))


_SHOWN: Mapping[str, Callable[[Mapping[str, Any], Console], None]] = {
    "generation": _show_generation,
    "prompt": _show_prompt,
    "document": _show_document,
}
