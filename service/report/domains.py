"""The hosts that documents came from, before and after curation. Reads the URL column of row groups spread evenly over the files."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from service.report.facts import DomainFact
from service.report.parquet import Scan

#: Documents whose hosts are counted; a larger corpus is sampled by row groups.
MAX_DOCUMENTS = 1_000_000
MAX_DOMAINS = 30
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/:?#]+)"


def domain_facts(kept: Sequence[Path], removed: Sequence[Path]) -> tuple[list[DomainFact], int]:
    """Gives the `MAX_DOMAINS` hosts with the most documents, and how many hosts there are; without `www.`, in lower case."""
    stays = set(kept)
    counted: list[pl.DataFrame] = []
    for path, batch in Scan([*kept, *removed], MAX_DOCUMENTS).batches(("url",)):
        if "url" not in batch.schema.names:
            continue
        hosts = pl.Series("url", batch.column("url"), dtype=pl.String).drop_nulls().str.extract(_HOST, 1)
        hosts = hosts.drop_nulls().str.to_lowercase().str.strip_prefix("www.")
        frame = hosts.alias("domain").value_counts(name="before")
        counted.append(frame.with_columns(after=pl.col("before") * int(path in stays)))
        if len(counted) > 64:
            counted = [_summed(counted)]
    if not counted:
        return [], 0
    whole = _summed(counted).sort(["before", "domain"], descending=[True, False])
    rows = whole.head(MAX_DOMAINS).iter_rows(named=True)
    return [DomainFact(row["domain"], row["before"], row["after"]) for row in rows], whole.height


def _summed(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames).group_by("domain").agg(pl.col("before").sum(), pl.col("after").sum())
