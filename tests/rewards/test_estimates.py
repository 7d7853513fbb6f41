"""The estimators against their definitions by enumeration, and what unscored samples do to them."""

import itertools
import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.estimates import (
    advantages,
    cons_at_k,
    cons_in_blocks,
    difficulty,
    find_majority,
    mean_pass_at_k,
    pass_at_k,
    pass_probability,
    pass_rate,
    pass_rate_bands,
)
from rewards.intervals import bootstrap_mean, wilson

SCORES = st.lists(st.sampled_from([0.0, 0.5, 1.0, None]), max_size=9)


@given(SCORES, st.integers(1, 9))
def test_pass_at_k_is_the_share_of_draws_that_pass(scores, k):
    known = [score for score in scores if score is not None]
    value, num = pass_at_k(scores, k)
    assert num == len(known)
    if len(known) < k:
        assert value is None
    else:
        draws = list(itertools.combinations(known, k))
        assert value == pytest.approx(sum(1.0 in draw for draw in draws) / len(draws))


def test_pass_at_k_of_many_samples_does_not_overflow():
    assert pass_at_k([1.0] * 5 + [0.0] * 99_995, 1_000).value == pytest.approx(1 - 0.99**5, abs=1e-4)
    assert mean_pass_at_k([[1.0, 0.0], [None], [0.0, 0.0]], 1) == (0.25, 1)


def test_votes_are_counted_by_class():
    half = ("1/2", "0.5")
    classes = dict.fromkeys(half, "half")
    answers = [classes.get(answer, answer) for answer in ("1/2", "2", "0.5", "2", "0.5")]
    assert cons_at_k(answers, [1.0, 0.0, 1.0, 0.0, 1.0]) == (1.0, 5)
    assert cons_at_k(["1/2", "2", "0.5", "2", "0.5"], [1.0, 0.0, 1.0, 0.0, 1.0]).value == 0.5  # a tie of strings
    assert cons_at_k(answers, [1.0, 0.0, 1.0, 0.0, 1.0], k=1) == (1.0, 1)
    assert cons_at_k(answers, [1.0, 0.0, 1.0, 0.0, 1.0], k=2).value == 0.5


def test_who_has_no_answer_has_no_vote_and_who_has_no_score_decides_nothing():
    assert cons_at_k([None, None, "a"], [0.0, 0.0, 1.0]) == (1.0, 1)
    assert cons_at_k([None], [0.0]) == (0.0, 0)
    assert cons_at_k([], []) == (None, 0)
    assert cons_at_k(["a", "a", "b"], [None, None, 1.0]) == (None, 3)
    assert cons_at_k(["a", "a", "b"], [None, 1.0, 0.0]) == (1.0, 3)


@given(SCORES)
def test_advantages(scores):
    known = [score for score in scores if score is not None]
    for kind in ("grpo", "dr_grpo", "rloo"):
        found = advantages(scores, kind)
        assert [value is None for value in found] == [score is None for score in scores]
        values = [value for value in found if value is not None]
        assert math.fsum(values) == pytest.approx(0, abs=1e-9)
        if kind == "grpo" and len(set(known)) > 1:
            assert statistics.pstdev(values) == pytest.approx(1)
        if kind == "rloo" and len(known) > 1:
            assert values == pytest.approx([s - (sum(known) - s) / (len(known) - 1) for s in known])
        if len(set(known)) == 1:
            assert values == pytest.approx([0.0] * len(values))


def test_bands():
    rates = [pass_rate(scores).value for scores in ([0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0], [1.0], [None], [])]
    assert rates == [0.0, 0.25, 0.5, 1.0, None, None]
    assert pass_rate_bands([(rate, 1) for rate in rates]) == {
        "0": 1,
        "0-0.25": 0,
        "0.25-0.5": 1,
        "0.5-0.75": 1,
        "0.75-1": 0,
        "1": 1,
        "unscored": 2,
    }


@pytest.mark.parametrize(
    "call",
    [
        lambda: pass_at_k([], 0),
        lambda: cons_at_k(["a"], []),
        lambda: cons_at_k(["a"], [1.0], 0),
        lambda: advantages([], "ppo"),
        lambda: pass_rate_bands([], [0.0, 0.5]),
        lambda: pass_rate_bands([], [0.0, 0.7, 0.5, 1.0]),
    ],
)
def test_bad_arguments_are_refused(call):
    with pytest.raises(ValueError, match=r"must|answers for"):
        call()


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_pass_probability_is_one_less_the_share_of_draws_without_a_right_one(scored, right, k):
    right = min(right, scored)
    value = pass_probability(scored, right, k)
    if k > scored:
        assert value is None
    else:
        assert value == pytest.approx(float(1 - Fraction(math.comb(scored - right, k), math.comb(scored, k))))


def test_votes_in_blocks():
    answers, scores = ["a", "a", "b", "b", "b", "a", "c"], [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    # a a b | b b a | c is left over: the first block votes right, the second wrong.
    assert cons_in_blocks(answers, scores, 3) == (0.5, 6)
    assert cons_in_blocks(answers, scores, 7) == cons_at_k(answers, scores)
    assert cons_in_blocks(answers, scores, 8) == (None, 0)
    assert cons_in_blocks(["a", "a", "b"], [None, None, 0.0], 2) == (None, 0)
    with pytest.raises(ValueError, match="3 answers for 2 scores"):
        cons_in_blocks(["a", "b", "c"], [1.0, 0.0], 1)


def test_the_majority_is_the_first_of_those_with_most_votes():
    assert find_majority([None, "b", "a", "a", "b"], [0.0, 0.0, 1.0, None, 0.0]) == (1, 2, 2, False)
    assert find_majority(["b", "a", "a"], [0.0, None, None]) == (1, 2, 2, None)
    assert find_majority(["b", "a", "a"], [0.0, None, 1.0]) == (1, 2, 2, True)
    assert find_majority([None, None], [0.0, 0.0]) is None


def test_difficulty():
    assert [difficulty(rate) for rate in (0.0, 1 / 64, 63 / 64, 1.0)] == [
        "too_hard",
        "learnable",
        "learnable",
        "too_easy",
    ]
    assert [difficulty(rate, 0.25, 0.75) for rate in (0.25, 0.5, 0.75)] == ["too_hard", "learnable", "too_easy"]
    for low, high in ((0.5, 0.5), (-0.1, 1.0), (0.0, 1.1)):
        with pytest.raises(ValueError, match="too_hard < too_easy"):
            difficulty(0.5, low, high)


def test_the_bootstrap_of_a_mean_agrees_with_the_normal_interval_of_many_prompts():
    values = {0.0: 300, 0.25: 200, 0.5: 150, 0.75: 150, 1.0: 200}
    every = [value for value, count in values.items() for _ in range(count)]
    spread = 1.96 * statistics.pstdev(every) / math.sqrt(len(every))
    low, high = bootstrap_mean(values)
    assert low == pytest.approx(statistics.fmean(every) - spread, abs=0.004)
    assert high == pytest.approx(statistics.fmean(every) + spread, abs=0.004)
    assert bootstrap_mean(values) == (low, high)


def test_where_no_spread_shows_the_interval_is_wilson_s():
    assert bootstrap_mean({}) is None
    assert bootstrap_mean({1.0: 20}) == wilson(1.0, 20)
    low, high = bootstrap_mean({0.5: 1})
    assert low < 0.1
    assert high > 0.9
