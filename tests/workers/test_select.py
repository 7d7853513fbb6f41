import json
from collections import defaultdict
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selection_world import Sample, World, prompt_id, right

from schemas.arrow import check_contract
from schemas.errors import UserError
from schemas.files import sha256_of
from schemas.recipe import SelectRecipe
from schemas.tables import Artifact, Generation, Selection, SelectionItem
from workers import rows as rows_module
from workers import trainset
from workers.select import select
from workers.trainset import conversation


def recipe(**fields):
    return SelectRecipe.model_validate({"name": "set", "require": {"math": {}}, **fields})


def items(world, selection_id):
    table = SelectionItem.__table__
    with world.engine.connect() as connection:
        statement = sa.select(table).where(table.c.selection_id == selection_id)
        return {row.generation_id: row for row in connection.execute(statement)}


def training_rows(result):
    names = sorted(Path(part["path"]).name for part in result.files["training_set"])
    return [row for name in names for row in pq.read_table(result.folder / name).to_pylist()]


def lines(result):
    names = sorted(Path(part["path"]).name for part in result.files["training_lines"])
    return [json.loads(line) for name in names for line in (result.folder / name).read_text("utf-8").splitlines()]


def folder_hashes(folder: Path):
    return {path.name: sha256_of(path) for path in folder.iterdir() if path.name != ".lock"}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request, tmp_path):
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    world = World(tmp_path / "out", url)
    yield world
    world.engine.dispose()


def mixed(world):
    return world.add(
        [
            Sample("a", "long and right", right("math", "format"), tokens=30),
            Sample("a", "short", right("math", "format"), tokens=3),
            Sample("a", "wrong", {"math": (0.0, "incorrect"), "format": (1.0, "correct")}, tokens=2),
            Sample("a", "broken", {"math": (None, "error"), "format": (1.0, "correct")}, tokens=1),
            Sample("b", "short", {"math": (1.0, "correct"), "format": (0.0, "incorrect")}, tokens=3),
            Sample("b", "untold", {"format": (1.0, "correct")}, tokens=3),
            Sample("c", "again", right("math", "format"), tokens=9),
            Sample("c", "again", right("math", "format"), tokens=8),
            Sample("c", "no count", right("math", "format")),
        ]
    )


def test_the_best_of_each_prompt_and_why(world):
    ids = mixed(world)
    result = select(world.engine, world.out, recipe(require={"math": {}, "format": {}}, per_prompt=2))
    chosen = items(world, result.selection_id)
    assert {key: row.rank for key, row in chosen.items()} == {ids[1]: 1, ids[0]: 2, ids[7]: 1, ids[8]: 2}
    assert chosen[ids[1]].why == "rank 1 of 2 distinct that meet math >= 1 (1), format >= 1 (1); 3 tokens"
    assert chosen[ids[8]].why == "rank 2 of 2 distinct that meet math >= 1 (1), format >= 1 (1)"
    assert {row.role for row in chosen.values()} == {"sft"}
    assert result.num_selected == 4


def test_counts_add_up_and_our_failures_stand_apart(world):
    mixed(world)
    counts = select(world.engine, world.out, recipe(require={"math": {}, "format": {}})).counts
    assert counts["generations"] == {
        "in_store": 9,
        "in_scope": 9,
        "met_requirements": 5,
        "distinct_texts": 4,
        "selected": 2,
    }
    assert counts["prompts"] == {"in_store": 3, "in_scope": 3, "met_requirements": 2, "selected": 2}
    assert counts["dropped_first"] == {
        "math_below_minimum": 1,
        "math_unscored": 1,
        "math_not_verified": 1,
        "format_below_minimum": 1,
        "same_text": 1,
        "beyond_per_prompt": 2,
    }
    assert sum(counts["dropped_first"].values()) + 2 == 9
    assert (counts["unscored"], counts["not_verified"]) == (1, 1)
    assert counts["verdicts"]["math"] == {"correct": 6, "error": 1, "incorrect": 1, "not_verified": 1}
    assert counts["tokens"] == {"selected": 11, "selected_without_count": 0}


