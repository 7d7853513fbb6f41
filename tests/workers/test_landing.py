"""Landing is exactly once in effect: losers take their file away, equal content keeps it, and orphans go without a race."""

from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from schemas.files import write_part
from schemas.ids import prompt_id
from schemas.store import open_store, reading
from schemas.tables import Artifact, Prompt, Shard
from workers import landing, queue, runs
from workers.check import check_store, collect_orphans
from workers.landing import Cargo, Outcome, contract_table, land


@pytest.fixture
def engine(store_url: str) -> sa.Engine:
    return open_store(store_url)


def make_claim(engine: sa.Engine, out: Path) -> queue.Claim:
    run_id = runs.open_run(engine, kind="import", name="made", out=out, recipe={})
    stage_id = runs.open_stage(engine, run_id, name="import", kind="import")
    with engine.begin() as connection:
        (shard_id,) = queue.add_shards(connection, stage_id, [{"items": [1]}])
    claim = queue.claim(engine, shard_id)
    assert claim is not None
    return claim


def prompts(*questions: str, language: str | None = "en") -> pa.Table:
    messages = [f'[{{"role":"user","content":"{question}"}}]' for question in questions]
    return contract_table(
        "prompts",
        {
            "id": [prompt_id("made", "math", [{"role": "user", "content": question}], None) for question in questions],
            "task": ["math"] * len(questions),
            "messages": messages,
            "gold": [None] * len(questions),
            "language": [language] * len(questions),
            "domain": [None] * len(questions),
            "source": ["made"] * len(questions),
        },
    )


def files_in(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "prompts").iterdir())


def test_the_second_landing_of_other_content_deletes_its_own_file_alone(engine: sa.Engine, tmp_path: Path) -> None:
    claim = make_claim(engine, tmp_path)
    assert land(engine, claim, Outcome([Cargo("prompts", prompts("one", "two"))])).committed
    before = files_in(tmp_path)
    assert not land(engine, claim, Outcome([Cargo("prompts", prompts("one", "two", language="de"))])).committed
    assert files_in(tmp_path) == before
    with reading(engine) as connection:
        rows = connection.execute(sa.select(Prompt.language, Prompt.row).order_by(Prompt.row)).all()
    assert [tuple(row) for row in rows] == [("en", 0), ("en", 1)]
    assert check_store(engine) == []


def test_the_second_landing_of_equal_content_keeps_the_committed_file(engine: sa.Engine, tmp_path: Path) -> None:
    claim = make_claim(engine, tmp_path)
    outcome = Outcome([Cargo("prompts", prompts("one"))])
    assert land(engine, claim, outcome).committed
    assert not land(engine, claim, outcome).committed
    assert len(files_in(tmp_path)) == 1
    assert check_store(engine) == []


def test_a_key_that_is_there_keeps_its_row_or_takes_the_new_one(engine: sa.Engine, tmp_path: Path) -> None:
    land(engine, make_claim(engine, tmp_path / "a"), Outcome([Cargo("prompts", prompts("one"))]))
    land(engine, make_claim(engine, tmp_path / "b"), Outcome([Cargo("prompts", prompts("one", language="de"))]))
    with reading(engine) as connection:
        assert connection.execute(sa.select(Prompt.language)).scalars().all() == ["en"]
    replacing = Outcome([Cargo("prompts", prompts("one", language="fr"))], replace=True)
    land(engine, make_claim(engine, tmp_path / "c"), replacing)
    with reading(engine) as connection:
        assert connection.execute(sa.select(Prompt.language)).scalars().all() == ["fr"]
    assert check_store(engine) == []


def test_follow_ups_land_with_their_shard_and_wait(engine: sa.Engine, tmp_path: Path) -> None:
    claim = make_claim(engine, tmp_path)
    landed = land(engine, claim, Outcome(follow_ups=[landing.FollowUp({"items": [2]}, wait_seconds=60.0, error="no")]))
    (added,) = landed.added
    assert queue.claim(engine, added) is None, "it waits"
    with reading(engine) as connection:
        row = connection.execute(sa.select(Shard.number, Shard.error).where(Shard.id == added)).one()
    assert tuple(row) == (1, "no")


def test_a_file_collected_before_its_commit_fails_the_landing(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = make_claim(engine, tmp_path)
    outcome = Outcome([Cargo("prompts", prompts("one"))])

    def collect(name: str) -> None:
        if name == "landing.after_files":
            assert [finding.kind for finding in collect_orphans(engine)] == ["orphan_file"]

    monkeypatch.setattr(landing, "failpoint", collect)
    with pytest.raises(landing.LostFileError):
        land(engine, claim, outcome)
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Artifact)).scalar_one() == 0
    monkeypatch.undo()
    assert land(engine, claim, outcome).committed
    assert check_store(engine) == []


def test_orphans_are_found_and_deleted_and_nothing_else(engine: sa.Engine, tmp_path: Path) -> None:
    land(engine, make_claim(engine, tmp_path), Outcome([Cargo("prompts", prompts("one"))]))
    part = write_part(tmp_path / "prompts", "dead-00000", prompts("two"))
    (tmp_path / "prompts" / "notes.txt").write_text("mine")
    (tmp_path / "prompts" / ".tmp-fresh").write_text("under a writer's hands")
    assert [finding.subject for finding in check_store(engine)] == [str(tmp_path / "prompts" / part.name)]
    assert [finding.repaired for finding in check_store(engine, repair=True)] == [True]
    assert check_store(engine) == []
    assert {"notes.txt", ".tmp-fresh"} < set(files_in(tmp_path))


def test_five_thousand_rows_and_more_land_in_bulk(engine: sa.Engine, tmp_path: Path) -> None:
    table = prompts(*(f"question {number}" for number in range(12_345)))
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert land(engine, make_claim(engine, tmp_path), Outcome([Cargo("prompts", table)])).committed
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Prompt)).scalar_one() == 12_345
    assert sum("INTO prompts" in statement for statement in statements) <= 3
    assert check_store(engine) == []
