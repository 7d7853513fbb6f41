"""The data card of a selected set: what it is, how it came about, and what was left out for which reason.

Pure: makes JSON and Markdown from counts. A card holds no time and no path, so the same set has the same card.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.files import Part
from schemas.recipe import SelectRecipe
from workers.judges import Judge
from workers.ranking import BELOW, MET, NOT_CORRECT, NOT_VERIFIED, UNSCORED, Outcome

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$&])")
#: First reasons in the funnel, after those of the requirements.
OUT_OF_SCOPE, PASS_RATE, SAME_TEXT, BEYOND_PER_PROMPT, BEYOND_LIMIT = (
    "out_of_scope",
    "pass_rate_outside",
    "same_text",
    "beyond_per_prompt",
    "beyond_limit",
)


def count_funnel(
    judges: Sequence[Judge],
    outcomes: Sequence[Outcome],
    scope: Mapping[str, Mapping[str, int]],
    distinct: tuple[int, int],
    num_selected: int,
    outside: int = 0,
) -> dict[str, Any]:
    """Counts every generation of the store once, under the first thing that left it out, and all reasons beside that.

    Args:
        judges: in the order of the requirements, which is the order of first reasons.
        outcomes: of `Ranking.outcomes`.
        scope: of `Ranking.scope`.
        distinct: distinct texts that meet the requirements, and those of them within `per_prompt`.
        num_selected: items of the set.
        outside: generations whose prompts have a pass rate that is not asked for.

    Returns:
        ``prompts`` and ``generations`` down the funnel; ``dropped_first`` (reason -> generations; with the selected they add up
        to those in the store); ``dropped_all`` (reason of a requirement -> generations that failed it, whatever else they
        failed); ``unscored`` (generations without a score from a required verifier: our failure, never counted as wrong);
        ``not_verified``; ``verdicts`` (verifier -> status -> generations of the scope).
    """
    first: Counter[str] = Counter()
    every: Counter[str] = Counter()
    apart: Counter[str] = Counter()
    verdicts: dict[str, Counter[str]] = {judge.verifier: Counter() for judge in judges}
    required = [number for number, judge in enumerate(judges) if judge.minimum is not None]
    for outcome in outcomes:
        for judge, status in zip(judges, outcome.statuses, strict=True):
            verdicts[judge.verifier][status] += outcome.generations
        failed = [number for number in required if outcome.outcomes[number] != MET]
        reasons = [f"{judges[number].verifier}_{outcome.outcomes[number]}" for number in failed]
        every.update(dict.fromkeys(reasons, outcome.generations))
        first.update(dict.fromkeys(reasons[:1], outcome.generations))
        for kind in {outcome.outcomes[number] for number in failed} - {BELOW, NOT_CORRECT}:
            apart[kind] += outcome.generations
    generations = dict(scope["generations"])
    if outside:
        every[PASS_RATE] = outside
    met = sum(
        outcome.generations for outcome in outcomes if all(outcome.outcomes[number] == MET for number in required)
    )
    first[PASS_RATE] = met - generations["met_requirements"]
    first[OUT_OF_SCOPE] = generations["in_store"] - generations["in_scope"]
    first[SAME_TEXT] = generations["met_requirements"] - distinct[0]
    first[BEYOND_PER_PROMPT] = distinct[0] - distinct[1]
    first[BEYOND_LIMIT] = distinct[1] - num_selected
    return {
        "prompts": dict(scope["prompts"]),
        "generations": {**generations, "distinct_texts": distinct[0], "selected": num_selected},
        "dropped_first": {reason: count for reason, count in first.items() if count},
        "dropped_all": dict(every),
        "unscored": apart[UNSCORED],
        "not_verified": apart[NOT_VERIFIED],
        "verdicts": {name: dict(sorted(counts.items())) for name, counts in verdicts.items()},
    }


def list_warnings(judges: Sequence[Judge], counts: Mapping[str, Any]) -> list[str]:
    """Says what a reader of the counts must not miss."""
    warnings = []
    if counts["generations"]["selected"] == 0:
        warnings.append("nothing was selected")
    if counts["unscored"]:
        warnings.append(
            f"{counts['unscored']} generations have no score from a required verifier: our failure, so they are neither "
            "selected nor counted as wrong; try `tamis verify --retry-status error`"
        )
    if counts["not_verified"]:
        warnings.append(
            f"{counts['not_verified']} generations have no verdict of a required verifier; run `tamis verify`"
        )
    warnings.extend(
        f"{judge.verifier}: {number} verdicts of version {version}, settings {settings} are passed over"
        for judge in judges
        for version, settings, number in judge.passed_over
    )
    return warnings


def build_card(
    selection_id: str,
    recipe: SelectRecipe,
    *,
    judges: Sequence[Mapping[str, Any]],
    counts: Mapping[str, Any],
    samplings: Mapping[str, Any],
    files: Mapping[str, Sequence[Part]],
    warnings: Sequence[str],
    code_version: str,
) -> dict[str, Any]:
    """Puts the card together as a JSON object.

    Args:
        selection_id: of the set.
        recipe: resolved.
        judges: a JSON object for each verifier used: name, version, settings_hash, minimum, settings as far as known, runs.
        counts: of `count_funnel`, with ``models``, ``sources``, ``tokens``.
        samplings: sampling hash -> settings, of the selected.
        files: kind -> files, with their content hashes.
        warnings: of `list_warnings`.
        code_version: of the code that selected.
    """
    models = [{**row, "sampling": samplings.get(row["sampling_hash"])} for row in counts["models"]]
    return {
        "selection_id": selection_id,
        "name": recipe.name,
        "kind": "rejection-sampling SFT set",
        "recipe": recipe.model_dump(mode="json"),
        "verifiers": list(judges),
        "counts": {**counts, "models": models},
        "files": {kind: [part.to_json() for part in parts] for kind, parts in files.items()},
        "warnings": list(warnings),
        "code_version": code_version,
    }


def render_card(card: Mapping[str, Any]) -> str:
    """Gives the card as Markdown. Names from outside (models, sources) are escaped: they may be hostile."""
    counts = card["counts"]
    generations, prompts, tokens = counts["generations"], counts["prompts"], counts["tokens"]
    lines = [
        f"# {_escape(card['name'])}",
        "",
        f"A {card['kind']}. Completions: {generations['selected']:,}; prompts: {prompts['selected']:,}; "
        f"tokens: {tokens['selected']:,}"
        + (f" (not counted for {tokens['selected_without_count']:,})" if tokens["selected_without_count"] else "")
        + f". Selection `{card['selection_id']}`, code version {_escape(card['code_version'])}.",
        "",
        *(f"> **Note:** {_escape(warning)}  " for warning in card["warnings"]),
        "",
        "## What was asked",
        "",
        *_table(("verifier", "least score", "version", "settings", "hash"), map(_judge_row, card["verifiers"])),
        "",
        _sentence(card["recipe"]),
        "",
        "## From the store to the set",
        "",
        *_table(("step", "prompts", "generations"), _funnel_rows(prompts, generations)),
        "",
        "## What was left out, and why",
        "",
        "Each generation counts once under its first reason; the last column counts every generation that the reason holds for.",
        "",
        *_table(("reason", "first reason", "holds for"), _reason_rows(counts)),
        "",
        "`below_minimum` and `not_correct` are the model's doing. `unscored` is ours (bad gold, a failed tool): never counted as wrong.",
        "",
        "## Verdicts",
        "",
        *_table(
            ("verifier", "status", "generations"),
            ((name, status, n) for name, found in counts["verdicts"].items() for status, n in found.items()),
        ),
        "",
        "## Where it comes from",
        "",
        *_table(
            ("source", "task", "language", "generations", "selected"),
            (
                (row["source"], row["task"], row["language"] or "", row["generations"], row["selected"])
                for row in counts["sources"]
            ),
        ),
        "",
        *_table(
            ("model", "sampling", "generations", "selected"),
            ((row["model"], _sampling(row), row["generations"], row["selected"]) for row in counts["models"]),
        ),
        "",
        "## Files",
        "",
        *_table(
            ("file", "rows", "bytes", "SHA-256"),
            (
                (part["name"], part["rows"], part["bytes"], part["sha256"])
                for parts in card["files"].values()
                for part in parts
            ),
        ),
        "",
    ]
    return "\n".join(lines)


def _judge_row(judge: Mapping[str, Any]) -> tuple[Any, ...]:
    least = "ranks only" if judge["minimum"] is None else f">= {judge['minimum']:g}"
    least += " and correct" if judge.get("correct") else ""
    given = judge["settings"]
    settings = "unknown" if given is None else ", ".join(f"{key} {given[key]}" for key in sorted(given)) or "defaults"
    return (judge["verifier"], least, judge["version"], settings, judge["settings_hash"])


def _sentence(recipe: Mapping[str, Any]) -> str:
    order = ", ".join(
        f"{key['by']} {'ascending' if key['order'] == 'asc' else 'descending'}" for key in recipe["order_by"]
    )
    band = recipe.get("pass_rate")
    between = (
        f" Only prompts with at least {band['min_samples']} scored samples and a pass rate of {band['verifier']} above "
        f"{band['too_hard']:g} and below {band['too_easy']:g}."
        if band
        else ""
    )
    limit = f" At most {recipe['limit']:,} in all: every prompt's best before any second." if recipe["limit"] else ""
    scope = "".join(f" Only {field}: {', '.join(recipe[field])}." for field in ("models", "sources") if recipe[field])
    return _escape(
        f"At most {recipe['per_prompt']} a prompt, ranked by {order or 'nothing'}, then generation id. "
        f"Identical texts of a prompt count once.{between}{limit}{scope}"
    )


def _funnel_rows(prompts: Mapping[str, int], generations: Mapping[str, int]) -> list[tuple[Any, ...]]:
    return [
        ("in the store", prompts["in_store"], generations["in_store"]),
        ("sampled, in scope", prompts["in_scope"], generations["in_scope"]),
        ("meet every requirement", prompts["met_requirements"], generations["met_requirements"]),
        ("distinct texts of a prompt", prompts["met_requirements"], generations["distinct_texts"]),
        ("selected", prompts["selected"], generations["selected"]),
    ]


def _reason_rows(counts: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    first, every = counts["dropped_first"], counts["dropped_all"]
    return [(reason, first.get(reason, 0), every.get(reason, "")) for reason in dict.fromkeys([*every, *first])]


def _sampling(row: Mapping[str, Any]) -> str:
    settings = row["sampling"]
    return (
        row["sampling_hash"]
        if settings is None
        else ", ".join(f"{key} {value}" for key, value in sorted(settings.items()))
    )


def _table(header: Sequence[str], rows: Any) -> list[str]:
    body = [
        "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else _escape(str(cell)) for cell in row) + " |"
        for row in rows
    ]
    return ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header), *body]


def _escape(text: str) -> str:
    """Escapes Markdown and HTML, and shows control and bidi characters by their code points."""
    shown = "".join(
        f"U+{ord(char):04X}" if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text
    )
    return _MARKDOWN_SPECIAL.sub(r"\\\1", shown)
