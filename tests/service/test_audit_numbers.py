"""The audit's numbers: intervals for samples that share prompts, sums by group, tenths of a text, the choice of the worst."""

import math

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from columnar.mixing import Span
from service.audit import cells, worst
from service.audit.cells import OTHER, SUMS, Cells
from service.audit.intervals import BUCKETS, PromptCounts, bucket_of, difference, ratio, share
from service.audit.measure import decile_characters, split_parts
from service.audit.model import SAMPLES, Generation
from service.audit.steps import step_order
from service.audit.summary import Summary
from service.audit.worst import Worst, key_of
from service.report.verdicts import rate_interval


def hashes(keys):
    return np.array([xxhash.xxh3_64_intdigest(str(key).encode()) for key in keys], np.uint64)


def bucket_sums(keys, *columns):
    found = np.zeros((len(columns), BUCKETS))
    np.add.at(found, (slice(None), bucket_of(hashes(keys))), np.array(columns, float))
    return found


def answers(rng, prompts, samples, agreement=0.2):
    """Samples of prompts that are easy or hard: (prompt, whether the sample has the property)."""
    chances = rng.beta(agreement, 4 * agreement, prompts)
    return np.repeat(np.arange(prompts), samples), (rng.random((prompts, samples)) < chances[:, None]).ravel()


def test_one_sample_a_prompt_has_wilson_s_own_interval():
    keys = range(900)
    having = [key % 9 == 0 for key in keys]
    found = share(*bucket_sums(keys, having, np.ones(900)), prompts=900)
    low, high = rate_interval(100, 900)
    assert found.value == pytest.approx(1 / 9)
    # The design effect of independent rows is 1 but for chance, and never taken as less.
    assert high - low <= found.high - found.low < 1.25 * (high - low)


def test_samples_that_all_agree_count_as_one():
    keys = np.repeat(np.arange(400), 8)
    having = keys % 5 == 0
    found = share(*bucket_sums(keys, having, np.ones(len(keys))), prompts=400)
    once = rate_interval(80, 400)
    assert found.high - found.low == pytest.approx(once[1] - once[0], rel=0.15)
    assert found.of == 3200


def test_a_share_of_none_or_all_is_as_sure_as_there_are_prompts():
    rows = np.repeat(np.arange(50), 10)
    counted = PromptCounts()
    counted.grow(1)
    counted.add(np.zeros(len(rows), np.int64), hashes(rows))
    none = share(*bucket_sums(rows, np.zeros(500), np.ones(500)), prompts=counted.count(0))
    assert none.low == 0
    assert none.high == pytest.approx(rate_interval(0, 50)[1], rel=0.1)
    everybody = share(*bucket_sums(rows, np.ones(500), np.ones(500)), prompts=counted.count(0))
    assert (everybody.low, everybody.high) == pytest.approx((1 - none.high, 1.0))


def test_shares_of_clustered_samples_are_covered_where_plain_wilson_is_not():
    rng = np.random.default_rng(7)
    ours = plain = 0
    for _ in range(300):
        keys, having = answers(rng, 300, 16)
        found = share(*bucket_sums(keys, having, np.ones(len(keys))), prompts=300)
        ours += found.low <= 0.2 <= found.high
        low, high = rate_interval(int(having.sum()), len(having))
        plain += low <= 0.2 <= high
    assert 0.92 <= ours / 300 <= 0.98
    assert plain / 300 < 0.6


def test_ratios_of_clustered_texts_are_covered():
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        keys, mixed = answers(rng, 300, 4)
        words = rng.integers(50, 400, len(keys))
        target = np.where(mixed, words // 2, words)
        found = ratio(*bucket_sums(keys, target, words))
        covered += found.low <= 0.9 <= found.high  # a fifth of the texts, half of their words
    assert 0.9 <= covered / 200 <= 0.99


def test_the_bootstrap_agrees_with_the_linearised_standard_error():
    rng = np.random.default_rng(3)
    keys = np.repeat(np.arange(2000), 3)
    below = rng.integers(20, 200, len(keys)).astype(float)
    above = below * rng.random(len(keys))
    sums = bucket_sums(keys, above, below)
    found = ratio(*sums)
    residuals = np.bincount(keys, above - found.value * below)
    error = math.sqrt((residuals**2).sum()) / below.sum()
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.2)
    assert found.value == pytest.approx(above.sum() / below.sum())


def test_two_models_that_do_the_same_differ_by_exactly_nothing():
    rng = np.random.default_rng(5)
    keys, having = answers(rng, 200, 4)
    side = tuple(bucket_sums(keys, having, np.ones(len(keys))))
    same = difference(side, side)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    worse = tuple(bucket_sums(keys, having | (rng.random(len(keys)) < 0.1), np.ones(len(keys))))
    found = difference(worse, side)
    assert 0 < found.low < found.value < found.high < 0.2


