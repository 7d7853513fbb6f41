import gzip
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_judge import ScriptedJudge, shown, verdict

from rewards.endpoints import EndpointFailure
from rewards.judge.accuracy import rank, rank_by_style
from rewards.judge.pairs import Pair, balance_lengths, judge_pairs

ASKED = {"messages": "Write a line."}


def preferring(better):
    """A judge that finds the answer far better for which `better` is the larger number."""

    def answer(request):
        one, other = better(shown(request, "ANSWER A")), better(shown(request, "ANSWER B"))
        return verdict("A>>B" if one > other else "B>>A" if other > one else "A=B", "preference")

    return ScriptedJudge(answer)


def label(judge, first, second, **settings):
    return judge_pairs([Pair(ASKED, first, second)], endpoint=judge, model="tiny", **settings)[0]


@pytest.mark.parametrize(("first", "second", "chosen"), [("much longer", "short", 0), ("short", "much longer", 1)])
def test_the_better_answer_is_chosen_wherever_it_stands(first, second, chosen):
    judge = preferring(len)
    found = label(judge, first, second)
    assert (found.status, found.chosen, found.preference) == ("labelled", chosen, -2.0 if chosen else 2.0)
    assert [shown(request, "ANSWER A") for request in judge.seen] == [first, second] * 2
    assert len({request.seed for request in judge.seen}) == 4


def test_a_slight_preference_is_close():
    judge = ScriptedJudge(
        lambda request: verdict("A>B" if shown(request, "ANSWER A") == "this" else "B>A", "preference")
    )
    assert label(judge, "this", "that").status == "close"  # R1 keeps what is above 1
    assert label(judge, "this", "that", margin=0.5).chosen == 0


def test_a_judge_that_goes_by_place_labels_nothing():
    found = label(ScriptedJudge(lambda _: verdict("B>>A", "preference")), "this", "that")
    assert (found.status, found.preference, found.detail["conflicts"]) == ("close", 0.0, 2)


def test_lost_rounds_leave_the_others_while_they_are_more_than_half():
    replies = iter([None, "B>>A", *["A>>B", "B>>A"] * 2])
    judge = ScriptedJudge(
        lambda _: EndpointFailure("timeout", "slow") if (one := next(replies)) is None else verdict(one, "preference")
    )
    found = label(judge, "this", "that", votes=6)
    assert (found.status, found.detail["rounds"], found.detail["lost"]) == (
        "labelled",
        [None, 2.0, 2.0],
        {"timeout": 1},
    )
    gone = label(ScriptedJudge(lambda _: EndpointFailure("budget_spent", "tokens 5")), "this", "that")
    assert (gone.status, gone.preference, gone.detail["reason"]) == ("error", None, "budget_spent")


@pytest.mark.parametrize(
    ("first", "second", "status", "chosen"),
    [
        ("Thought process:", "It is 4.", "labelled", 1),
        ("It is 4.", "<think>so", "labelled", 0),
        (":", "", "unparseable", None),
        ("It is  4.", "<think>x</think>It is 4.", "close", None),
    ],
)
def test_what_a_rule_decides_is_not_asked(first, second, status, chosen):
    judge = preferring(len)
    found = label(judge, first, second)
    assert (found.status, found.chosen) == (status, chosen)
    assert not judge.seen


def test_pairs_keep_their_order_and_a_bad_one_spoils_no_other():
    pairs = [Pair(ASKED, "longer", "long"), Pair({}, "a1", "b1"), Pair(ASKED, ":", "4"), Pair(ASKED, "4", "four")]
    found = judge_pairs(pairs, endpoint=preferring(len), model="tiny")
    assert [(one.status, one.chosen) for one in found] == [
        ("labelled", 0),
        ("bad_gold", None),
        ("labelled", 1),
        ("labelled", 1),
    ]


@pytest.mark.parametrize("settings", [{"votes": 3}, {"votes": 0}, {"margin": 2.0}, {"margin": -0.1}])
def test_bad_numbers_are_refused(settings):
    with pytest.raises(ValueError, match=r"votes|margin"):
        label(preferring(len), "this", "that", **settings)


