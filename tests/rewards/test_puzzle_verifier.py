"""What `puzzle` takes for right: each dataset's own answers, and none of the texts that fool the published scorers."""

import json
import time
from fractions import Fraction

import pytest

reasoning_gym = pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed")

from reasoning_gym import get_score_answer_fn  # noqa: E402
from reasoning_gym.factory import DATASETS  # noqa: E402

from rewards import get_verifier  # noqa: E402
from rewards.pool import Reply  # noqa: E402
from rewards.puzzle.safe_text import arithmetic, is_plain_formula, is_plain_list  # noqa: E402
from rewards.puzzle.verifier import MAX_ANSWER_CHARS, find_answer  # noqa: E402
from schemas.errors import UserError  # noqa: E402

ONLY_CHECKED = {"boxnet", "rush_hour"}  # their entries hold no right answer at all


def problem(dataset, index=0, seed=5, **config):
    entry = reasoning_gym.create_dataset(dataset, seed=seed, size=index + 1, **config)[index]
    return json.loads(json.dumps({"dataset": dataset, "entry": entry, **({"config": config} if config else {})}))


@pytest.fixture(scope="module")
def puzzle():
    return get_verifier("puzzle")


@pytest.fixture(scope="module")
def problems():
    # The first of intermediate_integration has an unsolved integral for gold, which nobody shall be paid for.
    return {name: problem(name, name == "intermediate_integration") for name in sorted(DATASETS) if name != "composite"}


@pytest.mark.slow  # makes a problem of each of 105 datasets, and loads reasoning-gym in a process of its own
def test_every_dataset_accepts_its_own_answer_and_no_empty_one(puzzle, problems):
    golds = list(problems.values())
    own = [puzzle.check.gold_completion(gold) for gold in golds]
    assert {name for name, text in zip(problems, own, strict=True) if text is None} == ONLY_CHECKED
    verdicts = puzzle.verify_batch([text or "" for text in own], golds)
    refused = {name for name, verdict in zip(problems, verdicts, strict=True) if verdict.score != 1.0}
    assert refused == ONLY_CHECKED
    for text in ("", " ", "<answer></answer>", "<think>I do not know.", "hello world", "<answer>nan</answer>"):
        assert {verdict.score for verdict in puzzle.verify_batch([text] * len(golds), golds)} == {0.0}, text


@pytest.mark.parametrize(
    ("dataset", "constant"),
    [
        ("game_of_life_halting", "hello world"),
        ("coin_flip", "0"),
        ("complex_arithmetic", "nan"),
        ("puzzle24", "4*6*1*1"),
    ],
)
def test_constants_that_the_published_scorers_take_for_right(puzzle, dataset, constant):
    golds = [problem(dataset, index) for index in range(4)]
    published = get_score_answer_fn(dataset)
    assert [published(constant, gold["entry"]) for gold in golds] == [1.0] * 4
    verdicts = puzzle.verify_batch([f"<answer>{constant}</answer>"] * 4, golds)
    assert {verdict.score for verdict in verdicts} == {0.0}


def test_the_first_number_of_a_rambling_answer_is_none(puzzle):
    gold = problem("gsm_symbolic")
    number = gold["entry"]["answer"]
    assert get_score_answer_fn("gsm_symbolic")(f"{number} or 1 or 2 or 3", gold["entry"]) == 1.0
    answers = [f"<answer>{text}</answer>" for text in (number, f"${number}.00", f"{number} or 1 or 2 or 3")]
    assert [puzzle(answer, gold).score for answer in answers] == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "dataset",
    ["string_insertion", "spiral_matrix", "binary_matrix", "n_queens", "simple_integration",
     "intermediate_integration", "polynomial_multiplication", "puzzle24", "countdown"],
)  # fmt: skip
def test_no_answer_is_run_as_python(puzzle, dataset, tmp_path):
    gold, trace = problem(dataset, index=1), tmp_path / "trace"
    hostile = [
        f"__import__('pathlib').Path({str(trace)!r}).touch()",
        f"[__import__('pathlib').Path({str(trace)!r}).touch()]",
        f"[open({str(trace)!r}, 'w')]",
        "().__class__.__base__.__subclasses__()",
        "exit()",
    ]
    verdicts = puzzle.verify_batch([f"<answer>{text}</answer>" for text in hostile], [gold] * len(hostile))
    assert {(verdict.score, verdict.status) for verdict in verdicts} <= {(0.0, "unparseable"), (0.0, "incorrect")}
    assert not trace.exists()


