"""The facts of a curation: funnel, thresholds, warnings and quarantine from its manifest, the rest from the files that it names.

Reads `curate/manifest.json` below the out folder and, boundedly, the Parquet files beside it.
"""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from curation.job.layout import Layout
from curation.job.manifest import FunnelStep as ManifestStep
from curation.job.manifest import Manifest, load_manifest
from curation.rules.mixing import mixing_rules
from curation.rules.tables import edits_before, resolve_filter
from schemas.errors import RecipeError
from schemas.recipe import CurateRecipe
from schemas.steps import (
    FilterRecipe,
    LanguageRecipe,
    MixingRecipe,
    NearDedupRecipe,
    SemanticDedupRecipe,
    SpanDedupRecipe,
)
from service.report.browser import browsed_facts
from service.report.contamination import benchmark_facts
from service.report.documents import document_facts
from service.report.domains import domain_facts
from service.report.facts import CurationFact, FaultFact, Funnel, FunnelStep, InputFact, ReasonFact, ThresholdFact
from service.report.signals import RuleOf, signal_facts
from service.report.twins import Documents, evidence_facts

RUN_FOLDER = "curate"
MAX_SOURCES = 20
MAX_REASONS = 15
MAX_FAULTS = 50
MAX_WARNINGS = 30
#: The reasons of steps without a rule table. Named anew: their own modules take a second to import, and a test holds them equal.
LANGUAGE_NOT_KEPT = "language_not_kept"
LANGUAGE_SCORE_TOO_LOW = "language_score_too_low"
NEAR_DUPLICATE = "near_duplicate"
SEMANTIC_DUPLICATE = "semantic_duplicate"
MOSTLY_COPIED = "mostly_copied"
_KINDS = ("kept", "rejects", "duplicates", "contamination", "cuts", "quarantine", "index")


def curation_fact(out: Path) -> CurationFact | None:
    """Gives the facts of the curation under `out`; None where none has finished."""
    folder = out / RUN_FOLDER
    manifest = load_manifest(Layout(folder).manifest)
    if manifest is None:
        return None
    recipe = _recipe(manifest)
    near = {step.title for step in recipe.steps if step.kind == "near_dedup"} if recipe else set()
    kept, removed = manifest.paths(folder, "kept"), manifest.paths(folder, "rejects")
    documents = document_facts(kept, removed)
    domains, num_domains = domain_facts(kept, removed)
    thresholds = _thresholds(manifest, recipe) if recipe else []
    index = Documents(folder, manifest.paths(folder, "index"))
    evidence = evidence_facts(manifest.paths(folder, "duplicates"), near, index)
    benchmarks, benchmarks_sampled = benchmark_facts(manifest.paths(folder, "contamination"), index)
    return CurationFact(
        name=manifest.name,
        run_id=manifest.run_id,
        funnels=_funnels(manifest, recipe),
        inputs=_inputs(manifest),
        skipped=dict(sorted(manifest.skipped.items())[:MAX_REASONS]),
        warnings=manifest.warnings[:MAX_WARNINGS],
        faults=[_fault(item) for item in manifest.quarantine_head[:MAX_FAULTS]],
        num_faults=manifest.quarantined,
        lengths=documents.lengths,
        languages=documents.languages,
        documents_sampled=documents.sampled,
        thresholds=thresholds,
        signals=signal_facts(manifest.stats.get("histograms", {}), _numeric(thresholds)),
        domains=domains,
        num_domains=num_domains,
        browsed=browsed_facts(kept, removed, index, thresholds),
        benchmarks=benchmarks,
        benchmarks_sampled=benchmarks_sampled,
        num_near_duplicates=sum(step.documents_rejected for step in manifest.funnel if step.step in near),
        duplicates_by_step=evidence.by_step,
        twins=evidence.twins,
        similarity_edges=evidence.edges,
        similarity_counts=evidence.counts,
        clusters=evidence.clusters,
        duplicates_sampled=evidence.sampled,
        files=_files(manifest),
    )


def _recipe(manifest: Manifest) -> CurateRecipe | None:
    try:
        return CurateRecipe.model_validate(manifest.recipe)
    except ValidationError:  # of an older or newer Tamis: the page goes without what depends on it
        return None


def _fault(item: Mapping[str, str]) -> FaultFact:
    return FaultFact(*(str(item.get(name, "")) for name in ("locator", "source", "stage", "error", "pointer")))


def _inputs(manifest: Manifest) -> list[InputFact]:
    nothing: Mapping[str, int] = {}
    return [
        InputFact(
            source=source,
            files=stored.get("files", 0),
            stored_bytes=stored.get("bytes", 0),
            documents=manifest.read.get(source, nothing).get("documents", 0),
            text_bytes=manifest.read.get(source, nothing).get("bytes", 0),
        )
        for source, stored in sorted(manifest.inputs.items())[:MAX_SOURCES]
    ]


def _files(manifest: Manifest) -> list[tuple[str, int, int, int]]:
    rows = []
    for kind in _KINDS:
        parts = [item for item in manifest.artifacts if item.kind == kind]
        if parts:
            rows.append((kind, len(parts), sum(item.rows for item in parts), sum(item.bytes for item in parts)))
    return rows


def _funnels(manifest: Manifest, recipe: CurateRecipe | None) -> list[Funnel]:
    """Gives the funnel of everything, then of each source, the largest first."""
    only = {step.title: tuple(step.sources) for step in recipe.steps} if recipe else {}
    sources = sorted(manifest.read, key=lambda source: (-manifest.read[source].get("documents", 0), source))
    whole = Funnel(
        source="",
        docs_in=manifest.documents_read,
        bytes_in=sum(item.get("bytes", 0) for item in manifest.read.values()),
        docs_out=manifest.documents_kept,
        bytes_out=sum(item.get("bytes", 0) for item in manifest.kept.values()),
        steps=[_whole_step(step, only.get(step.step, ())) for step in manifest.funnel],
    )
    if len(sources) < 2:
        return [whole]
    return [whole, *(_source_funnel(manifest, source) for source in sources[:MAX_SOURCES])]