def test_a_generation_counts_under_its_first_reason_and_all_its_reasons(world):
    wrong_twice = {"math": (0.0, "incorrect"), "format": (0.0, "incorrect")}
    world.add([Sample("a", "x", wrong_twice), Sample("a", "y", right("math", "format"))])
    counts = select(world.engine, world.out, recipe(require={"format": {}, "math": {}})).counts
    assert counts["dropped_first"] == {"format_below_minimum": 1}
    assert counts["dropped_all"] == {"format_below_minimum": 1, "math_below_minimum": 1}


def test_a_requirement_may_ask_for_the_status_beside_the_score(world):
    said = {"mixed": (0.98, "partial"), "pure": (1.0, "correct"), "far": (0.5, "partial"), "broken": (None, "error")}
    ids = world.add(
        [Sample("a", name, {**right("math"), "mixing": verdict}, tokens=3) for name, verdict in said.items()]
    )
    by_score = select(
        world.engine, world.out, recipe(name="score", require={"mixing": {"min_score": 0.95}}, per_prompt=4)
    )
    assert set(items(world, by_score.selection_id)) == {ids[0], ids[1]}
    strict = {"mixing": {"min_score": 0.95, "correct": True}}
    result = select(world.engine, world.out, recipe(require=strict, per_prompt=4))
    (chosen,) = items(world, result.selection_id).values()
    assert chosen.generation_id == ids[1]
    assert chosen.why == "rank 1 of 1 distinct that meet mixing >= 0.95 and correct (1); 3 tokens"
    assert result.counts["dropped_first"] == {
        "mixing_not_correct": 1,
        "mixing_below_minimum": 1,
        "mixing_unscored": 1,
    }
    assert (result.counts["unscored"], result.counts["not_verified"]) == (1, 0)
    assert "0.95 and correct |" in (result.folder / "card.md").read_text()


def test_files_hold_the_set_in_its_order(world):
    mixed(world)
    result = select(world.engine, world.out, recipe(per_prompt=3))
    rows = training_rows(result)
    assert [(row["prompt_id"], row["rank"]) for row in rows] == sorted((row["prompt_id"], row["rank"]) for row in rows)
    by_prompt = defaultdict(list)
    for row in rows:
        by_prompt[row["prompt_id"]].append(row["text"])
    assert by_prompt == {
        prompt_id("a"): ["short", "long and right"],
        prompt_id("b"): ["short"],
        prompt_id("c"): ["again", "no count"],
    }
    assert [line["id"] for line in lines(result)] == [row["generation_id"] for row in rows]
    first = lines(result)[0]
    assert first["messages"][-1] == {"role": "assistant", "content": rows[0]["text"]}
    assert first["messages"][:-1] == json.loads(rows[0]["messages"])
    assert first["scores"] == {"math": 1.0}
    selection = pq.read_table(world.out / result.files["selection"][0]["path"])
    check_contract(selection.schema, "selection")
    stored = items(world, result.selection_id)
    assert {row["generation_id"]: row["why"] for row in selection.to_pylist()} == {
        key: row.why for key, row in stored.items()
    }


def test_card_says_what_files_hold(world):
    mixed(world)
    result = select(world.engine, world.out, recipe(require={"math": {"min_score": 0.5}}))
    card = json.loads((result.folder / "card.json").read_text())
    assert card["selection_id"] == result.selection_id
    for parts in card["files"].values():
        for part in parts:
            assert sha256_of(result.folder / part["name"]) == part["sha256"]
    assert card["verifiers"][0]["minimum"] == 0.5
    assert card["verifiers"][0]["settings"] == {}
    assert [run["name"] for run in card["verifiers"][0]["runs"]] == ["verify"]
    assert card["counts"]["models"][0]["sampling"] == {"temperature": 1.0}
    assert card["counts"]["sources"][0]["selected"] == result.num_selected
    text = (result.folder / "card.md").read_text()
    assert "| selected | 3 | 3 |" in text
    assert "our failure" in text


