"""Others' files come in: each shape, each damage; the same file again changes nothing."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
import zstandard

from schemas.errors import ResumableError, UserError
from schemas.ids import generation_id, prompt_id
from schemas.store import open_store, reading, sqlite_url
from schemas.tables import Artifact, Generation, Prompt
from workers import blocks, row_files
from workers.check import check_store
from workers.imports import ImportSource, import_prompts, import_rows
from workers.lookup import Pointer, fetch


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    return open_store(sqlite_url(tmp_path / "tamis.db"))


def write(path: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def landed(engine: sa.Engine, out: Path) -> list[dict[str, Any]]:
    """Gives every generation with its prompt, from the files that the store points to."""
    query = sa.select(Generation.id, Artifact.path, Generation.row, Generation.prompt_id).join(
        Artifact, Artifact.id == Generation.artifact_id
    )
    prompt_query = sa.select(Prompt.id, Artifact.path, Prompt.row).join(Artifact, Artifact.id == Prompt.artifact_id)
    with reading(engine) as connection:
        rows = connection.execute(query).all()
        places = {key: Pointer(out / path, row) for key, path, row in connection.execute(prompt_query)}
    prompts = fetch(places, ["messages", "gold", "language", "domain", "source", "task"])
    texts = fetch(
        {row[0]: Pointer(out / row[1], row[2]) for row in rows},
        ["text", "sample_index", "model", "finish_reason", "tokens"],
    )
    found = [{**prompts[row[3]], **texts[row[0]], "id": row[0], "prompt_id": row[3]} for row in rows]
    for item in found:
        item["messages"] = json.loads(item["messages"])
        item["gold"] = json.loads(item["gold"]) if item["gold"] else None
    return sorted(found, key=lambda item: (item["prompt_id"], item["sample_index"]))


QUESTION = [{"role": "user", "content": "2+2?"}]

SHAPES = {
    "distilabel": {"instruction": "2+2?", "generations": ["4", "5"], "gold": "4"},
    "vllm": {
        "prompt": "2+2?",
        "outputs": [
            {"index": 0, "text": "4", "finish_reason": "stop", "token_ids": [1, 2]},
            {"index": 1, "text": "5", "finish_reason": "length", "token_ids": [3]},
        ],
        "answer": "4",
    },
    "openai": {
        "custom_id": "a",
        "body": {"messages": QUESTION},
        "response": {
            "body": {
                "model": "m",
                "choices": [
                    {"message": {"content": "4"}, "finish_reason": "stop"},
                    {"message": {"content": "5"}, "finish_reason": "stop"},
                ],
            }
        },
        "gold": 4,
    },
    "verl dump": {"input": "2+2?", "output": ["4", "5"], "gts": "4", "score": 1.0, "step": 7},
    "verl training": {
        "data_source": "openai/gsm8k",
        "prompt": QUESTION,
        "responses": ["4", "5"],
        "reward_model": {"style": "rule", "ground_truth": "4"},
    },
    "trl": {"prompt": "2+2?", "completion": ["4", "5"], "solution": "4"},
    "trl messages": {
        "prompt": QUESTION,
        "completion": [[{"role": "assistant", "content": "4"}], [{"role": "assistant", "content": "5"}]],
        "answer": "4",
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_told_by_itself(engine: sa.Engine, tmp_path: Path, shape: str) -> None:
    path = write(tmp_path / "rows.jsonl", SHAPES[shape])
    result = import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    rows = landed(engine, tmp_path)
    assert [(row["text"], row["sample_index"]) for row in rows] == [("4", 0), ("5", 1)]
    assert all(row["messages"] == QUESTION and row["gold"] == {"answer": "4"} for row in rows)
    assert result.exit_code == 0
    assert result.counts["generations"] == 2
    assert check_store(engine) == []


def test_what_a_row_says_is_kept(engine: sa.Engine, tmp_path: Path) -> None:
    import_rows(
        engine,
        tmp_path,
        [ImportSource(write(tmp_path / "rows.jsonl", SHAPES["vllm"]), "theirs", model="m", language="en")],
    )
    first, second = landed(engine, tmp_path)
    assert (first["finish_reason"], first["tokens"], second["finish_reason"], second["tokens"]) == (
        "stop",
        2,
        "length",
        1,
    )
    assert (first["model"], first["language"], first["source"], first["task"]) == ("m", "en", "theirs", "math")
    assert first["prompt_id"] == prompt_id("theirs", "math", QUESTION, {"answer": "4"})
    assert first["id"] == generation_id(first["prompt_id"], "m", {"import": "theirs"}, 0)


def test_a_row_that_says_no_task_has_that_of_its_gold(engine: sa.Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"gold": {"code": {"tests": ["assert f(1) == 1"]}}},
        {"gold": {"instructions": {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}}},
        {"gold": {"answer": "4"}},
        {"gold": "4"},
    ]
    path = write(tmp_path / "rows.jsonl", *({"prompt": str(n), "generation": "x", **row} for n, row in enumerate(rows)))
    import_rows(engine, tmp_path, [ImportSource(path, "theirs", task="choice")])
    found = {item["messages"][0]["content"]: item["task"] for item in landed(engine, tmp_path)}
    assert found == {"0": "code", "1": "instruction", "2": "choice", "3": "choice"}


def test_a_conversation_ends_in_its_generation(engine: sa.Engine, tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *QUESTION,
        {"role": "assistant", "content": [{"type": "text", "text": "4"}]},
    ]
    path = write(tmp_path / "rows.jsonl", {"messages": messages}, {"messages": QUESTION})
    result = import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    (row,) = landed(engine, tmp_path)
    assert (row["messages"], row["text"], row["gold"]) == (messages[:2], "4", None)
    assert result.bad == [("rows.jsonl:2", "'messages' does not end in a message of the assistant")]
    assert result.exit_code == 3


def test_prompts_alone(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(
        tmp_path / "rows.jsonl",
        {"messages": QUESTION},
        {"messages": [*QUESTION, {"role": "assistant", "content": "4"}]},
    )
    result = import_rows(engine, tmp_path, [ImportSource(path, "theirs", prompts_only=True)])
    assert (result.counts["prompts"], result.counts["generations"]) == (1, 0)


def test_columns_by_name_go_before_the_preset(engine: sa.Engine, tmp_path: Path) -> None:
    row = {"question": "2+2?", "code": ["4", "5"], "meta": {"gt": [4, "four"]}, "topic": "sums"}
    columns = {"prompt": "question", "generation": "code", "gold": "meta.gt", "domain": "topic"}
    import_rows(engine, tmp_path, [ImportSource(write(tmp_path / "rows.jsonl", row), "theirs", columns=columns)])
    first, _ = landed(engine, tmp_path)
    assert (first["gold"], first["domain"]) == ({"answer": ["4", "four"]}, "sums")


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_each_container_gives_the_same_ids(engine: sa.Engine, tmp_path: Path, suffix: str) -> None:
    rows = [{"prompt": f"{number}+1?", "completion": str(number), "answer": str(number + 1)} for number in range(50)]
    path = tmp_path / f"rows{suffix}"
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    match suffix:
        case ".jsonl":
            path.write_bytes(lines)
        case ".jsonl.gz":
            path.write_bytes(gzip.compress(lines))
        case ".jsonl.zst":
            path.write_bytes(zstandard.compress(lines))
        case _:
            pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    expected = {
        prompt_id("theirs", "math", [{"role": "user", "content": f"{n}+1?"}], {"answer": str(n + 1)}) for n in range(50)
    }
    assert {row["prompt_id"] for row in landed(engine, tmp_path)} == expected


def test_damage_costs_the_damaged_rows_alone(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_files, "MAX_LINE_BYTES", 1000)
    good = {"prompt": "2+2?", "completion": "4"}
    path = write(
        tmp_path / "rows.jsonl",
        good,
        b"{not json",
        b'"a string"',
        {"prompt": "2+2?", "completion": None},
        b"",
        b'{"prompt": "\\ud800 and \\u0000?", "completion": "a\\u0000b\\udfff"}',
        b'{"prompt": "' + b"x" * 2000 + b'"}',
        b"\xff\xfe",
        {"prompt": "", "completion": "4"},
        good,
    )
    result = import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    texts = sorted(row["text"] for row in landed(engine, tmp_path))
    assert texts == ["4", "4", "a\ufffdb\ufffd"]
    assert result.counts["replaced_characters"] == 4
    assert result.exit_code == 3
    reasons = dict(result.bad)
    assert set(reasons) == {f"rows.jsonl:{line}" for line in (2, 3, 4, 7, 8, 9)}
    assert "not JSON" in reasons["rows.jsonl:2"]
    assert "'completion' is null or missing" in reasons["rows.jsonl:4"]
    assert "2014 bytes" in reasons["rows.jsonl:7"]
    (file,) = (tmp_path / "quarantine").iterdir()
    quarantined = pq.read_table(file).to_pylist()
    assert {row["locator"] for row in quarantined} == set(reasons)
    line = next(row for row in quarantined if row["locator"] == "rows.jsonl:2")
    offset, length = (int(part) for part in line["pointer"].removeprefix("rows.jsonl@").split("+"))
    assert path.read_bytes()[offset : offset + length] == b"{not json"


def test_nul_and_surrogates_reach_postgresql_as_replacement_characters(postgresql_url: str, tmp_path: Path) -> None:
    row = b'{"prompt": "\\u0000?", "completion": "a\\u0000", "model": "m\\ud800", "domain": "d\\u0000"}'
    engine = open_store(postgresql_url)
    import_rows(engine, tmp_path, [ImportSource(write(tmp_path / "rows.jsonl", row), "theirs")])
    (found,) = landed(engine, tmp_path)
    assert (found["text"], found["model"], found["domain"]) == ("a\ufffd", "m\ufffd", "d\ufffd")
    assert check_store(engine) == []


def test_a_cut_gzip_gives_its_whole_rows(engine: sa.Engine, tmp_path: Path) -> None:
    lines = "".join(json.dumps({"prompt": f"{number} is?", "completion": "x" * 50}) + "\n" for number in range(5000))
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode())[:-2000])
    result = import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    assert 0 < result.counts["generations"] < 5000
    assert "cut" in result.bad[0][1]
    assert result.exit_code == 3


def test_what_is_missing_is_named_beside_what_is_there(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"prompt": "2+2?", "reply": "4"})
    with pytest.raises(UserError, match="no column holds the generation; the columns there are 'prompt', 'reply'"):
        import_rows(engine, tmp_path, [ImportSource(path, "theirs")])


def test_what_is_refused_before_work(engine: sa.Engine, tmp_path: Path) -> None:
    footer = tmp_path / "broken.parquet"
    footer.write_bytes(b"PAR1 nothing else PAR1")
    good = write(tmp_path / "rows.jsonl", {"question": "2+2?", "reply": "4"})
    cases = [
        (ImportSource(footer, "a"), "broken.parquet: not a readable Parquet file"),
        (ImportSource(good, "a"), "no column holds the generation; the columns there are 'question', 'reply'"),
        (ImportSource(good, "a", columns={"prompt": "question"}), "no column holds the generation"),
        (ImportSource(good, "a", columns={"prompt": "quest"}), "column 'quest' for 'prompt' is missing"),
        (ImportSource(good, "a", columns={"promt": "question"}), "'promt' is no field of ours"),
        (ImportSource(good, "a", preset="vlm"), "no preset is called 'vlm'"),
        (ImportSource(write(tmp_path / "empty.jsonl"), "a"), "holds no row"),
        (ImportSource(tmp_path / "no.jsonl", "a"), "no such file"),
    ]
    for source, message in cases:
        with pytest.raises(UserError, match=message):
            import_rows(engine, tmp_path, [source])
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Artifact)).scalar_one() == 0


def test_the_same_file_again_changes_nothing(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    rows = [{"prompt": f"{number % 10}?", "completion": f"{number}"} for number in range(40)]
    path = write(tmp_path / "rows.jsonl", *rows, b"{")
    first = import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    before = landed(engine, tmp_path)
    files = sorted(path.name for path in (tmp_path / "generations").iterdir())
    assert len(files) == 6
    assert {(row["prompt_id"], row["sample_index"]) for row in before} == {
        (row["prompt_id"], index) for row in before for index in range(4)
    }
    second = import_rows(engine, tmp_path, [ImportSource(path, "theirs")])
    assert landed(engine, tmp_path) == before
    assert sorted(path.name for path in (tmp_path / "generations").iterdir()) == files
    assert (first.counts["generations"], second.counts["generations"], second.counts["already_there"]) == (40, 0, 40)
    assert second.bad == first.bad
    assert check_store(engine) == []


def test_a_longer_file_adds_its_new_samples(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [{"prompt": "2+2?", "completion": str(number)} for number in range(16)]
    import_rows(engine, tmp_path, [ImportSource(write(tmp_path / "rows.jsonl", *rows[:4]), "theirs")])
    result = import_rows(engine, tmp_path, [ImportSource(write(tmp_path / "rows.jsonl", *rows), "theirs")])
    assert (result.counts["generations"], result.counts["already_there"]) == (12, 4)
    assert [row["text"] for row in landed(engine, tmp_path)] == [str(number) for number in range(16)]
    assert check_store(engine) == []


def test_another_text_for_a_landed_sample_is_refused_not_mixed(engine: sa.Engine, tmp_path: Path) -> None:
    import_rows(
        engine, tmp_path, [ImportSource(write(tmp_path / "a.jsonl", {"prompt": "2+2?", "completion": "4"}), "theirs")]
    )
    other = write(tmp_path / "b.jsonl", {"prompt": "2+2?", "completion": "5"})
    result = import_rows(engine, tmp_path, [ImportSource(other, "theirs")])
    assert [row["text"] for row in landed(engine, tmp_path)] == ["4"]
    assert result.bad[0][0] == "b.jsonl:1"
    assert "another text" in result.bad[0][1]


def test_a_sample_that_comes_twice_is_bad(engine: sa.Engine, tmp_path: Path) -> None:
    row = {"prompt": "2+2?", "completion": "4", "sample_index": 3}
    result = import_rows(engine, tmp_path, [ImportSource(write(tmp_path / "a.jsonl", row, row), "theirs")])
    assert result.bad == [("a.jsonl:2", "sample 3 of this prompt has come before")]


def test_too_many_bad_rows_stop_the_import(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"prompt": "2+2?", "completion": "4"}, b"{", b"{")
    with pytest.raises(ResumableError, match=r"2 bad rows, more than the 1 allowed; the first: rows.jsonl:2"):
        import_rows(engine, tmp_path, [ImportSource(path, "theirs")], max_bad=1)


def test_a_table_of_prompts(engine: sa.Engine, tmp_path: Path) -> None:
    import_rows(
        engine, tmp_path, [ImportSource(write(tmp_path / "a.jsonl", {"prompt": "2+2?", "completion": "4"}), "theirs")]
    )
    (file,) = (tmp_path / "prompts").iterdir()
    result = import_prompts(engine, tmp_path, pq.read_table(file), "again")
    assert (result.counts["prompts"], result.counts["already_there"]) == (0, 1)
    assert check_store(engine) == []
