import gzip
import json
import os
import re
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.math_bombs import BOMBS
from rewards import get_verifier
from rewards.fork_server import Limits
from rewards.math.extract import extract_answer
from rewards.math.tiers import ENGINE, compare_quickly
from rewards.math.tree import MAX_ANSWER_CHARS
from rewards.pool import ProcessPool
from rewards.verdict import UNSCORED
from schemas.errors import UserError
from tests.rewards.case_tables import cases
from tests.rewards.hostile_math import FRAGMENTS, GOLDS, HOSTILE

MATH_CASES = cases("math")


def box(answer):
    return f"\\boxed{{{answer}}}"


def rows(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("case", MATH_CASES, ids=[f"{place}-{case['source']}" for place, case in enumerate(MATH_CASES)])
def test_case(case):
    verdict = get_verifier("math")(case["output"], case["gold"])
    assert (verdict.score, case.get("status", verdict.status)) == (case["expected"], verdict.status), verdict
    json.dumps(verdict.detail, allow_nan=False)


def test_a_batch_says_what_single_calls_say():
    verifier = get_verifier("math")
    batch = verifier.verify_batch([c["output"] for c in MATH_CASES], [c["gold"] for c in MATH_CASES])
    for case, verdict in zip(MATH_CASES, batch, strict=True):
        assert verdict.score == case["expected"], case


class CountingPool(ProcessPool):
    def __init__(self, target=ENGINE, **limits):
        super().__init__(target, limits=Limits(**limits))
        self.sent = []

    def run(self, requests):
        self.sent.extend(requests)
        return super().run(requests)


@pytest.fixture
def counting_pool():
    pool = CountingPool()
    yield pool
    pool.close()


def test_a_group_compares_each_distinct_pair_once(counting_pool):
    verifier = get_verifier("math", pool=counting_pool)
    answers = ["\\frac{2}{\\sqrt{2}}", "\\sqrt{8}/2", "3"] * 16
    verdicts = verifier.verify_batch([f"So {box(answer)}." for answer in answers], ["\\sqrt{2}"] * 48)
    assert [v.score for v in verdicts] == [1.0, 1.0, 0.0] * 16
    assert len(counting_pool.sent) == 2  # a wrong number is refuted without a process


def test_a_killed_process_changes_no_verdict(counting_pool):
    verifier = get_verifier("math", pool=counting_pool)
    answer, gold = box("\\frac{2}{\\sqrt{2}}"), "\\sqrt{2}"
    assert verifier(answer, gold).score == 1.0
    for pid in counting_pool.worker_pids():
        os.kill(pid, 9)
    assert verifier(answer, gold).score == 1.0
    os.kill(counting_pool.zygote_pid(), 9)
    assert verifier(answer, gold).score == 1.0


def test_an_engine_that_cannot_start_is_our_failure():
    verifier = get_verifier("math", pool=ProcessPool("rewards.math.no_such_engine:handle"))
    verdict = verifier(box("\\frac{2}{\\sqrt{2}}"), "\\sqrt{2}")
    assert (verdict.score, verdict.status) == (None, "error")


@pytest.mark.parametrize(
    ("engine", "wall_seconds", "score", "status"),
    [
        ("spin_on_answer", 60.0, 0.0, "time_limit"),
        ("eat_on_answer", 60.0, 0.0, "memory_limit"),
        ("recurse_on_answer", 60.0, 0.0, "too_complex"),
        ("fault_on_answer", 60.0, 0.0, "crash"),
        ("spin_on_gold", 60.0, None, "bad_gold"),
        ("sleep", 0.5, None, "error"),
        ("die", 60.0, None, "error"),
    ],
)
def test_limits_are_the_answers_fault_or_the_golds_and_a_slow_machine_is_ours(engine, wall_seconds, score, status):
    limits = Limits(cpu_seconds=0.3, wall_seconds=wall_seconds)
    pool = ProcessPool(f"tests.rewards.math_engines:{engine}", limits=limits)
    verifier = get_verifier("math", pool=pool, cpu_seconds=0.3, wall_seconds=wall_seconds)
    verdict = verifier(box("\\frac{2}{\\sqrt{2}}"), "\\sqrt{2}")
    pool.close()
    assert (verdict.score, verdict.status) == (score, status), verdict


def test_a_gold_that_the_engine_cannot_bear_costs_its_budget_once():
    pool = CountingPool("tests.rewards.math_engines:spin_on_gold", cpu_seconds=0.3, wall_seconds=60.0)
    verifier = get_verifier("math", pool=pool, cpu_seconds=0.3, wall_seconds=60.0)
    answers = ["\\gcd(b,a)", "\\gcd(a,c)", "\\gcd(c,b)"] * 2
    verdicts = verifier.verify_batch([box(answer) for answer in answers], ["\\gcd(a,b)"] * 6)
    pool.close()
    assert [(v.score, v.status, v.detail["reason"]) for v in verdicts] == [(None, "bad_gold", "gold_time_limit")] * 6
    assert [v.detail["answer"] for v in verdicts] == answers
    assert len(pool.sent) == 1


def test_an_answer_that_the_engine_cannot_bear_says_nothing_about_the_others_of_its_gold():
    pool = CountingPool("tests.rewards.math_engines:spin_on_answer", cpu_seconds=0.3, wall_seconds=60.0)
    verifier = get_verifier("math", pool=pool, cpu_seconds=0.3, wall_seconds=60.0)
    verdicts = verifier.verify_batch([box("\\gcd(b,a)"), box("\\gcd(a,c)")], ["\\gcd(a,b)"] * 2)
    pool.close()
    assert [(v.score, v.status) for v in verdicts] == [(0.0, "time_limit")] * 2
    assert len(pool.sent) == 2


def test_threads_get_the_same_verdicts():
    verifier = get_verifier("math")
    wanted = [case["expected"] for case in MATH_CASES]
    results = {}

    def work(number):
        outputs, golds = [c["output"] for c in MATH_CASES], [c["gold"] for c in MATH_CASES]
        results[number] = [v.score for v in verifier.verify_batch(outputs, golds)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(3), wanted)


def test_prose_can_be_switched_off():
    assert get_verifier("math")("That makes 5.", "5").score == 1.0
    assert get_verifier("math", prose=False)("That makes 5.", "5").status == "unparseable"


def test_a_relative_tolerance_is_a_setting():
    assert get_verifier("math")(box("4.49\\times 10^{33}"), "4.5e33").score == 0.0
    assert get_verifier("math", relative_tolerance=0.01)(box("4.49\\times 10^{33}"), "4.5e33").score == 1.0


@pytest.mark.parametrize("bad", [{"relative_tolerance": -1.0}, {"cpu_seconds": 0}, {"memory_bytes": 0}, {"budget": 1}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(UserError):
        get_verifier("math", **bad)


@settings(max_examples=400, deadline=None)
@given(
    HOSTILE,
    st.sampled_from(GOLDS),
)
def test_hostile_text_always_gets_a_verdict(text, gold):
    for completion in (text, box(text)):
        verdict = get_verifier("math")(completion, gold)
        assert (verdict.score is None) == (verdict.status in UNSCORED)
        assert verdict.status != "error", verdict
        json.dumps(verdict.detail)


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_a_hostile_gold_is_never_the_models_crash(gold):
    verdict = get_verifier("math")(box("5"), gold)
    assert verdict.status != "error", verdict


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(2, 9))
def test_equal_fractions_are_equal_and_unequal_ones_are_not(numerator, denominator, factor):
    verifier = get_verifier("math")
    gold = f"\\frac{{{numerator}}}{{{denominator}}}"
    assert verifier(box(f"\\dfrac{{{numerator * factor}}}{{{denominator * factor}}}"), gold).score == 1.0
    assert verifier(box(f"{numerator * factor}/{denominator * factor}"), gold).score == 1.0
    assert verifier(box(f"\\frac{{{numerator + 1}}}{{{denominator}}}"), gold).score == 0.0


PUMPED = [
    *FRAGMENTS, "\\boxed{", "\\boxed{1", "\\boxed{1} ", "\\(1", "\\[", "$1", "<answer>", "#### ", "answer ", '"answer": "', '"answer": "\\\\',
    "A:", "1,", "{x|", "\\{x|", "(1,", "5 apples and ", "word ", "9!", "--", "- -", "\\left(", "d/",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("piece", PUMPED)
def test_no_repeated_piece_costs_more_than_its_length(piece):
    # A pattern that backtracks over its own repeats would not end within the time limit of the suite.
    long = (piece * 500_000)[:500_000]
    for completion in (long, long + "\n5", long + " \\boxed{5}"):
        extract_answer(completion)
    for answer in (piece * 4000, "5" + piece * 4000, "x=" + piece * 4000):
        compare_quickly("5", answer[:MAX_ANSWER_CHARS], 0.0)
        compare_quickly("5", answer[: MAX_ANSWER_CHARS - 1] + "5", 0.0)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb[:20])
@pytest.mark.parametrize("gold", ["5", r"\sum_{k=1}^{n} k", "x+1"])
def test_a_cost_bomb_ends_within_its_budget_and_scores_zero(bomb, gold):
    verifier = get_verifier("math")
    verifier(box("\\frac{2}{\\sqrt{2}}"), "\\sqrt{2}")  # the pool is warm
    begun = time.monotonic()
    verdict = verifier(box(bomb), gold)
    assert verdict.score == 0.0, verdict
    assert verdict.status in {"incorrect", "too_complex", "time_limit", "memory_limit", "unparseable"}
    assert time.monotonic() - begun < verifier.settings["wall_seconds"] + 5  # a hang, not a speed, is what fails here


def test_gsm8k_solutions_agree_with_their_labels(reference_data):
    outputs, golds, labels = [], [], []
    for row in rows(reference_data("gsm8k") / "example_model_solutions.jsonl.gz"):
        gold = re.findall(r"^A: ?(.*)$", row["ground_truth"], re.MULTILINE)[-1]
        for system in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            outputs.append(row[system]["solution"])
            golds.append(gold)
            labels.append(row[system]["is_correct"])
    verdicts = get_verifier("math").verify_batch(outputs, golds)
    assert len(verdicts) == 5276
    assert [v.score == 1.0 for v in verdicts] == labels


def test_qwen_samples_agree_with_all_labels_but_the_wrong_one(reference_data):
    outputs, golds, labels = [], [], []
    for row in rows(reference_data("math_multisample_qwen") / "math_cot_100.jsonl.gz"):
        outputs += row["code"]
        golds += [row["gt"]] * len(row["code"])
        labels += row["score"]
    verdicts = get_verifier("math").verify_batch(outputs, golds)
    differ = [
        (gold, v.detail["answer"])
        for gold, v, label in zip(golds, verdicts, labels, strict=True)
        if (v.score == 1.0) != label
    ]
    assert len(verdicts) == 800
    assert differ == [("10{,}000", "10000")]


GOLD_SETS = {
    "aime24": "answer", "amc23": "answer", "cmath": "answer", "gaokao2024_mix": "answer", "math500": "answer",
    "olympiadbench": "final_answer", "svamp": "Answer",
}  # fmt: skip


@pytest.mark.parametrize("name", GOLD_SETS)
@pytest.mark.parametrize("form", ["\\boxed{%s}", "#### %s"])
def test_every_gold_validates_itself(reference_data, name, form):
    golds = [row[GOLD_SETS[name]] for row in rows(reference_data("math") / f"{name}_test.jsonl.gz")]
    outputs = [form % (gold[0] if isinstance(gold, list) else gold) for gold in golds]
    verdicts = get_verifier("math").verify_batch(outputs, golds)
    assert [(gold, v) for gold, v in zip(golds, verdicts, strict=True) if v.score != 1.0] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "published"),
    [("Meta-Llama-3.1-8B-Instruct", 22.2), ("claude-3-haiku-20240307", 15.1), ("gemma-2-2b-it", 4.3)],
)
def test_accuracy_on_hard_problems_is_what_was_published(reference_data, model, published):
    with gzip.open(reference_data("zeroeval_outputs") / f"math-l5__{model}.json.gz", "rt", encoding="utf-8") as file:
        answers = json.load(file)
    verdicts = get_verifier("math").verify_batch(
        [row["output"][0] for row in answers], [row["answer"] for row in answers]
    )
    assert len(verdicts) == 721
    assert all(v.score is not None for v in verdicts)
    assert 100 * sum(v.score for v in verdicts) / 721 == pytest.approx(published, abs=1.2)


