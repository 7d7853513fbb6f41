"""Times `workers.estimate.estimate` over a synthetic store: generations a second, and the peak memory of the process.

    python benchmarks/bench_estimate.py [--generations 200000] [--check]

The store is that of `bench_selection`: 16 samples a prompt, verdicts of three verifiers, each `math` verdict with one of four answers.
`--check` fails above the memory target.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_selection import SAMPLES, VERIFIERS, build

sys.path.insert(0, str(Path(__file__).parents[1]))

from schemas.files import write_json_durably
from schemas.recipe import EstimateRecipe
from schemas.store import open_store, sqlite_url
from schemas.version import code_version
from workers.estimate import estimate

#: The process may hold so much however many generations there are: interpreter and libraries take about half of it.
TARGET_BYTES = 600 << 20
RESULT = Path(__file__).parent / "results" / "estimate.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=200_000)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(run(given.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        build(Path(folder), given.generations // SAMPLES)
        print(f"built in {time.perf_counter() - begun:.0f} s")
        command = [sys.executable, __file__, "--in", folder]
        measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    result = {
        "commit": code_version(),
        "machine": {"python": platform.python_version()},
        "generations": given.generations,
        **measured,
        "generations_per_cpu_second": round(given.generations / measured["cpu_seconds"]),
    }
    write_json_durably(RESULT, result)
    print(
        f"{'generations':>12} {'seconds':>8} {'cpu s':>8} {'per cpu s':>10} {'peak MB':>8} {'pass@1':>7} {'cons@16':>8}"
    )
    print(
        f"{result['generations']:>12,} {result['seconds']:>8.1f} {result['cpu_seconds']:>8.1f} "
        f"{result['generations_per_cpu_second']:>10,} {result['peak_bytes'] / 1e6:>8.0f} "
        f"{result['pass_at_1']:>7.3f} {result['cons_at_16']:>8.3f}"
    )
    if given.check and result["peak_bytes"] > TARGET_BYTES:
        sys.exit(f"peak memory is above {TARGET_BYTES / 1e6:.0f} MB")


def run(out: Path) -> dict[str, object]:
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
    main()
