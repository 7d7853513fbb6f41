"""The cache of verdicts in the store, on both databases: what comes back, what is shared, what is dropped, and that nothing else changes."""

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from material import source, write_generations

from rewards import registry
from rewards.cache import MAX_DETAIL_BYTES, CacheKey, hash_text
from rewards.verdict import Verdict
from schemas.arrow import VOLATILE_COLUMNS
from schemas.ids import canonical_json
from schemas.store import open_store, reading
from schemas.tables import Base, CachedVerdict, Generation
from service.commands.serve import store_clean
from workers import scoring
from workers.imports import ImportSource, import_rows
from workers.queue import Claim
from workers.verdict_cache import StoreCache, drop_old_verdicts
from workers.verdict_plan import VerdictKey


@pytest.fixture
def engine(store_url: str) -> sa.Engine:
    return open_store(store_url)


def key(answer: object, *, name: str = "math", version: int = 1) -> CacheKey:
    return CacheKey(name, version, "0" * 16, hash_text("gold"), hash_text(str(answer)))


def count(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(CachedVerdict)).scalar_one()


def test_verdicts_come_back_as_they_were(engine: sa.Engine) -> None:
    cache = StoreCache(engine)
    verdicts = {
        key(1): Verdict(1.0, "correct", {"answer": "½ \x00 😀 \\u0000", "spans": [[1, 2.5], None, True]}, 3.5),
        key(2): Verdict(1 / 3, "partial"),
        key(3): Verdict(0.0, "time_limit", {"reason": "x" * (MAX_DETAIL_BYTES - 20)}),
        key(4): Verdict(None, "error", {"reason": "ours"}),
        key(5): Verdict(0.0, "incorrect", {"answer": "x" * MAX_DETAIL_BYTES}),
        key(6): Verdict(0.0, "incorrect", {"answer": "\ud800"}),
        key(7): Verdict(0.0, "incorrect", {"answer": float("nan")}),
    }
    cache.put_many(verdicts)
    found = StoreCache(engine).get_many([*verdicts, key(8)])
    assert found == {key(number): verdicts[key(number)].timed(0.0) for number in (1, 2, 3)}
    assert cache.get_many([]) == {}
    cache.put_many({})


def test_each_part_of_the_key_counts(engine: sa.Engine) -> None:
    parts: list[dict[str, Any]] = [
        {}, {"verifier": "code"}, {"version": 2}, {"settings_hash": "1"}, {"gold_hash": "1"}, {"answer_hash": "1"},
        {"gold_hash": "", "answer_hash": hash_text("gold") + hash_text("1")},
    ]  # fmt: skip
    keys = [key(1)._replace(**part) for part in parts]
    cache = StoreCache(engine)
    cache.put_many({one: Verdict(place / 10, "partial") for place, one in enumerate(keys)})
    assert [cache.get_many([one])[one].score for one in keys] == [place / 10 for place in range(len(keys))]


def test_what_is_there_stays_unless_it_is_replaced(engine: sa.Engine) -> None:
    cache = StoreCache(engine)
    cache.put_many({key(1): Verdict(0.0, "time_limit"), key(2): Verdict(1.0, "correct")})
    cache.put_many({key(1): Verdict(1.0, "correct")})
    assert cache.get_many([key(1)])[key(1)].status == "time_limit"
    cache.put_many({key(1): Verdict(1.0, "correct"), key(2): Verdict(1.0, "correct", {"x": "\ud800"})}, replace=True)
    assert cache.get_many([key(1), key(2)]) == {key(1): Verdict(1.0, "correct")}