def test_again_is_the_same_to_the_byte(world):
    mixed(world)
    first = select(world.engine, world.out, recipe(per_prompt=2))
    before, stored = folder_hashes(first.folder), items(world, first.selection_id)
    second = select(world.engine, world.out, recipe(per_prompt=2))
    assert second.unchanged
    assert second.selection_id == first.selection_id
    assert second.files == first.files
    assert second.counts == first.counts
    for path in first.folder.iterdir():
        path.unlink()
    third = select(world.engine, world.out, recipe(per_prompt=2))
    assert not third.unchanged
    assert folder_hashes(third.folder) == before
    assert items(world, first.selection_id) == stored
    with world.engine.connect() as connection:
        assert (
            connection.scalar(sa.select(sa.func.count()).select_from(Artifact).where(Artifact.kind == "selection")) == 1
        )


def test_a_damaged_set_is_mended(world):
    mixed(world)
    first = select(world.engine, world.out, recipe(per_prompt=2))
    before, stored = folder_hashes(first.folder), items(world, first.selection_id)
    spoilt = world.out / first.files["training_set"][0]["path"]
    spoilt.write_bytes(spoilt.read_bytes()[::-1])
    with world.engine.begin() as connection:
        connection.execute(sa.delete(SelectionItem).where(SelectionItem.rank == 1))
    for _ in ("items", "file"):
        assert not select(world.engine, world.out, recipe(per_prompt=2)).unchanged
        assert (folder_hashes(first.folder), items(world, first.selection_id)) == (before, stored)
        spoilt.write_bytes(spoilt.read_bytes()[::-1])


def test_new_verdicts_make_another_selection_and_keep_the_old(world):
    ids = mixed(world)
    first = select(world.engine, world.out, recipe())
    world.judge({ids[2]: right("math")}, version=2)
    second = select(world.engine, world.out, recipe())
    assert second.selection_id != first.selection_id
    assert set(items(world, second.selection_id)) == {ids[2]}
    assert any("passed over" in warning for warning in second.warnings)
    assert len(items(world, first.selection_id)) == 3
    assert all((world.out / part["path"]).exists() for part in first.files["training_set"])


def test_prompts_elsewhere_in_the_store_change_nothing(world):
    mixed(world)
    narrow = recipe(sources=["arithmetic"])
    first = select(world.engine, world.out, narrow)
    world.add([Sample("z", "other", right("math"), source="logic")])
    assert select(world.engine, world.out, narrow).selection_id == first.selection_id
    assert select(world.engine, world.out, recipe()).selection_id != first.selection_id


def test_dry_run_counts_and_writes_nothing(world):
    mixed(world)
    plan = select(world.engine, world.out, recipe(), dry_run=True)
    assert not plan.folder.exists()
    assert items(world, plan.selection_id) == {}
    real = select(world.engine, world.out, recipe())
    assert (plan.selection_id, plan.counts) == (real.selection_id, real.counts)


def test_ranking_by_a_verifier_that_is_not_required(world):
    ids = world.add(
        [
            Sample("a", "plain", {**right("math"), "style": (0.2, "partial")}),
            Sample("a", "fine", {**right("math"), "style": (0.9, "partial")}),
            Sample("a", "unscored", {**right("math"), "style": (None, "error")}),
            Sample("a", "untold", right("math")),
        ]
    )
    for order, best in (("desc", ids[1]), ("asc", ids[0])):
        result = select(world.engine, world.out, recipe(order_by=[{"by": "style", "order": order}], per_prompt=4))
        ranks = {key: row.rank for key, row in items(world, result.selection_id).items()}
        assert ranks[best] == 1
        assert {ranks[ids[2]], ranks[ids[3]]} == {3, 4}  # no score comes last either way
        assert min(ids[2:], key=ranks.__getitem__) == min(ids[2:])


def test_limit_takes_every_best_before_any_second(world):
    world.add([Sample(name, f"{name}{n}", right("math"), tokens=n) for name in "abcd" for n in range(3)])
    result = select(world.engine, world.out, recipe(per_prompt=3, limit=6))
    ranks = sorted(row.rank for row in items(world, result.selection_id).values())
    assert ranks == [1, 1, 1, 1, 2, 2]
    assert result.counts["dropped_first"] == {"beyond_limit": 6}


