import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from schemas.errors import UserError
from schemas.recipe import SelectRecipe
from service.explain import explain
from workers.select import select

sys.path.insert(0, str(Path(__file__).parents[1] / "workers"))
from selection_world import Sample, World, prompt_id, right

HOSTILE = "plain \x1b[31mred\x1b[0m \u202egnp.exe\u2066 \x9b2J 成的 end"


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request, tmp_path):
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    world = World(tmp_path / "out", url)
    yield world
    world.engine.dispose()


def shown(explanation, width=200):
    console = Console(file=io.StringIO(), width=width, force_terminal=False, highlight=False)
    explanation.render(console)
    return console.file.getvalue()


def recipe(**fields):
    return SelectRecipe.model_validate({"name": "set", "require": {"math": {}, "format": {}}, **fields})


def group(world):
    return world.add(
        [
            Sample("a", "best", right("math", "format"), tokens=2),
            Sample("a", "second", right("math", "format"), tokens=5),
            Sample("a", "best", right("math", "format"), tokens=9),
            Sample("a", "wrong", {"math": (0.0, "incorrect"), "format": (0.5, "partial")}, tokens=1),
            Sample("a", "broken", {"math": (None, "error"), "format": (1.0, "correct")}, tokens=1),
            Sample("a", "untold", {"math": (1.0, "correct")}, tokens=1),
            Sample("b", "other model", right("math", "format"), model="large", source="logic"),
        ]
    )


def test_a_selected_generation(world):
    ids = group(world)
    result = select(world.engine, world.out, recipe())
    told = explain(lambda: world.engine, world.out, ids[0])
    assert (told.kind, told.id) == ("generation", ids[0])
    facts = told.to_json()
    assert facts["text"] == "best"
    assert facts["sampling"] == {"temperature": 1.0}
    assert facts["prompt"]["gold"] == {"answer": "4"}
    assert facts["prompt"]["id"] == prompt_id("a")
    assert {verdict["verifier"]: verdict["score"] for verdict in facts["verdicts"]} == {"format": 1.0, "math": 1.0}
    (standing,) = facts["selections"]
    assert (standing["id"], standing["selected"], standing["rank"]) == (result.selection_id, True, 1)
    assert "rank 1 of 2" in standing["why"]
    page = shown(told)
    assert "selected in set" in page
    assert "question a" in page
    json.dumps(facts)


@pytest.mark.parametrize(
    ("index", "reasons"),
    [
        (1, ["meets every requirement, but ranks behind {0} (at most 1 a prompt)"]),
        (2, ["meets every requirement, but its text is that of {0}, which is selected"]),
        (3, ["math: 0 < 1 (incorrect)", "format: 0.5 < 1 (partial)"]),
        (4, ["math: no score (error): our failure, not counted as wrong"]),
        (5, ["format: no verdict of version 1, settings {settings}"]),
        (6, ["the set takes only models tiny", "the set takes only sources arithmetic"]),
    ],
)
def test_why_a_generation_is_not_selected(tmp_path, index, reasons):
    world = World(tmp_path)
    ids = group(world)
    select(world.engine, world.out, recipe(models=["tiny"], sources=["arithmetic"]))
    told = explain(lambda: world.engine, tmp_path, ids[index])
    (standing,) = told.facts["selections"]
    settings = told.facts["verdicts"][0]["settings_hash"]
    assert not standing["selected"]
    assert standing["reasons"] == [reason.format(*ids, settings=settings) for reason in reasons]
    for reason in standing["reasons"]:
        assert reason in shown(told)


def test_only_the_latest_selection_of_a_name_counts(world):
    ids = group(world)
    select(world.engine, world.out, recipe(per_prompt=2))
    select(world.engine, world.out, recipe(limit=1, sources=["logic"]))
    select(world.engine, world.out, recipe(name="other"))
    standings = explain(lambda: world.engine, world.out, ids[0]).facts["selections"]
    assert [(item["name"], item["selected"]) for item in standings] == [("other", True), ("set", False)]


def test_verdicts_of_older_versions_and_settings_are_marked(world):
    ids = group(world)
    late = datetime(2026, 2, 1, tzinfo=UTC)
    newer = world.judge({ids[3]: {"math": (1.0, "correct")}}, settings={"loose": True}, started_at=late)
    verdicts = explain(lambda: world.engine, world.out, ids[3]).facts["verdicts"]
    told = [(verdict["verifier"], verdict["score"], verdict["current"]) for verdict in verdicts]
    assert told == [("format", 0.5, True), ("math", 1.0, True), ("math", 0.0, False)]
    assert verdicts[1]["settings_hash"] == newer


