"""`tamis explain` among 10 million documents: seconds of the whole command, from a fresh process.

    python benchmarks/bench_explain.py [--documents 10000000] [--check]

The run is written as the job writes it: the index of all ids, three million rows of evidence, and of the hundred files of documents
two, each of 256 MB of text; the documents that are asked for stand in those, the others are never opened. `--check` exits with 1 if an
answer takes a second or more.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine_text import write_result  # noqa: E402
from columnar.signals import measure  # noqa: E402
from curation.dedup.keys import join_ids, split_ids  # noqa: E402
from curation.job.index import INDEX_SHUFFLE, ROWS_A_FILE, IndexTask  # noqa: E402
from curation.job.layout import Layout  # noqa: E402
from curation.job.manifest import Artifact, Manifest, save_manifest  # noqa: E402
from schemas.arrow import DUPLICATES, extended  # noqa: E402
from schemas.files import Part, open_part, write_part  # noqa: E402
from schemas.recipe import CurateRecipe  # noqa: E402

MAX_SECONDS = 1.0
FILES = 100
ROWS_IN_A_PART = 80_000
TEXT = "The documents of this run are made of sentences that say little. " * 50
STEPS = ["gopher_quality", "near_dedup"]
ASKED = 12


def ids(random: np.random.Generator, count: int, low: int = 0, high: int = 2**64 - 1) -> tuple[Any, Any]:
    return random.integers(low, high, count, np.uint64, endpoint=True), random.integers(0, 2**64 - 1, count, np.uint64)


def write_documents(folder: Path, kind: str, names: pa.StringArray, *, twins: bool) -> Part:
    """Writes one file of documents, about 256 MB of text."""
    signals = measure(pa.array([TEXT], pa.large_string()), ["basic"])
    schema = extended("rejects" if twins else "documents", list(signals.schema))
    with open_part(folder / kind, "part-00000", schema) as part:
        for start in range(0, len(names), 2048):
            found = names.slice(start, 2048)
            count = len(found)
            columns: dict[str, Any] = {
                "id": found,
                "text": pa.array([f"{number} {TEXT}" for number in range(count)], pa.large_string()),
                "source": pa.array(["web"] * count),
                "meta": pa.array(['{"locator":"a#1"}'] * count, pa.large_string()),
                "step": pa.array(["near_dedup"] * count),
                "reasons": pa.array([["near_duplicate"]] * count),
                **{name: pa.concat_arrays([signals[name]] * count) for name in signals.schema.names},
            }
            arrays = [
                columns[item.name].cast(item.type) if item.name in columns else pa.nulls(count, item.type)
                for item in schema
            ]
            part.write(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return part.part


def write_evidence(folder: Path, random: np.random.Generator, removed: pa.StringArray, kept: pa.StringArray) -> Part:
    """Writes three rows of evidence for ten documents; some are of the documents that are asked for."""
    others = pa.concat_arrays([removed, join_ids(*ids(random, 3_000_000 - len(removed)))])
    order = random.permutation(len(others))
    # As in real corpora, most removed documents are the only copy of another one.
    twins = pa.concat_arrays(
        [kept.take(pa.array(random.integers(0, len(kept), len(removed)))), join_ids(*ids(random, 2_000_000))]
    )
    twins = twins.take(
        pa.array(np.concatenate((np.arange(len(removed)), random.integers(0, len(twins), len(others) - len(removed)))))
    )
    twins = twins.take(pa.array(order))
    columns = [
        others.take(pa.array(order)),
        twins,
        pa.array(random.uniform(0.8, 1, len(others))),
        pa.nulls(len(others), pa.string()),
        twins,
        pa.array(["near_dedup"] * len(others)),
    ]
    columns += [pa.array(split_ids(columns[at])[0]) for at in (0, 1, 1)]
    return write_part(folder / "duplicates", "part-00000", pa.Table.from_arrays(columns, schema=DUPLICATES))


def write_run(folder: Path, count: int) -> list[str]:
    """Writes a finished run; gives ids to ask for, kept and removed ones."""
    random = np.random.default_rng(1)
    kept, removed = (join_ids(*ids(random, ROWS_IN_A_PART)) for _ in range(2))
    parts = {"kept": write_documents(folder, "kept", kept, twins=False)}
    parts["rejects"] = write_documents(folder, "rejects", removed, twins=True)
    parts["duplicates"] = write_evidence(folder, random, removed, kept)
    files = [f"kept/{parts['kept'].name}", f"rejects/{parts['rejects'].name}"]
    files += [f"kept/part-{number:05d}-0.parquet" for number in range(1, FILES - 1)]
    artifacts = [
        Artifact(kind, f"{kind}/{part.name}", part.sha256, part.rows, part.bytes) for kind, part in parts.items()
    ]
    known_high, known_low = (
        np.array([int(name.as_py()[at : at + 16], 16) for name in [*kept, *removed]], np.uint64) for at in (0, 16)
    )
    known = np.repeat([0, 1], ROWS_IN_A_PART), np.tile(np.arange(ROWS_IN_A_PART), 2)
    ranges = -(-count // ROWS_A_FILE)
    task = IndexTask(Layout(folder, "run"), files, ["kept", *STEPS])
    for number in range(ranges):
        low, high = (2**64 * number // ranges, 2**64 * (number + 1) // ranges - 1)
        here = np.flatnonzero((known_high >= np.uint64(low)) & (known_high <= np.uint64(high)))
        rows = count // ranges - here.size
        first, second = ids(random, rows, low, high)
        columns = [
            np.concatenate((known_high[here], first)),
            np.concatenate((known_low[here], second)),
            np.concatenate((known[0][here] * 2, random.integers(0, 3, rows))).astype(np.uint16),
            np.concatenate((known[0][here], random.integers(2, len(files), rows))).astype(np.uint32),
            np.concatenate((known[1][here], random.integers(0, 10**5, rows))).astype(np.uint32),
        ]
        batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=INDEX_SHUFFLE)
        part = task(number, [batch])["parts"]["index"]
        artifacts.append(Artifact("index", f"index/{part['name']}", part["sha256"], part["rows"], part["bytes"]))
    save_manifest(folder / "manifest.json", manifest(artifacts))
    return [*kept.slice(17, ASKED // 2).to_pylist(), *removed.slice(ROWS_IN_A_PART - 17, ASKED // 2).to_pylist()]


def manifest(artifacts: list[Artifact]) -> Manifest:
    recipe = CurateRecipe.model_validate(
        {
            "name": "ten-million",
            "inputs": [{"source": "web", "path": "web"}],
            "steps": [{"filter": {"rules": "gopher_quality"}}, {"near_dedup": {}}],
        }
    )
    counts = {"web": {"documents": 10**7, "bytes": 10**10}}
    return Manifest(
        run_id="run", name="ten-million", code_version="0", recipe=recipe.model_dump(mode="json"), limit=None, inputs={},
        skipped={}, read=counts, kept=counts, funnel=[], stats={}, stages=[], artifacts=artifacts, quarantined=0,
        quarantine_head=[], warnings=[], started_at="", finished_at="", seconds=0.0,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--check", action="store_true", help="exit with 1 if an answer takes a second or more")
    arguments = parser.parse_args()
    times = []
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        for document in write_run(out / "curate", arguments.documents):
            command = [sys.executable, "-m", "service", "explain", document, "--out", out, "--json"]
            start = time.perf_counter()
            told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
            times.append(time.perf_counter() - start)
            assert document in told
    median, worst = statistics.median(times), max(times)
    print(f"{arguments.documents} documents, {len(times)} answers: median {median:.2f} s, slowest {worst:.2f} s")
    result = {"documents": arguments.documents, "median_s": round(median, 3), "worst_s": round(worst, 3)}
    print(write_result("explain", result))
    return int(arguments.check and worst >= MAX_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
