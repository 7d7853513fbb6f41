import gzip
import itertools
import json
import random

import pytest

from rewards import get_verifier
from rewards.fork_server import Limits
from rewards.math import classes
from rewards.math.classes import answer_classes, classes_of_answers
from rewards.math.tiers import ENGINE
from rewards.pool import ProcessPool


def partition(numbers):
    return {tuple(i for i, n in enumerate(numbers) if n == wanted) for wanted in set(numbers)}


def test_equal_answers_in_other_forms_vote_together():
    samples = [
        "\\boxed{0.5}",
        "So the answer is $\\frac12$.",
        "#### 1/2",
        "\\boxed{2}",
        "I have no idea at all.",
        "\\boxed{\\dfrac{2}{4}}",
        "\\boxed{x=2}",
    ]
    assert answer_classes(samples) == [0, 0, 0, 1, None, 0, 1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("\\sqrt{8}", "2\\sqrt2", True),
        ("(x+1)^2", "x^2+2x+1", True),
        ("\\{1,2\\}", "2, 1", True),
        ("(1,2)", "(2,1)", False),
        ("x>3", "(3,\\infty)", True),
        ("3.14", "3.1416", False),
        ("10\\%", "10", False),
        ("\\int_0^1 f(t)dt", "\\int_0^1 f(t)\\,dt", True),
        ("Paris", "\\text{paris}", True),
        ("7^{10^8}", "7^{10^9}", False),
    ],
)
def test_two_answers(one, other, same):
    first, second = classes_of_answers([one, other])
    assert (first == second) is same
    assert classes_of_answers([other, one]) == [second, first]


def test_classes_do_not_depend_on_the_order():
    answers = [
        "5",
        "5 m",
        "5 cm",
        "5 cm",
        "500 cm",
        "0.05 m",
        "1/3",
        "0.333333",
        "0.33",
        "\\sqrt{2}/2",
        "1/\\sqrt{2}",
        "A",
        "",
        "x^2-1",
        "(x-1)(x+1)",
    ]
    wanted = dict(zip(answers, classes_of_answers(answers), strict=True))
    for seed in range(6):
        shuffled = random.Random(seed).sample(answers, len(answers))
        assert classes_of_answers(shuffled) == [wanted[answer] for answer in shuffled]


def test_the_largest_class_is_the_first():
    assert classes_of_answers(["1", "2", "2.0", "2", "3", "3"]) == [2, 0, 0, 0, 1, 1]
    assert classes_of_answers(["3", "7"]) == [0, 1]
    assert classes_of_answers([]) == []
    assert answer_classes(["", "I do not know this."]) == [None, None]


class CountingPool(ProcessPool):
    def __init__(self):
        super().__init__(ENGINE, limits=Limits())
        self.batches = []

    def run(self, requests):
        self.batches.append(len(requests))
        return super().run(requests)


def test_slow_pairs_go_out_in_one_batch_that_is_bounded(monkeypatch):
    pool = CountingPool()
    roots = [f"\\sqrt{{{n * n * 2}}}" for n in range(1, 7)] + [f"{n}\\sqrt{{2}}" for n in range(1, 7)]
    numbers = classes_of_answers(roots * 2, pool=pool)
    assert numbers[:6] == numbers[6:12]
    assert len(set(numbers)) == 6
    assert len(pool.batches) == 1
    assert pool.batches[0] <= 12
    monkeypatch.setattr(classes, "MAX_SLOW_PAIRS", 2)
    assert len(set(classes_of_answers(roots, pool=pool))) == 10
    assert pool.batches[-1] == 2
    pool.close()


def test_samples_of_a_class_get_one_verdict(reference_data):
    with gzip.open(reference_data("math_multisample_qwen") / "math_cot_100.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 100)]
    verifier = get_verifier("math")
    for row in rows:
        numbers = answer_classes(row["code"])
        scores = [verdict.score for verdict in verifier.verify_batch(row["code"], [row["gt"]] * len(row["code"]))]
        correct = {number for number, score in zip(numbers, scores, strict=True) if score == 1.0}
        assert len(correct) <= 1, row["gt"]
        assert all(scores[i] == 1.0 for i, number in enumerate(numbers) if number in correct), row["gt"]