def test_a_prompt_with_its_generations(world):
    ids = group(world)
    select(world.engine, world.out, recipe())
    told = explain(lambda: world.engine, world.out, prompt_id("a"))
    assert told.kind == "prompt"
    facts = told.to_json()
    assert facts["num_generations"] == 6
    by_id = {generation["id"]: generation for generation in facts["generations"]}
    assert by_id[ids[4]]["scores"]["math"] == {"score": None, "status": "error"}
    assert by_id[ids[0]]["selected_in"] == ["set"]
    assert by_id[ids[5]]["scores"] == {"math": {"score": 1.0, "status": "correct"}}
    page = shown(told)
    assert all(number in page for number in ids[:6])
    assert "not verified" in page
    json.dumps(facts)


def test_a_unique_prefix_is_enough(world):
    ids = group(world)
    assert explain(lambda: world.engine, world.out, f" {ids[0][:8].upper()} ").id == ids[0]


def test_bad_ids_are_refused(tmp_path):
    world = World(tmp_path)
    rows = [f"abcdef{n:026x}" for n in range(7)]
    run = world.run("import")
    base = {"task": "math", "messages": "[]", "gold": None, "language": None, "domain": None, "source": "s"}
    world.land(run, "prompts", [{"id": number, **base} for number in rows])
    with pytest.raises(UserError, match="several ids start with 'abcdef'") as caught:
        explain(lambda: world.engine, tmp_path, "abcdef")
    assert str(caught.value).count("(prompt)") == 5
    assert "and more" in str(caught.value)
    assert explain(lambda: world.engine, tmp_path, rows[3]).id == rows[3]
    for bad in ("abcde", "xyzxyz", "a" * 33, "", "abcdef%", "\x1b[2Jabc"):
        with pytest.raises(UserError, match="is no id"):
            explain(lambda: world.engine, tmp_path, bad)
    with pytest.raises(UserError, match="no document, generation or prompt"):
        explain(lambda: world.engine, tmp_path, "123456")


def test_spans_are_marked_and_hostile_text_is_shown_harmless(tmp_path):
    world = World(tmp_path)
    (number,) = world.add([Sample("a", HOSTILE, model="m\u202e\x1b]0;x\x07", source="s\n\x1b[2J")])
    start = HOSTILE.index("成")
    spans = [
        {"start": start, "end": start + 2, "language": "zh", "severity": "off_script"},
        {"start": -5, "end": 5, "language": "\u202ex"},
        {"start": start + 1, "end": 10**9, "language": "all"},
        {"start": "no"},
    ]
    world.judge({number: {"mixing": (0.9, "partial")}}, detail={"spans": spans[:1], "ratio": 0.9})
    world.judge({number: {"format": (0.0, "incorrect")}}, detail={"reason": "\x1b[2Jgone \u202e", "spans": spans[1:]})
    page = shown(explain(lambda: world.engine, tmp_path, number))
    suspects = [char for char in page if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)]
    assert suspects == []
    assert not set("\u202e\u2066") & set(page)
    assert "⟦RLO⟧" in page
    assert "plain[⟦RLO⟧x] ␛[31mred" in page
    assert "成的[zh] end[all]" in page


def test_a_span_far_into_a_long_text_is_shown(tmp_path):
    world = World(tmp_path)
    text = "word " * 4000 + "sinh成的 end " + "word " * 4000
    (number,) = world.add([Sample("a", text)])
    start = text.index("成")
    world.judge(
        {number: {"mixing": (0.9, "partial")}},
        detail={"spans": [{"start": start, "end": start + 2, "language": "zh"}]},
    )
    page = shown(explain(lambda: world.engine, tmp_path, number))
    assert "sinh成的[zh] end" in page
    assert f"at character {start - 80:,}" in page
    assert len(page) < 12_000


def test_a_missing_file_is_named(tmp_path):
    world = World(tmp_path)
    (number,) = world.add([Sample("a", "never read before", right("math"))])
    for path in (tmp_path / "generations").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="tamis store check"):
        explain(lambda: world.engine, tmp_path, number)


def test_a_store_without_verdicts_or_sets(tmp_path):
    world = World(tmp_path)
    (number,) = world.add([Sample("a", "alone")])
    told = explain(lambda: world.engine, tmp_path, number)
    assert (told.facts["verdicts"], told.facts["selections"]) == ([], [])
    assert "no verdict yet" in shown(told)
