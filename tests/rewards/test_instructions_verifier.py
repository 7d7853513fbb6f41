import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards import get_verifier
from rewards.instructions.table import INSTRUCTION_IDS, MAX_INSTRUCTIONS
from rewards.instructions.verifier import MAX_CHARS, loose_forms
from schemas.errors import UserError
from tests.rewards.case_tables import cases

CASES = cases("instructions")
KWARGS = {case["id"]: case["kwargs"] for case in CASES}
EVERY = {"instruction_id_list": list(INSTRUCTION_IDS), "kwargs": [KWARGS[name] for name in INSTRUCTION_IDS]}
DIFFERENCES = {"258 words:start_verb", "261 words:start_verb", "81 format:line_indent"}

PIECES = [
    "a",
    "Be ",
    "tea",
    "é",
    "日",
    "😀",
    "\ud800",
    "\0",
    " ",
    "\n",
    "\n\n",
    "\t",
    ".",
    "?!",
    "...",
    "'",
    '"',
    "*",
    "**",
    "***",
]
PIECES += [
    "[",
    "]",
    "<<",
    ">>",
    "<i>",
    "</i>",
    "(",
    "}",
    "-",
    "1",
    "Section 1",
    "Question 1",
    "P.S.",
    ",",
    "```",
    "{",
    "Zimbabwe",
    "’",
]


def gold(name, **kwargs):
    return {"instruction_id_list": [name], "kwargs": [kwargs]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['output'][:20]!r}")
def test_case(case):
    verdict = get_verifier("instructions")(case["output"], gold(case["id"], **case["kwargs"]))
    (result,) = verdict.detail["instructions"]
    assert (result["followed"], verdict.score) == (case["followed"], float(case["followed"])), result
    assert ("reason" in result) != case["followed"]


def test_there_are_83_instructions_and_each_has_a_case_of_either_kind():
    assert len(INSTRUCTION_IDS) == 25 + 58
    for followed in (True, False):
        assert {case["id"] for case in CASES if case["followed"] is followed} == set(INSTRUCTION_IDS)


def test_the_score_is_the_share_and_each_instruction_has_its_reason():
    asked = {
        "instruction_id_list": ["punctuation:no_comma", "count:numbers"],
        "kwargs": [{"N": None}, {"N": 2.0, "keyword": None}],
    }
    verdict = get_verifier("instructions")("One 1, two.", asked)
    assert (verdict.score, verdict.status, verdict.detail["followed"]) == (0.0, "incorrect", 0)
    verdict = get_verifier("instructions")("One 1 and 2, two.", json.dumps(asked))
    assert (verdict.score, verdict.status) == (0.5, "partial")
    assert verdict.detail["instructions"] == [
        {"id": "punctuation:no_comma", "followed": False, "reason": "1 commas"},
        {"id": "count:numbers", "followed": True},
    ]
    json.dumps(verdict.detail)
    whole = get_verifier("instructions", all_or_nothing=True)
    assert (whole("1, 2", asked).score, whole("1 2", asked).score) == (0.0, 1.0)


def test_loose_takes_away_lines_and_asterisks():
    wanted = gold("startend:quotation")
    completion = 'Sure:\n**"Yes."**\nBye.'
    assert get_verifier("instructions")(completion, wanted).score == 0.0
    assert get_verifier("instructions", mode="loose")(completion, wanted).score == 1.0
    assert get_verifier("instructions", mode="loose")('Sure.\nYes.\n"Bye."', wanted).score == 0.0
    assert len(loose_forms("*a*\n*b*\n*c*")) == 8
    assert loose_forms("a") == ["a"]


def test_the_thinking_is_not_judged():
    judged = get_verifier("instructions")
    wanted = gold("punctuation:no_comma")
    assert judged("<think>One, two.</think>\n\nThree.", wanted).score == 1.0
    assert judged("One, two.</think>Three.", wanted).score == 1.0
    assert judged("<think>One two.", wanted).status == "unparseable"
    assert judged("<think>One two.</think> \n", wanted).status == "unparseable"
    assert get_verifier("instructions", answer_only=False)("<think>One, two.</think>Three.", wanted).score == 0.0


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (None, "mapping"),
        ("no json", "JSON"),
        ([], "mapping"),
        ({}, "instruction_id_list"),
        ({"instruction_id_list": []}, "instruction_id_list"),
        (gold("no:such"), "no:such"),
        (gold("count:numbers"), "count:numbers: N is missing"),
        (gold("count:numbers", N=None), "count:numbers: N is missing"),
        (gold("count:numbers", N=-1), "N must be a whole number"),
        (gold("count:numbers", N=float("nan")), "N must be"),
        (gold("count:numbers", N=float("inf")), "N must be"),
        (gold("count:numbers", N=True), "N must be"),
        (gold("count:words_japanese", N=0), "from 1 on"),
        (gold("keywords:existence", keywords="tea"), "list of texts"),
        (gold("keywords:letter_frequency", letter="ab", let_frequency=1, let_relation="at least"), "one character"),
        (gold("keywords:letter_frequency", letter="a", let_frequency=1, let_relation="about"), "let_relation"),
        (gold("language:response_language", language="xx"), "language must be"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}, {}]}, "kwargs"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": ["x"]}, "kwargs"),
        ({"instruction_id_list": ["punctuation:no_comma"] * (MAX_INSTRUCTIONS + 1)}, "101 instructions"),
    ],
)
def test_a_bad_gold_is_our_failure_and_says_what_is_wrong(bad, named):
    verdict = get_verifier("instructions")("Text.", bad)
    assert (verdict.score, verdict.status) == (None, "bad_gold")
    assert named in verdict.detail["error"]
    assert get_verifier("instructions").verify_batch(["Text."], [bad])[0].status == "bad_gold"