def test_nothing_to_measure_has_no_number():
    nothing = np.zeros(BUCKETS)
    assert share(nothing, nothing, 0).value is None
    assert ratio(nothing, nothing) == (None, None, None, 0)
    one = bucket_sums(["a"], [3], [4])
    assert ratio(*one) == (0.75, None, None, 4)
    assert share(*one, prompts=1).low < 0.25


@pytest.mark.parametrize("prompts", [1, 30, 300, 3000, 100_000])
def test_prompts_are_counted_about_right_however_often_they_come(prompts):
    counts = PromptCounts()
    counts.grow(2)
    for _ in range(2):
        counts.add(np.ones(prompts, np.int64), hashes(range(prompts)))
    assert counts.count(1) == pytest.approx(prompts, rel=0.25)
    assert counts.count(0) == 0


@given(st.data())
def test_tenths_count_every_character_where_it_stands(data):
    length = data.draw(st.integers(1, 60))
    start = data.draw(st.integers(0, 5))
    edges = sorted(data.draw(st.lists(st.integers(0, 70), max_size=6, unique=True)))
    spans = [Span(a, b, "zh", 1.0, "off_script") for a, b in zip(edges[::2], edges[1::2], strict=False)]
    expected = [0] * 10
    for span in spans:
        for place in range(span.start, span.end):
            if start <= place < start + length:
                expected[(place - start) * 10 // length] += 1
    assert decile_characters(spans, (start, start + length)) == expected


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("plain", "", "plain"),
        ("<think>a</think>b", "a", "b"),
        (" \n<think>a</think>b", "a", "b"),
        ("a</think>b", "a", "b"),
        ("<think>a</think>b</think>c", "a</think>b", "c"),
        ("<think>never closed", "never closed", ""),
        ("", "", ""),
    ],
)
def test_thinking_and_answer_are_told_apart(text, thinking, answer):
    parts = split_parts(text)
    assert text[slice(*parts.thinking)] == thinking
    assert text[slice(*parts.answer)] == answer


def row(**fields):
    defaults = {
        "id": "i", "prompt_key": "p", "model": "m", "sample_index": None, "step": "", "domain": "", "finish_reason": "",
        "target": "zh", "target_source": "given", "kind": "clean", "characters": 10, "words": 10, "zxx_words": 0,
        "strict_words": 10, "strict_target_words": 10, "strict_ratio": 1.0, "lenient_words": 10, "lenient_target_words": 10,
        "lenient_ratio": 1.0, "off_script_share": 0.0, "switches": 0, "failed": False, "num_spans": 0, "num_off_script": 0,
        "num_same_script": 0, "num_minor": 0, "spans": [], "shares": [], "transitions": [], "thinking_words": None,
        "thinking_target_words": None, "answer_words": 10, "answer_target_words": 10, "thinking_deciles": None,
        "answer_deciles": [0] * 10, "lines_pass": None, "words_pass": None, "locator": "f:1", "pointer": "f#1",
    }  # fmt: skip
    return {**defaults, **fields}


def random_rows(rng, count):
    rows = []
    for number in range(count):
        words = int(rng.integers(0, 30))
        target = int(rng.integers(0, words + 1))
        span = {
            "start": 0,
            "end": 2,
            "language": "en",
            "severity": "same_script",
            "score": 1.0,
            "part": "answer",
            "text": "x",
        }
        has_span = bool(rng.random() < 0.4)
        rows.append(
            row(
                id=str(number),
                prompt_key=f"p{rng.integers(0, 40)}",
                model=str(rng.choice(["a", "b"])),
                target=str(rng.choice(["zh", "fr", "en"])),
                step=str(rng.choice(["ckpt-9", "ckpt-10"])),
                strict_words=words,
                strict_target_words=target,
                strict_ratio=target / words if words else None,
                failed=bool(words and target / words < 0.95),
                num_same_script=int(has_span),
                spans=[span] * has_span,
                kind="same_script" if has_span else "clean",
                transitions=[{"source": "zh", "target": "en", "count": int(rng.integers(1, 4))}] * has_span,
                answer_deciles=[2 * has_span] + [0] * 9,
                lines_pass=[True, False, None][rng.integers(0, 3)],
            )
        )
    return rows


def batch(rows):
    return pa.RecordBatch.from_pylist(rows, SAMPLES)


