"""A synthetic store of any number of generations, and the measuring of one command on it in a process of its own.

For the scripts beside it. 16 samples a prompt, half of them right, texts of about 300 bytes, verdicts of three verifiers, each `math`
verdict with one of four answers.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1]))

from schemas.files import write_json_durably, write_part
from schemas.ids import digest
from schemas.store import open_store, sqlite_url
from schemas.tables import Artifact, Run
from schemas.version import code_version
from workers.landing import contract_table, insert_rows

SAMPLES = 16
PROMPTS_A_SHARD = 2000
VERIFIERS = ("math", "format", "mixing")
#: The process may hold so much however many generations there are: interpreter and libraries take about half of it.
TARGET_BYTES = 600 << 20


def measure(
    script: str, about: str | None, run: Callable[[Path], dict[str, Any]], finish: Callable[[dict[str, Any]], list[str]]
) -> None:
    """Is the main function of a script: builds a store, runs `run` on it in a new process, writes and prints the result.

    Args:
        script: the script's `__file__`; `results/` gets its name without `bench_`.
        about: its docstring.
        run: measures the command on the store in a folder; gives a JSON object with `peak_bytes`.
        finish: adds to the whole result what follows from it, and gives the lines to print.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--generations", type=int, default=200_000)
    parser.add_argument("--check", action="store_true", help="fail above the memory target")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(run(given.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        build(Path(folder), given.generations // SAMPLES)
        print(f"built in {time.perf_counter() - begun:.0f} s")
        command = [sys.executable, script, "--in", folder]
        measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    machine = {"python": platform.python_version()}
    if "sqlite" in measured:
        machine["sqlite"] = measured.pop("sqlite")
    result = {"commit": code_version(), "machine": machine, "generations": given.generations, **measured}
    lines = finish(result)
    name = Path(script).stem.removeprefix("bench_")
    write_json_durably(Path(script).parent / "results" / f"{name}.json", result)
    print("\n".join(lines))
    if given.check and result["peak_bytes"] > TARGET_BYTES:
        sys.exit(f"peak memory is above {TARGET_BYTES / 1e6:.0f} MB")


def build(out: Path, prompts: int) -> None:
    engine = open_store(sqlite_url(out / "tamis.db"))
    run = {
        "id": digest("run"),
        "kind": "verify",
        "name": "bench",
        "out": str(out),
        "recipe": {},
        "inputs": [],
        "code_version": "0",
        "status": "done",
        "counts": {},
        "started_at": datetime.now(UTC),
    }
    with engine.begin() as connection:
        connection.execute(sa.insert(Run), run)
    for shard, start in enumerate(range(0, prompts, PROMPTS_A_SHARD)):
        names = [digest("prompt", str(number)) for number in range(start, min(start + PROMPTS_A_SHARD, prompts))]
        for kind, columns in (
            ("prompts", _prompts(names)),
            ("generations", _generations(names)),
            ("verdicts", _verdicts(names)),
        ):
            table = contract_table(kind, columns)
            part = write_part(out / kind, f"{shard:05d}", table)
            with engine.begin() as connection:
                artifact = connection.scalar(
                    sa.insert(Artifact)
                    .values(
                        run_id=run["id"],
                        kind=kind,
                        path=f"{kind}/{part.name}",
                        sha256=part.sha256,
                        num_rows=part.rows,
                        num_bytes=part.bytes,
                    )
                    .returning(Artifact.id)
                )
                insert_rows(connection, kind, table, artifact)
    engine.dispose()


def _samples(names: list[str]) -> Iterator[tuple[str, int, str]]:
    for name in names:
        for index in range(SAMPLES):
            yield name, index, digest("generation", name, str(index))


def _prompts(names: list[str]) -> dict[str, list[object]]:
    count = len(names)
    return {
        "id": names,
        "task": ["math"] * count,
        "messages": [json.dumps([{"role": "user", "content": f"What is {name}?"}]) for name in names],
        "gold": ['{"answer":"4"}'] * count,
        "language": ["en"] * count,
        "domain": [None] * count,
        "source": ["bench"] * count,
    }


def _generations(names: list[str]) -> dict[str, list[object]]:
    rows = list(_samples(names))
    return {
        "id": [generation for _, _, generation in rows],
        "prompt_id": [name for name, _, _ in rows],
        "sample_index": [index for _, index, _ in rows],
        "text": [f"<think>{name} {index % 12} {'step ' * 50}</think> 4" for name, index, _ in rows],
        "model": ["bench"] * len(rows),
        "sampling": ['{"temperature":1.0}'] * len(rows),
        "finish_reason": ["stop"] * len(rows),
        "tokens": [int(generation[:4], 16) % 1000 for _, _, generation in rows],
    }


def _verdicts(names: list[str]) -> dict[str, list[object]]:
    rows = [(verifier, generation) for _, _, generation in _samples(names) for verifier in VERIFIERS]
    scores = [float(verifier != "math" or int(generation[5], 16) % 2) for verifier, generation in rows]
    return {
        "generation_id": [generation for _, generation in rows],
        "verifier": [verifier for verifier, _ in rows],
        "version": [1] * len(rows),
        "settings_hash": ["0123456789abcdef"] * len(rows),
        "score": scores,
        "status": ["correct" if score else "incorrect" for score in scores],
        "detail": [json.dumps({"answer": str(int(generation[5], 16) % 4)}) for _, generation in rows],
        "elapsed_ms": [0.1] * len(rows),
    }