def test_models_and_sources_narrow_the_scope(world):
    ids = world.add(
        [
            Sample("a", "x", right("math"), model="small"),
            Sample("a", "y", right("math"), model="large"),
            Sample("b", "z", right("math"), model="large", source="logic"),
        ]
    )
    result = select(world.engine, world.out, recipe(models=["large"], sources=["arithmetic"]))
    assert set(items(world, result.selection_id)) == {ids[1]}
    assert result.counts["dropped_first"] == {"out_of_scope": 2}
    with pytest.raises(UserError, match=r"models: the store has no 'larg'; it has 'large', 'small'"):
        select(world.engine, world.out, recipe(models=["larg"]))


def test_unknown_verifier_names_those_there_are(world):
    with pytest.raises(UserError, match="run `tamis verify` first"):
        select(world.engine, world.out, recipe())
    mixed(world)
    with pytest.raises(UserError, match=r"no verdict of 'maths'.*has verdicts of 'format', 'math'"):
        select(world.engine, world.out, recipe(require={"maths": {}}))
    with pytest.raises(UserError, match="no verdict of 'beauty'"):
        select(world.engine, world.out, recipe(order_by=[{"by": "beauty"}]))


def test_of_several_settings_the_latest_run_counts_or_the_recipe_says(world):
    ids = world.add([Sample("a", "x"), Sample("a", "y")])
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    loose = world.judge({ids[0]: right("math")}, settings={"loose": True}, started_at=late)
    strict = world.judge({ids[1]: right("math")}, settings={"strict": True}, started_at=early)
    result = select(world.engine, world.out, recipe())
    assert set(items(world, result.selection_id)) == {ids[0]}
    assert any(strict in warning for warning in result.warnings)
    named = select(world.engine, world.out, recipe(require={"math": {"settings": strict[:8]}}))
    assert set(items(world, named.selection_id)) == {ids[1]}
    with pytest.raises(UserError, match=rf"'0000' is unknown.*{min(loose, strict)}"):
        select(world.engine, world.out, recipe(require={"math": {"settings": "0000"}}))
    world.judge({ids[1]: right("math")}, settings={"third": True}, started_at=late)
    with pytest.raises(UserError, match="under several settings"):
        select(world.engine, world.out, recipe())


def test_nothing_selected_is_said_and_written(world):
    world.add([Sample("a", "x", {"math": (0.0, "incorrect")})])
    result = select(world.engine, world.out, recipe())
    assert result.num_selected == 0
    assert "nothing was selected" in result.warnings
    assert training_rows(result) == []
    assert lines(result) == []


def test_a_missing_file_is_named(world):
    mixed(world)
    for path in (world.out / "generations").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"generations-.*tamis store check"):
        select(world.engine, world.out, recipe())
    assert items(world, "x") == {}


def test_spooled_in_many_buckets_and_parts(world, monkeypatch):
    monkeypatch.setattr(trainset, "BUCKET_ROWS", 4)
    monkeypatch.setattr(trainset, "SPOOL_BYTES", 40)
    monkeypatch.setattr(trainset, "PART_BYTES", 200)
    monkeypatch.setattr(rows_module, "BATCH_ROWS", 5)
    texts = [f"text {n} " + "x" * n for n in range(30)]
    world.add([Sample(f"p{n % 11}", text, right("math"), tokens=n) for n, text in enumerate(texts)])
    result = select(world.engine, world.out, recipe(per_prompt=9))
    assert len(result.files["training_set"]) > 2
    rows = training_rows(result)
    assert sorted(row["text"] for row in rows) == sorted(texts)
    for row in rows:
        asked = json.loads(row["messages"])[0]["content"]
        assert prompt_id(asked.removeprefix("question ")) == row["prompt_id"]
        assert f"text {row['tokens']} " in row["text"]
    assert [line["messages"][-1]["content"] for line in lines(result)] == [row["text"] for row in rows]
    assert not (result.folder / ".spool").exists()


def test_few_shot_messages_stay_as_they_are(tmp_path):
    world = World(tmp_path)
    shots = [
        {"role": "system", "content": "Think first."},
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "<think>1+1</think> 2"},
        {"role": "user", "content": "2+2"},
    ]
    world.add([Sample("a", "<think>2+2</think> 4", right("math"))], messages=shots)
    result = select(world.engine, tmp_path, recipe())
    assert lines(result)[0]["messages"] == [*shots, {"role": "assistant", "content": "<think>2+2</think> 4"}]


