"""Histograms of signals: exact, the same however the rows are cut, and drawn with the threshold where it cuts."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.job.histograms import EDGES, add_histograms, merged
from curation.job.tally import Tally
from service.report.charts import Series, histogram
from service.report.signals import signal_facts

VALUES = st.lists(st.floats(0, 1e9) | st.integers(0, 1000).map(float) | st.just(float("nan")), max_size=60)


def batch(values, source="s"):
    return pa.record_batch({"source": [source] * len(values), "signal": pa.array(values, pa.float64())})


def histogram_of(*batches):
    tally = Tally()
    for item in batches:
        add_histograms(tally, "step", item, ["signal", "absent"])
    return tally.tree.get("histograms", {}).get("step", {})


@given(VALUES, st.integers(0, 60))
def test_any_cut_gives_the_same_counts(values, cut):
    whole = histogram_of(batch(values))
    assert histogram_of(batch(values[:cut]), batch(values[cut:])) == whole
    counts = merged(whole, "signal")
    assert counts.sum() == sum(not np.isnan(value) for value in values)


@given(st.floats(0, 1e9))
def test_a_value_is_in_its_class(value):
    (number,) = np.flatnonzero(merged(histogram_of(batch([value])), "signal"))
    assert EDGES[number] <= value < EDGES[number + 1]


def facts(values, operator, threshold, failing=0):
    rule = ("step", "reason", "signal", operator, threshold, failing)
    return signal_facts({"step": histogram_of(batch(values), batch(values, "t"))}, [rule])


@pytest.mark.parametrize(
    ("values", "operator", "threshold"),
    [
        ([0.1, 0.2, 0.9, 0.95], "<", 0.5),
        ([10, 20, 60, 100, 1000], "<", 50),
        ([10, 20, 60, 1e6], ">", 100_000),
        ([0.0, 0.0, 3.0], "<", 2),
        ([5.0], ">", 10),
    ],
)
def test_panels_part_the_documents_where_the_rule_does(values, operator, threshold):
    (fact,) = facts(values, operator, threshold)
    fails = [value < threshold if operator == "<" else value > threshold for value in values]
    assert sum(fact.failing) == 2 * sum(fails)
    assert sum(fact.passing) == 2 * (len(values) - sum(fails))
    assert list(fact.edges) == sorted(fact.edges)
    assert len(fact.edges) == len(fact.passing) + 1
    assert fact.edges[0] <= threshold <= fact.edges[-1] or fact.log
    drawn = histogram(
        fact.edges,
        [Series("passing", "pass", fact.passing), Series("failing", "fail", fact.failing)],
        title="t",
        x_label="x",
        log=fact.log,
        threshold=fact.threshold,
        stacked=True,
    )
    assert 'class="threshold"' in drawn


def test_rules_that_nothing_was_measured_for_have_no_panel():
    assert facts([], "<", 1) == []
    assert facts([1.0], "not in", 1) == []


def test_what_most_documents_fail_comes_first():
    histograms = {"step": histogram_of(batch([1.0, 2.0]))}
    rules = [("step", "a", "signal", "<", 1.5, 1), ("step", "b", "signal", "<", 5, 2)]
    assert [fact.reason for fact in signal_facts(histograms, rules)] == ["b", "a"]
