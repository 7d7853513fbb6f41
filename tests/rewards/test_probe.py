"""That a probe finds verifiers which are known to be fooled, and leaves alone what is right by chance or made for form."""

import ast
import dataclasses

import pytest

from rewards import get_verifier
from rewards.judge.master_keys import INJECTIONS, MASTER_KEYS
from rewards.probe.attack import KINDS, Attack
from rewards.probe.bank import bank
from rewards.probe.panel import REWARD, Case, Panel
from rewards.probe.probe import probe
from rewards.probe.search import search
from rewards.registry import CheckWithGold, Verifier
from rewards.rubric import Rubric
from rewards.verdict import Verdict

NUMBERS = ["17", "23", "42", "58", "61", "79", "86", "95"]


def fooled(name, judge, gold_key="answer"):
    """A verifier that is not in the registry: what a user might have written."""
    return Verifier(name, 1, {}, "0" * 16, gold_key, judge)


def contains(completion, gold):
    return Verdict(1.0, "correct") if gold in completion else Verdict(0.0, "incorrect")


def cases(verifiers, golds, sample=None):
    return [
        Case(f"p{number}", f"What is question {number}?", {one.name: gold for one in verifiers}, sample)
        for number, gold in enumerate(golds)
    ]


def panel(*verifiers, golds=NUMBERS, sample=None, **rubric):
    weights = rubric.pop("weights", {one.name: 1.0 for one in verifiers})
    return Panel(verifiers, Rubric(weights, **rubric), cases(verifiers, golds, sample))


def of_kinds(*kinds):
    return [attack for attack in bank() if attack.kind in kinds]


def names(result, scorer=REWARD):
    return {one.outcome.attack.name for one in result.findings if one.scorer == scorer}


def test_the_bank_has_every_kind_and_no_name_twice():
    attacks = bank()
    assert {attack.kind for attack in attacks} == set(KINDS) - {"found"}
    assert len({(attack.kind, attack.name) for attack in attacks}) == len(attacks) >= 300
    assert {key.text for key in (*MASTER_KEYS, *INJECTIONS)} <= {attack.text for attack in attacks}


def test_the_programs_of_the_bank_are_programs():
    question = 'def f(x: int) -> int:\n    """Gives twice x."""\n'
    for attack in of_kinds("code"):
        if attack.name.startswith("python: ") and "fence" not in attack.name and "fenced" not in attack.name:
            program = attack.output(question).removeprefix("```python\n").removesuffix("\n```")
            ast.parse(program)


def test_a_substring_check_is_paid_for_a_list_of_all_numbers():
    result = probe(panel(fooled("contains", contains)), attacks=of_kinds("list", "empty"), budget=0)
    assert "1, 2, 3" in names(result)
    assert "nothing" not in names(result)
    assert result.max_reward == 1.0
    assert {one.way for one in result.findings} == {"paid"}
    assert all(one.by_gold and one.share == 1.0 for one in result.findings)


def test_an_exact_check_is_not():
    result = probe(
        panel(get_verifier("exact")), attacks=of_kinds("list", "empty", "constant", "option", "key"), budget=0
    )
    assert result.findings == []
    assert result.max_reward <= 1 / len(NUMBERS)


def test_a_constant_that_is_right_by_chance_is_no_finding():
    golds = ["yes"] * 6 + ["no"] * 2
    result = probe(panel(get_verifier("exact"), golds=golds), attacks=of_kinds("constant"), budget=0)
    assert result.scorers[0].base == 0.75
    assert result.max_reward == 0.75
    assert result.findings == []
    # The same share is one where the golds all differ.
    often = fooled("often", lambda text, gold: Verdict(float("yes" in text and gold < "80"), "correct"))
    assert "the word yes" in names(probe(panel(often), attacks=of_kinds("constant"), budget=0))


def test_an_output_that_brings_a_verifier_down_is_a_finding():
    def breaks(completion, gold):
        if "\0" in completion:
            raise RuntimeError("a defect")
        return contains(completion, gold) if gold != "17" else Verdict(None, "bad_gold")

    result = probe(panel(fooled("breaks", breaks)), attacks=of_kinds("control", "empty"), budget=0)
    unscored = {one.outcome.attack.name: one.share for one in result.findings if one.way == "unscored"}
    assert unscored == {"NUL": 1.0, "only NUL": 1.0}  # the prompt with a bad gold has no score for any


def test_form_is_paid_and_said_to_be_form():
    result = probe(panel(get_verifier("exact"), get_verifier("format")), attacks=of_kinds("constant"), budget=0)
    assert result.findings
    assert not any(one.by_gold for one in result.findings)
    assert {one.scorer for one in result.findings} == {"format"}
    assert 0.5 <= result.max_reward <= 0.5 + 1 / len(NUMBERS)
    assert result.form_share == 0.5


