"""`tamis explain` lists what was cut out of a document, and who has it first."""

import io
import json

import pytest
from rich.console import Console

from curation.job.driver import run_job
from schemas.ids import document_id
from schemas.recipe import CurateRecipe
from service.explain import explain

MENU = "The menu stands on every page of this \u202e site.\n"
FOOTER = "Nobody has ever read this footer to its end, we think."
PAGES = [f"{MENU}{text}{FOOTER}" for text in ("Of tea, at length. \u00e9\n", "Of salt, at more length.\n", "")]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    base = tmp_path_factory.mktemp("cuts")
    (base / "web.jsonl").write_text("".join(json.dumps({"text": page}) + "\n" for page in [*PAGES, MENU + MENU]))
    recipe = {
        "name": "cuts",
        "inputs": [{"source": "web", "path": "web.jsonl"}],
        "steps": [{"span_dedup": {"unit": "line", "max_cut_share": 0.9}, "name": "lines"}],
    }
    run_job(CurateRecipe.model_validate(recipe), base, base / "out", num_workers=1)
    return base / "out"


def explained(out, line):
    told = explain(lambda: pytest.fail("the store is not needed"), out, document_id("web", "", f"web.jsonl#{line}"))
    console = Console(file=io.StringIO(), width=240, highlight=False)
    told.render(console)
    return told.to_json(), console.file.getvalue()


def test_passages_are_told_with_who_has_them_first(out):
    order = sorted(range(1, 5), key=lambda line: document_id("web", "", f"web.jsonl#{line}"))
    first = document_id("web", "", f"web.jsonl#{order[0]}")
    texts = {number + 1: page for number, page in enumerate([*PAGES, MENU + MENU])}
    for line in order[1:]:
        facts, shown = explained(out, line)
        assert facts["num_cuts"] == sum(texts[line].count(part) for part in (MENU, FOOTER)) or facts["removed"]
        assert facts["cuts"][0]["start"] == 0
        assert facts["cuts"][0]["text"].startswith(MENU.strip())
        assert facts["cuts"][0]["kept_id"] == first
        assert facts["cuts"][0]["where"].endswith(f"web.jsonl#{order[0]}")
        for cut in facts["cuts"]:
            assert texts[line][cut["start"] : cut["end"]] == cut["text"]
        assert "stand earlier elsewhere" in shown
        assert "\u202e" not in shown
    assert explained(out, order[0])[0]["num_cuts"] == (1 if order[0] == 4 else 0)
