"""Estimates on the page: the latest of each name, what it says, and names that try to break out."""

import re

import pytest
from report_world import small_world

from schemas.recipe import EstimateRecipe
from service.report.curves import band_bars, k_curves
from service.report.estimate_facts import KFact
from service.report.gather import gather
from service.report.page import render
from workers.estimate import estimate

RUBRIC = {"verifiers": [{"name": "math"}, {"name": "format", "gate": True, "weight": 0.5}]}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = small_world(tmp_path_factory.mktemp("estimates") / "out")
    for k in ([1, 2], [1, 8]):
        estimate(world.engine, world.out, EstimateRecipe.model_validate({"rubric": RUBRIC, "k": k}))
    estimate(
        world.engine, world.out, EstimateRecipe.model_validate({"rubric": RUBRIC, "name": "half", "too_easy": 0.5})
    )
    return world


def test_the_latest_of_each_name_is_shown(world):
    facts = gather(world.engine, world.out)
    assert sorted(fact.name for fact in facts.estimates) == ["half", "math"]
    (math,) = (fact for fact in facts.estimates if fact.name == "math")
    (setting,) = math.settings
    assert [point.k for point in setting.pass_at] == [1, 8]
    assert setting.pass_at[0].value == pytest.approx(5 / 9)
    assert setting.cons_at[0].value == 1.0  # five say 42, three 41
    assert (setting.prompts, setting.generations, setting.unscored) == (2, 20, 2)
    assert math.reward == "0.5 x format + math, nothing earned with format below 1"
    assert facts.numbers["estimates"][0]["settings"][0]["bands"].keys() == setting.bands.keys()
    assert facts.title == "sft-set"


def test_the_bars_follow_the_thresholds(world):
    facts = gather(world.engine, world.out)
    for name, band in (("math", "band-learnable"), ("half", "band-easy")):
        (fact,) = (fact for fact in facts.estimates if fact.name == name)
        (bar,) = (bar for bar in fact.settings[0].histogram if bar[1])
        assert bar == ("50\u201360", 2, band)


def test_the_section_has_numbers_charts_and_files(world):
    markup = render(gather(world.engine, world.out))
    section = re.search(r'<section id="estimates".*?</section>', markup, re.DOTALL)[0]
    assert 'href="#estimates"' in markup
    assert "55.6 %" in section
    assert "2 without a score" in section
    assert section.count('role="img"') == 4
    assert re.search(r"estimates/math/prompts-[0-9a-f]{16}\.parquet", section)
    assert "style=" not in section


def test_charts_of_nothing_are_still_charts():
    assert "<svg" in k_curves([("c-pass", "pass", [KFact(4, None, None, None, 0, 3)])], "nothing")
    assert "<svg" in band_bars([], "nothing")
    hostile = k_curves([("c-pass", "<b>", [KFact(1, 0.5, 0.4, 0.6, 2, 0)])], "</title><script>")
    assert "<script>" not in hostile
    assert "<b>" not in hostile
    assert "interval 40 % to 60 %" in hostile
