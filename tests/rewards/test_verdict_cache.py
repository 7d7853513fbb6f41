"""What the cache may change of a verdict (its time) and what it may not (anything else), for every verifier that uses one."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_executor import ScriptedExecutor
from scripted_judge import ScriptedJudge, ScriptedModel, shown, verdict

from rewards import get_verifier, registry
from rewards.cache import MAX_DETAIL_BYTES, CacheKey, MemoryCache, hash_gold, hash_text, write_detail
from rewards.code.jobs import RunResult
from rewards.registry import KeyedCheck, Verifier
from rewards.verdict import Verdict


class Watched(MemoryCache):
    """A cache that says how it was used."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[CacheKey] = []
        self.kept: list[CacheKey] = []

    def get_many(self, keys: Sequence[CacheKey], /) -> Mapping[CacheKey, Verdict]:
        found = super().get_many(keys)
        self.found += found
        return found

    def put_many(self, verdicts: Mapping[CacheKey, Verdict], /, *, replace: bool = False) -> None:
        self.kept += verdicts
        super().put_many(verdicts, replace=replace)


class Counting:
    """A check that counts its work and fails where a completion says so."""

    def __init__(self) -> None:
        self.judged: list[str] = []
        self.mended = False

    def __call__(self, completion: str, gold: Any, /) -> Verdict:
        self.judged.append(completion)
        if "fail" in completion and not self.mended:
            raise RuntimeError("no answer")
        right = completion.strip() == gold
        return Verdict(float(right), "correct" if right else "incorrect", {"answer": completion.strip()})

    def answer_keys(self, completions: Sequence[str], /) -> list[str | None]:
        return [completion.strip() or None for completion in completions]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> tuple[Counting, Verifier]:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    check = Counting()

    @registry.verifier("counting", version=1, gold_key="answer", cached=True)
    def counting(*, level: int = 1) -> Counting:  # noqa: ARG001 - a setting to tell keys apart
        return check

    return check, get_verifier("counting")


def rows(verdicts: Sequence[Verdict]) -> list[tuple[Any, ...]]:
    return [(one.score, one.status, json.dumps(dict(one.detail), sort_keys=True)) for one in verdicts]


def test_equal_answers_are_judged_once_and_never_again(counting: tuple[Counting, Verifier]) -> None:
    check, plain = counting
    texts, golds = ["4", " 4", "5", "4 "], ["4", "4", "4", "5"]
    expected = rows(plain.verify_batch(texts, golds))
    check.judged.clear()
    cache = Watched()
    verifier = plain.cached(cache)
    assert rows(verifier.verify_batch(texts, golds)) == expected
    assert check.judged == ["4", "5", "4 "], "the second is the first; the last has another gold"
    assert rows(verifier.verify_batch(texts, golds)) == expected
    assert rows([verifier("4", "4")]) == expected[:1]
    assert len(check.judged) == 3
    assert len(cache.found) == 4


def test_what_failed_is_not_kept_and_what_has_no_key_is_judged_each_time(counting: tuple[Counting, Verifier]) -> None:
    check, plain = counting
    verifier = plain.cached(MemoryCache())
    assert [one.status for one in verifier.verify_batch(["fail", " "], ["fail", "4"])] == ["error", "incorrect"]
    check.mended = True
    assert [one.status for one in verifier.verify_batch(["fail", " "], ["fail", "4"])] == ["correct", "incorrect"]
    assert check.judged == ["fail", " ", "fail", " "]


def test_a_refresh_looks_nothing_up_and_replaces(counting: tuple[Counting, Verifier]) -> None:
    check, plain = counting
    cache = MemoryCache()
    (key,) = plain.cached(cache)._keys(["4"], ["4"])
    assert key is not None
    cache.put_many({key: Verdict(0.0, "time_limit")})
    assert plain.cached(cache)("4", "4").status == "time_limit"
    assert plain.cached(cache, refresh=True)("4", "4").status == "correct"
    assert plain.cached(cache)("4", "4").status == "correct"
    assert check.judged == ["4"]


