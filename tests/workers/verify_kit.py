"""What tests of whole verifications share: a store in a folder, answers to one prompt, and verifiers that break."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rewards import registry
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading, sqlite_url
from workers import lookup
from workers.imports import ImportSource
from workers.verify import VerifyResult, verify

BREAKING_FOLDER = Path(__file__).parent / "poison"


def breaking(monkeypatch: pytest.MonkeyPatch, name: str) -> VerifyRecipe:
    """Makes a rubric of a verifier of the folder `poison`, known here and in the workers that are started."""
    path = os.pathsep.join([str(BREAKING_FOLDER), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(BREAKING_FOLDER))
    monkeypatch.setitem(registry._BUILT_IN, name, f"{name}_verifier")  # type: ignore[index]
    return VerifyRecipe.model_validate({"name": "p", "verifiers": [{"name": name}], "shard_generations": 8})


class Place:
    """A store in a folder, with the engine that looks into it."""

    def __init__(self, folder: Path, name: str = "out") -> None:
        self.out = folder / name
        self.url = sqlite_url(self.out / "tamis.db")
        self.engine = open_store(self.url)

    def verify(self, rubric: VerifyRecipe, *sources: ImportSource, workers: int = 2, **options: Any) -> VerifyResult:
        lookup._row_group.cache_clear()
        return verify(self.url, self.out, sources, rubric, concurrency=workers, **options)

    def rows(self, query: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(query).all())


def answers(path: Path, *completions: str, prompt: str = "2+2?", gold: str = "4") -> ImportSource:
    """Makes a file of completions for one prompt."""
    path.write_text(
        "".join(json.dumps({"prompt": prompt, "completion": text, "answer": gold}) + "\n" for text in completions)
    )
    return ImportSource(path, path.stem)
