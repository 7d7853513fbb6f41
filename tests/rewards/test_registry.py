import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import get_verifier, registry
from rewards.verdict import STATUSES, UNSCORED, Verdict
from schemas.errors import UserError


def always_right(_completion, _gold):
    return Verdict(1.0, "correct")


@pytest.fixture
def _scratch(monkeypatch):
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))


def test_the_built_in_verifiers_are_listed_and_load():
    assert {"format", "math", "mixing"} <= set(registry.available())
    for name in ("format", "math", "mixing"):
        assert get_verifier(name).name == name


@pytest.mark.usefixtures("_scratch")
def test_a_duplicate_name_names_both_modules():
    def factory():
        return always_right

    registry.verifier("twice", version=1)(factory)

    def other():
        return always_right

    other.__module__ = "elsewhere"
    with pytest.raises(ValueError, match=rf"elsewhere.*{__name__}"):
        registry.verifier("twice", version=1)(other)


@pytest.mark.usefixtures("_scratch")
def test_positional_parameters_are_refused():
    with pytest.raises(ValueError, match="keyword-only"):
        registry.verifier("positional", version=1)(lambda a=1: a)


@pytest.mark.usefixtures("_scratch")
def test_defaults_and_given_settings_hash_alike_and_resources_do_not_count():
    @registry.verifier("knobs", version=3, resources=("pool",))
    def knobs(*, a: int = 1, b: str = "x", pool: object = None):
        return lambda _completion, _gold: Verdict(1.0, "correct", {"knobs": [a, b], "pool": pool is not None})

    plain, given_, other = (
        get_verifier("knobs"),
        get_verifier("knobs", b="x", a=1, pool=object()),
        get_verifier("knobs", a=2),
    )
    assert plain.settings == given_.settings == {"a": 1, "b": "x"}
    assert plain.settings_hash == given_.settings_hash != other.settings_hash
    assert (plain.version, given_("x").detail["pool"]) == (3, True)


def test_unknown_names_and_settings_are_refused_with_what_there_is():
    with pytest.raises(UserError, match="math"):
        get_verifier("maths")
    with pytest.raises(UserError, match="threshold"):
        get_verifier("mixing", treshold=1)


@pytest.mark.usefixtures("_scratch")
def test_a_verifier_that_raises_is_our_failure_for_that_row_only():
    class Fragile:
        def __call__(self, completion, _gold):
            if completion == "poison":
                raise KeyError("broken")
            return Verdict(1.0, "correct")

        def verify_batch(self, completions, golds):
            return [self(c, g) for c, g in zip(completions, golds, strict=True)]

    @registry.verifier("fragile", version=1)
    def fragile():
        return Fragile()

    verdicts = get_verifier("fragile").verify_batch(["a", "poison", "b"], [None] * 3)
    assert [v.status for v in verdicts] == ["correct", "error", "correct"]
    assert verdicts[1].score is None
    assert "KeyError" in verdicts[1].detail["error"]


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="2 completions for 1 golds"):
        get_verifier("format").verify_batch(["a", "b"], [None])


@given(st.sampled_from(STATUSES), st.none() | st.floats())
def test_a_verdict_is_unscored_exactly_when_the_failure_is_ours(status, score):
    allowed = (score is None) == (status in UNSCORED) and (score is None or abs(score) < float("inf"))
    if allowed:
        assert Verdict(score, status).score == score
    else:
        with pytest.raises(ValueError, match=r"status|finite"):
            Verdict(score, status)


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="unknown status"):
        Verdict(1.0, "great")


def test_importing_loads_nothing_heavy():
    script = (
        "import sys, rewards, rewards.math, rewards.math.verifier, rewards.format, rewards.rubric\n"
        "heavy = {'sympy', 'math_verify', 'latex2sympy2_extended', 'mpmath', 'numba', 'pyarrow', 'multiprocessing', 'celery'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("format", {"prefilled": "false"}),
        ("format", {"special_token": 5}),
        ("exact", {"ignore_case": 1}),
        ("repetition", {"ngram": 20.5}),
        ("code", {"packages": [None]}),
        ("length", {"tokenizer": None}),
        ("reward_model", {"model": "m", "threshold": math.nan}),
        ("judge", {"model": "m", "extra": {"top_k": math.nan}}),
    ],
)
def test_a_setting_of_another_type_is_refused_in_one_line(name, settings):
    with pytest.raises(UserError, match=f"^verifier '{name}': .+$"):
        get_verifier(name, **settings)