def test_settings_versions_and_golds_are_part_of_the_key(
    counting: tuple[Counting, Verifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plain = counting
    keys = {get_verifier("counting", level=2)._keys(["4"], ["4"])[0]}
    keys |= {plain._keys(["4"], [gold])[0] for gold in ("4", 4, 4.0, ["4"], {"a": "4"}, True, 1, None)}
    monkeypatch.setitem(registry._ENTRIES, "counting", registry._Entry(Counting, 2, "answer", frozenset(), cached=True))
    keys.add(get_verifier("counting")._keys(["4"], ["4"])[0])
    assert len(keys) == 10


@pytest.mark.parametrize("gold", [float("nan"), {1, 2}, b"4", [[object()]], 10**5000], ids=type)
def test_a_gold_that_is_no_json_has_no_key(counting: tuple[Counting, Verifier], gold: Any) -> None:
    assert counting[1]._keys(["4"], [gold]) == [None]
    nested: Any = "4"
    for _ in range(100_000):
        nested = [nested]
    assert hash_gold(nested) is None


def test_keys_that_fail_are_no_keys(counting: tuple[Counting, Verifier], monkeypatch: pytest.MonkeyPatch) -> None:
    check, plain = counting
    monkeypatch.setattr(check, "answer_keys", lambda _texts: [1 / 0], raising=False)
    assert [one.status for one in plain.cached(MemoryCache()).verify_batch(["4", "5"], ["4", "4"])] == [
        "correct",
        "incorrect",
    ]


def test_a_cheap_verifier_takes_no_cache() -> None:
    cache = MemoryCache()
    assert get_verifier("exact").cached(cache).cache is None
    assert get_verifier("instructions").cached(cache).cache is cache


class TestMemory:
    """Bounds, threads and what comes back."""

    def key(self, number: int) -> CacheKey:
        return CacheKey("math", 1, "0" * 16, "gold", hash_text(str(number)))

    def test_the_verdicts_asked_for_longest_ago_go_first(self) -> None:
        cache = MemoryCache(max_entries=3)
        for number in range(3):
            cache.put_many({self.key(number): Verdict(1.0, "correct")})
        cache.get_many([self.key(0)])
        cache.put_many({self.key(3): Verdict(1.0, "correct")})
        assert sorted(cache.get_many([self.key(n) for n in range(4)])) == sorted(self.key(n) for n in (0, 2, 3))

    def test_details_are_bounded_one_by_one_and_together(self) -> None:
        cache = MemoryCache(max_bytes=10_000)
        cache.put_many({self.key(0): Verdict(1.0, "correct", {"answer": "x" * MAX_DETAIL_BYTES})})
        assert len(cache) == 0
        for number in range(100):
            cache.put_many({self.key(number): Verdict(1.0, "correct", {"answer": "x" * 1000})})
        assert len(cache) == 9
        with pytest.raises(ValueError, match="keeps nothing"):
            MemoryCache(max_entries=0)

    def test_what_is_there_stays_unless_it_is_replaced(self) -> None:
        cache = MemoryCache()
        cache.put_many({self.key(0): Verdict(1.0, "correct", {"a": 1})})
        cache.put_many({self.key(0): Verdict(0.0, "incorrect")})
        assert cache.get_many([self.key(0)])[self.key(0)] == Verdict(1.0, "correct", {"a": 1})
        cache.put_many({self.key(0): Verdict(0.0, "incorrect")}, replace=True)
        assert cache.get_many([self.key(0)])[self.key(0)] == Verdict(0.0, "incorrect")
        cache.put_many({self.key(0): Verdict(0.0, "incorrect", {"x": float("nan")})}, replace=True)
        assert len(cache) == 0, "what cannot be kept does not leave the old verdict in its place"

    def test_threads(self) -> None:
        cache = MemoryCache(max_entries=50)
        wrong: list[int] = []

        def work(seed: int) -> None:
            for step in range(400):
                number = (seed * 31 + step * 7) % 100
                cache.put_many({self.key(number): Verdict(number / 100, "partial")})
                found = cache.get_many([self.key(number)])
                wrong.extend(number for one in found.values() if one.score != number / 100)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(cache) <= 50


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(detail=st.dictionaries(st.text(), _JSON, max_size=4))
def test_a_detail_comes_back_as_it_was(detail: dict[str, Any]) -> None:
    cache, key = MemoryCache(), CacheKey("math", 1, "", "", "")
    cache.put_many({key: Verdict(0.5, "partial", detail)})
    found = cache.get_many([key])
    if write_detail(Verdict(0.5, "partial", detail)) is None:
        assert not found
    else:
        assert dict(found[key].detail) == detail


@given(left=_JSON, right=_JSON)
def test_other_golds_have_other_hashes(left: Any, right: Any) -> None:
    same = json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    assert (hash_gold(left) == hash_gold(right)) == same


# What models write, cut into pieces: hypothesis puts them together so that parts of two completions are often equal.
_PIECES = (
    "<think>", "</think>", "so ", "\\boxed{4}", "\\boxed{5}", "\\boxed{}", "<answer>", "</answer>", "4", " 4.0", "#### 4",
    "The answer is 4.", "The answer is $\\frac12$", "\n", "  ", ", ", "A", "", "```python\n", "```", "def f(x):\n    return x\n", "return 5\n",
    "答案是 4", '{"answer": 4}', "x = 2",
)  # fmt: skip
_COMPLETIONS = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)
_QUESTION = [{"role": "user", "content": "2 + 2?"}]
_GOLDS: Mapping[str, Sequence[Any]] = {
    "code": [
        {"language": "python", "entry_point": "f", "prompt": "def f(x):\n", "tests": [{"assert": "assert f(1) == 1"}]},
        {"language": "javascript", "tests": [{"stdin": "", "stdout": ""}]},
        {"language": "python"},
    ],
    "judge": [{"messages": _QUESTION, "answer": answer} for answer in ("4", "5", "")],
    "reward_model": [{"messages": _QUESTION}, {"messages": "2 + 3?"}, None],
    "math": ["4", "5", r"\frac{1}{2}", ["4", "5"], "A", ""],
    "instructions": [
        {"instruction_id_list": ["punctuation:no_comma", "keywords:existence"], "kwargs": [{}, {"keywords": ["answer"]}]},
        {"instruction_id_list": ["no:such"], "kwargs": [{}]},
    ],
}  # fmt: skip


def _by_rule(request: Any) -> Any:
    return verdict("correct" if str(shown(request, "REFERENCE")) in str(shown(request)) else "incorrect")


def made(name: str) -> Verifier:
    if name == "code":  # what it runs decides, as a real program would
        by_source = ScriptedExecutor(
            lambda job: [RunResult("ok" if len(job.source) % 2 else "crash", error=job.source[:50])]
        )
        return get_verifier(name, executor=by_source)
    served = {"judge": ScriptedJudge(_by_rule), "reward_model": ScriptedModel()}
    return get_verifier(name, model="rule", endpoint=served[name]) if name in served else get_verifier(name)


def cached_verifiers() -> list[str]:
    return [name for name in registry.available() if registry._entry(name).cached]


def test_every_verifier_with_a_cache_is_tested_here() -> None:
    assert set(cached_verifiers()) <= set(_GOLDS)


@pytest.mark.parametrize("name", cached_verifiers())
def test_equal_keys_mean_equal_verdicts(name: str) -> None:
    verifier = made(name)

    @given(pairs=st.lists(st.tuples(_COMPLETIONS, st.sampled_from(_GOLDS[name])), min_size=2, max_size=12))
    def check(pairs: list[tuple[str, Any]]) -> None:
        texts, golds = [text for text, _ in pairs], [gold for _, gold in pairs]
        first: dict[CacheKey, tuple[Any, ...]] = {}
        for key, row in zip(verifier._keys(texts, golds), rows(verifier.verify_batch(texts, golds)), strict=True):
            if key is not None:
                assert first.setdefault(key, row) == row
        cached = verifier.cached(Watched())
        for _ in range(2):
            assert rows(cached.verify_batch(texts, golds)) == rows(verifier.verify_batch(texts, golds))

    check()


@pytest.mark.parametrize("name", cached_verifiers())
def test_a_verifier_with_a_cache_reads_no_more_than_its_keys_say(name: str) -> None:
    """Thinking is read by none of them: completions that differ there alone share a verdict."""
    verifier = made(name)
    if not isinstance(verifier.check, KeyedCheck):
        pytest.skip("it reads the whole completion")
    gold = _GOLDS[name][0]
    one, other = verifier._keys(["<think>a</think>\\boxed{4}", "<think>b, c</think>\\boxed{4}"], [gold, gold])
    assert one == other


class _Made(Sequence[str]):
    """Golds that are made at each look, as arrays make them."""

    def __len__(self) -> int:
        return 50

    def __getitem__(self, place: Any) -> Any:
        if place >= 50:
            raise IndexError
        return str(100 + place)


def test_golds_that_are_made_at_each_look_are_told_apart() -> None:
    found = get_verifier("math").cached(MemoryCache()).verify_batch(["\\boxed{107}"] * 50, _Made())
    assert [place for place, verdict in enumerate(found) if verdict.score] == [7]
