"""The audit as a command: what it reads, quarantines, resumes and refuses, and that what it says of known texts is true."""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rewards import get_verifier
from schemas.arrow import QUARANTINE
from schemas.errors import ResumableError, UserError
from service.audit import measure as measuring
from service.audit import rows as row_reading
from service.audit import run as audit_run
from service.audit.cells import MEASURES
from service.audit.measure import measure
from service.audit.measurers import KILLED, measurers
from service.audit.model import MAX_SPANS, SAMPLES, Generation, Settings
from service.audit.rows import count_rows
from service.commands.audit import AuditRequest, audit

ROOT = Path(__file__).resolve().parents[2]
ZH = "我们先把两边同时减去三，然后再除以二，得到答案是七。因此这个方程的解就是七，检查一下也是对的。"
MIXED = ZH + "Поэтому ответ равен семи, и мы закончили решение. " + ZH
EN = "First we subtract three from both sides and then divide by two, so that the answer is seven. "
THOUGHT = f"<think>{MIXED}</think>{ZH}"


def settings(**fields):
    defaults = {
        "threshold": 0.95, "mode": "strict", "language": None, "preset": "auto", "columns": {}, "lid_model": None,
        "words": None, "worst": 50, "limit": None,
    }  # fmt: skip
    return Settings(**{**defaults, **fields})


def request(*paths, **fields):
    defaults = {
        "prompts": None, "preset": None, "columns": (), "language": None, "threshold": 0.95, "mode": "strict", "lid_model": None,
        "words": None, "worst": 50, "limit": None, "max_bad": None,
    }  # fmt: skip
    return AuditRequest(tuple(paths), **{**defaults, **fields})


def run(wanted, out, *, workers=1, fresh=False, dry_run=False):
    return audit(wanted, out, workers, fresh=fresh, dry_run=dry_run, as_json=True)


def generation(text, name="g", language="zh", prompt=""):
    return Generation(name, name, "m", None, "", "", "", language, False, prompt, text, f"f:{name}", f"f#{name}")


def write(path, rows):
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
    )
    return path


@pytest.fixture
def generations(tmp_path):
    """Two models at two steps, three samples of each of four prompts; two lines that are none."""
    texts = [ZH, MIXED, EN, THOUGHT]
    rows = [
        {"prompt_id": f"p{p}", "completion": texts[(p + s) % 4], "model": model, "step": step, "language": "zh-CN", "domain": "math",
         "finish_reason": "stop" if s else "length", "sample_index": s}
        for model in ("alpha", "beta") for step in (100, 200) for p in range(4) for s in range(3)
    ]  # fmt: skip
    return write(tmp_path / "gens.jsonl", [*rows[:10], "not json", *rows[10:], {"prompt_id": "p0", "completion": None}])


def samples_of(out):
    return pq.read_table(out / "samples.parquet")


def summary_of(out):
    return json.loads((out / "summary.json").read_text())


