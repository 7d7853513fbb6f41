"""The curation job on 300,000 documents, 1 GB of text: seconds, and the memory of all its processes together.

    python benchmarks/bench_curate_memory.py [--documents 300000] [--megabytes 1000] [--workers N] [--check]

The corpus is made of what is on the machine: the sources and documentation of installed packages, cut into documents and varied;
a sixth are pages, a tenth exact and a fifth near copies of earlier ones. Every step runs: extract, language, both rule tables,
exact and near deduplication. Memory is the sum of the resident sizes of the command and all its children, sampled five times a
second; what they share is counted once for each. `--check` exits with 1 above 3 GB.
"""

import argparse
import html
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine_text import machine_text, write_result  # noqa: E402
from curation.job.manifest import load_manifest  # noqa: E402

MAX_BYTES = 3_000_000_000
FILES_A_SOURCE = 12
SAMPLE_SECONDS = 0.2

COMMAND = """
import json, sys
from pathlib import Path
from curation.job.driver import run_job
from schemas.recipe import CurateRecipe
if __name__ == "__main__":
    recipe = CurateRecipe.model_validate(json.loads(sys.argv[1]))
    run_job(recipe, Path("."), Path(sys.argv[2]), num_workers=int(sys.argv[3]) or None)
"""


def pieces(kind: str, size: int, rng: random.Random) -> Iterator[list[str]]:
    """Yields lines of about `size` bytes without end: each text's documents, and from the second round on half of two texts' each."""
    # A table in one line would be one large document.
    texts = [
        [line for line in text.splitlines(keepends=True) if len(line) < size // 4]
        for text in machine_text(kind, 200_000_000)
    ]
    for round_number in range(1000):
        rng.shuffle(texts)
        for number, lines in enumerate(texts):
            other = texts[number - 1] or lines
            piece: list[str] = []
            held = 0
            for at, line in enumerate(lines):
                piece.append(line if at % 2 or round_number == 0 else other[at % len(other)])
                held += len(piece[-1])
                if held >= size:
                    yield piece
                    piece, held = [], 0


def documents(kind: str, size: int, rng: random.Random) -> Iterator[str]:
    """Yields texts without end: a tenth exact and a fifth near copies of one of the last thousands."""
    recent: list[list[str]] = []
    made = pieces(kind, size, rng)
    while True:
        chance = rng.random()
        if chance < 0.3 and recent:
            lines = list(rng.choice(recent))
            if chance < 0.2:
                lines[rng.randrange(len(lines))] = "a line that stands in this copy alone\n"
        else:
            lines = next(made)
            if len(recent) < 5000:
                recent.append(lines)
            else:
                recent[rng.randrange(5000)] = lines
        yield "".join(lines)


def write_corpus(folder: Path, count: int, num_bytes: int) -> int:
    """Writes JSONL files of sources code, prose and pages; gives the bytes of text in them."""
    rng = random.Random(11)
    size = num_bytes // count
    sources = {
        "code": documents("code", size, rng),
        "prose": documents("docs", size, rng),
        "pages": documents("docs", size, rng),
    }
    shares = {"code": 3 / 6, "prose": 2 / 6, "pages": 1 / 6}
    written = 0
    for source, made in sources.items():
        (folder / source).mkdir(parents=True)
        for part in range(FILES_A_SOURCE):
            with (folder / source / f"{part:02d}.jsonl").open("w", encoding="utf-8") as handle:
                for _ in range(int(count * shares[source]) // FILES_A_SOURCE):
                    text = next(made)
                    written += len(text.encode())
                    if source == "pages":
                        body = "".join(f"<p>{html.escape(line)}</p>" for line in text.split("\n\n"))
                        text = f"<html><head><title>page</title></head><body><main>{body}</main></body></html>"
                    handle.write(json.dumps({"content": text}) + "\n")
    return written


def recipe(folder: Path) -> dict[str, object]:
    """Every step over the corpus."""
    inputs = [
        {"source": source, "path": str(folder / source), "columns": {"text": "content"}} for source in ("code", "prose")
    ]
    inputs.append({"source": "pages", "path": str(folder / "pages"), "columns": {"html": "content"}})
    steps = [
        {"extract": {}, "sources": ["pages"]},
        {"language": {}},
        {"filter": {"rules": "gopher_quality"}, "sources": ["prose", "pages"]},
        {"filter": {"rules": "deepseek_coder"}, "sources": ["code"]},
        {"exact_dedup": {}},
        {"near_dedup": {}},
    ]
    return {"name": "memory", "inputs": inputs, "steps": steps}


def run_watched(folder: Path, workers: int) -> tuple[float, int, int]:
    """Runs the job in a process of its own; gives seconds, the greatest resident sum, and the greatest single process."""
    start = time.monotonic()
    process = psutil.Popen(
        [sys.executable, "-c", COMMAND, json.dumps(recipe(folder / "in")), str(folder / "out"), str(workers)], cwd=ROOT
    )
    peak = largest = 0
    while process.poll() is None:
        sizes = []
        for member in [process, *_children(process)]:
            try:
                sizes.append(member.memory_info().rss)
            except psutil.Error:  # it has just ended
                continue
        peak, largest = max(peak, sum(sizes)), max(largest, *sizes, 0)
        time.sleep(SAMPLE_SECONDS)
    if process.returncode != 0:
        raise SystemExit(f"the job failed with exit code {process.returncode}")
    return time.monotonic() - start, peak, largest


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--megabytes", type=int, default=1000, help="text of all documents")
    parser.add_argument("--workers", type=int, default=0, help="0 means all cores")
    parser.add_argument("--check", action="store_true", help="exit with 1 above 3 GB")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        num_bytes = write_corpus(folder / "in", arguments.documents, arguments.megabytes * 1_000_000)
        seconds, peak, largest = run_watched(folder, arguments.workers)
        manifest = load_manifest(folder / "out" / "curate" / "manifest.json")
        assert manifest is not None
    print(f"documents {manifest.documents_read}, text {num_bytes / 1e6:.0f} MB, kept {manifest.documents_kept}")
    for step in manifest.funnel:
        print(f"  {step.step:16} {step.documents_in:8} in {step.documents_rejected:8} removed")
    for stage in manifest.stages:
        print(f"  {stage.name:16} {stage.seconds:8.1f} worker seconds  {stage.counts}")
    speed = num_bytes / 1e6 / seconds
    print(f"{seconds:.1f} s, {speed:.1f} MB/s, {manifest.documents_read / seconds:.0f} documents/s")
    print(f"peak of all processes {peak / 1e9:.2f} GB, of the largest {largest / 1e9:.2f} GB")
    result = {
        "documents": manifest.documents_read,
        "kept": manifest.documents_kept,
        "text_bytes": num_bytes,
        "seconds": round(seconds, 1),
        "megabytes_a_second": round(speed, 2),
        "peak_bytes": peak,
        "largest_process_bytes": largest,
        "worker_seconds": {stage.name: stage.seconds for stage in manifest.stages},
    }
    print(write_result("curate_memory", result))
    if peak > MAX_BYTES:
        print(f"above {MAX_BYTES / 1e9:.0f} GB")
        return int(arguments.check)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
