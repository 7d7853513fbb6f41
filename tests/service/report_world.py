"""A run as the other rooms leave it, for the report's tests: prompts, generations, verdicts and a selection in a real store."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from schemas.arrow import CONTRACTS
from schemas.files import write_part
from schemas.ids import digest
from schemas.store import open_store, sqlite_url
from schemas.tables import Artifact, Base, Generation, Prompt, Run, Selection, SelectionItem, VerdictRow

NARROW: dict[str, tuple[type[Base], tuple[str, ...]]] = {
    "prompts": (Prompt, ("id", "task", "language", "domain", "source")),
    "generations": (Generation, ("id", "prompt_id", "sample_index", "model", "finish_reason", "tokens")),
    "verdicts": (
        VerdictRow,
        ("generation_id", "verifier", "version", "settings_hash", "score", "status", "elapsed_ms"),
    ),
}
STARTED = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
VERSION = "0.1.0+abc123"


class ReportWorld:
    """Lands rows under `out`, in files of a few rows."""

    def __init__(self, out: Path, url: str | None = None) -> None:
        self.out = out
        out.mkdir(parents=True, exist_ok=True)
        self.engine = open_store(url or sqlite_url(out / "tamis.db"))
        self.prompts: list[str] = []

    def run(self, kind: str, name: str, **values: Any) -> str:
        run_id = digest("run", kind, name)
        row = {
            "id": run_id,
            "kind": kind,
            "name": name,
            "out": str(self.out.resolve()),
            "recipe": {},
            "inputs": [],
            "code_version": VERSION,
            "status": "done",
            "counts": {},
            "started_at": STARTED,
            "finished_at": STARTED,
        }
        with self.engine.begin() as connection:
            connection.execute(sa.insert(Run), row | values)
        return run_id

    def land(self, run_id: str, kind: str, rows: list[dict[str, Any]]) -> None:
        for start in range(0, len(rows), 50):
            part = rows[start : start + 50]
            table = pa.Table.from_pylist(part, schema=CONTRACTS[kind])
            file = write_part(self.out / kind, f"{run_id[:8]}-{start:05d}", table)
            artifact = {
                "run_id": run_id,
                "kind": kind,
                "path": f"{kind}/{file.name}",
                "sha256": file.sha256,
                "num_rows": file.rows,
                "num_bytes": file.bytes,
            }
            with self.engine.begin() as connection:
                number = connection.execute(sa.insert(Artifact).returning(Artifact.id), artifact).scalar_one()
                narrow = [
                    {name: row[name] for name in NARROW[kind][1] if name in row}
                    | {"artifact_id": number, "row": place}
                    | ({"sampling_hash": "0" * 16} if kind == "generations" else {})
                    for place, row in enumerate(part)
                ]
                connection.execute(sa.insert(NARROW[kind][0]), narrow)

    def add_prompt(self, run_id: str, content: str, gold: str, domain: str = "sums", source: str = "gym") -> str:
        number = digest("prompt", content, source)
        messages = [{"role": "user", "content": content}]
        row = {
            "id": number,
            "task": "math",
            "messages": json.dumps(messages, ensure_ascii=False),
            "gold": json.dumps({"answer": gold}),
            "language": "en",
            "domain": domain,
            "source": source,
        }
        self.land(run_id, "prompts", [row])
        return number

    def add_generations(self, run_id: str, prompt: str, texts: list[str], model: str = "tiny") -> list[str]:
        ids = [digest("generation", prompt, str(index)) for index in range(len(texts))]
        rows = [
            {
                "id": number,
                "prompt_id": prompt,
                "sample_index": index,
                "text": text,
                "model": model,
                "sampling": "{}",
                "finish_reason": "stop",
                "tokens": len(text.split()),
            }
            for index, (number, text) in enumerate(zip(ids, texts, strict=True))
        ]
        self.land(run_id, "generations", rows)
        return ids

    def add_verdicts(
        self, run_id: str, verifier: str, said: dict[str, tuple[float | None, str, dict[str, Any]]], version: int = 1
    ) -> None:
        rows = [
            {
                "generation_id": number,
                "verifier": verifier,
                "version": version,
                "settings_hash": "0123456789abcdef",
                "score": score,
                "status": status,
                "detail": json.dumps(detail, ensure_ascii=False),
                "elapsed_ms": 2.0,
            }
            for number, (score, status, detail) in said.items()
        ]
        self.land(run_id, "verdicts", rows)

    def select(self, name: str, ids: list[str], counts: dict[str, Any] | None = None) -> str:
        run_id = self.run("select", name)
        with self.engine.begin() as connection:
            row = {"run_id": run_id, "name": name, "recipe": {}, "counts": counts or {}, "created_at": STARTED}
            connection.execute(sa.insert(Selection), {"id": run_id, **row})
            items = [
                {"selection_id": run_id, "generation_id": number, "role": "sft", "rank": 1, "why": "rank 1"}
                for number in ids
            ]
            connection.execute(sa.insert(SelectionItem), items)
        return run_id


def small_world(out: Path, text: str = "<think>sum</think> 42", url: str | None = None) -> ReportWorld:
    """Two prompts with ten samples each: five right, three wrong, one unscored, one malformed; two are selected."""
    world = ReportWorld(out, url)
    run_id = world.run("sample", "tiny")
    verify = world.run("verify", "r1")
    for domain in ("sums", "words"):
        prompt = world.add_prompt(run_id, f"What is 17 + 25? ({domain})", "42", domain)
        ids = world.add_generations(run_id, prompt, [f"{text} number {index}" for index in range(10)])
        said: dict[str, tuple[float | None, str, dict[str, Any]]] = {}
        for index, number in enumerate(ids):
            if index < 5:
                said[number] = (1.0, "correct", {"answer": "42"})
            elif index < 8:
                said[number] = (0.0, "incorrect", {"answer": "41"})
            elif index == 8:
                said[number] = (None, "error", {"reason": "engine_failed"})
            else:
                said[number] = (0.0, "unparseable", {"reason": "no_answer"})
        world.add_verdicts(verify, "math", said)
        shaped = {
            n: (1.0, "correct", {}) if n != ids[9] else (0.0, "incorrect", {"reason": "no_closing_tag"}) for n in ids
        }
        world.add_verdicts(verify, "format", shaped)
        span = {"start": 0, "end": 3, "language": "zh", "text": "x", "severity": "off_script"}
        mixed = {
            n: (1.0, "correct", {"num_spans": 0})
            if n != ids[4]
            else (0.5, "partial", {"spans": [span], "num_spans": 1})
            for n in ids
        }
        world.add_verdicts(verify, "mixing", mixed)
        world.prompts.append(prompt)
    chosen = [digest("generation", prompt, "0") for prompt in world.prompts]
    counts = {
        "generations": {"in_store": 20, "in_scope": 20, "met_requirements": 8, "distinct_texts": 8, "selected": 2},
        "prompts": {"selected": 2},
        "dropped_first": {"math_below_minimum": 8, "beyond_per_prompt": 6},
        "dropped_all": {"math_below_minimum": 8, "format_below_minimum": 2},
    }
    world.select("sft-set", chosen, counts)
    return world