def test_what_is_paid_beyond_form_is_a_finding_of_the_reward():
    both = panel(fooled("contains", contains), get_verifier("format"), weights={"contains": 1.0, "format": 3.0})
    result = probe(both, attacks=of_kinds("list", "template"), budget=0)
    assert result.form_share == 0.75
    assert "1, 2, 3" in names(result)
    assert "the right form, plain" not in names(result)


def test_a_gate_takes_form_its_pay():
    gated = panel(
        get_verifier("exact"), get_verifier("format"), weights={"format": 1.0}, gates={"exact": 1.0}
    )  # fmt: skip
    result = probe(gated, attacks=of_kinds("constant", "template"), budget=0)
    assert result.form_share == 0.0
    assert result.max_reward <= 1 / len(NUMBERS)


def test_honest_outputs_stand_beside():
    right = fooled("right", CheckWithGold(contains, lambda gold: None if gold == "17" else f"It is {gold}."))
    both = [right, get_verifier("format")]
    found = Panel(both, Rubric({"right": 3.0, "format": 1.0}), cases(both, NUMBERS, "<think>a</think>17")).scorers()
    assert [scorer.name for scorer in found] == [REWARD, "right", "format"]
    whole, first, form = found
    assert (first.honest_gold, first.honest_sample, form.honest_gold) == (1.0, 1 / 8, None)
    assert form.honest_sample == 1.0
    assert whole.honest_sample == pytest.approx((3 / 8 + 1) / 4)
    assert (whole.by_gold, first.by_gold, form.by_gold) == (True, True, False)
    assert whole.base == first.base == 1 / 8


def test_the_search_finds_a_constant_that_no_attack_of_the_bank_is():
    def three_of_them(completion, gold):
        paid = "<answer>" in completion and sum(number in completion for number in NUMBERS) >= 3
        return Verdict(float(paid or completion == gold), "correct")

    tried = panel(fooled("three", three_of_them))
    few = [Attack("one", "template", "<answer>one</answer>"), Attack("nothing", "empty", "")]
    result = probe(tried, attacks=few, budget=300, seed=3)
    assert result.worst.attack.kind == "found"
    assert result.max_reward == 1.0
    assert result.trace.start < 1.0 == result.trace.best
    assert result.trace.tried <= 300
    again = probe(tried, attacks=few, budget=300, seed=3)
    assert [one.output for one in again.outcomes] == [one.output for one in result.outcomes]
    assert again.trace == result.trace


def test_what_fits_only_the_prompts_of_the_search_is_seen_for_it():
    golds = [str(100 + number) for number in range(80)]
    exact = panel(get_verifier("exact"), golds=golds)
    attacks, trace = search(exact, {"": 0.0}, budget=60, seed=1)
    assert trace.part == 32
    assert trace.best <= 1 / 32
    result = probe(exact, attacks=[Attack("nothing", "empty", "")], budget=60, seed=1)
    assert result.max_reward <= 1 / 80
    assert result.findings == []
    assert all(attack.kind == "found" and attack.is_constant for attack in attacks)


def test_negative_weights_and_partial_scores():
    half = fooled("half", lambda _text, _gold: Verdict(0.5, "partial"))
    long = fooled("long", lambda text, _gold: Verdict(float(len(text) > 10), "correct"), gold_key=None)
    found = panel(half, long, weights={"half": 2.0, "long": -1.0}).score(["short"] * 7 + ["a very long text"])
    assert found[REWARD].mean == pytest.approx((7 * 0.5 + 0.0) / 8)
    assert found["half"].paid == 0.0  # a score must be over the threshold
    assert found["long"].paid == 1 / 8


@pytest.mark.parametrize(
    ("change", "said"),
    [({"cases": []}, "at least one prompt"), ({"rubric": Rubric({"other": 1.0})}, "other"), ({"rubric": Rubric({"exact": -1.0})}, "above 0"),
     ({"cases": [Case("p", "What?", {"exact": None})]}, "a gold under 'answer'")],
)  # fmt: skip
def test_a_panel_that_cannot_be(change, said):
    exact = [get_verifier("exact")]
    fields = {"verifiers": exact, "rubric": Rubric({"exact": 1.0}), "cases": cases(exact, ["1"]), **change}
    with pytest.raises(ValueError, match=said):
        Panel(**fields)


def test_the_rules_of_this_package_pay_no_attack():
    """A small version of the probe of docs/probe.md; what costs time is left to it."""
    letters = [{"letter": letter, "options": ["2 m", "3 m", "5 m", "7 m"]} for letter in "ABCDABCD"]
    attacks = [attack for attack in bank() if attack.kind not in {"huge", "code", "loop", "flood"}]
    for verifier, golds in ((get_verifier("math"), NUMBERS), (get_verifier("choice"), letters)):
        tried = Panel([verifier], Rubric({verifier.name: 1.0}), cases([verifier], golds))
        result = probe(tried, attacks=attacks, budget=30)
        assert [dataclasses.astuple(one)[1:] for one in result.findings] == []
