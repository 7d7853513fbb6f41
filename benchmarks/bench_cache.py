"""What the cache of verdicts saves: the same samples verified without it, into it, and out of it, in memory and in SQLite.

    python benchmarks/bench_cache.py [--check]

Samples are those of `TAMIS_REFERENCE_DATA`: 800 of Qwen2.5-Math (`math`), responses of IFBench (`instructions`) and 800 programs of CodeT for 40
HumanEval problems (`code`), in shards of 200 as a worker has them. Times are elapsed, the least of some runs: work of `math` and `code` is
done in other processes. `--check` exits
with 1 where answers from the store take longer than the work.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.code_runs import codet_problems
from benchmarks.machine_text import write_result
from rewards import get_verifier
from rewards.cache import MemoryCache, VerdictCache
from rewards.registry import Verifier
from schemas.store import open_store, sqlite_url
from workers.processors import program_slots
from workers.verdict_cache import StoreCache

SHARD = 200
REPEATS = 3
SETTINGS: dict[str, dict[str, Any]] = {"code": {"form": "continuation", "slots": program_slots()}}

Samples = tuple[list[str], list[Any]]


def rows(*path: str) -> list[dict[str, Any]]:
    file = Path(os.environ["TAMIS_REFERENCE_DATA"]).joinpath(*path)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def math_samples() -> Samples:
    found = rows("math_multisample_qwen", "math_cot_100.jsonl.gz")
    pairs = [(text, row["gt"]) for row in found for text in row["code"]]
    return [text for text, _ in pairs], [gold for _, gold in pairs]


def instruction_samples() -> Samples:
    prompts = {row["prompt"].strip(): row for row in rows("ifbench", "IFBench_test.jsonl.gz")}
    results = rows("ifbench", "eval_results_strict.jsonl.gz")
    known = [(row["response"], prompts[row["prompt"].strip()]) for row in results if row["prompt"].strip() in prompts]
    return [text for text, _ in known], [
        {"instruction_id_list": prompt["instruction_id_list"], "kwargs": prompt["kwargs"]} for _, prompt in known
    ]


def code_samples() -> Samples:
    pairs = [(sample, problem.gold) for problem in codet_problems()[:40] for sample in problem.samples[:20]]
    return [sample for sample, _ in pairs], [gold for _, gold in pairs]


def least(run: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)


def verify(verifier: Verifier, samples: Samples) -> None:
    texts, golds = samples
    for start in range(0, len(texts), SHARD):
        verifier.verify_batch(texts[start : start + SHARD], golds[start : start + SHARD])


def measure(name: str, samples: Samples, folder: Path) -> dict[str, float]:
    verifier = get_verifier(name, **SETTINGS.get(name, {}))
    verify(verifier, (samples[0][:SHARD], samples[1][:SHARD]))  # starts processes and compiles patterns
    plain = least(lambda: verify(verifier, samples))
    measured = {"samples": len(samples[0]), "without_s": plain}
    caches: dict[str, VerdictCache] = {
        "memory": MemoryCache(),
        "sqlite": StoreCache(open_store(sqlite_url(folder / f"{name}.db"))),
    }
    for kind, cache in caches.items():
        cached = verifier.cached(cache)
        measured[f"{kind}_into_s"] = least(lambda cached=cached: verify(cached, samples), 1)
        measured[f"{kind}_out_s"] = least(lambda cached=cached: verify(cached, samples))
    verifier.close()
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    sources = {"math": math_samples, "instructions": instruction_samples, "code": code_samples}
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, samples in sources.items():
            result[name] = measure(name, samples(), Path(folder))
    keys = ("without_s", "memory_into_s", "memory_out_s", "sqlite_into_s", "sqlite_out_s")
    print(f"{'ms a sample':<14}{'samples':>8}" + "".join(f"{key.removesuffix('_s'):>13}" for key in keys))
    for name, one in result.items():
        cells = "".join(f"{1000 * one[key] / one['samples']:>13.3f}" for key in keys)
        print(f"{name:<14}{one['samples']:>8}{cells}")
    print(write_result("bench_cache", result))
    slow = [name for name, one in result.items() if one["sqlite_out_s"] > one["without_s"]]
    return 1 if check and slow else 0


if __name__ == "__main__":
    sys.exit(main())
