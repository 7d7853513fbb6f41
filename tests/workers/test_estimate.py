"""Estimates from stored verdicts: numbers that are published or can be counted, and what unscored samples do to them."""

import gzip
import json
import math
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from statistics import fmean, pstdev

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from selection_world import Sample, World, prompt_id, right

from rewards import get_verifier
from rewards.verdict import Verdict
from schemas.arrow import check_contract
from schemas.errors import UserError
from schemas.ids import canonical_json, settings_hash
from schemas.recipe import EstimateRecipe
from schemas.tables import Artifact, Run
from workers import estimate_groups
from workers.check import check_store
from workers.estimate import estimate

WRONG = (0.0, "incorrect")
RIGHT = (1.0, "correct")
OURS = (None, "error")


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "out", file_rows=5000)
    yield world
    world.engine.dispose()


def recipe(**fields):
    return EstimateRecipe.model_validate(fields)


def prompt_rows(world, result):
    table = pq.read_table(world.out / result.files["prompt_estimates"]["path"])
    check_contract(table.schema, "prompt_estimates")
    return {(row["prompt_id"], row["model"]): row for row in table.to_pylist()}


def advantage_rows(world, result):
    table = pq.read_table(world.out / result.files["advantages"]["path"])
    check_contract(table.schema, "advantages")
    return {row["generation_id"]: row for row in table.to_pylist()}


def values(estimates):
    return {item["k"]: item["value"] for item in estimates}


def land_verdicts(world, ids, name, verdicts, day=1):
    """Lands verdicts with their own details, as `tamis verify` does."""
    verifier = get_verifier(name)
    run_id = world.run("verify", datetime(2026, 1, day, tzinfo=UTC), {"verifiers": [{"name": name}]})
    rows = [
        {
            "generation_id": key,
            "verifier": name,
            "version": verifier.version,
            "settings_hash": verifier.settings_hash,
            "score": verdict.score,
            "status": verdict.status,
            "detail": canonical_json(dict(verdict.detail)),
            "elapsed_ms": 1.0,
        }
        for key, verdict in zip(ids, verdicts, strict=True)
    ]
    world.land(run_id, "verdicts", rows)


GAME24 = {
    # Tree of Thoughts (2305.10601), table 2: input-output and chain-of-thought prompting, mean of 100 samples and best of 100.
    "standard": (0.073, 0.33),
    "cot": (0.040, 0.49),
}


@pytest.mark.parametrize("way", GAME24)
def test_game_of_24_as_published(world, reference_data, way):
    path = reference_data("tot_game24_gpt4_100samples") / f"gpt-4_0.7_naive_{way}_sample_100_start900_end1000.json.gz"
    problems = json.loads(gzip.decompress(path.read_bytes()))
    won = {str(item["idx"]): item.get("accs") or [info["r"] for info in item["infos"]] for item in problems}
    world.add(
        [
            Sample(str(item["idx"]), text, {"exact": RIGHT if right_ else WRONG})
            for item in problems
            for text, right_ in zip(item["ys"], won[str(item["idx"])], strict=True)
        ]
    )
    result = estimate(world.engine, world.out, recipe(k=[1, 10, 100]))
    (group,) = result.groups
    once, best = GAME24[way]
    found = values(group["pass_at"])
    assert round(found[1], 3) == once
    assert found[100] == pytest.approx(best)
    solved = [sum(map(bool, scores)) for scores in won.values()]
    by_hand = [1 - Fraction(math.comb(100 - c, 10), math.comb(100, 10)) for c in solved]
    assert found[10] == pytest.approx(float(sum(by_hand) / len(by_hand)))
    assert (group["prompts"], group["generations"], group["unscored"]) == (100, 10_000, 0)
    assert group["bands"] == {
        "too_hard": solved.count(0),
        "learnable": 100 - solved.count(0),
        "too_easy": 0,
        "unscored": 0,
    }
    assert group["histogram"]["0"] == solved.count(0)
    assert sum(group["histogram"].values()) == 100
    for item in group["pass_at"]:
        assert item["low"] < item["value"] < item["high"]
        assert (item["prompts"], item["left_out"]) == (100, 0)
    rows = prompt_rows(world, result)
    assert [rows[prompt_id(name), "tiny"]["correct"] for name in won] == solved


