"""A small store with prompts, generations and verdicts as the workers land them, for tests of what comes after."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.files import write_part
from schemas.ids import canonical_json, digest, settings_hash
from schemas.store import open_store, sqlite_url
from schemas.tables import Artifact, Run
from workers.landing import contract_table, insert_rows

SETTINGS: dict[str, Any] = {}


@dataclass(frozen=True)
class Sample:
    """A generation to be: verdicts are verifier -> (score, status)."""

    prompt: str
    text: str
    verdicts: Mapping[str, tuple[float | None, str]] = field(default_factory=dict)
    tokens: int | None = None
    model: str = "tiny"
    source: str = "arithmetic"

    def id(self, index: int) -> str:
        return digest("sample", self.prompt, self.text, str(index))


def prompt_id(name: str) -> str:
    return digest("prompt", name)


class World:
    """Lands rows into a store under `out`, in files of a few rows so that sets are gathered from many."""

    def __init__(self, out: Path, url: str | None = None, file_rows: int = 3) -> None:
        self.out = out
        self.engine = open_store(url or sqlite_url(out / "tamis.db"))
        self.file_rows = file_rows
        self.ids: list[str] = []
        self._runs = itertools.count()

    def run(self, kind: str, started_at: datetime | None = None, recipe: dict[str, Any] | None = None) -> str:
        run_id = digest("run", kind, str(next(self._runs)))
        row = {
            "id": run_id,
            "kind": kind,
            "name": kind,
            "out": str(self.out),
            "recipe": recipe or {},
            "inputs": [],
            "code_version": "1",
            "status": "done",
            "counts": {},
            "started_at": started_at or datetime(2026, 1, 1, tzinfo=UTC),
        }
        with self.engine.begin() as connection:
            connection.execute(sa.insert(Run), row)
        return run_id

    def land(self, run_id: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(rows), self.file_rows):
            part = rows[start : start + self.file_rows]
            table = contract_table(kind, {name: [row[name] for row in part] for name in part[0]})
            file = write_part(self.out / kind, f"{kind}-{start:05d}", table)
            with self.engine.begin() as connection:
                artifact = connection.scalar(
                    sa.insert(Artifact)
                    .values(
                        run_id=run_id,
                        kind=kind,
                        path=f"{kind}/{file.name}",
                        sha256=file.sha256,
                        num_rows=file.rows,
                        num_bytes=file.bytes,
                    )
                    .returning(Artifact.id)
                )
                insert_rows(connection, kind, table, artifact)

    def add(self, samples: Sequence[Sample], messages: list[dict[str, Any]] | None = None) -> list[str]:
        """Lands prompts, generations and verdicts (version 1 of every verifier, no settings); gives the generation ids."""
        run_id = self.run("import")
        prompts = {sample.prompt: sample for sample in samples}
        self.land(run_id, "prompts", [_prompt(name, sample.source, messages) for name, sample in prompts.items()])
        ids = [sample.id(index) for index, sample in enumerate(samples, len(self.ids))]
        self.ids += ids
        self.land(
            run_id, "generations", [_generation(i, n, s) for n, (i, s) in enumerate(zip(ids, samples, strict=True))]
        )
        self.judge({i: s.verdicts for i, s in zip(ids, samples, strict=True)})
        return ids

    def judge(
        self,
        verdicts: Mapping[str, Mapping[str, tuple[float | None, str]]],
        *,
        version: int = 1,
        settings: Any = None,
        started_at: datetime | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> str:
        """Lands verdicts: generation id -> verifier -> (score, status). Gives their settings hash."""
        settings = SETTINGS if settings is None else settings
        names = sorted({name for said in verdicts.values() for name in said})
        if not names:
            return settings_hash(settings)
        recipe = {"verifiers": [{"name": name, "settings": settings} for name in names]}
        run_id = self.run("verify", started_at, recipe)
        rows = [
            {
                "generation_id": generation,
                "verifier": verifier,
                "version": version,
                "settings_hash": settings_hash(settings),
                "score": score,
                "status": status,
                "detail": canonical_json(dict(detail or {})),
                "elapsed_ms": 1.0,
            }
            for generation, said in verdicts.items()
            for verifier, (score, status) in said.items()
        ]
        self.land(run_id, "verdicts", rows)
        return settings_hash(settings)


def _prompt(name: str, source: str, messages: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {
        "id": prompt_id(name),
        "task": "math",
        "messages": canonical_json(messages or [{"role": "user", "content": f"question {name}"}]),
        "gold": canonical_json({"answer": "4"}),
        "language": "en",
        "domain": None,
        "source": source,
    }


def _generation(generation: str, index: int, sample: Sample) -> dict[str, Any]:
    return {
        "id": generation,
        "prompt_id": prompt_id(sample.prompt),
        "sample_index": index,
        "text": sample.text,
        "model": sample.model,
        "sampling": canonical_json({"temperature": 1.0}),
        "finish_reason": "stop",
        "tokens": sample.tokens,
    }


def right(*verifiers: str) -> dict[str, tuple[float | None, str]]:
    return dict.fromkeys(verifiers, (1.0, "correct"))


def texts_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return [row["text"] for row in rows]