def _source_funnel(manifest: Manifest, source: str) -> Funnel:
    read, kept = manifest.read[source], manifest.kept.get(source, {})
    return Funnel(
        source=source,
        docs_in=read.get("documents", 0),
        bytes_in=read.get("bytes", 0),
        docs_out=kept.get("documents", 0),
        bytes_out=kept.get("bytes", 0),
        steps=[_source_step(step.step, step.by_source[source]) for step in manifest.funnel if source in step.by_source],
    )


def _whole_step(step: ManifestStep, sources: Sequence[str]) -> FunnelStep:
    reasons, more = _reasons(step.first_reasons, step.all_reasons)
    return FunnelStep(
        name=step.step,
        docs_in=step.documents_in,
        docs_out=step.documents_in - step.documents_rejected,
        bytes_in=step.bytes_in,
        bytes_out=step.bytes_in - step.bytes_rejected,
        reasons=reasons,
        more_reasons=more,
        sources=sources,
    )


def _source_step(name: str, numbers: Mapping[str, Any]) -> FunnelStep:
    entered, rejected = numbers["in"], numbers["rejected"]
    reasons, more = _reasons(numbers["first_reasons"], numbers["all_reasons"])
    return FunnelStep(
        name=name,
        docs_in=entered["documents"],
        docs_out=entered["documents"] - rejected["documents"],
        bytes_in=entered["bytes"],
        bytes_out=entered["bytes"] - rejected["bytes"],
        reasons=reasons,
        more_reasons=more,
    )


def _reasons(first: Mapping[str, Mapping[str, int]], every: Mapping[str, int]) -> tuple[list[ReasonFact], int]:
    facts = [ReasonFact(name, first.get(name, {}).get("documents", 0), every.get(name, 0)) for name in {*first, *every}]
    facts.sort(key=lambda fact: (-fact.first, -fact.any, fact.reason))
    return facts[:MAX_REASONS], max(0, len(facts) - MAX_REASONS)


def _thresholds(manifest: Manifest, recipe: CurateRecipe) -> list[ThresholdFact]:
    """Gives every rule of the recipe with its threshold, and how many documents failed it; also those that none failed."""
    counted = {step.step: step for step in manifest.funnel}
    facts = []
    for number, step in enumerate(recipe.steps):
        after = edits_before(recipe.steps, number)
        found = counted.get(step.title)
        first = {reason: item.get("documents", 0) for reason, item in found.first_reasons.items()} if found else {}
        every = Counter(found.all_reasons) if found else Counter()
        for reason, signal, operator, threshold, words in _rules(
            step.filter or step.language or step.mixing or step.near_dedup or step.semantic_dedup or step.span_dedup,
            after,
        ):
            facts.append(
                ThresholdFact(
                    step.title, reason, signal, operator, threshold, first.get(reason, 0), every[reason], words
                )
            )
    return facts


def _numeric(thresholds: Sequence[ThresholdFact]) -> list[RuleOf]:
    """Gives the rules that compare a number, for the histograms."""
    found = []
    for rule in thresholds:
        with contextlib.suppress(ValueError):
            found.append((rule.step, rule.reason, rule.signal, rule.operator, float(rule.threshold), rule.any))
    return found


def _rules(
    step: FilterRecipe | LanguageRecipe | MixingRecipe | NearDedupRecipe | SemanticDedupRecipe | SpanDedupRecipe | None,
    after: Sequence[str] = (),
) -> list[tuple[str, str, str, str, str]]:
    """Gives (reason, signal, operator, threshold, words) of one step's settings; nothing for steps without thresholds."""
    if isinstance(step, FilterRecipe):
        try:
            rules = resolve_filter(step, after=after)
        except RecipeError:  # a table that this version no longer has
            return []
        return [(rule.reason, rule.signal, rule.operator, f"{rule.threshold:g}", rule.doc) for rule in rules]
    if isinstance(step, MixingRecipe):
        return [
            (rule.reason, rule.signal, rule.operator, f"{rule.threshold:g}", rule.doc) for rule in mixing_rules(step)
        ]
    if isinstance(step, LanguageRecipe) and step.keep:
        return [
            (LANGUAGE_NOT_KEPT, "language", "not in", ", ".join(step.keep), "the languages that are kept"),
            (LANGUAGE_SCORE_TOO_LOW, "language_score", "<", f"{step.min_score:g}", f"least score of {step.engine}"),
        ]
    return _dedup_rules(step)


def _dedup_rules(
    step: LanguageRecipe | NearDedupRecipe | SemanticDedupRecipe | SpanDedupRecipe | None,
) -> list[tuple[str, str, str, str, str]]:
    if isinstance(step, NearDedupRecipe):
        words = f"true Jaccard of {step.ngram}-word shingles with an earlier document that stays"
        return [(NEAR_DUPLICATE, "similarity", "\u2265", f"{step.threshold:g}", words)]
    if isinstance(step, SemanticDedupRecipe):
        words = "cosine to the embedding of an earlier document that stays"
        return [(SEMANTIC_DUPLICATE, "cosine", "\u2265", f"{step.threshold:g}", words)]
    if isinstance(step, SpanDedupRecipe):
        words = "share of the characters that were cut, or nothing is left"
        return [(MOSTLY_COPIED, "cut_share", ">", f"{step.max_cut_share:g}", words)]
    return []