def test_groups_add_up_to_what_counting_by_hand_gives():
    rows = random_rows(np.random.default_rng(1), 400)
    summary = Summary()
    summary.add(batch(rows))
    found = summary.to_json()
    by_hand = {}
    for item in rows:
        by_hand.setdefault((item["model"], item["target"]), []).append(item)
    groups = {(group["model"], group["target"]): group for group in found["by"]["model,target"]}
    assert groups.keys() == by_hand.keys()
    for key, group in groups.items():
        mine = by_hand[key]
        judged = [item["lines_pass"] for item in mine if item["lines_pass"] is not None]
        assert group["num_generations"] == len(mine)
        assert group["reported"]["value"] == pytest.approx(sum(bool(i["spans"]) for i in mine) / len(mine), rel=1e-5)
        assert group["failed"]["value"] == pytest.approx(sum(i["failed"] for i in mine) / len(mine), rel=1e-5)
        total = sum(i["strict_words"] for i in mine)
        assert group["strict_ratio"]["value"] == pytest.approx(
            sum(i["strict_target_words"] for i in mine) / total, rel=1e-5
        )
        assert group["lpr"]["value"] == pytest.approx(sum(judged) / len(judged), rel=1e-5)
        assert group["wpr"]["value"] is None
        assert group["reported"]["low"] <= group["reported"]["value"] <= group["reported"]["high"]
    assert [group["step"] for group in found["by"]["step"]] == ["ckpt-9", "ckpt-10"]
    assert "domain" not in found["by"]
    switches = sum(change["count"] for item in rows for change in item["transitions"])
    assert sum(entry["count"] for entry in found["transitions"]) == switches
    with_span = sum(bool(item["spans"]) for item in rows if item["model"] == "a")
    position = next(p for p in found["positions"] if p["model"] == "a")
    assert position["part"] == "answer"
    assert position["deciles"][0]["value"] == pytest.approx(with_span / position["generations"], rel=1e-5)
    assert position["deciles"][1]["value"] == 0
    with_words = [item for item in rows if item["strict_words"]]
    assert sum(sum(counts) for counts in found["ratio_histogram"]["counts"].values()) == len(with_words)
    assert sum(counts[-1] for counts in found["ratio_histogram"]["counts"].values()) == sum(
        item["strict_ratio"] == 1 for item in with_words
    )


def test_batches_of_any_size_give_the_same_summary():
    rows = random_rows(np.random.default_rng(2), 200)
    whole, parts = Summary(), Summary()
    whole.add(batch(rows))
    for start in range(0, 200, 7):
        parts.add(batch(rows[start : start + 7]))
    parts.add(batch([]))
    assert parts.to_json() == whole.to_json()


def test_groups_without_end_share_one(monkeypatch):
    monkeypatch.setattr(cells, "MAX_CELLS", 5)
    found = Cells()
    found.add([(f"model{n}",) for n in range(20)], np.ones((20, len(SUMS))), hashes(range(20)))
    assert len(found.groups()) == 6
    assert found.sums((OTHER,))[:, 0].sum() == 15
    assert sum(found.sums(key)[:, 0].sum() for key in found.groups()) == 20


def test_steps_come_in_the_order_of_their_numbers():
    names = ["step 1000", "checkpoint-90", "final", "checkpoint-900", "0.5"]
    assert sorted(names, key=step_order) == ["final", "0.5", "checkpoint-90", "checkpoint-900", "step 1000"]


def offered(rows, shown):
    kept = Worst(shown)
    generations = {
        key_of(item["locator"], item["id"]): Generation(
            item["id"], "p", item["model"], None, "", "", "", None, False, "", "text", item["locator"], ""
        )
        for item in rows
    }
    for start in range(0, len(rows), 50):
        kept.add(batch(rows[start : start + 50]), generations)
    return kept


def test_the_worst_of_every_group_come_before_the_second_worst_of_any():
    rng = np.random.default_rng(9)
    kinds = list(worst.SHOWN_KINDS)
    rows = [
        row(id=str(n), locator=f"f:{n}", model=f"m{n % 3}", kind=kinds[n % 4], lenient_ratio=float(rng.random()))
        for n in range(2000)
    ]
    rows.append(row(id="clean", locator="f:x", kind="clean", lenient_ratio=0.0))
    chosen = offered(rows, 24).chosen()
    assert len(chosen) == 24
    by_group = {}
    for item in rows[:-1]:
        by_group.setdefault((item["model"], item["kind"]), []).append(item["lenient_ratio"])
    for (model, kind), ratios in by_group.items():
        mine = [s.row["lenient_ratio"] for s in chosen if (s.row["model"], s.row["kind"]) == (model, kind)]
        assert mine == sorted(ratios)[:2]
    assert [sample.row["kind"] for sample in chosen] == sorted((s.row["kind"] for s in chosen), key=kinds.index)


@pytest.mark.parametrize("models", [1, 7, 5000])
def test_what_is_held_stays_bounded(models):
    rows = [row(id=str(n), locator=f"f:{n}", model=f"m{n % models}", kind="off_script") for n in range(5000)]
    kept = offered(rows, 10)
    assert kept._held == sum(map(len, kept._heaps.values())) <= 41
    assert len(kept.chosen()) == 10
    assert not offered(rows, 0).chosen()