def test_many_keys_and_several_writers_of_the_same(engine: sa.Engine) -> None:
    numbers = range(11_000)
    verdicts = {key(number): Verdict(number % 7 / 7, "partial", {"n": number}) for number in numbers}
    turned = dict(reversed(verdicts.items()))
    threads = [threading.Thread(target=StoreCache(engine).put_many, args=(one,)) for one in (verdicts, turned)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert StoreCache(engine).get_many(list(turned)) == verdicts
    assert count(engine) == len(numbers)


@pytest.mark.parametrize("damage", [{"detail": "null"}, {"detail": "[1]"}, {"detail": '{"a"'}, {"detail": "[" * 9_999}])
def test_a_damaged_row_is_not_there(engine: sa.Engine, damage: dict[str, str]) -> None:
    cache = StoreCache(engine)
    cache.put_many({key(1): Verdict(1.0, "correct")})
    with engine.begin() as connection:
        connection.execute(sa.update(CachedVerdict).values(**damage))
    assert cache.get_many([key(1)]) == {}


def test_a_store_that_fails_is_a_cache_that_knows_nothing(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    cache = StoreCache(engine)
    cache.put_many({key(1): Verdict(1.0, "correct")})
    with engine.begin() as connection:
        connection.execute(sa.update(CachedVerdict).values(status="brilliant"))
    cache.put_many({key(2): Verdict(0.0, "incorrect")})
    assert cache.get_many([key(1), key(2)]) == {key(2): Verdict(0.0, "incorrect")}
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE verdict_cache"))
    assert cache.get_many([key(1)]) == {}
    cache.put_many({key(1): Verdict(1.0, "correct")})
    assert [record.message.split(" ")[0] for record in caplog.records] == [
        "verdict_cache_not_read", "verdict_cache_not_read", "verdict_cache_not_written",
    ]  # fmt: skip


def test_clean_drops_what_older_versions_have_judged(
    engine: sa.Engine, store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    current = registry.registered_version("math")
    assert current is not None
    StoreCache(engine).put_many(
        {
            key(number, name=name, version=version): Verdict(1.0, "correct")
            for number in range(3)
            for name, version in (("math", current - 1), ("math", current), ("math", current + 1), ("elsewhere", 1))
        }
    )
    assert drop_old_verdicts(engine, dry_run=True) == {"math": 3}
    assert count(engine) == 12
    assert store_clean(tmp_path, store_url, dry_run=False, as_json=True) == 0
    assert '"cached_verdicts": {"math": 3}' in capsys.readouterr().out
    assert count(engine) == 9
    assert drop_old_verdicts(engine) == {}


class TestScoring:
    """A shard's rows are the same whether its answers were known or not."""

    @pytest.fixture
    def claim(self, engine: sa.Engine, tmp_path: Path) -> Claim:
        made = write_generations(tmp_path / "made.jsonl.gz", prompts=12, samples=8)
        import_rows(engine, tmp_path, [source(made)])
        with reading(engine) as connection:
            ids = list(connection.execute(sa.select(Generation.id).order_by(Generation.id)).scalars())
        names = ("math", "format")
        keys = [VerdictKey.of(registry.get_verifier(name)).to_json() for name in names]
        recipe = {"verifiers": [{"name": name, "settings": {}} for name in names]}
        payload = {"items": ids, "verifiers": keys, "replace": False}
        return Claim(1, 1, 0, "verify", "run", str(tmp_path), recipe, payload, 1, "w")

    def rows(self, engine: sa.Engine, claim: Claim) -> pa.Table:
        (cargo,) = scoring.perform(engine, claim).cargo
        assert "elapsed_ms" in cargo.table.column_names
        return cargo.table.drop_columns(list(VOLATILE_COLUMNS & set(cargo.table.column_names)))

    @pytest.fixture
    def cached_math(self, monkeypatch: pytest.MonkeyPatch) -> None:
        registry.get_verifier("math")
        entry = registry._ENTRIES["math"]
        monkeypatch.setitem(
            registry._ENTRIES,
            "math",
            registry._Entry(entry.factory, entry.version, entry.gold_key, entry.resources, cached=True),
        )
        scoring._VERIFIERS.close()

    @pytest.mark.usefixtures("cached_math")
    def test_the_rows_are_the_same_with_and_without(self, engine: sa.Engine, claim: Claim) -> None:
        cold = self.rows(engine, claim)
        known = count(engine)
        assert known > 0
        warm = self.rows(engine, claim)
        assert count(engine) == known
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE verdict_cache"))
        without = self.rows(engine, claim)
        assert cold.equals(warm)
        assert cold.equals(without)

    @pytest.mark.usefixtures("cached_math")
    def test_what_is_scored_again_is_not_answered_from_the_cache(self, engine: sa.Engine, claim: Claim) -> None:
        right = self.rows(engine, claim)
        with engine.begin() as connection:
            connection.execute(sa.update(CachedVerdict).values(score=0.0, status="time_limit", detail="{}"))
        assert "time_limit" in self.rows(engine, claim).column("status").to_pylist(), "the cache is used"
        again = Claim(**{**vars(claim), "payload": {**claim.payload, "replace": True}})
        assert self.rows(engine, again).equals(right)
        assert self.rows(engine, claim).equals(right), "and what was wrong in it is replaced"


def test_nothing_in_the_cache_says_whose_answer_it_was() -> None:
    assert not CachedVerdict.__table__.foreign_keys
    assert set(Base.metadata.tables["verdict_cache"].columns.keys()) == {
        "key", "verifier", "version", "score", "status", "detail",
    }  # fmt: skip


def test_a_gold_is_read_once_a_prompt(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    path.write_text(
        "".join(canonical_json({"prompt": "2+2?", "completion": text, "answer": ["4"]}) + "\n" for text in "45")
    )
    import_rows(engine, tmp_path, [ImportSource(path, "made")])
    with reading(engine) as connection:
        ids = list(connection.execute(sa.select(Generation.id)).scalars())
    first, second = scoring.load_subjects(engine, tmp_path, ids, with_messages=False)
    assert first.gold == {"answer": "4"}
    assert first.gold is second.gold