def test_an_opened_answer_goes_on_in_its_message():
    opened = [{"role": "user", "content": "2+2"}, {"role": "assistant", "content": "<think>"}]
    for text in ("two</think> 4", "<think>two</think> 4"):
        assert conversation(opened, text)[-1] == {"role": "assistant", "content": "<think>two</think> 4"}
    assert len(opened) == 2
    assert conversation([], "4") == [{"role": "assistant", "content": "4"}]


def test_hostile_names_in_the_card(tmp_path):
    world = World(tmp_path)
    world.add([Sample("a", "x", right("math"), model="m|<script>alert(1)</script>\u202e", source="# [x](http://e)")])
    text = (select(world.engine, tmp_path, recipe()).folder / "card.md").read_text()
    assert "<script" not in text.replace("\\<script", "")
    assert "U+202E" in text
    assert "\u202e" not in text
    assert "\\[x\\]" in text


def test_the_latest_of_a_name_is_the_one_selected_last(tmp_path):
    world = World(tmp_path)
    mixed(world)
    first = select(world.engine, tmp_path, recipe())
    select(world.engine, tmp_path, recipe(per_prompt=2))
    select(world.engine, tmp_path, recipe())
    with world.engine.connect() as connection:
        latest = connection.scalar(sa.select(Selection.id).order_by(Selection.created_at.desc()).limit(1))
    assert latest == first.selection_id
    assert json.loads((first.folder / "card.json").read_text())["selection_id"] == first.selection_id


def test_the_store_is_left_without_temporary_tables(tmp_path):
    world = World(tmp_path)
    mixed(world)
    select(world.engine, tmp_path, recipe())
    with world.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM temp.sqlite_master")) == 0


scores = st.sampled_from([None, 0.0, 0.5, 1.0])
verdict = st.none() | scores.map(lambda score: (score, "error" if score is None else "partial"))
samples = st.builds(
    lambda prompt, text, tokens, model, math, form: Sample(
        prompt, text, {k: v for k, v in (("math", math), ("format", form)) if v is not None}, tokens, model
    ),
    st.sampled_from("abc"),
    st.sampled_from(["x", "x ", "y", "z"]),
    st.none() | st.integers(0, 3),
    st.sampled_from(["small", "large"]),
    verdict,
    verdict,
)
recipes = st.fixed_dictionaries(
    {
        "require": st.sampled_from(
            [{"math": {}}, {"math": {"min_score": 0.5}}, {"format": {}, "math": {"min_score": 0.0}}]
        ),
        "per_prompt": st.integers(1, 3),
        "order_by": st.lists(
            st.fixed_dictionaries(
                {"by": st.sampled_from(["tokens", "math", "format"]), "order": st.sampled_from(["asc", "desc"])}
            ),
            max_size=3,
            unique_by=lambda key: key["by"],
        ),
        "limit": st.none() | st.integers(1, 4),
        "models": st.sampled_from([[], ["small"]]),
    }
)


def place_by(order, sample, had):
    value = sample.tokens if order["by"] == "tokens" else had.get(order["by"])
    sign = 1 if order["order"] == "asc" else -1
    return (True, 0) if value is None else (False, sign * value)


def reference(ids, world_samples, asked):
    """What must be selected, the plain way: generation id -> rank."""
    by_prompt = defaultdict(list)
    for key, sample in zip(ids, world_samples, strict=True):
        if asked["models"] and sample.model not in asked["models"]:
            continue
        had = {name: sample.verdicts[name][0] for name in sample.verdicts}
        least = {name: wanted.get("min_score", 1.0) for name, wanted in asked["require"].items()}
        if all(had.get(name) is not None and had[name] >= least[name] for name in least):
            by_prompt[prompt_id(sample.prompt)].append((key, sample, had))
    picked = []
    for prompt, group in by_prompt.items():
        group.sort(key=itemgetter(0))
        for order in reversed(asked["order_by"]):
            group.sort(key=lambda item, order=order: place_by(order, *item[1:]))
        seen, rank = set(), 0
        for key, sample, _ in group:
            if sample.text not in seen:
                seen.add(sample.text)
                rank += 1
                picked.append((rank, prompt, key))
    picked = sorted(item for item in picked if item[0] <= asked["per_prompt"])
    return {key: rank for rank, _, key in picked[: asked["limit"]]}


