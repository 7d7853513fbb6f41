"""Near-deduplication of a million documents, about 3 GB, Parquet to Parquet: seconds by stage, memory, Beam's share, cost by size.

    python benchmarks/bench_neardup.py [--documents 10000 100000 1000000] [--workers 2] [--folder DIR] [--check]

The corpus is `planted_pairs`: a tenth of the documents are copies with a similarity of 0.5..1. The recipe has one step, near_dedup as
published. Each size runs in a process of its own. Memory is that of the command and all its children together, sampled twice a
second, what they share counted once (PSS). Beam's share is what of wall time times workers is not spent inside our tasks, as their
markers tell it: so it holds Beam's shuffle, the start and end of pipelines and of workers, idle workers at the end of a stage, and
also our reading of fingerprints into a shuffle. `--check` exits with 1 below the targets for the largest size.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine_text import write_result  # noqa: E402
from benchmarks.planted_pairs import Corpus, write_corpus  # noqa: E402
from curation.job.manifest import load_manifest  # noqa: E402

MAX_SECONDS = 240.0
MAX_BYTES = 4_000_000_000
MAX_BEAM_SHARE = 0.2
MAX_GROWTH = 1.2
SAMPLE_SECONDS = 0.5
PAGE = ROOT / "docs" / "neardup_quality.md"
RESULT = ROOT / "benchmarks" / "results" / "neardup.json"

#: As `tamis curate` does it: the workers' parent starts before the command imports Beam.
COMMAND = """
import json, sys, time
from pathlib import Path
from curation.job.nursery import standing_nursery
if __name__ == "__main__":
    with standing_nursery(at_once=True):
        from curation.job.driver import run_job
        from schemas.recipe import CurateRecipe
        begun = {}
        start = time.monotonic()
        def note(progress):
            begun.setdefault(progress.stage, time.monotonic() - start)
        recipe = CurateRecipe.model_validate(json.loads(sys.argv[1]))
        run_job(recipe, Path("."), Path(sys.argv[2]), num_workers=int(sys.argv[3]), on_progress=note)
    Path(sys.argv[2], "begun.json").write_text(json.dumps([begun, time.monotonic() - start]))
"""


def watch(process: psutil.Popen) -> int:
    """Waits for a process; gives the greatest memory of it and its children together."""
    peak = 0
    while process.poll() is None:
        total = 0
        try:
            for member in [process, *process.children(recursive=True)]:
                total += member.memory_full_info().pss
        except psutil.Error:  # one has just ended
            total = 0
        peak = max(peak, total)
        time.sleep(SAMPLE_SECONDS)
    if process.returncode != 0:
        raise SystemExit(f"the job failed with exit code {process.returncode}")
    return peak


def run(folder: Path, documents: int, workers: int) -> dict[str, Any]:
    """Writes a corpus, deduplicates it and tells how it went."""
    shutil.rmtree(folder, ignore_errors=True)
    corpus = Corpus(folder, documents, documents // 10, words=480)
    num_bytes = write_corpus(corpus)
    recipe = {
        "name": "neardup",
        "inputs": [{"source": "planted", "path": str(folder / "in")}],
        "steps": [{"near_dedup": {}}],
    }
    out = folder / "out"
    start = time.monotonic()
    process = psutil.Popen([sys.executable, "-c", COMMAND, json.dumps(recipe), str(out), str(workers)], cwd=ROOT)
    peak = watch(process)
    seconds = time.monotonic() - start
    manifest = load_manifest(out / "curate" / "manifest.json")
    assert manifest is not None
    begun, end = json.loads((out / "begun.json").read_text())
    names, times = [*begun, "end"], [*begun.values(), end]
    stages = {name: round(times[at + 1] - times[at], 2) for at, name in enumerate(names[:-1])}
    tasks = {stage.name: round(stage.seconds, 2) for stage in manifest.stages}
    shutil.rmtree(folder)
    return {
        "documents": manifest.documents_read,
        "removed": manifest.documents_read - manifest.documents_kept,
        "text_bytes": num_bytes,
        "seconds": round(seconds, 1),
        "start_seconds": round(seconds - end + times[0], 2),
        "stage_seconds": stages,
        "task_seconds": tasks,
        "measure_megabytes_a_second_a_core": round(num_bytes / 1e6 / tasks["measure"], 1),
        "peak_bytes": peak,
        "beam_share": round(1 - sum(tasks.values()) / (seconds * workers), 3),
        "microseconds_a_document": round(seconds / manifest.documents_read * 1e6, 1),
    }


def with_earlier(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds the sizes that an earlier run has measured and this one has not: a size can be run by itself."""
    measured = {result["documents"] for result in results}
    if RESULT.exists():
        earlier = json.loads(RESULT.read_text(encoding="utf-8"))["sizes"]
        results = results + [result for result in earlier if result["documents"] not in measured]
    return sorted(results, key=lambda result: int(result["documents"]))