def test_no_answer_and_one_beyond_the_limit_are_the_models_failure():
    judged = get_verifier("instructions")
    assert judged(" \n", gold("punctuation:no_comma")).status == "unparseable"
    assert judged("a" * MAX_CHARS, gold("punctuation:no_comma")).score == 1.0
    verdict = judged("a" * 10_000_000, gold("punctuation:no_comma"))
    assert (verdict.score, verdict.status, verdict.detail["limit"]) == (0.0, "too_complex", MAX_CHARS)


@pytest.mark.parametrize(
    ("name", "kwargs", "answer", "followed"),
    [
        ("keywords:forbidden_words", {"forbidden_words": ["C++"]}, "I like C++ best.", False),
        ("keywords:forbidden_words", {"forbidden_words": ["secret "]}, "A se\u200bcret.", False),
        ("keywords:forbidden_words", {"forbidden_words": ["C"]}, "Canada", True),
        ("combination:two_responses", {}, "Yes\u00ad******Yes", False),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 3}, "One *** \u2060 *** Two", False),
        ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}, "o\u200bn\u200be", False),
        ("format:no_whitespace", {}, "two\u3164words", False),
        ("detectable_format:constrained_response", {}, "My answer is yes. My answer is no.", False),
        ("startend:quotation", {}, '""', False),
        ("count:words_japanese", {"N": 2}, "one 1 two 2", False),
        ("count:words_japanese", {"N": 2}, "one 猫 two 2", True),
        ("words:prime_lengths", {}, "!!!", False),
        ("words:no_consecutive", {}, "Thought:", False),
        ("sentence:increment", {"small_n": 1}, "Thought.", False),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Say\u200b it"}, "Say\u200b it", True),
    ],
)
def test_what_shows_nothing_and_says_nothing_follows_nothing(name, kwargs, answer, followed):
    verdict = get_verifier("instructions")(answer, {"instruction_id_list": [name], "kwargs": [kwargs]})
    assert verdict.score == float(followed)


@pytest.mark.parametrize("answer", ["\u200b", "\u2800 \u3164", "\u2060\ufeff", "\u0301"])
def test_an_answer_that_shows_nothing_is_none(answer):
    gold = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    assert get_verifier("instructions")(answer, gold).status == "unparseable"


def test_a_batch_is_what_the_single_calls_are():
    judged = get_verifier("instructions")
    completions = ["One, 1.", "One.", "One, 1.", "", "One 1."] * 2
    golds = [gold("count:numbers", N=1)] * 5 + [EVERY, {}, None, "x", gold("punctuation:no_comma")]
    single = [judged(c, g) for c, g in zip(completions, golds, strict=True)]
    batch = judged.verify_batch(completions, golds)
    assert [(v.score, v.status, v.detail) for v in batch] == [(v.score, v.status, v.detail) for v in single]


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.text(max_size=80)))
def test_any_text_gets_a_verdict_from_every_check(text):
    verdict = get_verifier("instructions")(text, EVERY)
    assert verdict.status not in {"error", "bad_gold"}, verdict.detail
    assert 0.0 <= verdict.score <= 1.0
    loose = get_verifier("instructions", mode="loose")(text, EVERY)
    assert loose.score >= verdict.score


@pytest.mark.timeout(120)  # all 83 checks take about a second; with the square of the length it would be minutes
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a ",
        ".",
        ". ",
        "a.",
        "!?",
        "*",
        "* ",
        "[",
        "<<",
        "(",
        '"',
        "'",
        "1",
        "é ",
        "\n",
        "- a\n",
        "A. ",
        "<i>",
        ",",
        "{",
        '{"a":',
    ],
)
def test_a_long_run_of_one_piece_takes_no_square_of_its_length(piece):
    text = "x" + piece * ((MAX_CHARS // 2) // len(piece))
    verdict = get_verifier("instructions")(text, EVERY)
    assert verdict.status != "error", verdict.detail


@pytest.mark.parametrize("settings", [{"mode": "lenient"}, {"no_such": 1}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(UserError):
        get_verifier("instructions", **settings)


def reference():
    folder = os.environ.get("TAMIS_REFERENCE_DATA")
    if folder is None:
        pytest.skip("TAMIS_REFERENCE_DATA is not set")
    data = Path(folder) / "ifbench"

    def rows(name):
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return rows("IFBench_test"), rows("eval_results_strict")


def test_ifbench_verdicts_agree_but_for_those_that_are_explained():
    prompts, results = reference()
    by_prompt = {row["prompt"].strip(): row for row in prompts}
    judged = get_verifier("instructions")
    num, different = 0, set()
    for result in results:
        row = by_prompt.get(result["prompt"].strip(), {"key": "?", "kwargs": None, **result})  # one prompt is broken
        verdict = judged(result["response"], row)
        for ours, theirs in zip(verdict.detail["instructions"], result["follow_instruction_list"], strict=True):
            num += 1
            if ours["followed"] != theirs:
                different.add(f"{row['key']} {ours['id']}")
    assert num == 335
    assert different == DIFFERENCES
    assert len(different) <= 0.01 * num