@pytest.mark.parametrize(
    "answer",
    [
        "7^{10^8}",
        "(10^6)!",
        "9^{9^9}",
        "(-7)^{10^8}",
        r"\binom{10^7}{5 \cdot 10^6}",
        r"\lfloor 10^{10^6} \rfloor",
        r"\log_2(3^{10^7})",
        r"\ln(e^{2000})",
    ],
)
def test_an_answer_beyond_machine_floats_is_refuted_without_the_engine(answer):
    verdict = compare_quickly("5", answer, 0.0)
    assert not isinstance(verdict, dict)
    assert (verdict.score, verdict.status) == (0.0, "incorrect")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("3", "7^{10^8} - 7^{10^8} + 3"),
        ("2^{2000}", "4^{1000}"),
        ("7^{400}", r"7 \cdot 7^{399}"),
        ("10000", r"\binom{10000}{9999}"),
        ("2^{2000}", r"|{-4}^{1000}|"),
        ("2000", r"\ln(e^{2000})"),
        (r"10^7", r"\log_3(3^{10^7})"),
        ("0", r"\ln((-1)^{2000})"),
    ],
)
def test_what_is_beyond_machine_floats_on_the_way_is_no_refutation(gold, answer):
    assert get_verifier("math")(f"\\boxed{{{answer}}}", gold).status == "correct"