def write_page(results: list[dict[str, Any]]) -> None:
    """Puts the results into docs/neardup_quality.md between its markers."""
    lines = [
        "| documents | text | seconds | us a document | peak memory | Beam's share | measure, MB/s a core |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {result['documents']:,} | {result['text_bytes'] / 1e9:.2f} GB | {result['seconds']:.0f} | "
        f"{result['microseconds_a_document']:.0f} | {result['peak_bytes'] / 1e9:.2f} GB | {result['beam_share']:.0%} | "
        f"{result['measure_megabytes_a_second_a_core']:.0f} |"
        for result in results
    ]
    last = results[-1]
    lines += ["", f"| stage, {last['documents']:,} documents | seconds | in tasks |", "| --- | ---: | ---: |"]
    lines += [
        f"| {stage} | {seconds:.1f} | {last['task_seconds'].get(stage, 0.0):.1f} |"
        for stage, seconds in last["stage_seconds"].items()
    ]
    start, end = "<!-- speed: written by benchmarks/bench_neardup.py -->", "<!-- end of speed -->"
    before, rest = PAGE.read_text(encoding="utf-8").split(start)
    PAGE.write_text("\n".join([before + start, *lines, end + rest.split(end)[1]]), encoding="utf-8")


def failures(results: list[dict[str, Any]]) -> list[str]:
    """Says which targets the largest size misses."""
    last, found = results[-1], []
    if last["seconds"] > MAX_SECONDS:
        found.append(f"{last['seconds']:.0f} s, at most {MAX_SECONDS:.0f} wanted")
    if last["peak_bytes"] > MAX_BYTES:
        found.append(f"{last['peak_bytes'] / 1e9:.2f} GB, at most {MAX_BYTES / 1e9:.0f} wanted")
    if last["beam_share"] > MAX_BEAM_SHARE:
        found.append(f"Beam's share {last['beam_share']:.0%}, at most {MAX_BEAM_SHARE:.0%} wanted")
    growth = last["microseconds_a_document"] / results[0]["microseconds_a_document"]
    if growth > MAX_GROWTH:
        found.append(f"cost a document grows {growth:.2f} times, at most {MAX_GROWTH} wanted")
    return found


def main() -> int:
    """Runs every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the corpus goes; by default a temporary folder")
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    results = []
    for documents in sorted(arguments.documents):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            result = run(Path(name) / "corpus", documents, arguments.workers)
        results.append(result)
        print(
            f"{result['documents']:>9,} documents, {result['text_bytes'] / 1e9:.2f} GB: {result['seconds']:.1f} s, "
            f"{result['microseconds_a_document']:.0f} us a document, peak {result['peak_bytes'] / 1e9:.2f} GB, Beam's share "
            f"{result['beam_share']:.0%}, {result['removed']:,} removed"
        )
        print(f"  start {result['start_seconds']:.1f} s; stages {result['stage_seconds']}")
        print(f"  seconds in tasks {result['task_seconds']}")
    results = with_earlier(results)
    missed = failures(results)
    print(write_result("neardup", {"workers": arguments.workers, "sizes": results, "missed": missed}))
    write_page(results)
    for line in missed:
        print(f"below target: {line}")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
