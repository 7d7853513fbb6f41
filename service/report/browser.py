"""Chooses kept documents, and rejected ones by reason, to look at, and reads the head of their texts.

Ids are hashes, so the first by id are as good as drawn at random, and the same each time. Reads the ids and reasons of row groups
spread evenly over the files, then the index and the few rows that are shown.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from service.report.facts import BrowsedFact, ThresholdFact
from service.report.highlight import excerpt
from service.report.parquet import Scan
from service.report.twins import Documents, where

#: Rows whose reasons are looked at.
MAX_ROWS = 1_000_000
#: Documents shown of a reason, and of those that were kept.
EACH = 4
KEPT = 12
MAX_BROWSED = 160
MAX_TEXT_CHARACTERS = 900
KEPT_TAG = "kept"
_COLUMNS = ("id", "text", "source", "url", "path", "meta", "language", "step", "reasons")


def browsed_facts(
    kept: Sequence[Path], removed: Sequence[Path], documents: Documents, thresholds: Sequence[ThresholdFact]
) -> list[BrowsedFact]:
    """Gives documents to look at: the kept ones, then those of each reason, the commonest reason first.

    Args:
        kept: files of the documents contract.
        removed: files of the rejects contract.
        documents: finds rows by id.
        thresholds: the recipe's rules, to tell a reason in numbers.
    """
    chosen = {KEPT_TAG: _kept_ids(kept), **_removed_ids(removed)}
    rules = {(rule.step, rule.reason): rule for rule in thresholds}
    signals = {rule.signal for rule in thresholds}
    facts: list[BrowsedFact] = []
    for tag, ids in chosen.items():
        if len(facts) >= MAX_BROWSED:
            break
        found = documents.fetch(set(ids), [*_COLUMNS, *sorted(signals)])
        facts += [_fact(found[name], tag, rules) for name in ids if name in found]
    return facts


def _kept_ids(files: Sequence[Path]) -> list[str]:
    first: list[str] = []
    for _, batch in Scan(files, MAX_ROWS).batches(("id",)):
        first = sorted([*first, *pl.Series(batch.column("id")).bottom_k(KEPT).to_list()])[:KEPT]
    return first


def _removed_ids(files: Sequence[Path]) -> dict[str, list[str]]:
    """Gives the first ids of each step and first reason, by tag; the commonest reason first."""
    counts: dict[tuple[str, str], int] = {}
    firsts: dict[tuple[str, str], list[str]] = {}
    for _, batch in Scan(files, MAX_ROWS).batches(("id", "step", "reasons")):
        frame = pl.DataFrame({name: pl.Series(batch.column(name)) for name in ("id", "step", "reasons")})
        frame = frame.with_columns(reason=pl.col("reasons").list.first())
        grouped = frame.group_by("step", "reason").agg(pl.len(), pl.col("id").bottom_k(EACH))
        for row in grouped.iter_rows(named=True):
            key = (row["step"], row["reason"] or "")
            counts[key] = counts.get(key, 0) + row["len"]
            firsts[key] = sorted([*firsts.get(key, []), *row["id"]])[:EACH]
    ordered = sorted(counts, key=lambda key: (-counts[key], key))
    return {f"reason-{number}": firsts[key] for number, key in enumerate(ordered)}


def _fact(row: Mapping[str, Any], tag: str, rules: Mapping[tuple[str, str], ThresholdFact]) -> BrowsedFact:
    step, reasons = row.get("step") or "", row.get("reasons") or []
    readings = [_reading(rules[step, reason], row) for reason in reasons if (step, reason) in rules]
    return BrowsedFact(
        id=row["id"],
        tag=tag,
        step=step,
        reasons=reasons,
        readings=[reading for reading in readings if reading],
        source=row["source"],
        where=where(dict(row)),
        language=row.get("language") or "",
        characters=len(row["text"]),
        text=excerpt(row["text"], [], MAX_TEXT_CHARACTERS),
    )


def _reading(rule: ThresholdFact, row: Mapping[str, Any]) -> str:
    value = row.get(rule.signal)
    if value is None or isinstance(value, str):
        return ""
    return f"{rule.signal} {value:.4g} {rule.operator} {rule.threshold}"
