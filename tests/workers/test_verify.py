"""The whole of a verification with real workers: what is planned, scored, quarantined, scored again, checked and repaired."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from material import count_generations, recipe, source, verdicts, write_generations
from verify_kit import Place, answers, breaking

from rewards.subject import Subject
from schemas.errors import ResumableError, UserError
from schemas.recipe import VerifyRecipe
from schemas.store import open_store, reading
from schemas.tables import Artifact, Generation, Prompt, Shard, VerdictRow
from workers import scoring
from workers.check import check_store
from workers.imports import ImportSource, import_rows
from workers.verdict_plan import Scope, VerdictKey, preview
from workers.verify import preview_verify, verify


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> VerifyRecipe:
    """A rubric whose verifier can kill its process, here and in the workers that are started."""
    return breaking(monkeypatch, "poison")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_samples_that_come_later_are_scored_alone(place: Place, tmp_path: Path) -> None:
    rubric = recipe(["format"])
    path = tmp_path / "made.jsonl.gz"
    first = place.verify(rubric, source(write_generations(path, prompts=6, samples=4)))
    assert (first.planned, first.shards, first.exit_code) == (24, 2, 0)
    files = {row.path for row in place.rows(sa.select(Artifact.path).where(Artifact.kind == "verdicts"))}
    again = place.verify(rubric, source(path))
    assert (again.planned, again.shards, again.statuses) == (0, 2, first.statuses)
    second = place.verify(rubric, source(write_generations(path, prompts=6, samples=16)))
    assert second.run_id == first.run_id
    assert second.planned == 72
    assert sum(second.statuses["format"].values()) == 96
    assert files < {row.path for row in place.rows(sa.select(Artifact.path).where(Artifact.kind == "verdicts"))}
    assert check_store(place.engine) == []


def test_a_prompts_group_is_never_split_and_shards_are_about_as_large_as_asked(place: Place, tmp_path: Path) -> None:
    import_rows(place.engine, place.out, [source(write_generations(tmp_path / "g.jsonl.gz", prompts=10, samples=5))])
    key = VerdictKey("format", 1, "0" * 16)
    plan = preview(place.engine, [key], Scope(), 12)
    owners = dict(map(tuple, place.rows(sa.select(Generation.id, Generation.prompt_id))))
    groups = [{owners[item] for item in payload["items"]} for payload in plan.payloads]
    assert sum(len(group) for group in groups) == 10
    assert [len(payload["items"]) for payload in plan.payloads] == [10] * 5
    assert [len(payload["items"]) for payload in preview(place.engine, [key], Scope(), 3).payloads] == [5] * 10
    assert preview(place.engine, [key], Scope(limit=7), 12).items == 7
    assert preview(place.engine, [key], Scope(frozenset({"other"})), 12).items == 0
    assert preview_verify(place.url, recipe(["format"])) == {"generations": 50, "shards": 4}


def test_only_the_verdict_that_is_missing_is_made(place: Place, tmp_path: Path) -> None:
    path = source(write_generations(tmp_path / "made.jsonl.gz", prompts=4, samples=4))
    place.verify(recipe(["format"]), path)
    place.verify(recipe(["format", "mixing"]), path)
    payloads = [row.payload for row in place.rows(sa.select(Shard.payload).order_by(Shard.id))]
    made = [[key[0] for key in payload["verifiers"]] for payload in payloads if "verifiers" in payload]
    assert made == [["format"], ["mixing"]]


def test_two_sources_are_two_scopes(place: Place, tmp_path: Path) -> None:
    rubric = recipe(["format"])
    place.verify(rubric, answers(tmp_path / "one.jsonl", "4"))
    result = place.verify(rubric, answers(tmp_path / "two.jsonl", "4", "5"))
    assert sum(result.statuses["format"].values()) == 2
    everything = place.verify(rubric)
    assert (everything.planned, sum(everything.statuses["format"].values())) == (0, 3)


@pytest.mark.slow
def test_a_poison_sample_is_quarantined_alone(
    place: Place, poison: VerifyRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = answers(tmp_path / "made.jsonl", *"444", "POISON", *"45656565656")
    result = place.verify(poison, made)
    assert result.statuses["poison"] == {"correct": 4, "error": 1, "incorrect": 10}
    assert result.mean_scores["poison"] == pytest.approx(4 / 14)
    assert result.exit_code == 3
    (quarantined,) = result.quarantined
    (lost,) = place.rows(sa.select(VerdictRow.generation_id, VerdictRow.score).where(VerdictRow.status == "error"))
    assert (quarantined.items, lost.score) == ([lost.generation_id], None)
    assert "its worker was lost during attempt 3" in quarantined.error
    assert "TAMIS" not in quarantined.error
    assert check_store(place.engine) == []
    again = place.verify(poison)
    assert (again.planned, again.exit_code) == (0, 0), "it has its verdict: ours failed"
    assert place.verify(poison, made).exit_code == 3, "and is still listed where it was given up"
    monkeypatch.setenv("TAMIS_TEST_MENDED", "1")
    mended = place.verify(poison, made, retry_status=["error"], max_bad=0)
    assert (mended.planned, mended.exit_code) == (1, 0)
    assert mended.statuses["poison"] == {"correct": 4, "incorrect": 11}
    assert place.verify(poison, made).exit_code == 0


@pytest.mark.slow
def test_what_failed_is_scored_again_in_its_place(
    place: Place, poison: VerifyRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = answers(tmp_path / "made.jsonl", "4", "FLAKY", "5", "FLAKY")
    first = place.verify(poison, made)
    assert first.statuses["poison"] == {"correct": 1, "error": 2, "incorrect": 1}
    assert first.exit_code == 0
    with pytest.raises(UserError, match="no verdict has status 'eror'"):
        place.verify(poison, made, retry_status=["eror"])
    monkeypatch.setenv("TAMIS_TEST_MENDED", "1")
    assert place.verify(poison, made).planned == 0
    second = place.verify(poison, made, retry_status=["error"])
    assert second.planned == 2
    assert second.statuses["poison"] == {"correct": 1, "incorrect": 3}
    assert len({row.artifact_id for row in place.rows(sa.select(VerdictRow.artifact_id))}) == 2
    assert check_store(place.engine) == []
    # The older file holds other scores for the same keys: they must not come back.
    before = verdicts(place.engine)
    with place.engine.begin() as connection:
        connection.execute(sa.delete(VerdictRow))
    assert {finding.kind for finding in check_store(place.engine, repair=True)} == {"rows_missing"}
    assert verdicts(place.engine) == before


def test_too_many_quarantined_end_the_work(place: Place, poison: VerifyRecipe, tmp_path: Path) -> None:
    with pytest.raises(ResumableError, match="1 items of verify are quarantined, more than the 0 allowed"):
        place.verify(poison, answers(tmp_path / "made.jsonl", "POISON"), max_bad=0)


def test_golds_go_where_the_verifier_wants_them() -> None:
    subject = Subject("g", "text", {"answer": ["4", "four"], "tests": 1}, "zh")
    assert subject.gold_for("answer") == ["4", "four"]
    assert subject.gold_for("language") == "zh"
    assert subject.gold_for(None) is None
    assert Subject("g", "text", None, None).gold_for("answer") is None
    assert Subject("g", "text", {"tokens": 9}, "zh", tokens=7).gold_for("tokens") == 7


def test_the_samplers_number_of_tokens_reaches_the_verifier(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    rows = [{"prompt": "2+2?", "completion": f"It is {n}.", "tokens": n} for n in (16_384, 18_432, 20_480)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = place.verify(recipe(["length"]), ImportSource(path, "made"))
    assert result.statuses == {"length": {"correct": 1, "incorrect": 1, "partial": 1}}
    assert result.mean_scores["length"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("gold", "language", "messages", "target"),
    [
        ({"target_language": "ko"}, "zh", [("user", "Answer in French.")], "ko"),
        ({"language": "go"}, "zh", [("user", "Answer in French.")], "zh"),
        ({"answer": "4"}, "zh", [("user", "Answer in French.")], "zh"),
        (None, None, [("user", "What is a ring? Answer in French.")], "fr"),
        (None, None, [("system", "Always reply in German."), ("user", "What is a ring?")], "de"),
        (None, None, [("user", "Answer in French."), ("assistant", "Oui."), ("user", "¿Qué es un anillo?")], "es"),
        (None, None, [("tool", "Что такое кольцо?")], "ru"),
        (None, None, [("user", "$1 + 1$")], "und"),
        (None, None, [], "und"),
        (None, None, None, None),
    ],
)
def test_the_language_is_the_golds_or_the_prompts_or_found_by_rule(
    gold: Any, language: str | None, messages: Any, target: str | None
) -> None:
    said = None if messages is None else json.dumps([{"role": role, "content": text} for role, text in messages])
    assert Subject("g", "text", gold, language, said).gold_for("language") == target


def test_a_missing_gold_is_ours(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    path.write_text(json.dumps({"prompt": "2+2?", "completion": "\\boxed{4}"}) + "\n")
    result = place.verify(recipe(["math", "mixing"]), ImportSource(path, "made"))
    assert result.statuses == {"math": {"bad_gold": 1}, "mixing": {"bad_gold": 1}}
    assert result.mean_scores == {"math": None, "mixing": None}


def test_a_prompt_without_a_language_is_answered_in_the_one_that_it_asks_for(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    answers = ("Ein Ring ist eine algebraische Struktur.", "环是一种代数结构。", "环是一种代数结构。")
    prompts = ("Was ist ein Ring?", "What is a ring? 请用中文回答。", "What is a ring?")
    rows = [{"prompt": prompt, "completion": text} for prompt, text in zip(prompts, answers, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = place.verify(recipe(["mixing"]), ImportSource(path, "made"))
    assert result.statuses == {"mixing": {"correct": 2, "incorrect": 1}}


def test_math_in_worker_processes_agrees_with_labels(place: Place, reference_data: Any) -> None:
    """800 samples by a model, with the labels that were published beside them; one label is known to be wrong."""
    made = ImportSource(
        reference_data("math_multisample_qwen") / "math_cot_100.jsonl.gz",
        "qwen",
        columns={"prompt": "question", "generation": "code", "gold": "gt"},
    )
    result = place.verify(recipe(["math"]).model_copy(update={"shard_generations": 40}), made)
    assert sum(result.statuses["math"].values()) == 800
    assert result.statuses["math"].get("error", 0) == 0
    assert check_store(place.engine) == []


@pytest.mark.parametrize("verifier", [{"name": "mth"}, {"name": "format", "settings": {"stile": "r1"}}])
def test_an_unknown_verifier_or_setting_is_refused_before_work(
    place: Place, verifier: dict[str, Any], tmp_path: Path
) -> None:
    rubric = VerifyRecipe.model_validate({"verifiers": [verifier]})
    with pytest.raises(UserError):
        place.verify(rubric, answers(tmp_path / "made.jsonl", "4"))
    assert count_generations(place.engine) == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://:pa55@127.0.0.1:1/0", r"broker redis://:\*\*@127.0.0.1:1/0: no answer"),
        ("carrier-pigeon://loft", "not a URL of"),
    ],
)
def test_a_broker_that_does_not_answer_is_refused(place: Place, tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        place.verify(recipe(["format"]), answers(tmp_path / "made.jsonl", "4"), broker_url=url)


def test_a_worker_of_another_version_does_not_score(place: Place, tmp_path: Path) -> None:
    import_rows(place.engine, place.out, [answers(tmp_path / "made.jsonl", "4")])
    ids = [row.id for row in place.rows(sa.select(Generation.id))]
    claim = scoring.Claim(
        1, 1, 0, "verify", "run", str(place.out), {"verifiers": [{"name": "format", "settings": {}}]},
        {"items": ids, "verifiers": [["format", 99, "0" * 16]], "replace": False}, 1, "w",
    )  # fmt: skip
    with pytest.raises(scoring.WorkerMismatchError, match="the plan wants version 99"):
        scoring.perform(place.engine, claim)


class TestRepair:
    """Each kind of damage to store or files is found, repaired from Parquet or done again, and then nothing is found."""

    @pytest.fixture
    def verified(self, place: Place, tmp_path: Path) -> tuple[Place, ImportSource, list[Any]]:
        made = source(write_generations(tmp_path / "made.jsonl.gz", prompts=8, samples=4))
        place.verify(recipe(["format"]), made)
        return place, made, verdicts(place.engine)

    def heal(self, place: Place, kinds: set[str]) -> None:
        found = check_store(place.engine)
        assert {finding.kind for finding in found} == kinds
        assert not any(finding.repaired for finding in found)
        assert all(finding.repaired for finding in check_store(place.engine, repair=True))

    def execute(self, place: Place, statement: Any) -> None:
        with place.engine.begin() as connection:
            connection.execute(statement)

    def test_rows(self, verified: tuple[Place, ImportSource, list[Any]]) -> None:
        place, _, before = verified
        self.execute(place, sa.update(VerdictRow).where(VerdictRow.row == 1).values(score=0.5, status="partial"))
        self.execute(place, sa.delete(VerdictRow).where(VerdictRow.row == 2))
        self.execute(place, sa.update(VerdictRow).where(VerdictRow.row == 3).values(row=0))
        self.heal(place, {"rows_missing", "rows_differ"})
        assert check_store(place.engine) == []
        assert verdicts(place.engine) == before

    def test_pointers_into_other_files(self, verified: tuple[Place, ImportSource, list[Any]]) -> None:
        place, _, before = verified
        ids = [
            row.id
            for row in place.rows(sa.select(Artifact.id).where(Artifact.kind == "verdicts").order_by(Artifact.id))
        ]
        self.execute(place, sa.update(VerdictRow).where(VerdictRow.artifact_id == ids[0]).values(artifact_id=ids[1]))
        generation, prompt = place.rows(sa.select(Generation.id, Generation.prompt_id))[0]
        row = {"sample_index": 99, "model": "m", "sampling_hash": "0", "row": 0, "prompt_id": prompt}
        (file,) = place.rows(sa.select(Generation.artifact_id).where(Generation.id == generation))
        self.execute(place, sa.insert(Generation).values(id="nowhere", artifact_id=file.artifact_id, **row))
        self.heal(place, {"rows_missing", "rows_without_file_row"})
        assert check_store(place.engine) == []
        assert verdicts(place.engine) == before

    def test_a_lost_and_a_changed_verdict_file(self, verified: tuple[Place, ImportSource, list[Any]]) -> None:
        place, made, before = verified
        first, second = place.rows(sa.select(Artifact.path).where(Artifact.kind == "verdicts").order_by(Artifact.id))
        (place.out / first.path).unlink()
        with (place.out / second.path).open("r+b") as file:
            file.seek(40)
            file.write(b"\0\0\0\0")
        self.heal(place, {"file_missing", "file_changed"})
        assert check_store(place.engine) == []
        place.verify(recipe(["format"]), made)
        assert verdicts(place.engine) == before
        assert check_store(place.engine) == []

    def test_a_lost_file_of_generations(self, verified: tuple[Place, ImportSource, list[Any]]) -> None:
        place, made, before = verified
        (file,) = place.rows(sa.select(Artifact.path).where(Artifact.kind == "generations"))
        (place.out / file.path).unlink()
        self.heal(place, {"file_missing"})
        assert check_store(place.engine) == [], "verdicts on texts that are gone do not come back"
        assert count_generations(place.engine) == 0
        place.verify(recipe(["format"]), made)
        assert verdicts(place.engine) == before
        assert check_store(place.engine) == []

    def test_a_folder_that_is_away_is_left_alone(
        self, verified: tuple[Place, ImportSource, list[Any]], tmp_path: Path
    ) -> None:
        place, _, _ = verified
        (place.out / "verdicts").rename(tmp_path / "verdicts")
        self.execute(place, sa.text(f"UPDATE runs SET out = '{tmp_path}/away'"))
        (finding,) = check_store(place.engine, repair=True)
        assert (finding.kind, finding.repaired) == ("folder_missing", False)
        assert len(place.rows(sa.select(VerdictRow.row))) == 32

    def test_a_folder_that_was_moved_with_its_store(
        self, verified: tuple[Place, ImportSource, list[Any]], tmp_path: Path
    ) -> None:
        place, _, _ = verified
        place.engine.dispose()
        place.out.rename(tmp_path / "moved")
        moved = Place(tmp_path, "moved")
        result = moved.verify(recipe(["format", "mixing"]))
        assert (result.planned, result.exit_code) == (32, 0)

    def test_shards_without_files_and_wrong_counts(self, verified: tuple[Place, ImportSource, list[Any]]) -> None:
        place, made, before = verified
        self.execute(place, sa.delete(Artifact).where(Artifact.kind == "verdicts"))
        self.execute(place, sa.text("UPDATE stages SET num_shards = 7 WHERE kind = 'verify'"))
        self.heal(place, {"shard_without_file", "shard_count", "orphan_file"})
        place.verify(recipe(["format"]), made)
        assert verdicts(place.engine) == before
        assert check_store(place.engine) == []


def test_no_secret_in_store_files_or_log(tmp_path: Path, postgresql_url: str) -> None:
    secret = "s3cr3t-pa55"
    url = sa.engine.make_url(postgresql_url).set(password=secret).render_as_string(hide_password=False)
    assert secret in url
    out = tmp_path / "out"
    path = write_generations(tmp_path / "made.jsonl.gz", prompts=4, samples=4)
    verify(url, out, [source(path)], recipe(["format"]), concurrency=1)
    for file in out.rglob("*"):
        assert file.is_dir() or secret.encode() not in file.read_bytes(), file
    with reading(open_store(url)) as connection:
        for table in Prompt.metadata.sorted_tables:
            assert secret not in repr(connection.execute(sa.select(table)).all())


def test_statuses_are_counted_over_the_scope(place: Place, tmp_path: Path) -> None:
    result = place.verify(
        recipe(["format", "mixing"]), source(write_generations(tmp_path / "g.jsonl.gz", prompts=8, samples=8))
    )
    counted: dict[str, Counter[str]] = {}
    for row in verdicts(place.engine):
        counted.setdefault(str(row[1]), Counter())[str(row[5])] += 1
    assert result.statuses == {name: dict(counts) for name, counts in counted.items()}
    assert 0.0 < (result.mean_scores["format"] or 0.0) < 1.0
