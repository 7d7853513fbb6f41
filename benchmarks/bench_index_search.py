"""Finding one document among 10 million: milliseconds a search in a run's index, each from cold Python objects.

    python benchmarks/bench_index_search.py [--documents 10000000] [--check]

The index is written by the job's own task from random ids. `--check` exits with 1 if one search takes a second or more.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine_text import write_result
from curation.dedup.keys import join_ids
from curation.job.index import INDEX_SHUFFLE, ROWS_A_FILE, IndexTask, find_in_index
from curation.job.layout import Layout

MAX_SECONDS = 1.0
SEARCHES = 200


def write_index(folder: Path, count: int) -> list[str]:
    """Writes an index of random ids; gives some of them."""
    random = np.random.default_rng(1)
    files = [f"kept/part-{number:05d}.parquet" for number in range(100)]
    task = IndexTask(Layout(folder, "run"), files, ["kept", "gopher_quality"])
    ranges = -(-count // ROWS_A_FILE)
    artifacts, known = [], []
    for number in range(ranges):
        rows = count // ranges
        low, high = (2**64 * number // ranges, 2**64 * (number + 1) // ranges - 1)
        columns = [
            random.integers(low, high, rows, np.uint64, endpoint=True),
            random.integers(0, 2**64 - 1, rows, np.uint64),
            random.integers(0, 2, rows, np.uint16),
            random.integers(0, len(files), rows, np.uint32),
            random.integers(0, 10**6, rows, np.uint32),
        ]
        batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=INDEX_SHUFFLE)
        part = task(number, [batch])["parts"]["index"]
        artifacts.append({"kind": "index", "path": f"index/{part['name']}"})
        chosen = random.integers(0, rows, SEARCHES // ranges)
        known += join_ids(columns[0][chosen], columns[1][chosen]).to_pylist()
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a search takes a second or more")
    arguments = parser.parse_args()
    times = []
    with tempfile.TemporaryDirectory() as name:
        known = write_index(Path(name), arguments.documents)
        unknown = [f"{hash_:032x}" for hash_ in range(0, 2**128, 2**128 // 50)]
        for document_id in [*known, *unknown]:
            start = time.perf_counter()
            found = find_in_index(Path(name), document_id)
            times.append(time.perf_counter() - start)
            assert (found is not None) == (document_id in known), document_id
    median, worst = statistics.median(times) * 1000, max(times) * 1000
    print(f"{arguments.documents} documents, {len(times)} searches: median {median:.1f} ms, worst {worst:.1f} ms")
    result = {"documents": arguments.documents, "median_ms": round(median, 2), "worst_ms": round(worst, 2)}
    print(write_result("index_search", result))
    return int(arguments.check and max(times) >= MAX_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
