"""The report's table of evaluation sets, and the passages that it shows, from files of the contracts."""

import pyarrow as pa
import pytest

from schemas.arrow import extended
from schemas.files import write_part
from service.report import contamination
from service.report.contamination import benchmark_facts
from service.report.facts import Sampled
from service.report.twins import Documents

QUESTION = "How many eggs does <b>Janet</b> sell at the \u202e market each day?"


def write(folder, kind, rows):
    table = pa.Table.from_pylist(rows, schema=extended("rejects" if kind == "rejects" else kind, []))
    part = write_part(folder / kind, "part-00000", table)
    return f"{kind}/{part.name}"


@pytest.fixture
def run(tmp_path):
    ids = [f"{number:032x}" for number in range(5)]
    texts = [f"Page {number}. {'so ' * 300}{QUESTION} {'on ' * 300}" for number in range(4)] + ["changed since"]
    rejects = [
        {"id": number, "text": text, "source": "web", "meta": "{}", "step": "decontaminate", "reasons": ["contaminated_gsm8k"]}
        for number, text in zip(ids, texts, strict=True)
    ]  # fmt: skip
    file = write(tmp_path, "rejects", rejects)
    write(tmp_path, "index", [{"id": i, "outcome": "decontaminate", "file": file, "row": n} for n, i in enumerate(ids)])

    def row(document, benchmark, item, words, passage=QUESTION):
        start = texts[document].find(passage)
        return {
            "id": ids[document], "step": "decontaminate", "benchmark": benchmark, "item": item, "start": start,
            "end": start + len(passage), "words": words, "text": passage,
        }  # fmt: skip

    write(
        tmp_path,
        "contamination",
        [
            *(row(number, "gsm8k", "7", 12) for number in range(4)),
            row(0, "gsm8k", "8", 5, "Janet"),
            row(4, "math", "</script>", 30),
        ],
    )
    return tmp_path, ids


def facts_of(folder):
    index = Documents(folder, list((folder / "index").iterdir()))
    return benchmark_facts(list((folder / "contamination").iterdir()), index)


def test_sets_are_counted_by_documents_items_and_passages(run):
    facts, sampled = facts_of(run[0])
    counted = [(fact.benchmark, fact.documents, fact.items, fact.passages, fact.words) for fact in facts]
    assert counted == [("gsm8k", 4, 2, 5, 12), ("math", 1, 1, 1, 30)]
    assert sampled == Sampled(6, 6)


def test_examples_are_of_different_items_with_the_passage_marked(run):
    folder, ids = run
    gsm8k, math = facts_of(folder)[0]
    assert [(shown.item, shown.id, shown.words) for shown in gsm8k.examples] == [("7", ids[0], 12), ("8", ids[0], 5)]
    assert "so so" in gsm8k.examples[0].text
    assert "<mark" in gsm8k.examples[0].text
    assert "&lt;b&gt;Janet" in gsm8k.examples[0].text
    assert "\u202e" not in gsm8k.examples[0].text
    assert len(gsm8k.examples[0].text) < 8 * contamination.MAX_SHOWN
    # Where the text has changed since, the passage is shown as the evidence has it.
    assert "changed" not in math.examples[0].text
    assert "Janet" in math.examples[0].text


def test_sets_and_examples_are_bounded(run, monkeypatch):
    monkeypatch.setattr(contamination, "MAX_BENCHMARKS", 1)
    monkeypatch.setattr(contamination, "MAX_EXAMPLES", 1)
    facts, _ = facts_of(run[0])
    assert [(fact.benchmark, len(fact.examples)) for fact in facts] == [("gsm8k", 1)]


def test_without_evidence_there_is_no_section(tmp_path):
    assert benchmark_facts([], Documents(tmp_path, [])) == ([], Sampled())