def check_against_reference(world, drawn, asked):
    seed = Sample("seed", "never", {"math": (0.0, "incorrect"), "format": (0.0, "incorrect")}, model="small")
    drawn = [seed, *drawn]
    ids = world.add(drawn)
    result = select(world.engine, world.out, recipe(**asked))
    found = items(world, result.selection_id)
    assert {key: row.rank for key, row in found.items()} == reference(ids, drawn, asked)
    by_id = dict(zip(ids, drawn, strict=True))
    for key in found:
        assert all(by_id[key].verdicts[name][0] is not None for name in asked["require"])
    counts = result.counts
    assert sum(counts["dropped_first"].values()) + len(found) == len(ids)
    assert [row["text"] for row in training_rows(result)] == [by_id[line["id"]].text for line in lines(result)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(samples, max_size=14), asked=recipes)
def test_selection_is_what_the_plain_way_selects(tmp_path_factory, drawn, asked):
    world = World(tmp_path_factory.mktemp("world"))
    check_against_reference(world, drawn, asked)
    world.engine.dispose()


def test_postgresql_selects_what_the_plain_way_selects(postgresql_url, tmp_path):
    world = World(tmp_path, postgresql_url)
    drawn = [
        Sample(f"{n % 5}", f"text {n % 4}", {"math": (score, "partial"), "format": (1.0, "correct")}, n % 3 or None)
        for n, score in enumerate([1.0, 0.5, 0.0, 1.0, 1.0, 0.7] * 6)
    ]
    order = [{"by": "math", "order": "desc"}, {"by": "tokens", "order": "asc"}]
    asked = {"require": {"math": {"min_score": 0.5}}, "per_prompt": 2, "order_by": order, "limit": 8, "models": []}
    check_against_reference(world, drawn, asked)
    world.engine.dispose()


def test_prompts_that_are_too_hard_or_too_easy_stay_out(world):
    said = {
        "always": ["11", "11"],
        "never": ["00", "00"],
        "half": ["11", "10", "01", "00"],
        "rarely": ["11", "00", "00", "00"],
        "ours": ["1?", "11", "00"],
        "once": ["11"],
    }
    score = {"1": (1.0, "correct"), "0": (0.0, "incorrect"), "?": (None, "error")}
    world.add(
        [
            Sample(prompt, f"{prompt} {number}", {"format": score[one[0]], "math": score[one[1]]})
            for prompt, verdicts in said.items()
            for number, one in enumerate(verdicts)
        ]
    )

    def chosen(**fields):
        asked = recipe(require={"format": {}}, per_prompt=9, pass_rate={"verifier": "math", **fields})
        result = select(world.engine, world.out, asked)
        names = {prompt_id(prompt): prompt for prompt in said}
        with world.engine.connect() as connection:
            found = connection.scalars(
                sa.select(Generation.prompt_id)
                .join(SelectionItem, SelectionItem.generation_id == Generation.id)
                .where(SelectionItem.selection_id == result.selection_id)
            )
            return sorted(names[prompt] for prompt in found), result

    learnable, result = chosen()
    assert learnable == ["half", "half", "ours", "ours", "rarely"]
    assert result.counts["dropped_first"] == {"format_below_minimum": 8, "pass_rate_outside": 3}
    assert result.counts["dropped_all"] == {"format_below_minimum": 8, "pass_rate_outside": 5}
    assert sum(result.counts["dropped_first"].values()) + result.num_selected == 16
    assert "a pass rate of math above 0 and below 1" in (result.folder / "card.md").read_text()
    assert chosen(too_hard=0.25)[0] == ["half", "half", "ours", "ours"]
    assert chosen(min_samples=3)[0] == ["half", "half", "rarely"]
    with pytest.raises(ValueError, match="too_hard"):
        recipe(pass_rate={"verifier": "math", "too_hard": 0.5, "too_easy": 0.5})