def test_a_row_a_generation_a_summary_and_a_page(generations, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(request(generations), out) == 3
    printed = json.loads(capsys.readouterr().out)
    table = samples_of(out)
    assert table.schema.equals(SAMPLES)
    assert table.num_rows == 48
    assert printed["generations"] == 48
    assert {path.name for path in out.iterdir()} == {
        "samples.parquet", "summary.json", "audit.html", "quarantine.parquet", "audit.json", "audit.lock",
    }  # fmt: skip
    rows = table.to_pylist()
    texts = [json.loads(line)["completion"] for line in generations.read_text().splitlines() if line.startswith("{")][
        :48
    ]
    for found, text in zip(rows, texts, strict=True):
        assert found["target"] == "zh"
        assert found["target_source"] == "given"
        assert found["characters"] == len(text)
        assert all(span["text"] == text[span["start"] : span["end"]] for span in found["spans"])
        expected = {ZH: "clean", MIXED: "off_script", THOUGHT: "off_script", EN: "other_language"}[text]
        assert found["kind"] == expected
        assert (found["thinking_deciles"] is not None) == (text == THOUGHT)
        if text == THOUGHT:
            assert {span["part"] for span in found["spans"]} == {"thinking"}
            assert found["answer_deciles"] == [0] * 10
            assert found["answer_words"] == found["answer_target_words"]
            assert found["thinking_words"] > found["thinking_target_words"]
    quarantine = pq.read_table(out / "quarantine.parquet")
    assert quarantine.schema.names == QUARANTINE.names
    assert quarantine["locator"].to_pylist() == ["gens.jsonl:11", "gens.jsonl:50"]
    summary = summary_of(out)
    assert (summary["rows"], summary["bad_rows"], summary["generations"]) == (50, 2, 48)
    assert [group["step"] for group in summary["by"]["step"]] == ["100", "200"]
    assert {group["finish_reason"] for group in summary["by"]["finish_reason"]} == {"stop", "length"}
    assert summary["all"]["reported"]["value"] == 0.75
    assert summary["all"]["prompts_about"] == 4
    assert summary["all"]["lpr"]["value"] is None
    assert {"source": "zh", "target": "ru"} in [{k: e[k] for k in ("source", "target")} for e in summary["transitions"]]
    assert "--lid-model" in (out / "audit.html").read_text()


def test_the_score_is_that_of_the_mixing_verifier():
    batch = measure([generation(text) for text in (ZH, MIXED, EN, THOUGHT)], settings()).batch
    verify = get_verifier("mixing")
    for text, ratio in zip((ZH, MIXED, EN, THOUGHT), batch["strict_ratio"].to_pylist(), strict=True):
        assert verify(text, "zh").score == pytest.approx(ratio)


def test_a_generation_of_thousands_of_spans_lists_the_first():
    found = measure([generation("你好 привет мир " * 500)], settings()).batch.to_pylist()[0]
    assert found["num_spans"] > MAX_SPANS == len(found["spans"])


def test_the_target_is_given_asked_for_or_the_text_s_own():
    rows = [
        generation(ZH, "a", "zh"),
        generation(ZH, "b", None, "Solve it. Answer in French."),
        generation(ZH, "c", None),
        generation(ZH, "d", "und", "解方程 2x+3=17，写出全部过程。"),
        generation(ZH, "e", "Chinese"),
    ]
    measured = measure(rows, settings())
    found = [(row["id"], row["target"], row["target_source"]) for row in measured.batch.to_pylist()]
    assert found == [("a", "zh", "given"), ("b", "fr", "prompt"), ("c", "zh", "text"), ("d", "zh", "prompt")]
    (fault,) = measured.faults
    assert fault[0] == 4
    assert "Chinese" in fault[1]


def test_a_fault_of_ours_is_told_from_the_row_s(monkeypatch, caplog, tmp_path, capsys):
    def broken(texts, targets):
        if any("beta" in text for text in texts):
            raise KeyError("a table has a hole\nand more")
        return real(texts, targets)

    real = measuring.consistency_batch
    monkeypatch.setattr(measuring, "consistency_batch", broken)
    rows = [{"completion": text, "language": "zh"} for text in ("beta", ZH, "beta " + ZH)]
    assert run(request(write(tmp_path / "g.jsonl", rows)), tmp_path / "out") == 3
    assert samples_of(tmp_path / "out")["locator"].to_pylist() == ["g.jsonl:2"]
    errors = pq.read_table(tmp_path / "out" / "quarantine.parquet")["error"].to_pylist()
    assert errors == ["KeyError: 'a table has a hole\\nand more'"] * 2
    assert "2 of 3 rows are bad; the first: g.jsonl:1: KeyError" in caplog.text
    capsys.readouterr()


def test_prompts_of_another_file_give_language_domain_and_text(tmp_path, capsys):
    rows = [{"prompt_id": n, "outputs": [{"text": ZH, "finish_reason": "stop"}, {"text": MIXED}]} for n in range(3)]
    file = write(tmp_path / "model-a.jsonl", rows)
    prompts = write(
        tmp_path / "prompts.jsonl",
        [
            {"id": 0, "prompt": "Solve it.", "language": "zh", "domain": "algebra"},
            {"id": 1, "prompt": "Explain it. Answer in Russian."},
            "broken",
        ],
    )
    out = tmp_path / "out"
    assert run(request(file, prompts=prompts), out) == 0
    found = samples_of(out).to_pylist()
    assert [(row["target"], row["target_source"], row["domain"], row["sample_index"]) for row in found] == [
        ("zh", "given", "algebra", 0), ("zh", "given", "algebra", 1),
        ("ru", "prompt", "", 0), ("ru", "prompt", "", 1),
        ("zh", "text", "", 0), ("zh", "text", "", 1),
    ]  # fmt: skip
    assert {row["model"] for row in found} == {"model-a"}
    assert len({row["id"] for row in found}) == 6
    assert "Explain it. Answer in Russian." in (out / "audit.html").read_text()
    capsys.readouterr()
    with pytest.raises(UserError, match="no column prompt_id"):
        run(request(write(tmp_path / "g.jsonl", [{"completion": ZH}]), prompts=prompts), tmp_path / "other")


def test_our_own_parquet_and_messages_are_read(tmp_path, capsys):
    table = pa.table(
        {"id": ["x"], "prompt_id": ["p"], "sample_index": [3], "text": [MIXED], "model": ["m1"], "sampling": ["{}"],
         "finish_reason": ["length"], "tokens": [9]}
    )  # fmt: skip
    pq.write_table(table, tmp_path / "gens.parquet")
    talk = [{"role": "user", "content": "你好，请解方程。"}, {"role": "assistant", "content": EN}]
    write(tmp_path / "talk.jsonl", [{"messages": talk}])
    out = tmp_path / "out"
    assert run(request(tmp_path / "gens.parquet", tmp_path / "talk.jsonl", language="zh"), out) == 0
    one, other = samples_of(out).to_pylist()
    assert (one["id"], one["model"], one["sample_index"], one["finish_reason"]) == ("x", "m1", 3, "length")
    assert (other["id"], other["kind"], other["model"]) == ("talk.jsonl:1", "other_language", "talk")
    assert [count_rows(tmp_path / name) for name in ("gens.parquet", "talk.jsonl")] == [1, 1]
    capsys.readouterr()


def test_limit_takes_the_first_generations(generations, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(request(generations, limit=7), out) == 0
    assert samples_of(out).num_rows == 7
    capsys.readouterr()


def test_a_stopped_audit_goes_on_and_ends_the_same(generations, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(row_reading, "BLOCK_ROWS", 6)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(request(generations), whole) == 3
    with pytest.raises(ResumableError, match=r"1 bad rows, more than the 0 allowed; the first: gens\.jsonl:11"):
        run(request(generations, max_bad=0), out)
    kept = sorted(path.name for path in (out / "blocks").iterdir())
    assert len(kept) >= 2
    assert not (out / "samples.parquet").exists()
    assert not list(out.glob(".tmp-*"))
    measured = []
    real = audit_run.Measurers.submit
    monkeypatch.setattr(
        audit_run.Measurers, "submit", lambda pool, rows: measured.append(len(rows)) or real(pool, rows)
    )
    assert run(request(generations), out) == 3
    assert sum(measured) == 48 - 6 * len(kept) + 1  # a bad row takes a place in its block
    assert not (out / "blocks").exists()
    for name in ("samples.parquet", "quarantine.parquet", "summary.json", "audit.html"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    measured.clear()
    assert run(request(generations), out) == 3
    assert not measured
    capsys.readouterr()


def test_another_audit_in_the_same_folder_is_refused_by_what_differs(generations, tmp_path, capsys):
    out = tmp_path / "out"
    run(request(generations, limit=3), out)
    with pytest.raises(
        UserError, match=r"other settings: threshold was 0\.95, is 0\.9; give another --out, or --fresh"
    ):
        run(request(generations, limit=3, threshold=0.9), out)
    write(generations, [{"completion": ZH}])
    with pytest.raises(UserError, match=r"other inputs: gens\.jsonl"):
        run(request(generations, limit=3), out)
    assert run(request(generations, limit=3), out, fresh=True) == 0
    assert samples_of(out).num_rows == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"threshold": 2.0}, "--threshold must be between 0 and 1, not 2"),
        ({"mode": "loose"}, "--mode must be one of strict, lenient"),
        ({"language": "Chinese"}, "--language"),
        ({"columns": ("text",)}, "OURS=THEIRS"),
        ({"columns": ("text=answer",)}, "no such field"),
        ({"columns": ("step=epoch",)}, "column 'epoch' for 'step' is missing"),
        ({"columns": ("generation=epoch",)}, "column 'epoch' for 'generation' is missing"),
        ({"words": Path("nowhere.txt")}, "--words nowhere.txt: no such file"),
        ({"lid_model": Path("nowhere.ftz")}, "--lid-model nowhere.ftz"),
        ({"prompts": Path("nowhere.jsonl")}, "nowhere.jsonl"),
    ],
)
def test_bad_settings_are_one_line_before_any_work(generations, tmp_path, fields, said):
    with pytest.raises(UserError, match=said) as refused:
        run(request(generations, **fields), tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_it_would_read_and_writes_nothing(generations, tmp_path, capsys):
    assert run(request(generations, columns=("domain=model",)), tmp_path / "out", dry_run=True) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["files"][0]["columns"]["generation"] == "completion"
    assert plan["files"][0]["columns"]["domain"] == "model"
    assert plan["files"][0]["columns"]["step"] == "step"
    assert not (tmp_path / "out").exists()


class Poison:
    """Kills the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (9,)


@pytest.mark.slow
def test_a_generation_that_kills_its_process_costs_itself_alone():
    rows = [generation(ZH, "a"), generation(MIXED, "b")._replace(prompt=Poison())]
    others = [generation(ZH, "c")]
    with measurers(2, settings()) as pool:
        pending = [(block, pool.submit(block)) for block in (rows, others)]
        first, second = (pool.collect(block, future) for block, future in pending)
    assert first.batch["id"].to_pylist() == ["a"]
    assert first.faults == [(1, KILLED)]
    assert second.batch["id"].to_pylist() == ["c"]


@pytest.mark.slow
def test_the_command_in_processes_gives_what_one_process_gives(generations, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    run(request(generations), one)
    capsys.readouterr()
    command = [
        sys.executable,
        "-m",
        "service.cli",
        "audit",
        str(generations),
        "--out",
        str(two),
        "--workers",
        "2",
        "--worst",
        "50",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 3, done.stderr
    assert "alpha" in done.stdout
    assert "quarantined: gens.jsonl:11: not JSON" in done.stderr
    assert "audit: 50 of 50 2 quarantined" in done.stderr
    for name in ("samples.parquet", "summary.json", "audit.html"):
        assert (two / name).read_bytes() == (one / name).read_bytes()


def test_the_example_of_the_page_ends_as_it_says(tmp_path, capsys):
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^```(?:\w+) (\S+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    (tmp_path / "generations.jsonl").write_text(files["generations.jsonl"], encoding="utf-8")
    assert run(request(tmp_path / "generations.jsonl"), tmp_path / "out") == 0
    expected = json.loads(files["outcome"])
    assert samples_of(tmp_path / "out").select(list(expected[0])).to_pylist() == expected
    for name in (*SAMPLES.names, *MEASURES, *summary_of(tmp_path / "out")):
        told = name in page or name.removeprefix("lenient_") in page
        assert told, f"docs/audit.md does not tell {name}"
    capsys.readouterr()


def outputs(name, tasks):
    """Rows of a model's outputs in the Language Confusion Benchmark."""
    folder = Path(os.environ.get("TAMIS_REFERENCE_DATA", ROOT.parent / "shared" / "data")) / "lcb_outputs"
    path = folder / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is missing: set TAMIS_REFERENCE_DATA")
    csv.field_size_limit(1 << 30)
    with gzip.open(path) as stream:
        rows = csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline=""))
        return [
            row for row in rows if (row["task"], row["source"]) in tasks and row["language"] in ("zh", "ar", "ru", "hi")
        ]


def test_what_the_benchmark_says_of_its_models_is_seen(tmp_path, capsys):
    """The paper's finding: Llama 3 answers in English whatever it is asked in; GPT-3.5 seldom does."""
    tasks = {("monolingual", "dolly_human_edited"), ("monolingual", "okapi")}
    rows = [row for name in ("llama-3-instruct", "gpt-3.5-turbo") for row in outputs(name, tasks)]
    out = tmp_path / "out"
    assert run(request(write(tmp_path / "lcb.jsonl", rows), columns=("domain=source",)), out) == 0
    models = {group["model"]: group for group in summary_of(out)["by"]["model"]}
    assert models["llama-3-instruct"]["other_language"]["low"] > 0.3
    assert models["gpt-3.5-turbo"]["other_language"]["high"] < 0.05
    samples = samples_of(out).to_pylist()
    lost = Counter(row["model"] for row in samples if row["kind"] == "other_language")
    assert lost["llama-3-instruct"] > 10 * max(1, lost["gpt-3.5-turbo"])
    capsys.readouterr()
