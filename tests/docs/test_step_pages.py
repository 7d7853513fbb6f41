"""Each step's page of the documentation: its example is run by the command and ends as the page says."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.steps import STEP_KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "steps").glob("*.md"))
BLOCK = re.compile(r"^```(?:\w+) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page):
    """Gives the fenced blocks that have a file name, by name."""
    return dict(BLOCK.findall(page.read_text(encoding="utf-8")))


def rows(folder, columns):
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path, columns=columns).to_pylist()
    ]


def test_every_kind_of_step_has_a_page():
    assert {page.stem for page in PAGES} == set(STEP_KINDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_example_ends_as_the_page_says(page, tmp_path):
    files = blocks(page)
    assert {"recipe.yaml", "outcome"} <= files.keys(), f"{page.name} has no whole example"
    outcome = json.loads(files.pop("outcome"))
    before = files.pop("commands", "")  # what makes a file that no page can hold, such as a model
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "service.cli", "curate", tmp_path / "recipe.yaml", "--out", tmp_path / "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in before.splitlines():
        first = [sys.executable, "-m", "service.cli", *shlex.split(line)[1:]]
        subprocess.run(first, env=environment, cwd=tmp_path, capture_output=True, timeout=280, check=True)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out" / "curate"
    assert sorted(row["url"] for row in rows(out / "kept", ["url"])) == sorted(outcome["kept"])
    rejected = {row["url"]: row["reasons"] for row in rows(out / "rejects", ["url", "reasons"])}
    assert rejected == outcome["rejected"]
    for url, text in outcome.get("texts", {}).items():
        assert {row["url"]: row["text"] for row in rows(out / "kept", ["url", "text"])}[url] == text
