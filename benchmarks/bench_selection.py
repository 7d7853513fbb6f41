"""Times `workers.select.select` over a synthetic store: generations a second, and the peak memory of the process.

    python benchmarks/bench_selection.py [--generations 200000] [--check]

Selects the best 2 of each prompt in the store of `synthetic_store`, in a process of its own. `--check` fails above the memory target.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.synthetic_store import measure
from schemas.recipe import SelectRecipe
from schemas.store import open_store, sqlite_url
from workers.select import select


def finish(result: dict[str, Any]) -> list[str]:
    result["generations_per_second"] = round(result["generations"] / result["seconds"])
    return [
        f"{'generations':>12} {'selected':>10} {'seconds':>8} {'per second':>11} {'again s':>8} {'peak MB':>8}",
        (
            f"{result['generations']:>12,} {result['selected']:>10,} {result['seconds']:>8.1f} "
            f"{result['generations_per_second']:>11,} {result['again_seconds']:>8.1f} {result['peak_bytes'] / 1e6:>8.0f}"
        ),
    ]


def run(out: Path) -> dict[str, Any]:
    engine = open_store(sqlite_url(out / "tamis.db"))
    recipe = SelectRecipe.model_validate(
        {
            "name": "bench",
            "require": {"math": {}, "format": {}, "mixing": {"min_score": 0.5}},
            "per_prompt": 2,
        }
    )
    begun = time.perf_counter()
    result = select(engine, out, recipe)
    seconds = time.perf_counter() - begun
    select(engine, out, recipe)
    again = time.perf_counter() - begun - seconds
    with engine.connect() as connection:
        version = connection.scalar(sa.text("SELECT sqlite_version()"))
    return {
        "selected": result.num_selected,
        "seconds": round(seconds, 2),
        "again_seconds": round(again, 2),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "sqlite": version,
    }


if __name__ == "__main__":
    measure(__file__, __doc__, run, finish)
