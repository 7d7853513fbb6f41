"""The calls that TRL and verl make, keyword by keyword, as their sources have them (GRPOTrainer, BatchRewardManager, run_single)."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scripted_judge import ScriptedJudge, verdict

from rewards import get_verifier
from rewards.endpoints import EndpointFailure
from rewards.registry import Verifier, available, describe
from rewards.rubric import Rubric
from rewards.subject import GOLD_KINDS
from rewards.trainers import completion_text, fill_unscored, trl_reward, verl_batch_reward, verl_reward
from rewards.verdict import Verdict

RIGHT, WRONG = "<think>2 + 2 = 4</think>The answer is 4.", "<think>2 + 2 = 5</think>The answer is 5."
BARE = "The answer is 4."
ASKED = [{"role": "user", "content": "What is 2 + 2?"}]


def said(text):
    return [{"role": "assistant", "content": text}]


def trl_call(reward, prompts, completions, **columns):
    """As `GRPOTrainer` calls a reward function: every column of the dataset but the prompt, and what newer versions add."""
    added = {"trainer_state": object(), "log_extra": print, "log_metric": print}
    return reward(prompts=prompts, completions=completions, completion_ids=[[1, 2]] * len(prompts), **columns, **added)


@pytest.mark.parametrize("talk", [False, True])
def test_trl_gets_the_rubric_of_every_sample(talk):
    reward = trl_reward([get_verifier("math"), get_verifier("format")], gold="answer", name="r1")
    texts = [RIGHT, WRONG, BARE, "no"]
    prompts, completions = ([ASKED] * 4, [said(text) for text in texts]) if talk else (["What is 2 + 2?"] * 4, texts)
    assert trl_call(reward, prompts, completions, answer=["4"] * 4) == [2.0, 1.0, 1.0, 0.0]
    assert reward.__name__ == "r1"


def test_a_gate_holds_in_training_too():
    rubric = Rubric({"math": 1.0, "format": 0.5}, gates={"math": 1.0})
    reward = trl_reward([get_verifier("math"), get_verifier("format")], rubric)
    assert trl_call(reward, ["?"] * 3, [RIGHT, WRONG, BARE], gold=["4"] * 3) == [1.5, 0.0, 1.0]


def test_functions_share_a_dataset_of_mixed_tasks():
    math, follows = trl_reward([get_verifier("math")]), trl_reward([get_verifier("instructions")])
    follow = {"instructions": {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}}
    golds = [json.dumps({"answer": "4"}), json.dumps(follow), None]
    assert trl_call(math, ["?"] * 3, [BARE] * 3, gold=golds) == [1.0, None, None]
    assert trl_call(follows, ["?"] * 3, [BARE] * 3, gold=golds) == [None, 1.0, None]


def test_a_dataset_without_the_column_is_refused():
    with pytest.raises(ValueError, match="no column 'gold' with golds; it has: answer, completion_ids"):
        trl_call(trl_reward([get_verifier("math")]), ["?"], [BARE], answer=["4"])
    assert trl_call(trl_reward([get_verifier("format")]), ["?"], [RIGHT]) == [1.0]


def test_columns_and_token_counts_reach_their_verifiers():
    def in_french(_completion, gold, /):
        return Verdict(float(gold == "fr"), "correct" if gold == "fr" else "incorrect")

    french = Verifier("french", 1, {}, "0" * 16, "language", in_french)
    reward = trl_reward([french, get_verifier("length", max_tokens=2, cache=0)])
    found = reward(prompts=["?"] * 3, completions=["a", "b", "c"], completion_ids=[[1, 2], [1, 2, 3], [1]],
                   language=["fr", "fr", "de"])  # fmt: skip
    assert found == [2.0, 1.0, 1.0]


def test_our_failure_teaches_nothing(caplog):
    """The judge cannot be reached for one sample of the first prompt, and for both of the second."""

    def answer(request):
        shown = request.messages[-1]["content"]
        if "LOST" in shown:
            return EndpointFailure("http_status", "busy", 503)
        return verdict("correct" if "four" in shown else "incorrect")

    judge = get_verifier("judge", model="judge", endpoint=ScriptedJudge(answer))
    other = [{"role": "user", "content": "And 3 + 3?"}]
    completions = ["It is four", "It is five", "LOST one", "LOST two", "LOST three"]
    found = trl_call(
        trl_reward([judge]), [ASKED] * 3 + [other] * 2, list(map(said, completions)), gold=["4"] * 3 + ["6"] * 2
    )
    assert found == [1.0, 0.0, 0.5, 0.5, 0.5], "the mean of the group, and of all where a group has none"
    assert "3 samples have no score and teach nothing: 3 judge: error (endpoint_failed)" in caplog.text


def test_verl_gets_scores_of_a_batch():
    compute_score = verl_batch_reward([get_verifier("math"), get_verifier("format")])
    found = compute_score(
        data_sources=np.array(["gsm8k"] * 4, object),
        solution_strs=[RIGHT, WRONG, BARE, RIGHT],
        ground_truths=["4", "4", np.array(["4", "four"], object), None],
        extra_infos=np.array([{"index": np.int64(7), "split": "train"}] * 4, object),
        reward_router_address="unused",
    )
    assert [one["score"] for one in found] == pytest.approx([2.0, 1.0, 1.0, 4 / 3])
    assert [one["unscored"] for one in found] == [0.0, 0.0, 0.0, 1.0]
    assert compute_score(data_sources=[], solution_strs=[], ground_truths=[], extra_infos=[]) == []


def test_verl_without_an_index_takes_equal_golds_for_one_prompt():
    compute_score = verl_batch_reward([get_verifier("math")])
    found = compute_score(["a"] * 3, [BARE, "x", "y"], ["4", "", "4"], [None] * 3)
    assert [one["score"] for one in found] == [1.0, 0.5, 0.0]


def test_verl_gets_the_score_of_one_sample_from_several_threads():
    compute_score = verl_reward([get_verifier("math")])

    def call(number):
        return compute_score(
            data_source="gsm8k", solution_str=f"\\boxed{{\\frac{{{number}}}{{7}}}}", ground_truth=rf"\frac{{{number}}}7",
            extra_info=None, strict_box_verify=False,
        )  # fmt: skip

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(call, range(32))) == [{"score": 1.0, "unscored": 0.0}] * 32
    assert compute_score("gsm8k", BARE, None) == {"score": 0.0, "unscored": 1.0}


def test_code_comes_as_json_text_or_as_arrays():
    gold = {"code": {"language": "python", "entry_point": "f", "tests": [{"args": [3], "returns": 6}]}}
    arrays = {"code": {**gold["code"], "tests": np.array([{"args": np.array([3]), "returns": np.int64(6)}], object)}}
    code = get_verifier("code", unsafe_no_sandbox=True)
    compute_score = verl_batch_reward([code])
    program = "```python\ndef f(x):\n    return 2 * x\n```"
    found = compute_score(["a"] * 2, [program] * 2, [json.dumps(gold), arrays], [{"index": 0}, {"index": 1}])
    assert [one["score"] for one in found] == [1.0, 1.0]
    code.close()


def test_a_rubric_needs_its_verifiers():
    with pytest.raises(ValueError, match="weighs 'math', which is none of its verifiers"):
        trl_reward([get_verifier("format")], Rubric({"math": 1.0}))


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("a", "a"),
        ([], ""),
        (said("a"), "a"),
        ([{"role": "assistant", "content": None}], ""),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}], "ab"),
        ([*said("I call"), {"role": "tool", "content": "4"}], ""),
        ([{"role": "assistant", "content": "4", "reasoning_content": "2 + 2"}], "<think>2 + 2</think>4"),
    ],
)
def test_the_text_of_a_completion(completion, text):
    assert completion_text(completion) == text


def test_samples_without_a_score_get_the_mean_of_their_group():
    assert fill_unscored([1.0, None, 0.0, None], ["a", "a", "b", "c"]) == [1.0, 1.0, 0.0, 0.5]
    assert fill_unscored([None, None], ["a", "b"]) == [0.0, 0.0]


def test_every_kind_of_gold_is_known():
    keys = {describe(name).gold_key for name in available()} - {None, "language", "tokens", "dialogue"}
    assert keys <= GOLD_KINDS
