"""Each step's page of the documentation: its example is run by the command and ends as the page says."""

import json
import re
import shlex
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.steps import STEP_KINDS
from service.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "steps").glob("*.md"))
#: Beam's oldest runner works in this very process.
HERE = ("--", "--runner=BundleBasedDirectRunner")
BLOCK = re.compile(r"^```(?:\w+) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page):
    """Gives the fenced blocks that have a file name, by name."""
    return dict(BLOCK.findall(page.read_text(encoding="utf-8")))


def run(arguments, monkeypatch):
    """Runs the command `tamis` in this process, where kernels and Beam are loaded already; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["tamis", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def rows(folder, columns):
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path, columns=columns).to_pylist()
    ]


def test_every_kind_of_step_has_a_page():
    assert {page.stem for page in PAGES} == set(STEP_KINDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_example_ends_as_the_page_says(page, tmp_path, monkeypatch, capfd):
    files = blocks(page)
    assert {"recipe.yaml", "outcome"} <= files.keys(), f"{page.name} has no whole example"
    outcome = json.loads(files.pop("outcome"))
    before = files.pop("commands", "")  # what makes a file that no page can hold, such as a model
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for line in before.splitlines():
        assert run(shlex.split(line)[1:], monkeypatch) == 0, line
    done = run(
        ["curate", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out"), *HERE],
        monkeypatch,
    )
    assert done == 0, capfd.readouterr().err
    out = tmp_path / "out" / "curate"
    assert sorted(row["url"] for row in rows(out / "kept", ["url"])) == sorted(outcome["kept"])
    rejected = {row["url"]: row["reasons"] for row in rows(out / "rejects", ["url", "reasons"])}
    assert rejected == outcome["rejected"]
    for url, text in outcome.get("texts", {}).items():
        assert {row["url"]: row["text"] for row in rows(out / "kept", ["url", "text"])}[url] == text