def test_qwen_s_samples_of_math(world, reference_data):
    path = reference_data("math_multisample_qwen") / "math_cot_100.jsonl.gz"
    problems = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    samples = [Sample(str(item["idx"]), text) for item in problems for text in item["code"]]
    ids = world.add(samples)
    golds = [item["gt"] for item in problems for _ in item["code"]]
    land_verdicts(world, ids, "math", get_verifier("math").verify_batch([sample.text for sample in samples], golds))
    result = estimate(world.engine, world.out, recipe(k=[1, 8]))
    (group,) = result.groups
    # By the file's own labels 728 of 800 and 96 of 100; one label is wrong (10{,}000 against 10000), its prompt's only right one.
    assert values(group["pass_at"]) == {1: pytest.approx(729 / 800), 8: pytest.approx(0.97)}
    # The file's own answers and labels, ties going to the answer that comes first, give 93; three prompts tie between the right
    # answer and a wrong one, which is worth a half each.
    labelled = [Counter(item["pred"]).most_common(1)[0][0] for item in problems]
    assert sum(item["score"][item["pred"].index(one)] for item, one in zip(problems, labelled, strict=True)) == 93
    assert values(group["cons_at"]) == {8: pytest.approx(0.925)}
    row = prompt_rows(world, result)[prompt_id("0"), "tiny"]
    assert (row["majority_answer"], row["majority_share"], row["majority_correct"], row["answers"]) == (
        "420",
        1.0,
        True,
        1,
    )


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_each_model_stands_for_itself_and_what_is_not_scored_is_in_no_rate(request, tmp_path, store):
    url = request.getfixturevalue("postgresql_url") if store == "postgresql" else None
    world = World(tmp_path / "out", url)
    said = {
        ("a", "tiny"): [RIGHT, WRONG, OURS, RIGHT],
        ("a", "large"): [RIGHT, RIGHT],
        ("b", "tiny"): [OURS, OURS],
        ("c", "tiny"): [WRONG, WRONG, (0.5, "partial")],
    }
    samples = [
        Sample(prompt, f"{model} {number}", {"math": verdict}, model=model)
        for (prompt, model), verdicts in said.items()
        for number, verdict in enumerate(verdicts)
    ]
    ids = world.add([*samples, Sample("c", "never verified")])
    result = estimate(world.engine, world.out, recipe())
    large, tiny = result.groups
    assert (large["model"], tiny["model"]) == ("large", "tiny")
    assert tiny["sampling"] == {"temperature": 1.0}
    assert (tiny["prompts"], tiny["generations"], tiny["scored"], tiny["unscored"]) == (3, 10, 6, 3)
    assert tiny["not_verified"] == 1
    assert tiny["statuses"] == {"correct": 2, "error": 3, "incorrect": 3, "not_verified": 1, "partial": 1}
    # a: 2 of 3, c: 0 of 3, b says nothing.
    assert tiny["pass_at"][0] | {"low": 0, "high": 0} == {
        "k": 1, "value": pytest.approx(1 / 3), "low": 0, "high": 0, "prompts": 2, "left_out": 1,
    }  # fmt: skip
    assert tiny["pass_at"][-1] == {"k": 4, "value": None, "low": None, "high": None, "prompts": 0, "left_out": 3}
    assert tiny["bands"] == {"too_hard": 1, "learnable": 1, "too_easy": 0, "unscored": 1}
    assert large["bands"] == {"too_hard": 0, "learnable": 0, "too_easy": 1, "unscored": 0}
    assert large["pass_at"] == [
        {"k": k, "value": 1.0, "low": pytest.approx(0.2065, abs=1e-4), "high": 1.0, "prompts": 1, "left_out": 0}
        for k in (1, 2)
    ]
    assert [warning.split(" ")[0] for warning in result.warnings] == ["3", "1", "'math'"]
    gained = advantage_rows(world, result)
    assert [gained[key]["advantage"] for key in ids[:4]] == [
        pytest.approx(0.7071, abs=1e-4), pytest.approx(-1.4142, abs=1e-4), None, pytest.approx(0.7071, abs=1e-4),
    ]  # fmt: skip
    assert [gained[key]["advantage"] for key in ids[4:6]] == [0.0, 0.0]
    assert {gained[key]["advantage"] for key in ids[6:8]} == {None}
    half = estimate(world.engine, world.out, recipe(min_score=0.5, models=["tiny"]))
    assert half.groups[0]["bands"] == {"too_hard": 0, "learnable": 2, "too_easy": 0, "unscored": 1}
    world.engine.dispose()