def test_lengths_are_balanced_by_the_pairs_that_lean_most():
    lengths = [(100, 10), (50, 50), (60, 40), (10, 30)]
    assert balance_lengths(lengths) == [1, 2, 3]  # 120 to 120
    assert balance_lengths([(rejected, chosen) for chosen, rejected in lengths]) == [1, 2, 3]
    assert balance_lengths([]) == []


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000))), st.floats(0, 1))
def test_balancing_never_leans_farther_than_before(lengths, tolerance):
    kept = balance_lengths(lengths, tolerance=tolerance)
    lean = lambda places: abs(sum(lengths[place][0] - lengths[place][1] for place in places))  # noqa: E731
    assert kept == sorted(set(kept))
    assert lean(kept) <= lean(range(len(lengths)))
    if lean(range(len(lengths))) <= tolerance * sum(rejected for _, rejected in lengths):
        assert len(kept) == len(lengths)


def test_a_set_of_many_pairs_is_balanced_within_the_tolerance():
    drawn = random.Random(3)
    lengths = [(drawn.randint(50, 900), drawn.randint(50, 600)) for _ in range(2000)]
    kept = balance_lengths(lengths, tolerance=0.02)
    chosen, rejected = (sum(lengths[place][side] for place in kept) for side in (0, 1))
    assert abs(chosen - rejected) <= 0.02 * rejected
    assert len(kept) > 1000


def test_unscored_pairs_are_counted_apart_and_a_tie_is_half_right():
    counts = rank([(2, 1), (1, 2), (1, 1), (None, 1), (1, None)])
    assert (counts.right, counts.wrong, counts.ties, counts.unscored, counts.accuracy) == (1, 1, 1, 2, 0.5)
    assert rank([]).accuracy is None


@pytest.fixture(scope="module")
def rm_bench(reference_data):
    with gzip.open(reference_data("rm_bench_chat") / "chat_filtered.json.gz") as file:
        return json.load(file)


def test_a_scripted_judge_ranks_rm_bench_as_its_rule_says(rm_bench):
    rows = rm_bench[:40]
    wrong = {text for row in rows for text in row["rejected"]}
    judge = preferring(lambda answer: answer not in wrong)
    pairs = [
        Pair({"messages": row["prompt"]}, *((good, bad)[:: (-1) ** number]))
        for number, row in enumerate(rows)
        for good, bad in zip(row["chosen"], row["rejected"], strict=True)
    ]
    found = judge_pairs(pairs, endpoint=judge, model="tiny", votes=2)
    right = [(-1 if number // 3 % 2 else 1) * one.preference for number, one in enumerate(found)]
    assert rank((value, 0) for value in right).accuracy == 1.0


def test_a_judge_of_length_is_right_on_rm_bench_where_length_speaks_for_it(rm_bench):
    sizes = lambda side: [list(map(len, row[side])) for row in rm_bench]  # noqa: E731
    found = rank_by_style(sizes("chosen"), sizes("rejected"))
    assert len(rm_bench) * 3 == sum((found.easy.right, found.easy.wrong, found.easy.ties))
    assert found.easy.accuracy > 0.75
    assert found.hard.accuracy < 0.25


def test_arena_hard_answers_are_ranked_by_the_rule_of_the_judge(reference_data):
    answers = []
    for name in ("gpt-4-0314", "gpt-3.5-turbo-0125"):
        with gzip.open(reference_data("arena_hard_outputs") / f"{name}.jsonl.gz", "rt") as file:
            answers.append({row["uid"]: row["messages"] for row in map(json.loads, file)})
    shared = sorted(answers[0].keys() & answers[1].keys())[:60]
    asked = [answers[0][key][0]["content"] for key in shared]
    one, other = ([side[key][1]["content"]["answer"] for key in shared] for side in answers)
    pairs = [Pair({"messages": question}, *texts) for question, *texts in zip(asked, one, other, strict=True)]
    found = judge_pairs(pairs, endpoint=preferring(len), model="tiny", votes=2)
    for label_, left, right in zip(found, map(len, one), map(len, other), strict=True):
        assert label_.chosen == (0 if left > right else 1 if right > left else None)