def test_no_gold_is_run_as_python(puzzle, tmp_path):
    trace = tmp_path / "trace"
    sorting, integral = problem("number_sorting"), problem("simple_integration")
    sorting["entry"]["answer"] = integral["entry"]["metadata"]["integrand"] = f"open({str(trace)!r}, 'w')"
    verdicts = puzzle.verify_batch(["<answer>[1]</answer>", "<answer>x</answer>"], [sorting, integral])
    assert [(verdict.status, verdict.detail["reason"]) for verdict in verdicts] == [
        ("bad_gold", "gold_is_not_plain")
    ] * 2
    assert not trace.exists()


def test_bombs_end_within_their_budget():
    puzzle = get_verifier("puzzle", cpu_seconds=1.0)
    bombs = {
        "simple_integration": "9**9**9**9",
        "polynomial_multiplication": "(x+1)**99999",
        "power_function": "1e999999999",
        "countdown": "9**9**9",
        "number_sorting": "[" * 9_000,
        "jugs": "[" * 9_000 + "]" * 9_000,
        "dice": "1/" + "9" * 19_000,
        "simple_equations": "\u0663" * 100,
        "bf": "a\ud800\0" * 100,
    }
    golds = [problem(name) for name in bombs]
    puzzle.verify_batch([""] * len(bombs), golds)  # loads what the scorers need
    for name, gold in zip(bombs, golds, strict=True):
        begun = time.monotonic()
        verdict = puzzle(f"<answer>{bombs[name]}</answer>", gold)
        assert (verdict.score, verdict.status != "error") == (0.0, True), (name, verdict)
        assert time.monotonic() - begun < 90  # the budget on the clock is 60
    assert puzzle("x" * (MAX_ANSWER_CHARS + 1), golds[0]).status == "too_complex"


def test_partial_credit_is_the_scorers_but_not_for_any_text():
    strict, partial = get_verifier("puzzle"), get_verifier("puzzle", partial_credit=True)
    gold = problem("prime_factorization")
    factors = gold["entry"]["answer"]
    product = str(eval(factors.replace("×", "*")))
    verdicts = [check(f"<answer>{product}</answer>", gold) for check in (strict, partial)]
    assert [(verdict.score, verdict.status) for verdict in verdicts] == [(0.0, "incorrect"), (0.5, "partial")]
    assert verdicts[0].detail["published_score"] == 0.5
    assert partial("<answer>2 × 3</answer>", gold).score == 0.0  # published: 0.01


def test_the_configuration_of_the_dataset_is_the_golds(puzzle):
    gold = problem("decimal_arithmetic", min_num_decimal_places=7, max_num_decimal_places=7)
    places = f"{float(gold['entry']['answer']) + 3e-6:.7f}"
    assert [puzzle(f"<answer>{text}</answer>", gold).score for text in (gold["entry"]["answer"], places)] == [1.0, 0.0]
    del gold["config"]  # the default's tolerance is of three places
    assert puzzle(f"<answer>{places}</answer>", gold).score == 1.0


