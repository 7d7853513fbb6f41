"""The filter step: every failing reason of every document, measured once, the same in any batch."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_kit import batch_of, kept_ids, reasons_of, step_of, step_recipe, texts_of

from columnar import signals
from columnar.signals import SIGNALS
from curation.steps import filter as filter_module
from curation.steps.build import guarded_apply, readings_from_row
from schemas.arrow import REJECTS, check_contract

GOOD = "the cat and the dog have to be with that bird of prey " * 6
GOPHER = {"filter": {"rules": "gopher_quality"}}
CODER = {"filter": {"rules": "deepseek_coder"}}


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (GOOD, []),
        ("the cat and dog " * 12, ["too_few_words"]),  # 48 words
        ("the cat and dog " * 12 + "ran away", []),  # 50
        ("a b the of " * 20 + "c " * 60, ["words_too_short"]),
        ("the of " + "internationalisation " * 60, ["words_too_long"]),
        (GOOD + "#x " * 9, ["too_many_hashes"]),  # 9 of 81
        (GOOD + "#x " * 8, []),  # 8 of 80: not more than one in ten
        (GOOD + "so... " * 9 + "end", ["too_many_ellipses"]),
        ("- the cat and the bulldog\n" * 12, ["too_many_bullet_lines"]),
        ("- the cat and the bulldog\n" * 18 + "the end\n" * 2, []),  # exactly 0.9
        ("the long line of words goes on and on for a while here…\n" * 10, ["too_many_ellipsis_lines"]),
        (GOOD + "1234 " * 30, ["too_few_alphabetic_words"]),
        ("lorem ipsum dolor sit amet " * 12, ["too_few_stop_words"]),
        ("the lorem ipsum dolor sit " * 12, ["too_few_stop_words"]),
        ("The lorem ipsum dolor Of, " * 12, []),
        ("", ["too_few_words", "words_too_short", "too_few_alphabetic_words", "too_few_stop_words"]),
    ],
)
def test_gopher_quality_known_answers(text, reasons):
    output = step_of(**GOPHER).apply(texts_of(text))
    assert reasons_of(output).get("0", []) == reasons


HTML = "<html><body><p>{}</p></body></html>"


@pytest.mark.parametrize(
    ("path", "text", "reasons"),
    [
        ("a.py", "import os\nprint(os.name)\n", []),
        ("a.py", "x" * 1001 + "\n" + "y\n" * 50, ["longest_line_too_long"]),
        ("a.py", "x" * 1000 + "\n" + "y\n" * 50, []),
        ("a.py", ("x" * 101 + "\n") * 5, ["lines_too_long"]),
        ("a.py", ("x" * 100 + "\n") * 5, []),
        ("a.py", "0123456789+-*\n" * 20, ["too_few_letters"]),
        ("a.py", ("abc" + "1" * 9) * 5, []),  # exactly 25 %
        ("a.xml", '<?xml version="1.0"?>\n<letters>and some more letters</letters>', ["xml_declaration"]),
        ("a.xslt", '<?xml version="1.0"?>\n<letters>and some more letters</letters>', []),
        (None, '<?xml version="1.0"?>\n<letters>and some more letters</letters>', ["xml_declaration"]),
        ("a.html", HTML.format("visible words\n" * 10), []),
        ("a.html", HTML.format("visible words"), ["too_little_visible_text"]),
        (
            "a.html",
            HTML.format("visible words\n" * 10 + "\n<i class=abcdefghij></i>" * 60),
            ["too_small_visible_share"],
        ),
        ("a.py", HTML.format("visible words"), []),
        ("a.json", '{"a": "' + "b" * 20 + '"}', ["data_file_too_short"]),
        ("a.json", '{"a": "' + "b" * 41 + '"}', []),
        ("a.yaml", "key: value\n" * 455, ["data_file_too_long"]),
        ("a.yaml", "key: value\n" * 454, []),
        ("a.txt", "key: value\n" * 455, []),
        ("a.json", "1" * 1200, ["lines_too_long", "longest_line_too_long", "too_few_letters"]),
    ],
)
def test_deepseek_coder_known_answers(path, text, reasons):
    output = step_of(**CODER).apply(batch_of({"text": text, "path": path}))
    assert reasons_of(output).get("0", []) == reasons


def test_signals_stand_in_columns_of_kept_and_rejects():
    step = step_of(**CODER)
    output = step.apply(
        batch_of({"text": "ordinary text", "path": "a.txt"}, {"text": HTML.format("x"), "path": "a.html"})
    )
    names = [field.name for field in step.output_fields()]
    basic = [name for name, signal in SIGNALS.items() if signal.group == "basic"]
    assert names == [*basic, "visible_chars", "visible_char_share"]
    for batch in (output.kept, output.rejects):
        assert [field for field in batch.schema if field.name in names] == list(step.output_fields())
    kept, dropped = output.kept.to_pylist()[0], output.rejects.to_pylist()[0]
    assert (kept["chars"], kept["visible_chars"]) == (13, None)
    assert (dropped["visible_chars"], dropped["visible_char_share"]) == (1, 1 / len(HTML.format("x")))
    assert dropped["step"] == "deepseek_coder"
    assert output.rejects.schema.field("reasons") == REJECTS.field("reasons")
    assert output.rejects.schema.field("step") == REJECTS.field("step")


def test_thresholds_disabled_reasons_and_names_are_taken():
    step = step_of(
        name="short",
        filter={"rules": "gopher_quality", "thresholds": {"too_few_words": 5}, "disable": ["too_few_stop_words"]},
    )
    output = step.apply(texts_of("lorem ipsum dolor sit amet", "lorem ipsum"))
    assert reasons_of(output) == {"1": ["too_few_words"]}
    assert output.rejects.column("step").to_pylist() == ["short"]


def test_rows_of_other_sources_pass_with_nulls():
    batch = batch_of({"text": "x"}, {"text": "x", "source": "other"}, {"text": GOOD})
    output = step_of(sources=["s"], **GOPHER).apply(batch)
    assert kept_ids(output) == ["1", "2"]
    assert output.kept.column("words").to_pylist() == [None, len(GOOD.split())]
    assert set(reasons_of(output)) == {"0"}


def test_signals_are_measured_once(monkeypatch):
    measured = []

    def counting(texts: pa.LargeStringArray, groups: list[str]) -> pa.RecordBatch:
        measured.append(len(texts))
        return signals.measure(texts, groups)

    monkeypatch.setattr(filter_module, "measure", counting)
    batch = batch_of({"text": GOOD}, {"text": GOOD, "source": "other"}, {"text": GOOD})
    first = step_of(sources=["s"], **GOPHER).apply(batch)
    again = step_of(name="b", sources=["s"], **GOPHER).apply(first.kept)
    whole = step_of(name="c", **GOPHER).apply(again.kept)
    assert measured == [2, 1]
    assert whole.kept.column("words").to_pylist() == [len(GOOD.split())] * 3
    assert kept_ids(whole) == ["0", "1", "2"]


WORDS = st.sampled_from(["the", "and", "cat", "#", "...", "x1", "1", "internationalisation", "\n", "- ", "中文", "é"])
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.lists(WORDS, max_size=90).map(" ".join),
            "path": st.sampled_from([None, "a.py", "b.json", "c.html", "d.xsl"]),
            "source": st.sampled_from(["s", "t"]),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=DOCUMENTS, cut=st.integers(0, 12), sources=st.sampled_from([[], ["s"]]), kind=st.sampled_from([GOPHER, CODER])
)
def test_any_cut_gives_the_same_and_a_written_row_explains_itself(rows, cut, sources, kind):
    recipe = step_recipe(sources=sources, **kind)
    step = step_of(sources=sources, **kind)
    batch = batch_of(*rows)
    whole = step.apply(batch)
    parts = [step.apply(batch.slice(0, cut)), step.apply(batch.slice(cut))]
    assert kept_ids(whole) == [row for part in parts for row in kept_ids(part)]
    reasons = reasons_of(whole)
    assert reasons == {**reasons_of(parts[0]), **reasons_of(parts[1])}
    for output in (whole.kept, whole.rejects):
        for row in output.to_pylist() if output is not None else []:
            readings = readings_from_row(recipe, row)
            assert [reading.reason for reading in readings if reading.failed] == reasons.get(row["id"], [])
            if sources == [] or row["source"] == "s":
                assert readings == step.explain(row["text"], row["path"])
    if whole.rejects is not None:
        check_contract(
            whole.rejects.drop_columns(["html"])
            .schema.append(pa.field("language", pa.string()))
            .append(pa.field("language_score", pa.float32())),
            "rejects",
        )


def test_a_hostile_page_in_a_source_tree_ends():
    page = "<p " + " ".join(f"a{i}=1" for i in range(40_000)) + ">x"
    output = guarded_apply(
        step_of(**CODER), batch_of({"text": page, "path": "a.html"}, {"text": "fine", "path": "a.py"})
    )
    assert kept_ids(output) == ["1"]
    assert "attributes" in output.faults[0].error
