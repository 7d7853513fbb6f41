"""Times `workers.estimate.estimate` over a synthetic store: generations a second, and the peak memory of the process.

    python benchmarks/bench_estimate.py [--generations 200000] [--check]

The store is that of `synthetic_store`.
`--check` fails above the memory target.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.synthetic_store import VERIFIERS, measure
from schemas.recipe import EstimateRecipe
from schemas.store import open_store, sqlite_url
from workers.estimate import estimate


def finish(result: dict[str, Any]) -> list[str]:
    result["generations_per_cpu_second"] = round(result["generations"] / result["cpu_seconds"])
    return [
        f"{'generations':>12} {'seconds':>8} {'cpu s':>8} {'per cpu s':>10} {'peak MB':>8} {'pass@1':>7} {'cons@16':>8}",
        (
            f"{result['generations']:>12,} {result['seconds']:>8.1f} {result['cpu_seconds']:>8.1f} "
            f"{result['generations_per_cpu_second']:>10,} {result['peak_bytes'] / 1e6:>8.0f} "
            f"{result['pass_at_1']:>7.3f} {result['cons_at_16']:>8.3f}"
        ),
    ]


def run(out: Path) -> dict[str, Any]:
    engine = open_store(sqlite_url(out / "tamis.db"))
    rubric = {"verifiers": [{"name": name} for name in VERIFIERS]}
    begun, cpu = time.perf_counter(), time.process_time()
    result = estimate(engine, out, EstimateRecipe.model_validate({"rubric": rubric}))
    (group,) = result.groups
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "pass_at_1": group["pass_at"][0]["value"],
        "cons_at_16": group["cons_at"][-1]["value"],
    }


if __name__ == "__main__":
    measure(__file__, __doc__, run, finish)