def test_an_unsolved_integral_is_no_answer(puzzle):
    gold = problem("intermediate_integration", 1)
    integrand, variable = (gold["entry"]["metadata"][key] for key in ("integrand", "variable"))
    echo = f"Integral({integrand}, {variable})"
    assert get_score_answer_fn("intermediate_integration")(echo, gold["entry"]) == 1.0
    assert puzzle(f"<answer>{echo}</answer>", gold).status == "unparseable"


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        (None, "unreadable_gold"),
        ({"dataset": "gcd"}, "unreadable_gold"),
        ({"dataset": "no such", "entry": {"answer": "1", "metadata": {}}}, "unknown_dataset"),
        ({"dataset": "composite", "entry": {"answer": "1", "metadata": {}}}, "unknown_dataset"),
        ({"dataset": "gcd", "entry": {"answer": "1"}}, "no_metadata"),
        ({"dataset": "maze", "entry": {"answer": "1", "metadata": {}}, "config": {"sise": 1}}, "own_answer_refused"),
    ],
)
def test_golds_that_are_none(puzzle, gold, reason):
    verdict = puzzle("<answer>1</answer>", gold)
    assert (verdict.score, verdict.status, verdict.detail["reason"]) == (None, "bad_gold", reason)


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("<think>a</think>\n<answer>\n1 2\n3 4\n</answer>", "1 2\n3 4"),
        ("<think>a</think>\n1 2\n3 4", "1 2\n3 4"),
        ("So the answer is \\boxed{7}.", "7"),
        ("<answer>1</answer> no, <answer>2</answer>", "2"),
        ("```text\n_ Q\nQ _\n```", "_ Q\nQ _"),
        ("<think><answer>1</answer></think>", ""),
        ("<answer> </answer> 7", ""),
    ],
)
def test_the_answer_is_found(completion, answer):
    assert find_answer(completion)[0] == answer


@pytest.mark.parametrize(
    ("text", "value"),
    [("(1+2)*3", 9), ("8 ÷ 3 × 3", 8), ("−2 + 5", 3), ("1/3", Fraction(1, 3)), ("2**9", None), ("1/0", None), ("1.5", None),
     ("(" * 500 + "1" + ")" * 500, None), ("9" * 1_999, None), ("f(1)", None), ("", None), ("1 2", None)],
)  # fmt: skip
def test_arithmetic_is_exact_and_nothing_else(text, value):
    found = arithmetic(text)
    assert (found if found is None else found[0]) == value


def test_what_reaches_an_evaluating_scorer():
    assert all(map(is_plain_formula, ["3*x**2 + sin(2*x)/2 + C", "exp(-x) - 1.5e-3*log(x)", "sqrt(3) * X**2"]))
    formulas = [
        "x.diff",
        "lambda: 1",
        "__class__",
        "Integral(x, x)",
        "f'x'",
        "x[0]",
        "oo",
        "print(x)",
        "x" * 2_001,
        "1 if x else 2",
    ]
    assert not any(map(is_plain_formula, formulas))
    assert all(map(is_plain_list, ["[1, 2, -3]", "['a', 'b']", '[["Q", "_"]]', "1 2 3", "[1.5, '2.00']"]))
    assert not any(map(is_plain_list, ["f()", "a.b", "[x for x in y if z == 1]", "{1}", "a@b", "'a'.b", "lambda: 1"]))


@pytest.mark.parametrize("settings", [{"cpu_seconds": 0}, {"memory_bytes": -1}, {"partial": True}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(UserError, match="puzzle"):
        get_verifier("puzzle", **settings)


class ScriptedPool:
    """Gives these replies to the entry's own answer in turn, and full marks to every other one."""

    def __init__(self, *replies):
        self.replies = list(replies)

    def run(self, requests):
        return [
            Reply("ok", {"score": 1.0}) if request["answer"] is not None else self.replies.pop(0)
            for request in requests
        ]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Reply("error", error="no worker process"), "scorer_failed"),
        (Reply("time_limit", cpu_seconds=0.1), "machine_too_busy"),
    ],
)
def test_what_failed_through_no_fault_of_the_gold_is_tried_again(failure, reason):
    puzzle = get_verifier("puzzle", pool=ScriptedPool(failure, Reply("ok", {"score": 1.0})))
    gold = problem("countdown")
    lost = puzzle("<answer>1</answer>", gold)
    assert (lost.score, lost.status, lost.detail["reason"]) == (None, "error", reason)
    assert puzzle("<answer>1</answer>", gold).status == "correct"
    assert puzzle("<answer>1</answer>", gold).status == "correct", "and what was accepted is not asked again"


def test_a_gold_that_takes_the_time_of_a_processor_is_bad():
    puzzle = get_verifier("puzzle", pool=ScriptedPool(Reply("time_limit", cpu_seconds=3.0)))
    for _ in range(2):
        verdict = puzzle("<answer>1</answer>", problem("countdown"))
        assert (verdict.status, verdict.detail["reason"]) == ("bad_gold", "own_answer_time_limit")
