import itertools

import pytest
from hypothesis import given
from text_strategies import columns, large_strings, texts

from columnar.codepoints import SCRIPTS, script_numbers
from columnar.scripts import ScriptRun, script_counts, script_runs


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("", []),
        ("12, 3!", [(0, 6, "Zyyy")]),
        ("sinh成的", [(0, 4, "Latn"), (4, 6, "Hani")]),
        ("(42) abc, где?", [(0, 10, "Latn"), (10, 14, "Cyrl")]),
        ("これは日本", [(0, 3, "Hira"), (3, 5, "Hani")]),
        ("カナ한글", [(0, 2, "Kana"), (2, 4, "Hang")]),
        ("e\u0301é", [(0, 3, "Latn")]),
        ("\u0301", [(0, 1, "Zyyy")]),
    ],
)
def test_known_runs(text, runs):
    assert script_runs(text) == [ScriptRun(*run) for run in runs]


@given(texts)
def test_runs_cover_the_text_and_differ_from_their_neighbours(text):
    runs = script_runs(text)
    assert "".join(text[run.start : run.end] for run in runs) == text
    assert all(a.end == b.start and a.script != b.script for a, b in itertools.pairwise(runs))
    for run in runs:
        own = {SCRIPTS[script_numbers()[ord(c)]] for c in text[run.start : run.end]} - {"Zyyy", "Zinh"}
        assert own <= {run.script}


@given(columns)
def test_counts_are_those_of_the_letters(values):
    counts = script_counts(large_strings(values))
    for row, value in zip(counts.tolist(), values, strict=True):
        expected = [0] * len(SCRIPTS)
        for character in filter(str.isalpha, value):
            expected[script_numbers()[ord(character)]] += 1
        assert row == expected
