"""What the demo found, read from the run's own files: the numbers of the funnel, and installed files that are near-copies."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from curation.job.driver import RUN_FOLDER
from curation.job.manifest import Manifest
from service.console import human_bytes, share

_SHOWN_REASONS = 3


@dataclass(frozen=True)
class NearCopy:
    """Two installed files that are nearly the same; `similarity` is their true shingle Jaccard."""

    similarity: float
    removed_id: str
    removed: str
    kept: str


def near_copies(out: Path, manifest: Manifest, most: int) -> list[NearCopy]:
    """Gives verified pairs of files, the largest removed text first, one pair for each kept file.

    Args:
        out: the demo's folder.
        manifest: of its curation.
        most: how many pairs.
    """
    folder = out / RUN_FOLDER
    duplicates, kept, rejects = (manifest.paths(folder, kind) for kind in ("duplicates", "kept", "rejects"))
    if not duplicates or not rejects:
        return []
    columns = ["id", "path", pl.col("text").str.len_bytes().alias("size")]
    files = pl.concat([pl.scan_parquet(kept).select(columns), pl.scan_parquet(rejects).select(columns)])
    pairs = (
        pl.scan_parquet(duplicates)
        .filter((pl.col("step") == "near_dedup") & (pl.col("similarity") < 1.0))
        .join(files.rename({"path": "removed"}), on="id")
        .join(files.drop("size").rename({"id": "kept_id", "path": "kept"}), on="kept_id")
        .filter(pl.col("removed").is_not_null() & pl.col("kept").is_not_null())
        .sort(["size", "id"], descending=[True, False])
        .unique("kept_id", keep="first", maintain_order=True)
        .head(most)
        .select("similarity", "id", "removed", "kept")
        .collect()
    )
    return [NearCopy(*row) for row in pairs.iter_rows()]


def rows_of_findings(manifest: Manifest) -> list[tuple[str, str]]:
    """Gives the corpus in rows of name and value: what came in, what each step removed and why, what stayed."""
    rows = []
    for source, read in manifest.read.items():
        kept = manifest.kept.get(source, {"documents": 0, "bytes": 0})
        came = f"{read['documents']:,} documents, {human_bytes(read['bytes'])}"
        stayed = f"{kept['documents']:,} ({share(kept['documents'], read['documents'])}), {human_bytes(kept['bytes'])}"
        rows.append((f"{source} in", f"{came}; kept {stayed}"))
    for step in manifest.funnel:
        reasons = sorted(step.first_reasons.items(), key=lambda item: -item[1]["documents"])[:_SHOWN_REASONS]
        why = ", ".join(f"{name.replace('_', ' ')} {numbers['documents']:,}" for name, numbers in reasons)
        rows.append(
            (
                f"{step.step} removed",
                f"{step.documents_rejected:,} of {step.documents_in:,}" + (f": {why}" if why else ""),
            )
        )
    return rows