def test_the_reward_is_the_rubric_s(world):
    both = {"math": RIGHT, "format": RIGHT, "readability": WRONG}
    samples = [
        Sample("a", "0", both),
        Sample("a", "1", {**both, "math": WRONG}),
        Sample("a", "2", {**both, "format": WRONG}),
        Sample("a", "3", {**both, "math": OURS}),
        Sample("a", "4", {**both, "math": OURS, "format": WRONG}),
    ]
    ids = world.add(samples)
    verifiers = [
        {"name": "math", "weight": 2.0},
        {"name": "format", "gate": True},
        {"name": "readability", "weight": 0},
    ]
    rubric = {"verifiers": verifiers}
    for kind, scale in (("grpo", None), ("dr_grpo", 1.0), ("rloo", 4 / 3)):
        result = estimate(world.engine, world.out, recipe(rubric=rubric, verifier="math", advantage=kind))
        gained = advantage_rows(world, result)
        rewards = [3.0, 1.0, 0.0, None, 0.0]  # a gate that failed decides, whatever else is not known
        assert [gained[key]["reward"] for key in ids] == rewards
        known = [reward for reward in rewards if reward is not None]
        factor = 1 / pstdev(known) if scale is None else scale
        assert [gained[key]["advantage"] for key in ids] == [
            None if reward is None else pytest.approx((reward - fmean(known)) * factor) for reward in rewards
        ]
    assert result.rubric["weights"] == {"math": 2.0, "format": 1.0}
    assert result.rubric["metrics"] == ["readability"]
    assert result.groups[0]["reward"] == {"mean": 1.0, "scored": 4, "unscored": 1, "prompts_without_signal": 0}


def test_votes_go_by_equivalence_for_math_and_by_letters_for_choice(world):
    texts = ["\\boxed{1/2}", "\\boxed{2}", "\\boxed{0.5}", "\\boxed{2}", "\\boxed{\\frac{1}{2}}", ""]
    ids = world.add([Sample("half", text) for text in texts])
    land_verdicts(world, ids, "math", get_verifier("math").verify_batch(texts, ["0.5"] * len(texts)))
    options = ["The answer is (B).", "A", "B", "I would say so"]
    chosen = world.add([Sample("pick", text) for text in options])
    land_verdicts(world, chosen, "choice", get_verifier("choice").verify_batch(options, ["B"] * len(options)), day=2)
    result = estimate(world.engine, world.out, recipe(verifier="math", rubric={"verifiers": [{"name": "math"}]}))
    row = prompt_rows(world, result)[prompt_id("half"), "tiny"]
    assert (row["answers"], row["majority_answer"], row["majority_share"], row["majority_correct"]) == (
        2,
        "1/2",
        0.5,
        True,
    )
    assert values(result.groups[0]["cons_at"])[6] == 1.0
    picked = estimate(world.engine, world.out, recipe())  # the latest verify run's rubric is that of `choice`
    row = prompt_rows(world, picked)[prompt_id("pick"), "tiny"]
    assert (row["answers"], row["majority_answer"], row["majority_share"]) == (2, '["B"]', 0.5)


def test_votes_on_code_go_by_what_programs_do(world):
    ids = world.add([Sample("a", str(number)) for number in range(5)])
    verdicts = [Verdict(*RIGHT, {"behaviour": "r"}), *[Verdict(*WRONG, {"behaviour": name}) for name in "xyy"]]
    land_verdicts(world, ids, "code", [*verdicts, Verdict(0.0, "crash", {})])
    result = estimate(world.engine, world.out, recipe(verifier="code", rubric={"verifiers": [{"name": "code"}]}))
    row = prompt_rows(world, result)[prompt_id("a"), "tiny"]
    assert (row["answers"], row["majority_answer"], row["majority_share"]) == (3, "y", 0.4)
    assert row["majority_correct"] is False
    assert values(result.groups[0]["cons_at"])[4] == 0.0


def test_an_answer_of_any_text_is_written(world):
    (ident,) = world.add([Sample("a", "0")])
    world.judge({ident: {"exact": RIGHT}}, detail={"answer": "\x00" + "x" * 1000})
    row = prompt_rows(world, estimate(world.engine, world.out, recipe()))[prompt_id("a"), "tiny"]
    assert row["majority_answer"] == "\ufffd" + "x" * 299


def test_the_settings_of_the_rubric_say_whose_verdicts_count(world):
    ids = world.add([Sample("a", "0"), Sample("a", "1")])
    strict, loose = ({"relative_tolerance": tolerance} for tolerance in (0.0, 0.1))
    math_settings = dict(get_verifier("math").settings)
    world.judge({ids[0]: {"math": WRONG}, ids[1]: {"math": WRONG}}, settings=math_settings | strict)
    world.judge({ids[0]: {"math": RIGHT}, ids[1]: {"math": WRONG}}, settings=math_settings | loose)
    rubric = {"verifiers": [{"name": "math", "settings": loose}]}
    result = estimate(world.engine, world.out, recipe(rubric=rubric))
    assert result.verifier["settings_hash"] == settings_hash(math_settings | loose)
    assert result.groups[0]["pass_at"][0]["value"] == 0.5
    assert "2 verdicts of version 1" in result.warnings[-1]
    rubric["verifiers"][0]["settings"] = {"relative_tolerance": 0.2}
    with pytest.raises(UserError, match=r"the settings of 'math' in the rubric: '.*' is unknown"):
        estimate(world.engine, world.out, recipe(rubric=rubric))


def test_again_gives_the_same_in_any_batches_and_the_store_knows_its_files(world, monkeypatch):
    world.add([Sample(str(n % 7), str(n), right("math") if n % 3 else {"math": WRONG}) for n in range(40)])
    first = estimate(world.engine, world.out, recipe())
    monkeypatch.setattr(estimate_groups, "BATCH_ROWS", 3)
    steps = []
    again = estimate(world.engine, world.out, recipe(), on_progress=lambda done, total: steps.append((done, total)))
    assert again == first
    assert steps[-1] == (40, 40)
    assert len(steps) > 5
    with world.engine.connect() as connection:
        runs = connection.execute(sa.select(Run.id, Run.name, Run.counts).where(Run.kind == "estimate")).all()
        kinds = connection.scalars(sa.select(Artifact.kind).where(Artifact.run_id == first.estimate_id))
        assert sorted(kinds) == ["advantages", "prompt_estimates"]
    assert [(run.id, run.name) for run in runs] == [(first.estimate_id, "math")]
    assert runs[0].counts["groups"] == first.groups
    told = json.loads((world.out / "estimates" / "math" / "estimates.json").read_text())
    assert told["groups"] == first.groups
    assert [finding for finding in check_store(world.engine) if not finding.repaired] == []


def test_a_plan_writes_nothing(world):
    world.add([Sample("a", "0", right("math"))])
    plan = estimate(world.engine, world.out, recipe(), dry_run=True)
    assert plan.groups[0]["generations"] == 1
    assert not (world.out / "estimates").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"k": [1, 3]}, "k = 3: no prompt has so many samples; the most is 2"),
        ({"verifier": "format"}, "the rubric has no verifier 'format'; it has 'math'"),
        ({"models": ["huge"]}, "models: the store has no 'huge'; it has 'tiny'"),
        (
            {"rubric": {"verifiers": [{"name": "choice"}]}},
            "no verdict of 'choice' in the store; it has verdicts of 'math'",
        ),
        ({"rubric": {"verifiers": [{"name": "math", "weight": 0}]}}, "at least one weight"),
    ],
)
def test_what_is_refused_before_work(world, fields, says):
    world.add([Sample("a", "0", right("math")), Sample("a", "1", right("math"))])
    with pytest.raises(UserError, match=f"^estimate: .*{says}"):
        estimate(world.engine, world.out, recipe(**fields))
    assert not (world.out / "estimates").exists()


def test_a_store_without_verdicts(world):
    with pytest.raises(UserError, match="the store has no verify run"):
        estimate(world.engine, world.out, recipe())


def test_thresholds_must_lie_apart():
    with pytest.raises(ValueError, match=r"too_hard \(0.5\) must be below too_easy \(0.5\)"):
        recipe(too_hard=0.5, too_easy=0.5)
